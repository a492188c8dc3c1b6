"""What the contract says a shop knows of its lines and interactions is what the facts have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from penchant.features.derived import derived_columns
from penchant.features.history import facts
from penchant.features.shop import shop_from_tables

AWAY: list[tuple[str, ...]] = [
    (),
    ("orders.amount",),
    ("orders.discount",),
    ("orders.list_amount",),
    ("orders.item_id",),
    ("items.unit_cost", "items.category_id"),
    ("items",),
    ("orders",),
    ("orders", "interactions.item_id"),
    ("interactions",),
]
OF_FACTS = {"order_key", "ordered_at", "paid_at", "cancelled_at", "refunded_at", "has_coupon"}
OF_ORDERS = {*OF_FACTS, "order_id", "coupon_id", "status"}


@pytest.mark.parametrize("away", AWAY, ids=lambda away: "without " + (", ".join(away) or "nothing"))
def test_derived_columns_are_those_of_the_facts(
    world_tables: Mapping[str, pd.DataFrame], away: tuple[str, ...]
) -> None:
    left = {name: rows for name, rows in world_tables.items() if name not in away}
    for table, _dot, column in (one.partition(".") for one in away):
        if column:
            left[table] = left[table].drop(columns=column)
    known = derived_columns({name: list(rows) for name, rows in left.items()})
    with shop_from_tables(left) as shop:
        assert known["bought"] - OF_ORDERS == set(facts.order_lines(shop).columns) - OF_FACTS
        if "interactions" in left:
            assert known["viewed"] == set(facts.interactions(shop).columns)
        else:
            assert "viewed" not in known
        assert shop.has("bought", *known["bought"])
        assert not shop.has("bought", "birth_year")


def lines_of(shop_of: Any, rows: list[dict[str, Any]], **more: Any) -> pd.DataFrame:
    """Return the facts of order lines, by their customer."""
    rows = [{"ordered_at": "2024-01-01 10:00", **row} for row in rows]
    return facts.order_lines(shop_of(orders=rows, **more)).to_pandas().set_index("customer_id").sort_index()


def times(found: pd.Series) -> dict[str, str | None]:
    return {who: None if pd.isna(at) else f"{at:%m-%d %H:%M}" for who, at in found.items()}


STATES = [
    *({"customer_id": status, "status": status} for status in ("paid", "unpaid", "cancelled", "refunded")),
    {"customer_id": "unknown", "status": None},
]


def test_what_ended_at_an_unknown_time_is_over_when_it_is_placed(shop_of: Any) -> None:
    found = lines_of(shop_of, STATES)
    placed = "01-01 10:00"
    over = {"paid": None, "unpaid": None, "cancelled": placed, "refunded": placed, "unknown": None}
    assert times(found["cancelled_at"]) == over
    assert times(found["paid_at"]) == dict.fromkeys(over, placed) | {"unpaid": None}
    assert found["refunded_at"].isna().all()
    counted = lines_of(shop_of, STATES, config={"shop": {"untimed_refunds": "count"}})
    assert times(counted["cancelled_at"]) == over | {"refunded": None}


def test_a_state_has_its_own_time_and_none_before_its_order(shop_of: Any) -> None:
    rows = [
        {"customer_id": "c", "status": "cancelled", "cancelled_at": "2024-01-03", "refunded_at": None, "paid_at": None},
        {"customer_id": "e", "status": "paid", "cancelled_at": None, "refunded_at": None, "paid_at": "2023-12-31"},
        {"customer_id": "r", "status": "refunded", "cancelled_at": None, "refunded_at": "2024-01-05",
         "paid_at": "2024-01-02"},
    ]  # fmt: skip
    found = lines_of(shop_of, rows)
    assert times(found["cancelled_at"]) == {"c": "01-03 00:00", "e": None, "r": None}
    assert times(found["refunded_at"]) == {"c": None, "e": None, "r": "01-05 00:00"}
    assert times(found["paid_at"]) == {"c": None, "e": "01-01 10:00", "r": "01-02 00:00"}


def test_lines_without_an_order_belong_to_that_of_their_instant(shop_of: Any) -> None:
    rows = [{"customer_id": "a", "order_id": "7"}, {"customer_id": "b", "order_id": None}]
    assert lines_of(shop_of, rows)["order_key"].to_dict() == {"a": "7", "b": "2024-01-01 10:00:00"}
    assert lines_of(shop_of, [{"customer_id": "a"}])["order_key"].tolist() == ["2024-01-01 10:00:00"]


def test_amounts_that_a_line_lacks_follow_from_those_it_has(shop_of: Any) -> None:
    def values(**columns: Any) -> dict[str, Any]:
        items = [{"item_id": "i", "unit_cost": 33, "category_id": "tea"}, {"item_id": "j", "unit_cost": 1}]
        found = lines_of(shop_of, [{"customer_id": "a", "item_id": "i", **columns}], items=items)
        row = found.iloc[0].to_dict()
        return {name: row.get(name) for name in ("list_amount", "discount", "margin", "category_id", "has_coupon")}

    derived = values(amount=100, list_amount=120, quantity=2.5)
    assert derived == {"list_amount": 120, "discount": 20, "margin": 17, "category_id": "tea", "has_coupon": None}
    assert values(amount=100, discount=30)["list_amount"] == 130
    assert values(amount=100, discount=30)["margin"] == 67
    both = values(amount=100, discount=5, list_amount=190, category_id="cups", coupon_id="q")
    assert both == {"list_amount": 190, "discount": 5, "margin": 67, "category_id": "cups", "has_coupon": True}
    assert values(list_amount=10) | {"category_id": None} == {"list_amount": 10} | dict.fromkeys(
        ("discount", "margin", "category_id", "has_coupon")
    )


def test_only_payments_are_purchases_where_there_are_no_orders(shop_of: Any) -> None:
    acts = [
        {"customer_id": who, "occurred_at": "2024-01-02", "kind": kind, "item_id": "i", "category_id": None}
        for who, kind in (("a", "pay"), ("b", "view"))
    ]
    shop = shop_of(interactions=acts, items=[{"item_id": "i", "category_id": "tea", "unit_cost": 3}])
    found = facts.order_lines(shop).to_pandas()
    assert found[["customer_id", "item_id", "category_id", "order_key"]].to_dict("records") == [
        {"customer_id": "a", "item_id": "i", "category_id": "tea", "order_key": "2024-01-02 00:00:00"}
    ]
    assert (found["paid_at"] == found["ordered_at"]).all()
    assert facts.interactions(shop).to_pandas()["category_id"].tolist() == ["tea", "tea"]


def test_an_answer_never_comes_before_its_assignment(shop_of: Any) -> None:
    rows = [
        {"customer_id": "a", "campaign_id": "x", "contacted_at": "2024-01-01", "opened_at": "2024-01-05"},
        {"customer_id": "b", "campaign_id": "other", "contacted_at": None, "opened_at": "2024-01-03"},
    ]
    rows = [{"arm": "mail", "assigned_at": "2024-01-03", **row} for row in rows]
    orders = [{"customer_id": "a", "ordered_at": "2024-01-01"}]
    plain = facts.assignments(shop_of(assignments=rows, orders=orders)).to_pandas()
    assert "channel" not in plain
    shop = shop_of(assignments=rows, orders=orders, campaigns=[{"campaign_id": "x", "channel": "email"}])
    found = facts.assignments(shop).to_pandas().set_index("customer_id").sort_index()
    assert times(found["contacted_at"]) == {"a": "01-03 00:00", "b": None}
    assert times(found["opened_at"]) == {"a": "01-05 00:00", "b": "01-03 00:00"}
    assert found["channel"].fillna("").to_dict() == {"a": "email", "b": ""}
    assert "campaign_id_right" not in found
