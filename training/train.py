"""Train a task: look at customers in the past, learn, judge on a later snapshot, and refit for use.

What is judged and what is put in use are two fits. The judged model saw only labels that were over before the
test; the one in use learns from every finished snapshot, the test's included. All numbers are the judged one's.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from penchant.overview import Overview, WithOverview

from ..features.outcomes.tasks import Span, Task
from ..features.shop import Shop
from ..models.estimators.sklearn_model import SklearnModel
from ..models.evaluation.curves import calibration_curve, decile_table
from ..models.evaluation.metrics import Kind, evaluate
from ..models.evaluation.reference import describe
from ..models.explain.contributions import contributions
from ..models.inputs.arrays import Floats
from ..models.inputs.estimate import Estimate
from .baselines import baseline_scores, predicted
from .checks import MAIN_METRIC, auc_by_snapshot, horizon_check, may_be_used, training_checks
from .dataset import EVERY_SIGNAL, Dataset, SignalChoice
from .evaluate import Leaderboard, Outcomes, leaderboard
from .fit import Model, Recipe, fitted, in_effect
from .material import Step, TaskData, task_data
from .own import OwnEstimator, chosen_estimator, own_estimators, own_scores
from .splits import Schedule
from .trained import TrainedModel

__all__ = ["MAIN_METRIC", "Trained", "learn", "train"]

DEFAULT_MODEL = "default_model"  # ours, where another estimator is trained in its place
STAGE = "stage"
FEWEST_OF_A_STAGE, DRAWS_BY_STAGE = 100, 200
MOST_SHOWN = 2_000  # rows that the report explains the model on


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Trained(TrainedModel, WithOverview):
    """A task's model that is ready for use, and all that is known of it.

    Parameters
    ----------
    task
        What it predicts.
    span, basis
        Gap and horizon of the label, and where the horizon comes from.
    schedule
        The snapshots.
    board
        Metrics on the test snapshot of the judged model, and of the baselines.
    snapshots
        as_of, n_eligible and base_rate by snapshot.
    deciles, calibration
        Tables of the test, as in `penchant.models.evaluation.curves`; no calibration of amounts.
    shown
        Signals of some rows of the test, on which the report explains the model in use.
    by_stage
        Metrics on the test by the customers' stage; empty where the signals hold none.
    by_snapshot
        AUC at each snapshot on customers that the trees had not seen, and at the test; empty of amounts.
    """

    answer = "probability"
    model: Model
    judged: Model
    task: Task
    span: Span
    basis: str
    schedule: Schedule
    board: Leaderboard
    snapshots: pd.DataFrame
    deciles: Any
    calibration: Any
    shown: pd.DataFrame
    by_stage: pd.DataFrame
    by_snapshot: Mapping[str, Estimate]

    @property
    def name(self) -> str:
        """What its models are registered as, after the shop's name."""
        return self.task.name

    @property
    def is_foreign(self) -> bool:
        """Whether it is an estimator of others, in the place of our model."""
        return isinstance(self.model, SklearnModel)

    @property
    def estimator(self) -> str:
        """What was trained: ``"default"``, or the name of another estimator."""
        return self.model.name if isinstance(self.model, SklearnModel) else "default"

    @property
    def is_binary(self) -> bool:
        """Whether the outcome is yes or no, rather than an amount."""
        return self.task.kind == "binary"

    @property
    def may_lead(self) -> bool:
        """Whether it may become champion where there is none: no check keeps it out of use."""
        return may_be_used(self.checks)

    def is_main(self, metric: str) -> bool:
        """Whether a metric decides: its interval stands at a run."""
        return metric == MAIN_METRIC[self.task.kind]

    def parameters(self) -> dict[str, Any]:
        """Return what was asked and decided, and the parameters in effect."""
        facts, plan = self._asked(), self.schedule.as_dict()
        del facts["schedule"]
        dates = {"train_as_of": ", ".join(plan["train"]), "test_as_of": plan["test"]}
        return {**facts, **dates, **in_effect(self.judged), "snapshots": len(self.schedule.train)}

    def numbers(self) -> tuple[Mapping[str, Estimate], Mapping[str, Mapping[str, Estimate]]]:
        """Return the judged model's metrics and each baseline's."""
        return self.board.metrics, self.board.baselines

    def reference(self) -> dict[str, Any]:
        """Return what its rows and their scores look like, with which `penchant monitor` compares."""
        return describe(self.shown, predicted(self.judged, self.shown), self.model.columns_.categories)

    @cached_property
    def explained(self) -> pd.DataFrame:
        """What each signal adds to the score of each shown row, by the model in use."""
        added = contributions(self.model, self.shown)[:, :-1]
        return pd.DataFrame(added, columns=list(self.shown.columns))

    def overview(self) -> Overview:
        """Return the model beside its baselines, by the metric that decides, and what the checks object to."""
        main, plan = MAIN_METRIC[self.task.kind], self.schedule
        issues = [f"Issue: {check.title}? No: {check.explanation}" for check in self.checks if check.is_issue]
        lines = [
            f"{self.task.meaning}; horizon: {self.basis}",
            f"learned from {self.split.n_train:,} rows up to {plan.day(plan.train[-1])}, "
            f"judged on {self.split.n_test:,} of {plan.day(plan.test)}",
            *(issues or [f"{len(self.checks)} checks passed"]),
        ]
        beside = [
            (name.replace("_", " "), f"{numbers[main]:.3f}", self.board.comparisons[name][main].verdict)
            for name, numbers in self.board.baselines.items()
        ]
        rows = [("model", f"{self.board.metrics[main]:.3f}", ""), *beside]
        note = "All metrics: trained.board.metrics; scores: trained.model; what was asked first: trained.checks."
        return Overview(f"Model of '{self.task.name}'", lines, ("", main, "the model against it"), rows, note)

    def facts(self) -> dict[str, Any]:
        """Return what the model must be used with, in types that JSON knows."""
        return {
            "task": self.task.name,
            "outcome": self.task.meaning,
            "gap_days": self.span.gap_days,
            "horizon_days": self.span.horizon_days,
            "horizon_basis": self.basis,
            "schedule": self.schedule.as_dict(),
            "labels_end": self.schedule.labels_end(self.schedule.every).isoformat(),
            "judged_labels_end": self.schedule.labels_end(self.schedule.train).isoformat(),
            "n_rows": self.split.counts(),
            "estimator": self.estimator,
        }

    def more(self) -> dict[str, Any]:
        """Return the paired comparisons with the baselines."""
        return self.board.compared()


def train(
    shop: Shop,
    name: str,
    step: Step = lambda _: nullcontext(),
    recipe: Recipe | None = None,
    *,
    estimator: str | None = None,
    signals: SignalChoice = EVERY_SIGNAL,
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
    recipe
        How the model is made. None: by the defaults.
    estimator
        Name of one of the shop's own estimators or of a baseline, trained in the place of our model, which stands
        beside it then; None: our model.
    signals
        Those to learn from.

    Raises
    ------
    InputError
        If there is no such task, estimator or signal.
    LeftOutError
        If the shop lacks tables or columns that the task needs.
    TooLittleDataError
        If the shop's data does not pass the gate of penchant.toml, section gate.
    """
    recipe, data = recipe or Recipe(), task_data(shop, name, step, signals=signals)
    own = own_estimators(shop.config, name)
    chosen = None if estimator is None else chosen_estimator(own, data, estimator)
    beside = own_scores(data, [one for one in own if one.name != estimator], step)
    if chosen is not None:
        with step("training our model beside it"):
            beside[DEFAULT_MODEL] = predicted(fitted(data.task, data.past, data.seed, recipe), data.test.features)
        recipe = replace(recipe, estimator=chosen)
    return learn(data, recipe, step, beside)


@threadpool_limits.wrap(limits=1, user_api="blas")  # small products lose more to threads than they gain
def learn(
    material: TaskData,
    recipe: Recipe | None = None,
    step: Step = lambda _: nullcontext(),
    beside: Mapping[str, Floats] | None = None,
) -> Trained:
    """Return the model of a task, judged on the test and refitted for use.

    Parameters
    ----------
    material
        The rows of `task_data`.
    recipe
        How the model is made. None: by the defaults.
    step
        As in `train`.
    beside
        Further predictions of the test's rows that stand with the baselines, by name.
    """
    recipe = recipe or Recipe()
    task, past, test, every = material.task, material.past, material.test, material.every
    with step(f"learning from {len(past):,} rows, judging on {len(test):,} later ones"):
        judged = fitted(task, past, material.seed, recipe)
        score = predicted(judged, test.features)
    with step("training and testing the baselines"):
        board = judge(material, score, beside or {}, recipe.estimator)
    with step("running the checks"):
        by_snapshot = auc_by_snapshot(judged, (past, test), board, material.schedule)
        asked = training_checks(material, board, judged, by_snapshot)
        stated = {"gap_days": material.schedule.gap_days, "horizon_days": material.schedule.horizon_days}
        checks = (*asked, horizon_check(material.span, stated))
    with step(f"refitting on all {len(every):,} rows for use"):
        model = fitted(task, every, material.seed, recipe)
    return Trained(
        model=model,
        judged=judged,
        split=material.schedule.split(every),
        columns=every.columns,
        left_out=every.left_out,
        checks=checks,
        task=task,
        span=material.span,
        basis=material.basis,
        schedule=material.schedule,
        board=board,
        snapshots=every.by_snapshot(),
        deciles=decile_table(test.label, score, kind=_kind(task, test), groups=test.customer_id),
        calibration=calibration_curve(test.label, score, groups=test.customer_id) if task.kind == "binary" else None,
        shown=test.sampled(MOST_SHOWN, material.seed).features,
        by_stage=by_stage(test, score, _kind(task, test)),
        by_snapshot=by_snapshot,
    )


def by_stage(rows: Dataset, score: Floats, kind: Kind) -> pd.DataFrame:
    """Return the metrics of each stage's customers, a row for each stage with enough of them; empty without stages."""
    stages = rows.features.get(STAGE)
    found = []
    for stage in [] if stages is None else sorted(stages.dropna().unique()):
        own = (stages == stage).to_numpy()
        y = rows.label[own]
        if own.sum() >= FEWEST_OF_A_STAGE and (kind != "binary" or 0 < y.sum() < len(y)):
            numbers = evaluate(y, score[own], kind=kind, groups=rows.customer_id[own], n_draws=DRAWS_BY_STAGE)
            found.append({"stage": stage, "n": int(own.sum()), **with_bounds(numbers)})
    return pd.DataFrame(found)


def with_bounds(numbers: Mapping[str, Estimate]) -> dict[str, float]:
    """Return each number and its bounds by name, as a row of a table."""
    ends = {name: (("", n.value), ("_low", n.low), ("_high", n.high)) for name, n in numbers.items()}
    return {f"{name}{end}": value for name, pairs in ends.items() for end, value in pairs}


def _kind(task: Task, rows: Dataset) -> Kind:
    """Return what an outcome is summed as: spending is 0 or more, a margin can be negative."""
    return "count" if rows.label.min() < 0 else task.kind


def judge(
    material: TaskData, score: Floats, beside: Mapping[str, Floats], estimator: OwnEstimator | None = None
) -> Leaderboard:
    """Return the leaderboard of the test snapshot: the model beside all baselines that the rows allow.

    Parameters
    ----------
    material
        The rows.
    score
        What the judged model predicts for the test's.
    beside
        Further predictions of them, by name.
    estimator
        What was trained in the place of our model: as a baseline it does not stand beside itself.
    """
    found, left_out = baseline_scores(material, without=estimator.name if estimator else "")
    test = material.test
    outcomes = Outcomes(test.label, test.customer_id, test.amount, material.task.kind)
    return leaderboard(outcomes, score, {**beside, **found}, left_out, material.seed)
