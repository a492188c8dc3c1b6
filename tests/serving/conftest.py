"""Customers to draw audiences from."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

STAGES = (*("stranger", "prospect", "lead", "new", "regular"), *("loyal", "semi_active", "silent", "churned"))

People = Callable[..., pd.DataFrame]


@pytest.fixture(scope="session")
def people() -> People:
    """Return a function that makes n customers with all that goals ask for."""

    def make(n: int = 300, seed: int = 0, **columns: Any) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        stage = rng.choice(STAGES, n)
        n_orders = np.where(np.isin(stage, STAGES[:3]), 0, rng.integers(1, 5, n))
        made = pd.DataFrame(
            {
                "customer_id": [f"c{i:05d}" for i in range(n)],
                "stage": stage,
                "n_orders": np.where(stage == "new", 1, n_orders),
                "is_registered": stage != "stranger",
                "in_interest": rng.random(n) < 0.1,
                "in_coupon_holders": rng.random(n) < 0.1,
                "unpaid_days": rng.choice([np.nan, 2.0, 8.0, 31.0], n),
                "consent_email": rng.random(n) < 0.8,
                "margin": rng.gamma(2.0, 10.0, n).round(2),
                "propensity": rng.beta(1, 9, n),
                "uplift": rng.normal(0.02, 0.02, n),
            }
        )
        made["uplift_low"], made["uplift_high"] = made["uplift"] - 0.02, made["uplift"] + 0.02
        return made.assign(**columns)

    return make


@pytest.fixture(scope="session")
def small() -> ModuleType:
    """Return the module small_shop: a shop with models of several kinds in use."""
    spec = spec_from_file_location("small_shop", Path(__file__).with_name("small_shop.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
