"""Uplift learners: what a contact changes, for whom. One estimator a file; `UpliftStack` is the default.

All share one contract (`UpliftLearner`): ``fit(X, y, treatment, *, p_treatment, sample_weight, groups)`` and
``predict_uplift(X)``, over `Trees` or `Linear`. Each is loaded when it is first used: who asks for a trial's arms
alone does without scikit-learn and LightGBM.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_IN = {
    "DRLearner": ".dr_learner",
    "Linear": ".linear",
    "RLearner": ".r_learner",
    "SLearner": ".s_learner",
    "StackFinding": ".stack",
    "StackPart": ".stack",
    "TLearner": ".t_learner",
    "Trees": ".trees",
    "UpliftLearner": ".learner",
    "UpliftStack": ".stack",
    "XLearner": ".x_learner",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name in _IN:
        return getattr(import_module(_IN[name], __name__), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
