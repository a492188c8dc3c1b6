"""Prices, discounts, coupons and freight of few customers, counted by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import ibis
import pandas as pd
import pytest

from penchant.features.matrix import build
from penchant.features.shop import shop_from_tables
from penchant.features.signals.price import piece_price, price_levels, tier_of
from penchant.features.spine import Spine

NOON = datetime(2024, 6, 1, 12)


def ago(days: float) -> str:
    return str(NOON - timedelta(days=days))


def order(who: str, number: int, days: float, amount: int, **more: Any) -> dict[str, Any]:
    plain = {"customer_id": who, "ordered_at": ago(days), "order_id": f"{who}{number}", "amount": amount}
    return {
        **plain,
        "quantity": 1.0,
        "list_amount": amount,
        "freight": 0,
        "coupon_id": None,
        "category_id": "tea",
        **more,
    }


def act(who: str, days: float, kind: str, price: int | None = None) -> dict[str, Any]:
    return {"customer_id": who, "occurred_at": ago(days), "kind": kind, "price": price, "category_id": "tea"}


ORDERS = [
    order("a", 1, 400, 1000, list_amount=1250, coupon_id="q"),
    order("a", 1, 400, 3000, freight=100),
    order("a", 2, 20, 2000, list_amount=2750, quantity=2.0, coupon_id="r", freight=300),
    order("a", 3, 5, 500, freight=0),
    order("b", 1, 365, 3000, coupon_id="q"),
    order("b", 2, 364, 3000, coupon_id="r"),
    order("c", 1, 0.1, 7777),  # this morning's price, which nobody had seen before midnight
]
ACTS = [
    *[act("a", days, "coupon_claim") for days in (365, 365.1, 3, 2)],
    act("a", 2, "coupon_redeem"),
    *[act("b", days, "coupon_claim") for days in (300, 200)],
    act("b", 100, "coupon_redeem"),
    act("d", 10, "view", 200),
    act("d", 10, "view", None),
    act("e", 10, "view", 100),
    act("e", 10, "cart", 900),
]
# Pieces of tea were sold at 5, twice at 10, and three times at 30; views showed 1 and 2.
EXPECTED: dict[str, dict[str, Any]] = {
    "a": {
        "price_percentile_bought": (1 / 12 + 2 * 2 / 6 + 4.5 / 6) / 4,
        "price_tier": "middle",
        "discount_line_share": 2 / 4,
        "discount_depth": (250 + 750) / (1250 + 2750),
        "discount_only_share": 2 / 3,
        "coupon_purchase_share": 2 / 3,
        "n_coupons_claimed_365d": 3,
        "coupon_use_rate": 1 / 3,
        "freight_paid_share": 2 / 3,
        "freight_ratio": 400 / 6500,
    },
    "b": {
        "price_percentile_bought": 0.75,
        "price_tier": "high",
        "discount_line_share": 0,
        "discount_depth": None,
        "n_coupons_claimed_365d": 2,
        "coupon_use_rate": 2 / 2,  # of two orders, and of one interaction that was told
        "freight_paid_share": 0,
        "freight_ratio": 0,
    },
    "c": {"price_percentile_bought": None, "price_tier": None, "coupon_use_rate": None, "coupon_purchase_share": 0},
    "d": {"price_percentile_viewed": 0.75, "price_tier": "high", "discount_only_share": None, "freight_ratio": None},
    "e": {"price_percentile_viewed": 0.25, "price_tier": "low"},
}


@pytest.mark.parametrize("who", EXPECTED)
def test_prices_by_hand(by_hand: pd.DataFrame, who: str) -> None:
    for name, value in EXPECTED[who].items():
        found = by_hand.loc[who, name]
        if value is None:
            assert pd.isna(found), name
        else:
            assert found == (value if isinstance(value, str) else pytest.approx(value)), name


@pytest.fixture(scope="module")
def by_hand() -> pd.DataFrame:
    tables = {"orders": pd.DataFrame(ORDERS), "interactions": pd.DataFrame(ACTS)}
    for frame in tables.values():
        for name in frame.columns[frame.columns.str.endswith("_at")]:
            frame[name] = pd.to_datetime(frame[name], format="ISO8601").astype("datetime64[us]")
    with shop_from_tables(tables) as shop:
        return build(shop, Spine.at(shop, NOON), ["price"]).frame.set_index("customer_id")


def test_orders_alone_have_no_tier_of_what_was_looked_at(shop_of: Any) -> None:
    shop = shop_of(orders=[order("a", 1, 20, 100), order("a", 2, 20, 300, list_amount=301)])
    row = build(shop, Spine.at(shop, NOON), ["price"]).frame.iloc[0]
    assert row["price_tier"] == "middle"  # of two prices a quarter and three quarters
    assert "price_percentile_viewed" not in row
    assert (row["discount_line_share"], row["discount_only_share"]) == (0.5, 0.5)  # a cent is a discount


def test_a_price_stands_above_the_cheaper_and_half_of_its_like() -> None:
    rows = [("tea", 8), ("tea", 10), ("tea", 10), ("tea", 14), ("cups", 30), ("cups", 30), (None, 5)]
    table = ibis.memtable(pd.DataFrame(rows, columns=["category_id", "price"]).assign(as_of=1))
    twice = table.union(table.mutate(as_of=ibis.literal(2, "int64")).filter(table.price == 10))
    found = price_levels(twice).to_pandas().set_index(["as_of", "category_id", "price"])["percentile"].to_dict()
    first = {(1, "tea", 8): 0.125, (1, "tea", 10): 0.5, (1, "tea", 14): 0.875, (1, "cups", 30): 0.5}
    assert found == first | {(2, "tea", 10): 0.5}


def test_tiers_are_thirds_the_upper_bound_left_out() -> None:
    table = ibis.memtable(pd.DataFrame({"share": [0.0, 0.333, 1 / 3, 0.666, 2 / 3, 1.0, None]}))
    found = table.select(tier=tier_of(table.share)).to_pandas()["tier"].fillna("").tolist()
    assert found == ["low", "low", "middle", "middle", "high", "high", ""]


def test_a_piece_costs_the_amount_over_the_pieces() -> None:
    lines = ibis.memtable(pd.DataFrame({"amount": [1000, 1000, 500], "quantity": [3.0, 0.0, 1.0]}))
    found = lines.select(price=piece_price(lines)).to_pandas()["price"].tolist()
    assert (found[0], found[2]) == (333, 500)
    assert pd.isna(found[1])
    plain = lines.drop("quantity")
    assert plain.select(price=piece_price(plain)).to_pandas()["price"].tolist() == [1000, 1000, 500]
