"""The case of `benchmarks.coverage` on plans: what an allocation forecasts, beside what its contacts would bring.

Two arms of known effect, each with an uplift model of its own trial; the plan gives each customer the arm that is
predicted to earn more, under a budget that does not reach everyone. Choosing by predictions favours those that err
upwards, so that a forecast of the chosen is held against a harder truth than one of a whole list.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from penchant.models.inputs.estimate import Estimate
from penchant.models.uplift.stack import UpliftStack
from penchant.serving.plan.file import Plan, read_plan
from penchant.serving.plan.solve import allocate_plan

AT = datetime(2026, 3, 2)
ARMS = ("letter", "call")
BASE, EFFECT, MARGIN, COST, HOLDOUT = 0.1, 0.1, 40.0, 0.5, 0.1


def plan_forecast(rng: np.random.Generator, n: int, share: float) -> Mapping[str, tuple[Estimate, float]]:
    """Return what a plan is expected to bring and what it would, of successes and of their worth.

    Parameters
    ----------
    rng
        Draws trials and customers.
    n
        Customers of each arm's trial, half of them left alone.
    share
        Of the ``n // 2`` customers of the plan that the budget reaches.
    """
    later = pd.DataFrame({"signal": rng.random(n // 2), "other": rng.normal(size=n // 2)})
    columns: dict[str, Any] = {}
    for arm in ARMS:
        uplift, low, high = _model(rng, n, arm).predict_uplift(later, interval=True)
        columns |= {f"uplift_{arm}": uplift, f"uplift_{arm}_low": low, f"uplift_{arm}_high": high}
    people = _people(len(later)).assign(**columns)
    found = allocate_plan(people, None, _plan(share * len(later) * COST), AT)
    [campaign] = found.chosen
    order = campaign.crowd.people["customer_id"].str[1:].astype(int).to_numpy()
    true = np.column_stack([_effect(arm, later["signal"].to_numpy()[order]) for arm in ARMS])
    brought = campaign.by_arm(true)
    return {"successes": (found.expected.successes, brought), "worth": (found.expected.value, MARGIN * brought)}


def _effect(arm: str, signal: Any) -> Any:
    """Return what an arm adds to the chance of a success: the letter for high signals, the call for low ones."""
    return EFFECT * (signal if arm == ARMS[0] else 0.7 - 0.4 * signal)


def _model(rng: np.random.Generator, n: int, arm: str) -> UpliftStack:
    known = pd.DataFrame({"signal": rng.random(n), "other": rng.normal(size=n)})
    treated = rng.random(n) < 0.5
    y = (rng.random(n) < BASE + _effect(arm, known["signal"]) * treated).astype(float)
    return UpliftStack().fit(known, y, treated.astype(int))


def _people(n: int) -> pd.DataFrame:
    """Return customers whom the goal may contact, all alike but for their scores."""
    shared = {"stage": "regular", "n_orders": 3, "is_registered": True, "consent_email": True, "margin": MARGIN}
    return pd.DataFrame({"customer_id": [f"c{place:06d}" for place in range(n)], "propensity": BASE, **shared})


def _plan(budget: float) -> Plan:
    arms = [{"name": arm, "offer": arm, "channel": "email"} for arm in ARMS]
    return read_plan(
        {
            "plan": {"name": "coverage", "budget": budget, "universal_control": 0.0, "holdout": HOLDOUT},
            "channels": {"email": {"unit_cost": COST}},
            "offers": {arm: {"kind": "reminder"} for arm in ARMS},
            "campaigns": [{"id": "stay", "goal": "retain", "starts_at": AT, "phase": "peak", "arms": arms}],
        }
    )
