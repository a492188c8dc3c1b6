"""What a mapping's value means."""

from __future__ import annotations

import duckdb
import pytest

from penchant.config import Reading
from penchant.errors import ContractError
from penchant.features.intake.expressions import MACROS, RawColumns, meaning

NAMES = ["Quantity", "Unit Price", "status", "at", "select"]
TEXT = RawColumns({name: name for name in NAMES}, dict.fromkeys(NAMES, "VARCHAR"), Reading())
ROW = ["3", " 1,234.5 ", "NULL", "2020-02-30", "x"]


def value(expression: str, row: list[str] = ROW) -> object:
    engine = duckdb.connect()
    for macro in MACROS:
        engine.execute(macro)
    cells = ", ".join(f"'{cell}' as \"{name}\"" for cell, name in zip(row, NAMES, strict=True))
    return engine.execute(f"select {meaning(expression, TEXT, 'here').sql} from (select {cells})").fetchone()[0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Quantity", "3"),
        ("quantity", "3"),
        ('"Quantity"', "3"),
        ("Unit Price", "1,234.5"),
        ('Quantity * "Unit Price"', 3703.5),
        ('coalesce("Unit Price", 0) - 0.5', 1234.0),
        ("case when Quantity > 2 then -quantity else 0 end", -3.0),
        ("Quantity between 1 and 10", True),
        ("Quantity || '!'", "3!"),
        ("Quantity = '3'", True),
        ("status is null", True),
        ("select", "x"),
        ("'control'", "control"),
        ("cast(at as timestamp)", None),
        ("strptime(at, '%d.%m.%Y')", None),
        ("at::date + interval 1 day", None),
    ],
)
def test_text_is_read_as_the_expression_needs_it(expression: str, expected: object) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("Quantiti", "Did you mean 'Quantity'"),
        ("Unit Prise", "Did you mean 'Unit Price'"),
        ('Quantity * "Unit Prise"', "Did you mean 'Unit Price'"),
        ("Quantity *", "an SQL expression"),
        ("1); drop table x; --", "an SQL expression"),
        ("(select 1)", "an SQL expression"),
        ("Quantity, status", "an SQL expression"),
        ("", "an SQL expression"),
    ],
)
def test_what_names_no_column_is_told_with_the_nearest(expression: str, hint: str) -> None:
    with pytest.raises(ContractError, match=hint):
        meaning(expression, TEXT, "here")


def test_cells_that_an_expression_cannot_read_are_known() -> None:
    found = meaning("cast(at as date)", TEXT, "here")
    assert duckdb.connect().execute(f"select {found.unreadable[0]} from (select '2020-02-30' as at)").fetchone() == (
        True,
    )
    assert found.reads == ("at",)


def test_a_name_in_other_letters_counts_only_where_it_is_one() -> None:
    both = RawColumns({"ID": "ID", "id": "id_1"}, {"ID": "VARCHAR", "id": "BIGINT"}, Reading())
    assert meaning("id", both, "here").sql == '"id_1"'
    assert both.found("Id") is None


def test_numbers_may_have_a_decimal_comma() -> None:
    comma = RawColumns({"x": "x"}, {"x": "VARCHAR"}, Reading(decimal=","))
    engine = duckdb.connect()
    for macro in MACROS:
        engine.execute(macro)
    sql = meaning("x * 2", comma, "here").sql
    assert engine.execute(f"select {sql} from (select '1.234,50' as x)").fetchone() == (2469.0,)
