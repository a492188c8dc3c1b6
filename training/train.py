"""Train a task: look at customers in the past, learn, judge on a later snapshot, and refit for use.

What is judged and what is put in use are two fits. The judged model saw only labels that were over before the
test; the one in use learns from every finished snapshot, the test's included. All numbers are the judged one's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd

from penchant.errors import PenchantError

from ..features.catalogue import task_of
from ..features.group import Column
from ..features.labels import span_of
from ..features.shop import Shop
from ..features.tasks import Span, Task
from ..models.btyd_baselines import PurchaseChance, PurchaseValue
from ..models.check import Check
from ..models.curves import calibration_curve, decile_table
from ..models.drift import adversarial_auc, one_column_aucs
from ..models.inputs import Floats
from ..models.leaderboard import baselines_for
from ..models.model_checks import (
    DataSize,
    beats_baselines,
    calibrated,
    columns_moved,
    enough_data,
    enough_positives,
    label_leakage,
    one_row_each,
    refuse_too_little,
    told_apart,
    too_good_to_be_true,
)
from ..models.propensity import PropensityModel
from ..models.value import ValueModel
from .dataset import Dataset, assemble
from .evaluate import Leaderboard, Outcomes, leaderboard
from .splits import Schedule, schedule

Step = Callable[[str], AbstractContextManager[Any]]
Model = PropensityModel | ValueModel
MOST_HISTORIES = 5_000  # four parameters need no more, and their likelihood is costly
MAIN_METRIC = {"binary": "auc", "value": "rmse"}
OUTCOMES: Mapping[str, Literal["purchase", "none", "other"]] = {
    "churn": "none",
    "repurchase": "purchase",
    "second_purchase": "purchase",
    "value": "purchase",
}  # what a purchase history says of a task's outcome; of others it says nothing


@dataclass(frozen=True, eq=False)
class Trained:
    """A model that is ready for use, and all that is known of it.

    Parameters
    ----------
    task
        What it predicts.
    span, basis
        Gap and horizon of the label, and where the horizon comes from.
    schedule
        The snapshots.
    model
        Fitted on every finished snapshot.
    columns
        The signals it reads.
    left_out
        Group or column -> what the shop lacks for it.
    board
        Metrics on the test snapshot of the model that saw only what was known then, and of the baselines.
    checks
        What was asked of the data and the model before its numbers are believed.
    snapshots
        as_of, n_eligible and base_rate by snapshot.
    deciles, calibration
        Tables of the test, as in `penchant.models.curves`; no calibration of amounts.
    n_train, n_test, n_used
        Rows that the judged model learned from, was judged on, and rows that the model in use learned from.
    """

    task: Task
    span: Span
    basis: str
    schedule: Schedule
    model: Model
    columns: tuple[Column, ...]
    left_out: Mapping[str, str]
    board: Leaderboard
    checks: tuple[Check, ...]
    snapshots: pd.DataFrame
    deciles: Any
    calibration: Any
    n_train: int
    n_test: int
    n_used: int

    def facts(self) -> dict[str, Any]:
        """Return what the model must be used with, in types that JSON knows."""
        return {
            "task": self.task.name,
            "outcome": self.task.meaning,
            "gap_days": self.span.gap_days,
            "horizon_days": self.span.horizon_days,
            "horizon_basis": self.basis,
            "schedule": self.schedule.as_dict(),
            "n_rows": {"train": self.n_train, "test": self.n_test, "in_use": self.n_used},
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the facts and all numbers in types that JSON knows."""
        checks = [check.as_dict() for check in self.checks]
        return {**self.facts(), "n_features": len(self.columns), **self.board.as_dict(), "checks": checks}


def train(
    shop: Shop, name: str, step: Step = lambda _: nullcontext(), n_threads: int | None = None
) -> Trained:
    """Return the trained model of a task.

    Parameters
    ----------
    shop
        The shop.
    name
        The task's name.
    step
        Called with what is being done; the context it returns lasts as long as the step.
    n_threads
        Threads of LightGBM; 0: all. None: as many as are worth their start.

    Raises
    ------
    InputError
        If there is no such task.
    TooLittleDataError
        If the shop's data does not pass the gate of penchant.toml, section gate.
    """
    task = task_of(shop.config, name)
    section = shop.config.task(name)
    first, end = first_event(shop), shop.extract_end
    with step("reading the purchase cycle"):
        span, basis = span_of(shop, task, first + (end - first) / 2)
    settled = section.model_copy(update={"gap_days": span.gap_days})
    plan = schedule(first, end, span.horizon_days, settled, shop.timezone)
    with step(f"building signals and labels of {len(plan.every)} snapshots"):
        every = assemble(shop, task, plan.every, span)
    train_rows, test_rows = every.at(plan.train), every.at([plan.test])
    size = size_of(train_rows, test_rows, first, plan)
    refuse_too_little(f"task '{name}'", size, shop.config.gate)
    with step(f"learning from {len(train_rows):,} rows, judging on {len(test_rows):,} later ones"):
        score = predicted(fitted(task, train_rows, shop.config.seed, n_threads), test_rows.features)
    with step("learning and judging the baselines"):
        board = judge(task, train_rows, test_rows, score, span, shop.config.seed)
    with step("asking what must be asked before it is believed"):
        checks = checks_of(task, board, train_rows, test_rows, size)
    with step(f"refitting on all {len(every):,} rows for use"):
        model = fitted(task, every, shop.config.seed, n_threads)
    is_binary = task.kind == "binary"
    return Trained(
        task,
        span,
        basis,
        plan,
        model,
        every.columns,
        every.left_out,
        board,
        checks,
        every.by_snapshot(),
        decile_table(test_rows.label, score, kind=task.kind, groups=test_rows.customer_id),
        calibration_curve(test_rows.label, score, groups=test_rows.customer_id) if is_binary else None,
        len(train_rows),
        len(test_rows),
        len(every),
    )


def first_event(shop: Shop) -> datetime:
    """Return the instant of the shop's first order or interaction, UTC without a zone."""
    times = {"orders": "ordered_at", "interactions": "occurred_at"}
    found = [shop.tables[name][time].min().execute() for name, time in times.items() if shop.has(name)]
    return min(pd.Timestamp(at).to_pydatetime() for at in found if not pd.isna(at))


def fitted(task: Task, rows: Dataset, seed: int, n_threads: int | None) -> Model:
    """Return the task's model, fitted; directions of which the domain is sure are kept."""
    monotone = {column.name: task.buying * column.buying for column in rows.columns if column.buying}
    kind = PropensityModel if task.kind == "binary" else ValueModel
    model = kind(monotone=monotone, seed=seed, n_threads=n_threads)
    return model.fit(rows.features, rows.label, groups=rows.customer_id)


def predicted(model: Any, features: pd.DataFrame) -> Floats:
    """Return the probability of the outcome, or the expected amount, of each row."""
    found = (
        model.predict_proba(features)[:, 1] if hasattr(model, "predict_proba") else model.predict(features)
    )
    return np.asarray(found, dtype=np.float64)


def judge(
    task: Task, train_rows: Dataset, test_rows: Dataset, score: Floats, span: Span, seed: int
) -> Leaderboard:
    """Return the leaderboard of a test snapshot: the model beside all baselines that its rows allow.

    The baselines learn from the rows that the judged model learned from; those that describe each customer's whole
    history from the latest of its snapshots, because six of one customer are one history told six times.
    """
    estimators, left_out = baselines_for(
        task.kind, train_rows.features.columns, span.horizon_days, OUTCOMES.get(task.name, "other")
    )
    beside = {}
    latest = train_rows.at([train_rows.as_of.max()]).sampled(MOST_HISTORIES, seed)
    for name, estimator in estimators.items():
        rows = latest if isinstance(estimator, (PurchaseChance, PurchaseValue)) else train_rows
        try:
            estimator.fit(rows.features, rows.label, groups=rows.customer_id)
            beside[name] = predicted(estimator, test_rows.features)
        except PenchantError as fault:
            left_out[name] = str(fault)
    outcomes = Outcomes(test_rows.label, test_rows.customer_id, test_rows.amount, task.kind)
    return leaderboard(outcomes, score, beside, left_out, seed)


def size_of(train_rows: Dataset, test_rows: Dataset, first: datetime, plan: Schedule) -> DataSize:
    """Return how much there is to learn from and to judge on; any amount but 0 is a positive."""
    positives = int((test_rows.label > 0).sum())
    history = (plan.test - first).days / plan.horizon_days
    buyers = len(np.unique(train_rows.customer_id))
    return DataSize(buyers, positives, len(test_rows) - positives, history)


def checks_of(
    task: Task, board: Leaderboard, train_rows: Dataset, test_rows: Dataset, size: DataSize
) -> tuple[Check, ...]:
    """Return what was asked of the data and of the judged model before anybody believes it."""
    columns = test_rows.features
    found = [
        enough_data(size),
        one_row_each(train_rows.customer_id, train_rows.as_of),
        told_apart(
            adversarial_auc(train_rows.features, columns, (train_rows.customer_id, test_rows.customer_id))
        ),
        columns_moved(train_rows.features, columns),
    ]
    main = MAIN_METRIC[task.kind]
    found.append(beats_baselines({name: numbers[main] for name, numbers in board.comparisons.items()}))
    if task.kind == "binary":
        found += [
            too_good_to_be_true(board.metrics["auc"]),
            label_leakage(one_column_aucs(train_rows.features, train_rows.label)),
            calibrated(board.metrics["bias_percent"], board.metrics["calibration_error"]),
            enough_positives(size.n_positives, size.n_negatives),
        ]
    return tuple(found)
