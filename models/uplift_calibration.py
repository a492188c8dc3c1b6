"""Do predicted effects come true? Predicted against realised uplift by decile, and the slope between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from penchant.errors import InputError

from .bootstrap import N_DRAWS, interval
from .estimate import Estimate
from .inputs import Floats, Ints
from .qini import PER_CUSTOMERS
from .qini_curves import Ranked, rank
from .ranking import Positions
from .trial import Design, draw_customers, read_trial


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
    **design: Unpack[Design],
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
    score = trial.scores[0]
    ranked = rank(trial, score)
    deciles, binned = _bins(ranked, score, n_bins)
    predicted = score[ranked.order]

    def read(counts: Ints | None) -> Floats:
        return np.concatenate([_effects(binned, counts), _line(ranked, predicted, counts)])

    values = read(None)
    draws = np.array(
        [read(counts) for counts in draw_customers(trial.is_treated, trial.customer, n_draws, seed)]
    )
    draws = draws.reshape(n_draws, len(values))
    found = [interval(value, drawn) for value, drawn in zip(values.tolist(), draws.T, strict=True)]
    weight = np.add.reduceat(ranked.parts[0], binned.starts)
    means = np.add.reduceat(ranked.parts[0] * predicted, binned.starts) / weight
    bins = tuple(
        UpliftBin(decile, share, mean * PER_CUSTOMERS, effect.scaled(PER_CUSTOMERS))
        for decile, share, mean, effect in zip(
            deciles.tolist(), (weight / weight.sum()).tolist(), means.tolist(), found, strict=False
        )
    )
    return UpliftCalibration(bins, slope=found[-2], bias=found[-1].scaled(PER_CUSTOMERS))


@dataclass(frozen=True, eq=False)
class _Binned(Ranked):
    starts: Positions


def _bins(ranked: Ranked, score: Floats, n_bins: int) -> tuple[Ints, _Binned]:
    """Return the number of each bin that occurs, and the sums cut where bins start.

    A group of equal scores goes where its middle lies.
    """
    weight = ranked.parts[0]
    starts = np.arange(len(weight)) if ranked.starts is None else ranked.starts
    size = np.add.reduceat(weight, starts)
    middle = (np.cumsum(size) - size / 2) / size.sum()
    number = np.minimum((middle * n_bins).astype(np.int64), n_bins - 1)
    is_first = np.diff(number, prepend=-1) > 0
    return number[is_first] + 1, _Binned(ranked.order, starts[is_first], ranked.parts)


def _effects(binned: _Binned, counts: Ints | None) -> Floats:
    """Return the effect in each bin."""
    parts = binned.parts if counts is None else binned.parts * counts[binned.order]
    _, treated, treated_y, control, control_y = np.add.reduceat(parts, binned.starts, axis=1)
    return _ratio(treated_y, treated) - _ratio(control_y, control)


def _line(ranked: Ranked, predicted: Floats, counts: Ints | None) -> Floats:
    """Return the slope of the effect over the prediction, and predicted less realised mean effect.

    The slope of the effect is the slope of the outcome among the treated less that among the control.
    """
    parts = ranked.parts if counts is None else ranked.parts * counts[ranked.order]
    weight, treated, treated_y, control, control_y = parts
    centred = predicted - predicted[len(predicted) // 2]
    nothing = 1e-20 * float((centred**2).max())  # what rounding leaves of equal predictions
    slopes, means = [], []
    for w, wy in ((treated, treated_y), (control, control_y)):
        total, mean_y = w.sum(), wy.sum() / w.sum()
        mean_s = w @ centred / total
        spread = w @ (centred - mean_s) ** 2 / total
        slopes.append((wy @ centred / total - mean_s * mean_y) / spread if spread > nothing else np.nan)
        means.append(mean_y)
    bias = weight @ predicted / weight.sum() - (means[0] - means[1])
    return np.array([slopes[0] - slopes[1], bias])


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
