"""penchant prove, as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from ..command_line import penchant

MINE = """
from ibis import _, interval
from penchant.features.signals.group import Column, FeatureGroup, Signal

def until(days):
    def count(past):
        lines = past.history.lines
        return past.rows(f"until_{days}", lambda: past.seen(lines, _.ordered_at - interval(days=days))).count()
    return count

def group(name, days):
    column = Column(f"n_orders_{name}", "orders", "count", "int64", low=0)
    return FeatureGroup(name, "Orders.", lambda windows: [Signal(column, until(days))])

GROUPS = [group("today", 0), group("tomorrow", 1)]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    days = pd.date_range("2024-01-01", periods=120, freq="17h")
    orders = pd.DataFrame({"customer_id": [f"c{n % 7}" for n in range(120)], "ordered_at": days})
    (tmp_path / "shop").mkdir()
    orders.to_parquet(tmp_path / "shop" / "orders.parquet")
    (tmp_path / "shop" / "mine.py").write_text(MINE)
    (tmp_path / "shop" / "penchant.toml").write_text(
        'modules = ["mine.py"]\n[tables.orders]\npath = "orders.parquet"\n'
    )
    return tmp_path


@pytest.mark.slow
def test_a_planted_leak_ends_with_3_and_is_told(shop: Path) -> None:
    where = ("--shop", "shop/penchant.toml")
    done = penchant(shop, "prove", "--group", "tomorrow", "--group", "today", *where, "--json")
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    broken = [one for one in told["findings"] if not one["is_kept"]]
    assert [(one["group"], one["promise"]) for one in broken] == [("tomorrow", "the future changes nothing")]
    assert "n_orders_tomorrow of customer 'c0'" in broken[0]["counterexample"]
    shown = penchant(shop, "prove", "--group", "today", "--as-of", "2024-02-01", *where)
    assert shown.returncode == 0, shown.stderr
    assert "All promises kept, checked on 4 customers at 2024-02-01 00:00:00 UTC." in shown.stdout


def test_a_group_that_is_none_is_a_fault_of_the_request(shop: Path) -> None:
    done = penchant(shop, "prove", "--group", "tomorow", "--shop", "shop/penchant.toml")
    assert done.returncode == 2
    assert "Did you mean 'tomorrow'?" in " ".join(done.stderr.split())
