"""What an uplift model must beat: chance, the average effect, the response model, one column, and ridge."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ..inputs.arrays import Floats
from .arms import read_arms
from .dr_learner import DRLearner
from .learner import LearnedEffect, UpliftLearner
from .linear import Linear
from .models import Model
from .outcomes import OutcomeModels, residual_scores, response
from .rules import best_rule


class ResponseModel(UpliftLearner):
    """Whoever is likely to respond, contacted or not: what most lists are ranked by.

    Its scores are expected outcomes, no effects; they rank only. Parameters as in `UpliftLearner`.
    """

    def _effect(self, code: int, outcomes: OutcomeModels) -> LearnedEffect:
        pair = outcomes.problem.pair(code)
        return LearnedEffect(
            0.0, [(1.0, outcomes.bench.fit_mean(pair.rows, pair.y, pair.weight, outcomes.problem.outcome))]
        )


class OneColumnRule(UpliftLearner):
    """The one column, cut in two, whose sides' effects lie furthest apart in standard errors.

    Parameters as in `UpliftLearner`.
    """

    def _effect(self, code: int, outcomes: OutcomeModels) -> LearnedEffect:
        problem = outcomes.problem
        pair = problem.pair(code)
        scores = residual_scores(pair, response(problem, pair, outcomes.bench))
        return LearnedEffect(0.0, [(1.0, Model(best_rule(problem, pair.rows, scores)))])


class AverageEffect(UpliftLearner):
    """The measured average effect for everyone: no ranking at all. Parameters as in `UpliftLearner`."""

    def _effect(self, code: int, outcomes: OutcomeModels) -> LearnedEffect:
        pair = outcomes.problem.pair(code)
        mean = float(np.average(pair.y, weights=pair.weight))
        return LearnedEffect(residual_scores(pair, np.full(len(pair), mean)).mean)


class ByLot:
    """A list in the order of a lot. Its score is the same for everyone, so that no lucky draw stands on a leaderboard.

    Parameters
    ----------
    control
        As in `UpliftLearner`.
    """

    def __init__(self, control: Any = None) -> None:
        self.control = control

    def fit(self, X: Any, y: Any, treatment: Any, **assignment: Any) -> Self:
        """Remember the treatments."""
        self.treatments_ = read_arms(treatment, None, self.control).names[1:]
        return self

    def predict_uplift(self, X: Any) -> Floats:
        """Return zeros, (n,) for one treatment, (n, treatments) for several."""
        n, k = len(X), len(self.treatments_)
        return np.zeros(n if k == 1 else (n, k))


def uplift_baselines(outcome: str = "auto", control: Any = None, seed: int = 0) -> dict[str, UpliftLearner | ByLot]:
    """Return the baselines of a leaderboard by name, not fitted; parameters as in `UpliftLearner`."""
    same: dict[str, Any] = {"outcome": outcome, "control": control, "seed": seed}
    return {
        "random": ByLot(control),
        "average_effect": AverageEffect(**same),
        "response_model": ResponseModel(**same),
        "one_column_rule": OneColumnRule(**same),
        "ridge_dr": DRLearner(Linear(), **same),
    }
