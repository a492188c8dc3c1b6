"""How far a shop's level may move: what is promised of all customers together, by how far earlier promises were off.

A season or a campaign moves everybody at once. No customer's interval tells that; the shop's own past does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import t as student

from ..inputs.arrays import Floats
from ..inputs.estimate import Estimate

LEAST_CHANCE = 1e-6
FARTHEST = 12.0  # log-odds
USUAL_SHIFT = 0.3  # log-odds: few earlier promises say little, so one more counts as off by so much


def level_shift(p: Floats, share: float) -> float:
    """Return what to add to all log-odds so that the mean probability becomes a share.

    Examples
    --------
    >>> round(level_shift(np.array([0.5, 0.5]), 0.75), 3)
    1.099
    """
    odds = logit(np.clip(p, LEAST_CHANCE, 1 - LEAST_CHANCE))
    target = float(np.clip(share, LEAST_CHANCE, 1 - LEAST_CHANCE))

    def off(shift: float) -> float:
        return float(expit(odds + shift).mean()) - target

    if off(-FARTHEST) >= 0 or off(FARTHEST) <= 0:
        return float(np.sign(target - float(np.mean(p)))) * FARTHEST
    return float(brentq(off, -FARTHEST, FARTHEST))


def level_of(p: Floats, shifts: Sequence[float], level: float = 0.95) -> Estimate:
    """Return the mean of probabilities with an interval as wide as earlier promises were off.

    Parameters
    ----------
    p
        Probability of each customer, (n,).
    shifts
        By how much earlier promises were off, in log-odds (`level_shift`), a horizon apart.
    level
        Probability that the interval holds what comes.

    Returns
    -------
    Estimate
        The bounds are nan without an earlier promise; one more than there are counts as off by 0.3. The misses are not
        taken out of the value: what a shop was off by last says too little of what comes.
    """
    value = float(np.mean(p))
    if not len(shifts):
        return Estimate(value, np.nan, np.nan)
    all_shifts = [*shifts, USUAL_SHIFT]
    reach = float(student.ppf((1 + level) / 2, len(all_shifts)) * np.sqrt(np.mean(np.square(all_shifts))))
    odds = logit(np.clip(p, LEAST_CHANCE, 1 - LEAST_CHANCE))
    return Estimate(value, *(float(expit(odds + sign * reach).mean()) for sign in (-1, 1)))
