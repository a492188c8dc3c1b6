"""Conditions of a crowd: read from a request, held against the columns there are, never put into SQL as text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penchant.errors import InputError, did_you_mean, quoted
from penchant.output import write_text

MOST_CONDITIONS = 20
CROWDS_FILE = "crowds.json"
NAME = re.compile(r"\w[\w-]{0,63}")
OF_NUMBERS = {"at_least": ">=", "at_most": "<=", "is": "="}
OF_TEXT = {"is": "=", "is_not": "<>"}


@dataclass(frozen=True)
class Condition:
    """One condition: a column, how it is compared, and with what."""

    column: str
    comparison: str
    value: float | str

    @property
    def expression(self) -> pc.Expression:
        """The condition for Arrow; a value that is not known holds for nothing."""
        field, value = pc.field(self.column), pc.scalar(self.value)
        return {
            "at_least": lambda: field >= value,
            "at_most": lambda: field <= value,
            "is": lambda: field == value,
            "is_not": lambda: field != value,
        }[self.comparison]()

    @property
    def text(self) -> str:
        """The condition as penchant.toml has it."""
        sign = {**OF_NUMBERS, **OF_TEXT}[self.comparison]
        value = _quoted(self.value) if isinstance(self.value, str) else f"{self.value:g}"
        return f"{self.column} {sign} {value}"

    @property
    def toml(self) -> str:
        """The condition as a plan has it under [[campaigns.only_if]]."""
        if self.comparison == "is_not":
            return f"# {self.text}: a plan has no such condition; name the other values with is_in"
        if isinstance(self.value, str):
            return f'column = "{self.column}"\nis_in = [{json.dumps(self.value, ensure_ascii=False)}]'
        if self.column.startswith("in_") and self.value == 1:
            return f'column = "{self.column}"'
        bounds = ("at_least", "at_most") if self.comparison == "is" else (self.comparison,)
        return "\n".join((f'column = "{self.column}"', *(f"{bound} = {self.value:g}" for bound in bounds)))

    @property
    def query(self) -> str:
        """The condition as a request names it."""
        return (
            f"{self.column}:{self.comparison}:{self.value if isinstance(self.value, str) else format(self.value, 'g')}"
        )


def comparisons_of(schema: pa.Schema) -> dict[str, tuple[str, ...]]:
    """Return column -> how it can be compared; ids cannot."""
    return {
        field.name: tuple(OF_NUMBERS if _is_number(field.type) else OF_TEXT)
        for field in schema
        if field.name != "customer_id"
    }


def read_conditions(asked: Sequence[str], schema: pa.Schema) -> tuple[Condition, ...]:
    """Return the conditions of a request, each written ``column:comparison:value``.

    Raises
    ------
    InputError
        If one is not of that form, or names a column or comparison that there is not.
    """
    if len(asked) > MOST_CONDITIONS:
        raise InputError("crowd", f"at most {MOST_CONDITIONS} conditions", str(len(asked)))
    known = comparisons_of(schema)
    return tuple(_read(one, known, schema) for one in asked if one.strip(":"))


def together(conditions: Sequence[Condition]) -> pc.Expression | None:
    """Return the expression that holds where all conditions do; None where there are none."""
    return reduce(and_, (one.expression for one in conditions)) if conditions else None


def _read(asked: str, known: Mapping[str, Sequence[str]], schema: pa.Schema) -> Condition:
    column, comparison, value = (*asked.split(":", 2), "", "")[:3]
    if column not in known:
        raise InputError("condition", "a column of the prepared customers", quoted(column), did_you_mean(column, known))
    if comparison not in known[column]:
        allowed = " or ".join(known[column])
        raise InputError(
            f"condition on '{column}'", f"{allowed}", quoted(comparison), did_you_mean(comparison, known[column])
        )
    return Condition(column, comparison, _typed(column, value, schema.field(column).type))


def _typed(column: str, value: str, kind: Any) -> float | str:
    if not _is_number(kind):
        return value
    try:
        number = float(value)
    except ValueError:
        raise InputError(f"condition on '{column}'", "a number", quoted(value)) from None
    if number != number or abs(number) == float("inf"):
        raise InputError(f"condition on '{column}'", "a finite number", quoted(value))
    return number


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def read_crowds(folder: Path) -> dict[str, list[str]]:
    """Return the saved crowds: name -> conditions as a request names them."""
    path = folder / CROWDS_FILE
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def write_crowd(folder: Path, name: str, conditions: Sequence[str], customers: Path) -> dict[str, list[str]]:
    """Save a crowd by its name, or remove it where it has no conditions; return all that are saved.

    Raises
    ------
    InputError
        If the name is none, or a condition does not hold against the prepared customers.
    """
    if not NAME.fullmatch(name):
        raise InputError("crowd", "a name of letters, digits, '_' and '-'", quoted(name[:40]))
    checked = read_conditions(conditions, pq.read_schema(customers)) if conditions else ()
    saved = read_crowds(folder)
    saved.pop(name, None)
    if checked:
        saved[name] = [one.query for one in checked]
    write_text(folder / CROWDS_FILE, json.dumps(saved, indent=2, ensure_ascii=False))
    return saved
