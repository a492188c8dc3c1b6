"""The default: a stack of simple and flexible members that falls back to the average effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..inputs.estimate import Estimate
from ..plain_scorer import Z95, EffectError
from .doubt import effect_error
from .learner import LearnedEffect, UpliftLearner
from .linear import Linear
from .members import Maker, Member
from .models import Base
from .outcomes import OutcomeModels
from .problem import Outcome, Pair, UpliftProblem
from .trees import Trees
from .weights import Weights, fit_weights

LEAST_PART = 1e-3  # of the spread; smaller parts cost more to score than they tell


@dataclass(frozen=True)
class StackPart:
    """What one member carries.

    Attributes
    ----------
    name
        "S", "response", "control-side twin", "T", "X", "forest", "additive trees", "ridge DR" or "one-column rule".
    weight
        Factor of the member's deviation from its mean, zero or more.
    share
        Share of the spread of uplift among customers that comes from it; all shares sum to 1.
    """

    name: str
    weight: float
    share: float


@dataclass(frozen=True)
class StackFinding:
    """What the stack found about one treatment.

    Attributes
    ----------
    average_effect
        Over the customers of both arms, weighted by how open their assignment was, with its 95 % interval.
    tells_apart
        Whether uplift demonstrably differs between customers.
    believed
        How far the members are trusted beyond the average effect, 0 to 1.
    parts
        The members in use, the largest share first; none: everyone gets the average effect.
    words
        The same in a sentence or two.
    """

    average_effect: Estimate
    tells_apart: bool
    believed: float
    parts: tuple[StackPart, ...]
    words: str


class UpliftStack(UpliftLearner):
    """Default uplift learner: non-negative weights over members, fitted on left-out customers' scores.

    The members: an S-learner of small trees, the response model (whoever responds much may be changed much) and
    its control-side twin, T- and X-learners, a forest of trees that split on the effect, additive effect trees (one
    split each), ridge, the best one-column rule, and the average effect. The weights are shrunk towards the average
    effect as far as the data cannot tell customers apart. One model of each, trained on all rows, predicts.

    Parameters
    ----------
    outcome, control, n_folds, seed, n_threads
        As in `UpliftLearner`.

    Attributes
    ----------
    findings_ : dict of str to StackFinding
        By treatment: the average effect, whether customers differ, in words.
    parts_ : dict of str to tuple of StackPart
        By treatment, the members that carry the stack.
    scorer_, treatments_
        As in `UpliftLearner`.

    References
    ----------
    Nie & Wager (2021), Quasi-oracle estimation of heterogeneous treatment effects, Biometrika 108 (stacking);
    van der Laan, Polley & Hubbard (2007), Super learner, SAGMB 6.

    Examples
    --------
    >>> import numpy as np
    >>> from penchant.models.uplift import UpliftStack
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(2000, 3))
    >>> treatment = rng.integers(0, 2, 2000)
    >>> y = rng.normal(size=2000) + treatment * (X[:, 0] > 0)
    >>> stack = UpliftStack().fit(X, y, treatment)
    >>> stack.predict_uplift([[-1.0, 0, 0], [1.0, 0, 0]]).round()
    array([0., 1.])
    >>> stack.findings_["treated"].tells_apart
    True
    """

    def __init__(
        self,
        *,
        outcome: Outcome | Literal["auto"] = "auto",
        control: Any = None,
        n_folds: int | None = None,
        seed: int = 0,
        n_threads: int = 1,
    ) -> None:
        super().__init__(None, outcome=outcome, control=control, n_folds=n_folds, seed=seed, n_threads=n_threads)

    def describe(self) -> str:
        """Return what was found about each treatment, one line each."""
        return "\n".join(f"{name}: {finding.words}" for name, finding in self.findings_.items())

    def _effect(self, code: int, outcomes: OutcomeModels) -> LearnedEffect:
        problem = outcomes.problem
        pair = problem.pair(code)
        if (pair.y == pair.y[0]).all():
            nothing = Estimate(0.0, 0.0, 0.0)
            words = "All outcomes are equal: there is no effect to be found."
            finding = StackFinding(nothing, False, 0.0, (), words)
            return LearnedEffect(0.0, (), finding, EffectError(0.0, _unseen_share(pair) ** 2, 0.0, 0.0))
        linear = Linear().bench(problem, self.seed, self.n_threads)
        members, scores, leaves = Maker(code, outcomes, linear).members()
        left_out = [member.left_out for member in members]
        customer = None if problem.customer is None else problem.customer[pair.rows]
        weights = fit_weights(left_out, scores, pair.fold, customer, [member.held for member in members])
        error = effect_error(weights, left_out, scores, leaves, pair.fold, customer)
        finding = _finding(members, weights, problem)
        used = [i for i, share in enumerate(weights.shares) if abs(share) >= LEAST_PART]
        terms = [(weights.weights[i] * w, model) for i in used for w, model in members[i].terms]
        constant = weights.level - float(weights.weights[used] @ weights.means[used])
        return LearnedEffect(constant, terms, finding, error)

    def _remember(self, effects: Sequence[LearnedEffect]) -> None:
        found = zip(self.treatments_, effects, strict=True)
        self.findings_: dict[str, StackFinding] = {name: effect.finding for name, effect in found}
        self.parts_ = {name: finding.parts for name, finding in self.findings_.items()}

    def _base(self) -> Base:
        return Trees()

    def _about(self, problem: UpliftProblem) -> dict[str, Any]:
        findings = {
            name: {
                "average_effect": finding.average_effect.as_dict(),
                "tells_apart": finding.tells_apart,
                "parts": {part.name: part.share for part in finding.parts},
                "words": finding.words,
            }
            for name, finding in self.findings_.items()
        }
        return super()._about(problem) | {"findings": findings}


def _unseen_share(pair: Pair) -> float:
    """Return what may be hidden where no outcome differs: the rule of three, as a standard error."""
    smaller = min(int(pair.is_treated.sum()), int((~pair.is_treated).sum()))
    return 3 / smaller / Z95


def _finding(members: list[Member], weights: Weights, problem: UpliftProblem) -> StackFinding:
    parts = [
        StackPart(member.name, float(weight), float(share))
        for member, weight, share in zip(members, weights.weights, weights.shares, strict=True)
        if abs(share) >= LEAST_PART
    ]
    parts.sort(key=lambda part: -part.share)
    words = _words(weights, parts, problem)
    words += f" Learned with {problem.giants.words}." if problem.giants else ""
    return StackFinding(weights.average, weights.tells_apart, weights.believed, tuple(parts), words)


def _words(weights: Weights, parts: list[StackPart], problem: UpliftProblem) -> str:
    """Return what was found in a sentence or two."""
    unit = "responders" if problem.outcome == "binary" else "units of the outcome"
    average = weights.average.scaled(1000)
    size = f"{average.value:+.1f} {unit} per 1,000 customers [{average.low:+.1f}, {average.high:+.1f}]"
    carried = ", ".join(f"{part.name} {part.share:.0%}" for part in parts if part.share >= 0.05)
    if weights.tells_apart:
        return f"The effect differs between customers; on average {size}. Carried by {carried}."
    if weights.average.excludes_zero:
        return (
            f"An effect of {size}, the same for all customers as far as these data can tell. "
            "The ranking is a guess: measure it before money follows it."
        )
    return (
        f"No effect to be found: {size} covers zero, and no group of customers stands out. "
        "Scores stay close to the average."
    )
