"""Every family of signals, computed by hand: one small shop, one value or more of each row of the data dictionary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from math import log, sqrt
from typing import Any

import pandas as pd
import pytest

from penchant.features.catalogue import GROUPS
from penchant.features.matrix import build
from penchant.features.shop import Shop, shop_from_tables
from penchant.features.spine import Spine

AS_OF = datetime(2024, 6, 1)
MINUTE = 1 / 1440


def ago(days: float | None) -> pd.Timestamp:
    return pd.NaT if days is None else (pd.Timestamp(AS_OF) - timedelta(days=days)).round("us")


def line(who: str, order: str, days: float, item: str, amount: int, **more: Any) -> dict[str, Any]:
    plain = {"quantity": 1.0, "list_amount": amount, "freight": 0, "coupon_id": None, "refunded_at": ago(None)}
    own = {"customer_id": who, "order_id": order, "item_id": item, "amount": amount}
    return {**plain, **own, "ordered_at": ago(days), "paid_at": ago(days), **more}


def act(
    who: str, days: float, kind: str, item: str | None = None, price: int | None = None, **more: Any
) -> dict[str, Any]:
    own = {"customer_id": who, "occurred_at": ago(days), "kind": kind, "item_id": item, "price": price}
    return {**own, "channel": None, "dwell_seconds": None, **more}


def sent(
    campaign: str, days: float, opened: float | None, clicked: float | None, redeemed: float | None
) -> dict[str, Any]:
    times = {"opened_at": ago(opened), "clicked_at": ago(clicked), "redeemed_at": ago(redeemed)}
    own = {"campaign_id": campaign, "customer_id": "ann", "arm": "message"}
    return {**own, "assigned_at": ago(days), "contacted_at": ago(days), **times}


ORDERS = [
    line("ann", "1", 110, "i1", 2000, quantity=2.0, freight=500),
    line("ann", "2", 60, "i1", 800, list_amount=1000, coupon_id="q"),
    line("ann", "2", 60, "i2", 3000, coupon_id="q"),
    line("ann", "3", 20, "i2", 2400, list_amount=3000),
    line("ann", "4", 5, "i3", 1500, paid_at=ago(None)),
    line("ann", "5", 40, "i3", 1500, paid_at=ago(None)),
    line("ann", "6", 50, "i1", 700, refunded_at=ago(45)),
    line("bob", "7", 30, "i1", 1000),
    line("bob", "8", 10, "i1", 1000),
    line("cid", "9", 15, "i2", 3000),
    line("dan", "10", 35, "i1", 1000),
]
ACTS = [
    act("ann", 200, "view", "i1", 1400, channel="app"),
    act("ann", 26, "coupon_claim"),
    act("ann", 25, "coupon_claim"),
    act("ann", 24, "coupon_redeem"),
    act("ann", 14, "search"),
    act("ann", 13, "content"),
    act("ann", 12, "login"),
    act("ann", 8, "favorite", "i2", 2900, channel="web"),
    act("ann", 3, "view", "i1", 1000, channel="web", dwell_seconds=10.0),
    act("ann", 3 - 10 * MINUTE, "view", "i2", 3000, channel="app", dwell_seconds=30.0),
    act("ann", 3 - 20 * MINUTE, "cart", "i3", 1500, channel="web"),
    act("bob", 40, "view", "i1", 1400),
    act("bob", 5, "coupon_claim"),
]
TABLES = {
    "orders": ORDERS,
    "interactions": ACTS,
    "customers": [
        {"customer_id": "ann", "registered_at": ago(220), "gender": "f", "birth_year": 1990, "region": "north",
         "acquisition_channel": "ads"},
    ],
    "items": [
        {"item_id": "i1", "category_id": "tea", "unit_cost": 500},
        {"item_id": "i2", "category_id": "cups", "unit_cost": 1000},
        {"item_id": "i3", "category_id": "books", "unit_cost": 100},
    ],
    "campaigns": [{"campaign_id": name, "channel": name} for name in ("email", "sms", "push", "phone")],
    "assignments": [
        sent("email", 80, 79, 78, 70), sent("sms", 40, 39, None, None), sent("push", 20, None, None, None),
        sent("phone", 10, None, None, 9),
    ],
    "feedback": [
        {"customer_id": "ann", "at": ago(days), "kind": kind, "rating": rating, "closed_at": ago(closed)}
        for days, kind, rating, closed in [
            (50, "complaint", None, 40), (20, "complaint", None, None), (5, "complaint", None, -3),
            (30, "review", 5.0, None), (10, "review", 2.0, None), (8, "return", None, None),
            (-1, "complaint", None, None),
        ]
    ],
    "memberships": [
        {"customer_id": "ann", "level": level, "starts_at": ago(start), "ends_at": ago(end)}
        for level, start, end in [("gold", 400, 100), ("silver", 60, -300), ("gold", -1, None)]
    ],
    "points": [
        {"customer_id": "ann", "at": ago(days), "points": points}
        for days, points in [(400, 100.0), (90, -30.0), (10, 5.0), (-1, 1000.0)]
    ],
    "referrals": [
        {"customer_id": "ann", "referred_id": "bob", "at": ago(90)},
        {"customer_id": "ann", "referred_id": "eve", "at": ago(-1)},
    ],
    "calendar": [
        {"name": "spring", "kind": "holiday", "starts_at": ago(62), "ends_at": ago(58)},
        {"name": "summer", "kind": "holiday", "starts_at": ago(-10), "ends_at": ago(-12)},
        {"name": "sale", "kind": "promotion", "starts_at": ago(22), "ends_at": ago(10)},
        {"name": "next sale", "kind": "promotion", "starts_at": ago(-30), "ends_at": ago(-31)},
    ],
}  # fmt: skip


def aged(days: float) -> float:
    return 0.5 ** (days / 90)


# Days between purchases: ann 50 and 40, bob 20; in tea ann 50 and bob 20, in cups ann 40. A category counts as 30 gaps
# of the shop more, the categories as five own gaps; ann bought two lines of tea and two of cups.
def cycle(of_shop: float, of_tea: float, own: float) -> float:
    tea, cups = (2 * of_tea + 30 * of_shop) / 32, (40 + 30 * of_shop) / 31
    return (2 * own + 5 * (2 * tea + 2 * cups) / 4) / 7


TYPICAL, SEMI_ACTIVE, SILENT = cycle(40, 35, 45), cycle(45, 42.5, 47.5), cycle(48, 47, 49)
AFFINITY = {
    "cups": 10 * aged(60) + 10 * aged(20) + 3 * aged(8) + aged(3 - 10 * MINUTE),
    "tea": 10 * aged(110) + 10 * aged(60) + aged(200) + aged(3),
    "books": 4 * aged(3 - 20 * MINUTE),
}
SHARES = {name: value / sum(AFFINITY.values()) for name, value in AFFINITY.items()}

ANN: dict[str, Any] = {
    # recency
    "days_since_last_purchase": 20,
    "days_since_last_order": 5,
    "days_since_first_purchase": 110,
    "days_since_last_visit": 3 - 20 * MINUTE,
    "days_since_last_view": 3 - 10 * MINUTE,
    "days_since_last_favorite": 8,
    "days_since_last_cart": 3 - 20 * MINUTE,
    "days_since_first_visit": 200,
    "own_gap_elapsed": 20 / 45,
    "cycle_elapsed": 20 / TYPICAL,
    # frequency
    "n_purchases": 3,
    "n_purchase_days": 3,
    "n_purchases_90d": 2,
    "n_orders_30d": 2,
    "n_visits_30d": 10,
    "n_active_days_30d": 8,
    "n_login_30d": 1,
    "n_content_30d": 1,
    "n_search_30d": 1,
    "n_view_7d": 2,
    "n_favorite_30d": 1,
    "n_cart_7d": 1,
    "n_coupon_claim_30d": 2,
    "n_coupon_redeem_30d": 1,
    "gap_mean_days": 45,
    "gap_median_days": 45,
    "gap_max_days": 50,
    "gap_deviation_days": sqrt(50),
    "gap_regularity": 1 / (1 + sqrt(50) / 45),
    # monetary
    "amount_total": 82,
    "amount_90d": 62,
    "amount_mean_90d": 31,
    "amount_max_90d": 38,
    "margin_90d": 37,  # 3 + 20 of the second order, 14 of the third
    "amount_trend_90d": (62 - 20) / 82,
    "basket_lines_mean": 4 / 3,
    "basket_quantity_mean": 5 / 3,
    "n_refunds": 1,
    "amount_refunded": 7,
    # rfm: of 35, 20, 15, 10 days; 3, 2, 1, 1 purchases; 82, 30, 20, 10 spent
    "rfm_recency": 2,
    "rfm_frequency": 5,
    "rfm_monetary": 5,
    "rfm_total": 12,
    "rfm_segment": "at_risk",
    # category
    **{f"category_top_{place}": name for place, name in enumerate(AFFINITY, 1)},
    **{f"category_top_{place}_share": share for place, share in enumerate(SHARES.values(), 1)},
    "category_entropy": -sum(share * log(share) for share in SHARES.values()),
    "n_categories": 3,
    "n_categories_bought": 2,
    "category_new_share_30d": 1 / 3,  # books, of all three
    "bought_repurchase_rate": (2 * 2 / 3 + 2 * 1 / 2) / 4,  # two of three again in tea, one of two in cups
    "bought_cycle_days": (2 * (70 + 1200) / 32 + 2 * 40) / 4,
    # price: pieces of tea at 8 and four times 10, of cups at 24 and twice 30; views of tea at 10 and twice 14
    "price_percentile_bought": (0.6 + 0.1 + 2 / 3 + 1 / 6) / 4,
    "price_percentile_viewed": (1 / 6 + 2 / 3 + 1 / 2) / 3,
    "price_tier": "middle",
    "discount_line_share": 2 / 4,
    "discount_depth": (2 + 6) / (10 + 30),
    "discount_only_share": 2 / 3,
    "coupon_purchase_share": 1 / 3,
    "n_coupons_claimed_365d": 2,
    "coupon_use_rate": 1 / 2,
    "freight_paid_share": 1 / 3,
    "freight_ratio": 5 / 82,
    # holiday: 4 days of holidays and 12 of promotions in the 200 days since the shop's first row
    "holiday_purchase_share": 1 / 3,
    "holiday_purchase_lift": (1 / 3) / (4 / 200),
    "holiday_visit_share": 0,
    "holiday_visit_lift": 0,
    "promotion_purchase_share": 1 / 3,
    "promotion_purchase_lift": (1 / 3) / (12 / 200),
    "promotion_visit_share": 3 / 11,
    "promotion_visit_lift": (3 / 11) / (12 / 200),
    "days_to_next_holiday": 10,
    "days_to_next_promotion": 30,
    # funnel
    "n_open_cart": 1,
    "open_cart_age_days": 3 - 20 * MINUTE,
    "open_cart_value": 15,
    "n_open_favorite": 1,
    "open_favorite_age_days": 8,
    "open_favorite_value": 29,
    "n_unpaid_orders": 2,
    "unpaid_last_age_days": 5,
    "unpaid_first_age_days": 40,
    "amount_unpaid": 30,
    "favorite_per_view": 1 / 3,
    "cart_per_view": 1 / 3,
    "purchase_per_cart": 3,
    "purchase_per_view": 1,
    "n_sessions_90d": 8,
    "session_depth": 10 / 8,
    "dwell_mean_seconds": 20,
    "channel_top": "web",
    "channel_top_share": 3 / 5,
    "n_channels": 2,
    # lifecycle
    "stage": "regular",
    "days_in_stage": 60,
    "funnel_state": "repeat_purchase",
    "cycle_days": TYPICAL,
    "churn_threshold_days": 2 * SILENT,
    "overdue_days": 20 - SEMI_ACTIVE,
    "days_since_registration": 220,
    # crowds
    "in_interest": 1,  # the cups of 8 days ago; the cart is too young
    "in_new_customer": 0,
    "in_repurchase_due": 0,
    "in_coupon_holders": 0,
    "in_favorites": 1,
    "in_carts": 1,
    "in_unpaid_1d": 1,
    "in_unpaid_7d": 0,
    "in_unpaid_30d": 0,
    # contact
    "n_contacted_30d": 2,
    "n_opened_90d": 2,
    "n_clicked_90d": 1,
    "n_redeemed_90d": 2,
    **{f"n_contacted_{channel}_90d": 1 for channel in ("email", "sms", "push", "phone")},
    **{f"n_opened_{channel}_90d": n for channel, n in (("email", 1), ("sms", 1), ("push", 0), ("phone", 0))},
    **{f"n_clicked_{channel}_90d": n for channel, n in (("email", 1), ("sms", 0), ("push", 0), ("phone", 0))},
    **{f"n_redeemed_{channel}_90d": n for channel, n in (("email", 1), ("sms", 0), ("push", 0), ("phone", 1))},
    "days_since_last_contact": 10,
    "days_since_last_click": 78,
    "contact_opened_rate": 2 / 4,
    "contact_clicked_rate": 1 / 4,
    "contact_redeemed_rate": 2 / 4,
    "contact_channel": "email",  # as often as through sms: the first of the two
    "n_contacts_unanswered_90d": 3,
    # satisfaction
    "n_complaints_30d": 2,
    "n_returned_goods_30d": 1,
    "n_open_complaints": 2,  # one is settled after as_of
    "days_since_last_complaint": 5,
    "rating_mean": 3.5,
    # programme
    "member_level": "silver",
    "days_as_member": 60,
    "points_balance": 75,
    "n_points_used_365d": 1,
    "n_referrals": 1,
    # profile
    "gender": "f",
    "region": "north",
    "acquisition_channel": "ads",
    "age_years": 34,
}
OTHERS = [
    ("bob", "rfm_recency", 5),
    ("dan", "rfm_segment", "lost"),  # 35 days ago, once, 10
    ("cid", "in_new_customer", 1),
    ("dan", "in_repurchase_due", 1),  # tea: from (2 x 27.5 + 30 x 30) / 32 to 47.9 days
    ("bob", "in_coupon_holders", 1),
    ("bob", "in_favorites", 0),
    ("bob", "price_tier", "middle"),
    ("cid", "stage", "new"),
    ("cid", "gap_mean_days", None),
]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with shop_from_tables({name: pd.DataFrame(rows) for name, rows in TABLES.items()}) as shop:
        yield shop


@pytest.fixture(scope="module")
def frame(shop: Shop) -> pd.DataFrame:
    return build(shop, Spine.at(shop, AS_OF)).frame.set_index("customer_id")


@pytest.mark.parametrize(
    ("who", "name", "value"), [*(("ann", name, value) for name, value in ANN.items()), *OTHERS], ids=str
)
def test_by_hand(frame: pd.DataFrame, who: str, name: str, value: Any) -> None:
    found = frame.loc[who, name]
    if value is None:
        assert pd.isna(found)
    else:
        assert found == (value if isinstance(value, str) else pytest.approx(value, rel=1e-6))


def family(name: str) -> str:
    return re.sub(r"\d+(?=d$)", "N", name)


def test_no_family_is_left_out() -> None:
    families = {family(column.name) for group in GROUPS for column in group.columns()}
    assert families - {family(name) for name in ANN} == set()


def test_each_row_with_its_own_moment_gives_the_same(shop: Shop, frame: pd.DataFrame) -> None:
    moments = [ago(days) for days in range(13)]
    spine = Spine.of(shop, pd.DataFrame({"customer_id": "ann", "as_of": moments}))
    assert spine.instants is None
    found = build(shop, spine).frame.set_index("as_of").loc[pd.Timestamp(AS_OF)]
    pd.testing.assert_series_equal(found[list(ANN)], frame.loc["ann", list(ANN)], check_names=False)


def test_no_attribute_is_known_before_the_registration() -> None:
    """Else whoever has a region is whoever will register; those without a time of it are as the list has them."""
    people = [("early", ago(10)), ("at as_of", ago(0)), ("late", ago(-90)), ("undated", ago(None))]
    rows = [{"customer_id": who, "registered_at": at, "region": "north", "birth_year": 1990} for who, at in people]
    visits = [act(who, 20, "view") for who, _at in people]
    with shop_from_tables({"customers": pd.DataFrame(rows), "interactions": pd.DataFrame(visits)}) as shop:
        found = build(shop, Spine.at(shop, AS_OF), ["profile"]).frame.set_index("customer_id")
    assert found["region"].dropna().to_dict() == {"early": "north", "undated": "north"}
    assert set(found.index[found["age_years"].notna()]) == {"early", "undated"}


def test_whoever_spent_much_and_lapsed_is_found() -> None:
    """Half of the buyers lapsed more than a year ago; of these, one in five had spent much and often."""
    lapsed = [
        line(f"lapsed{n}", f"{n}-{order}", 400 + n + 40 * order, "i1", 9000 if n % 5 == 0 else 500)
        for n in range(50)
        for order in range(4 if n % 5 == 0 else 1)
    ]
    active = [line(f"active{n}", f"a{n}", 1 + n, "i1", 1000) for n in range(50)]
    with shop_from_tables({"orders": pd.DataFrame(lapsed + active)}) as shop:
        found = build(shop, Spine.at(shop, AS_OF), ["rfm"]).frame.set_index("customer_id")
    spenders = found.loc[[f"lapsed{n}" for n in range(15, 50, 5)]]
    assert set(spenders["rfm_monetary"]) == set(spenders["rfm_frequency"]) == {5}
    assert set(spenders["rfm_segment"]) == {"at_risk", "cannot_lose"}
    assert (spenders["rfm_segment"] == "cannot_lose").sum() == 4  # the last fifth of all: from 430 days on
