"""An uplift model beside its baselines, on rows that none of them has seen, one treatment at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from ...models.decisions.budgets import BudgetCurve, budget_curve
from ...models.decisions.policy import PolicyValue, Stakes, policy_value, treat_top
from ...models.decisions.profit import ProfitCurve, SleepingDogs, profit_curve, sleeping_dogs
from ...models.evaluation.comparison import Comparison
from ...models.evaluation.effect_calibration import UpliftCalibration, uplift_calibration
from ...models.evaluation.qini import RankingWorth, UpliftCurve, measured_rankings, qini
from ...models.evaluation.ranking import without_dust
from ...models.inputs.bootstrap import N_DRAWS
from ...models.inputs.estimate import Estimate
from ...models.uplift.giants import Giants, giants_in
from ...models.uplift.trial import read_trial
from ..dataset import UpliftRows
from ..evaluate import Leaderboard

Floats = npt.NDArray[np.float64]

STACK = "uplift_stack"
MAIN = "qini"
DEPTHS = (0.1, 0.2, 0.3)
CONTACTED = 0.3  # the share that the policies on the leaderboard contact
AREAS = ("qini", "auuc", "autoc")
AT_DEPTH = tuple(f"uplift_at_{depth * 100:.0f}" for depth in DEPTHS)


@dataclass(frozen=True)
class CappedNumbers:
    """What a treatment changes where the largest amounts are capped: less money, seen more surely.

    Parameters
    ----------
    giants
        How they are capped.
    average_effect, qini
        As on the board, of capped amounts.
    """

    giants: Giants
    average_effect: Estimate
    qini: Estimate

    @property
    def words(self) -> str:
        """The same in a sentence."""
        return (
            f"With {self.giants.words}, contacting everyone changes {self.average_effect:+,.1f} per 1,000 customers, "
            f"and the ranking gains {self.qini:+,.1f} over a random one."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return bounds and numbers in types that JSON knows."""
        bounds = {"low": self.giants.low, "high": self.giants.high, "n": self.giants.n}
        return {**bounds, "average_effect": self.average_effect.as_dict(), "qini": self.qini.as_dict()}


@dataclass(frozen=True, eq=False, kw_only=True)
class ArmBoard(Leaderboard):
    """One treatment's leaderboard: the stack beside its baselines, and what its ranking is worth.

    All numbers are per 1,000 customers. The metrics are qini, auuc, autoc, uplift_at_10, _20, _30 (among the
    best-scored share), and policy_value (what contacting the best-scored 30 % gains over contacting nobody, doubly
    robust).

    Parameters
    ----------
    arm
        The treatment.
    curves
        Score -> the cumulative uplift with its band.
    average_effect
        What contacting everyone changes.
    calibration
        The stack's predicted against realised uplift, by decile.
    profit
        Profit by depth when the stack ranks.
    dogs
        Whether the lowest-scored are put off.
    n_rows
        Rows of the control and the treatment.
    capped
        Of amounts with giants among them: the stack's numbers with the giants capped.
    """

    arm: str
    curves: Mapping[str, UpliftCurve]
    average_effect: Estimate
    calibration: UpliftCalibration
    profit: ProfitCurve
    dogs: SleepingDogs
    n_rows: int
    capped: CappedNumbers | None = None

    @property
    def dogs_in_words(self) -> str:
        """Whether the lowest-scored are put off, in a sentence without its full stop."""
        if not self.dogs.found:
            return str(self.dogs)
        effect = f"{self.dogs.effect:+.1f} per 1,000 of them"
        return f"the lowest-scored {self.dogs.share:.0%} are put off: contacting changes {effect}"

    @property
    def verdict(self) -> str:
        """What the numbers allow to say of this treatment, in a few sentences."""
        return self._on_the_whole + (f" {self.capped.words}" if self.capped else "")

    @property
    def _on_the_whole(self) -> str:
        qini, effect = self.metrics[MAIN], self.average_effect
        size = f"contacting everyone changes {effect:+.1f} per 1,000 customers"
        if qini.low > 0:
            return f"Who is influenced can be predicted: {size}, and the ranking gains {qini:+.1f} over a random one."
        if qini.high < 0:
            return f"The ranking is worse than chance ({qini:+.1f}): do not use it; {size}."
        if effect.excludes_zero:
            return (
                f"It has an effect ({size}), but who is influenced cannot be predicted with these customers: "
                "choose by cost, or at random."
            )
        return f"No effect to be found: {size}, and the ranking cannot be told from a random one."

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers in types that JSON knows."""
        return {
            "verdict": self.verdict,
            "n_rows": self.n_rows,
            "average_effect": self.average_effect.as_dict(),
            **self.as_numbers(),
            **({"capped": self.capped.as_dict()} if self.capped else {}),
            "comparisons": {name: found[MAIN].as_dict() for name, found in self.comparisons.items()},
            "calibration": {
                "slope": self.calibration.slope.as_dict(),
                "bias": self.calibration.bias.as_dict(),
                "deciles": [
                    {"decile": one.decile, "predicted": one.predicted, "realised": one.realised.as_dict()}
                    for one in self.calibration.bins
                ],
            },
            "profit": {
                "words": str(self.profit),
                "best_depth": self.profit.best_depth.as_dict(),
                "best_profit": self.profit.best_profit.as_dict(),
                "everyone": self.profit.curve.at(1.0).as_dict(),
            },
            "sleeping_dogs": {
                "found": self.dogs.found,
                "words": self.dogs_in_words,
                "effect": self.dogs.effect.as_dict(),
            },
        }


@dataclass(frozen=True, eq=False)
class Judged:
    """Rows that judge, with what models say of them that have not seen them.

    Parameters
    ----------
    rows
        The rows.
    predicted
        Score -> (n, treatments); one of them is ``STACK``.
    fold
        (n,) the fold of each row where each fold had models of its own, else None.
    """

    rows: UpliftRows
    predicted: Mapping[str, Floats]
    fold: npt.NDArray[np.int64] | None = None

    def ranking(self, code: int) -> dict[str, Floats]:
        """Return each score of a treatment, fit to rank all rows: (n,).

        Models of different folds are compared by rank within their fold: the size of their scores depends on chance
        that other folds share.
        """
        own = {name: score[:, code - 1] for name, score in self.predicted.items()}
        if self.fold is None:
            return own
        ranked = {name: np.empty(len(score)) for name, score in own.items()}
        for fold in np.unique(self.fold):
            here = self.fold == fold
            for name, score in own.items():
                ranked[name][here] = (rankdata(without_dust(score[here])) - 0.5) / here.sum()
        return ranked


@dataclass(frozen=True, eq=False)
class _Pair:
    """The rows of the control and one treatment."""

    y: Floats
    treated: npt.NDArray[np.bool_]
    chosen: npt.NDArray[np.intp]
    same: dict[str, Any]  # how customers came into their arms, as the measures take it

    @classmethod
    def of(cls, rows: UpliftRows, code: int) -> _Pair:
        chosen, arms = rows.arms().against_control(code)
        customer = None if rows.customer_id is None else rows.customer_id[chosen]
        same = {"p_treatment": arms.probability[:, 1].copy(), "groups": customer}
        return cls(rows.label[chosen], arms.codes == 1, chosen, same)


def board_of(judged: Judged, code: int, cost: float = 0.0, seed: int = 0) -> ArmBoard:
    """Return one treatment's numbers on rows that the scores have not seen.

    Parameters
    ----------
    judged
        The rows and the scores.
    code
        The treatment, by its place among the arms; the control is 0.
    cost
        Of one contact, in the unit of ``rows.money``, or of the outcome where that is not known.
    seed
        Of the draws.
    """
    rows = judged.rows
    pair = _Pair.of(rows, code)
    own = {name: score[pair.chosen] for name, score in judged.ranking(code).items()}
    trial = read_trial(pair.y, own, pair.treated, **pair.same)
    found = dict(zip(own, measured_rankings(trial, DEPTHS, N_DRAWS, seed), strict=True))
    metrics = {name: _metrics_of(one) for name, one in found.items()}
    for name, score in own.items():
        treat = treat_top(score, CONTACTED)
        metrics[name]["policy_value"] = policy_value(pair.y, treat, pair.treated, **pair.same).over_nobody
    worth = pair.y if rows.money is None else rows.money[pair.chosen]
    stack, predicted = own[STACK], judged.predicted[STACK][pair.chosen, code - 1]
    return ArmBoard(
        metrics=metrics.pop(STACK),
        baselines=metrics,
        comparisons={name: {MAIN: _compared(found[STACK], one)} for name, one in found.items() if name != STACK},
        arm=rows.arms().names[code],
        curves={name: one.qini.curve for name, one in found.items()},
        average_effect=found[STACK].qini.average_effect,
        calibration=uplift_calibration(pair.y, predicted, pair.treated, seed=seed, **pair.same),
        profit=profit_curve(worth, stack, pair.treated, stakes=Stakes(cost=cost), seed=seed, **pair.same),
        dogs=sleeping_dogs(pair.y, stack, pair.treated, seed=seed, **pair.same),
        n_rows=len(pair.y),
        capped=_capped(pair, stack, seed),
    )


def _compared(stack: RankingWorth, other: RankingWorth) -> Comparison:
    found = stack.against(other)
    return Comparison(MAIN, found.difference, found.verdict, found.smallest_difference)


def _capped(pair: _Pair, score: Floats, seed: int) -> CappedNumbers | None:
    """Return what shows when the giants among the outcomes are capped; None where there are none."""
    giants = giants_in(pair.y)
    if giants is None:
        return None
    found = qini(giants.capped(pair.y), score, pair.treated, seed=seed, **pair.same)
    return CappedNumbers(giants, found.average_effect, Estimate(found.value, found.low, found.high))


def best_arm_value(rows: UpliftRows, uplift: Floats) -> PolicyValue:
    """Return what it is worth to give every customer the treatment with the highest positive uplift, if there is one.

    Parameters
    ----------
    rows
        The rows.
    uplift
        (n, treatments), predicted by models that have not seen the rows.
    """
    arms = rows.arms()
    choice = np.where(uplift.max(axis=1) > 0, 1 + uplift.argmax(axis=1), 0)
    policy = np.array(arms.names, dtype=object)[choice]
    return policy_value(rows.label, policy, **_assigned(rows))


def budget_of(rows: UpliftRows, uplift: Floats, seed: int = 0) -> BudgetCurve | None:
    """Return what a budget of contacts brings, shared among several treatments by their uplift; None of one treatment.

    Parameters
    ----------
    rows
        The rows.
    uplift
        (n, treatments), predicted by models that have not seen the rows.
    seed
        Of the draws.
    """
    arms = rows.arms()
    if arms.n_arms == 2:
        return None
    gain = {name: uplift[:, place] for place, name in enumerate(arms.names[1:])}
    return budget_curve(rows.label, gain, seed=seed, **_assigned(rows))


def _assigned(rows: UpliftRows) -> dict[str, Any]:
    """Return how customers came into all arms, as measures of several treatments take it."""
    arms = rows.arms()
    return {
        "treatment": np.array(arms.names, dtype=object)[arms.codes],
        "p_treatment": {name: arms.probability[:, i] for i, name in enumerate(arms.names) if i},
        "control": arms.names[0],
        "groups": rows.customer_id,
    }


def _metrics_of(found: RankingWorth) -> dict[str, Estimate]:
    own = found.qini
    numbers = (Estimate(own.value, own.low, own.high), own.auuc, found.autoc, *found.at)
    return dict(zip((*AREAS, *AT_DEPTH), numbers, strict=True))
