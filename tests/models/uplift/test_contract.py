"""scikit-learn's contract: its own checks fit without a treatment, so rows are assigned in turn."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from penchant.models.inputs.arrays import Floats
from penchant.models.uplift import DRLearner, Linear, RLearner, SLearner, TLearner, Trees, UpliftStack, XLearner


class InTurn:
    """Every second row is treated."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        treatment = np.arange(len(y) if hasattr(y, "__len__") else 0) % 2
        return super().fit(X, y, treatment, sample_weight=sample_weight)  # type: ignore[misc]

    def predict(self, X: Any) -> Floats:
        return self.predict_uplift(X)  # type: ignore[attr-defined]

    def score(self, X: Any, y: Any) -> float:
        return super().score(X, y, np.arange(len(y)) % 2)  # type: ignore[misc]


class S(InTurn, SLearner): ...


class T(InTurn, TLearner): ...


class X(InTurn, XLearner): ...


class R(InTurn, RLearner): ...


class DR(InTurn, DRLearner): ...


class Stack(InTurn, UpliftStack): ...


FEW = "a trial needs 10 customers in each arm, and scikit-learn gives fewer"
EXPECTED = {
    "check_n_features_in_after_fitting": FEW,
    "check_sample_weights_pandas_series": FEW,
    "check_sample_weights_shape": FEW,
    "check_sample_weights_not_overwritten": FEW,
    "check_sample_weight_equivalence_on_dense_data": FEW,
    "check_fit2d_1feature": FEW,
    "check_fit2d_1sample": "one row has one arm, and that is what is told",
    "check_sample_weights_not_an_array": "outcomes need a length, to be compared with the arms",
}
LEARNERS = [S(Trees(n_trees=5)), T(Linear()), X(Trees(n_trees=5)), R(Linear()), DR(Trees(n_trees=5)), Stack()]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(LEARNERS, expected_failed_checks=lambda learner: EXPECTED)
def test_learners_keep_the_contract(estimator: Any, check: Any) -> None:
    check(estimator)
