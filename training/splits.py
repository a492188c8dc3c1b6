"""Which rows teach and which judge: of snapshots and waves in time, or of a trial by folds of customers.

In time, every label that teaches is over before the test begins. Where a trial has no later waves to judge it, folds of
customers are judged in sequence, each by models of the folds before it. Were every fold judged by models of all others
(cross-fitting), chance patterns of the whole sample would teach and judge alike, and the folds' numbers depend on each
other: with no effect anywhere, one in five intervals of a learned ranking missed zero. Judged in sequence, the folds'
numbers are a martingale, and an interval over customers holds.

References
----------
Wager (2024), Sequential validation of treatment heterogeneity, arXiv:2405.05534.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.config import TaskSection
from penchant.errors import TooLittleDataError
from penchant.spreadsheet import shop_day, shop_time

from ..models.inputs.folds import grouped_folds
from .dataset import Dataset, UpliftRows

UTC = ZoneInfo("UTC")
TEST_SHARE = 0.3  # of a trial's rows, that the last waves must hold to judge alone
FEWEST_ROWS, FEWEST_OUTCOMES = 200, 30  # of each arm, in training and test alike
N_FOLDS = 5
FIRST_JUDGED = 2  # folds before it only teach


@dataclass(frozen=True, eq=False)
class Split:
    """How rows are parted into those that are learned from and those that judge.

    Parameters
    ----------
    fold
        (n,) each row's fold, judged in sequence; None where the last waves judge.
    train, test
        (n,) bool; with folds, most rows are both.
    words
        Of a trial the same in a sentence; a schedule says it by its days.
    """

    fold: npt.NDArray[np.int64] | None
    train: npt.NDArray[np.bool_]
    test: npt.NDArray[np.bool_]
    words: str = ""

    @property
    def n_train(self) -> int:
        """Rows that the judged models learned from."""
        return int(self.train.sum())

    @property
    def n_test(self) -> int:
        """Rows that judged them."""
        return int(self.test.sum())

    @property
    def n_used(self) -> int:
        """Rows that the model in use learned from."""
        return len(self.train)

    def counts(self) -> dict[str, int]:
        """Return these numbers by name."""
        return {"train": self.n_train, "test": self.n_test, "in_use": self.n_used}


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

    def split(self, rows: Dataset) -> Split:
        """Return which rows of the snapshots teach and which judge; others serve the model in use alone."""
        return Split(None, rows.as_of.isin(list(self.train)).to_numpy(), (rows.as_of == self.test).to_numpy())

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


def split_rows(rows: UpliftRows, horizon_days: int | None, seed: int = 0, timezone: str = "UTC") -> Split:
    """Return the split: in time where the last waves can carry the numbers, else by customer.

    In time: the latest waves that hold 30 % of the rows judge models that learned from those waves whose horizon was
    over when the first of them was assigned. Otherwise each fold of customers is judged by models of the others.

    Parameters
    ----------
    rows
        The rows.
    horizon_days
        Of the outcome; None: not known, as with a bare matrix.
    seed
        Deals out the customers.
    timezone
        The shop's zone, in which a person is told the days.
    """
    in_time = None if horizon_days is None or rows.wave is None else _in_time(rows, horizon_days, timezone)
    if in_time is not None:
        return in_time
    fold = grouped_folds(rows.label, rows.customer_id, N_FOLDS, seed)
    test = fold >= FIRST_JUDGED
    words = (
        f"Customers were split at random into {N_FOLDS} folds; models that learned from the folds before judged each "
        f"from the third on, {int(test.sum()):,} rows in all."
    )
    if rows.wave is not None:
        words += " The last waves alone had too few rows for a test."
    return Split(fold, fold < N_FOLDS - 1, test, words)


def _in_time(rows: UpliftRows, horizon_days: int, timezone: str) -> Split | None:
    wave, assigned_at = pd.Series(rows.wave), pd.Series(rows.as_of)
    starts = assigned_at.groupby(wave).transform("min")
    for start in sorted(starts.unique(), reverse=True):
        test = (starts >= start).to_numpy()
        if test.mean() < TEST_SHARE:
            continue
        over = assigned_at.groupby(wave).transform("max") + pd.Timedelta(days=horizon_days) <= start
        train = over.to_numpy()
        if not (_is_enough(rows.where(train)) and _is_enough(rows.where(test))):
            return None
        n_train, n_test = wave[train].nunique(), wave[test].nunique()
        day = shop_day(start, timezone)
        words = (
            f"Models that learned from {int(train.sum()):,} rows of {n_train} waves were judged on the "
            f"{int(test.sum()):,} rows of the {n_test} waves from {day} on, when those horizons were over."
        )
        return Split(None, train, test, words)
    return None


def _is_enough(rows: UpliftRows) -> bool:
    arms = pd.Series(rows.arm)
    sizes, outcomes = arms.value_counts(), pd.Series(rows.label != 0).groupby(arms).sum()
    return len(sizes) > 1 and sizes.min() >= FEWEST_ROWS and outcomes.min() >= FEWEST_OUTCOMES
