"""Do predicted effects come true? Predicted against realised uplift by decile, and the slope between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from penchant.errors import InputError

from ..inputs.arrays import Floats, Ints
from ..inputs.bootstrap import N_DRAWS, interval
from ..inputs.estimate import Estimate
from ..inputs.two_means import difference_bounds, kind_of_outcome
from ..uplift.trial import Trial, TrialDesign, draw_customers, read_trial
from .qini import PER_CUSTOMERS
from .qini_bounds import stretch_of_trial, sums_between
from .qini_curves import Ranked, rank
from .ranking import Positions


@dataclass(frozen=True)
class UpliftBin:
    """Customers of similar predicted uplift.

    Attributes
    ----------
    decile
        1 = highest predicted. With many equal predictions some numbers do not occur.
    share
        Share of all customers, by weight.
    predicted
        Mean predicted uplift, per 1,000 customers.
    realised
        What contacting changed, per 1,000 customers; NaN where one arm is missing.
    """

    decile: int
    share: float
    predicted: float
    realised: Estimate


@dataclass(frozen=True)
class UpliftCalibration:
    """Predicted against realised uplift.

    Attributes
    ----------
    bins
        Falling in predicted uplift. Equal predictions are never parted.
    slope
        By how much the realised effect differs between customers whose predictions differ by 1.
        1: differences come true; 0: they mean nothing; below 1: overstated. NaN where all predictions are equal.
    bias
        Mean predicted less mean realised effect, per 1,000 customers. 0: right on average.
    """

    bins: tuple[UpliftBin, ...]
    slope: Estimate
    bias: Estimate

    def __str__(self) -> str:
        """Return slope and bias in a sentence."""
        return (
            f"predicted differences come true by a factor of {self.slope:.2f}; "
            f"predictions are {self.bias:+.3g} per 1,000 customers off on average"
        )


def uplift_calibration(
    y: Any,
    uplift: Any,
    treatment: Any,
    n_bins: int = 10,
    *,
    n_draws: int = N_DRAWS,
    seed: int = 0,
    **design: Unpack[TrialDesign],
) -> UpliftCalibration:
    """Compare predicted uplift with what came, in bins of equal size and by one slope.

    Parameters
    ----------
    uplift
        (n,) predicted uplift in the unit of ``y``, per customer.
    n_bins
        Number of bins; 10 gives deciles.
    y, treatment, n_draws, seed, **design
        As in `qini`.

    Raises
    ------
    InputError
        Fewer than one bin, or as in `qini`.

    References
    ----------
    Chernozhukov, Demirer, Duflo & Fernandez-Val (2018), arXiv:1712.04802 (best linear predictor; sorted groups).

    Examples
    --------
    >>> y, treated = [1, 0, 0, 0] * 100, [1, 0, 1, 0] * 100
    >>> found = uplift_calibration(y, [0.9, 0.9, 0.1, 0.1] * 100, treated, n_bins=2, n_draws=50)
    >>> [(round(b.predicted), round(b.realised.value)) for b in found.bins], round(found.slope.value, 9)
    ([(900, 1000), (100, 0)], 1.25)
    """
    if n_bins < 1:
        raise InputError("n_bins", "at least one bin is needed", f"{n_bins}")
    trial = read_trial(y, {"uplift": uplift}, treatment, **design)
    ranked = rank(trial, trial.scores[0])
    predicted = trial.scores[0][ranked.order]
    centre = predicted[len(predicted) // 2]
    deciles, starts = _bins(ranked, n_bins)
    parts = _moments(ranked.parts, predicted - centre)
    nothing = 1e-12 * float(((predicted - centre) ** 2).max())  # what rounding leaves of equal predictions

    def slope_of(counts: Ints | None) -> float:
        drawn = parts if counts is None else parts * counts[ranked.order]
        return _slope(drawn.sum(axis=1), nothing)

    drawn = np.array([slope_of(counts) for counts in draw_customers(trial.is_treated, trial.customer, n_draws, seed)])
    weight = np.add.reduceat(ranked.parts[0], starts)
    means = np.add.reduceat(ranked.parts[0] * predicted, starts) / weight
    ends = np.append(starts[1:], len(predicted))
    effects = _effects(trial, ranked, starts, ends)
    bins = tuple(
        UpliftBin(decile, share, mean * PER_CUSTOMERS, effect)
        for decile, share, mean, effect in zip(
            deciles.tolist(), (weight / weight.sum()).tolist(), means.tolist(), effects, strict=True
        )
    )
    average = _effects(trial, ranked, starts[:1], ends[-1:])[0]
    mean = PER_CUSTOMERS * float(np.average(predicted, weights=ranked.parts[0]))
    return UpliftCalibration(
        bins,
        slope=interval(slope_of(None), drawn, stretch=stretch_of_trial(trial).even),
        bias=Estimate(mean - average.value, mean - average.high, mean - average.low),
    )


def _effects(trial: Trial, ranked: Ranked, starts: Positions, ends: Positions) -> list[Estimate]:
    """Return what contacting changed from each start to each end, per 1,000 customers."""
    found = difference_bounds(*sums_between(trial, ranked, starts, ends), kind_of_outcome(trial.y))
    return [Estimate(*map(float, column)).scaled(PER_CUSTOMERS) for column in np.array(found).T]


def _bins(ranked: Ranked, n_bins: int) -> tuple[Ints, Positions]:
    """Return the number of each bin that occurs, and where it starts.

    A group of equal scores goes where its middle lies.
    """
    weight = ranked.parts[0]
    starts = np.arange(len(weight)) if ranked.starts is None else ranked.starts
    size = np.add.reduceat(weight, starts)
    middle = (np.cumsum(size) - size / 2) / size.sum()
    number = np.minimum((middle * n_bins).astype(np.int64), n_bins - 1)
    is_first = np.diff(number, prepend=-1) > 0
    return number[is_first] + 1, starts[is_first]


def _moments(parts: Floats, predicted: Floats) -> Floats:
    """Return (12, n) what is summed: the parts of a curve, then weight s; by arm: w s, w s s, w s y."""
    weight, treated, treated_y, control, control_y = parts
    by_arm = [
        row * predicted for w, wy in ((treated, treated_y), (control, control_y)) for row in (w, w * predicted, wy)
    ]
    return np.vstack([parts, weight * predicted, *by_arm])


def _slope(sums: Floats, nothing: float) -> float:
    """Return the slope of the effect over the prediction: that of the outcome among the treated less the control's."""
    slopes = []
    for w, wy, (ws, wss, wsy) in ((sums[1], sums[2], sums[6:9]), (sums[3], sums[4], sums[9:])):
        spread = wss / w - (ws / w) ** 2
        slopes.append((wsy / w - ws / w * wy / w) / spread if spread > nothing else np.nan)
    return slopes[0] - slopes[1]
