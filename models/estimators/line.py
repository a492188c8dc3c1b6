"""A ridge-penalised logistic line over all columns, to stand beside the trees, and its form as trees.

A line over logarithms sees the large and even effects that trees need many splits for, and goes wrong elsewhere than
they do: the mean of the two log-odds is a better guess than either, most of all on a later snapshot. As the line's
effects add up column by column, a tree for each column holds it, so that a model stays LightGBM's text and nothing
else, with one way to score and to explain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from scipy.optimize import minimize

from ..inputs.arrays import Floats, signed_log
from ..plain_scorer import sigmoid
from .boosting import Training

PENALTY = 10.0  # on slopes of columns of variance 1, in rows
MOST_ROWS = 100_000  # more do not move some hundred slopes
MOST_CATEGORIES = 20  # codes rise with rarity; rarer ones share what the average customer gets
CLIP = (0.001, 0.999)  # a few giants must not carry a slope
MOST_STEPS = 100
LINE = "line"  # what its trees are called among a model's boosters
NUMBER, MISSING = -2, -1  # what a new column is, where it is not a category's code
AS_TREES: dict[str, Any] = {
    "objective": "none",
    "learning_rate": 1.0,
    "num_leaves": 48,
    "min_data_in_leaf": 3,
    "min_sum_hessian_in_leaf": 1e-9,
    "lambda_l2": 0.0,
    "feature_fraction": 1.0,
    "bagging_freq": 0,
    "max_bin": 255,
    "cat_smooth": 0.0,
    "cat_l2": 0.0,
    "max_cat_to_onehot": MOST_CATEGORIES + 1,
    "min_data_per_group": 1,
    "monotone_constraints": None,
}


@dataclass(frozen=True, eq=False)
class Spread:
    """How columns of a matrix become columns of variance 1: what a line has slopes for.

    Parameters
    ----------
    place
        For each new column, the position of the one it comes from.
    kind
        For each, ``-2`` for the number itself, ``-1`` for the flag of what is missing, else a category's code.
    low, high
        Bounds of the logarithms of a number; 0 and 1 of flags.
    centre, scale
        Mean and deviation.
    """

    place: tuple[int, ...]
    kind: tuple[int, ...]
    low: Floats
    high: Floats
    centre: Floats
    scale: Floats

    def columns(self, matrix: Floats) -> Floats:
        """Return (n, columns), each of mean 0 and variance 1 on the rows it was learned from; missing numbers 0."""
        found = np.empty((len(matrix), len(self.place)))
        for number, (place, kind) in enumerate(zip(self.place, self.kind, strict=True)):
            own = np.clip(read(matrix[:, place], kind), self.low[number], self.high[number])
            found[:, number] = np.nan_to_num((own - self.centre[number]) / self.scale[number])
        return found


def read(values: Floats, kind: int) -> Floats:
    """Return a column as the line takes it: logarithms with their sign, or a flag."""
    if kind == NUMBER:
        return signed_log(values)
    return np.asarray(np.isnan(values) if kind == MISSING else values == kind, dtype=np.float64)


def spread_of(matrix: Floats, weight: Floats, categories: list[int]) -> Spread:
    """Return how a matrix is spread; what does not vary is left out."""
    rows = []
    for place in range(matrix.shape[1]):
        values = matrix[:, place]
        kinds = list(range(MOST_CATEGORIES)) if place in categories else [NUMBER]
        for kind in (*kinds, MISSING):
            own = read(values, kind)
            known = ~np.isnan(own) & (weight > 0)
            if not known.any():
                continue
            low, high = np.quantile(own[known], CLIP) if kind == NUMBER else (0.0, 1.0)
            held, share = np.clip(own[known], low, high), weight[known]
            centre = np.average(held, weights=share)
            scale = np.sqrt(np.average((held - centre) ** 2, weights=share))
            if scale > 1e-9:
                rows.append((place, kind, low, high, centre, scale))
    places, kinds_of, *numbers = zip(*rows, strict=True) if rows else ((), (), (), (), (), ())
    return Spread(tuple(places), tuple(kinds_of), *(np.array(part, dtype=np.float64) for part in numbers))


@dataclass(frozen=True, eq=False)
class Line:
    """Log-odds as a sum over columns.

    Parameters
    ----------
    spread
        The columns.
    intercept, slopes
        Of them.
    """

    spread: Spread
    intercept: float
    slopes: Floats

    def log_odds(self, matrix: Floats) -> Floats:
        """Return the log-odds of each row, shape (n,)."""
        found = np.empty(len(matrix))
        for start in range(0, len(matrix), MOST_ROWS):
            rows = slice(start, start + MOST_ROWS)
            found[rows] = self.intercept + self.spread.columns(matrix[rows]) @ self.slopes
        return found


@dataclass(frozen=True, eq=False)
class Lines:
    """A line over all rows, and what lines that left its fold out say of each row.

    Parameters
    ----------
    line
        Of all rows.
    left_out
        Log-odds of each row, shape (n,).
    """

    line: Line
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
    matrix, weight = rows.matrix[chosen], rows.weight[chosen]
    spread = spread_of(matrix, weight, rows.columns.category_positions)
    ways = [
        directions.get(place, 0) if kind == NUMBER else 0 for place, kind in zip(spread.place, spread.kind, strict=True)
    ]
    design = spread.columns(matrix)
    rate = np.clip(np.average(rows.y[chosen], weights=weight), 1e-6, 1 - 1e-6)
    start = np.append(np.log(rate / (1 - rate)), np.zeros(len(ways)))
    whole = _solved(design, rows.y[chosen], weight, ways, start)
    left_out, fold = np.empty(len(rows.y)), np.asarray(rows.folds)
    for number in np.unique(fold):
        own, out = fold[chosen] != number, fold == number
        slopes = _solved(design[own], rows.y[chosen][own], weight[own], ways, whole)
        left_out[out] = _line(spread, slopes).log_odds(rows.matrix[out])
    return Lines(_line(spread, whole), left_out)


def _line(spread: Spread, found: Floats) -> Line:
    return Line(spread, float(found[0]), found[1:])


def _solved(design: Floats, y: Floats, weight: Floats, ways: Sequence[int], start: Floats) -> Floats:
    """Return intercept and slopes, within their directions."""
    share = weight / weight.mean()

    def loss(line: Floats) -> tuple[float, Floats]:
        at = line[0] + design @ line[1:]
        left = share * (sigmoid(at) - y)
        value = share @ (np.logaddexp(0.0, at) - y * at) + PENALTY / 2 * line[1:] @ line[1:]
        return float(value), np.append(left.sum(), left @ design + PENALTY * line[1:])

    bounds = [(None, None), *((0.0 if way > 0 else None, 0.0 if way < 0 else None) for way in ways)]
    options = {"maxiter": MOST_STEPS, "ftol": 1e-7}
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x)


def as_trees(line: Line, share: float, rows: Training, parameters: Mapping[str, Any]) -> lgb.Booster:
    """Return trees whose sum is a share of the line's log-odds: one tree for each column.

    Each tree follows its column's effect in up to 48 steps, which change nothing beyond the values of training.
    """
    kept = np.linspace(0, len(rows.y) - 1, min(len(rows.y), MOST_ROWS)).astype(np.intp)
    matrix = rows.matrix[kept]
    design = line.spread.columns(matrix) * line.slopes * share
    places = np.array(line.spread.place, dtype=np.intp)
    effects = {int(place): design[:, places == place].sum(axis=1) for place in np.unique(places)}
    strongest = max(effects, key=lambda place: float(effects[place].std()))
    effects[strongest] += line.intercept * share  # a tree that splits nothing would not be kept
    return step_trees(matrix, effects, rows.columns.category_positions, {**parameters, **AS_TREES})


def step_trees(
    matrix: Floats, effects: Mapping[int, Floats], categories: list[int], options: Mapping[str, Any]
) -> lgb.Booster:
    """Return one tree for each column's effect, which looks at that column alone.

    Parameters
    ----------
    matrix
        (n, columns) numbers.
    effects
        By a column's position, what it adds to each row.
    categories
        Positions of the columns that hold categories.
    options
        LightGBM's; their `AS_TREES` make a tree follow what it is given.
    """
    alone = [[place] for place in range(matrix.shape[1])]  # no tree looks at two columns
    params = {**options, "interaction_constraints": alone}
    names = [f"column_{place}" for place in range(matrix.shape[1])]
    data = lgb.Dataset(
        matrix, np.zeros(len(matrix)), feature_name=names, params=params, free_raw_data=False,
        categorical_feature=categories,
    )  # fmt: skip
    booster = lgb.Booster(params, data)
    for effect in effects.values():
        booster.update(fobj=lambda _, __, own=effect: (-own, np.ones(len(own))))
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=-1))


@dataclass(frozen=True, eq=False)
class Steps:
    """One tree of a line, which looks at one column.

    Parameters
    ----------
    place
        The column's position; None for a tree that splits nothing.
    base
        The mean over the rows of training.
    added
        By leaf, what it adds to the base.
    """

    place: int | None
    base: float
    added: Floats


def steps_of(booster: lgb.Booster) -> list[Steps]:
    """Return the trees of a line, in their order."""
    found = []
    for _, own in booster.trees_to_dataframe().groupby("tree_index"):
        ends = own[own["left_child"].isna()]
        leaf = ends["node_index"].str.rpartition("L")[2].astype(int).to_numpy()
        value, count = np.zeros(leaf.max() + 1), np.zeros(leaf.max() + 1)
        value[leaf], count[leaf] = ends["value"], ends["count"].fillna(0)
        base = float(np.average(value, weights=count)) if count.any() else float(value.mean())
        column = own["split_feature"].dropna()
        place = int(column.iloc[0].rpartition("_")[2]) if len(column) else None
        found.append(Steps(place, base, value - base))
    return found


def line_contributions(booster: lgb.Booster, steps: Sequence[Steps], matrix: Floats, n_threads: int) -> Floats:
    """Return what each column adds by trees that look at one column each, shape (n, columns + 1); the last is the base.

    The same as LightGBM's ``pred_contrib``, which walks each tree once for each of its leaves.
    """
    leaf = np.asarray(booster.predict(matrix, pred_leaf=True, num_threads=n_threads), dtype=np.intp)
    leaf = leaf.reshape(len(matrix), -1)
    added = np.zeros((len(matrix), matrix.shape[1] + 1))
    for tree, own in enumerate(steps):
        added[:, -1] += own.base
        if own.place is not None:
            added[:, own.place] += own.added[leaf[:, tree]]
    return added


def scaled(booster: lgb.Booster, share: float) -> lgb.Booster:
    """Return the same trees with their leaves times a share."""
    leaves = booster.trees_to_dataframe()
    leaves = leaves[leaves["left_child"].isna()]
    for tree, node, value in zip(leaves["tree_index"], leaves["node_index"], leaves["value"], strict=True):
        leaf = int(str(node).rpartition("L")[2])
        booster.set_leaf_output(int(tree), leaf, float(value) * share)
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=-1))
