"""Fit the learners of a trial: the stack and its baselines, on all rows or on those before the judging ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
import numpy.typing as npt

from ...models.inputs.categories import UnknownValueWarning
from ...models.uplift import UpliftStack
from ...models.uplift.baselines import uplift_baselines
from ..dataset import CONTROL, UpliftRows
from ..splits import FIRST_JUDGED, N_FOLDS, Split
from .evaluate import STACK

Floats = npt.NDArray[np.float64]
Makers = Mapping[str, Callable[[], Any]]  # name -> an unfitted learner


def makers(seed: int) -> Makers:
    """Return what makes the stack and each baseline, by name; the stack first."""
    names = list(uplift_baselines(control=CONTROL, seed=seed))
    baselines = {name: lambda name=name: uplift_baselines(control=CONTROL, seed=seed)[name] for name in names}
    return {STACK: lambda: UpliftStack(control=CONTROL, seed=seed), **baselines}


def held_out_scores(rows: UpliftRows, split: Split, makers: Makers) -> dict[str, Floats]:
    """Return scores of the rows that judge, by learners that have not seen them.

    Parameters
    ----------
    rows, split
        The rows, and how they are parted.
    makers
        Name -> a function that returns an unfitted learner.

    Returns
    -------
    dict
        Name -> (n, treatments), a row for each that judges, in their order.
    """
    return {name: _scored(rows, split, make) for name, make in makers.items()}


def _scored(rows: UpliftRows, split: Split, make: Callable[[], Any]) -> Floats:
    if split.fold is None:
        return _predicted(make(), rows.where(split.train), rows.where(split.test))
    scores = np.empty((len(rows), rows.arms().n_arms - 1))
    for fold in range(FIRST_JUDGED, N_FOLDS):
        own = split.fold == fold
        scores[own] = _predicted(make(), rows.where(split.fold < fold), rows.where(own))
    return scores[split.test]


def _predicted(learner: Any, train: UpliftRows, test: UpliftRows) -> Floats:
    """Return (n, treatments) scores of the test rows."""
    fitted = fit_on(learner, train)
    with catch_warnings():
        simplefilter("ignore", UnknownValueWarning)  # rare categories may stand in one fold alone
        scores = np.asarray(fitted.predict_uplift(test.features))
    return scores[:, None] if scores.ndim == 1 else scores


def fit_on(learner: Any, rows: UpliftRows) -> Any:
    """Return a learner, fitted on rows."""
    return learner.fit(rows.features, rows.label, rows.arm, p_treatment=rows.p_treatment, groups=rows.customer_id)
