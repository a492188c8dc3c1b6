"""Models: who buys, who leaves, what a contact changes, and how far the numbers can be believed.

The public names load what they need when they are first used; measures of uplift stand in `penchant.models.qini`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "DRLearner": ".uplift",
    "Linear": ".uplift",
    "RLearner": ".uplift",
    "SLearner": ".uplift",
    "TLearner": ".uplift",
    "Trees": ".uplift",
    "UpliftStack": ".uplift",
    "XLearner": ".uplift",
    "check_trial": ".uplift_checks",
    "compare_qini": ".qini",
    "policy_value": ".policy",
    "PropensityModel": ".propensity",
    "read_arms": ".arms",
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
