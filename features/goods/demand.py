"""What is wanted: views, favourites, carts, orders and amounts by category and price tier."""

from __future__ import annotations

from functools import reduce
from typing import Any

from penchant.errors import LeftOutError, TooLittleDataError
from penchant.lazy import _, ibis, pd

from ..history.past import Past
from ..signals.price import TIERS
from .measures import LOOKS, baskets, has_key, in_window
from .prices import priced_goods

CELL = ["category_id", "price_tier"]
NO_TIER = "no price"
DEMAND_DAYS = 90
COUNTS = ("n_items", *(f"n_{kind}" for kind in LOOKS), "n_orders", "n_buyers")


def demand(everyone: Past, days: int = DEMAND_DAYS) -> pd.DataFrame:
    """Return how much each category's price tiers were looked at, wanted and bought in the last days.

    Parameters
    ----------
    everyone
        The past of everyone at one moment.
    days
        Of the window before it.

    Returns
    -------
    pandas.DataFrame
        One row per category and tier that has items: category_id, price_tier (low, middle, high: thirds of the
        category's items by price; 'no price'), n_items, n_view, n_favorite, n_cart (acts), n_orders (with at least
        one item of the cell), n_buyers, amount (major units); sorted by category and tier. What the shop does not
        record has no column.

    Raises
    ------
    LeftOutError
        If the shop does not tell items or categories apart.
    TooLittleDataError
        If no item was known before as_of.
    """
    bought, looked = has_key(everyone, "item_id")
    if not bought and not looked:
        raise LeftOutError("demand", "items in orders or interactions", "a shop without item_id")
    cells = priced_goods(everyone).filter(_.category_id.notnull())
    cells = cells.select("category_id", price_tier=_.price_tier.fill_null(NO_TIER), good="item_id")
    parts = [cells.group_by(CELL).aggregate(n_items=_.count())]
    parts += [_looked_at(everyone, cells, days)] if looked else []
    parts += [_bought(everyone, cells, days)] if bought else []
    frames = [part.to_pyarrow().to_pandas() for part in parts]
    found = reduce(lambda one, other: one.merge(other, on=CELL, how="left", validate="1:1"), frames)
    if found.empty and any(has_key(everyone, "category_id")):
        raise TooLittleDataError("demand", "an item with a category known before as_of", "none", "Look later")
    if found.empty:
        raise LeftOutError("demand", "items with a category", "none", "Give items or orders their category_id")
    return _told(found, everyone.history.shop.decimals)


def _looked_at(past: Past, cells: Any, days: int) -> Any:
    acts = in_window(past, past.interactions.relation, days).select("item_id", "kind")
    met = acts.inner_join(cells, acts.item_id == cells.good)
    counts = {f"n_{kind}": ibis.cases((met.kind == kind, 1)).count() for kind in LOOKS}
    return met.group_by(CELL).aggregate(**counts)


def _bought(past: Past, cells: Any, days: int) -> Any:
    rows = in_window(past, baskets(past, "item_id"), days)
    met = rows.inner_join(cells.rename(cell_category="category_id"), rows.item_id == cells.good)
    sums = {"amount": _.amount.sum().cast("int64")} if "amount" in rows.columns else {}
    orders = met.group_by("row", "order_key", "price_tier", category_id="cell_category").aggregate(**sums)
    totals = {name: orders[name].sum().cast("int64") for name in sums}
    return orders.group_by(CELL).aggregate(n_orders=_.count(), n_buyers=_.row.nunique(), **totals)


def _told(found: pd.DataFrame, decimals: int) -> pd.DataFrame:
    counts = {name: found[name].fillna(0).astype("int64") for name in COUNTS if name in found}
    money = {"amount": found["amount"].fillna(0) / 10**decimals} if "amount" in found else {}
    order = found["price_tier"].map({name: place for place, name in enumerate((*TIERS, NO_TIER))})
    told = found.assign(**counts, **money, _order=order).sort_values(["category_id", "_order"], ignore_index=True)
    return told.drop(columns="_order")
