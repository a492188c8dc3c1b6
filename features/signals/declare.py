"""Signals declared as rows of the data dictionary: name, meaning, kind, value, needs, missing, reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from penchant.lazy import _

from ..history.past import Past
from ..history.rows import Rows
from .group import Column, Signal

Needs = str | tuple[str, ...]
Reason = str | tuple[str, str]
AskRows = Callable[[Past], Rows]

KINDS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "count": {"unit": "count", "dtype": "int64", "low": 0},
        "flag": {"unit": "flag", "dtype": "int64", "low": 0, "high": 1},
        "days": {"unit": "days", "low": 0},
        "share": {"unit": "share", "low": 0, "high": 1},
        "ratio": {"unit": "ratio", "low": 0},
        "money": {"unit": "money", "low": 0},
        "score": {"unit": "score", "low": 1, "high": 5},
        "code": {"dtype": "string"},
    }
)  # kind of a signal -> what its column declares


def signal(
    name: str,
    meaning: str,
    kind: str,
    value: Callable[[Past], Any],
    needs: Needs = (),
    missing: str = "",
    reason: Reason = "",
    **declared: Any,
) -> Signal:
    """Return a signal of a kind.

    Parameters
    ----------
    name, meaning, missing, reason
        As in `Column`.
    kind
        A key of ``KINDS``: what the column declares of unit, type and range.
    value, needs
        As in `Signal`; one need may stand without a tuple.
    declared
        Further fields of `Column`, and those in which the signal differs from its kind.

    Examples
    --------
    >>> one = signal("n_visits", "visits so far", "count", lambda past: past.interactions.count(), "interactions")
    >>> one.column.dtype, one.column.low, one.needs
    ('int64', 0, ('interactions',))
    """
    column = Column(name, meaning, missing=missing, reason=reason, **{**KINDS[kind], **declared})
    return Signal(column, value, (needs,) if isinstance(needs, str) else needs)


def windowed(
    windows: Iterable[int],
    name: str,
    meaning: str,
    kind: str,
    value: Callable[[Past, int], Any],
    needs: Needs = (),
    **declared: Any,
) -> Iterator[Signal]:
    """Yield a signal for each window, in whose texts ``{days}`` stands for its days; ``value`` is asked with them.

    Examples
    --------
    >>> rows = windowed((7, 30), "n_visits_{days}d", "visits in {days} days", "count",
    ...     lambda past, days: past.interactions.within(days).count(), "interactions")
    >>> [one.column.name for one in rows]
    ['n_visits_7d', 'n_visits_30d']
    """
    for days in windows:
        texts = {key: _filled(declared[key], days) for key in ("missing", "reason") if key in declared}
        more = {key: value(days) if callable(value) else value for key, value in declared.items() if key not in texts}
        asked = partial(_asked_with, value, days)
        yield signal(_filled(name, days), _filled(meaning, days), kind, asked, needs, **texts, **more)


def _asked_with(value: Callable[[Past, int], Any], days: int, past: Past) -> Any:
    return value(past, days)


def _filled(text: Any, days: int) -> Any:
    """Return a text, or each of several, with the days of its window."""
    return text.replace("{days}", str(days)) if isinstance(text, str) else tuple(_filled(one, days) for one in text)


def of_kind(kind: str) -> AskRows:
    """Return the question for interactions of a kind."""
    return lambda past: past.interactions.where(_.kind == kind)


def share_of(rows: Rows, condition: Any) -> Any:
    """Return which share of rows meets a condition; null without any row."""
    return rows.where(condition).count() / rows.count().nullif(0)


def per(count: Any, whole: Any) -> Any:
    """Return a quotient; null where it is of nothing."""
    return count / whole.nullif(0)


def money(past: Past, cents: Any) -> Any:
    """Return an amount of minor units in the currency's major unit."""
    return cents.cast("float64") / 10**past.history.shop.decimals
