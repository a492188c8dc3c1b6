"""Campaigns with a known effect, as the tables of a small shop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.config import Config
from penchant.features.shop import Shop, shop_from_tables

START = pd.Timestamp("2025-06-01 08:00")
END = pd.Timestamp("2025-09-01")
DAY = pd.Timedelta(days=1)


@dataclass
class Trial:
    """What a test campaign is like: shares in time are of the 30 days after the assignment."""

    n: int = 4000
    effect: float = 0.05
    natural: float = 0.15
    holdout: float = 0.3
    seed: int = 0
    arms: tuple[str, ...] = ("mail",)
    effects: dict[str, float] = field(default_factory=dict)


def tables_of(trial: Trial) -> dict[str, pd.DataFrame]:
    """Return a shop's tables: customers differ in how often they buy, before and after."""
    rng = np.random.default_rng(trial.seed)
    ids = np.array([f"c{i:06d}" for i in range(trial.n)])
    habit = rng.beta(1.0, 1.0 / trial.natural - 1.0, trial.n)
    shares = [trial.holdout, *[(1 - trial.holdout) / len(trial.arms)] * len(trial.arms)]
    arm = rng.choice(["control", *trial.arms], trial.n, p=shares)
    effect = np.array([0.0 if a == "control" else trial.effects.get(a, trial.effect) for a in arm])
    buys = rng.random(trial.n) < np.clip(habit + effect, 0, 1)
    before = rng.poisson(6 * habit)
    who = np.concatenate([np.repeat(np.arange(trial.n), before), np.flatnonzero(buys)])
    ago = rng.uniform(-360, 0, before.sum())
    days = np.concatenate([ago, rng.uniform(0, 30, buys.sum())])
    at = START + pd.to_timedelta(days, unit="D").round("s")
    return {
        "orders": pd.DataFrame(
            {
                "customer_id": ids[who],
                "ordered_at": at,
                "order_id": [f"o{i}" for i in range(len(who))],
                "item_id": "i1",
                "category_id": rng.choice(["toys", "books", "shoes"], len(who)),
                "quantity": 1.0,
                "amount": 5000,
                "paid_at": at,
            }
        ),
        "items": pd.DataFrame({"item_id": ["i1"], "unit_cost": [3000]}),
        "campaigns": pd.DataFrame(
            {
                "campaign_id": ["spring"],
                "goal": ["reactivate"],
                "channel": ["email"],
                "offer_kind": ["gift"],
                "offer_value": [200],
                "unit_cost": [10],
            }
        ),
        "assignments": pd.DataFrame(
            {
                "campaign_id": "spring",
                "customer_id": ids,
                "arm": arm,
                "assigned_at": START,
                "wave": 1,
                "probability": np.array(shares)[pd.Categorical(arm, ["control", *trial.arms]).codes],
                "contacted_at": pd.Series(START + DAY / 12, index=range(trial.n)).where(arm != "control"),
                "redeemed_at": pd.Series(pd.NaT, index=range(trial.n)).astype("datetime64[us]"),
            }
        ),
    }


@pytest.fixture(scope="session")
def trial_tables() -> Callable[[Trial], dict[str, pd.DataFrame]]:
    """Return the function that makes a trial's tables."""
    return tables_of


@pytest.fixture(scope="session")
def make_trial() -> type[Trial]:
    """Return the class of trials."""
    return Trial


@pytest.fixture
def shop_of() -> Iterator[Callable[..., Shop]]:
    """Return a function that opens tables as a shop, whose data ends on the first of September."""
    opened: list[Shop] = []

    def open_tables(tables: dict[str, Any], end: pd.Timestamp = END, timezone: str = "UTC") -> Shop:
        shop = {"extract_end": end.to_pydatetime(), "timezone": timezone}
        config = Config.model_validate({"shop": shop, "engine": {"threads": 1}})
        opened.append(shop_from_tables(tables, config))
        return opened[-1]

    yield open_tables
    for shop in opened:
        shop.close()
