"""Intervals of what insight pages count: a share, a mean, and a crowd's share as an index of the base's."""

from __future__ import annotations

from math import nan
from statistics import NormalDist

import numpy as np

from ...models.inputs.arrays import Floats
from ...models.inputs.estimate import Estimate
from ...models.inputs.two_means import bounds_of, index_bounds, share_bounds

LEVEL = 0.95


def normal_quantile(level: float = LEVEL, n_together: int = 1) -> float:
    """Return how many standard errors an interval reaches, so that so many hold together with a level (Sidak).

    Examples
    --------
    >>> round(normal_quantile(), 2), round(normal_quantile(n_together=10), 2)
    (1.96, 2.8)
    """
    one = level ** (1 / max(n_together, 1))
    return NormalDist().inv_cdf((1 + one) / 2)


def wilson(n_yes: int, n: int, z: float | None = None) -> Estimate:
    """Return a share with its interval, Wilson's (`share_bounds`); nan without anybody.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference. JASA 22, 209-212.

    Examples
    --------
    >>> f"{wilson(8, 10):.3f}"
    '0.800 [0.490, 0.964]'
    """
    if not n:
        return Estimate(nan, nan, nan)
    level = LEVEL if z is None else 2 * NormalDist().cdf(z) - 1
    return Estimate(n_yes / n, *share_bounds(n_yes / n, n, level))


def mean_of(values: Floats, level: float = LEVEL) -> Estimate:
    """Return a mean with its interval, right for few and skewed amounts too; bounds are nan with fewer than two."""
    if not len(values):
        return Estimate(nan, nan, nan)
    return Estimate(float(values.mean()), *bounds_of(values, np.ones(len(values)), level=level))


def difference_of_two(one: Estimate, other: Estimate) -> Estimate:
    """Return the difference of two independent numbers, its interval made of theirs.

    References
    ----------
    Zou & Donner (2008), Construction of confidence limits about effect measures: a general approach. Statistics in
    Medicine 27, 1693-1702.

    Examples
    --------
    >>> f"{difference_of_two(wilson(80, 100), wilson(50, 100)):.2f}"
    '0.30 [0.17, 0.42]'
    """
    value = one.value - other.value
    low = value - float(np.hypot(one.value - one.low, other.high - other.value))
    return Estimate(value, low, value + float(np.hypot(one.high - one.value, other.value - other.low)))


def index_of(inside: tuple[int, int], base: tuple[int, int], z: float | None = None) -> Estimate:
    """Return a crowd's share as an index of the base's (100 = as the base), with its interval.

    Parameters
    ----------
    inside, base
        (how many have it, how many in all) in the crowd and in the base; the crowd is part of the base.
    z
        Standard errors of the interval; default: those of 95 %.
    """
    (k_in, n_in), (k_all, n_all) = inside, base
    if not n_in or not k_all:
        return Estimate(nan, nan, nan)
    value = 100.0 * (k_in / n_in) / (k_all / n_all)
    n_rest = n_all - n_in
    if not n_rest:
        return Estimate(value, value, value)
    low, high = index_bounds(wilson(k_in, n_in, z), wilson(k_all - k_in, n_rest, z), n_in / n_all)
    return Estimate(value, min(100.0 * low, value), max(100.0 * high, value))
