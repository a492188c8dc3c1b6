"""The relationship stage: exactly one for each customer and moment, read from the strongest evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from .cycle import cycle
from .past import Past

STAGES = ("stranger", "prospect", "lead", "new", "regular", "loyal", "semi_active", "silent", "churned")
BUYERS = ("new", "regular", "loyal", "semi_active", "silent", "churned")
ACTIVE_BUYERS = ("new", "regular", "loyal", "semi_active")
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
    thresholds = cycle(past)
    purchases = past.purchases
    since = past.days_since(purchases.last())
    is_new = (purchases.within(rules.new_span_days).count() == 1) & (since <= rules.new_days)
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


def stage_without_purchase(past: Past, rules: StageRules = RULES) -> Any:
    """Return lead, prospect or stranger: what was done within the look-back."""
    interest, visits = past.unpaid.within(rules.look_back_days).count(), ibis.literal(0)
    if past.has("interactions"):
        recent = past.interactions.within(rules.look_back_days)
        is_deep = recent.where(_.kind == "view").count() >= rules.deep_views
        interest = interest + recent.where(_.kind.isin(INTEREST_KINDS)).count() + is_deep.cast("int64")
        visits = recent.count()
    if past.has("customers", "registered_at"):
        visits = visits + past.registrations.within(rules.look_back_days).count()
    return ibis.cases((interest > 0, "lead"), (visits > 0, "prospect"), else_="stranger")
