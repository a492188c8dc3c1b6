"""One small simulated shop in whose folder the examples of all pages and notebooks run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from penchant.simulate import SimulationSettings, simulate

from ..trained_shop import QUICK

TABLES = ("orders", "interactions", "customers", "items", "campaigns", "assignments", "calendar")
SETTINGS = """\
modules = ["my_groups.py", "my_tasks.py", "my_goals.py", "my_models.py"]

[shop]
name = "small"
data = "shop"
"""


@pytest.fixture(scope="session")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with penchant.toml, a shop with a measured campaign, and a file of orders alone."""
    folder = tmp_path_factory.mktemp("site")
    began, ended = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 11, 10, tzinfo=UTC)
    simulate(SimulationSettings(2_500, seed=3, starts_at=began, ends_at=ended), folder / "shop")
    quick = QUICK.replace("[features]\ngroups = [", '[features]\ngroups = ["big_orders", ')
    (folder / "penchant.toml").write_text(SETTINGS + quick + tables_in_words(), encoding="utf-8")
    (folder / "my_orders").mkdir()
    own_orders().to_csv(folder / "my_orders" / "orders.csv", index=False)
    return folder


def tables_in_words() -> str:
    """Return the simulated shop's tables as penchant.toml names them."""
    return "\n".join(f'[tables.{name}]\npath = "{name}.parquet"' for name in TABLES)


def own_orders() -> pd.DataFrame:
    """Return who, when and how much of 1,200 customers, some of whom have left."""
    rng = np.random.default_rng(5)
    rows = []
    for number in range(1_200):
        day, gap, leaves = rng.uniform(0, 300), rng.gamma(3, 15), rng.exponential(400)
        first = day
        while day < 700 and day - first <= leaves:
            rows.append(
                (f"K{number:05d}", pd.Timestamp("2023-01-01") + pd.Timedelta(days=round(day, 3)), rng.gamma(3, 12))
            )
            day += rng.exponential(gap) + 1
    return pd.DataFrame(rows, columns=["customer", "ordered", "amount"]).round({"amount": 2})
