"""What estimators of boosted trees share: their options, the trees, and the folds of customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils import Tags

from ..inputs.arrays import Floats, Ints, read_groups
from ..inputs.categories import Columns
from ..inputs.folds import grouped_folds, read_n_folds
from ..inputs.frames import constraints
from ..plain_parts import threads_for
from .boosting import Grown, Training, grow, parameters_of


class BoostedModel(BaseEstimator):
    """An estimator of boosted trees; parameters as in `penchant.models.estimators.propensity.PropensityModel`."""

    columns_: Columns

    def __init__(
        self,
        params: Mapping[str, Any] | None,
        n_trees: int | None,
        monotone: Mapping[str, int] | None,
        n_folds: int,
        seed: int,
        n_threads: int | None,
    ) -> None:
        self.params = params
        self.n_trees = n_trees
        self.monotone = monotone
        self.n_folds = n_folds
        self.seed = seed
        self.n_threads = n_threads

    def _trees(self, objective: Mapping[str, Any], rows: Training) -> Grown:
        """Return trees for an objective, with the estimator's options."""
        objective = {**objective, **constraints(self.columns_, self.monotone)}
        n_threads = threads_for(rows.matrix, self.n_threads)
        return grow(rows, parameters_of(objective, self.params, self.seed, n_threads), self.n_trees)

    def _folds(self, outcome: Floats, groups: Any, kinds: Sequence[npt.NDArray[np.bool_]], fewest: int) -> Ints | None:
        """Return each row's fold, or None where a fold would hold too few customers of a kind of rows."""
        n_folds = read_n_folds(self.n_folds)
        codes = read_groups(groups, len(outcome))
        customers = np.arange(len(outcome)) if codes is None else codes
        if min(len(np.unique(customers[kind])) for kind in kinds) < fewest * n_folds:
            return None
        return grouped_folds(outcome, groups, n_folds, self.seed)

    def __sklearn_tags__(self) -> Tags:
        """Say that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
