"""What a model must beat: the base rate, one column alone, and which baselines a matrix allows.

Each baseline is a scikit-learn estimator that reads columns of a feature frame by name. Classifiers learn outcomes
of 0 and 1, and return probabilities, so that they stand on one leaderboard with the models.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from penchant.errors import InputError, TooLittleDataError, did_you_mean

from ..inputs.arrays import Floats, read_numbers, read_weights
from ..inputs.frames import as_named_frame
from ..plain_inputs import signed_log

DAYS_SINCE_LAST = "days_since_last_purchase"
DAYS_SINCE_VISIT = "days_since_last_visit"
DAYS_SINCE_FIRST = "days_since_first_purchase"
N_PURCHASES = "n_purchases"
AMOUNT_TOTAL = "amount_total"
RFM_TOTAL = "rfm_total"


class Probabilities(ClassifierMixin, BaseEstimator):
    """What all baselines for an outcome of 0 or 1 share: they say how probable it is, and hence which one."""

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Return the probabilities of 0 and 1, shape (n, 2)."""
        check_is_fitted(self, "classes_")
        p = self._probability(X)
        return np.column_stack([1 - p, p])

    def predict(self, X: pd.DataFrame) -> npt.NDArray[np.int64]:
        """Return the more probable outcome of each row."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(np.int64)

    def _probability(self, X: pd.DataFrame) -> Floats:
        raise NotImplementedError

    def _learn_outcome(self, y: Any) -> Floats:
        """Remember the classes, and return outcomes of 0 and 1."""
        outcome = read_numbers("y", y)
        if not np.isin(outcome, (0, 1)).all():
            raise InputError("y", "outcomes are 0 or 1", f"{np.unique(outcome)[:3].tolist()}")
        self.classes_ = np.array([0, 1])
        return outcome


class BaseRate(Probabilities):
    """The share of the training rows with the outcome, for everyone."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn the rate."""
        outcome = self._learn_outcome(y)
        self.rate_ = float(np.average(outcome, weights=read_weights(sample_weight, len(outcome))))
        return self

    def _probability(self, X: pd.DataFrame) -> Floats:
        return np.full(len(X), self.rate_)


class OfOneColumn:
    """What baselines of one column share: how its values are read.

    Parameters
    ----------
    column
        Name of the column.
    log
        Whether log(1 + value) is used, for columns with a long tail such as days and counts.
    missing
        Whether missing values count as the ``"highest"`` (days since something that never was) or ``"lowest"``.
    """

    def __init__(self, column: str, log: bool = False, missing: Literal["highest", "lowest"] = "lowest") -> None:
        self.column = column
        self.log = log
        self.missing = missing

    def _learn_column(self, X: pd.DataFrame) -> Floats:
        """Return the column's values as they are read, and learn what stands for missing ones."""
        value = column_of(X, self.column)
        known = value[np.isfinite(value)]
        if not len(known):
            raise TooLittleDataError(f"column '{self.column}'", "a value in some row", "none in any")
        self.fill_ = float(known.max() if self.missing == "highest" else known.min())
        return self._read(value)

    def _read(self, value: Floats) -> Floats:
        filled = np.where(np.isnan(value), self.fill_, value)
        return (signed_log(filled) if self.log else filled)[:, np.newaxis]


class OneColumn(OfOneColumn, Probabilities):
    """Logistic regression on one column: its order, with probabilities that fit.

    Parameters
    ----------
    column, log, missing
        As in `OfOneColumn`.
    """

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn direction and strength; raises TooLittleDataError where the column says nothing of anybody."""
        outcome = self._learn_outcome(y)
        value = self._learn_column(X)
        weight = read_weights(sample_weight, len(outcome))
        if len(np.unique(outcome[weight > 0])) < 2:
            raise InputError("y", "rows of both outcomes", "one class")
        line = make_pipeline(StandardScaler(), LogisticRegression(C=np.inf))
        self.line_ = line.fit(value, outcome, logisticregression__sample_weight=weight)
        return self

    def _probability(self, X: pd.DataFrame) -> Floats:
        return np.asarray(self.line_.predict_proba(self._read(column_of(X, self.column)))[:, 1])


class MeanValue(RegressorMixin, BaseEstimator):
    """One amount for everyone: the mean of the training rows, or zero.

    Parameters
    ----------
    zero
        Whether to predict that nobody spends anything: the best there is in absolute error where most do not.
    """

    def __init__(self, zero: bool = False) -> None:
        self.zero = zero

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn the mean."""
        amount = read_numbers("y", y)
        weight = read_weights(sample_weight, len(amount))
        self.mean_ = 0.0 if self.zero else float(np.average(amount, weights=weight))
        return self

    def predict(self, X: pd.DataFrame) -> Floats:
        """Return the same amount for each row."""
        check_is_fitted(self, "mean_")
        return np.full(len(X), self.mean_)


def recency() -> OneColumn:
    """Return the baseline of days since the last purchase alone."""
    return OneColumn(DAYS_SINCE_LAST, log=True, missing="highest")


def visit_recency() -> OneColumn:
    """Return the baseline of days since the last visit alone: what is left where nobody has bought yet."""
    return OneColumn(DAYS_SINCE_VISIT, log=True, missing="highest")


def rfm_sum() -> OneColumn:
    """Return the baseline of the sum of the RFM scores alone."""
    return OneColumn(RFM_TOTAL)


def column_of(X: pd.DataFrame, name: str) -> Floats:
    """Return a column of numbers, nan where missing.

    Raises
    ------
    InputError
        There is no such column, or it does not hold numbers; the rows are an array, without names.
    """
    X = as_named_frame(X)
    if name not in X:
        raise InputError("X", f"a column '{name}'", "none", did_you_mean(name, map(str, X.columns)))
    try:
        return np.asarray(X[name].to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        raise InputError("X", f"numbers in column '{name}'", f"{X[name].dtype}") from None


def absent_columns(columns: Iterable[str], needed: Iterable[str]) -> list[str]:
    """Return the columns that a baseline needs and a matrix lacks."""
    present = set(columns)
    return [name for name in needed if name not in present]
