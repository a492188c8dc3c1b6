"""Conditions of a crowd: read from a request, held against what there is, never put into SQL as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from pathlib import Path

import pyarrow.compute as pc

from penchant.config import read_config
from penchant.crowds_file import read_saved_crowds, write_saved_crowd
from penchant.errors import InputError, did_you_mean, quoted

from ...features.criterion import TAGS, Kind
from .crowd_words import CROWD, STAGE_BEFORE, CrowdWords

MOST_CONDITIONS = 20
LONGEST = 128  # characters of a value
NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
OF_NUMBERS = {"at_least": ">=", "at_most": "<=", "is": "="}
OF_TEXT = {"is": "=", "is_not": "<>"}
OF_FLAGS = {"is": "="}
COMPARISONS: dict[Kind, dict[str, str]] = {"number": OF_NUMBERS, "text": OF_TEXT, "flag": OF_FLAGS}


@dataclass(frozen=True)
class Condition:
    """One condition: a column or own crowd, how it is compared, and with what."""

    column: str
    comparison: str
    value: float | str
    kind: Kind

    def expression(self, words: CrowdWords) -> pc.Expression:
        """Return the condition for Arrow; a value that is not known holds for nothing."""
        field, value = pc.field(self.column), pc.scalar(self.value)
        own = words.expressions.get(self.column.removeprefix(CROWD))
        if own is not None and self.column not in dict(words.kinds):
            return own if self.value == 1 else ~own
        return {
            "at_least": lambda: field >= value,
            "at_most": lambda: field <= value,
            "is": lambda: field == value,
            "is_not": lambda: field != value,
        }[self.comparison]()

    @property
    def text(self) -> str:
        """The condition as ``[crowds.NAME]`` of penchant.toml has it."""
        if self.kind == "flag":
            return f"{'' if self.value == 1 else 'not '}{self.column.removeprefix(CROWD)}"
        sign = COMPARISONS[self.kind][self.comparison]
        value = _quoted(self.value) if isinstance(self.value, str) else _digits(self.value)
        return f"{self.column} {sign} {value}"

    @property
    def query(self) -> str:
        """The condition as a request names it."""
        return f"{self.column}:{self.comparison}:{self.value if isinstance(self.value, str) else _digits(self.value)}"


def comparisons_of(words: CrowdWords) -> dict[str, tuple[str, ...]]:
    """Return name -> how it can be compared."""
    return {name: tuple(COMPARISONS[kind]) for name, kind in words.known.items()}


def read_conditions(asked: Sequence[str], words: CrowdWords) -> tuple[Condition, ...]:
    """Return the conditions of a request, each written ``column:comparison:value``.

    Raises
    ------
    InputError
        If one is not of that form, or names a column or comparison that there is not.
    """
    if len(asked) > MOST_CONDITIONS:
        raise InputError("crowd", f"at most {MOST_CONDITIONS} conditions", str(len(asked)))
    return tuple(dict.fromkeys(_read(one, words) for one in asked if one.strip(":")))


def together(conditions: Sequence[Condition], words: CrowdWords) -> pc.Expression | None:
    """Return the expression that holds where all conditions do; None where there are none."""
    return reduce(and_, (one.expression(words) for one in conditions)) if conditions else None


def can_be_saved(conditions: Sequence[Condition]) -> bool:
    """Say whether audiences and plans could ask the same of a customer."""
    return all(one.column != STAGE_BEFORE for one in conditions)


def _read(asked: str, words: CrowdWords) -> Condition:
    column, comparison, value = (*asked.split(":", 2), "", "")[:3]
    known = words.known
    if column not in known:
        hint = did_you_mean(column, known)
        raise InputError("condition", "a column of the prepared customers", quoted(column[:LONGEST]), hint)
    kind = known[column]
    if comparison not in COMPARISONS[kind]:
        allowed, hint = " or ".join(COMPARISONS[kind]), did_you_mean(comparison, COMPARISONS[kind])
        raise InputError(f"condition on '{column}'", allowed, quoted(comparison[:LONGEST]), hint)
    return Condition(column, comparison, _typed(column, value, kind), kind)


def _typed(column: str, value: str, kind: Kind) -> float | str:
    if len(value) > LONGEST or not value.isprintable():
        raise InputError(f"condition on '{column}'", f"at most {LONGEST} characters, all printable", quoted(value[:40]))
    if kind == "text":
        return value
    try:
        number = float(value)
    except ValueError:
        raise InputError(f"condition on '{column}'", "a number", quoted(value)) from None
    if number != number or abs(number) == float("inf"):
        raise InputError(f"condition on '{column}'", "a finite number", quoted(value))
    if kind == "flag" and number not in (0.0, 1.0):
        raise InputError(f"condition on '{column}'", "1 (in the crowd) or 0 (not)", quoted(value))
    return number


def _digits(number: float) -> str:
    return f"{number:.15g}" if "e" not in f"{number:.15g}" else f"{number:f}"


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def save_crowd(folder: Path, name: str, conditions: Sequence[str], words: CrowdWords) -> dict[str, str]:
    """Save a crowd by its name beside penchant.toml, or remove it where it has no conditions.

    Parameters
    ----------
    folder
        Of penchant.toml.
    name
        Of the crowd: goals, plans and conditions use it.
    conditions
        As a request writes them.
    words
        What they can name.

    Returns
    -------
    dict
        Name -> condition of all that are saved.

    Raises
    ------
    InputError
        If the name is none or taken, or a condition does not hold against the prepared customers.
    """
    if not NAME.fullmatch(name):
        raise InputError("crowd", "a name of small letters, digits and '_'", quoted(name[:40]))
    checked = read_conditions(conditions, words) if conditions else ()
    if not can_be_saved(checked):
        reason = "It is a question to two moments: it can be looked at here, not named elsewhere"
        raise InputError("crowd", "conditions about one moment", quoted(STAGE_BEFORE), reason)
    who = " and ".join(one.text for one in checked)
    _refuse_clash(name, who, words, read_saved_crowds(folder))
    saved = write_saved_crowd(folder, name, {"who": who} if checked else None)
    return {one: str(section.get("who", "")) for one, section in saved.items()}


def _refuse_clash(name: str, who: str, words: CrowdWords, saved: Mapping[str, object]) -> None:
    """Refuse a name that means something else, and a change after which another crowd could not be told."""
    crowds, taken = dict(words.crowds), {*dict(words.kinds), *TAGS}
    if name in taken or CROWD + name in taken or (name in crowds and name not in saved):
        raise InputError("crowd", "a name that is not taken", quoted(name), "Another crowd or signal has it")
    if who:
        read_config({"crowds": {"own": {name: {"who": who}}}})
        crowds[name] = who
    else:
        crowds.pop(name, None)
    after = CrowdWords(words.kinds, tuple(crowds.items())).expressions
    lost = sorted((set(words.expressions) - {name} | ({name} if who else set())) - set(after))
    if lost:
        raise InputError(
            f"crowd '{name}'", "to be named by crowds after it alone", f"{quoted(lost)} could not be told any more"
        )
