"""What two arms of given sizes can tell apart, and how many customers a difference takes.

A two-sided test at 5 % that sees the difference in four of five campaigns like this one.
"""

from __future__ import annotations

import math
from statistics import NormalDist

LEVEL, POWER = 0.05, 0.8
BOTH = NormalDist().inv_cdf(1 - LEVEL / 2) + NormalDist().inv_cdf(POWER)  # standard errors
HALVINGS = 60


def smallest_difference(rate: float, n_one: float, n_other: float) -> float:
    """Return the smallest true rise of a rate that would be seen, as a difference of shares; inf where none would.

    Parameters
    ----------
    rate
        The share of successes in the one arm (the control), in [0, 1].
    n_one, n_other
        Customers in each arm.

    References
    ----------
    Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, chapter 4, without the continuity
    correction.

    Examples
    --------
    >>> round(smallest_difference(0.10, 3841, 3841), 3)
    0.02
    """
    if min(n_one, n_other) < 1 or not is_seen(rate, 1.0 - rate, n_one, n_other):
        return math.inf
    low, high = 0.0, 1.0 - rate
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_seen(rate, middle, n_one, n_other) else (middle, high)
    return high


def is_seen(rate: float, difference: float, n_one: float, n_other: float) -> bool:
    """Say whether arms of these sizes would show a rise of the rate in four of five campaigns."""
    other = rate + difference
    error = math.sqrt(rate * (1 - rate) / n_one + other * (1 - other) / n_other)
    return difference > 0 and difference >= BOTH * error


def customers_needed(rate: float, difference: float, control_share: float) -> int:
    """Return the customers, control included, that show a rise of the rate in four of five campaigns.

    Parameters
    ----------
    rate
        The share of successes in the control, in [0, 1).
    difference
        The rise that is to be seen, in (0, 1 - rate].
    control_share
        The control's share of the customers, in (0, 1).

    Examples
    --------
    >>> customers_needed(0.10, 0.02, 0.5)
    7677
    """
    other = rate + difference
    spread = rate * (1 - rate) / control_share + other * (1 - other) / (1 - control_share)
    return math.ceil((BOTH / difference) ** 2 * spread)
