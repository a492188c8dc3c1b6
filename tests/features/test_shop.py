"""A shop opened from files, from frames, and from the real data sets."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penchant.config import Config, load_config, read_config
from penchant.errors import ContractError, InputError
from penchant.features.contract import CONTRACT, IBIS_TYPES
from penchant.features.intake.accepted import AcceptedRows
from penchant.features.matrix import build
from penchant.features.shop import Shop, open_shop, shop_from_tables
from penchant.features.spine import Spine

ROOT = Path(__file__).resolve().parent.parent.parent
REAL = {
    "online_retail": ("online_retail_ii", {"orders": 791_044, "customers": 5_942}),
    "cdnow": ("cdnow", {"orders": 69_659}),
    "taobao": ("taobao_userbehavior_100k", {"interactions": 99_957, "orders": 2_101}),
    "complete_journey": (
        "complete_journey/r_package_2017",
        {"orders": 75_000, "items": 92_331, "customers": 801, "campaigns": 27, "assignments": 6_589},
    ),
    "hillstrom": ("hillstrom_email", {"assignments": 64_000, "orders": 578, "interactions": 9_394}),
}


def opened(folder: Path, tables: dict[str, Any], **sections: Any) -> Shop:
    return open_shop(read_config({"tables": tables, **sections}), folder)


def values(shop: Shop, table: str, column: str) -> list[Any]:
    frame = shop.tables[table].execute()
    return [None if pd.isna(value) else value for value in frame[column]]


@pytest.mark.parametrize("name", REAL)
def test_a_real_shop_opens_with_the_rows_that_its_source_is_known_for(name: str, shared_data: Path) -> None:
    folder, expected = REAL[name]
    with open_shop(load_config(ROOT / "examples" / f"{name}.toml"), shared_data / folder) as shop:
        for table, n_rows in expected.items():
            assert shop.tables[table].count().execute() == n_rows
        for table, rows in shop.tables.items():
            declared = {column.name: IBIS_TYPES[column.kind] for column in CONTRACT[table].columns}
            found = {column: str(kind) for column, kind in rows.schema().items() if column in declared}
            assert found == {column: declared[column] for column in found}


def test_online_retail_is_what_was_published_and_the_report_says_what_was_left_out(shared_data: Path) -> None:
    config = load_config(ROOT / "examples" / "online_retail.toml")
    with open_shop(config, shared_data / "online_retail_ii") as shop:
        orders = shop.tables["orders"]
        assert orders.customer_id.nunique().execute() == 5_878
        assert orders.order_id.nunique().execute() == 36_969
        assert shop.extract_end == datetime(2011, 12, 9, 12, 50)
        report = shop.report.tables["orders"]
        summer = orders.filter(orders.order_id == "557961").ordered_at.max().execute()
    assert (report.n_read, report.n_excluded) == (1_067_370, 25_696)
    assert report.excluded["cancellations"] == 10_206 + 9_288
    assert report.set_aside == {"null_id": 236_126, "negative_amount": 5, "overlapping_files": 14_504}
    found = {finding.rule: finding for finding in report.findings}
    assert found["overlapping_files"].detail == "from 2010-12-01 to 2010-12-09"
    assert report.warned["duplicate_row"] == 11_622
    assert summer == pd.Timestamp("2011-06-24 07:40")  # 08:40 in British summer time


def test_the_overlap_is_what_a_count_by_hand_gives(shared_data: Path) -> None:
    folder = shared_data / "online_retail_ii"
    where = "not starts_with(i, 'C') and p > 0 and c is not null"
    sql = f"""
        with a as (select Invoice i, StockCode s, Quantity q, InvoiceDate d, Price p, "Customer ID" c
                   from '{folder}/year_2009_2010.parquet'),
             b as (select InvoiceNo i, StockCode s, Quantity q, InvoiceDate d, UnitPrice p, CustomerID c
                   from '{folder}/year_2010_2011_v1.parquet'),
             x as (select i, s, q, d, q * p, c, count(*) n from a where {where} group by all),
             y as (select i, s, q, d, q * p, c, count(*) m from b where {where} group by all)
        select sum(least(n, m)) from x natural join y"""
    assert duckdb.connect().execute(sql).fetchone() == (14_504,)


ROW = st.tuples(st.sampled_from("ab"), st.integers(1, 4), st.integers(1, 2))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, min_size=1, max_size=8), st.lists(ROW, min_size=1, max_size=8))
def test_overlapping_files_leave_as_many_copies_as_one_of_them_has(
    tmp_path: Path, early: list[tuple[str, int, int]], late: list[tuple[str, int, int]]
) -> None:
    late = [*early, *late]  # the later file repeats the earlier one whole, and has rows of its own
    for name, rows in (("1.csv", early), ("2.csv", late)):
        lines = [f"{who},2020-01-{day:02},{amount}" for who, day, amount in rows]
        (tmp_path / name).write_text("\n".join(["customer_id,ordered_at,amount", *lines]) + "\n")
    found = Counter(early) | Counter(late)
    with opened(tmp_path, {"orders": {"path": "[12].csv"}}, rules={"mostly_set_aside": "ignore"}) as shop:
        frame = shop.tables["orders"].execute()
    rows = zip(frame["customer_id"], frame["ordered_at"].dt.day, frame["amount"] // 100, strict=True)
    assert Counter((who, int(day), int(amount)) for who, day, amount in rows) == found


def test_parts_of_one_export_may_hold_equal_rows(tmp_path: Path) -> None:
    for part in range(3):
        days = [f"c{day},2020-01-{day:02},{part}" for day in range(1, 20)] + ["twin,2020-01-05,9"]
        (tmp_path / f"part-{part}.csv").write_text("\n".join(["customer_id,ordered_at,amount", *days]))
    with opened(tmp_path, {"orders": {"path": "part-*.csv"}}) as shop:
        assert shop.tables["orders"].count().execute() == 60
        assert shop.report.tables["orders"].warned == {"duplicate_row": 2}


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 200_000).map(lambda halves: Decimal(halves) / 200), min_size=20, max_size=60))
def test_money_is_rounded_once_half_away_from_zero(tmp_path: Path, amounts: list[Decimal]) -> None:
    expected = [int((amount * 100).quantize(Decimal(1), ROUND_HALF_UP)) for amount in amounts]
    day = [datetime(2020, 1, 1)] * len(amounts)
    who = ["a"] * len(amounts)
    rows = {"customer_id": who, "ordered_at": day, "amount": [float(amount) for amount in amounts]}
    pq.write_table(pa.table(rows), tmp_path / "o.parquet")
    pd.DataFrame({**rows, "amount": [str(amount) for amount in amounts]}).to_csv(tmp_path / "o.csv", index=False)
    for path in ("o.parquet", "o.csv"):
        with opened(tmp_path, {"orders": {"path": path}}) as shop:
            assert values(shop, "orders", "amount") == expected


def test_other_currencies_and_minor_units(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("customer_id,ordered_at,amount,freight\na,2020-01-01,1234.5,7\n")
    with opened(tmp_path, {"orders": {"path": "o.csv"}}, shop={"currency": "JPY", "decimals": 0}) as shop:
        assert values(shop, "orders", "amount") == [1235]
    with opened(tmp_path, {"orders": {"path": "o.csv", "amounts_in": "minor"}}) as shop:
        assert (values(shop, "orders", "amount"), values(shop, "orders", "freight")) == ([1235], [7])


TIMES: dict[str, tuple[str, dict[str, Any], str]] = {
    "ISO": ("2020-07-01 10:00:00.25", {}, "2020-07-01 10:00:00.25"),
    "day": ("2020-07-01", {}, "2020-07-01"),
    "local": ("2020-07-01 10:00", {"timezone": "Europe/London"}, "2020-07-01 09:00"),
    "with zone": ("2020-07-01T10:00:00+08:00", {"timezone": "Europe/London"}, "2020-07-01 02:00"),
    "zulu": ("2020-07-01T10:00:00Z", {"timezone": "Europe/London"}, "2020-07-01 10:00"),
    "format": ("1.7.2020 10h", {"time_format": "%d.%m.%Y %Hh", "timezone": "Europe/London"}, "2020-07-01 09:00"),
    "formats": ("1.7.2020", {"time_format": ["%d.%m.%Y %Hh", "%d.%m.%Y"]}, "2020-07-01"),
    "seconds": ("1593597600", {"time_format": "epoch_s", "timezone": "Europe/London"}, "2020-07-01 10:00"),
    "milliseconds": ("1593597600250", {"time_format": "epoch_ms"}, "2020-07-01 10:00:00.25"),
    "microseconds": ("1593597600250001", {"time_format": "epoch_us"}, "2020-07-01 10:00:00.250001"),
    "workbook": ("44013.41667", {"time_format": "excel_days", "timezone": "Europe/London"}, "2020-07-01 09:00:00.288"),
    "offset after a blank": ("2020-07-01 10:00:00 +0800", {"timezone": "Europe/London"}, "2020-07-01 02:00"),
    "offset": ("20200701 1000 +0200", {"time_format": "%Y%m%d %H%M %z"}, "2020-07-01 08:00"),
    "twice": ("2020-10-25 01:30", {"timezone": "Europe/London"}, "2020-10-25 01:30"),
    "never": ("2020-03-29 01:30", {"timezone": "Europe/London"}, "2020-03-29 01:30"),
}


@pytest.mark.parametrize("name", TIMES)
def test_a_time_becomes_an_instant_in_utc(tmp_path: Path, name: str) -> None:
    text, section, expected = TIMES[name]
    (tmp_path / "o.csv").write_text(f"customer_id,ordered_at\na,{text}\n")
    with opened(tmp_path, {"orders": {"path": "o.csv", **section}}) as shop:
        assert values(shop, "orders", "ordered_at") == [pd.Timestamp(expected)]


@pytest.mark.parametrize(
    ("array", "section", "expected"),
    [
        (pa.array([datetime(2020, 7, 1, 10)], pa.timestamp("ns")), {}, "2020-07-01 10:00"),
        (
            pa.array([datetime(2020, 7, 1, 10)], pa.timestamp("ms", "UTC")),
            {"timezone": "Asia/Tokyo"},
            "2020-07-01 10:00",
        ),
        (pa.array([datetime(2020, 7, 1).date()]), {"timezone": "Asia/Tokyo"}, "2020-06-30 15:00"),
        (pa.array([20200701]), {"time_format": "%Y%m%d"}, "2020-07-01"),
        (pa.array([20200701.0]), {"time_format": "%Y%m%d"}, "2020-07-01"),
        (pa.array([1593597600]), {"time_format": "epoch_s"}, "2020-07-01 10:00"),
        (pa.array([1593597600_000_000_001]), {"time_format": "epoch_ns"}, "2020-07-01 10:00"),
        (pa.array([44013.5]), {"time_format": "excel_days"}, "2020-07-01 12:00"),
    ],
)
def test_typed_times_become_instants_too(
    tmp_path: Path, array: pa.Array, section: dict[str, Any], expected: str
) -> None:
    pq.write_table(pa.table({"customer_id": ["a"], "ordered_at": array}), tmp_path / "o.parquet")
    with opened(tmp_path, {"orders": {"path": "o.parquet", **section}}) as shop:
        assert values(shop, "orders", "ordered_at") == [pd.Timestamp(expected)]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([12345.0, float("nan")]), ["12345"]),
        (pa.array([7, None]), ["7"]),
        (pa.array(["007", " "]), ["007"]),
        (pa.array(["7.0", "8.0"]), ["7", "8"]),
        (pa.array(["7.0", "8.5"]), ["7", "8.5"]),
    ],
)
def test_ids_are_text(tmp_path: Path, array: pa.Array, expected: list[str]) -> None:
    pq.write_table(pa.table({"customer_id": array, "ordered_at": [datetime(2020, 1, 1)] * 2}), tmp_path / "o.parquet")
    with opened(tmp_path, {"orders": {"path": "o.parquet"}}) as shop:
        assert values(shop, "orders", "customer_id") == expected


def test_any_file_serves_and_several_make_one_table(tmp_path: Path) -> None:
    rows = pd.DataFrame({"who": ["a", "b"], "when": ["2020-01-01", "2020-01-02"]})
    rows.to_csv(tmp_path / "1.csv", index=False)
    rows.to_csv(tmp_path / "2.tsv.gz", index=False, sep="\t")
    rows.to_parquet(tmp_path / "3.parquet")
    rows.to_json(tmp_path / "4.jsonl", orient="records", lines=True)
    engine = duckdb.connect(str(tmp_path / "5.duckdb"))
    engine.execute(
        "create table t as select * from (values ('a', '2020-01-01'), ('b', '2020-01-02')) as v(who, \"when\")"
    )
    engine.close()
    with closing(sqlite3.connect(tmp_path / "6.sqlite")) as other:
        rows.to_sql("t", other, index=False)
    (tmp_path / "7.csv").write_text("b,2020-01-02\n")
    sources = [
        {"path": "1.csv"},
        {"path": "2.tsv.gz"},
        {"path": "3.parquet"},
        {"path": "4.jsonl"},
        {"path": "5.duckdb"},
        {"address": f"sqlite://{tmp_path}/6.sqlite", "table": "t"},
        {"path": "7.csv", "header": False, "names": ["who", "when"]},
        {"query": 'select who, max("when") as "when" from \'[13].*\' group by who having count(*) > 1'},
    ]
    section = {"columns": {"customer_id": "who", "ordered_at": "when"}, "sources": sources}
    with opened(tmp_path, {"orders": section}, rules={"overlapping_files": "warn"}) as shop:
        found = Counter(values(shop, "orders", "customer_id"))
        assert next(iter(shop.report.tables["orders"].files)) == "1.csv"
    assert found == {"a": 7, "b": 8}


def test_payments_are_orders_of_a_shop_that_has_no_others(tmp_path: Path) -> None:
    (tmp_path / "i.csv").write_text("u,t,k,item_id\na,100,1,x\na,200,4,x\nb,300,4,y\n")
    section = {
        "path": "i.csv",
        "time_format": "epoch_s",
        "columns": {"customer_id": "u", "occurred_at": "t", "kind": "k"},
        "codes": {"kind": {"1": "view", "4": "pay"}},
    }
    with opened(tmp_path, {"interactions": section}) as shop:
        assert shop.tables["orders"].columns == ("customer_id", "ordered_at", "item_id")
        assert values(shop, "orders", "customer_id") == ["a", "b"]
        assert not shop.has("orders", "amount")
        assert "each of 2 payments counts as a paid order" in shop.report.notes[0]


def test_unchecked_rows_are_taken_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("customer_id,ordered_at,amount\na,2020-01-01,-5\n,2020-01-02,x\n")
    config = read_config({"tables": {"orders": {"path": "o.csv"}}})
    with open_shop(config, tmp_path, checked=False) as shop:
        assert values(shop, "orders", "amount") == [-500, None]
        assert shop.report.tables["orders"].findings == ()


def test_rows_that_are_stored_are_read_from_there_and_not_held_twice(tmp_path: Path) -> None:
    rows = {"customer_id": ["a", "b"], "ordered_at": [datetime(2020, 1, 1)] * 2, "amount": [1.5, 2.5]}
    pq.write_table(pa.table(rows), tmp_path / "o.parquet")
    config = read_config({"tables": {"orders": {"path": "o.parquet"}}})
    with open_shop(config, tmp_path, accepted=AcceptedRows(tmp_path / "accepted", "a state")) as shop:
        assert shop.backend.con.execute("select count(*) from duckdb_tables()").fetchall() == [(0,)]
        assert values(shop, "orders", "amount") == [150, 250]


def test_canonical_frames_make_a_shop(tmp_path: Path) -> None:
    orders = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "ordered_at": pd.to_datetime(["2020-07-01", "2020-07-02"]).tz_localize("Europe/London"),
            "amount": pd.array([100, None], dtype="Int64"),
        }
    )
    customers = pa.table({"customer_id": ["a"], "shoe_size": [42.5], "consent_email": [True]})
    with shop_from_tables({"orders": orders, "customers": customers}) as shop:
        assert values(shop, "orders", "ordered_at")[0] == pd.Timestamp("2020-06-30 23:00")
        assert values(shop, "orders", "amount") == [100, None]
        assert values(shop, "customers", "shoe_size") == [42.5]
        assert shop.extract_end == datetime(2020, 7, 1, 23)
        assert shop.has("customers", "consent_email")
        assert not shop.has("items")
        assert (shop.currency, shop.decimals, shop.timezone) == ("EUR", 2, "UTC")


def test_a_backend_of_ones_own_stays_open() -> None:
    backend = ibis.duckdb.connect()
    rows = pa.table({"customer_id": ["a"], "ordered_at": [datetime(2020, 1, 1)]})
    shop_from_tables({"orders": rows}, Config(), backend).close()
    assert backend.con.execute("select 1").fetchall() == [(1,)]
    backend.disconnect()


@pytest.mark.parametrize(
    ("tables", "error", "message"),
    [
        ({"order": pa.table({"a": [1]})}, InputError, "Did you mean 'orders'"),
        ({"orders": pa.table({"customer_id": ["a"]})}, ContractError, "no column 'ordered_at'"),
        (
            {"orders": pa.table({"customer_id": ["a"], "ordered_at": [datetime(2020, 1, 1)], "amout": [1]})},
            ContractError,
            "unknown 'amout'",
        ),
        (
            {"orders": pa.table({"customer_id": ["a"], "ordered_at": [datetime(2020, 1, 1)], "amount": [1.5]})},
            ContractError,
            "values of the contract's types",
        ),
        ({"items": pa.table({"item_id": ["a"]})}, ContractError, "orders or interactions"),
    ],
)
def test_frames_that_are_not_canonical_are_refused(
    tables: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        shop_from_tables(tables)


def test_a_shop_and_its_matrix_show_themselves_and_say_when_the_shop_was_closed() -> None:
    days = pd.date_range("2024-01-01", periods=8, freq="9D")
    orders = pd.DataFrame({"customer_id": ["a", "b"] * 4, "ordered_at": days, "amount": range(100, 900, 100)})
    with shop_from_tables({"orders": orders}) as shop:
        late = build(shop, Spine.at(shop, datetime(2024, 3, 1)))
        matrix = build(shop, Spine.at(shop, datetime(2024, 3, 1)))
        text = repr(matrix)
        assert text.startswith(f"Feature matrix\n2 rows, {len(matrix.columns)} signals")
        assert len(text) < 1_500
        assert "customer_id" in text
        frame = matrix.frame
        assert repr(shop).startswith("Shop 'shop'")
        assert "orders     8" in repr(shop)
    assert matrix.frame is frame
    assert "2 rows" in repr(matrix)
    with pytest.raises(InputError, match=r"closed.*before the shop is closed"):
        _ = late.frame
    with pytest.raises(InputError, match="closed"):
        list(late.batches())
    assert "closed" in repr(late)
    assert "closed" in repr(shop)


def test_tables_come_as_frames_of_any_library_and_others_are_refused_in_words() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "ordered_at": pd.to_datetime(["2024-01-01 10:00", "2024-01-02 00:00"]).tz_localize("Europe/Berlin"),
            "amount": [100, 250],
            "status": pd.Categorical(["paid", "paid"]),
        }
    )
    polars = pytest.importorskip("polars")
    read = []
    zoned = pa.array([datetime(2024, 1, 1, 9), datetime(2024, 1, 1, 23)], pa.timestamp("us", "UTC"))
    arrow = pa.table({**frame.drop(columns="ordered_at").to_dict("list"), "ordered_at": zoned})
    arrow = arrow.select(list(frame.columns))
    for rows in (frame, polars.from_arrow(arrow), arrow):
        with shop_from_tables({"orders": rows}) as shop:
            read.append(shop.tables["orders"].order_by("customer_id").to_pyarrow().to_pylist())
    assert read[0][0]["ordered_at"] == datetime(2024, 1, 1, 9)
    assert read[1:] == [read[0]] * 2
    with pytest.raises(ContractError, match=r"table 'orders': a frame of pandas.*Got a list"):
        shop_from_tables({"orders": [1, 2]})
