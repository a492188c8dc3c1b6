"""Estimators of a shop's own: trained on the same splits, and judged beside the model by the same numbers and verdicts.

By ``penchant train churn --estimator histogram`` one becomes the model: registered, promoted through the same gates,
and scored in the same batch. A baseline can, too.

A module that penchant.toml names lists them::

    from sklearn.ensemble import HistGradientBoostingClassifier
    from penchant.training.own import OwnEstimator

    ESTIMATORS = (OwnEstimator("histogram", lambda: HistGradientBoostingClassifier(), tasks=("churn",)),)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from penchant.config import Config
from penchant.errors import InputError, did_you_mean

from ..features.own_modules import own_values
from ..models.estimators.sklearn_model import SklearnModel
from ..models.inputs.arrays import Floats
from .baselines import baselines_of
from .material import Step, TaskData


@dataclass(frozen=True)
class OwnEstimator:
    """Anything with ``fit`` and ``predict_proba`` (or of amounts ``predict``), as scikit-learn has them.

    Parameters
    ----------
    name
        How reports call it.
    make
        Returns a new, unfitted one. It is given the signals as a data frame: floats and pandas categories, both with
        missing values.
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


def chosen_estimator(own: Sequence[OwnEstimator], data: TaskData, name: str) -> OwnEstimator:
    """Return an estimator by its name: one of the shop's own, else a baseline that the rows allow.

    Raises
    ------
    InputError
        If there is none.
    """
    baselines, left_out = baselines_of(data)
    known = {one: OwnEstimator(one, partial(_baseline, data, one)) for one in baselines}
    known |= {one.name: one for one in own}
    if name in left_out:
        raise InputError(f"baseline '{name}'", "rows that allow it", left_out[name])
    if name not in known:
        raise InputError("estimator", "one of the shop's own or a baseline", f"'{name}'", did_you_mean(name, known))
    return known[name]


def _baseline(data: TaskData, name: str) -> Any:
    return baselines_of(data)[0][name]


def own_scores(data: TaskData, estimators: Sequence[OwnEstimator], step: Step) -> dict[str, Floats]:
    """Return what each estimator, fitted on the training snapshots, predicts for the test's rows.

    Raises
    ------
    InputError
        If one cannot be fitted, or does not give a number for each row.
    """
    return {one.name: _scores(data, one, step) for one in estimators}


def _scores(data: TaskData, one: OwnEstimator, step: Step) -> Floats:
    with step(f"training your estimator '{one.name}'"):
        model = SklearnModel(one.name, one.make, data.task.kind)
        return model.fit(data.past.features, data.past.label, data.past.customer_id).predict(data.test.features)
