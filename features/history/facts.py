"""What happened, as facts: each is known from ``at`` on, and, where it can end, up to ``until``.

An order that is paid on Monday and cancelled on Friday is a fact from Monday to Friday. Written so, no later edit of a
row can reach into the past: `history` shows a fact to a moment if ``at < moment`` and ``until`` had not come before it.
Every other column of a fact is known at ``at``; what becomes known later is a fact of its own.

Where a shop gives the final status without its time, an order counts as paid from ``ordered_at`` on, and a cancelled
or refunded one is over as soon as it was placed: it is never open, paid or bought. ``shop.untimed_refunds`` lets
refunded ones count as if they had been kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penchant.lazy import _, ibis

if TYPE_CHECKING:
    from ..shop import Shop

_TIMED = "timestamp(6)"
_STATE = ("ordered_at", "paid_at", "cancelled_at", "refunded_at")
MONEY = ("amount", "list_amount", "discount", "freight", "margin")


def order_lines(shop: Shop) -> Any:
    """Return order lines with the times of their states, and what can be derived from one line alone.

    Columns: customer_id, order_key, ordered_at, paid_at, cancelled_at, refunded_at; and, as far as the shop has them:
    item_id, category_id, quantity, amount, list_amount, discount, freight, margin (cents), has_coupon.
    A shop without orders has the purchases that its interactions report, of unknown amount.
    """
    if not shop.has("orders"):
        return _bought_in_interactions(shop)
    lines = _with_items(shop, shop.tables["orders"])
    lines = lines.mutate(**_state(shop, lines))
    return lines.select("customer_id", *_STATE, **_order_key(shop, lines), **_line_values(shop, lines))


def _bought_in_interactions(shop: Shop) -> Any:
    """Return a line for every ``pay`` interaction; those of one customer at one instant are one order."""
    rows = shop.tables["interactions"].filter(_.kind == "pay")
    optional = {name: rows[name] for name in ("item_id", "category_id") if shop.has("interactions", name)}
    bought = rows.select(
        "customer_id",
        ordered_at=_.occurred_at,
        paid_at=_.occurred_at,
        cancelled_at=ibis.null(_TIMED),
        refunded_at=ibis.null(_TIMED),
        order_key=_.occurred_at.cast("string"),
        **optional,
    )
    lines = _with_items(shop, bought)
    return lines.drop("item_unit_cost") if "item_unit_cost" in lines.columns else lines


def interactions(shop: Shop) -> Any:
    """Return interactions, with the category of their item where they do not name one."""
    rows = _with_items(shop, shop.tables["interactions"])
    return rows.drop("item_unit_cost") if "item_unit_cost" in rows.columns else rows


RESPONSES = ("contacted_at", "delivered_at", "opened_at", "clicked_at", "redeemed_at")


def assignments(shop: Shop) -> Any:
    """Return assignments with the channel of their campaign, where it is known."""
    rows = shop.tables["assignments"]
    rows = rows.mutate(
        **{name: _not_before(rows.assigned_at, rows[name]) for name in RESPONSES if name in rows.columns}
    )
    if not shop.has("campaigns", "channel"):
        return rows
    channels = shop.tables["campaigns"].select("campaign_id", "channel")
    return rows.left_join(channels, "campaign_id").drop("campaign_id_right")


def _not_before(row_at: Any, at: Any) -> Any:
    """Return when a state came, at the earliest when its row did: no row is known before it exists."""
    return ibis.cases((at.notnull(), ibis.greatest(at, row_at)))  # greatest() skips nulls


def _with_items(shop: Shop, rows: Any) -> Any:
    """Return rows with what the items table knows of their item; a category of the row's own goes first."""
    attributes = [name for name in ("category_id", "unit_cost") if shop.has("items", name)]
    if not attributes or "item_id" not in rows.columns:
        return rows
    items = shop.tables["items"].select("item_id", **{f"item_{name}": _[name] for name in attributes})
    joined = rows.left_join(items, "item_id").drop("item_id_right")
    if "category_id" not in attributes:
        return joined
    own = [joined.category_id] if "category_id" in rows.columns else []
    return joined.mutate(category_id=ibis.coalesce(*own, joined.item_category_id)).drop("item_category_id")


def _state(shop: Shop, lines: Any) -> dict[str, Any]:
    """Return when a line was paid, cancelled and refunded; what ended without a time is cancelled when placed."""

    def has(column: str) -> bool:
        return shop.has("orders", column)

    status = lines.status if has("status") else ibis.literal("paid")
    untimed = ibis.null(_TIMED)
    cancelled = lines.cancelled_at if has("cancelled_at") else untimed
    refunded = lines.refunded_at if has("refunded_at") else untimed
    unless_unpaid = ibis.cases((status == "unpaid", untimed), else_=lines.ordered_at)
    paid = lines.paid_at if has("paid_at") else unless_unpaid
    is_untimed = (status == "cancelled") & cancelled.isnull()
    if shop.config.shop.untimed_refunds == "never count":
        is_untimed = is_untimed | ((status == "refunded") & refunded.isnull())
    cancelled = ibis.cases((is_untimed.fill_null(False), lines.ordered_at), else_=cancelled)
    return {
        "paid_at": _not_before(lines.ordered_at, paid),
        "cancelled_at": _not_before(lines.ordered_at, cancelled),
        "refunded_at": _not_before(lines.ordered_at, refunded),
    }


def _order_key(shop: Shop, lines: Any) -> dict[str, Any]:
    """Return the order that a line belongs to; without an id, the customer's lines of one instant are one order."""
    instant_key = lines.ordered_at.cast("string")
    return {"order_key": lines.order_id.fill_null(instant_key) if shop.has("orders", "order_id") else instant_key}


def _line_values(shop: Shop, lines: Any) -> dict[str, Any]:
    plain = ("item_id", "category_id", "quantity", "amount", "list_amount", "discount", "freight")
    values = {name: lines[name] for name in plain if name in lines.columns}
    if shop.has("orders", "coupon_id"):
        values["has_coupon"] = lines.coupon_id.notnull()
    if "item_unit_cost" in lines.columns and "amount" in lines.columns:
        pieces = lines.quantity if "quantity" in lines.columns else 1.0
        cost = (lines.item_unit_cost * pieces).round().cast("int64")
        values["margin"] = lines.amount - cost
    if "discount" not in values and {"amount", "list_amount"} <= set(values):
        values["discount"] = lines.list_amount - lines.amount
    if "list_amount" not in values and {"amount", "discount"} <= set(values):
        values["list_amount"] = lines.amount + lines.discount
    return values
