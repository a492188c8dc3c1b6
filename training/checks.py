"""What is asked of a training before anybody believes it: the evidence for each coded check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..features.outcomes.tasks import Span, Task
from ..models.evaluation.checks import (
    DataSize,
    beats_baselines,
    calibrated,
    chance_error,
    columns_moved,
    enough_data,
    enough_positives,
    label_leakage,
    one_row_each,
    same_horizon,
    single_feature,
    stable_across_snapshots,
    told_apart,
    too_good_to_be_true,
)
from ..models.evaluation.drift import adversarial_auc, one_column_aucs
from ..models.evaluation.metrics import evaluate
from ..models.explain.dependence import importance
from ..models.inputs.arrays import Floats
from ..models.inputs.check import Check
from ..models.inputs.estimate import Estimate
from .dataset import Dataset
from .evaluate import Leaderboard
from .splits import Schedule

# Where one of these was an issue at training, the model's numbers mean nothing, or the model should not be used.
# The others (drift, an unsteady ranking, a bias of the mean) describe how the shop moves: they concern the model
# in use as much as the one that would follow it, and are told, but do not keep it out.
REFUSING = (
    "enough-data",
    "few-positives",
    "duplicate-customers",
    "too-good",
    "label-leakage",
    "single-feature",
    "worse-than-baseline",
    "horizon-mismatch",
)
MAIN_METRIC = {"binary": "auc", "value": "rmse"}
MOST_EXPLAINED = 4_000  # rows whose contributions are averaged; their mean needs no more
DRAWS_BY_SNAPSHOT = 200
UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"))


def checks_of(
    task: Task, board: Leaderboard, model: Any, rows: tuple[Dataset, Dataset], size: DataSize, plan: Schedule
) -> tuple[Check, ...]:
    """Return what was asked of the data and of the judged model; what has no sense for amounts says so.

    Parameters
    ----------
    task
        What is predicted.
    board
        The judged model beside the baselines.
    model
        The judged model.
    rows
        What it learned from, and what it was judged on.
    size
        How much there is.
    plan
        The snapshots.
    """
    past, test = rows
    is_binary = task.kind == "binary"
    main = {name: numbers[MAIN_METRIC[task.kind]] for name, numbers in board.comparisons.items()}
    customers = (past.customer_id, test.customer_id)
    telling = columns_of_customers(past, test)
    alone = one_column_aucs(past.features, past.label) if is_binary else pd.Series(dtype=np.float64)
    return (
        enough_data(size),
        enough_positives(size.n_positives, size.n_negatives),
        one_row_each(np.concatenate(customers), pd.concat([past.as_of, test.as_of])),
        told_apart(adversarial_auc(past.features[telling], test.features[telling], customers)),
        columns_moved(past.features[telling], test.features[telling]),
        beats_baselines(main),
        too_good_to_be_true(board.metrics.get("auc", UNKNOWN)),
        label_leakage(alone),
        single_feature(importance(model, test.sampled(MOST_EXPLAINED, seed=0).features)),
        stable_across_snapshots(auc_by_snapshot(model, rows, board, plan)),
        calibrated(
            board.metrics["bias_percent"],
            board.metrics.get("calibration_error"),
            chance=chance_error(float(np.mean(test.label)), len(test)) if is_binary else 0.0,
        ),
    )


def columns_of_customers(past: Dataset, test: Dataset) -> list[str]:
    """Return the columns that differ between customers of one moment: the others tell the date, which is another."""
    differs = np.zeros(past.features.shape[1], dtype=bool)
    for rows in (past, test):
        differs |= (rows.features.groupby(rows.as_of.to_numpy()).nunique(dropna=False) > 1).any().to_numpy()
    names = list(past.features.columns)
    return [name for name, counts in zip(names, differs, strict=True) if counts] or names


def may_be_used(checks: Sequence[Check]) -> bool:
    """Say whether no check found what keeps a model from being put in use."""
    return not any(check.is_issue and check.code in REFUSING for check in checks)


def auc_by_snapshot(
    model: Any, rows: tuple[Dataset, Dataset], board: Leaderboard, plan: Schedule
) -> Mapping[str, Estimate]:
    """Return the AUC at each snapshot on customers that the trees had not seen, and at the test.

    Of amounts, and where no customers were left out, there is none.
    """
    past, _ = rows
    left_out: Floats | None = getattr(model, "left_out_", None)
    if left_out is None or "auc" not in board.metrics:
        return {}
    found = {}
    for at in past.as_of.unique():
        own = (past.as_of == at).to_numpy()
        if 0 < past.label[own].sum() < own.sum():
            numbers = evaluate(past.label[own], left_out[own], n_draws=DRAWS_BY_SNAPSHOT)
            found[plan.day(at)] = numbers["auc"]
    return {**found, plan.day(plan.test): board.metrics["auc"]}


def horizon_check(label: Span, used: Mapping[str, Any]) -> Check:
    """Ask whether a model is used with the gap and horizon of the labels that it learned from.

    Parameters
    ----------
    label
        Of the labels.
    used
        ``gap_days`` and ``horizon_days`` as the configuration or a saved model states them.
    """
    return same_horizon({"gap_days": label.gap_days, "horizon_days": label.horizon_days}, used)
