"""Expressions of a mapping, put together at random: one value of one row, or refused in words; and never more rows."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from penchant.config import read_config
from penchant.errors import PenchantError
from penchant.features.condition import condition_names
from penchant.features.intake.check import check as check_shop

from .effort import try_out

LEAVES = (
    *(
        "id",
        "at",
        "amount",
        '"no such"',
        "1",
        "0",
        "-1",
        "1e400",
        "null",
        "true",
        "'x'",
        "''",
        "'%'",
        "date '2024-02-30'",
    ),
    *("interval 1 day", "[1, 2]", "{'a': 1}", "$1", "?", "*", "current_date", "(select 1)", "99999999999999999999"),
)
SHAPES = (
    *("({0} + {1})", "({0} / {1})", "({0} || {1})", "({0} = {1})", "({0} and {1})", "({0} like {1})", "not {0}"),
    *(
        "case when {0} then {1} end",
        "cast({0} as int)",
        "try_cast({0} as timestamp)",
        "{0}::varchar",
        "coalesce({0}, {1})",
    ),
    *(
        "upper({0})",
        "unnest({0})",
        "sum({0})",
        "max({0}) over ()",
        "row_number() over (order by {0})",
        "random() * {0}",
    ),
    *("array(select {0})[1]", "exists(from read_csv({0}))", "(from 'orders.csv' select {0})", "{0} in (select {1})"),
    *(
        "list_transform([{0}], x -> x)",
        "strptime({0}, {1})",
        "of_order({0}, {1})",
        "spread({0}, {1}, {0})",
        "lines_of({0})",
    ),
    *(
        "value_above({0})",
        "regexp_extract({0}, {1})",
        "repeat({0}, 3)",
        "getenv({0})",
        "error({0})",
        "{0}; drop table raw",
    ),
    *(
        "copy_to({0})",
        "({0})[{1}]",
        "({0}).{1}",
        "{0} collate nocase",
        "printf({0}, {1})",
        "({0} is distinct from {1})",
    ),
)
ROWS = "id,at,amount\n" + "".join(f"c{n},2024-01-{n % 28 + 1:02},{n}.50\n" for n in range(40))


def expressions() -> st.SearchStrategy[str]:
    def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.tuples(st.sampled_from(SHAPES), inner, inner).map(lambda part: part[0].format(*part[1:]))

    return st.recursive(st.sampled_from(LEAVES), deeper, max_leaves=6)


def test_an_expression_is_one_value_of_one_row_or_refused(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(ROWS)

    def check(expression: str, where: str) -> None:
        columns = {"customer_id": "id", "ordered_at": "at", "amount": "amount"}
        table: dict[str, object] = {"path": "orders.csv", "columns": columns}
        if where == "exclude":
            table["exclude"] = {"some": expression}
        else:
            columns[where] = expression
        try:
            report = check_shop(read_config({"tables": {"orders": table}}), tmp_path)
        except PenchantError:
            return
        orders = report.tables["orders"]
        if not report.failed:
            assert orders.n_read == 40
            assert orders.n_accepted + orders.n_set_aside + orders.n_excluded == 40
        assert sorted(path.name for path in tmp_path.iterdir()) == ["orders.csv"]
        assert (tmp_path / "orders.csv").read_text() == ROWS

    columns = st.sampled_from(["customer_id", "ordered_at", "amount", "item_id", "exclude"])
    try_out(check, 15, expression=expressions(), where=columns)


def test_a_condition_on_signals_is_one_or_refused() -> None:
    words = st.sampled_from(
        (
            "amount_365d",
            "stage",
            "crowd:interest",
            "tier:high",
            ">=",
            "in",
            "(",
            ")",
            "and",
            "or",
            "not",
            "'x'",
            "500",
            ",",
            "=",
            ":",
        )
    )

    def check(parts: list[str]) -> None:
        try:
            condition_names(" ".join(parts), "a condition")
        except PenchantError:
            return

    try_out(check, 200, parts=st.lists(words, max_size=12))
