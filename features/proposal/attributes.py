"""Which columns of a file of customers are attributes, which are consent, and which may not become signals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..intake.expressions import text_literal
from .files import ColumnLook
from .languages import english, plain
from .values import Quote
from .words import vocabulary

MOST_ATTRIBUTES = 12
LISTED = 12  # names in one note
_NO_ATTRIBUTE = r"(^|_)(id|key|number)(_|$)"
_SIMPLE = 6  # of these words the first are read as yes and no wherever a flag is read


@dataclass(frozen=True)
class Attributes:
    """What becomes of a file's columns.

    Parameters
    ----------
    columns
        Attribute -> what it is made of.
    notes
        What was left out, and why.
    """

    columns: dict[str, str]
    notes: tuple[str, ...]


def attributes(columns: Sequence[ColumnLook], quote: Quote) -> Attributes:
    """Return the attributes and the consent among columns of customers, and what is left out by name.

    Personal details never become attributes. What may be an outcome or a total up to the export is known only later
    than the moments that a model looks at: it is left out with a doubt that names it, as is a number or a yes and no
    of which the name does not tell what it is.
    """
    taken: dict[str, str] = {}
    left: dict[str, list[str]] = {"personal": [], "undated": []}
    for column in columns:
        name = english(plain(column.name))
        if consent := _consent(column, name, quote):
            taken.setdefault(*consent)
        elif _is(name, "personal") or _holds_addresses(column):
            left["personal"].append(column.name)
        elif (value := _value(column, quote)) is None:
            continue
        elif _may_come_later(column, name):
            left["undated"].append(column.name)
        elif sum(not key.startswith("consent_") for key in taken) < MOST_ATTRIBUTES:
            taken[plain(column.name)] = value
    return Attributes(taken, tuple(_notes(left["personal"], left["undated"])))


def _notes(personal: Sequence[str], undated: Sequence[str]) -> list[str]:
    notes = []
    if personal:
        notes.append(f"personal details are left out: {_listed(personal)}")
    if undated:
        notes.append(
            f"TODO left out, because they carry no date and may tell what came later (an outcome, a total up to the day"
            f" of the export): {_listed(undated)}. Add under columns what was known when the customer came"
        )
    return notes


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:LISTED]) + (" ..." if len(names) > LISTED else "")


def _is(name: str, kind: str) -> bool:
    """Say whether a name has a word of a kind in it."""
    return any(re.search(rf"(^|_)({pattern})(_|$)", name) for pattern in vocabulary().attributes[kind])


def _may_come_later(column: ColumnLook, name: str) -> bool:
    if _is(name, "undated"):
        return not re.fullmatch(r"(total_)?(children|kids|dependents|cars|family_size)(_owned)?(_at_home)?", name)
    return column.is_number and not _is(name, "lasting")


def _holds_addresses(column: ColumnLook) -> bool:
    """Say whether most values are e-mail addresses."""
    return 2 * sum("@" in value for value in column.values) > len(column.values)


def _value(column: ColumnLook, quote: Quote) -> str | None:
    """Return what an attribute is made of: few values, or a number; None where it is neither."""
    name = plain(column.name)
    if not name.isidentifier() or re.search(_NO_ATTRIBUTE, name) or column.n_distinct < 2:
        return None
    if column.is_number and column.time is None and not column.values:
        return f"cast({quote(column.name)} as double)" if column.engine_type == "VARCHAR" else column.name
    return column.name if column.values and column.time is None else None


def _consent(column: ColumnLook, name: str, quote: Quote) -> tuple[str, str] | None:
    """Return the name of a consent and what it is made of; None where a column is none."""
    is_refusal = _is(name, "refusal")
    if not column.values:
        return None
    said = {value: plain(value) if not column.is_number else value.lower() for value in column.values}
    known = vocabulary().answers
    if not (is_refusal or _is(name, "consent") or (_is(name, "state") and {*said.values()} & {*known["of_a_list"]})):
        return None
    yes = [value for value, word in said.items() if word in known["yes"]]
    no = [value for value, word in said.items() if word in known["no"]]
    if len(yes) + len(no) < len(said) or not said:
        return None
    channels = vocabulary().channels
    channel = next((key for key, words in channels.items() if re.search(rf"(^|_)({words})(_|$)", name)), "email")
    if is_refusal:
        yes, no = no, yes
    if {*map(str.lower, yes)} <= {*known["yes"][:_SIMPLE]} and {*map(str.lower, no)} <= {*known["no"][:_SIMPLE]}:
        return f"consent_{channel}", column.name
    cell = f"{quote(column.name)}::varchar"
    allowed = f"{cell} in ({', '.join(map(text_literal, yes))})" if yes else f"{cell} is null and false"
    return f"consent_{channel}", f"case when {cell} is not null then {allowed} end"
