"""Purchase cycles: the shop's, a category's, the customer's own, and the churn horizon."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from penchant.errors import InputError
from penchant.features.engine.temporary import Keep
from penchant.features.history.past import Past
from penchant.features.history.prepare import History, Moment
from penchant.features.matrix import build
from penchant.features.shop import Shop
from penchant.features.signals.cycle import FEW_GAPS, category_cycles, churn_horizon
from penchant.features.signals.lifecycle import LIFECYCLE
from penchant.features.spine import Spine

START = datetime(2023, 1, 1)
AS_OF = datetime(2024, 6, 1)


def every(days: int, who: str, n: int, category: str = "tea") -> list[dict[str, Any]]:
    return [
        {
            "customer_id": who,
            "ordered_at": str(START + timedelta(days=days * number)),
            "category_id": category,
            "amount": 100,
        }
        for number in range(n)
    ]


def two_rhythms() -> list[dict[str, Any]]:
    return every(10, "tea-drinker", 41) + every(60, "reader", 6, "books") + every(1, "once", 1, "books")


def test_churn_horizon_is_a_quantile_in_whole_weeks(shop_of: Any) -> None:
    rng = np.random.default_rng(0)
    gaps = rng.integers(1, 200, 300)
    at = np.datetime64(START, "D") + np.cumsum(gaps)
    shop = shop_of(orders=[{"customer_id": "a", "ordered_at": str(day), "amount": 1} for day in at])
    before = datetime(2030, 1, 1)
    known = gaps[1:][at[1:] < np.datetime64(before)]
    horizon = churn_horizon(shop, before)
    assert horizon.days == 7 * round(np.quantile(known, 0.9) / 7)
    assert f"{len(known):,} gaps" in horizon.basis


def test_churn_horizon_knows_nothing_later(shop_of: Any) -> None:
    rows = every(40, "a", 10)
    late = [{"customer_id": "b", "ordered_at": str(AS_OF + timedelta(days=300 * n)), "amount": 1} for n in (1, 2)]
    assert churn_horizon(shop_of(orders=rows), AS_OF) == churn_horizon(shop_of(orders=rows + late), AS_OF)


@pytest.mark.parametrize(
    ("cycle", "days"),
    [
        ({}, 35),  # 10-day gaps, clipped to 30, in whole weeks upwards
        ({"min_days": 3}, 14),  # 10 / 7 rounds to 1; at least 3 days is 1 week
        ({"max_days": 34, "min_days": 7}, 7),
        ({"fixed_days": 100}, 100),
    ],
)
def test_churn_horizon_keeps_to_the_configuration(shop_of: Any, cycle: dict[str, int], days: int) -> None:
    shop = shop_of(orders=every(10, "a", 20), config={"cycle": cycle})
    expected = 7 if cycle == {"min_days": 3} else days
    assert churn_horizon(shop, AS_OF).days == expected


def test_no_whole_week_is_refused(shop_of: Any) -> None:
    shop = shop_of(orders=every(10, "a", 20), config={"cycle": {"min_days": 30, "max_days": 33}})
    with pytest.raises(InputError, match="whole week"):
        churn_horizon(shop, AS_OF)


def test_nobody_came_back(shop_of: Any) -> None:
    shop = shop_of(orders=every(1, "a", 1))
    assert "nobody had bought again" in churn_horizon(shop, AS_OF).basis
    row = build(shop, Spine.at(shop, AS_OF), [LIFECYCLE]).frame.iloc[0]
    assert np.isnan(row["cycle_days"])
    assert row["churn_threshold_days"] == 180


def everyone(shop: Shop, keep: Keep) -> Past:
    people = shop.tables["orders"].select("customer_id").distinct()
    return Past(History(shop, people, keep), Moment(at=AS_OF, is_population=True))


def test_category_cycles_are_shrunk_to_the_shops(shop_of: Any) -> None:
    shop = shop_of(orders=two_rhythms())
    with Keep(shop.backend) as keep:
        found = category_cycles(everyone(shop, keep)).to_pandas().set_index("category_id")
    overall = np.quantile([10] * 40 + [60] * 5, 0.9)
    assert found.loc["tea", "q9000"] == pytest.approx((40 * 10 + FEW_GAPS * overall) / (40 + FEW_GAPS))
    assert found.loc["books", "q9000"] == pytest.approx((5 * 60 + FEW_GAPS * overall) / (5 + FEW_GAPS))
    assert found["repurchase_rate"].to_dict() == {"tea": 1, "books": 0.5}


def test_own_gaps_weigh_more_the_more_there_are(shop_of: Any) -> None:
    shop = shop_of(orders=two_rhythms())
    frame = build(shop, Spine.at(shop, AS_OF), [LIFECYCLE]).frame.set_index("customer_id")
    with Keep(shop.backend) as keep:
        median = category_cycles(everyone(shop, keep)).to_pandas().set_index("category_id")["q5000"]
    weight = shop.config.cycle.shrinkage
    expected = {
        "tea-drinker": (40 * 10 + weight * median["tea"]) / (40 + weight),
        "reader": (5 * 60 + weight * median["books"]) / (5 + weight),
        "once": median["books"],
    }
    assert frame["cycle_days"].to_dict() == pytest.approx(expected)


def test_two_orders_on_one_day_are_no_gap(shop_of: Any) -> None:
    rows = [
        {"customer_id": "a", "ordered_at": f"2024-01-0{day}T0{hour}", "amount": 1} for day in (1, 4) for hour in (1, 5)
    ]
    row = build(shop_of(orders=rows), Spine.at(shop_of(orders=rows), AS_OF), ["frequency"]).frame.iloc[0]
    assert (row["gap_mean_days"], row["gap_max_days"]) == (3, 3)
    assert (row["n_purchases"], row["n_purchase_days"]) == (4, 2)


def test_of_a_fixed_horizon_a_third_is_semi_active(shop_of: Any) -> None:
    shop = shop_of(orders=every(10, "a", 3), config={"cycle": {"fixed_days": 90}})
    at = START + timedelta(days=20 + 50)
    row = build(shop, Spine.at(shop, at), [LIFECYCLE]).frame.iloc[0]
    assert (row["overdue_days"], row["churn_threshold_days"]) == (pytest.approx(50 - 30), 180)
