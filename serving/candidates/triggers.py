"""What touches an open cart: an item in it costs less now, is nearly sold out, or is about to leave the range.

A trigger speaks of goods that can still be bought, and names the item and its price, so that the message can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import ibis
from ibis import _

from ...features.engine.times import days_before
from ...features.goods.held import FEW_PIECES, open_carts
from ...features.history.past import Past
from ...features.history.rows import Rows
from ...features.signals.declare import money
from ..goals.triggers import TRIGGERS

Question = Callable[[Past], Any]

LEAVES_DAYS = 14  # from so long before its last day on, an item is about to leave the range
CARTS = ("interactions.item_id", "items")
NAMED_WITH = ("_item", "_price")  # what the columns end in that name what a trigger is about
NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "price_dropped": (*CARTS, "interactions.price", "items.list_price"),
        "stock_low": (*CARTS, "items.stock"),
        "leaves_range": (*CARTS, "items.delisted_at"),
    }
)
_TOUCHED: Mapping[str, Any] = MappingProxyType(
    {
        "price_dropped": _.list_price < _.cart_price,
        "stock_low": _.stock <= FEW_PIECES,
        "leaves_range": days_before(_.delisted_at, LEAVES_DAYS) < _.as_of,
    }
)


def trigger_facts() -> dict[str, tuple[Question, tuple[str, ...]]]:
    """Return for each trigger its flag, and the item and price that it is about, with what the shop must have."""
    facts: dict[str, tuple[Question, tuple[str, ...]]] = {}
    for name, column in TRIGGERS.items():
        facts[column] = (_holds(name), NEEDS[name])
        facts[f"{column}_item"] = (_item(name), NEEDS[name])
        facts[f"{column}_price"] = (_price(name), NEEDS[name])
    return facts


def _touched(past: Past, name: str) -> Rows:
    """Return the items in open carts that a trigger is about, with ``place``: 0 = put in last, ties by item."""
    return past.rows(f"cart_{name}", lambda: _in_order(past, name))


def _in_order(past: Past, name: str) -> Any:
    carts = open_carts(past).relation
    sold = (
        carts.range_item.notnull()
        & (carts.stock.isnull() | (carts.stock > 0))
        & (carts.delisted_at.isnull() | (carts.delisted_at > carts.as_of))
    )
    touched = carts.filter(sold).filter(_TOUCHED[name])
    latest = [ibis.desc("cart_at"), ibis.asc("item_id")]
    price = ibis.coalesce(touched.list_price, touched.cart_price)
    return touched.mutate(price_now=price, place=ibis.row_number().over(group_by="row", order_by=latest))


def _holds(name: str) -> Question:
    return lambda past: _touched(past, name).any()


def _item(name: str) -> Question:
    return lambda past: _touched(past, name).where(_.place == 0).max(_.item_id)


def _price(name: str) -> Question:
    return lambda past: money(past, _touched(past, name).where(_.place == 0).max(_.price_now))
