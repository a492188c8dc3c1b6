"""Models: who buys, who leaves, what a contact changes, and how far the numbers can be believed.

The public names load what they need when they are first used. `qini` is not among them: a name that is a file's,
too, would be the one or the other by the order of imports.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "allocate": ".decisions.allocation",
    "budget_curve": ".decisions.budgets",
    "Check": ".inputs.check",
    "check_trial": ".evaluation.trial_checks",
    "compare_qini": ".evaluation.qini",
    "DRLearner": ".uplift",
    "Estimate": ".inputs.estimate",
    "Limits": ".decisions.allocation",
    "Linear": ".uplift",
    "policy_value": ".decisions.policy",
    "profit_curve": ".decisions.profit",
    "PropensityModel": ".estimators.propensity",
    "rate_autoc": ".evaluation.qini",
    "read_arms": ".uplift.arms",
    "RLearner": ".uplift",
    "SLearner": ".uplift",
    "sleeping_dogs": ".decisions.profit",
    "Stakes": ".decisions.policy",
    "TLearner": ".uplift",
    "treat_top": ".decisions.policy",
    "Trees": ".uplift",
    "uplift_at_k": ".evaluation.qini",
    "uplift_calibration": ".evaluation.effect_calibration",
    "UpliftStack": ".uplift",
    "XLearner": ".uplift",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name], __name__), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
