"""Looking at a running campaign every day without false alarms: an always-valid interval for each look.

A 95 % interval is wrong in one look of twenty; who looks daily and stops at the first one clear of zero is misled
far more often. The intervals here hold on all days together, however often one looks and whenever one stops.

References
----------
Robbins (1970), Statistical methods related to the law of the iterated logarithm, Annals of Mathematical Statistics 41
(the normal mixture boundary).
Howard, Ramdas, McAuliffe, Sekhon (2021), Time-uniform, nonparametric, nonasymptotic confidence sequences, Annals of
Statistics 49:1055 (the boundary's form, and its tuning).
Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024), Time-uniform central limit theory and asymptotic confidence
sequences, Annals of Statistics 52:2613 (its use for estimates that are normal only in large samples).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import lambertw

from ...models.inputs.arrays import Floats, Ints
from ...models.inputs.distributions import normal_ppf
from ...models.inputs.estimate import Estimate
from .effect import Sample

MOST_LOOKS = 60
LEAST_RESPONDERS = 10  # before so many came, nothing is said at all
TIGHTEST_AT = 10.0  # times what is known at the first look


@dataclass(frozen=True, eq=False)
class Looks:
    """The difference in response so far, on each day on which one could have looked.

    Attributes
    ----------
    table
        day (since the first assignment), n (customers assigned so far), treated and control (shares that responded so
        far), difference, low, high (always valid), naive_low, naive_high (as if it were the only look).
    level
        Of the intervals.
    """

    table: pd.DataFrame
    level: float

    @property
    def first_clear_day(self) -> float | None:
        """The first day on which zero lay outside the always-valid interval; None if it never did."""
        clear = self.table.loc[(self.table["low"] > 0) | (self.table["high"] < 0), "day"]
        return float(clear.iloc[0]) if len(clear) else None

    def as_dict(self) -> dict[str, Any]:
        """Return each look by name, as JSON takes it."""
        columns = ("day", "n", "treated", "control", "difference", "low", "high")
        days = [
            {"day": day, "n": n, "treated": t, "control": c, "difference": Estimate(*found).as_dict()}
            for day, n, t, c, *found in zip(*(self.table[name].tolist() for name in columns), strict=True)
        ]
        return {"level": self.level, "first_clear_day": self.first_clear_day, "days": days}


def look_daily(
    sample: Sample, entered: Floats, responded: Floats, until: float, *, level: float = 0.95, inflation: float = 1.0
) -> Looks:
    """Return what each look would have seen.

    Parameters
    ----------
    sample
        Who was in which arm.
    entered
        (n,) days from the first assignment to the row's own, 0 and up.
    responded
        (n,) days from the row's assignment to its first response; infinite where there was none in the window.
    until
        The last day that can be looked at.
    level
        Probability that all intervals hold together.
    inflation
        Factor on the variance where customers have several rows: variance with customers counted once / without.
    """
    days = look_days(until)
    entry, answer = np.searchsorted(days, entered), np.searchsorted(days, entered + responded)
    shares, variances, covariances = zip(
        *(
            _arm(entry[rows], answer[rows], sample.weight[rows], len(days))
            for rows in (sample.is_treated, ~sample.is_treated)
        ),
        strict=True,
    )
    counts = np.cumsum(np.bincount(entry, minlength=len(days))[: len(days)])
    seen = np.cumsum(np.bincount(answer, minlength=len(days) + 1)[: len(days)]) >= LEAST_RESPONDERS
    seen &= np.isfinite(shares[0]) & np.isfinite(shares[1])
    variance = (variances[0] + variances[1]) * inflation
    clock = _clock(variance[seen], ((covariances[0] + covariances[1]) * inflation)[seen])
    difference, error = (shares[0] - shares[1])[seen], np.sqrt(variance[seen])
    wide, single = always_valid(clock, level) * error, normal_ppf((1 + level) / 2) * error
    table = pd.DataFrame(
        {
            "day": days[seen],
            "n": counts[seen],
            "treated": shares[0][seen],
            "control": shares[1][seen],
            "difference": difference,
            "low": difference - wide,
            "high": difference + wide,
            "naive_low": difference - single,
            "naive_high": difference + single,
        }
    )
    return Looks(table, level)


def look_days(until: float) -> Floats:
    """Return the days that are looked at: each one, or evenly spread where there would be too many."""
    n_days = max(int(until), 1)
    step = -(-n_days // MOST_LOOKS)
    return np.arange(n_days, 0, -step, dtype=np.float64)[::-1]


def always_valid(clock: Floats, level: float = 0.95) -> Floats:
    """Return how many standard errors wide each side of an always-valid interval is.

    Parameters
    ----------
    clock
        How much is known at each look, rising from 1 at the first: the looks must be correlated as a random walk's
        values at these times, or more.

    Examples
    --------
    >>> always_valid(np.array([1.0, 10.0, 100.0])).round(2).tolist()
    [3.82, 3.04, 3.25]
    """
    alpha = 1 - level
    rho = TIGHTEST_AT / float(-lambertw(-(alpha**2) / np.e, k=-1).real - 1)
    return np.asarray(np.sqrt((clock + rho) / clock * np.log((clock + rho) / (rho * alpha**2))))


def _arm(entry: Ints, answer: Ints, weight: Floats, n_days: int) -> tuple[Floats, Floats, Floats]:
    """Return an arm's share of responders at each look, its variance, and the covariance with the look before.

    All sums are over a table of who had entered by which look and answered by which.
    """
    cell = np.minimum(entry, n_days) * (n_days + 1) + np.minimum(answer, n_days)
    sums = [np.bincount(cell, w, (n_days + 1) ** 2).reshape(n_days + 1, -1) for w in (weight, weight**2)]
    by_entry = [table.sum(axis=1).cumsum()[:n_days] for table in sums]
    seen = [table.cumsum(axis=0).cumsum(axis=1)[:n_days, :n_days] for table in sums]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.diagonal(seen[0]) / by_entry[0]
        answered = np.diagonal(seen[1])
        variance = answered * (1 - 2 * share) + share**2 * by_entry[1]
        size = by_entry[0] ** 2 / by_entry[1]
        likely = (share * size + 1) / (size + 2)
        least = likely * (1 - likely) / (size + 2)
        before = np.concatenate([[np.nan], share[:-1]])
        # rows that had entered at the look before: answered by then, and answered by now
        then, now = np.roll(answered, 1), np.concatenate([[np.nan], np.diagonal(seen[1], 1)])
        shared = then * (1 - share) - before * now + before * share * np.roll(by_entry[1], 1)
        covariance = shared / (by_entry[0] * np.roll(by_entry[0], 1))
        return share, np.maximum(variance / by_entry[0] ** 2, least), covariance


def _clock(variance: Floats, covariance: Floats) -> Floats:
    """Return the times at which a random walk would be correlated from look to look as the estimates are."""
    with np.errstate(invalid="ignore", divide="ignore"):
        squared = covariance[1:] ** 2 / (variance[1:] * variance[:-1])
    steps = 1 / np.clip(np.nan_to_num(squared, nan=1.0), 1e-6, 1.0)
    return np.concatenate([np.ones(min(len(variance), 1)), np.cumprod(steps)])
