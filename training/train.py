"""Train a task: look at customers in the past, learn, judge on a later snapshot, and refit for use.

What is judged and what is put in use are two fits. The judged model saw only labels that were over before the
test; the one in use learns from every finished snapshot, the test's included. All numbers are the judged one's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from penchant.config import GateSection
from penchant.errors import TooLittleDataError

from ..features.catalogue import task_of
from ..features.group import Column
from ..features.labels import span_of
from ..features.shop import Shop
from ..features.tasks import Span, Task
from ..models.curves import calibration_curve, decile_table
from ..models.propensity import PropensityModel
from .dataset import Dataset, assemble
from .evaluate import Leaderboard, Outcomes, Scores, leaderboard
from .splits import Schedule, schedule

Step = Callable[[str], AbstractContextManager[Any]]
LAST_PURCHASE, RFM_TOTAL = "days_since_last_purchase", "rfm_total"


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
    snapshots
        as_of, n_eligible and base_rate by snapshot.
    deciles, calibration
        Tables of the test, as in `penchant.models.curves`.
    n_train, n_test, n_used
        Rows that the judged model learned from, was judged on, and rows that the model in use learned from.
    """

    task: Task
    span: Span
    basis: str
    schedule: Schedule
    model: PropensityModel
    columns: tuple[Column, ...]
    left_out: Mapping[str, str]
    board: Leaderboard
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
        return {**self.facts(), "n_features": len(self.columns), **self.board.as_dict()}


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
    refuse_too_little(shop.config.gate, train_rows, test_rows, task)
    with step(f"learning from {len(train_rows):,} rows, judging on {len(test_rows):,} later ones"):
        judged = fitted(task, train_rows, shop.config.seed, n_threads)
        score = judged.predict_proba(test_rows.features)[:, 1]
        board = judge(task, test_rows, score, float(train_rows.label.mean()), shop.config.seed)
    with step(f"refitting on all {len(every):,} rows for use"):
        model = fitted(task, every, shop.config.seed, n_threads)
    return Trained(
        task, span, basis, plan, model, every.columns, every.left_out, board, every.by_snapshot(),
        decile_table(test_rows.label, score, groups=test_rows.customer_id),
        calibration_curve(test_rows.label, score, groups=test_rows.customer_id),
        len(train_rows), len(test_rows), len(every),
    )  # fmt: skip


def first_event(shop: Shop) -> datetime:
    """Return the instant of the shop's first order or interaction, UTC without a zone."""
    times = {"orders": "ordered_at", "interactions": "occurred_at"}
    found = [shop.tables[name][time].min().execute() for name, time in times.items() if shop.has(name)]
    return min(pd.Timestamp(at).to_pydatetime() for at in found if not pd.isna(at))


def fitted(task: Task, rows: Dataset, seed: int, n_threads: int | None) -> PropensityModel:
    """Return the task's model, fitted; directions of which the domain is sure are kept."""
    monotone = {column.name: task.buying * column.buying for column in rows.columns if column.buying}
    model = PropensityModel(monotone=monotone, seed=seed, n_threads=n_threads)
    return model.fit(rows.features, rows.label, groups=rows.customer_id)


def judge(task: Task, rows: Dataset, score: Any, base_rate: float, seed: int) -> Leaderboard:
    """Return the leaderboard of a test snapshot: the model beside the base rate of its training, recency and RFM."""
    towards = float(task.buying)
    baselines = {"base_rate": Scores(np.full(len(rows), base_rate))}
    if LAST_PURCHASE in rows.features:
        recency = rows.features[LAST_PURCHASE].fillna(np.inf).to_numpy(np.float64)
        baselines["recency"] = Scores(-towards * recency, is_calibrated=False)
    if RFM_TOTAL in rows.features:
        total = rows.features[RFM_TOTAL].fillna(0).to_numpy(np.float64)
        baselines["rfm_sum"] = Scores(towards * total, is_calibrated=False)
    outcomes = Outcomes(rows.label, rows.customer_id, rows.amount)
    return leaderboard(outcomes, Scores(score), baselines, seed)


def refuse_too_little(gate: GateSection, train_rows: Dataset, test_rows: Dataset, task: Task) -> None:
    """Raise TooLittleDataError where the data cannot carry a model; everything that is missing at once."""
    positives = int(test_rows.label.sum())
    counts = {
        "customers to learn from": (len(np.unique(train_rows.customer_id)), gate.min_buyers),
        "positives in the test": (positives, gate.min_positives),
        "negatives in the test": (len(test_rows) - positives, gate.min_negatives),
    }
    short = {what: numbers for what, numbers in counts.items() if numbers[0] < numbers[1]}
    if short:
        raise TooLittleDataError(
            f"task '{task.name}'",
            "; ".join(f"at least {least:,} {what}" for what, (_, least) in short.items()),
            "; ".join(f"{found:,} {what}" for what, (found, _) in short.items()),
            "Bring more customers or a longer history, or lower [gate] in penchant.toml and trust the numbers less",
        )
