"""Models: who buys, who leaves, what a contact changes, and how far the numbers can be believed.

The public names load what they need when they are first used. `penchant.models.qini.qini` is not among them: a name
that is a file's, too, would be the one or the other by the order of imports.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "allocate": ".allocation",
    "budget_curve": ".budgets",
    "Check": ".check",
    "check_trial": ".uplift_checks",
    "compare_qini": ".qini",
    "DRLearner": ".uplift",
    "Estimate": ".estimate",
    "Limits": ".allocation",
    "Linear": ".uplift",
    "policy_value": ".policy",
    "profit_curve": ".profit",
    "PropensityModel": ".propensity",
    "rate_autoc": ".qini",
    "read_arms": ".arms",
    "RLearner": ".uplift",
    "SLearner": ".uplift",
    "sleeping_dogs": ".profit",
    "Stakes": ".policy",
    "TLearner": ".uplift",
    "treat_top": ".policy",
    "Trees": ".uplift",
    "uplift_at_k": ".qini",
    "uplift_calibration": ".effect_calibration",
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
