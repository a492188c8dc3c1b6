"""One model of the outcome, with the treatment among its features."""

from __future__ import annotations

import numpy as np

from .learner import LearnedEffect, UpliftLearner
from .outcomes import OutcomeModels


class SLearner(UpliftLearner):
    """Single-model learner: the outcome predicted with the treatment on, less that with it off.

    It shrinks effects towards zero by itself: the treatment must earn its splits against all features.
    Parameters and attributes as in `UpliftLearner`.

    References
    ----------
    Hill (2011), Bayesian nonparametric modeling for causal inference, JCGS 20;
    Künzel et al. (2019), Metalearners for estimating heterogeneous treatment effects, PNAS 116.

    Examples
    --------
    >>> import numpy as np
    >>> from penchant.models.uplift import Linear, SLearner
    >>> X = np.repeat([[0.0], [1.0]], 100, axis=0)
    >>> treatment = np.tile([0, 1], 100)
    >>> y = X[:, 0] * treatment
    >>> SLearner(Linear(penalty=1e-6)).fit(X, y, treatment).predict_uplift([[0.0], [1.0]]).round(2) + 0.0
    array([0., 1.])
    """

    def _effect(self, code: int, outcomes: OutcomeModels) -> LearnedEffect:
        pair = outcomes.problem.pair(code)
        treated = pair.is_treated.astype(np.float64)
        off, on = outcomes.bench.fit_by_arm(pair.rows, pair.y, pair.weight, pair.outcome, treated)
        return LearnedEffect(0.0, [(1.0, on), (-1.0, off)])
