"""Joint price actions: the holders, the orders that come anyway, and what each price brings, by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import InputError, LeftOutError, TooLittleDataError
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.insight.joint_price import joint_price_page

END = datetime(2025, 6, 1)
ITEMS = pd.DataFrame({"item_id": ["pan", "cup"], "list_price": [10_00, 5_00], "unit_cost": [6_00, 1_00]})


def tables() -> dict[str, pd.DataFrame]:
    """Return 40 who held a cup in the cart 20 days ago and 40 who liked it, of whom 10 and 4 ordered it since.

    Today 8 hold a pan in the cart and 4 more like it; one of the 8 likes it too.
    """
    rows, orders = [], []
    for kind, n_orders in (("cart", 10), ("favorite", 4)):
        for place in range(40):
            who = f"{kind}{place:02}"
            rows.append((who, END - timedelta(days=20), kind, "cup", 5_00))
            orders += [(who, END - timedelta(days=5), "cup", 5_00)] if place < n_orders else []
    rows += [(f"c{place}", END - timedelta(days=2), "cart", "pan", 12_00) for place in range(8)]
    rows += [(f"f{place}", END - timedelta(days=2), "favorite", "pan", 11_00) for place in range(4)]
    rows += [("c0", END - timedelta(days=1), "favorite", "pan", 13_00), ("x", END, "cart", "pan", 1_00)]
    acts = pd.DataFrame(rows, columns=["customer_id", "occurred_at", "kind", "item_id", "price"])
    bought = pd.DataFrame(orders, columns=["customer_id", "ordered_at", "item_id", "amount"])
    bought = bought.assign(order_id=[f"o{place}" for place in range(len(bought))])
    return {"interactions": acts, "orders": bought, "items": ITEMS}


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with shop_from_tables(tables(), read_config({"shop": {"extract_end": END}})) as one:
        yield one


def test_holders_are_addressed_the_cart_first(shop: Shop) -> None:
    page = joint_price_page(shop, "pan")
    holders = next(table for table in page.tables if table.name == "holders").flat()
    ids = [f"c{place}" for place in range(8)] + [f"f{place}" for place in range(4)]
    assert holders["customer_id"].tolist() == ids
    assert holders["held_in"].tolist() == ["cart"] * 8 + ["favourite"] * 4
    assert holders["price_then"].tolist() == [13.0, *[12.0] * 7, *[11.0] * 4]


def test_orders_and_margin_are_those_of_what_was_held_before(shop: Shop) -> None:
    told = joint_price_page(shop, "pan", prices=(10, 8)).as_dict()
    assert [row["rate"].value for row in told["rates"]] == [0.25, 0.1]
    today, less = told["prices"]
    assert today["orders"].value == pytest.approx(8 * 0.25 + 4 * 0.1)
    assert today["orders"].low < 2.4 < today["orders"].high
    assert (today["margin"].value, less["margin"].value) == (pytest.approx(2.4 * 4), pytest.approx(2.4 * 2))
    assert (today["break_even"], less["break_even"]) == (1.0, 2.0)
    assert "not known" in told["notes"][0]


def test_an_elasticity_moves_orders_with_the_price(shop: Shop) -> None:
    today, half = joint_price_page(shop, "pan", prices=(10, 5), elasticity=-2).as_dict()["prices"]
    assert half["orders"].value == pytest.approx(4 * today["orders"].value)
    assert half["margin"].value < 0  # below what it costs
    assert half["break_even"] is None


def test_what_cannot_be_told_is_refused(shop: Shop) -> None:
    with pytest.raises(InputError, match="'pan'"):
        joint_price_page(shop, "pam")
    with pytest.raises(InputError, match="above zero"):
        joint_price_page(shop, "pan", prices=(0,))
    with pytest.raises(TooLittleDataError, match="30 goods held"):
        joint_price_page(shop, "pan", days=25)
    bare = shop_from_tables({"orders": tables()["orders"]})
    with bare, pytest.raises(LeftOutError, match="carts or favourites"):
        joint_price_page(bare, "pan")


def test_without_costs_there_is_no_margin_and_it_is_said() -> None:
    given = {**tables(), "items": ITEMS[["item_id", "list_price"]]}
    with shop_from_tables(given, read_config({"shop": {"extract_end": END}})) as plain:
        page = joint_price_page(plain, "pan")
    assert "unit_cost" in page.left_out["margin"]
    assert "margin" not in page.as_dict()["prices"][0]


def test_no_action_on_what_is_sold_out() -> None:
    given = {**tables(), "items": ITEMS.assign(stock=[0.0, 5.0])}
    config = read_config({"shop": {"extract_end": END}})
    with shop_from_tables(given, config) as empty, pytest.raises(InputError, match="sold out"):
        joint_price_page(empty, "pan")
