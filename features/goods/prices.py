"""What each item costs, and how dear that is within its category.

An item's price is its list price, where the range has one, else the median of what was paid for a piece, else of the
prices at which it was shown. Its tier is the third of its category's items that it stands in, by that price.
"""

from __future__ import annotations

from typing import Any

from penchant.lazy import _, ibis

from ..history.past import Past
from ..signals.price import piece_price, price_levels, tier_of
from .measures import goods, has_key, in_window, now

LOOK_BACK_DAYS = 365


def priced_goods(past: Past) -> Any:
    """Return the items known at the moment with their prices, in minor units.

    Columns: item_id, category_id, list_price, stock, is_in_range (see `goods`); paid_price and shown_price (medians of
    the last year), last_paid_price; price (the one that the tier is told by), percentile, price_tier (low, middle,
    high; null without a category or a price).
    """
    return past.relation("priced_goods", lambda: past.keep.table(_priced_goods(past)))


def _priced_goods(past: Past) -> Any:
    found = goods(past)
    for prices in (_paid(past), _shown(past)):
        found = found.left_join(prices, found.item_id == prices.priced_item).drop("priced_item")
    found = found.mutate(price=ibis.coalesce(found.list_price, found.paid_price, found.shown_price))
    levels = price_levels(found.filter(_.price.notnull()).mutate(as_of=now(past)))
    levels = levels.select(level_category="category_id", level_price="price", percentile="percentile")
    same = [found.category_id == levels.level_category, found.price == levels.level_price]
    ranked = found.left_join(levels, same).drop("level_category", "level_price")
    return ranked.mutate(price_tier=tier_of(ranked.percentile))


def _paid(past: Past) -> Any:
    """Return (priced_item, paid_price, last_paid_price) of the last year; at one instant the higher counts as last."""
    if not has_key(past, "item_id")[0] or not past.has("orders", "amount"):
        nothing = goods(past).limit(0)
        return nothing.select(priced_item="item_id", paid_price=ibis.null("int64"), last_paid_price=ibis.null("int64"))
    lines = in_window(past, past.lines.relation, LOOK_BACK_DAYS)
    priced = lines.select("item_id", "at", price=piece_price(lines)).filter(_.item_id.notnull() & _.price.notnull())
    latest = ibis.row_number().over(group_by="item_id", order_by=[ibis.desc("at"), ibis.desc("price")])
    placed = priced.mutate(place=latest)
    return placed.group_by(priced_item="item_id").aggregate(
        paid_price=placed.price.quantile(0.5).round().cast("int64"),
        last_paid_price=ibis.cases((placed.place == 0, placed.price)).max(),
    )


def _shown(past: Past) -> Any:
    """Return (priced_item, shown_price) of the last year."""
    if not has_key(past, "item_id")[1] or not past.has("interactions", "price"):
        return goods(past).limit(0).select(priced_item="item_id", shown_price=ibis.null("int64"))
    acts = in_window(past, past.interactions.relation, LOOK_BACK_DAYS)
    shown = acts.filter(acts.item_id.notnull() & acts.price.notnull())
    return shown.group_by(priced_item="item_id").aggregate(shown_price=shown.price.quantile(0.5).round().cast("int64"))
