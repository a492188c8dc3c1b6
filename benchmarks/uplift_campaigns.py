"""Trials for the uplift benchmark from the simulator: campaigns whose effect on every customer is known.

Features, outcomes and arms are read from the simulated shop as `penchant train uplift` reads them; half of the
customers train, the others' true effects judge. What was made is kept in a folder, so that the peers read the same.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.uplift_data import Trial, read_trial_files, write_trial_files

AT, ENDS_AT = datetime(2024, 8, 1, tzinfo=UTC), datetime(2024, 9, 1, tzinfo=UTC)
TABLES = ("orders", "interactions", "customers", "items", "campaigns", "assignments")
GOALS = ("reactivate", "retain")
HORIZON_DAYS = 30


def campaign_trial(goal: str, seed: int, folder: Path, n_customers: int = 120_000) -> tuple[Trial, Path]:
    """Return a goal's trial in a shop of its own, and where it is kept; about 4,800 customers train."""
    stem = folder / f"campaign_{goal}_{n_customers}_{seed}"
    if not stem.with_suffix(".npz").is_file():
        write_trial_files(_made(goal, seed, folder / f"{stem.name}_shop", n_customers), stem)
    return read_trial_files(stem), stem


def _made(goal: str, seed: int, folder: Path, n_customers: int) -> Trial:
    from penchant.config import Config
    from penchant.features.shop import open_shop
    from penchant.simulate import SimulatedArm, SimulatedCampaign, SimulatedOffer, SimulationSettings, simulate
    from penchant.training.uplift.dataset import CampaignQuestion, collect

    arms = {
        "reactivate": (SimulatedArm("sms", "sms", SimulatedOffer("coupon", 8, 40), 0.06), 0.5),
        "retain": (SimulatedArm("email", "email"), 0.2),
    }
    arm, holdout = arms[goal]
    campaign = SimulatedCampaign(goal, goal, AT, (arm,), holdout, 1.0)
    settings = SimulationSettings(n_customers, seed, ends_at=ENDS_AT, campaigns=(campaign,), pace_days=244)
    made = simulate(settings, folder)
    tables = {name: {"path": f"{name}.parquet"} for name in TABLES}
    config = Config.model_validate({"tables": tables, "shop": {"extract_end": ENDS_AT}})
    with open_shop(config, made.folder, checked=False) as shop:
        rows = collect(shop, CampaignQuestion(goal, "paid_order", HORIZON_DAYS))
    truth = pd.read_parquet(made.truth["effects"]).set_index("customer_id")["effect_probability"]
    effect = truth.loc[rows.customer_id].to_numpy(np.float64)
    treated = (rows.arm != "control").astype(np.float64)
    p = np.full(len(rows), 1 - holdout)
    order = np.random.default_rng(seed).permutation(len(rows))
    train, test = (np.sort(half) for half in np.array_split(order, 2))
    X = rows.features
    return Trial(
        X.iloc[train].reset_index(drop=True),
        rows.label[train],
        treated[train],
        p[train],
        X.iloc[test].reset_index(drop=True),
        effect[test],
    )
