"""How a chance grows with the horizon: from the days a model was trained for to others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from penchant.errors import InputError, TooLittleDataError

from ..inputs.arrays import Floats, read_numbers, read_weights, refuse_lengths

LEAST_CHANCE = 1e-9
SLOWEST, FASTEST = 0.0, 2.0


@dataclass(frozen=True)
class Pace:
    """Chances within other horizons than a model's own.

    The cumulative hazard grows as a power of the days, the same for everyone: ``p`` within ``days`` becomes
    ``1 - (1 - p) ** (other / days) ** power`` within others.

    Parameters
    ----------
    power
        1: successes come at an even pace, as from customers who never leave; below 1: they thin out.

    References
    ----------
    Cox (1972), Regression models and life-tables (proportional hazards); Weibull (1951), A statistical
    distribution function of wide applicability (the power).

    Examples
    --------
    >>> Pace().within(0.19, days=60, other=30).round(6).item()
    0.1
    """

    power: float = 1.0

    def within(self, p: ArrayLike, days: float, other: float) -> Floats:
        """Return the probability within ``other`` days of each ``p`` within ``days``."""
        stays = 1.0 - np.clip(np.asarray(p, dtype=np.float64), 0.0, 1.0)
        return np.asarray(1.0 - stays ** ((other / days) ** self.power))


def fit_pace(
    p: ArrayLike, y_other: ArrayLike, days: float, other: float, sample_weight: ArrayLike | None = None
) -> Pace:
    """Return the pace that is most likely, given what came within other days.

    Parameters
    ----------
    p
        Probability of success within ``days``, shape (n,), by a model that had not seen the row (a propensity
        model's ``left_out_``).
    y_other
        Whether the success came within ``other`` days of the same rows, 0 or 1.
    days, other
        The two horizons. The half of a horizon is known whenever the whole is.
    sample_weight
        Weight of each row.

    Raises
    ------
    InputError
        The horizons are equal, or the lengths differ.
    TooLittleDataError
        Nobody, or everybody, had a success within ``other`` days.
    """
    chance, came = read_numbers("p", p), read_numbers("y_other", y_other)
    refuse_lengths(len(chance), y_other=came)
    if days == other:
        raise InputError("other", "another horizon than that of p", f"{other:g} days")
    weight = read_weights(sample_weight, len(chance))
    if not 0 < weight @ came < weight.sum():
        raise TooLittleDataError("y_other", "rows of both outcomes", "one outcome")

    def loss(power: float) -> float:
        q = np.clip(Pace(power).within(chance, days, other), LEAST_CHANCE, 1 - LEAST_CHANCE)
        return float(-(weight @ (came * np.log(q) + (1 - came) * np.log1p(-q))))

    from scipy.optimize import minimize_scalar  # takes long to import, and those who read a pace fit none

    return Pace(float(minimize_scalar(loss, bounds=(SLOWEST, FASTEST), method="bounded").x))
