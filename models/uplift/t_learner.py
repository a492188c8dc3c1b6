"""One model of the outcome for each arm."""

from __future__ import annotations

from .learner import LearnedEffect, UpliftLearner
from .outcomes import OutcomeModels


class TLearner(UpliftLearner):
    """Two-model learner: the outcome predicted by the treatment's model, less that by the control's.

    The control's model is fitted once, however many treatments there are. Parameters and attributes as in
    `UpliftLearner`.

    References
    ----------
    Künzel et al. (2019), Metalearners for estimating heterogeneous treatment effects, PNAS 116.

    Examples
    --------
    >>> import numpy as np
    >>> from penchant.models.uplift import Linear, TLearner
    >>> X = np.repeat([[0.0], [1.0]], 100, axis=0)
    >>> treatment = np.tile([0, 1], 100)
    >>> y = X[:, 0] * treatment
    >>> TLearner(Linear(penalty=1e-6)).fit(X, y, treatment).predict_uplift([[0.0], [1.0]]).round(2) + 0.0
    array([0., 1.])
    """

    def _effect(self, code: int, outcomes: OutcomeModels) -> LearnedEffect:
        return LearnedEffect(0.0, [(1.0, outcomes.model(code)), (-1.0, outcomes.model(0))])
