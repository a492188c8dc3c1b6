"""A year of new customers from their first sixty days: by known truth; refused where nothing says how it goes on."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import LeftOutError, TooLittleDataError
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.insight.value import value_page
from penchant.serving.worth.early_value import early_value

AS_OF = datetime(2025, 1, 1)
DAYS = 900


def orders(n: int = 1200) -> pd.DataFrame:
    """Return orders of customers who begin evenly over 900 days; one in two orders again, at 30 and at 200 days."""
    begins = np.linspace(0, DAYS - 1, n)
    again = np.arange(n) % 2 == 0
    ids = np.array([f"c{place:04d}" for place in range(n)])
    days = np.concatenate([begins, begins[again] + 30, begins[again] + 200])
    amount = np.concatenate(
        [np.random.default_rng(0).integers(500, 1500, n), np.full(again.sum(), 2000), np.full(again.sum(), 4000)]
    )
    rows = pd.DataFrame({"customer_id": np.concatenate([ids, ids[again], ids[again]]), "amount": amount})
    rows["ordered_at"] = pd.Timestamp(AS_OF) - pd.to_timedelta(DAYS - days, unit="D").round("s")
    return rows[rows["ordered_at"] < AS_OF].assign(order_id=lambda frame: [f"o{i}" for i in range(len(frame))])


def made(rows: pd.DataFrame) -> Shop:
    return shop_from_tables({"orders": rows}, read_config({"shop": {"name": "small"}}))


@pytest.fixture(scope="module")
def shop() -> Shop:
    return made(orders())


def test_a_year_is_told_from_the_first_days(shop: Shop) -> None:
    found = early_value(shop, AS_OF)
    assert found.measure == "amount"
    assert found.early_over == pytest.approx(20.0, rel=0.05)
    assert {way.way for way in found.ways} == {"ratio", "surrogate"}
    for way in found.ways:
        assert way.came == pytest.approx(40.0, rel=0.05)  # 10, and half the time 20 and 40 more
        assert way.promised == pytest.approx(40.0, rel=0.05)
        assert way.expected.value == pytest.approx(40.0, rel=0.05)
        assert way.expected.low - 0.5 < 40.0 < way.expected.high + 0.5


def test_the_surrogate_sees_that_newer_customers_begin_differently() -> None:
    rows = orders()
    first = rows.groupby("customer_id")["ordered_at"].transform("min")
    age, is_first = AS_OF - first, rows["ordered_at"] == first
    young = is_first & (age < timedelta(days=365))
    rows.loc[young, "amount"] = 7000  # who begin with more come again no oftener
    with made(rows) as changed:
        ratio, surrogate = early_value(changed, AS_OF).ways
    assert ratio.expected.value == pytest.approx(2 * 80.0, rel=0.05)
    assert surrogate.expected.value == pytest.approx(70 + 30, rel=0.1)


def test_a_year_is_not_told_without_customers_whose_year_is_over() -> None:
    rows = orders()
    with (
        made(rows[rows["ordered_at"] > AS_OF - timedelta(days=400)]) as short,
        pytest.raises(TooLittleDataError, match="shorter"),
    ):
        early_value(short, AS_OF)
    with made(rows.drop(columns="amount")) as plain, pytest.raises(LeftOutError, match="amount"):
        early_value(plain, AS_OF)


def test_the_page_shows_stages_and_new_customers(shop: Shop) -> None:
    page = value_page(shop)
    assert page.tables[0].name == "stages"
    assert page.tables[-1].name == "new_customers"
    assert not page.left_out
    assert "ratio to the first days" in page.html()
    assert page.as_dict()["measure"] == "amount"
