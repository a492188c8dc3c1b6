"""Quantiles and tails of distributions, as `scipy.stats` has them to the bit; its import alone takes half a second.

Levels and values are numbers or arrays.
"""

from __future__ import annotations

import math
from typing import Any

from scipy import special

_LOG_ROOT_TWO_PI = math.log(math.sqrt(2 * math.pi))


def normal_ppf(level: Any) -> Any:
    """Return the quantile of the standard normal distribution.

    Examples
    --------
    >>> round(float(normal_ppf(0.975)), 3)
    1.96
    """
    return special.ndtri(level)


def normal_logs(value: float) -> tuple[float, float]:
    """Return the logarithms of the standard normal density at a value, and of the probability up to it."""
    return -(value * value) / 2.0 - _LOG_ROOT_TWO_PI, float(special.log_ndtr(value))


def student_ppf(level: Any, freedom: Any) -> Any:
    """Return the quantile of Student's t; nan without degrees of freedom."""
    return special.stdtrit(freedom, level)


def student_tail(value: Any, freedom: Any) -> Any:
    """Return the probability that Student's t lies above a value."""
    return special.stdtr(freedom, -value)


def chi_square_ppf(level: Any, freedom: Any) -> Any:
    """Return the quantile of chi-square."""
    return 2 * special.gammaincinv(freedom / 2, level)


def chi_square_tail(value: float, freedom: float) -> float:
    """Return the probability that chi-square lies above a value; nan without degrees of freedom."""
    return float(special.chdtrc(freedom, value)) if freedom > 0 else math.nan
