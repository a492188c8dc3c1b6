"""What counts as success within a customer's own horizon: at the edges, and as it stood at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError, LeftOutError
from penchant.features.outcomes.success import OUTCOMES, read_outcomes
from penchant.features.shop import Shop, shop_from_tables

START = pd.Timestamp("2025-03-01 09:00")
DAYS = 10
END = START + pd.Timedelta(days=DAYS)
SECOND = pd.Timedelta(seconds=1)

# who -> (ordered_at, paid_at, cancelled_at, refunded_at)
ORDERS: dict[str, tuple[Any, Any, Any, Any]] = {
    "at the start": (START, START, None, None),
    "at the end": (END, END, None, None),
    "just before the end": (END - SECOND, END - SECOND, None, None),
    "placed before, paid within": (START - SECOND, START + SECOND, None, None),
    "placed within, paid after": (START + SECOND, END + SECOND, None, None),
    "never paid": (START + SECOND, None, None, None),
    "cancelled within": (START + SECOND, START + SECOND, END - SECOND, None),
    "refunded later": (START + SECOND, START + 2 * SECOND, None, END + SECOND),
}


@pytest.fixture(scope="module")
def shop() -> Shop:
    times = pd.DataFrame.from_dict(
        ORDERS, orient="index", columns=["ordered_at", "paid_at", "cancelled_at", "refunded_at"]
    )
    orders = times.apply(pd.to_datetime).astype("datetime64[us]").rename_axis("customer_id").reset_index()
    orders = orders.assign(order_id=[f"o{i}" for i in range(len(orders))], amount=1000)
    late = orders["ordered_at"].max() + pd.Timedelta(days=60)
    extra = pd.DataFrame(
        {"customer_id": ["late"], "ordered_at": [late], "paid_at": [late], "order_id": ["x"], "amount": [1]}
    )
    orders = pd.concat([orders, extra.astype({"ordered_at": "datetime64[us]", "paid_at": "datetime64[us]"})])
    done = pd.DataFrame(
        {
            "customer_id": ["looked", "put in the cart", "looked too late"],
            "occurred_at": pd.to_datetime([START, START + SECOND, END]).astype("datetime64[us]"),
            "kind": ["view", "cart", "cart"],
        }
    )
    return shop_from_tables({"orders": orders, "interactions": done})


def successes(shop: Shop, outcome: str, who: list[str]) -> set[str]:
    rows = pd.DataFrame({"customer_id": who, "assigned_at": START})
    found = read_outcomes(shop, rows, outcome, DAYS)
    return {name for name, success in zip(who, found["success"], strict=True) if success}


def test_an_order_counts_if_it_was_placed_within_and_stands_paid_at_the_end(shop: Shop) -> None:
    expected = {"at the start", "just before the end", "refunded later"}
    assert successes(shop, "paid_order", list(ORDERS)) == expected
    assert successes(shop, "first_order", list(ORDERS)) == expected


def test_a_payment_counts_where_it_was_made(shop: Shop) -> None:
    expected = {"at the start", "just before the end", "refunded later", "placed before, paid within"}
    assert successes(shop, "payment", list(ORDERS)) == expected


def test_visits_and_interest_are_read_from_what_customers_did(shop: Shop) -> None:
    who = ["looked", "put in the cart", "looked too late"]
    assert successes(shop, "visit", who) == {"looked", "put in the cart"}
    assert successes(shop, "interest", who) == {"put in the cart"}


def test_each_row_has_its_own_horizon_and_keeps_its_place(shop: Shop) -> None:
    who = ["at the end", "at the start", "at the end"]
    at = [START + SECOND, START, START]
    found = read_outcomes(shop, pd.DataFrame({"customer_id": who, "assigned_at": at}), "paid_order", DAYS)
    assert found["success"].tolist() == [1.0, 1.0, 0.0]
    assert found["success_at"][1] == START
    np.testing.assert_array_equal(found["amount"], [10.0, 10.0, 0.0])


def test_what_a_shop_cannot_tell_is_refused(shop: Shop) -> None:
    rows = pd.DataFrame({"customer_id": ["looked"], "assigned_at": [START]})
    with pytest.raises(InputError, match="Did you mean 'payment'"):
        read_outcomes(shop, rows, "payments", DAYS)
    without = shop_from_tables({"orders": shop.tables["orders"].to_pandas()})
    with pytest.raises(LeftOutError, match="interactions"):
        read_outcomes(without, rows, "visit", DAYS)
    of_orders = {"visit", "interest", "first_order", "paid_order", "payment"}
    assert set(OUTCOMES) == of_orders | {"click", "membership", "points_used", "referral", "review"}


def test_what_customers_ordered_is_summed_within_the_horizon() -> None:
    """Two orders of 10 and 25 less goods of 3 and 2 x 3; a third one day too early and one too late."""
    placed = [START - SECOND, START, START + 5 * SECOND, END]
    orders = pd.DataFrame(
        {"customer_id": "a", "ordered_at": placed, "order_id": list("wxyz"), "item_id": "i", "quantity": [1.0, 1, 2, 1]}
    ).assign(amount=[7000, 1000, 2500, 9000])
    items = pd.DataFrame({"item_id": ["i"], "unit_cost": [300]})
    later = orders.tail(1).assign(customer_id="b", ordered_at=END + pd.Timedelta(days=30))
    tables = {"orders": pd.concat([orders, later]).astype({"ordered_at": "datetime64[us]"}), "items": items}
    with shop_from_tables(tables) as shop:
        rows = pd.DataFrame({"customer_id": ["nobody", "a"], "assigned_at": START})
        found = read_outcomes(shop, rows, "paid_order", DAYS)
    assert found["success"].tolist() == [0.0, 1.0]
    assert found["success_at"].tolist() == [pd.NaT, START]
    assert found["amount"].tolist() == [0.0, 35.0]
    assert found["margin"].tolist() == [0.0, 26.0]


HAPPENED = {"before": START - SECOND, "at once": START, "just in time": END - SECOND, "too late": END}


def test_what_happened_within_the_horizon_alone_is_a_success() -> None:
    times = pd.Series(HAPPENED).astype("datetime64[us]").rename_axis("customer_id").rename("at").reset_index()
    sent = times[["customer_id"]].assign(campaign_id="x", arm="mail", assigned_at=START - pd.Timedelta(days=1))
    tables = {
        "memberships": times.rename(columns={"at": "starts_at"}).assign(level="gold"),
        "points": times.assign(points=-5.0),
        "referrals": times.assign(referred_id="friend"),
        "feedback": times.assign(kind="review", rating=5.0),
        "assignments": sent.assign(clicked_at=times["at"]),
        "orders": pd.DataFrame({"customer_id": ["z"], "ordered_at": [END + pd.Timedelta(days=9)]}),
    }
    for frame in tables.values():
        for name in frame.columns[frame.columns.str.endswith("at")]:
            frame[name] = frame[name].astype("datetime64[us]")
    with shop_from_tables(tables) as shop:
        for outcome in ("click", "membership", "points_used", "referral", "review"):
            found = read_outcomes(
                shop, pd.DataFrame({"customer_id": list(HAPPENED), "assigned_at": START}), outcome, DAYS
            )
            assert found["success"].tolist() == [0.0, 1.0, 1.0, 0.0], outcome
            assert "amount" not in found


def test_a_payment_before_the_assignment_is_none(shop: Shop) -> None:
    rows = pd.DataFrame({"customer_id": ["at the start"], "assigned_at": [START + SECOND]})
    assert read_outcomes(shop, rows, "payment", DAYS)["success"].tolist() == [0.0]
