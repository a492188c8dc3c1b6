"""Stages, read from rows written by hand; funnel states; how long a stage has lasted."""

from __future__ import annotations

from datetime import datetime
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from penchant.config import Config
from penchant.features.matrix import build
from penchant.features.shop import Shop, shop_from_tables
from penchant.features.signals.lifecycle import LIFECYCLE
from penchant.features.signals.stage import FUNNEL_STATES, STAGES
from penchant.features.spine import Spine

AS_OF = datetime(2024, 6, 1)
FIXED = {"cycle": {"fixed_days": 90}}  # semi-active from 30, silent from 90, churned from 180 days


BUYERS: list[tuple[tuple[float, ...], str, float]] = [
    ((1,), "new", 1),
    ((180,), "new", 180),
    ((180.001,), "churned", 0.001),
    ((800, 100), "new", 100),  # exactly one in 720 days
    ((20, 10), "regular", 10),
    ((60, 29.999), "regular", 29.999),
    ((60, 30), "semi_active", 0),
    ((100, 89.5), "semi_active", 59.5),
    ((100, 90), "silent", 0),
    ((300, 180), "churned", 0),
    ((900, 800), "churned", 620),
    ((364, 200, 100, 10), "loyal", 10),  # returned after 90 days: the run begins anew
    ((40, 30, 20, 10), "loyal", 30),  # since the second purchase
    ((366, 200, 100, 10), "regular", 10),
]
Acts = list[tuple[str, float, int]]
OTHERS: list[tuple[Acts, str]] = [
    ([("view", 89, 1)], "prospect"),
    ([("view", 90, 1)], "prospect"),
    ([("view", 90.001, 1)], "stranger"),
    ([("view", 5, 9)], "prospect"),
    ([("view", 5, 10)], "lead"),
    ([("cart", 5, 1)], "lead"),
    ([("favorite", 5, 1)], "lead"),
    ([("content", 5, 1)], "lead"),
    ([("coupon_claim", 5, 1)], "lead"),
    ([("cart", 91, 1), ("login", 1, 1)], "prospect"),
    ([("cart", -1, 1)], "stranger"),
]


def _ago(days: float) -> pd.Timestamp:
    return (pd.Timestamp(AS_OF) - pd.Timedelta(days=days)).round("us")


def _stages(shop: Shop, who: list[str]) -> pd.DataFrame:
    return build(shop, Spine.at(shop, AS_OF, who), [LIFECYCLE]).frame


@pytest.fixture(scope="module")
def cases() -> pd.DataFrame:
    """Return the lifecycle of one customer for each case; the cycle is fixed, so that they do not matter to another."""
    orders = [(f"b{number:02}", _ago(days)) for number, case in enumerate(BUYERS) for days in case[0]]
    acts = [
        (f"o{number:02}", _ago(days), kind)
        for number, case in enumerate(OTHERS)
        for kind, days, n in case[0]
        for _place in range(n)
    ]
    tables = {
        "orders": pd.DataFrame(orders, columns=["customer_id", "ordered_at"]),
        "interactions": pd.DataFrame(acts, columns=["customer_id", "occurred_at", "kind"]),
    }
    with shop_from_tables(tables, Config.model_validate(FIXED)) as shop:
        who = sorted({*tables["orders"]["customer_id"], *tables["interactions"]["customer_id"]})
        return _stages(shop, who).set_index("customer_id")


@pytest.mark.parametrize("number", range(len(BUYERS)), ids=lambda number: str(BUYERS[number][0]))
def test_stages_of_buyers(cases: pd.DataFrame, number: int) -> None:
    row = cases.loc[f"b{number:02}"]
    assert row["stage"] == BUYERS[number][1]
    assert row["days_in_stage"] == pytest.approx(BUYERS[number][2])


@pytest.mark.parametrize("number", range(len(OTHERS)), ids=lambda number: str(OTHERS[number][0]))
def test_stages_without_a_purchase(cases: pd.DataFrame, number: int) -> None:
    assert cases.loc[f"o{number:02}", "stage"] == OTHERS[number][1]


def lifecycle(shop: Shop, who: str = "a") -> pd.Series:
    return _stages(shop, [who]).iloc[0]


def test_an_unpaid_order_makes_a_lead_and_a_payment_a_buyer(shop_of: Any) -> None:
    order = {"customer_id": "a", "ordered_at": "2024-05-20", "paid_at": "2024-06-02", "amount": 5}
    shop = shop_of(orders=[order])
    assert lifecycle(shop)[["stage", "funnel_state"]].tolist() == ["lead", "unpaid_order"]
    later = build(shop, Spine.at(shop, datetime(2024, 6, 3)), [LIFECYCLE]).frame.iloc[0]
    assert later[["stage", "funnel_state"]].tolist() == ["new", "one_purchase"]


def test_placing_an_order_is_known_where_only_interactions_tell_of_it(shop_of: Any) -> None:
    acts = [("placed", "cart"), ("placed", "order"), ("paid", "order"), ("paid", "pay"), ("filled", "cart")]
    rows = [{"customer_id": who, "occurred_at": "2024-05-20", "kind": kind} for who, kind in acts]
    shop = shop_of(interactions=rows)
    states = {who: lifecycle(shop, who)["funnel_state"] for who in ("placed", "paid", "filled")}
    assert states == {"placed": "unpaid_order", "paid": "one_purchase", "filled": "cart"}


def test_registration_makes_a_prospect(shop_of: Any) -> None:
    people = [{"customer_id": "a", "registered_at": "2024-05-01"}, {"customer_id": "b", "registered_at": None}]
    order = {"customer_id": "c", "ordered_at": "2024-01-01", "amount": 1}
    shop = shop_of(customers=people, orders=[order])
    assert lifecycle(shop)["stage"] == "prospect"
    assert lifecycle(shop, "b")["stage"] == "stranger"


def test_everyone_has_one_known_stage_and_funnel_state(world: ModuleType, world_shop: Shop) -> None:
    frame = build(world_shop, Spine.at(world_shop, world.MOMENTS), ["lifecycle", "frequency"]).frame
    assert set(frame["stage"]) <= set(STAGES)
    assert set(frame["funnel_state"]) <= set(FUNNEL_STATES)
    buyers = frame["stage"].isin(("new", "regular", "loyal", "semi_active", "silent", "churned"))
    assert (buyers == (frame["n_purchases"] > 0)).all()
    assert frame["stage"].nunique() >= 7
    known = frame["stage"] != "stranger"
    assert frame.loc[known, "days_in_stage"].ge(0).all()
