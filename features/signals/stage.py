"""The relationship stage: exactly one for each customer and moment, read from the strongest evidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penchant.lazy import _, ibis

from ..history.past import Past
from ..history.rows import Rows
from .cycle import cycle

STAGES = ("stranger", "prospect", "lead", "new", "regular", "loyal", "semi_active", "silent", "churned")
BUYERS = ("new", "regular", "loyal", "semi_active", "silent", "churned")
ACTIVE_BUYERS = ("new", "regular", "loyal", "semi_active")
FUNNEL_STATES = ("registered", "favorite", "cart", "unpaid_order", "one_purchase", "repeat_purchase")
ORDER_KINDS = ("order", "pay", "coupon_redeem")
INTEREST_KINDS = ("favorite", "cart", "content", "coupon_claim", "order")


def stage(past: Past) -> Any:
    """Return each spine row's stage as an expression: one of `STAGES`, never null.

    The thresholds are those of ``[stages]`` and ``[cycle]`` in penchant.toml. Whoever still visits is not gone: a
    recent visit lifts the silent to semi-active, and the churned to silent.
    """
    return past.let("stage", lambda: {"name": _stage(past)})["name"]


def _stage(past: Past) -> Any:
    thresholds, rules = cycle(past), past.config.stages
    purchases = past.purchases
    since = past.days_since(purchases.last())
    is_new = is_new_customer(past)
    is_loyal = purchases.within(rules.loyal_days).count() >= rules.loyal_orders
    return ibis.cases(
        (purchases.count() == 0, stage_without_purchase(past)),
        (is_new, "new"),
        ((since >= thresholds.churned) & ~visits_still(past), "churned"),
        ((since >= thresholds.churned) | ((since >= thresholds.silent) & ~visits_still(past)), "silent"),
        (since >= thresholds.semi_active, "semi_active"),
        (is_loyal, "loyal"),
        (purchases.count() >= 2, "regular"),
        else_="semi_active",  # one purchase, no longer new, and not yet overdue against a long cycle
    )


def visits_still(past: Past) -> Any:
    """Return whether the customer visited of late, after the last purchase; never null."""
    visited, bought = last_visit(past), past.purchases.last()
    is_recent = past.days_since(visited) <= past.config.stages.visit_days
    return (is_recent & (visited > bought)).fill_null(False)


def last_visit(past: Past) -> Any:
    """Return when the customer last did anything but order or pay; null where the shop has no visits."""
    if not past.has("interactions"):
        return ibis.null("timestamp(6)")
    return past.interactions.where(_.kind.notin(ORDER_KINDS)).last()


def is_new_customer(past: Past) -> Any:
    """Return whether there is exactly one purchase of late, and that not long ago; null without any purchase."""
    purchases, rules = past.purchases, past.config.stages
    is_only = purchases.within(rules.new_span_days).count() == 1
    return is_only & (past.days_since(purchases.last()) <= rules.new_days)


def stage_without_purchase(past: Past) -> Any:
    """Return lead, prospect or stranger: what was done within the look-back."""
    cases = [(rows.any(), "lead") for rows in interest_rows(past)]
    if past.has("interactions"):
        rules = past.config.stages
        views = past.interactions.within(rules.look_back_days).where(_.kind == "view")
        cases.append((views.count() >= rules.deep_views, "lead"))
    cases += [(rows.any(), "prospect") for rows in visit_rows(past)]
    return ibis.cases(*cases, else_="stranger")


def visit_rows(past: Past) -> list[Rows]:
    """Return the rows that each show some interest: whatever was done, and the registration."""
    rows = [past.interactions] if past.has("interactions") else []
    if past.has("customers", "registered_at"):
        rows.append(past.registrations)
    return [one.within(past.config.stages.look_back_days) for one in rows]


def interest_rows(past: Past) -> list[Rows]:
    """Return the rows that each are strong interest: unpaid orders, favourites, carts, content, coupons claimed."""
    rows = [past.unpaid]
    if past.has("interactions"):
        rows.append(past.interactions.where(_.kind.isin(INTEREST_KINDS)))
    return [one.within(past.config.stages.look_back_days) for one in rows]


def tells_unpaid(has: Callable[..., bool]) -> bool:
    """Say whether a shop's orders tell which are not paid; else an order of which only the placing is known is not."""
    return has("orders", "paid_at") or has("orders", "status")


def funnel_state(past: Past) -> Any:
    """Return how far the open journey got, as an expression: one of `FUNNEL_STATES`, never null.

    A favourite or cart is open for ``[stages] look_back_days``, an order until it is paid or cancelled.
    """
    return _funnel_step(past, past.unpaid.any(), past.config.stages.look_back_days)


def furthest_step(past: Past) -> Any:
    """Return how far the customer ever got, as an expression: one of `FUNNEL_STATES`, never null.

    Whoever ever placed an order came as far as that, though it was cancelled unpaid.
    """
    return _funnel_step(past, past.placements.any(), None)


def _funnel_step(past: Past, has_order: Any, days: int | None) -> Any:
    bought = past.purchases.count()
    cases = [(bought >= 2, "repeat_purchase"), (bought == 1, "one_purchase"), (has_order, "unpaid_order")]
    if past.has("interactions"):
        acts = past.interactions if days is None else past.interactions.within(days)
        if not tells_unpaid(past.has):
            cases.append((past.interactions.where(_.kind == "order").any(), "unpaid_order"))
        cases += [(acts.where(_.kind == kind).any(), kind) for kind in ("cart", "favorite")]
    return ibis.cases(*cases, else_="registered")
