"""One-column rules: the cut that parts customers by effect best, a baseline that is hard to beat."""

from __future__ import annotations

import numpy as np

from ..inputs.arrays import Floats, Ints
from ..plain_parts import RulePart
from .outcomes import Scores
from .problem import Rows, UpliftProblem

N_CUTS = 16  # quantiles at which numbers are cut
LEAST_SHARE = 0.05  # of the weight, on either side
MOST_CATEGORIES = 30  # rarer ones are outside


def best_rule(problem: UpliftProblem, rows: Rows, scores: Scores) -> RulePart:
    """Return the column and cut whose two sides differ most, measured in standard errors.

    Parameters
    ----------
    problem
        Whose matrix is searched.
    rows
        (m,) positions in the matrix.
    scores
        Scores of these rows.

    Returns
    -------
    RulePart
        Predicts the mean score of either side, missing values being outside; the overall mean for everyone
        if no cut leaves 5 % on both sides.
    """
    best, found = 0.0, RulePart(0, None, (), scores.mean, scores.mean)
    for position, name in enumerate(problem.columns.names):
        values = problem.matrix[rows, position]
        if name in problem.columns.categories:
            rule, z = _categories_cut(position, values, scores)
        else:
            rule, z = _number_cut(position, values, scores)
        if z > best:
            best, found = z, rule
    return found


def _number_cut(position: int, values: Floats, scores: Scores) -> tuple[RulePart, float]:
    """Return the best threshold of a column of numbers, and how many standard errors apart its sides are."""
    cuts = _cuts(np.sort(values[~np.isnan(values)]))
    bins = np.searchsorted(cuts, values, side="left")  # bin i: above cut i - 1, not above cut i
    bins[np.isnan(values)] = 0
    sums = _sums(bins, len(cuts) + 1, scores)
    side, z = _best_side(sums[:, ::-1])
    inside, outside = _means(sums[:, ::-1], side)
    threshold = float(cuts[len(cuts) - 1 - side]) if len(cuts) else np.inf
    return RulePart(position, threshold, (), inside, outside), z


def _cuts(rising: Floats) -> Floats:
    """Return where a column is cut: at each value but the last where they are few, else at quantiles."""
    distinct = rising[np.append(True, rising[1:] > rising[:-1])] if len(rising) else rising
    if len(distinct) <= N_CUTS:
        return distinct[:-1]
    levels = np.linspace(0, 1, N_CUTS + 2)[1:-1]
    return np.unique(rising[(levels * (len(rising) - 1)).astype(np.intp)])


def _categories_cut(position: int, values: Floats, scores: Scores) -> tuple[RulePart, float]:
    """Return the best set of categories, taken from those with the highest mean score downwards."""
    bins = np.where(np.isnan(values) | (values >= MOST_CATEGORIES), MOST_CATEGORIES, values).astype(np.int64)
    sums = _sums(bins, MOST_CATEGORIES + 1, scores)
    held = sums[0, :-1] > 0
    mean = np.divide(sums[1, :-1], sums[0, :-1], out=np.full(MOST_CATEGORIES, -np.inf), where=held)
    order = np.argsort(-mean, kind="stable")
    ordered = sums[:, np.append(order, MOST_CATEGORIES)]
    side, z = _best_side(ordered)
    inside, outside = _means(ordered, side)
    return RulePart(position, None, tuple(float(code) for code in order[: side + 1]), inside, outside), z


def _sums(bins: Ints, n_bins: int, scores: Scores) -> Floats:
    """Return (3, bins): weight, weighted scores, and the variance of the latter."""
    weight = scores.weight
    noise = (weight * (scores.value - scores.mean)) ** 2
    return np.array([np.bincount(bins, weights=w, minlength=n_bins) for w in (weight, weight * scores.value, noise)])


def _best_side(sums: Floats) -> tuple[int, float]:
    """Return after which bin to cut, and the difference of the two sides in standard errors."""
    inside = np.cumsum(sums, axis=1)[:, :-1]
    outside = sums.sum(axis=1, keepdims=True) - inside
    share = inside[0] / sums[0].sum()
    allowed = (share >= LEAST_SHARE) & (share <= 1 - LEAST_SHARE)
    if not allowed.any():
        return 0, 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = inside[1] / inside[0] - outside[1] / outside[0]
        error = np.sqrt(inside[2] / inside[0] ** 2 + outside[2] / outside[0] ** 2)
        z = np.where(allowed & (error > 0), np.abs(gap) / error, 0.0)
    return int(np.argmax(z)), float(z.max())


def _means(sums: Floats, side: int) -> tuple[float, float]:
    """Return the mean score inside and outside."""
    inside = sums[:2, : side + 1].sum(axis=1)
    outside = sums[:2, side + 1 :].sum(axis=1)
    return float(inside[1] / max(inside[0], 1e-300)), float(outside[1] / max(outside[0], 1e-300))
