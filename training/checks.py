"""What is asked of a training before anybody believes it: the evidence for each coded check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..features.outcomes.tasks import Span
from ..models.evaluation.checks import (
    beats_baselines,
    calibration_holds,
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
from ..models.evaluation.drift import adversarial_auc, one_column_aucs, population_stability
from ..models.evaluation.metrics import evaluate
from ..models.explain.dependence import importance
from ..models.inputs.arrays import Floats
from ..models.inputs.check import Check
from ..models.inputs.estimate import Estimate
from .comparable import comparable_rows
from .dataset import Dataset
from .evaluate import Leaderboard
from .material import TaskData
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
KEPT_OUT, USABLE = "This keeps the model out of use.", "The model may be used all the same."
# What to do about an issue, where its explanation does not say so yet.
TO_DO: Mapping[str, str] = {
    "enough-data": "Bring more customers or a longer history.",
    "few-positives": "Wait for more outcomes, take a longer horizon, or an earlier test (--test).",
    "duplicate-customers": "Give each customer one id (section ids of penchant.toml), and train again.",
    "too-good": "Leave that column out (--without), and hold your own groups against the future (penchant prove).",
    "label-leakage": "Leave them out (--without), and hold your own groups against the future (penchant prove).",
    "single-feature": "If it was known, the model is that column: see what the others know (--without).",
    "worse-than-baseline": "Train the baseline in its place (--estimator NAME), bring more snapshots, or tune.",
    "unstable": "Look at what was special about the worst snapshot, such as a promotion, and train again after it.",
    "calibration": "Train again on later snapshots if amounts of coupons or lists depend on the probabilities.",
    "horizon-mismatch": "Train again for the days that are configured.",
}
MAIN_METRIC = {"binary": "auc", "value": "rmse"}
MOST_NAMED = 3
MOST_EXPLAINED = 4_000  # rows whose contributions are averaged; their mean needs no more
DRAWS_BY_SNAPSHOT = 200
UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"))


def training_checks(
    material: TaskData, board: Leaderboard, model: Any, by_snapshot: Mapping[str, Estimate]
) -> tuple[Check, ...]:
    """Return what was asked of the data and of the judged model; what has no sense for amounts says so.

    Parameters
    ----------
    material
        The rows that the model learned from and was judged on, how much there is, and what the gate asks.
    board
        The judged model beside the baselines.
    model
        The judged model.
    by_snapshot
        Its AUC at each snapshot, as `auc_by_snapshot` returns it.
    """
    task, size, gate = material.task, material.size, material.gate
    past, test = material.past, material.test
    is_binary = task.kind == "binary"
    main = {name: numbers[MAIN_METRIC[task.kind]] for name, numbers in board.comparisons.items()}
    before, after = comparable_rows(material)
    alone = one_column_aucs(past.features, past.label) if is_binary else pd.Series(dtype=np.float64)
    found = (
        enough_data(size, gate),
        enough_positives(size.n_positives, size.n_negatives, min(gate.min_positives, gate.min_negatives)),
        one_row_each(np.concatenate([past.customer_id, test.customer_id]), pd.concat([past.as_of, test.as_of])),
        kinds_of_rows(material, before, after),
        columns_moved(before, after, usual=usual_moves(past, before)),
        beats_baselines(main),
        too_good_to_be_true(board.metrics.get("auc", UNKNOWN)),
        label_leakage(alone),
        single_feature(importance(model, test.sampled(MOST_EXPLAINED, seed=0).features)),
        stable_across_snapshots(by_snapshot),
        calibration_holds(
            board.metrics["bias_percent"],
            board.metrics.get("calibration_error"),
            chance=chance_error(float(np.mean(test.label)), len(test)) if is_binary else 0.0,
        ),
    )
    return tuple(with_advice(check) for check in found)


def with_advice(check: Check) -> Check:
    """Return a check whose issue says whether to worry, and what to do."""
    if not check.is_issue:
        return check
    worry = KEPT_OUT if check.code in REFUSING else USABLE
    return replace(check, explanation=" ".join(filter(None, (check.explanation, worry, TO_DO.get(check.code, "")))))


def kinds_of_rows(material: TaskData, before: pd.DataFrame, after: pd.DataFrame) -> Check:
    """Ask whether training and test rows are of one kind, or at least no further apart than training rows are.

    Parameters
    ----------
    material
        The rows, for customers and moments.
    before, after
        What can be compared of the training and test rows, as `comparable_rows` returns it.
    """
    past, test = material.past, material.test
    apart = adversarial_auc(before, after, (past.customer_id, test.customer_id))
    check = told_apart(apart, columns=separating_columns(before, after))
    if not check.is_issue or past.as_of.nunique() < 2:
        return check
    first, last = ((before[rows], past.customer_id[rows]) for rows in ends_of(past))
    usual = adversarial_auc(first[0], last[0], (first[1], last[1]))
    return told_apart(apart, columns=separating_columns(before, after), usual=usual)


def usual_moves(past: Dataset, before: pd.DataFrame) -> pd.Series[float] | None:
    """Return how far each column moves from the first training snapshot to the last; None where there is one alone."""
    if past.as_of.nunique() < 2:
        return None
    first, last = (before[rows] for rows in ends_of(past))
    return population_stability(first, last)


def ends_of(past: Dataset) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which rows are of the first training snapshot, and which of the last."""
    return (past.as_of == past.as_of.min()).to_numpy(), (past.as_of == past.as_of.max()).to_numpy()


def separating_columns(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, float]:
    """Return the columns that tell two sets of rows apart best, each alone, with their AUC."""
    both = [rows.sample(min(len(rows), MOST_EXPLAINED), random_state=0) for rows in (before, after)]
    is_after = np.repeat([0.0, 1.0], [len(rows) for rows in both])
    return dict(one_column_aucs(pd.concat(both, ignore_index=True), is_after).head(MOST_NAMED).round(3))


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
    return with_advice(same_horizon({"gap_days": label.gap_days, "horizon_days": label.horizon_days}, used))
