"""What a zone's clocks showed, and which instant that was.

A local time that came twice, as clocks were put back, is taken for the later of the two; one that never was, as they
were put forward, is moved forward by the step. Both are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Step:
    """A change of a zone's clocks.

    Parameters
    ----------
    at
        The instant, UTC without a zone.
    before, after
        What the clocks were ahead of UTC.
    """

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def first_local(self) -> datetime:
        """The first local time that is read with the new offset."""
        return self.at + self.after

    @property
    def unclear(self) -> tuple[datetime, datetime]:
        """The local times that came twice or never: from, and up to but without."""
        return self.at + min(self.before, self.after), self.at + max(self.before, self.after)


@dataclass(frozen=True)
class Clock:
    """A zone's clocks over a span of time.

    Parameters
    ----------
    ahead
        What they were ahead of UTC at first.
    steps
        Their changes, in order.
    """

    ahead: timedelta = timedelta()
    steps: tuple[Step, ...] = ()

    def in_utc(self, local: str) -> str:
        """Return the SQL of a local time's instant."""
        if not self.steps:
            return f"make_timestamp(epoch_us({local}) - {_micros(self.ahead)})" if self.ahead else local
        offsets = [self.ahead, *(step.after for step in self.steps)]
        cases = " ".join(
            f"when {local} < timestamp '{step.first_local}' then {_micros(offset)}"
            for step, offset in zip(self.steps, offsets, strict=False)
        )
        return f"make_timestamp(epoch_us({local}) - (case {cases} else {_micros(offsets[-1])} end)::bigint)"

    def unclear(self, local: str) -> str:
        """Return the SQL that says whether a local time came twice or never."""
        spans = (step.unclear for step in self.steps)
        asked = [f"({local} >= timestamp '{start}' and {local} < timestamp '{end}')" for start, end in spans]
        return f"({' or '.join(asked)})" if asked else "false"


def _micros(offset: timedelta) -> int:
    return offset // timedelta(microseconds=1)


def clock(zone: str, first: date, last: date) -> Clock:
    """Return a zone's clocks between two days, both included.

    Examples
    --------
    >>> winter = clock("Europe/London", date(2010, 10, 1), date(2010, 12, 31))
    >>> [str(step.at) for step in winter.steps]
    ['2010-10-31 01:00:00']
    """
    place = ZoneInfo(zone)
    day = datetime(first.year, first.month, first.day, tzinfo=UTC) - 2 * _DAY
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + 2 * _DAY
    ahead = _ahead(place, day)
    steps: list[Step] = []
    while day < end:
        before, after = _ahead(place, day), _ahead(place, day + _DAY)
        if before != after:
            steps.append(Step(_change(place, day, day + _DAY).replace(tzinfo=None), before, after))
        day += _DAY
    return Clock(ahead, tuple(steps))


def _ahead(place: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(place).utcoffset() or timedelta()


def _change(place: ZoneInfo, early: datetime, late: datetime) -> datetime:
    """Return the first second between two instants at which the clocks are as at the later one."""
    goal = _ahead(place, late)
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        early, late = (early, middle) if _ahead(place, middle) == goal else (middle, late)
    return late
