"""Effects imputed with the other arm's outcome model."""

from __future__ import annotations

import numpy as np

from .learner import LearnedEffect, UpliftLearner
from .outcomes import OutcomeModels


class XLearner(UpliftLearner):
    """Learner of imputed effects: what the treated gained over the control's model, and the control forwent.

    Neither outcome model has seen the customers whose effect it imputes, for they stand in the other arm. The
    two effect models are mixed by the share treated: the rarer arm's customers are compared with the better
    known of the two outcome models, and count more. Parameters and attributes as in `UpliftLearner`.

    References
    ----------
    Künzel et al. (2019), Metalearners for estimating heterogeneous treatment effects, PNAS 116.

    Examples
    --------
    >>> import numpy as np
    >>> from penchant.models.uplift import Linear, XLearner
    >>> X = np.repeat([[0.0], [1.0]], 100, axis=0)
    >>> treatment = np.tile([0, 1], 100)
    >>> y = X[:, 0] * treatment
    >>> XLearner(Linear(penalty=1e-6)).fit(X, y, treatment).predict_uplift([[0.0], [1.0]]).round(2) + 0.0
    array([0., 1.])
    """

    def _effect(self, code: int, outcomes: OutcomeModels) -> LearnedEffect:
        problem, bench = outcomes.problem, outcomes.bench
        pair = problem.pair(code)
        models = []
        for own, other, sign in ((code, 0, 1.0), (0, code, -1.0)):
            at = np.flatnonzero(pair.is_treated == (own == code))
            rows = pair.rows[at]
            imputed = sign * (pair.y[at] - outcomes.model(other).predict(problem.matrix, rows))
            models.append(bench.fit_mean(rows, imputed, pair.weight[at], "difference"))
        return LearnedEffect(0.0, [(1 - pair.share, models[0]), (pair.share, models[1])])
