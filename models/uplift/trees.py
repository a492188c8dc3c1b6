"""Boosted trees over one binned table that all models of a fit share."""

from __future__ import annotations

import warnings
from copy import copy
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
from sklearn.base import BaseEstimator

from penchant.errors import InputError

from ..inputs.arrays import Floats
from ..plain_parts import LinearPart, TreesPart
from .models import Model
from .problem import Rows, UpliftProblem

TREATMENT = "treatment"
FOREST = {"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1, "feature_fraction_bynode": 0.6}
_OBJECTIVES = {"binary": "binary", "count": "poisson", "continuous": "l2", "difference": "l2"}


@dataclass
class Trees(BaseEstimator):
    """How LightGBM grows; the defaults are strongly regularised, because effects are small beside noise.

    Parameters
    ----------
    n_trees
        Number of trees of an outcome model. Effect models grow ``effect_share`` of them.
    n_leaves
        Most leaves of a tree.
    learning_rate
        Step of each tree.
    min_leaf_share
        Least share of the rows in a leaf; never fewer than 50 rows, as far as the rows allow.
    shrinkage
        L2 penalty on the values of leaves, in rows.
    effect_share
        Trees of an effect model per tree of an outcome model.

    Examples
    --------
    >>> Trees(n_trees=200).n_leaves
    8
    """

    n_trees: int = 100
    n_leaves: int = 8
    learning_rate: float = 0.05
    min_leaf_share: float = 0.005
    shrinkage: float = 10.0
    effect_share: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what LightGBM could not grow."""
        for name, low in (("n_trees", 1), ("n_leaves", 2), ("learning_rate", 1e-6), ("shrinkage", 0)):
            if getattr(self, name) < low:
                raise InputError(name, f"at least {low:g} is needed", f"{getattr(self, name):g}")

    def bench(self, problem: UpliftProblem, seed: int, n_threads: int) -> TreeBench:
        """Return the place where models of a problem are fitted."""
        self.__post_init__()  # a search may have set what LightGBM could not grow
        return TreeBench(self, problem, seed, n_threads)


@dataclass(frozen=True)
class Growth:
    """What differs between the boosters of one fit.

    Parameters
    ----------
    n_trees, n_leaves, min_rows
        As LightGBM takes them.
    column_share
        Share of the columns that each tree sees: half of them regularises, and takes half the time.
    is_forest
        Whether the trees stand beside each other, each on half of the rows, and their mean predicts.
    """

    n_trees: int
    n_leaves: int
    min_rows: int
    column_share: float = 0.5
    is_forest: bool = False


class TreeBench:
    """One binned table from which every model takes its rows.

    Parameters
    ----------
    trees
        How to grow.
    problem
        Whose matrix is binned. The bins are read once; subsets share them.
    seed, n_threads
        As in `UpliftLearner`.
    """

    def __init__(self, trees: Trees, problem: UpliftProblem, seed: int, n_threads: int) -> None:
        self.trees, self.seed, self.n_threads = trees, seed, n_threads
        self.table = lgb.Dataset(
            problem.matrix,
            feature_name=[f"column_{i}" for i in range(problem.matrix.shape[1])],
            categorical_feature=problem.columns.category_positions,
            params=self._binning(),
        ).construct()

    def growing(self, trees: Trees) -> TreeBench:
        """Return a bench over the same binned table that grows trees differently."""
        other = copy(self)
        other.trees = trees
        return other

    def fit_mean(self, rows: Rows, target: Floats, weight: Floats, kind: str) -> Model:
        """Return a model of a target's mean.

        Parameters
        ----------
        rows
            (m,) positions in the problem's matrix, rising.
        target, weight
            (m,) what to learn, and each row's weight.
        kind
            "binary", "count", "continuous"; "difference" for a target that stands for an effect, which is
            noisier than an outcome and gets fewer trees with larger leaves.
        """
        return self.grow(rows, target, weight, self.growth(len(rows), kind), _OBJECTIVES[kind])

    def fit_by_arm(self, rows: Rows, target: Floats, weight: Floats, kind: str, treated: Floats) -> tuple[Model, Model]:
        """Return one model that sees the treatment (m,) as its last column, read at 0 and at 1."""
        growth = self.growth(len(rows), kind)
        model = self.grow(rows, target, weight, growth, _OBJECTIVES[kind], treated)
        if isinstance(model.part, LinearPart):
            return model, model
        return Model(model.part, 0.0), Model(model.part, 1.0)

    def growth(self, n_rows: int, kind: str) -> Growth:
        """Return how a model of so many rows grows."""
        share = self.trees.effect_share if kind == "difference" else 1.0
        least = self.trees.min_leaf_share / share**2
        return Growth(max(1, round(self.trees.n_trees * share)), self.trees.n_leaves, least_rows(n_rows, least))

    def grow(
        self,
        rows: Rows,
        target: Floats,
        weight: Floats,
        growth: Growth,
        objective: str = "l2",
        treated: Floats | None = None,
    ) -> Model:
        """Return a booster on some rows; a constant where the target does not vary."""
        if (target == target[0]).all():
            return Model(LinearPart(float(target[0]), ()))
        data = self._subset(rows, treated)
        data.set_label(target)
        data.set_weight(None if (weight == weight[0]).all() else weight / weight.mean())
        booster = lgb.train({**self._growing(growth), "objective": objective}, data, growth.n_trees)
        text = booster.model_to_string(num_iteration=-1)
        return Model(TreesPart(lgb.Booster(model_str=text), n_threads=self.n_threads))

    def _subset(self, rows: Rows, treated: Floats | None) -> lgb.Dataset:
        """Return rows of the binned table, with the treatment as a further column where it is given."""
        if treated is None and len(rows) == self.table.num_data():
            return self.table  # its labels are set anew for each model
        data = self.table.subset(rows, params=self._binning()).construct()
        if treated is not None:
            column = lgb.Dataset(treated[:, None], feature_name=[TREATMENT], params=self._binning())
            with warnings.catch_warnings():  # LightGBM says that raw data and names of categories stay behind
                warnings.simplefilter("ignore", UserWarning)
                data.add_features_from(column.construct())
        return data

    def _binning(self) -> dict[str, Any]:
        return {
            "max_bin": 63,
            "bin_construct_sample_cnt": 50_000,
            "feature_pre_filter": False,
            "min_data_per_group": 50,
            "num_threads": self.n_threads,
            "verbosity": -1,
        }

    def _growing(self, growth: Growth) -> dict[str, Any]:
        return {
            **self._binning(),
            "num_leaves": growth.n_leaves,
            "learning_rate": self.trees.learning_rate,
            "min_data_in_leaf": growth.min_rows,
            "min_sum_hessian_in_leaf": 1e-3,
            "lambda_l2": self.trees.shrinkage,
            **(FOREST if growth.is_forest else {"feature_fraction": growth.column_share}),
            # levels in order of their own noise fit it better than any number does: few at a time, and large ones
            "cat_smooth": max(20.0, growth.min_rows / 4),
            "cat_l2": max(10.0, float(growth.min_rows)),
            "max_cat_threshold": 4,
            "metric": "None",
            "seed": self.seed,
            "deterministic": True,
            "force_col_wise": True,
        }


def least_rows(n_rows: int, share: float) -> int:
    """Return the least number of rows in a leaf."""
    return max(int(share * n_rows), min(50, n_rows // 10), 1)
