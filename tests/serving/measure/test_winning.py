"""Thresholds by segment and the cost of orders: made up, and counted by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import InputError, LeftOutError
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.measure.winning import quantile_of, retention_page, winning_page

START, END = datetime(2024, 1, 1), datetime(2025, 6, 1)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Return 300 customers: tea is bought every 10 to 30 days, pots every 60 to 120; a half came by ads."""
    rng, rows = np.random.default_rng(0), []
    for n in range(300):
        low, high, category = (10, 30, "tea") if n % 2 else (60, 120, "pots")
        day = n / 3
        for _ in range(4):
            rows.append((f"c{n:03}", START + timedelta(days=day), category))
            day += rng.uniform(low, high)
    orders = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "category_id"])
    orders = orders.assign(order_id=[f"o{n}" for n in range(len(orders))], amount=100)
    people = {"customer_id": [f"c{n:03}" for n in range(300)], "acquisition_channel": ["ads", "search", "ads"] * 100}
    costs = {
        "channel": ["ads", "ads", "none"],
        "at": [START, START + timedelta(days=30), START],
        "amount": [60000, 40000, 100],
    }
    tables = {"orders": orders, "customers": pd.DataFrame(people), "costs": pd.DataFrame(costs)}
    with shop_from_tables(tables, read_config({"shop": {"extract_end": END}})) as one:
        yield one


def test_thresholds_follow_the_gaps_of_each_segment(shop: Shop) -> None:
    rows = {row["value"]: row for row in retention_page(shop).as_dict()["by_category_id"]}
    assert rows["tea"]["n"] == rows["pots"]["n"] == 450
    for value, low, width in (("tea", 10, 20), ("pots", 60, 60)):
        for stage, share in (("semi_active", 0.75), ("silent", 0.9)):
            assert rows[value][stage].low <= low + share * width <= rows[value][stage].high
        assert rows[value]["churned"].value == pytest.approx(2 * rows[value]["silent"].value)
    by_channel = retention_page(shop, ("acquisition_channel",)).as_dict()["by_acquisition_channel"]
    assert {row["value"] for row in by_channel} == {"all", "ads", "search"}
    page = retention_page(shop, ("acquisition_channel", "orders_so_far"))
    so_far = {row["value"]: row["n"] for row in page.as_dict()["by_orders_so_far"]}
    assert so_far == {"all": 900, "one": 300, "several": 600}
    ads = next(row for row in by_channel if row["value"] == "ads")
    assert any(f'fixed_days_by.acquisition_channel = {{ "ads" = {ads["silent"].value:.0f}' in one for one in page.notes)
    with pytest.raises(InputError, match="Did you mean 'acquisition_channel'"):
        retention_page(shop, ("acquisition_chanel",))


def test_a_first_order_costs_what_was_spent_over_first_orders(shop: Shop) -> None:
    rows = {row["channel"]: row for row in winning_page(shop).as_dict()["new"]}
    assert (rows["ads"]["amount"], rows["ads"]["n"]) == (1000.0, 200)
    assert rows["ads"]["each"].value == pytest.approx(5.0)
    assert rows["ads"]["each"].low < 5.0 < rows["ads"]["each"].high
    assert rows["none"]["each"] is None
    bare = {"orders": shop.tables["orders"].to_pandas()}
    with shop_from_tables(bare) as other, pytest.raises(LeftOutError, match="costs"):
        winning_page(other)


def test_the_interval_of_a_quantile_holds_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    drawn = [quantile_of(rng.exponential(1.0, 80), 0.9) for _ in range(400)]
    held = np.mean([one.low <= np.log(10) <= one.high for one in drawn])
    assert held > 0.92
