"""Prices and tiers of items, what is held open, and demand: one small shop, counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from penchant.errors import LeftOutError
from penchant.features.goods.demand import demand
from penchant.features.goods.held import joint_candidates
from penchant.features.goods.prices import priced_goods
from penchant.features.history.past import Past
from penchant.features.shop import Shop, shop_from_tables
from penchant.features.signals.cycle import at_one_moment

AS_OF = datetime(2024, 6, 1)


def _frame(everyone: Past) -> pd.DataFrame:
    return priced_goods(everyone).order_by("item_id").to_pyarrow().to_pandas().set_index("item_id")


def _line(who: str, order: str, at: str, item: str, pieces: float, amount: int) -> dict[str, Any]:
    ids = {"customer_id": who, "order_id": order, "item_id": item}
    return {**ids, "ordered_at": at, "quantity": pieces, "amount": amount}


def _act(who: str, at: str, kind: str, item: str, price: int | None) -> dict[str, Any]:
    return {"customer_id": who, "occurred_at": at, "kind": kind, "item_id": item, "price": price}


LINES = [
    _line("ann", "1", "2024-05-01", "tea", 2, 600),  # 300 a piece
    _line("bob", "2", "2024-05-02", "tea", 1, 500),
    _line("bob", "2", "2024-05-02", "cup", 1, 1500),
    _line("cid", "3", "2024-05-02", "old", 1, 900),
    _line("cid", "4", "2024-06-01", "tea", 1, 9_999),  # at as_of: not yet
]
ACTS = [
    _act("ann", "2024-05-20", "cart", "cup", 2000),
    _act("ann", "2024-05-21", "favorite", "cup", 1900),
    _act("bob", "2024-05-20", "cart", "cup", 1600),
    _act("cid", "2024-05-20", "favorite", "cup", None),
    _act("cid", "2024-05-20", "cart", "tea", 400),
    _act("dora", "2024-05-25", "cart", "old", 900),
    _act("eve", "2024-05-25", "cart", "old", 1000),
    _act("eve", "2024-05-25", "view", "pot", 700),
    _act("eve", "2024-04-01", "cart", "cup", 9_999),  # put there more than 30 days ago
    _act("fay", "2024-06-01", "cart", "cup", 9_999),  # at as_of: not yet
]
ITEMS = [
    {"item_id": "cup", "category_id": "home", "list_price": 1700, "stock": 5.0},
    {"item_id": "pot", "category_id": "home", "list_price": None, "stock": 100.0},
    {"item_id": "mug", "category_id": "home", "list_price": 800, "stock": 6.0},
    {"item_id": "tea", "category_id": "food", "list_price": None, "stock": 100.0},
]
Ask = Callable[[Callable[[Past], Any]], Any]


@pytest.fixture
def ask(shop_of: Any) -> Ask:
    shop = shop_of(orders=LINES, interactions=ACTS, items=ITEMS)
    return lambda question: at_one_moment(shop, AS_OF, question)


def test_prices_and_tiers_by_hand(ask: Ask) -> None:
    found = ask(_frame)
    assert found["price"].to_dict() == {"cup": 1700, "mug": 800, "old": 900, "pot": 700, "tea": 400}
    assert found["last_paid_price"].dropna().to_dict() == {"cup": 1500, "old": 900, "tea": 500}
    assert found["percentile"].to_dict() == pytest.approx(
        {"cup": 2.5 / 3, "mug": 1.5 / 3, "old": float("nan"), "pot": 0.5 / 3, "tea": 0.5}, nan_ok=True
    )
    tiers = {"cup": "high", "mug": "middle", "pot": "low", "tea": "middle"}
    assert found["price_tier"].dropna().to_dict() == tiers  # the old one has no category any more


def test_joint_candidates_by_hand(ask: Ask) -> None:
    found = ask(lambda everyone: joint_candidates(everyone, "item", least=2))
    assert found["item_id"].tolist() == ["cup", "old"]  # three customers, then two; tea is held by one
    cup, old = found.to_dict("records")
    assert [cup[name] for name in ("n_customers", "n_cart", "n_favorite")] == [3, 2, 2]
    assert [cup[name] for name in ("list_price", "held_price", "last_paid_price")] == [17.0, 19.0, 15.0]
    assert cup["held_value"] == 20.0 + 19.0 + 16.0
    assert cup["n_price_dropped"] == 1  # ann saw 20.00 and 19.00; bob saw less than 17.00
    assert (cup["is_stock_low"], cup["is_out_of_range"]) == (True, False)
    assert old["is_out_of_range"] is True
    assert pd.isna(old["list_price"])


def test_joint_candidates_by_category(ask: Ask) -> None:
    found = ask(lambda everyone: joint_candidates(everyone, "category", least=1))
    assert found[["category_id", "n_customers", "n_items"]].to_numpy().tolist() == [["home", 3, 1], ["food", 1, 1]]


def test_what_was_ordered_since_is_not_held(shop_of: Any) -> None:
    bought = _line("bob", "9", "2024-05-22", "cup", 1, 1500)
    shop = shop_of(orders=[*LINES, bought], interactions=ACTS)
    found = at_one_moment(shop, AS_OF, lambda everyone: joint_candidates(everyone, "item", least=1))
    assert found.set_index("item_id").loc["cup", "n_customers"] == 2
    assert found["is_out_of_range"].isna().all()  # without a range nothing is known of it


def test_demand_by_hand(ask: Ask) -> None:
    found = ask(demand).set_index(["category_id", "price_tier"])
    counts = ["n_items", "n_view", "n_favorite", "n_cart", "n_orders", "n_buyers", "amount"]
    assert list(found.index) == [("food", "middle"), ("home", "low"), ("home", "middle"), ("home", "high")]
    assert found[counts].to_numpy().tolist() == [
        [1, 0, 0, 1, 2, 2, 11.0],
        [1, 1, 0, 0, 0, 0, 0.0],
        [1, 0, 0, 0, 0, 0, 0.0],
        [1, 0, 2, 3, 1, 1, 15.0],
    ]


def test_demand_counts_an_order_once_in_a_cell(shop_of: Any) -> None:
    items = [{"item_id": name, "category_id": "food", "list_price": 100} for name in "ab"]
    lines = [_line("ann", "1", "2024-05-01", name, 1, 100) for name in "ab"]
    found = at_one_moment(shop_of(orders=lines, items=items), AS_OF, demand)
    assert found[["price_tier", "n_orders", "amount"]].to_numpy().tolist() == [["middle", 1, 2.0]]


def test_an_item_of_several_categories_has_the_one_that_most_rows_name(shop_of: Any) -> None:
    named = ["sale", "shoes", "shoes", None, None, None]
    lines = [
        {**_line("ann", str(n), "2024-05-01", "boot", 1, 100), "category_id": category}
        for n, category in enumerate(named)
    ]
    ties = [{**_line("ann", name, "2024-05-01", "sock", 1, 100), "category_id": name} for name in ("b", "a")]
    goods = at_one_moment(shop_of(orders=lines + ties), AS_OF, _frame)
    assert goods["category_id"].to_dict() == {"boot": "shoes", "sock": "a"}


def test_demand_without_categories_is_told(shop_of: Any) -> None:
    shop = shop_of(orders=LINES)
    with pytest.raises(LeftOutError, match="category"):
        at_one_moment(shop, AS_OF, demand)


def test_future_changes_nothing(world: ModuleType, world_tables: dict[str, pd.DataFrame], world_shop: Shop) -> None:
    moment = world.MOMENTS[1]
    times = {"orders": "ordered_at", "interactions": "occurred_at"}
    cut = {name: world_tables[name][world_tables[name][at] < moment] for name, at in times.items()}

    def everything(everyone: Past) -> tuple[pd.DataFrame, ...]:
        return _frame(everyone), joint_candidates(everyone, "item", 1), demand(everyone)

    with shop_from_tables({**world_tables, **cut}) as past:
        for one, other in zip(
            at_one_moment(past, moment, everything), at_one_moment(world_shop, moment, everything), strict=True
        ):
            pd.testing.assert_frame_equal(one, other)
