"""The effect that best explains what the assignment changed in the surprise of the outcome."""

from __future__ import annotations

from .learner import LearnedEffect, UpliftLearner
from .outcomes import OutcomeModels, residual_scores, response


class RLearner(UpliftLearner):
    """Residual-on-residual learner.

    The outcome less its expectation is explained by the treatment less its probability; expectations come from
    other folds. Customers whose arm was a foregone conclusion count little. Parameters and attributes as in
    `UpliftLearner`.

    References
    ----------
    Nie & Wager (2021), Quasi-oracle estimation of heterogeneous treatment effects, Biometrika 108.

    Examples
    --------
    >>> import numpy as np
    >>> from penchant.models.uplift import Linear, RLearner
    >>> X = np.repeat([[0.0], [1.0]], 100, axis=0)
    >>> treatment = np.tile([0, 1], 100)
    >>> y = X[:, 0] * treatment
    >>> RLearner(Linear(penalty=1e-6)).fit(X, y, treatment).predict_uplift([[0.0], [1.0]]).round(2) + 0.0
    array([0., 1.])
    """

    def _effect(self, code: int, outcomes: OutcomeModels) -> LearnedEffect:
        pair = outcomes.problem.pair(code)
        scores = residual_scores(pair, response(outcomes.problem, pair, outcomes.bench))
        model = outcomes.bench.fit_mean(pair.rows, scores.value, scores.weight, "difference")
        return LearnedEffect(0.0, [(1.0, model)])
