"""Value by stage by known truth: what stages bring, and that frequent customers are not taken for an order's effect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import TooLittleDataError
from penchant.features.shop import Shop, shop_from_tables
from penchant.models.inputs.estimate import Estimate
from penchant.serving.worth.stage_value import OrderWorth, StageValues, order_worth, stage_values, told_stages

AS_OF = datetime(2025, 1, 1)
BEGINS = datetime(2023, 1, 1)


def shop_of(rows: list[tuple[str, float]], amount: int = 1000) -> Shop:
    frame = pd.DataFrame(rows, columns=["customer_id", "day"])
    at = pd.Timestamp(BEGINS) + pd.to_timedelta(frame.pop("day"), unit="D").dt.round("s")
    orders = frame.assign(ordered_at=at, order_id=[f"o{i}" for i in range(len(frame))], amount=amount)
    return shop_from_tables({"orders": orders}, read_config({"shop": {"name": "small"}}))


def renewals(n: int, boost: Callable[[float], float], seed: int = 0) -> list[tuple[str, float]]:
    """Return orders of customers with rates of their own; ``boost`` is the factor on the rate after each order."""
    rng = np.random.default_rng(seed)
    found = []
    for customer in range(n):
        rate, day = rng.gamma(0.8, 1 / 150), rng.uniform(0, 300)
        while day < 730:
            found.append((f"c{customer:04d}", day))
            rate = boost(rate)
            day += 1 + rng.exponential(1 / rate)
    return found


def test_what_stages_bring_by_hand() -> None:
    new = [(f"n{place:02d}", 300.0 + place) for place in range(40)]
    again = [(f"n{place:02d}", 500.0) for place in range(10)]
    often = [(f"l{place:02d}", 30.0 * month + place / 40) for place in range(40) for month in range(1, 24)]
    late = [("l00", 731.0)]  # at as_of: not seen
    with shop_of(new + again + often + late) as shop:
        found = stage_values(shop, AS_OF)
    assert (found.measure, found.since) == ("amount", AS_OF - timedelta(days=365))
    rows = {row["stage"]: row for row in told_stages(found)}
    assert set(rows) == {"new", "loyal"}
    assert rows["new"]["value_each"].value == pytest.approx(10.0 * 10 / 40)
    since = 366 * 1.0  # 2024 is a leap year: a year of 365 days begins on day 366
    n_since = sum(since <= 30.0 * month for month in range(1, 24))
    assert rows["loyal"]["value_each"].value == pytest.approx(10.0 * n_since)
    assert rows["loyal"]["ratio"].value == pytest.approx(4.0 * n_since)
    assert rows["loyal"]["ratio"].low < 4.0 * n_since < rows["loyal"]["ratio"].high


def test_an_order_that_changes_nothing_is_worth_itself() -> None:
    with shop_of(renewals(1500, lambda rate: rate, seed=1)) as shop:
        moves = stage_values(shop, AS_OF).moves()
    assert {"regular", "loyal"} <= set(moves)
    for worth in moves.values():
        assert worth.difference.value > 1.3 * worth.one_order  # who orders often orders soon
        assert 0.9 <= worth.factor.value <= 1.2
        assert worth.factor.low <= 1 <= worth.factor.high


def test_an_order_that_others_follow_is_worth_more() -> None:
    with shop_of(renewals(1200, lambda rate: min(rate * 1.6, 1 / 8), seed=1)) as shop:
        moves = stage_values(shop, AS_OF).moves()
    assert moves["regular"].factor.value > 4


def test_bounds_run_from_nothing_lasts_to_all_of_the_difference() -> None:
    surely = OrderWorth(100, 100, 90.0, 50.0, Estimate(40.0, 39.9, 40.1), 10.0, selected=2.5).factor
    assert (surely.value, surely.low, surely.high) == pytest.approx((2.5, 1.0, 4.01), abs=0.01)
    assert OrderWorth(100, 100, 90.0, 50.0, Estimate(40.0, 10.0, 70.0), 10.0, selected=2.5).factor.value < 1.01
    assert OrderWorth(100, 100, 90.0, 50.0, Estimate(40.0, 30.0, 50.0), 10.0, selected=6.0).factor.value == 1.0
    fewer = OrderWorth(100, 100, 55.0, 50.0, Estimate(5.0, -4.0, 14.0), 10.0).factor  # another order comes the less
    assert (fewer.value, fewer.low, fewer.high) == pytest.approx((0.5, 0.0, 1.4))


def test_few_orders_say_nothing() -> None:
    few = pd.DataFrame({"days_to_next": [5.0] * 29 + [np.nan] * 500, "value": 1.0, "next_value": 1.0, "alike": 0.0})
    assert order_worth(few, few.iloc[:0]) is None


def test_a_year_and_a_half_of_data_is_needed() -> None:
    with shop_of(renewals(50, lambda rate: rate)) as shop, pytest.raises(TooLittleDataError, match="2023-01-01 on"):
        stage_values(shop, BEGINS + timedelta(days=500))


def test_what_comes_later_changes_nothing() -> None:
    rows = renewals(200, lambda rate: rate)
    found: list[StageValues] = []
    for kept in (rows, [row for row in rows if row[1] < 640.0][::-1]):
        with shop_of(kept) as shop:
            found.append(stage_values(shop, BEGINS + timedelta(days=640)))
    pd.testing.assert_frame_equal(found[0].rows, found[1].rows)
    assert found[0].as_dict() == found[1].as_dict()


def test_customers_on_an_undated_list_are_known_from_their_first_order() -> None:
    """Who orders first in the year that is counted was no stranger who became a buyer: the list was made later."""
    rows = renewals(200, lambda rate: rate)
    later = [(f"later{place}", 500.0 + place / 10) for place in range(100)]
    moment = BEGINS + timedelta(days=640)
    with shop_of(rows + later) as shop:
        alone = stage_values(shop, moment)
        orders = shop.tables["orders"].to_pandas()
    listed = pd.DataFrame({"customer_id": orders["customer_id"].unique(), "region": "north"})
    with shop_from_tables({"orders": orders, "customers": listed}, read_config({"shop": {"name": "small"}})) as shop:
        found = stage_values(shop, moment)
    pd.testing.assert_frame_equal(found.rows, alone.rows)
    assert not found.rows["customer_id"].str.startswith("later").any()
    assert "stranger" not in found.by_stage()
