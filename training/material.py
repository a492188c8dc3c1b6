"""What a task's models learn from and are judged on: rows laid out in time, and enough of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import pandas as pd

from penchant.config import GateSection
from penchant.errors import TooLittleDataError

from ..features.catalogue import task_of
from ..features.moments import first_event
from ..features.outcomes.labels import label, refuse_lacking, span_of
from ..features.outcomes.tasks import Span, Task
from ..features.shop import Shop
from ..models.evaluation.checks import DataSize, refuse_too_little
from .dataset import EVERY_SIGNAL, Dataset, SignalChoice, spine_of_task, with_signals
from .splits import Schedule, schedule

Step = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True, eq=False)
class TaskData:
    """What a task's model learns from and is judged on: enough of it, laid out in time.

    Parameters
    ----------
    task
        What is predicted.
    span, basis
        Gap and horizon of the label, and where the horizon comes from.
    schedule
        The snapshots.
    rows
        Those that were asked for.
    size
        How much there is, past the gate.
    seed
        Of all that is drawn.
    gate
        The least data, as penchant.toml sets it.
    """

    task: Task
    span: Span
    basis: str
    schedule: Schedule
    rows: Dataset
    size: DataSize
    seed: int
    gate: GateSection = field(default_factory=GateSection)

    @cached_property
    def past(self) -> Dataset:
        """The training snapshots' rows."""
        return self.rows.at(self.schedule.train)

    @cached_property
    def test(self) -> Dataset:
        """The test snapshot's rows."""
        return self.rows.at([self.schedule.test])

    @cached_property
    def every(self) -> Dataset:
        """The rows of all finished snapshots of the schedule, without those that a search alone looks at."""
        return self.rows.at(self.schedule.every)


def task_data(
    shop: Shop,
    name: str,
    step: Step = lambda _: nullcontext(),
    looks: Callable[[Schedule], Sequence[datetime]] = lambda plan: plan.every,
    span: Span | None = None,
    *,
    signals: SignalChoice = EVERY_SIGNAL,
) -> TaskData:
    """Return a task's rows, laid out in time; raises as `train`.

    Parameters
    ----------
    shop, name, step
        As in `train`.
    looks
        From the schedule, the snapshots to build; the training's and the test's are among them.
    span
        Gap and horizon; None: as configured.
    signals
        Those to build.
    """
    task = task_of(shop.config, name)
    refuse_lacking(shop, task)
    first, end = first_event(shop), shop.extract_end
    with step("reading the purchase cycle"):
        span, basis = (span, "as asked") if span else span_of(shop, task, first + (end - first) / 2)
    section = shop.config.task(name).model_copy(update={"gap_days": span.gap_days})
    plan = schedule(first, end, span.horizon_days, section, shop.timezone)
    instants = looks(plan)
    with step(f"reading the outcomes of {len(instants)} snapshots"):
        labels = label(shop, task, spine_of_task(shop, task, instants), span.gap_days, span.horizon_days).frame
    if not len(labels):
        raise _nobody(shop, task)
    size = size_of(labels, first, plan)
    refuse_too_little(f"task '{name}'", size, shop.config.gate)  # before the signals: they are what takes long
    with step(f"building the signals of {len(instants)} snapshots"):
        rows = with_signals(shop, task, labels, span, signals)
    return TaskData(task, span, basis, plan, rows, size, shop.config.seed, shop.config.gate)


def _nobody(shop: Shop, task: Task) -> TooLittleDataError:
    """Return the refusal of a task for which no customer ever was eligible, and what would help."""
    advice = "'penchant insight stages --as-of DATE' shows who is in which stage"
    if not shop.has("interactions") and not shop.has("customers", "registered_at"):
        advice = (
            "This shop knows customers from their first purchase on, so nobody can be seen before it: "
            "map 'interactions', or 'customers.registered_at'"
        )
    return TooLittleDataError(f"task '{task.name}'", "customers who are eligible", "nobody at any moment", advice)


def size_of(labels: pd.DataFrame, first: datetime, plan: Schedule) -> DataSize:
    """Return how much there is to learn from and to judge on; an outcome above 0 is a positive."""
    learned = labels[labels["as_of"].isin(plan.train)]
    judged = labels.loc[labels["as_of"] == plan.test, "label"]
    positives = int((judged > 0).sum())
    history = (plan.test - first).days / plan.horizon_days
    return DataSize(learned["customer_id"].nunique(), positives, len(judged) - positives, history)
