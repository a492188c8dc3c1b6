"""What a training begins with: rows laid out in time, and a refusal where they are too few."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import TooLittleDataError
from penchant.features.shop import open_shop, shop_from_tables
from penchant.training.material import task_data


def test_too_little_data_is_refused_before_the_signals_are_built(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", "2025-01-01", freq="3D")
    orders = pd.DataFrame({"customer_id": [f"c{n % 40}" for n in range(len(days))], "ordered_at": days})
    orders.to_parquet(tmp_path / "orders.parquet")
    steps: list[str] = []

    @contextmanager
    def step(what: str) -> Iterator[None]:
        steps.append(what)
        yield

    config = read_config({"tables": {"orders": {"path": "orders.parquet"}}})
    with open_shop(config, tmp_path) as shop, pytest.raises(TooLittleDataError, match="at least 500 needed"):
        task_data(shop, "repurchase", step)
    assert [one.split()[0] for one in steps] == ["reading", "reading"]


@pytest.mark.parametrize(("with_visits", "advice"), [(False, "from their first purchase on"), (True, "insight stages")])
def test_a_task_for_which_nobody_is_eligible_says_why(with_visits: bool, advice: str) -> None:
    days = pd.date_range("2024-01-01", "2025-01-01", freq="3D")
    orders = pd.DataFrame({"customer_id": [f"c{n % 40}" for n in range(len(days))], "ordered_at": days})
    tables = {"orders": orders}
    if with_visits:
        tables["interactions"] = pd.DataFrame({"customer_id": ["c1"], "occurred_at": days[5:6], "kind": ["view"]})
    with shop_from_tables(tables) as shop, pytest.raises(TooLittleDataError, match=f"nobody at any moment.*{advice}"):
        task_data(shop, "conversion")
