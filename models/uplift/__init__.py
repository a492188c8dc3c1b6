"""Uplift learners: what a contact changes, for whom. One estimator a file; `UpliftStack` is the default.

All share one contract (`UpliftLearner`): ``fit(X, y, treatment, *, p_treatment, sample_weight, groups)`` and
``predict_uplift(X)``, over `Trees` or `Linear`.
"""

from __future__ import annotations

from .dr_learner import DRLearner
from .learner import UpliftLearner
from .linear import Linear
from .r_learner import RLearner
from .s_learner import SLearner
from .stack import StackFinding, StackPart, UpliftStack
from .t_learner import TLearner
from .trees import Trees
from .x_learner import XLearner

__all__ = [
    "DRLearner",
    "Linear",
    "RLearner",
    "SLearner",
    "StackFinding",
    "StackPart",
    "TLearner",
    "Trees",
    "UpliftLearner",
    "UpliftStack",
    "XLearner",
]
