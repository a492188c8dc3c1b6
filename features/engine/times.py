"""Instants, days and zones as expressions that every engine computes alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from penchant.lazy import ibis

MICROSECONDS_A_DAY = 86_400_000_000
_EARLIEST, _LATEST = (datetime(1990, 1, 1), datetime(2040, 1, 1))  # zones are followed within; beyond, the nearest rule


@dataclass(frozen=True)
class MomentVariable:
    """An instant that a variable of DuckDB holds: SQL about it is compiled once and run for any moment."""

    name: str


@cache
def _getvariable() -> Any:
    """Return the function of DuckDB that gives what a variable holds."""

    @ibis.udf.scalar.builtin(name="getvariable", signature=(("string",), "timestamp(6)"))
    def value_of(name: str) -> Any:
        """Return the instant that a variable holds."""

    return value_of


MOMENT, MIDNIGHT = MomentVariable("penchant_moment"), MomentVariable("penchant_midnight")


def instant(moment: datetime | MomentVariable) -> Any:
    """Return an instant as an expression: microseconds, UTC, no zone."""
    if isinstance(moment, MomentVariable):
        return _getvariable()(moment.name).name(moment.name)  # Ibis finds no name by itself
    return ibis.literal(moment, type="timestamp(6)")


def midnight(moment: Any) -> Any:
    """Return the midnight (UTC) before an instant, or the instant itself if it is one."""
    if isinstance(moment, MomentVariable):
        return MIDNIGHT
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def days_between(later: Any, earlier: Any) -> Any:
    """Return the days from ``earlier`` to ``later``, with their fraction.

    Whole microseconds are divided once: a difference in seconds or days rounds differently on each engine.
    """
    return later.delta(earlier, unit="microsecond") / MICROSECONDS_A_DAY


def whole_days_between(later: Any, earlier: Any) -> Any:
    """Return the days between two dates."""
    return later.delta(earlier, unit="day")


def earlier(one: Any, other: Any) -> Any:
    """Return the earlier of two instants, of which either may be null: it never comes."""
    return ibis.least(ibis.coalesce(one, other), ibis.coalesce(other, one))


def days_before(moment: Any, days: int) -> Any:
    """Return the instant ``days`` times 24 hours before another."""
    return moment - ibis.interval(days=days)


def step(at: Any, bounds: Sequence[datetime], values: Sequence[Any]) -> Any:
    """Return ``values[i]``, where ``i`` counts the bounds that are not after ``at``: a step function of time.

    Parameters
    ----------
    at
        The instant, as an expression.
    bounds
        Rising instants.
    values
        One more than bounds: expressions or plain values.
    """
    if not bounds:
        return values[0]
    middle = len(bounds) // 2  # halves, so that a row is compared with few bounds, however many there are
    before = step(at, bounds[:middle], values[: middle + 1])
    after = step(at, bounds[middle + 1 :], values[middle + 1 :])
    return ibis.ifelse(at < instant(bounds[middle]), before, after)


def local_time(at: Any, zone: str) -> Any:
    """Return what the shop's clock showed at an instant.

    The zone's offsets are written out, so that no engine needs to know the zone, and all agree.
    """
    changes = offsets(zone)
    return step(at, [until for until, _seconds in changes[:-1]], [_shifted(at, seconds) for _until, seconds in changes])


def _shifted(at: Any, seconds: int) -> Any:
    return at + ibis.interval(seconds=seconds) if seconds else at


def offsets(zone: str) -> list[tuple[datetime, int]]:
    """Return (until, offset from UTC in seconds) of a zone, in order; ``until`` is UTC and exclusive.

    Examples
    --------
    >>> offsets("Asia/Shanghai")[-1][1]
    28800
    """
    found: list[tuple[datetime, int]] = []
    moment = _EARLIEST
    while moment < _LATEST:
        change = _next_change(moment, ZoneInfo(zone))
        found.append((change, _offset(moment, ZoneInfo(zone))))
        moment = change
    return found


def _offset(moment: datetime, zone: ZoneInfo) -> int:
    offset = moment.replace(tzinfo=UTC).astimezone(zone).utcoffset()
    return round(offset.total_seconds()) if offset else 0


def _next_change(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant after ``moment`` at which the zone's offset differs, or the end of the span."""
    before = _offset(moment, zone)
    later = moment
    while _offset(later, zone) == before:
        later += timedelta(days=7)
        if later >= _LATEST:
            return _LATEST
    low, high = later - timedelta(days=7), later
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        middle = middle.replace(microsecond=0)
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return high
