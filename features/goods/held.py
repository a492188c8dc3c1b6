"""What many customers hold in carts and favourites: candidates for a joint price action, and what touches an open cart.

Open is what was put there in the last 30 days and not ordered since: `funnel.open_items`.
"""

from __future__ import annotations

from typing import Any

from penchant.lazy import _, ibis, pd

from ..history.past import Past
from ..history.rows import Rows
from ..signals.funnel import HELD, open_items
from .measures import KEYS, By
from .prices import priced_goods

FEW_PIECES = 5  # at so many pieces or fewer, but not none, stock is low
LEAST_HOLDERS = 5
_PRICES = ("list_price", "held_price", "last_paid_price", "held_value")


def open_carts(past: Past) -> Rows:
    """Return one row per spine row and item in an open cart, with what the range says of the item now.

    Columns beside those of `funnel.open_items`: range_item (null: it is not in the range), list_price, stock (null:
    not known), delisted_at (null: it stays).
    """
    return past.rows("open_carts_of_range", lambda: _with_range(past, held(past, "cart")))


def held(past: Past, kind: str) -> Any:
    """Return the open items of a kind as a table, conditions applied."""
    rows = open_items(past, kind)
    return rows.relation.filter(*rows.conditions)


def _with_range(past: Past, rows: Any) -> Any:
    items = past.history.tables["items"]
    known = {name: items[name] for name in ("list_price", "stock", "delisted_at") if name in items.columns}
    ranged = items.select(range_item=items.item_id, **known)
    joined = rows.left_join(ranged, rows.item_id == ranged.range_item)
    kinds = {"list_price": "int64", "stock": "float64", "delisted_at": "timestamp(6)"}
    missing = {name: ibis.null(kind) for name, kind in kinds.items()}
    return joined.mutate(**{name: null for name, null in missing.items() if name not in known})


def joint_candidates(
    everyone: Past, by: By = "item", least: int = LEAST_HOLDERS, few_pieces: int = FEW_PIECES
) -> pd.DataFrame:
    """Return the items or categories that at least so many customers hold open, the most held first, ties by id.

    Parameters
    ----------
    everyone
        The past of everyone at one moment, of a shop whose interactions name items.
    by
        ``item`` or ``category``.
    least
        The fewest customers that hold a candidate in either kind.
    few_pieces
        At so many pieces or fewer stock is low.

    Returns
    -------
    pandas.DataFrame
        item_id (and category_id); n_customers, n_cart, n_favorite; held_value: the sum of the prices when put in;
        held_price: the median of the highest price that each holder was shown when an item was put in.
        Of items also list_price (today's), last_paid_price; n_price_dropped: customers who were shown a higher price
        than the list price; stock; is_stock_low and is_out_of_range. Money is in major units; missing is not known.
    """
    key = KEYS[by]
    rows = everyone.keep.table(_held_goods(everyone))
    found = rows.group_by(key).aggregate(
        n_customers=rows.row.nunique(),
        **{f"n_{kind}": ibis.cases((rows.kind == kind, rows.row)).nunique() for kind in HELD},
        held_value=rows.price_then.sum().cast("int64"),
        held_price=rows.price_then.quantile(0.5).round().cast("int64"),
        **(_of_items(rows) if by == "item" else {"n_items": rows.item_id.nunique()}),
    )
    chosen = found.filter(found[key].notnull() & (found.n_customers >= least))
    frame = chosen.order_by([ibis.desc("n_customers"), ibis.asc(key)]).to_pyarrow().to_pandas()
    frame = frame.assign(**_in_major(everyone, frame))
    return frame.assign(**_triggers(frame, few_pieces)) if by == "item" else frame


def holders(everyone: Past) -> Any:
    """Return (customer_id, item_id, kind, price_then) of what each customer holds open, in minor units."""
    rows = _open_goods(everyone)
    codes = everyone.history.codes.select("customer_id", code_of_row="code")
    joined = rows.filter(rows.item_id.notnull()).inner_join(codes, rows.row == codes.code_of_row)
    return joined.select("customer_id", "item_id", "kind", "price_then")


def _open_goods(past: Past) -> Any:
    parts = [
        held(past, kind).select("row", "item_id", price_then=_[f"{kind}_price"], kind=ibis.literal(kind))
        for kind in HELD
    ]
    return ibis.union(*parts)


def _held_goods(past: Past) -> Any:
    """Return a row per customer, item and kind that is held, with the item's prices."""
    rows = _open_goods(past)
    priced = priced_goods(past).select(
        "category_id", "list_price", "last_paid_price", "stock", "is_in_range", "price_tier", good="item_id"
    )
    return rows.left_join(priced, rows.item_id == priced.good).drop("good")


def _of_items(rows: Any) -> dict[str, Any]:
    """Return what one item has, and a category has not."""
    dropped = ibis.cases((rows.list_price < rows.price_then, rows.row)).nunique()
    same = ("category_id", "price_tier", "list_price", "last_paid_price", "stock")
    return {
        **{name: rows[name].max() for name in same},  # equal in all rows of an item
        "n_price_dropped": dropped,
        "is_in_range": rows.is_in_range.any(),
    }


def _in_major(past: Past, frame: pd.DataFrame) -> dict[str, Any]:
    unit = 10**past.history.shop.decimals
    return {name: frame[name].astype("Float64") / unit for name in _PRICES if name in frame}


def _triggers(frame: pd.DataFrame, few_pieces: int) -> dict[str, Any]:
    """Return what an item in open carts is about to lose."""
    stock = frame["stock"].astype("Float64")
    return {
        "stock": stock,
        "is_stock_low": (stock > 0) & (stock <= few_pieces),
        "is_out_of_range": ~frame["is_in_range"].astype("boolean"),
    }
