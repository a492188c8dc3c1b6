"""Regression baselines: linear in the features, as anyone would fit them in an afternoon."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted

from penchant.errors import InputError, TooLittleDataError

from ..inputs.arrays import Floats, read_numbers, read_weights
from ..inputs.frames import as_named_frame
from ..plain_inputs import signed_log
from .simple import OfOneColumn, Probabilities, column_of

MOST_CATEGORIES = 20
MOST_STEPS = 300
LARGEST_LOG = 30.0  # of a predicted amount over the mean: keeps a wild row finite


def design() -> ColumnTransformer:
    """Return the features' preparation: logarithms, medians for what is missing, and a column for each category."""
    numbers = make_pipeline(
        FunctionTransformer(signed_log),
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    categories = make_pipeline(
        FunctionTransformer(categories_as_text),
        OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES, sparse_output=False),
    )
    is_number = make_column_selector(dtype_include=["number", "bool"])
    is_category = make_column_selector(dtype_exclude=["number", "bool"])
    return ColumnTransformer([("numbers", numbers, is_number), ("categories", categories, is_category)])


def categories_as_text(values: pd.DataFrame) -> npt.NDArray[np.str_]:
    """Return categories as text, with a word for missing ones; not as objects, which an encoder counts slowly."""
    return values.astype(object).where(values.notna(), "missing").to_numpy(dtype=np.str_)


class LogisticBaseline(Probabilities):
    """Logistic regression on all features.

    Parameters
    ----------
    penalty
        Strength of the ridge penalty, above 0.
    """

    def __init__(self, penalty: float = 1.0) -> None:
        self.penalty = penalty

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn from features and outcomes of 0 or 1."""
        outcome = self._learn_outcome(y)
        if len(np.unique(outcome)) < 2:
            raise TooLittleDataError("y", "rows of both outcomes", "one class")
        line = LogisticRegression(C=1 / self.penalty, solver="newton-cholesky", max_iter=MOST_STEPS)
        weight = read_weights(sample_weight, len(outcome))
        self.pipeline_ = make_pipeline(design(), line)
        self.pipeline_.fit(as_named_frame(X), outcome, logisticregression__sample_weight=weight)
        return self

    def _probability(self, X: pd.DataFrame) -> Floats:
        return np.asarray(self.pipeline_.predict_proba(as_named_frame(X))[:, 1])


class OneColumnAmount(OfOneColumn, RegressorMixin, BaseEstimator):
    """Poisson regression of an amount on one column: its order, with amounts that fit.

    Parameters
    ----------
    column, log, missing
        As in `penchant.models.baselines.simple.OfOneColumn`.
    """

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn direction and strength; raises as `ValueRegression.fit`, or where the column says nothing."""
        amount, weight, self.scale_ = read_amounts(y, sample_weight)
        value = self._learn_column(X)
        line = PoissonRegressor(alpha=0.0, solver="newton-cholesky", max_iter=MOST_STEPS)
        self.line_ = make_pipeline(StandardScaler(), line)
        self.line_.fit(value, amount / self.scale_, poissonregressor__sample_weight=weight)
        return self

    def predict(self, X: pd.DataFrame) -> Floats:
        """Return the expected amount of each row."""
        check_is_fitted(self, "line_")
        return np.asarray(self.scale_ * self.line_.predict(self._read(column_of(X, self.column))))


def read_amounts(y: Any, sample_weight: Any) -> tuple[Floats, Floats, float]:
    """Return amounts, weights, and the mean amount; raises as `ValueRegression.fit`."""
    amount = read_numbers("y", y)
    weight = read_weights(sample_weight, len(amount))
    if amount.min() < 0:
        raise InputError("y", "amounts of 0 or more", f"{amount.min():g}")
    if not amount.any():
        raise TooLittleDataError("y", "somebody who spent something", f"none of {len(amount):,} rows")
    return amount, weight, float(np.average(amount, weights=weight))


class ValueRegression(RegressorMixin, BaseEstimator):
    """Regression of an amount on all features, with a logarithmic link.

    Parameters
    ----------
    form
        ``"poisson"``: one Poisson regression, which needs nothing but the mean to be right; ``"gamma"``: logistic
        regression of whether, times gamma regression of how much.
    penalty
        Strength of the ridge penalty, above 0.
    """

    def __init__(self, form: Literal["poisson", "gamma"] = "poisson", penalty: float = 1.0) -> None:
        self.form = form
        self.penalty = penalty

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn from features and amounts of 0 or more.

        Raises
        ------
        InputError
            An amount is negative.
        TooLittleDataError
            Nobody spent anything.
        """
        X = as_named_frame(X)
        amount, weight, self.scale_ = read_amounts(y, sample_weight)
        if self.form == "poisson":
            self.amount_ = self._fitted("poisson", X, amount / self.scale_, weight)
            return self
        buys = amount > 0
        self.buys_ = LogisticBaseline(self.penalty).fit(X, buys, weight) if not buys.all() else None
        self.amount_ = self._fitted("gamma", X[buys], amount[buys] / self.scale_, weight[buys])
        return self

    def predict(self, X: pd.DataFrame) -> Floats:
        """Return the expected amount of each row."""
        check_is_fitted(self, "amount_")
        X = as_named_frame(X)
        features = self.amount_[0].transform(X)
        line = self.amount_[1]
        logs = np.clip(features @ line.coef_ + line.intercept_, -LARGEST_LOG, LARGEST_LOG)
        amount = self.scale_ * np.exp(logs)
        if self.form == "poisson" or self.buys_ is None:
            return np.asarray(amount)
        return np.asarray(self.buys_.predict_proba(X)[:, 1] * amount)

    def _fitted(self, form: str, X: pd.DataFrame, y: Floats, weight: Floats) -> Pipeline:
        """Return preparation and regression, fitted."""
        kind = PoissonRegressor if form == "poisson" else GammaRegressor
        ridge = self.penalty / len(y)
        line = kind(alpha=ridge, solver="newton-cholesky", max_iter=MOST_STEPS)
        pipeline = Pipeline([("design", design()), ("line", line)])
        return pipeline.fit(X, y, line__sample_weight=weight)
