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
from penchant.features.signals import stage as stages
from penchant.features.signals.lifecycle import LIFECYCLE
from penchant.features.signals.stage import FUNNEL_STATES, STAGES, tells_unpaid
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


def test_all_stages_of_buyers_are_buyers_and_those_not_overdue_for_long_are_active(cases: pd.DataFrame) -> None:
    found = set(cases.loc[[f"b{number:02}" for number in range(len(BUYERS))], "stage"])
    assert set(stages.BUYERS) == found
    assert set(stages.ACTIVE_BUYERS) == found - {"silent", "churned"}


@pytest.mark.parametrize("column", ["paid_at", "status"])
def test_payment_or_status_tells_which_orders_are_unpaid(column: str) -> None:
    assert tells_unpaid(lambda table, name: (table, name) == ("orders", column))
    assert not tells_unpaid(lambda _table, name: name == "ordered_at")


@pytest.mark.parametrize("number", range(len(OTHERS)), ids=lambda number: str(OTHERS[number][0]))
def test_stages_without_a_purchase(cases: pd.DataFrame, number: int) -> None:
    assert cases.loc[f"o{number:02}", "stage"] == OTHERS[number][1]


def lifecycle(shop: Shop, who: str = "a") -> pd.Series:
    return _stages(shop, [who]).iloc[0]


VISITORS: list[tuple[tuple[float, ...], list[tuple[str, float]], str, float]] = [
    # bought so many days ago; visits; stage; days in it
    ((300, 100), [], "silent", 10),
    ((300, 100), [("view", 31)], "silent", 1),  # the visit had held the stage until yesterday
    ((300, 100), [("view", 30)], "semi_active", 70),  # was semi-active all along
    ((300, 100), [("view", 5)], "semi_active", 5),  # had been silent for five days
    ((300, 100), [("pay", 5), ("order", 5)], "silent", 10),  # no visits
    ((300, 200), [("login", 3)], "silent", 3),
    ((300, 200), [("login", 25), ("view", 3)], "silent", 20),  # semi-active before, by the visits
    ((300, 200), [("view", 40)], "churned", 10),
    ((500, 300), [("view", 100)], "churned", 70),  # the visit had held it as silent for 30 days
    ((300, 25), [("view", 26)], "regular", 25),
    ((300, 60), [("view", 2)], "semi_active", 30),
]


@pytest.mark.parametrize(("bought", "visits", "stage", "days"), VISITORS, ids=str)
def test_whoever_still_visits_is_not_gone(
    shop_of: Any, bought: tuple[float, ...], visits: list[tuple[str, float]], stage: str, days: float
) -> None:
    orders = [{"customer_id": "a", "ordered_at": str(_ago(day)), "amount": 1} for day in bought]
    acts = [{"customer_id": "a", "occurred_at": str(_ago(day)), "kind": kind} for kind, day in visits]
    acts = acts or [{"customer_id": "b", "occurred_at": str(_ago(1)), "kind": "view"}]
    row = lifecycle(shop_of(orders=orders, interactions=acts, config=FIXED))
    assert row["stage"] == stage
    assert row["days_in_stage"] == pytest.approx(days)


def test_a_visit_before_the_purchase_is_none_after_it(shop_of: Any) -> None:
    """Where the horizon is shorter than the visits count, the visit at which something was bought lifts nobody."""
    orders = [{"customer_id": "a", "ordered_at": str(_ago(day)), "amount": 1} for day in (60, 25)]
    acts = [{"customer_id": "a", "occurred_at": str(_ago(days)), "kind": "view"} for days in (25.01, 25)]
    config = {"cycle": {"fixed_days": 20}}
    assert lifecycle(shop_of(orders=orders, interactions=acts, config=config))["stage"] == "silent"
    later = [*acts, {"customer_id": "a", "occurred_at": str(_ago(4)), "kind": "view"}]
    assert lifecycle(shop_of(orders=orders, interactions=later, config=config))["stage"] == "semi_active"
    few = {**config, "stages": {"visit_days": 3}}
    assert lifecycle(shop_of(orders=orders, interactions=later, config=few))["stage"] == "silent"


def test_favourites_and_carts_are_open_for_a_time(shop_of: Any) -> None:
    acts = [("cart", 31), ("favorite", 20)]
    rows = [{"customer_id": "a", "occurred_at": str(_ago(days)), "kind": kind} for kind, days in acts]
    states = [
        lifecycle(shop_of(interactions=rows, config={"stages": {"look_back_days": days}}))["funnel_state"]
        for days in (10, 30, 31)
    ]
    assert states == ["registered", "favorite", "cart"]


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
