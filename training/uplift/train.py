"""Train an uplift: guards first, then what the model is worth on customers it has not seen, then the model for use.

Everything between reading and writing: the same for the campaigns of a shop and for a bare matrix.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.config import GateSection
from penchant.errors import CheckFailedError, TooLittleDataError

from ...features.signals.group import Column
from ...models.decisions.budgets import BudgetCurve
from ...models.decisions.policy import PolicyValue
from ...models.evaluation.reference import describe
from ...models.evaluation.trial_checks import TrialDates, check_trial
from ...models.inputs.check import Check
from ...models.inputs.estimate import Estimate
from ...models.uplift import UpliftStack
from ..dataset import CONTROL, UpliftRows
from ..material import Step
from ..splits import Split, split_rows
from ..trained import TrainedModel
from .evaluate import MAIN, STACK, ArmBoard, Judged, best_arm_value, board_of, budget_of
from .fit import fit_on, held_out_scores, makers

Floats = npt.NDArray[np.float64]

FATAL = ("assignment-random", "outcome-after-assignment", "features-before-assignment")
TASK = "uplift"
EFFECT = "average_effect"


@dataclass(frozen=True)
class TrialQuestion:
    """What is asked of a training.

    Parameters
    ----------
    goal
        The goal's name.
    outcome
        The outcome, as a phrase.
    horizon_days
        By when the outcome is read; None where that is not told, as with a bare matrix.
    source
        Where the rows come from, as a sentence.
    timezone
        The shop's zone, in which a person is told the days.
    """

    goal: str
    outcome: str
    horizon_days: int | None
    source: str = ""
    timezone: str = "UTC"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TrainedUplift(TrainedModel):
    """An uplift model that is ready for use, the stack, and all that is known of it.

    Parameters
    ----------
    asked
        What was asked.
    rows
        What it learned from, with what was not used.
    boards
        By treatment, the numbers on rows that the judged models had not seen.
    best_arm
        What giving everyone the treatment with the highest positive uplift is worth, on the same rows.
    budget
        Of several treatments: what a budget of contacts brings when it is shared among them, on the same rows.
    """

    answer = "uplift"
    model: UpliftStack
    asked: TrialQuestion
    rows: UpliftRows
    boards: tuple[ArmBoard, ...]
    best_arm: PolicyValue
    budget: BudgetCurve | None = None

    @property
    def name(self) -> str:
        """What its models are registered as, after the shop's name."""
        return f"{TASK}.{self.asked.goal}"

    @property
    def may_lead(self) -> bool:
        """Whether it may become champion where there is none: no ranking is worse than chance."""
        return not any(board.metrics[MAIN].high < 0 for board in self.boards)

    def is_main(self, metric: str) -> bool:
        """Whether a metric decides; audiences read how far the average effect is uncertain."""
        return metric.endswith((MAIN, EFFECT))

    def parameters(self) -> dict[str, Any]:
        """Return what was asked and decided, and what the stack is made of."""
        facts = self._asked()
        parts = {
            f"{TASK}_parts_{arm}": ", ".join(f"{part.name} {part.share:.0%}" for part in found.parts)
            for arm, found in self.model.findings_.items()
        }
        return {**facts, "arms": ", ".join(facts["arms"]), **parts}

    def reference(self) -> dict[str, Any]:
        """Return what its rows and their highest uplift look like, with which `penchant monitor` compares."""
        uplift = np.asarray(self.model.predict_uplift(self.rows.features)).reshape(len(self.rows), -1)
        return describe(self.rows.features, np.max(uplift, 1))

    @property
    def control(self) -> str:
        """The control's name."""
        return CONTROL

    @property
    def treatments(self) -> tuple[str, ...]:
        """The treatments, in the order of the model's predictions."""
        return tuple(self.model.treatments_)

    def facts(self) -> dict[str, Any]:
        """Return what the model must be used with, in types that JSON knows."""
        return {
            "task": TASK,
            "goal": self.asked.goal,
            "outcome": self.asked.outcome,
            "gap_days": 0,
            "horizon_days": self.asked.horizon_days,
            "control": self.control,
            "arms": list(self.treatments),
            "n_rows": self.split.counts(),
        }

    def numbers(self) -> tuple[dict[str, Estimate], dict[str, dict[str, Estimate]]]:
        """Return the stack's metrics and each baseline's; of several treatments, each name starts with its own."""
        stack: dict[str, Estimate] = {}
        baselines: dict[str, dict[str, Estimate]] = {}
        for board in self.boards:
            prefix = f"{board.arm}." if len(self.boards) > 1 else ""
            stack |= {prefix + name: number for name, number in board.metrics.items()}
            for score, numbers in board.baselines.items():
                baselines.setdefault(score, {}).update({prefix + name: number for name, number in numbers.items()})
            stack[f"{prefix}{EFFECT}"] = board.average_effect
            if board.capped:
                stack[f"{prefix}{EFFECT}_capped"] = board.capped.average_effect
                stack[f"{prefix}qini_capped"] = board.capped.qini
        stack["best_arm_value"] = self.best_arm.over_nobody
        if self.budget:
            stack["budget_gain"] = self.budget.over_untargeted
        return stack, baselines

    def more(self) -> dict[str, Any]:
        """Return how it was judged, the numbers of each treatment, what the stack found, and what was not used."""
        return {
            "judged": self.split.words,
            "by_arm": {board.arm: board.as_dict() for board in self.boards},
            "found": {arm: finding_as_dict(found) for arm, found in self.model.findings_.items()},
            "not_used": list(self.rows.not_used),
        }


def finding_as_dict(found: Any) -> dict[str, Any]:
    """Return what the stack found about a treatment, in types that JSON knows."""
    return {
        "words": found.words,
        "tells_apart": found.tells_apart,
        "average_effect": found.average_effect.as_dict(),
        "parts": {part.name: part.share for part in found.parts},
    }


def train_uplift(
    rows: UpliftRows, asked: TrialQuestion, gate: GateSection, seed: int = 0, step: Step = lambda _: nullcontext()
) -> TrainedUplift:
    """Return the trained uplift model of a trial.

    Parameters
    ----------
    rows
        From `penchant.training.uplift.dataset.collect` or `penchant.training.uplift.matrix.read_matrix`.
    asked
        What is asked.
    gate
        The least data; positives and negatives are counted over all arms.
    seed
        Of folds, trees and draws.
    step
        Called with what is being done; the context it returns lasts as long as the step.

    Raises
    ------
    TooLittleDataError
        The rows do not pass the gate.
    CheckFailedError
        A guard says that no uplift can be learned from these rows.
    """
    refuse_small_trial(rows, asked, gate)
    split = split_rows(rows, asked.horizon_days, seed, asked.timezone)
    with step("checking that it is a randomised trial"):
        checks = guards(rows, split, seed)
        refuse(checks, asked.goal)
    with step("training the stack and its baselines, testing them on rows they have not seen"):
        scores = held_out_scores(rows, split, makers(seed))
    test = rows.where(split.test)
    judged = Judged(test, scores, None if split.fold is None else split.fold[split.test])
    with step("measuring"):
        boards = tuple(board_of(judged, code, rows.cost, seed) for code in range(1, rows.arms().n_arms))
    with step(f"refitting on all {len(rows):,} rows for use"):
        model = fit_on(makers(seed)[STACK](), rows)
    return TrainedUplift(
        model=model,
        split=split,
        columns=rows.columns,
        left_out=rows.left_out,
        checks=checks,
        asked=asked,
        rows=rows,
        boards=boards,
        best_arm=best_arm_value(test, scores[STACK]),
        budget=budget_of(test, scores[STACK], seed),
    )


def guards(rows: UpliftRows, split: Split, seed: int = 0) -> tuple[Check, ...]:
    """Return what must hold before an uplift is learned from rows."""
    is_dated = rows.as_of is not None
    dates = TrialDates(assigned_at=rows.as_of, outcome_at=rows.success_at, features_at=rows.as_of if is_dated else None)
    given: dict[str, Any] = {"p_treatment": rows.p_treatment, "groups": rows.customer_id}
    return check_trial(
        rows.features,
        rows.label,
        rows.arm,
        dates=dates,
        folds=split.fold,
        seed=seed,
        control=CONTROL,
        is_planned=rows.is_planned,
        **given,
    )


def refuse(checks: tuple[Check, ...], goal: str) -> None:
    """Raise CheckFailedError where a guard forbids any number of uplift."""
    fatal = [check for check in checks if check.is_issue and check.code in FATAL]
    if fatal:
        raise CheckFailedError(
            f"uplift of '{goal}'",
            "a trial: " + "; ".join(check.title[0].lower() + check.title[1:] for check in fatal),
            " ".join(check.explanation for check in fatal),
            "No uplift was computed",
        )


def refuse_small_trial(rows: UpliftRows, asked: TrialQuestion, gate: GateSection) -> None:
    """Raise TooLittleDataError with all that is missing, where the rows cannot carry an uplift model."""
    customers = len(rows) if rows.customer_id is None else pd.Series(rows.customer_id).nunique()
    positives = int((rows.label != 0).sum())
    wanted = {
        "min_buyers": ("customers", customers, gate.min_buyers),
        "min_positives": ("rows with an outcome", positives, gate.min_positives),
        "min_negatives": ("rows without", len(rows) - positives, gate.min_negatives if rows.is_binary else 0),
    }
    missing = [
        f"{have:,} {what}, at least {need:,} needed ({key})"
        for key, (what, have, need) in wanted.items()
        if have < need
    ]
    if missing:
        raise TooLittleDataError(
            f"uplift of '{asked.goal}'",
            "enough customers for an uplift that can be judged",
            "; ".join(missing),
            "Run more waves with a held-out control, or lower these keys of [gate] and trust the numbers less",
        )


def signals_of(features: pd.DataFrame) -> tuple[Column, ...]:
    """Return declarations for the columns of a bare matrix, which brings none."""
    return tuple(
        Column(str(name), str(name), dtype=_dtype_of(features[name]), missing="not known") for name in features.columns
    )


def _dtype_of(column: pd.Series[Any]) -> Any:
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_integer_dtype(column):
        return "int64"
    return "float64" if pd.api.types.is_numeric_dtype(column) else "string"
