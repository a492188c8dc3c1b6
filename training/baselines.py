"""The baselines of a task: fitted on the rows that the model learns from, and predicting the test's."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from penchant.errors import PenchantError

from ..models.baselines.btyd_estimators import PurchaseChance, PurchaseValue
from ..models.baselines.leaderboard import baselines_for
from ..models.inputs.arrays import Floats
from .dataset import Dataset
from .material import TaskData

MOST_HISTORIES = 5_000  # four parameters need no more, and their likelihood is costly
OUTCOMES: Mapping[str, Literal["purchase", "none", "other"]] = {
    "churn": "none",
    "repurchase": "purchase",
    "second_purchase": "purchase",
    "value": "purchase",
}  # what a purchase history says of a task's outcome; of others it says nothing


def predicted(model: Any, features: pd.DataFrame) -> Floats:
    """Return the probability of the outcome, or the expected amount, of each row."""
    found = model.predict_proba(features)[:, 1] if hasattr(model, "predict_proba") else model.predict(features)
    return np.asarray(found, dtype=np.float64)


def baselines_of(material: TaskData) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the baselines that a task's rows allow, not yet fitted, and why others are left out."""
    task, columns = material.task, material.rows.features.columns
    return baselines_for(task.kind, columns, material.span.horizon_days, OUTCOMES.get(task.name, "other"))


def rows_for(estimator: Any, rows: Dataset, seed: int) -> Dataset:
    """Return the rows that an estimator learns from: of those that describe whole histories the latest snapshot's."""
    if isinstance(estimator, PurchaseChance | PurchaseValue):
        return rows.at([rows.as_of.max()]).sampled(MOST_HISTORIES, seed)
    return rows


def baseline_scores(material: TaskData, without: str = "") -> tuple[dict[str, Floats], dict[str, str]]:
    """Return what each baseline (but one, where it is named) predicts for the test's rows, and why others are left out.

    The baselines learn from the rows that the judged model learned from; those that describe each customer's whole
    history from the latest of its snapshots, because six of one customer are one history told six times.
    """
    estimators, left_out = baselines_of(material)
    found = {}
    for name, estimator in estimators.items():
        if name == without:
            continue
        rows = rows_for(estimator, material.past, material.seed)
        try:
            with _in_own_words(name):
                estimator.fit(rows.features, rows.label, groups=rows.customer_id)
            found[name] = predicted(estimator, material.test.features)
        except PenchantError as fault:
            left_out[name] = str(fault)
    return found, left_out


@contextmanager
def _in_own_words(name: str) -> Iterator[None]:
    """Say in a line that a regression stopped before it was done, in place of its library's words."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ConvergenceWarning)
        yield
    for one in told:
        if issubclass(one.category, ConvergenceWarning) and "did not converge: " not in str(one.message):  # not ours
            words = f"Baseline '{name}' stopped before it had converged; it may do better than shown."
            warnings.warn(words, UserWarning, stacklevel=2)
        else:
            warnings.warn(one.message, one.category, stacklevel=2)
