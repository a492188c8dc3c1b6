"""What to show a customer: the category that is due again, and that of what waits in the cart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import ibis
from ibis import _

from ...features.goods.held import held
from ...features.history.past import Past
from ...features.history.rows import Rows
from ...features.signals.crowds import categories_due
from ...features.signals.group import BOUGHT_CATEGORY, PURCHASES


def _in_cart(past: Past) -> Rows:
    """Return the items in open carts with their category, ``place`` 0 = put in last, ties by item."""
    return past.rows("cart_categories", lambda: _with_category(past))


def _with_category(past: Past) -> Any:
    carts = held(past, "cart")
    items = past.history.tables["items"].filter(_.category_id.notnull())
    known = items.select(ranged="item_id", cart_category="category_id")
    joined = carts.inner_join(known, carts.item_id == known.ranged)
    latest = [ibis.desc("cart_at"), ibis.asc("item_id")]
    return joined.mutate(place=ibis.row_number().over(group_by="row", order_by=latest))


SHOWN_FACTS: Mapping[str, tuple[Callable[[Past], Any], tuple[str, ...]]] = MappingProxyType(
    {
        "due_category": (
            lambda past: categories_due(past).where(_.place == 0).max(_.category_id),
            (PURCHASES, BOUGHT_CATEGORY),
        ),
        "open_cart_category": (
            lambda past: _in_cart(past).where(_.place == 0).max(_.cart_category),
            ("interactions.item_id", "items.category_id"),
        ),
    }
)
