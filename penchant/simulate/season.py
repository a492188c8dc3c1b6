"""Holidays, promotions, the week and the year: what a day does to everyone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from penchant.simulate.settings import ONE_DAY
from penchant.simulate.streams import Float, Int


@dataclass(frozen=True)
class Occasion:
    """A holiday or promotion that returns each year; ``depth`` is the share taken off every price."""

    name: str
    kind: str
    month: int
    day: int
    n_days: int
    depth: float = 0.0


OCCASIONS = (
    Occasion("new_year", "holiday", 1, 1, 2),
    Occasion("lantern_days", "holiday", 2, 10, 7),
    Occasion("spring_sale", "promotion", 3, 5, 4, 0.15),
    Occasion("may_days", "holiday", 5, 1, 4),
    Occasion("mid_year_sale", "promotion", 6, 15, 5, 0.20),
    Occasion("school_sale", "promotion", 8, 26, 6, 0.12),
    Occasion("golden_week", "holiday", 10, 1, 7),
    Occasion("double_eleven", "promotion", 11, 8, 4, 0.25),
    Occasion("double_twelve", "promotion", 12, 10, 3, 0.18),
    Occasion("christmas", "holiday", 12, 22, 5),
)
_WEEK = np.array([0.93, 0.92, 0.94, 0.98, 1.05, 1.12, 1.06])  # Monday to Sunday
_HOURS = np.array([5, 3, 2, 1, 1, 2, 5, 9, 14, 18, 20, 21, 24, 22, 19, 18, 18, 19, 22, 27, 33, 35, 26], float)
_HOUR_SHARES = np.concatenate([[0.0], np.cumsum(_HOURS) / _HOURS.sum()])


@dataclass(frozen=True)
class Season:
    """What each day is like, from the shop's first day on.

    Parameters
    ----------
    pace
        Factor on the visits of everyone, by weekday and time of year.
    is_holiday, is_promotion
        What is on.
    depth
        Share that a promotion takes off every price, in [0, 1).
    occasion
        Place of the promotion in ``OCCASIONS``; -1 where there is none.
    """

    pace: Float
    is_holiday: NDArray[np.bool_]
    is_promotion: NDArray[np.bool_]
    depth: Float
    occasion: Int

    @classmethod
    def of(cls, starts_at: datetime, n_days: int) -> Season:
        """Return the seasons of a number of days."""
        day = np.arange(n_days)
        day_of_year = (day + starts_at.timetuple().tm_yday - 1) % 365.25
        year = 1 + 0.18 * np.cos(2 * np.pi * (day_of_year - 340) / 365.25)
        occasion = np.full((2, n_days), -1)
        for number, first, last in _dated(starts_at, n_days):
            occasion[int(OCCASIONS[number].kind == "promotion"), max(first, 0) : max(last, 0)] = number
        depth = np.array([one.depth for one in OCCASIONS])[occasion[1]]
        return cls(
            pace=_WEEK[(day + starts_at.weekday()) % 7] * year,
            is_holiday=occasion[0] >= 0,
            is_promotion=occasion[1] >= 0,
            depth=np.where(occasion[1] >= 0, depth, 0.0),
            occasion=occasion[1],
        )


def _dated(starts_at: datetime, n_days: int) -> Iterator[tuple[int, int, int]]:
    """Yield place, first day and end of each occasion that touches the days."""
    last_year = (starts_at + timedelta(days=n_days)).year
    for year in range(starts_at.year, last_year + 1):
        for number, one in enumerate(OCCASIONS):
            first = (datetime(year, one.month, one.day, tzinfo=UTC) - starts_at).days
            if first + one.n_days > 0 and first < n_days:
                yield number, first, first + one.n_days


def calendar_rows(starts_at: datetime, ends_at: datetime) -> list[dict[str, object]]:
    """Return the shop's calendar up to a year past its end: what is to come is known beforehand."""
    n_days = (ends_at - starts_at).days + 365
    return [
        {
            "name": OCCASIONS[number].name,
            "starts_at": starts_at + first * ONE_DAY,
            "ends_at": starts_at + last * ONE_DAY,
            "kind": OCCASIONS[number].kind,
        }
        for number, first, last in sorted(_dated(starts_at, n_days), key=lambda one: one[1])
    ]


def second_of_day(share: Float) -> Int:
    """Return a second of the day, before 23:00, from a number in (0, 1): few at night, most in the evening."""
    return (np.interp(share, _HOUR_SHARES, np.arange(len(_HOUR_SHARES))) * 3600).astype(np.int64)
