"""Statistics of a ranking that do not depend on the order of rows with equal scores.

Weights come as (draws, scores): one column for each distinct score, the highest first.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..inputs.arrays import Floats

Positions = npt.NDArray[np.intp]
DUST = 1e-10  # of the largest value: what sums in another order, or another engine, may differ by


def falling(values: Floats) -> Positions:
    """Return the positions that sort values from highest to lowest."""
    return np.argsort(-values, kind="stable")


def first_of_ties(ranked: Floats) -> Positions:
    """Return where each distinct value starts in sorted values; values that only rounding tells apart are equal."""
    known = np.abs(ranked[np.isfinite(ranked)])
    dust = DUST * float(known.max()) if len(known) else 0.0
    with np.errstate(invalid="ignore"):  # of two infinite values
        apart = (ranked[1:] != ranked[:-1]) & ~(np.abs(ranked[1:] - ranked[:-1]) <= dust)
    return np.flatnonzero(np.concatenate([[True], apart]))


def without_dust(values: Floats) -> Floats:
    """Return values of which those are exactly equal that only rounding told apart, for whoever ranks them.

    Examples
    --------
    >>> without_dust(np.array([0.3, 0.1 + 0.2, 0.7])).tolist()
    [0.30000000000000004, 0.30000000000000004, 0.7]
    """
    order = falling(values)
    first = first_of_ties(values[order])
    level = np.empty(len(values))
    level[order] = np.repeat(values[order][first], np.diff(first, append=len(values)))
    return level


def sums_of_ties(weights: Floats, first: Positions) -> Floats:
    """Return the sum over each tie of weights in ranked order, (draws, rows) -> (draws, scores)."""
    if len(first) == weights.shape[1]:
        return weights
    return np.asarray(np.add.reduceat(weights, first, axis=1))


def auc(positive: Floats, found: Floats, passed: Floats) -> Floats:
    """Return the probability that a positive ranks above a negative; a tie counts one half.

    Parameters
    ----------
    positive
        Weight of the positives of each distinct score.
    found, passed
        Cumulative weight of positives and of all rows down to each distinct score.

    References
    ----------
    Hanley & McNeil (1982), Radiology 143: the area equals the Mann-Whitney statistic.
    """
    negatives_above = passed - found
    n_negative = negatives_above[:, -1:]
    middle = negatives_above - np.diff(negatives_above, axis=1, prepend=0.0) / 2
    return ratio(((n_negative - middle) * positive).sum(axis=1), found[:, -1] * n_negative[:, 0])


def average_precision(positive: Floats, found: Floats, passed: Floats) -> Floats:
    """Return the mean precision at each positive, a tie taken as one step; parameters as in `auc`."""
    precision = ratio(found, passed, otherwise=0.0)
    return ratio((positive * precision).sum(axis=1), found[:, -1])


def gains(weight: Floats, passed: Floats, amount: Floats, shares: Floats) -> Floats:
    """Return the share of an amount that the top shares of the rows hold.

    A tie that straddles a cut gives the part that a random order would give on average.

    Parameters
    ----------
    weight, passed
        Weight of each distinct score, and the same cumulated.
    amount
        Weighted amount of each distinct score.
    shares
        Rising cuts in 0..1.

    Returns
    -------
    ndarray of shape (draws, len(shares))
    """
    cuts = shares * passed[:, -1:]
    reached = np.array([np.searchsorted(row, cut) for row, cut in zip(passed, cuts, strict=True)])
    straddling = np.minimum(reached, passed.shape[1] - 1)
    sizes = np.take_along_axis(weight, straddling, axis=1)
    above = np.take_along_axis(passed, straddling, axis=1) - sizes
    part = ratio(cuts - above, sizes, otherwise=0.0)
    edges = np.insert(straddling, 0, 0, axis=1).tolist()
    between = [[row[a:b].sum() for a, b in pairwise(ends)] for row, ends in zip(amount, edges, strict=True)]
    held = np.cumsum(between, axis=1) + part * np.take_along_axis(amount, straddling, axis=1)
    return ratio(held, amount.sum(axis=1, keepdims=True))


def middle_ranks(weights: Floats, values: Floats) -> Floats:
    """Return each row's weighted rank from the top, tied rows at the middle of their tie: (draws, rows)."""
    order = falling(values)
    first = first_of_ties(values[order])
    sums = sums_of_ties(weights.take(order, axis=1), first)
    tie_of_row = np.empty(len(values), dtype=np.intp)
    tie_of_row[order] = np.repeat(np.arange(len(first)), np.diff(first, append=len(values)))
    return np.asarray((np.cumsum(sums, axis=1) - sums / 2).take(tie_of_row, axis=1))


def ratio(part: Floats, whole: Floats, otherwise: float = np.nan) -> Floats:
    """Return part / whole, and ``otherwise`` where the whole is zero."""
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.full(part.shape, otherwise), where=whole != 0)
