"""Who buys, who leaves, and whom a message changes: propensity, churn and uplift for online shops.

The public names load what they need when they are first used: ``import penchant`` costs next to nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from penchant.moved import MovedModules

__version__ = "0.1.0"

# A checkout without symbolic links (Windows without developer mode) holds the packages only at its root.
if not (Path(__file__).parent / "features").is_dir():
    __path__.append(str(Path(__file__).parent.parent))

sys.meta_path.append(MovedModules())  # asked last: whatever has a file of its own never comes here

_PUBLIC = {
    "Config": "penchant.config",
    "FeatureGroup": "penchant.features.signals.group",
    "MeasureSettings": "penchant.serving.measure.settings",
    "PenchantError": "penchant.errors",
    "Spine": "penchant.features.spine",
    "Task": "penchant.features.outcomes.tasks",
    "build": "penchant.features.matrix",
    "load_config": "penchant.config",
    "measure": "penchant.serving.measure.campaign",
    "open_shop": "penchant.features.shop",
    "prove": "penchant.features.prove",
    "shop_from_tables": "penchant.features.shop",
    "train": "penchant.training.train",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'penchant' has no attribute '{name}'")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
