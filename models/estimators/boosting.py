"""Grow LightGBM trees: regularised, as many as left-out customers ask for, the same ones for the same seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from numbers import Integral
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from penchant.errors import InputError

from ..inputs.arrays import Floats, Ints
from ..inputs.categories import Columns
from ..inputs.row_groups import MOST_ROWS_AT_ONCE, ParquetRows, said_by_fold

# Chosen on pooled snapshots of several shops at once, not tuned to one of them: small trees, slow steps, and
# leaves that must hold an amount of evidence (the hessian: for a rare outcome about its number of positives)
# rather than a number of rows. The number of trees adapts to the data.
DEFAULTS: dict[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 8,
    "min_sum_hessian_in_leaf": 10.0,
    "min_data_in_leaf": 20,
    "lambda_l2": 10.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "max_bin": 127,
    "cat_smooth": 20.0,
    "max_cat_threshold": 16,
}
FIXED = {"verbosity": -1, "deterministic": True, "force_col_wise": True, "monotone_constraints_method": "intermediate"}
MOST_TREES = 1000
PATIENCE = 40
TREES_WITHOUT_FOLDS = 60
MOST_ROWS_IN_FOLDS = 2_000_000  # each fold's trees need a copy of theirs, and more do not move the number of trees


class _RowGroups(lgb.Sequence):
    """Rows of a file as LightGBM reads them: some to find the bins, then all of them once, in batches."""

    batch_size = MOST_ROWS_AT_ONCE

    def __init__(self, rows: ParquetRows, used: Ints) -> None:
        self._rows, self._used = rows, used

    def __len__(self) -> int:
        return len(self._used)

    def __getitem__(self, index: Any) -> Floats:
        return self._rows[self._used[index]]


@dataclass(frozen=True)
class Grown:
    """Trees, and what they say of rows that they have not seen.

    Parameters
    ----------
    booster
        Trained on all rows; where they had a start, it adds to that.
    left_out
        Raw score of each row, its start included, by trees that were trained on the other folds, or None without
        folds.
    curve
        Learning curve: loss -> its mean over the left-out folds by number of trees, from 1 on; empty without folds.
    """

    booster: lgb.Booster
    left_out: Floats | None
    curve: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Training:
    """Rows as trees take them.

    Parameters
    ----------
    matrix
        (n, columns) numbers, or the `ParquetRows` of a file.
    y, weight
        Outcome and weight of each row.
    columns
        Names and categories of the matrix's columns.
    folds
        Fold of each row, or None where the data are too few to leave any out.
    learns
        Whether a row is learned from; the others are predicted when their fold is left out. None: all.
    start
        The raw score that trees start from, by row. None: a constant.
    """

    matrix: Any
    y: Floats
    weight: Floats
    columns: Columns
    folds: Ints | None
    learns: npt.NDArray[np.bool_] | None = None
    start: Floats | None = None

    def dataset(self, parameters: Mapping[str, Any]) -> lgb.Dataset:
        """Return LightGBM's own form of the rows that are learned from."""
        used = slice(None) if self.learns is None else self.learns
        is_far = isinstance(self.matrix, ParquetRows)
        return lgb.Dataset(
            _RowGroups(self.matrix, np.arange(len(self.y))[used]) if is_far else self.matrix[used],
            self.y[used],
            weight=self.weight[used],
            init_score=None if self.start is None else self.start[used],
            feature_name=[f"column_{i}" for i in range(len(self.columns.names))],
            categorical_feature=self.columns.category_positions,
            params=dict(parameters),
            free_raw_data=is_far,
        )


def parameters_of(
    objective: Mapping[str, Any], given: Mapping[str, Any] | None, seed: int, n_threads: int
) -> dict[str, Any]:
    """Return LightGBM's parameters: the defaults, what the caller gives, and what is never left to chance."""
    bins = {"data_random_seed": seed}  # LightGBM does not derive it for rows in batches
    return {**DEFAULTS, **bins, **(given or {}), **FIXED, **objective, "seed": seed, "num_threads": n_threads}


def grow(rows: Training, parameters: Mapping[str, Any], n_trees: int | None = None) -> Grown:
    """Return trees trained on all rows, in a number that did best on left-out folds.

    Parameters
    ----------
    rows
        What to learn.
    parameters
        LightGBM's, complete.
    n_trees
        A fixed number of trees instead.

    Raises
    ------
    InputError
        LightGBM does not take the parameters, or their number of trees is none.
    """
    if n_trees is not None and (not isinstance(n_trees, Integral) or n_trees < 1):
        raise InputError("n_trees", "a whole number of 1 or more, or None", f"{n_trees!r}")
    with in_our_words():
        return _grown(rows, parameters, n_trees)


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raise InputError where LightGBM refuses its parameters."""
    try:
        yield
    except lgb.basic.LightGBMError as fault:
        raise InputError("params", "parameters that LightGBM takes", str(fault)) from None


def _grown(rows: Training, parameters: Mapping[str, Any], n_trees: int | None) -> Grown:
    data = rows.dataset(parameters)
    if rows.folds is None:
        return Grown(train_booster(data, parameters, n_trees or TREES_WITHOUT_FOLDS), None)
    best, left_out, curve = _left_out(rows, rows.folds, data, parameters, n_trees)
    return Grown(train_booster(data, parameters, best), left_out, curve)


def _left_out(
    rows: Training, folds: Ints, data: lgb.Dataset, parameters: Mapping[str, Any], n_trees: int | None
) -> tuple[int, Floats, dict[str, Sequence[float]]]:
    """Return the number of trees that did best on left-out folds, the rows' raw scores by them, and the curve."""
    fold = folds if rows.learns is None else folds[rows.learns]
    numbers = np.unique(fold)
    fold = _of_some(fold, parameters["seed"])
    cv = lgb.cv(
        dict(parameters),
        data,
        num_boost_round=n_trees or MOST_TREES,
        folds=[(np.flatnonzero((fold != number) & (fold >= 0)), np.flatnonzero(fold == number)) for number in numbers],
        callbacks=[] if n_trees else [lgb.early_stopping(PATIENCE, verbose=False)],
        return_cvbooster=True,
    )
    means = {name: losses for name, losses in cv.items() if name.endswith("-mean")}
    curve = {name.removeprefix("valid ").removesuffix("-mean"): losses for name, losses in means.items()}
    found = cv["cvbooster"]
    best = n_trees or max(1, found.best_iteration)
    asks = {
        int(number): partial(booster.predict, raw_score=True, num_iteration=best)
        for booster, number in zip(found.boosters, numbers, strict=True)
    }
    left_out = said_by_fold(rows.matrix, folds, asks)
    if rows.start is not None:
        left_out += rows.start
    return best, left_out, curve


def _of_some(fold: Ints, seed: int) -> Ints:
    """Return each row's fold, -1 where the rows are more than folds are made of and it was not drawn."""
    if len(fold) <= MOST_ROWS_IN_FOLDS:
        return fold
    drawn = np.random.default_rng(seed).choice(len(fold), MOST_ROWS_IN_FOLDS, replace=False)
    some = np.full_like(fold, -1)
    some[drawn] = fold[drawn]
    return some


def train_booster(data: lgb.Dataset, parameters: Mapping[str, Any], n_trees: int) -> lgb.Booster:
    """Return a booster as it will be read from its file."""
    booster = lgb.train(dict(parameters), data, num_boost_round=n_trees)
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=-1))
