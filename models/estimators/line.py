"""A ridge-penalised logistic line over all columns, to stand beside the trees.

A line over logarithms sees the large and even effects that trees need many splits for, and goes wrong elsewhere than
they do: the mean of the two log-odds is a better guess than either, most of all on a later snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..inputs.arrays import Floats
from ..inputs.row_groups import said_by_fold
from ..plain_parts import LinearPart
from .boosting import Training
from .linear import NearbyLogistic, Spreading, design_of, linear_part, logistic, spreads_of

PENALTY = 10.0  # on slopes of columns of variance 1, in rows
MOST_ROWS = 100_000  # more do not move some hundred slopes
SPREADING = Spreading(clip=(0.001, 0.999), most_categories=20, log=True)


@dataclass(frozen=True, eq=False)
class Lines:
    """A line over all rows, and what lines that left its fold out say of each row.

    Parameters
    ----------
    part
        Of all rows; its sums are log-odds.
    left_out
        Log-odds of each row, shape (n,).
    """

    part: LinearPart
    left_out: Floats


def fit_lines(rows: Training, directions: Mapping[int, int], seed: int) -> Lines:
    """Return the lines of the highest penalised likelihood, on all rows and on all folds but one.

    Parameters
    ----------
    rows
        What to learn, with folds; slopes are learned from at most 100,000 rows, drawn at random.
    directions
        By position of a column of numbers, 1 where its slope may not fall below 0, -1 where not rise above.
    seed
        Of the draw.
    """
    chosen = np.arange(len(rows.y))
    if len(chosen) > MOST_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, MOST_ROWS, replace=False))
    matrix, weight, y = rows.matrix[chosen], rows.weight[chosen], rows.y[chosen]
    spreads = spreads_of(matrix, rows.columns.category_positions, weight, SPREADING)
    ways = [
        directions.get(spread.position, 0) if spread.is_number and not place else 0
        for spread in spreads
        for place in range(len(spread))
    ]
    design = design_of(spreads, matrix)
    nearby = NearbyLogistic(design, y, weight, PENALTY, ways, logistic(design, y, weight, PENALTY))
    whole = nearby.without(np.zeros(len(y), dtype=bool))
    fold, asks = np.asarray(rows.folds), {}
    for number in np.unique(fold):
        found = nearby.without((fold == number)[chosen])
        asks[int(number)] = linear_part(spreads, found[0], found[1:]).predict
    left_out = said_by_fold(rows.matrix, fold, asks)
    return Lines(linear_part(spreads, whole[0], whole[1:]), left_out)
