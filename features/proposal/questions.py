"""What the rows of a shop cannot tell and a line from its owner can."""

from __future__ import annotations

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from penchant.errors import InputError, did_you_mean

_CURRENCY = re.compile(r"^# currency = .*$", re.MULTILINE)
_ZONE = re.compile(r"^# timezone = \"[^\"]*\"   # TODO.*$", re.MULTILINE)
_DAYS = re.compile(
    r"^# TODO day and month of '(?P<column>[^\n]*?)'\s+(?:#\s+)?cannot be told apart: .*?(?=\n[^#]|\n# [A-Z])",
    re.MULTILINE | re.DOTALL,
)
_FORMATS = re.compile(r"'(%[^']*)'")


@dataclass(frozen=True)
class Question:
    """One line that is asked of a shop's owner.

    Parameters
    ----------
    about
        What it settles: ``currency``, ``timezone``, ``day_first``.
    text
        The question.
    default
        What is taken where the answer is empty.
    """

    about: str
    text: str
    default: str


def questions(text: str) -> list[Question]:
    """Return what a proposal leaves to its owner, the most important first.

    Examples
    --------
    >>> [question.about for question in questions('# currency = "GBP"   # TODO the files do not say')]
    ['currency']
    """
    found = []
    if days := _DAYS.search(text):
        first = _FORMATS.findall(_unwrapped(days[0]))[0]
        is_day_first = first.startswith("%d")
        asked = f"Dates in '{days['column']}': does the day or the month come first? (day/month)"
        found.append(Question("day_first", asked, "day" if is_day_first else "month"))
    if _CURRENCY.search(text):
        found.append(Question("currency", "In which currency are amounts? (three letters)", "EUR"))
    if _ZONE.search(text):
        found.append(Question("timezone", "In which time zone does the shop's day begin and end?", "UTC"))
    return found


def answered(text: str, question: Question, answer: str) -> str:
    """Return a proposal in which a question is settled.

    Parameters
    ----------
    text
        The proposal.
    question
        One of its questions.
    answer
        The line that was typed; empty for the default.

    Raises
    ------
    InputError
        If the answer is none to the question.
    """
    said = answer.strip() or question.default
    if question.about == "currency":
        if not re.fullmatch(r"[A-Za-z]{3}", said):
            raise InputError("currency", "three letters, such as EUR", f"'{said}'")
        return _CURRENCY.sub(f'currency = "{said.upper()}"', text)
    if question.about == "timezone":
        if said not in available_timezones():
            raise InputError("timezone", "a zone", f"'{said}'", did_you_mean(said, sorted(available_timezones())))
        return _ZONE.sub(f'timezone = "{ZoneInfo(said).key}"', text)
    if said.lower() not in ("day", "month", "d", "m"):
        raise InputError("dates", "'day' or 'month'", f"'{said}'")
    return _with_days(text, "%d" if said.lower().startswith("d") else "%m")


def _with_days(text: str, first: str) -> str:
    """Return a proposal in which dates that two formats fit begin with the day, or the month."""
    for doubt in list(_DAYS.finditer(text)):
        formats = _FORMATS.findall(_unwrapped(doubt[0]))[:2]
        chosen = next((form for form in formats if form.startswith(first)), formats[0])
        text = text.replace(f'time_format = "{formats[0]}"', f'time_format = "{chosen}"')
        text = text.replace(doubt[0], f"# Day and month of '{doubt['column']}' as its owner says")
    return text


def _unwrapped(comment: str) -> str:
    return comment.replace("\n#   ", " ")
