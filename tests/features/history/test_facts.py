"""What the contract says a shop knows of its lines and interactions is what the facts have."""

from __future__ import annotations

from collections.abc import Mapping

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
