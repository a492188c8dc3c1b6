"""What purchase models read of customers, asked of the past at one or several moments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd
from ibis import _

from ...features.catalogue import our_groups
from ...features.engine.temporary import Keep
from ...features.engine.times import days_before
from ...features.history.evaluate import evaluated
from ...features.history.past import Past
from ...features.history.rows import Rows
from ...features.shop import Shop
from ...features.signals.declare import money
from ...features.signals.group import BOUGHT_MARGIN, unmet_needs
from ...features.spine import Spine

WINDOWS = (90, 365)
PURCHASE_SIGNALS = (
    "n_purchases",
    "n_purchase_days",
    "days_since_first_purchase",
    "days_since_last_purchase",
    "amount_total",
)
MORE_SIGNALS = (  # that trees read beside them
    "n_purchases_90d",
    "n_purchases_365d",
    "gap_median_days",
    "days_since_last_visit",
    "n_visits_90d",
    "days_since_last_cart",
    "n_cart_90d",
    "days_since_last_order",
)
MARGIN_TOTAL = "margin_total"
Ask = Callable[[Past], Any]


def history_questions(shop: Shop) -> dict[str, Ask]:
    """Return what purchase models ask of each customer, by the signals' names, without what the shop cannot tell."""
    signals = {one.column.name: one for group in our_groups(shop) for one in group.signals(WINDOWS)}
    wanted = [signals[name] for name in (*PURCHASE_SIGNALS, *MORE_SIGNALS) if name in signals]
    asked: dict[str, Ask] = {one.column.name: one.value for one in wanted if not unmet_needs(one.needs, shop.has)}
    if not unmet_needs(("orders.amount", BOUGHT_MARGIN), shop.has):
        asked[MARGIN_TOTAL] = lambda past: money(past, past.purchases.sum(_.margin))
    return asked


def next_questions(shop: Shop, days: Sequence[int]) -> dict[str, Ask]:
    """Return what is asked of each customer about the last days: when the first order came, how many, and worth what.

    Under ``came_DAYS``: days from the beginning of the window to its first order; ``orders_DAYS``: days with an order;
    ``amount_DAYS``: paid in all; ``next_amount_DAYS``: on the first of these days.
    """
    asked: dict[str, Ask] = {}
    for n in days:
        asked |= {f"{name}_{n}": partial(ask, days=n) for name, ask in _NEXT.items()}
        if shop.has("orders", "amount"):
            asked |= {f"{name}_{n}": partial(ask, days=n) for name, ask in _NEXT_AMOUNTS.items()}
    return asked


def _on_days(past: Past, days: int) -> Rows:
    """Return one row for each day of the shop with an order in the last days."""
    return past.rows(f"order_days_{days}", lambda: _dated(past, days).select("row", "as_of", "day").distinct())


def first_day_of(past: Past, days: int) -> Rows:
    """Return the orders of the first day with one in the last days."""

    def built() -> Any:
        dated = _dated(past, days)
        first = dated.mutate(first_day=dated.day.min().over(group_by=["row", "as_of"]))
        return first.filter(_.day == _.first_day)

    return past.rows(f"first_day_{days}", built)


def _dated(past: Past, days: int) -> Any:
    bought = past.purchases.relation
    recent = bought.filter(bought["at"] >= days_before(bought.as_of, days))
    return recent.mutate(day=past.history.local(recent["at"]).date())


def asked_at(
    shop: Shop, moments: Sequence[datetime], asked: Mapping[str, Ask], who: Any = None, *, takes_undated: bool = True
) -> dict[datetime, pd.DataFrame]:
    """Return the answers by moment, each a frame with ``customer_id``, sorted by it.

    Parameters
    ----------
    shop, moments
        The shop, and from when it is looked at, UTC without a zone.
    asked
        Questions to the past by name.
    who, takes_undated
        As `Spine.at` takes them; by default everyone known at each moment.
    """
    names = {f"asked_{place}": name for place, name in enumerate(asked)}
    columns = dict(zip(names, asked.values(), strict=True))
    with Keep(shop.backend) as keep:
        spine = Spine.at(shop, list(moments), who, takes_undated=takes_undated)
        parts = [part.to_pyarrow().to_pandas() for part in evaluated(shop, spine, columns, keep, WINDOWS)]
    rows = pd.concat(parts, ignore_index=True).rename(columns=names).sort_values(["as_of", "customer_id"])
    return {
        moment: rows[rows["as_of"] == pd.Timestamp(moment)].drop(columns="as_of").reset_index(drop=True)
        for moment in moments
    }


_NEXT: dict[str, Callable[..., Any]] = {
    "came": lambda past, days: days - past.days_since(past.purchases.within(days).first()),
    "orders": lambda past, days: _on_days(past, days).count(),
}
_NEXT_AMOUNTS: dict[str, Callable[..., Any]] = {
    "amount": lambda past, days: money(past, past.purchases.within(days).sum(_.amount)),
    "next_amount": lambda past, days: money(past, first_day_of(past, days).sum(_.amount)),
}
