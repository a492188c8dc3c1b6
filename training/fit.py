"""Fit a task's model: our own, or an estimator in its place; and the parameters that were in effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..features.outcomes.tasks import Task
from ..models.baselines.simple import AMOUNT_TOTAL, DAYS_SINCE_FIRST
from ..models.estimators.boosting import DEFAULTS
from ..models.estimators.propensity import PropensityModel
from ..models.estimators.sklearn_model import SklearnModel
from ..models.estimators.value import ValueModel
from .baselines import rows_for
from .dataset import Dataset
from .own import OwnEstimator

Model = PropensityModel | ValueModel | SklearnModel
OWN_OPTIONS = ("n_trees", "line_share")  # of our estimators, not of LightGBM
RATES = dict.fromkeys(("value", "margin"), (AMOUNT_TOTAL, DAYS_SINCE_FIRST))  # what an amount starts from
MOST_PARAMS = 60  # of a foreign estimator


@dataclass(frozen=True)
class Recipe:
    """How a model is made.

    Parameters
    ----------
    params
        LightGBM parameters in place of the defaults; ``n_trees`` where their number is fixed, and of a propensity
        ``line_share``.
    n_threads
        Threads of LightGBM; 0: all. None: as many as are worth their start.
    n_folds
        Folds of customers on which the number of trees and the calibration are chosen.
    estimator
        What is trained in the place of our own model; None: ours.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    n_threads: int | None = None
    n_folds: int = 5
    estimator: OwnEstimator | None = None


def fitted(task: Task, rows: Dataset, seed: int, recipe: Recipe) -> Model:
    """Return the task's model, fitted; directions of which the domain is sure are kept."""
    if (other := recipe.estimator) is not None:
        used = rows_for(other.make(), rows, seed)
        return SklearnModel(other.name, other.make, task.kind).fit(used.features, used.label, used.customer_id)
    monotone = {column.name: task.buying * column.buying for column in rows.columns if column.buying}
    kind = PropensityModel if task.kind == "binary" else ValueModel
    params = dict(recipe.params)
    own = {name: params.pop(name) for name in OWN_OPTIONS if name in params}
    options: dict[str, Any] = {"n_folds": recipe.n_folds, "seed": seed, "n_threads": recipe.n_threads}
    if rate := RATES.get(task.name):
        options |= {"rate": rate} if set(rate) <= set(rows.features.columns) else {}
    model = kind(params=params or None, monotone=monotone, **options, **own)
    return model.fit(rows.features, rows.label, groups=rows.customer_id)


def in_effect(model: Model) -> dict[str, Any]:
    """Return the parameters in effect: what was chosen, not what was left to be chosen."""
    if isinstance(model, SklearnModel):
        own = {f"estimator_{name}": value for name, value in model.parameters().items()}
        return dict(list(own.items())[:MOST_PARAMS])
    boosters = {name: booster.num_trees() for name, booster in getattr(model, "boosters_", {}).items()}
    monotone = getattr(model, "monotone", None) or {}
    calibration = getattr(model, "calibration_", None)
    chosen: dict[str, Any] = {
        **{f"lightgbm_{key}": value for key, value in {**DEFAULTS, **(getattr(model, "params", None) or {})}.items()},
        **{f"{name}_trees": count for name, count in boosters.items()},
        "monotone_columns": ", ".join(sorted(monotone)) or "none",
        "folds": getattr(model, "n_folds", "none"),
    }
    if calibration is not None:
        chosen["calibration_slope"] = round(float(np.asarray(calibration.slope)), 4)
    return chosen
