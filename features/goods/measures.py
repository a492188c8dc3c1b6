"""What is known of each product at a moment: sales, who came first for it, who came back, and what it is bought with.

A product is an item or a category: what is asked is the same, by another key. Sums are whole numbers, so that every
engine gives the same; shares and indices are made of them afterwards, in `products`.
"""

from __future__ import annotations

from typing import Any, Literal

from penchant.errors import InputError
from penchant.lazy import _, ibis

from ..engine.times import days_before, instant
from ..history.past import Past

By = Literal["item", "category"]
KEYS = {"item": "item_id", "category": "category_id"}
LOOKS = ("view", "favorite", "cart")
LINE_SUMS = ("amount", "margin")


def has_key(past: Past, key: str) -> tuple[bool, bool]:
    """Say whether what is bought, and what is looked at, can be told apart by a key."""
    bought = key in past.history.lines.columns
    looked = past.has("interactions") and key in past.history.interactions.columns
    return bought, looked


def baskets(past: Past, key: str) -> Any:
    """Return one row per purchase and product in it: row, order_key, the key, at, sums, is_first (of the customer)."""
    return past.relation(f"baskets {key}", lambda: past.keep.table(_baskets(past, key)))


def _baskets(past: Past, key: str) -> Any:
    lines = past.lines.relation.filter(_[key].notnull())
    sums = {name: lines[name].sum().cast("int64") for name in LINE_SUMS if name in lines.columns}
    if "margin" in sums:
        sums["costed_amount"] = ibis.cases((lines.margin.notnull(), lines.amount)).sum().cast("int64")
    found = lines.group_by("row", "order_key", key).aggregate(at=lines["at"].min(), **sums)
    order = ibis.row_number().over(group_by="row", order_by=["at", "order_key"])
    first = past.purchases.relation.mutate(place=order).filter(_.place == 0)
    first = first.select(first_row="row", first_order="order_key")
    joined = found.left_join(first, [found.row == first.first_row, found.order_key == first.first_order])
    return joined.mutate(is_first=joined.first_row.notnull()).drop("first_row", "first_order")


def product_visits(past: Past, key: str) -> Any:
    """Return one row per customer, product and day on which it was looked at: row, the key, at, is_first."""
    return past.relation(f"product visits {key}", lambda: past.keep.table(_visits(past, key)))


def _visits(past: Past, key: str) -> Any:
    acts = past.interactions.relation
    looks = acts.filter(acts.kind.isin(LOOKS) & acts[key].notnull())
    days = looks.mutate(day=past.history.local(looks["at"]).date())
    found = days.group_by("row", key, "day").aggregate(at=_["at"].min())
    place = ibis.row_number().over(group_by="row", order_by=["at", key])
    return found.mutate(place=place).select("row", key, "at", is_first=_.place == 0)


def now(past: Past) -> Any:
    """Return the one moment of a past of everyone."""
    if past.moment.at is None:
        raise InputError("past", "a past of everyone at one moment", "one in which rows have their own")
    return instant(past.moment.at)


def in_window(past: Past, rows: Any, days: int, until: int = 0) -> Any:
    """Return the rows of ``[as_of - days, as_of - until)`` of a population's moment."""
    return rows.filter(is_within(past, rows["at"], days, until))


def is_within(past: Past, at: Any, days: int, until: int = 0) -> Any:
    """Return whether an instant is in ``[as_of - days, as_of - until)``."""
    as_of = now(past)
    return (at >= days_before(as_of, days)) & (at < days_before(as_of, until))


def _windows(past: Past, at: Any, days: int, trend_days: int) -> tuple[Any, Any, Any]:
    """Return whether an instant is in the window, in the latest of two shorter ones, and in the one before that."""
    latest, before = is_within(past, at, trend_days), is_within(past, at, 2 * trend_days, trend_days)
    return is_within(past, at, days), latest, before


def sales(past: Past, key: str, days: int, trend_days: int) -> Any:
    """Return per product: n_orders, n_buyers, n_first_orders, sums, n_buyers_now and n_buyers_before (two windows)."""
    rows = in_window(past, baskets(past, key), max(days, 2 * trend_days))
    inside, latest, before = _windows(past, rows["at"], days, trend_days)
    sums = [name for name in (*LINE_SUMS, "costed_amount") if name in rows.columns]
    return rows.group_by(key).aggregate(
        n_orders=ibis.cases((inside, 1)).count(),
        n_buyers=ibis.cases((inside, rows.row)).nunique(),
        n_first_orders=ibis.cases((inside & rows.is_first, 1)).count(),
        n_buyers_now=ibis.cases((latest, rows.row)).nunique(),
        n_buyers_before=ibis.cases((before, rows.row)).nunique(),
        **{name: ibis.cases((inside, rows[name])).sum().fill_null(0).cast("int64") for name in sums},
    )


def repeats(past: Past, key: str, days: int) -> Any:
    """Return per product: n_repeat_buyers, who bought it on another day again."""
    rows = in_window(past, baskets(past, key), days)
    days_of = rows.mutate(day=past.history.local(rows["at"]).date()).group_by("row", key)
    again = days_of.aggregate(n_days=_.day.nunique()).filter(_.n_days > 1)
    return again.group_by(key).aggregate(n_repeat_buyers=_.count())


def attention(past: Past, key: str, days: int, trend_days: int) -> Any:
    """Return per product: n_visits (days of customers on which it was looked at), n_first_visits; and of two windows
    n_lookers_now and n_lookers_before, the customers who looked.
    """
    rows = in_window(past, product_visits(past, key), max(days, 2 * trend_days))
    inside, latest, before = _windows(past, rows["at"], days, trend_days)
    return rows.group_by(key).aggregate(
        n_visits=ibis.cases((inside, 1)).count(),
        n_first_visits=ibis.cases((inside & rows.is_first, 1)).count(),
        n_lookers_now=ibis.cases((latest, rows.row)).nunique(),
        n_lookers_before=ibis.cases((before, rows.row)).nunique(),
    )


def companions(past: Past, key: str, days: int, shrinkage: float, most_in_basket: int) -> Any:
    """Return per product the one it is bought with most, beyond chance: companion, association.

    Association is the lift of the pair, shrunk: orders with both, by those that chance would bring together, with
    ``shrinkage`` orders added to either side. Ties go to the lesser id;
    without one above 1 there is none. Baskets of more than ``most_in_basket``
    products tell nothing of what belongs together, and bring no pairs.
    """
    rows = in_window(past, baskets(past, key), days).select("row", "order_key", product=_[key])
    sizes = rows.group_by("row", "order_key").aggregate(size=_.count())
    counts = past.keep.table(rows.group_by("product").aggregate(n=_.count()))
    total = sizes.aggregate(n_baskets=_.count())
    small = sizes.filter(_.size.between(2, most_in_basket)).drop("size")
    one = past.keep.table(rows.inner_join(small, ["row", "order_key"]).select("row", "order_key", "product"))
    two = one.rename(other_row="row", other_order="order_key", companion="product")
    met = [one.row == two.other_row, one.order_key == two.other_order, one["product"] != two.companion]
    pairs = one.inner_join(two, met).group_by("product", "companion").aggregate(n_both=_.count())
    mine = counts.rename(n_one="n")
    theirs = counts.rename(other="product", n_two="n")
    known = pairs.inner_join(mine, "product")
    known = known.inner_join(theirs, known.companion == theirs.other).cross_join(total)
    chance = known.n_one * known.n_two / known.n_baskets
    lifted = known.mutate(association=(known.n_both + shrinkage) / (chance + shrinkage))
    best = ibis.row_number().over(group_by="product", order_by=[ibis.desc("association"), ibis.asc("companion")])
    first = lifted.mutate(place=best).filter((_.place == 0) & (_.association > 1))
    return first.select("companion", "association", "n_both", **{key: first["product"]})


def goods(past: Past) -> Any:
    """Return the items known at the moment: item_id, category_id, and of the range list_price, stock, is_in_range.

    Known is what is sold or looked at before the moment, and what is in the range then (``listed_at``,
    ``delisted_at``). The range keeps no history: price, stock and category are today's. An item that is in no range
    has the category that most of its rows name, ties by name.
    """
    return past.relation("goods", lambda: past.keep.table(_goods(past)))


def _goods(past: Past) -> Any:
    bought, looked = has_key(past, "item_id")
    seen = [past.lines.relation] if bought else []
    seen += [past.interactions.relation] if looked else []
    parts = [_category_of(rows) for rows in seen]
    found = ibis.union(*parts) if len(parts) > 1 else parts[0]
    counted = found.filter(_.item_id.notnull()).group_by("item_id", "category_id").aggregate(n=_.n.sum())
    often = [counted.category_id.isnull(), ibis.desc("n"), ibis.asc("category_id")]
    place = ibis.row_number().over(group_by="item_id", order_by=often)
    named = counted.mutate(place=place).filter(_.place == 0).select("item_id", "category_id")
    if not past.has("items"):
        return named.mutate(list_price=ibis.null("int64"), stock=ibis.null("float64"), is_in_range=ibis.null("boolean"))
    return _with_range(past, named)


def _category_of(rows: Any) -> Any:
    category = rows.category_id if "category_id" in rows.columns else ibis.null("string")
    return rows.select("item_id", category_id=category).group_by("item_id", "category_id").aggregate(n=_.count())


def _with_range(past: Past, named: Any) -> Any:
    """Return the items that were seen, and those of the range, with what the range says of them."""
    items = past.history.tables["items"]
    if "listed_at" in items.columns:
        items = items.filter(items.listed_at.isnull() | (items.listed_at < now(past)))
    if "delisted_at" in items.columns:
        items = items.filter(items.delisted_at.isnull() | (items.delisted_at >= now(past)))
    kinds = {"category_id": "string", "list_price": "int64", "stock": "float64"}
    values = {
        name: items[name].cast(kind) if name in items.columns else ibis.null(kind) for name, kind in kinds.items()
    }
    values["range_category"] = values.pop("category_id")
    ranged = items.select(range_item="item_id", **values)
    joined = named.outer_join(ranged, named.item_id == ranged.range_item)
    return joined.select(
        item_id=ibis.coalesce(joined.item_id, joined.range_item),
        category_id=ibis.coalesce(joined.range_category, joined.category_id),
        list_price="list_price",
        stock="stock",
        is_in_range=joined.range_item.notnull(),
    )
