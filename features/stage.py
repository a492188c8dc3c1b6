"""The relationship stage: exactly one for each customer and moment, read from the strongest evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from .cycle import cycle
from .past import Past
from .rows import Rows

STAGES = ("stranger", "prospect", "lead", "new", "regular", "loyal", "semi_active", "silent", "churned")
BUYERS = ("new", "regular", "loyal", "semi_active", "silent", "churned")
ACTIVE_BUYERS = ("new", "regular", "loyal", "semi_active")
FUNNEL_STATES = ("registered", "favorite", "cart", "unpaid_order", "one_purchase", "repeat_purchase")
INTEREST_KINDS = ("favorite", "cart", "content", "coupon_claim", "order")


@dataclass(frozen=True)
class StageRules:
    """The thresholds that do not come from the purchase cycle.

    Parameters
    ----------
    look_back_days
        What strangers, prospects and leads are judged by.
    new_days
        So long after the first purchase a customer is new.
    new_span_days
        Within which there is exactly that one purchase.
    loyal_orders, loyal_days
        So many purchases in so many days make a regular loyal.
    deep_views
        So many views within the look-back are strong interest.
    """

    look_back_days: int = 90
    new_days: int = 180
    new_span_days: int = 720
    loyal_orders: int = 4
    loyal_days: int = 365
    deep_views: int = 10


RULES = StageRules()


def stage(past: Past, rules: StageRules = RULES) -> Any:
    """Return each spine row's stage as an expression: one of `STAGES`, never null."""
    return past.let(f"stage {rules}" if rules != RULES else "stage", lambda: {"name": _stage(past, rules)})[
        "name"
    ]


def _stage(past: Past, rules: StageRules) -> Any:
    thresholds = cycle(past)
    purchases = past.purchases
    since = past.days_since(purchases.last())
    is_new = is_new_customer(past, rules)
    is_loyal = purchases.within(rules.loyal_days).count() >= rules.loyal_orders
    return ibis.cases(
        (purchases.count() == 0, stage_without_purchase(past, rules)),
        (is_new, "new"),
        (since >= thresholds.churned, "churned"),
        (since >= thresholds.silent, "silent"),
        (since >= thresholds.semi_active, "semi_active"),
        (is_loyal, "loyal"),
        (purchases.count() >= 2, "regular"),
        else_="semi_active",  # one purchase, no longer new, and not yet overdue against a long cycle
    )


def is_new_customer(past: Past, rules: StageRules = RULES) -> Any:
    """Return whether there is exactly one purchase of late, and that not long ago; null without any purchase."""
    purchases = past.purchases
    is_only = purchases.within(rules.new_span_days).count() == 1
    return is_only & (past.days_since(purchases.last()) <= rules.new_days)


def stage_without_purchase(past: Past, rules: StageRules = RULES) -> Any:
    """Return lead, prospect or stranger: what was done within the look-back."""
    cases = [(rows.any(), "lead") for rows in interests(past, rules)]
    if past.has("interactions"):
        views = past.interactions.within(rules.look_back_days).where(_.kind == "view")
        cases.append((views.count() >= rules.deep_views, "lead"))
    cases += [(rows.any(), "prospect") for rows in visits(past, rules)]
    return ibis.cases(*cases, else_="stranger")


def visits(past: Past, rules: StageRules = RULES) -> list[Rows]:
    """Return the rows that each show some interest: whatever was done, and the registration."""
    rows = [past.interactions] if past.has("interactions") else []
    if past.has("customers", "registered_at"):
        rows.append(past.registrations)
    return [one.within(rules.look_back_days) for one in rows]


def interests(past: Past, rules: StageRules = RULES) -> list[Rows]:
    """Return the rows that each are strong interest: unpaid orders, favourites, carts, content, coupons claimed."""
    rows = [past.unpaid]
    if past.has("interactions"):
        rows.append(past.interactions.where(_.kind.isin(INTEREST_KINDS)))
    return [one.within(rules.look_back_days) for one in rows]


def funnel_state(past: Past) -> Any:
    """Return how far the open journey got, as an expression: one of `FUNNEL_STATES`, never null."""
    bought = past.purchases.count()
    cases = [
        (bought >= 2, "repeat_purchase"),
        (bought == 1, "one_purchase"),
        (past.unpaid.any(), "unpaid_order"),
    ]
    if past.has("interactions"):
        cases += [
            (past.interactions.where(_.kind == "cart").any(), "cart"),
            (past.interactions.where(_.kind == "favorite").any(), "favorite"),
        ]
    return ibis.cases(*cases, else_="registered")
