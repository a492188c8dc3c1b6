"""Redemption rates with a prior, and thresholds by baskets: counted by hand on made-up orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import TooLittleDataError
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Protection, Wave
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.goals.catalogue import GOALS, goal_named
from penchant.serving.goals.offers import REDEEM_RATE, Arm, Offer
from penchant.serving.measure.offers_page import offers_page
from penchant.serving.measure.redemption import PRIOR_WEIGHT, learned_rates, with_learned

END = datetime(2025, 6, 1)


def ago(days: float) -> datetime:
    return END - timedelta(days=days)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Return 40 customers with a coupon, of whom 30 ordered in time and 6 redeemed it; and a campaign of two arms."""
    who = [f"c{n:02}" for n in range(40)]
    sent: dict[str, Any] = {"campaign_id": "one", "customer_id": who, "arm": "mail", "assigned_at": ago(60)}
    sent |= {"contacted_at": ago(60), "redeemed_at": [ago(55) if n < 6 else pd.NaT for n in range(40)]}
    two = pd.DataFrame(sent | {"campaign_id": "two", "arm": ["mail", "text"] * 20})
    orders = {"customer_id": who, "ordered_at": [ago(55 if n < 30 else 40) for n in range(40)], "amount": 1000}
    more = pd.DataFrame({"customer_id": who * 2, "ordered_at": ago(10), "amount": [2000] * 40 + [3000] * 40})
    bought = pd.concat([pd.DataFrame(orders), more], ignore_index=True)
    bought = bought.assign(order_id=[f"o{n}" for n in range(len(bought))], item_id="i")
    campaigns = {"campaign_id": ["one", "two"], "offer_kind": "coupon", "offer_valid_days": 10}
    tables = {
        "assignments": pd.concat([pd.DataFrame(sent), two], ignore_index=True),
        "campaigns": pd.DataFrame(campaigns),
        "orders": bought,
        "items": pd.DataFrame({"item_id": ["i"], "unit_cost": [500]}),
    }
    with shop_from_tables(tables, read_config({"shop": {"extract_end": END}})) as shop:
        yield shop


def test_a_rate_is_learned_of_who_acted_in_time_and_mixed_with_the_assumption(shop: Shop) -> None:
    rate = learned_rates(shop)["coupon"]
    assert (rate.n_acted, rate.n_redeemed) == (30, 6)  # not of the campaign whose arms may differ
    assert rate.rate.value == pytest.approx((6 + PRIOR_WEIGHT * REDEEM_RATE) / (30 + PRIOR_WEIGHT))
    assert rate.rate.low < rate.rate.value < rate.rate.high < REDEEM_RATE
    both = learned_rates(shop, {"two": (Arm("mail", offer=Offer("cash_coupon", 5)),)})
    assert both["cash_coupon"].n_acted == 15
    assert "reminder" not in learned_rates(shop, {"two": (Arm("mail"),)})


def test_a_learned_rate_takes_the_place_of_the_assumption_and_of_nothing_else(shop: Shop) -> None:
    rates = learned_rates(shop)
    arms = (Arm("a", offer=Offer("coupon", 5, 30)), Arm("b", offer=Offer("coupon", 5, 30, redeem_rate=0.4)), Arm("c"))
    learned = [arm.offer.redeem_rate for arm in with_learned(arms, rates)]
    assert learned == [rates["coupon"].rate.value, 0.4, REDEEM_RATE]


def test_thresholds_are_counted_by_the_baskets(shop: Shop) -> None:
    rows = {row["threshold"]: row for row in offers_page(shop).as_dict()["thresholds"]}
    assert set(rows) == {20.0, 30.0}
    assert rows[20.0]["reach"].value == pytest.approx(80 / 120)
    assert rows[30.0]["near"].value == 0  # baskets of 20 are more than a fifth below
    assert rows[30.0]["margin"].value == pytest.approx(25.0)
    assert rows[30.0]["value"].value == pytest.approx(12.5)
    with pytest.raises(TooLittleDataError, match="100 paid orders"):
        offers_page(shop, days=5)


def test_a_recommended_offer_is_the_arm_where_it_is_asked_for(people: Callable[..., pd.DataFrame]) -> None:

    crowd = people(400).drop(columns=["uplift", "uplift_low", "uplift_high"]).assign(margin=60.0, propensity=0.2)
    crowd["price_sensitivity"] = [0.9, 0.1] * 200
    crowd["category_role"] = ["traffic", "profit"] * 200
    goal = GOALS["reactivate"]
    free = Protection(universal_control=0.0, caps=())
    ask = AudienceSettings(Wave("x", 1, END), goal.arms, "recommended", protection=free)
    record = draw_audience(crowd, None, goal, ask).record
    planned = record.merge(crowd[["customer_id", "price_sensitivity"]])
    assert set(planned.loc[planned["price_sensitivity"] > 0.5, "planned_arm"]) == {"cash_coupon"}
    assert set(planned.loc[planned["price_sensitivity"] < 0.5, "planned_arm"]) == {"reminder"}
    deal = goal_named("reactivate_for_deal")
    assert deal.each_counts_the_same
    assert deal.outcome == "paid_order"
    assert goal_named("seed_for_interest").outcome == "interest"
