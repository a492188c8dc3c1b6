"""Estimators of a shop's own: trained on the same splits, and judged beside the model by the same numbers and verdicts.

A module that penchant.toml names lists them::

    from sklearn.ensemble import HistGradientBoostingClassifier
    from penchant.training.own import OwnEstimator

    ESTIMATORS = (OwnEstimator("histogram", lambda: HistGradientBoostingClassifier(), tasks=("churn",)),)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from penchant.config import Config
from penchant.errors import InputError, quoted

from ..features.own_modules import own_values
from ..models.inputs.arrays import Floats
from .material import Step, TaskData


@dataclass(frozen=True)
class OwnEstimator:
    """Anything with ``fit`` and ``predict_proba`` (or of amounts ``predict``), as scikit-learn has them.

    Parameters
    ----------
    name
        How reports call it.
    make
        Returns a new, unfitted one. It is given the signals as a data frame: numbers, texts and missing values.
    tasks
        The tasks that it is for; empty: all.
    """

    name: str
    make: Callable[[], Any]
    tasks: tuple[str, ...] = ()


def own_estimators(config: Config, task: str) -> tuple[OwnEstimator, ...]:
    """Return the estimators that the shop's modules list for a task.

    Raises
    ------
    ConfigError
        If a module cannot be used, or lists something else.
    """
    found = own_values(config, "ESTIMATORS", OwnEstimator)
    return tuple(one for one in found if not one.tasks or task in one.tasks)


def own_scores(data: TaskData, estimators: Sequence[OwnEstimator], step: Step) -> dict[str, Floats]:
    """Return what each estimator, fitted on the training snapshots, predicts for the test's rows.

    Raises
    ------
    InputError
        If one cannot be fitted, or does not give a number for each row.
    """
    return {one.name: _scores(data, one, step) for one in estimators}


def _scores(data: TaskData, one: OwnEstimator, step: Step) -> Floats:
    where = f"estimator '{one.name}'"
    try:
        with step(f"learning with your estimator '{one.name}'"):
            model = one.make()
            model.fit(data.past.features, data.past.label)
            score = _predicted(model, data)
    except Exception as fault:  # whatever a shop's own code raises, the message names the estimator
        told = f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}"
        raise InputError(where, "one that can be fitted on the signals and predicts", told) from fault
    if score.shape != (len(data.test),) or not np.isfinite(score).all():
        raise InputError(where, f"a number for each of {len(data.test):,} rows", f"shape {score.shape}")
    if data.task.kind == "binary" and (score.min() < 0 or score.max() > 1):
        raise InputError(
            where, "probabilities within 0 and 1", f"{score.min():.3g} to {score.max():.3g}", _methods(model)
        )
    return score


def _predicted(model: Any, data: TaskData) -> Floats:
    if data.task.kind == "binary" and hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(data.test.features), dtype=np.float64)[:, 1]
    return np.asarray(model.predict(data.test.features), dtype=np.float64)


def _methods(model: Any) -> str:
    there = [name for name in ("predict_proba", "predict") if hasattr(model, name)]
    return f"It has {quoted(there)}: predict_proba gives probabilities"
