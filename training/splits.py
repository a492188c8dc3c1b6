"""When a model looks: snapshots in time, so that every training label is over before the test begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from penchant.config import TaskSection
from penchant.errors import TooLittleDataError
from penchant.spreadsheet import shop_time

UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class Schedule:
    """The instants at which customers are looked at, all in UTC without a zone.

    Parameters
    ----------
    train
        Training snapshots, oldest first; the label of each is over at or before ``test``.
    test
        The later, untouched snapshot on which the model is judged.
    recent
        Snapshots between the last of ``train`` and ``test``: unfinished then, finished now. Used with all the
        others by the model that is put in use.
    gap_days, horizon_days
        Of the label.
    earlier
        Snapshots before the first of ``train``, as far back as one fold of a search can reach: a search alone
        learns from them.
    timezone
        The shop's zone, in which a person is told the days.
    data_starts
        The data's first event; None: not known.
    """

    train: tuple[datetime, ...]
    test: datetime
    recent: tuple[datetime, ...]
    gap_days: int
    horizon_days: int
    earlier: tuple[datetime, ...] = ()
    timezone: str = "UTC"
    data_starts: datetime | None = None

    def day(self, instant: datetime) -> str:
        """Return the date of an instant as the shop's calendar has it."""
        return local_day(instant, self.timezone)

    @property
    def reach(self) -> timedelta:
        """From a snapshot to the end of its label."""
        return timedelta(days=self.gap_days + self.horizon_days)

    @property
    def every(self) -> tuple[datetime, ...]:
        """All snapshots with a finished horizon, oldest first."""
        return (*self.train, *self.recent, self.test)

    def labels_end(self, snapshots: Sequence[datetime]) -> datetime:
        """Return when the last label of some snapshots is over."""
        return max(snapshots) + self.reach

    def folds(self, n_folds: int) -> tuple[tuple[tuple[datetime, ...], datetime], ...]:
        """Return training snapshots and the later one that judges them, oldest first; none touches the test.

        Of each fold, all labels that are learned from are over when its last snapshot begins, as it is with the
        test. The number of snapshots is that of ``train``, or as many as the history allows.
        """
        known = (*self.earlier, *self.train)
        before = {at: tuple(k for k in known if k + self.reach <= at) for at in self.train[-n_folds:]}
        return tuple((found[-len(self.train) :], at) for at, found in before.items() if found)

    def as_dict(self) -> dict[str, Any]:
        """Return the schedule in types that JSON knows."""
        return {
            "train": [at.isoformat() for at in self.train],
            "recent": [at.isoformat() for at in self.recent],
            "test": self.test.isoformat(),
            "gap_days": self.gap_days,
            "horizon_days": self.horizon_days,
        }


def schedule(
    first: datetime, end: datetime, horizon_days: int, section: TaskSection, timezone: str = "UTC"
) -> Schedule:
    """Return the snapshots of a task.

    The test stands at the latest midnight of the shop with a finished horizon (or where it is configured),
    the last training snapshot a gap and a horizon before it, and the earlier ones every ``every_days`` days
    before that. A snapshot needs one horizon of history.

    Parameters
    ----------
    first, end
        The first event and the end of the data, UTC without a zone.
    horizon_days
        Length of the label's horizon.
    section
        Gap, number of snapshots, distance, and the test's instant where it is fixed.
    timezone
        The shop's zone; snapshots stand at its midnights.

    Raises
    ------
    TooLittleDataError
        If not even one training snapshot fits.
    """
    reach = timedelta(days=section.gap_days + horizon_days)
    test = _test_instant(end - reach, section, timezone)
    earliest = first + timedelta(days=horizon_days)
    last = _midnight(test - reach, timezone)  # not by calendar days: an hour of summer time would leak
    step = section.every_days
    steps_of_reach = -(-reach.days // step)
    n_back = section.n_snapshots + steps_of_reach
    known = [_moved(last, -step * back, timezone) for back in reversed(range(n_back))]
    known = [at for at in known if at >= earliest]
    if test + reach > end:
        raise _unfinished(test, end, reach, timezone)
    if not known:
        raise _too_short((first, test + reach), reach.days, horizon_days, timezone)
    train, earlier = known[-section.n_snapshots :], known[: -section.n_snapshots]
    recent = [_moved(test, -step * back, timezone) for back in reversed(range(1, steps_of_reach))]
    return Schedule(tuple(train), test, tuple(recent), section.gap_days, horizon_days, tuple(earlier), timezone, first)


def local_day(instant: datetime, timezone: str) -> str:
    """Return the date that a shop's calendar shows at an instant in UTC, which may be another one there.

    Examples
    --------
    >>> local_day(datetime(2011, 9, 9, 23), "Europe/London")
    '2011-09-10'
    """
    return f"{instant.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone)):%Y-%m-%d}"


def _test_instant(latest: datetime, section: TaskSection, timezone: str) -> datetime:
    fixed = section.test_as_of
    if fixed is None:
        return _midnight(latest, timezone)
    local = fixed if fixed.tzinfo else fixed.replace(tzinfo=ZoneInfo(timezone))
    return local.astimezone(UTC).replace(tzinfo=None)


def _midnight(instant: datetime, timezone: str) -> datetime:
    """Return the last midnight of the shop at or before an instant."""
    local = instant.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))
    start = datetime.combine(local.date(), time(), tzinfo=ZoneInfo(timezone))
    return start.astimezone(UTC).replace(tzinfo=None)


def _moved(instant: datetime, days: int, timezone: str) -> datetime:
    """Return the midnight of the shop that many days away."""
    zone = ZoneInfo(timezone)
    local = instant.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) + timedelta(days=days)
    return local.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)


def _unfinished(test: datetime, end: datetime, reach: timedelta, timezone: str) -> TooLittleDataError:
    return TooLittleDataError(
        f"test at {local_day(test, timezone)}",
        f"an instant whose {reach.days} days of gap and horizon are over by {shop_time(end, timezone)}, the end of the "
        "data",
        f"one that ends on {local_day(test + reach, timezone)}",
        f"The latest is {local_day(_midnight(end - reach, timezone), timezone)}",
    )


def _too_short(known: tuple[datetime, datetime], reach: int, horizon: int, timezone: str) -> TooLittleDataError:
    first, test_end = (local_day(at, timezone) for at in known)
    needed = 2 * reach + horizon
    return TooLittleDataError(
        "training snapshots",
        f"{needed} days of data: a horizon of {horizon} days of history, then a label for training and one "
        f"for the test of {reach} days each",
        f"{max((known[1] - known[0]).days, 0)} days, from {first} to the test's end on {test_end}",
        "Choose a shorter horizon_days for the task in penchant.toml or a later test, or bring more history",
    )
