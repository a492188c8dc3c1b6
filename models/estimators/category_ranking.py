"""What a customer buys next, as a ranking of categories: trees on pairs of customer and category (LambdaMART)."""

from __future__ import annotations

from typing import Any, Self

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from penchant.errors import TooLittleDataError

from ..inputs.arrays import Floats

FEWEST_CUSTOMERS = 100
FIXED: dict[str, Any] = {"min_child_samples": 30, "deterministic": True, "force_row_wise": True, "verbosity": -1}


class CategoryRanker(BaseEstimator):
    """Rank categories for each customer.

    Parameters
    ----------
    n_trees, n_leaves, learning_rate
        Of LightGBM.
    seed
        Of all that is drawn.
    n_threads
        Threads of LightGBM.

    References
    ----------
    Burges (2010), From RankNet to LambdaRank to LambdaMART, Microsoft Research MSR-TR-2010-82.
    """

    def __init__(
        self, n_trees: int = 60, n_leaves: int = 15, learning_rate: float = 0.1, seed: int = 0, n_threads: int = 1
    ) -> None:
        self.n_trees = n_trees
        self.n_leaves = n_leaves
        self.learning_rate = learning_rate
        self.seed = seed
        self.n_threads = n_threads

    def fit(self, X: pd.DataFrame, came: Any, customers: Any) -> Self:
        """Learn which pairs came.

        Parameters
        ----------
        X
            Numbers of each pair, one customer's pairs together.
        came
            Whether the customer bought the category next.
        customers
            The customer of each pair.

        Raises
        ------
        TooLittleDataError
            Fewer than a hundred customers bought one of their pairs next.
        """
        came = np.asarray(came, dtype=np.int64)
        codes = pd.factorize(np.asarray(customers))[0]
        told = np.bincount(codes, weights=came) > 0
        if told.sum() < FEWEST_CUSTOMERS:
            raise TooLittleDataError(
                "next category", f"{FEWEST_CUSTOMERS} customers with a next purchase", f"{int(told.sum()):,}"
            )
        kept = told[codes]  # a customer of whom nothing came ranks nothing
        sizes = np.bincount(codes[kept])[np.unique(codes[kept])]
        self.ranker_ = lgb.LGBMRanker(
            n_estimators=self.n_trees,
            num_leaves=self.n_leaves,
            learning_rate=self.learning_rate,
            random_state=self.seed,
            n_jobs=self.n_threads,
            **FIXED,
        )
        self.ranker_.fit(X[kept], came[kept], group=sizes)
        return self

    def predict(self, X: pd.DataFrame) -> Floats:
        """Return a score of each pair, comparable within one customer alone."""
        check_is_fitted(self, "ranker_")
        return np.asarray(self.ranker_.predict(X), dtype=np.float64)
