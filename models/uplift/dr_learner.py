"""The effect as the mean of doubly robust scores."""

from __future__ import annotations

from .learner import LearnedEffect, UpliftLearner
from .outcomes import OutcomeModels, Scores, doubly_robust, response


class DRLearner(UpliftLearner):
    """Doubly robust learner: scores that are right on average are regressed on the features.

    Where the probabilities are known, any outcome model keeps the scores unbiased, and one model for both arms
    does the work of two. Where they were estimated, each arm has its own, so that the scores stand if either
    the probabilities or the outcome models are right. Expectations come from other folds. Parameters and
    attributes as in `UpliftLearner`.

    References
    ----------
    Kennedy (2023), Towards optimal doubly robust estimation of heterogeneous causal effects, Electronic Journal
    of Statistics 17.

    Examples
    --------
    >>> import numpy as np
    >>> from penchant.models.uplift import Linear, DRLearner
    >>> X = np.repeat([[0.0], [1.0]], 100, axis=0)
    >>> treatment = np.tile([0, 1], 100)
    >>> y = X[:, 0] * treatment
    >>> DRLearner(Linear(penalty=1e-6)).fit(X, y, treatment).predict_uplift([[0.0], [1.0]]).round(2) + 0.0
    array([0., 1.])
    """

    def _effect(self, code: int, outcomes: OutcomeModels) -> LearnedEffect:
        pair = outcomes.problem.pair(code)
        scores = scores_of(code, outcomes)
        model = outcomes.bench.fit_mean(pair.rows, scores.value, scores.weight, "difference")
        return LearnedEffect(0.0, [(1.0, model)])


def scores_of(code: int, outcomes: OutcomeModels) -> Scores:
    """Return the doubly robust scores of one treatment against the control."""
    problem = outcomes.problem
    pair = problem.pair(code)
    if problem.p_is_estimated:
        return doubly_robust(pair, outcomes.left_out(0, pair.rows), outcomes.left_out(code, pair.rows))
    expected = response(problem, pair, outcomes.bench)
    return doubly_robust(pair, expected, expected)
