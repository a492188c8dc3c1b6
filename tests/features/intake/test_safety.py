"""An expression of a mapping is one value of one row, in whatever spelling it tries to be more."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlglot import parse_one

from penchant.config import Reading, read_config
from penchant.errors import ContractError
from penchant.features.intake.check import check
from penchant.features.intake.expressions import RawColumns, meaning
from penchant.features.intake.safety import is_volatile

COLUMNS = {"id": "VARCHAR", "amount": "VARCHAR", "at": "VARCHAR", "tags": "VARCHAR[]"}
RAW = RawColumns({name: name for name in COLUMNS}, COLUMNS, Reading())

HOSTILE = [
    "array(from read_csv('/etc/passwd'))[1]",
    "exists(from read_csv('/etc/passwd'))",
    "exists(select 1)",
    "(select max(amount) from raw)",
    "(from raw select 1)",
    "(table raw)",
    "(values (1))",
    "id in (select id from raw)",
    "amount > all (select 1)",
    "case when true then (select 1) end",
    "array(select 1)",
    "(with x as (select 1) select * from x)",
    "unnest([1, 2, 3])",
    "unnest(tags)",
    "explode(tags)",
    "row_number() over ()",
    "sum(amount) over (partition by id)",
    "lag(amount) over (order by at)",
    "sum(amount)",
    "count(*)",
    "max(amount)",
    "string_agg(id, ',')",
    "random()",
    "amount * random()",
    "uuid()",
    "gen_random_uuid()",
    "now()",
    "current_date",
    "current_timestamp",
    "today()",
    "nextval('s')",
    "setseed(0.5)",
    "getenv('HOME')",
    "getvariable('x')",
    "current_setting('home_directory')",
    "read_text('/etc/passwd')",
    "query('select 1')",
    "columns(*)",
    "*",
    "amount, id",
    "amount from raw",
    "amount where true",
    "distinct amount",
    "amount; drop table raw",
    "amount; select 1",
    "$1",
    "?",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_more_than_one_value_of_one_row_is_refused(text: str) -> None:
    with pytest.raises(ContractError, match=r"expression over its columns|a column of the source"):
        meaning(text, RAW, "here")


@pytest.mark.parametrize(
    "text",
    [
        "amount",
        "amount * 2",
        "case when id like 'C%' then null else amount end",
        "coalesce(nullif(id, ''), 'none')",
        "regexp_extract(id, '(\\d+)', 1)",
        "strptime(at, '%d.%m.%Y') + interval 1 hour",
        "date_trunc('day', at::timestamp)",
        "split_part(id, '-', 2)",
        "list_sum(list_transform(tags, x -> x::int))",
        "tags[1]",
        "greatest(amount, 0)",
        "md5(id)",
        "hash(id) % 7",
        "amount in (1, 2, 3)",
        "id in ('a', 'b') and amount between 1 and 2",
        "len(tags)",
        "concat_ws('-', id, at)",
        "replace(amount, ',', '.')::double",
        "try_cast(amount as decimal(18, 2))",
        "{'a': id}.a",
    ],
)
def test_what_is_one_value_of_one_row_is_taken(text: str) -> None:
    assert meaning(text, RAW, "here").sql


def test_a_hostile_expression_is_refused_in_words_when_a_shop_is_read(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("id,at,amount\na,2024-01-01,1\n")
    columns = {"customer_id": "id", "ordered_at": "at", "amount": "unnest([1, 2, 3])"}
    report = check(read_config({"tables": {"orders": {"path": "orders.csv", "columns": columns}}}), tmp_path)
    assert report.failed
    told = report.tables["orders"].refusals[0].detail
    assert "one value of one row" in told
    assert "several rows of one" in told


def test_a_query_that_varies_is_known_to() -> None:
    assert is_volatile(parse_one("select *, now() as at from 'a.csv'", dialect="duckdb"))
    assert is_volatile(parse_one("from 'a.csv' using sample 10", dialect="duckdb"))
    assert not is_volatile(parse_one("select lower(id), sum(amount) from 'a.csv' group by 1", dialect="duckdb"))
