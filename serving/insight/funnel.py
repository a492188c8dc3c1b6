"""The insight page about the funnel: how far open journeys got, and who passes on.

Two instants are used and named. Where customers stand is told at as_of. The rates of passing on are those of whoever
stood at a step one horizon before as_of, by where they stand at as_of: who is counted was decided before the outcome,
and an outcome is read only where it can be known. What passing on is worth: `insight_worth`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import pandas as pd
from ibis import _

from penchant.errors import InputError, UnfinishedHorizonError
from penchant.page import PageColumn
from penchant.section import LONGEST_WINDOW
from penchant.spreadsheet import shop_time

from ...features.engine.temporary import Keep
from ...features.history.evaluate import evaluated
from ...features.history.past import Past
from ...features.shop import Shop
from ...features.signals.crowds import UNPAID, recorded_kinds
from ...features.signals.declare import money
from ...features.signals.group import unmet_needs
from ...features.signals.stage import FUNNEL_STATES, funnel_state, furthest_step, tells_unpaid
from ...features.spine import first_seen
from .intervals import wilson
from .page import InsightPage, InsightTable, refuse_nobody, seen_before, told_left_out, undated_note
from .worth import worth_table, worth_words

HORIZON_DAYS = 30
LEAST_SPANS = 3  # of a shorter history, the horizon is a third
NEEDS: Mapping[str, tuple[str, ...]] = {
    "registered": ("interactions|customers.registered_at",),
    "favorite": ("interactions",),
    "cart": ("interactions",),
    "unpaid_order": UNPAID,
}
TITLES: Mapping[str, str] = {
    "registered": "no open favourite or cart",
    "favorite": "favourite, no cart",
    "cart": "cart, no order",
    "unpaid_order": "order, not paid",
    "one_purchase": "one purchase",
    "repeat_purchase": "two purchases or more",
}


@dataclass(frozen=True)
class FunnelSpan:
    """The instants of a funnel, UTC: rates are of who stood at a step at ``start``, by where they are at ``as_of``."""

    start: datetime
    as_of: datetime
    days: int
    basis: str


def funnel_page(shop: Shop, as_of: datetime | None = None, horizon_days: int | None = None) -> InsightPage:
    """Return the funnel: customers at each step, rates of passing on, and the value per registration taken apart.

    Parameters
    ----------
    shop
        The shop.
    as_of
        UTC without a zone; default: the end of the shop's data.
    horizon_days
        Within how many days customers pass on; default: 30, or a third of a shorter history.

    Raises
    ------
    UnfinishedHorizonError
        If the data ends before as_of.
    InputError
        If the horizon is less than a day, or longer than a century.
    TooLittleDataError
        If nobody was known at as_of, or a horizon before.
    """
    span = _span(shop, as_of, horizon_days)
    then, now = _snapshots(shop, span)
    refuse_nobody(len(now), span.as_of)
    refuse_nobody(len(then), span.start)
    base = "registrations" if now["is_registered"].any() else "customers first seen"
    notes = _notes(shop, now, span, base)
    if base == "registrations":
        then, now = then[then["is_registered"]], now[now["is_registered"]]
    missing = _missing(shop)
    shown = [name for name in FUNNEL_STATES if name not in missing or (now["state"] == name).any()]
    has_amount = shop.has("orders", "amount")
    left_out = {name: why for name, why in missing.items() if name not in shown}
    left_out |= {} if has_amount else {"sales in money": "the shop has no 'orders.amount', so that value is in orders"}
    left_out |= {"registrations": _NO_TIMES} if base != "registrations" else {}
    unit = shop.currency if has_amount else "orders"
    worth = worth_table(now, shown, base, unit)
    value = float(now["sales"].mean())
    notes = (*notes, worth_words(now, shown, unit))
    start, end = (shop_time(moment, shop.timezone) for moment in (span.start, span.as_of))
    lead = (
        f"{len(now):,} {base} before {end} (as_of), worth {value:,.2f} {unit} each so far. "
        f"Rates: of who stood at a step {days_told(span.days)} earlier, at {start}, those "
        "who had passed on by as_of."
    )
    facts = {
        "as_of": span.as_of.isoformat(),
        "rates_from": span.start.isoformat(),
        "horizon_days": span.days,
        "base": base,
        "n_base": len(now),
        "unit": unit,
        "value_per_registration": value,
    }
    tables = (_steps(then, now, shown, span.days), worth)
    return InsightPage("funnel", "Funnel", lead, tables, facts, left_out, notes)


def _missing(shop: Shop) -> dict[str, str]:
    """Return the steps that the shop cannot tell -> what it lacks for them."""
    missing = told_left_out({name: unmet_needs(needs, shop.has) for name, needs in NEEDS.items()})
    recorded = recorded_kinds(shop)
    if not tells_unpaid(shop.has) and "order" in recorded:
        missing.pop("unpaid_order", None)
    for name in ("favorite", "cart"):
        if name not in missing and name not in recorded:
            missing[name] = f"the shop has no interactions of kind '{name}'"
    return missing


_NO_TIMES = "the shop has no times of registration ('customers.registered_at' or interactions of kind 'register')"


def _span(shop: Shop, as_of: datetime | None, horizon_days: int | None) -> FunnelSpan:
    if horizon_days is not None and not 1 <= horizon_days <= LONGEST_WINDOW:
        raise InputError("option --horizon", f"1 to {LONGEST_WINDOW:,} days", f"{horizon_days:,}")
    moment = shop.extract_end if as_of is None else as_of
    if moment > shop.extract_end:
        raise UnfinishedHorizonError(
            f"funnel at {shop_time(moment, shop.timezone)}",
            f"an as_of that the data reaches, which ends at {shop_time(shop.extract_end, shop.timezone)}",
            "a horizon that is not over",
            f"The latest as_of is {shop_time(shop.extract_end, shop.timezone)}",
        )
    days, basis = (horizon_days, "as asked") if horizon_days is not None else _default_days(shop, moment)
    return FunnelSpan(moment - timedelta(days=days), moment, days, basis)


def _default_days(shop: Shop, moment: datetime) -> tuple[int, str]:
    seen = first_seen(shop, takes_undated=False)
    first = pd.Timestamp(seen.first_seen_at.min().to_pandas())
    known_days = 0 if pd.isna(first) else max((moment - first.to_pydatetime()).days, 0)
    if known_days >= LEAST_SPANS * HORIZON_DAYS:
        return HORIZON_DAYS, "the default"
    return max(
        round(known_days / LEAST_SPANS), 1
    ), f"about a third of the {days_told(known_days)} that the data reaches back"


def _snapshots(shop: Shop, span: FunnelSpan) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return who was seen before the start and before as_of, each with step, sales so far, and purchases of late."""
    asked = {
        "state": funnel_state,
        "reached": furthest_step,
        "orders": lambda past: past.placements.within(span.days).any(),
        "is_registered": is_registered,
        "sales": lambda past: _sales(past, first=False),
        "first_sales": lambda past: _sales(past, first=True),
        "buys_again": lambda past: past.purchases.within(span.days).any(),
    }
    with Keep(shop.backend) as keep:
        parts = evaluated(shop, seen_before(shop, span.start, span.as_of), asked, keep)
        then, now = (part.drop("as_of").order_by("customer_id").to_pyarrow().to_pandas() for part in parts)
    return then.set_index("customer_id"), now.set_index("customer_id")


def is_registered(past: Past) -> Any:
    """Return whether the customer had registered at a known time before as_of."""
    dated: Any = ibis.literal(False)
    if past.has("customers", "registered_at"):
        dated = past.registrations.any()
    if past.has("interactions"):
        dated = dated | past.interactions.where(_.kind == "register").any()
    return dated


def _sales(past: Past, *, first: bool) -> Any:
    """Return what the customer's purchases (the first alone, or all) were worth: money, else how many they were."""
    bought = past.rows("first_purchases", lambda: _firsts(past)) if first else past.purchases
    if past.has("orders", "amount"):
        return money(past, bought.sum(_.amount))
    return bought.count().cast("float64")


def _firsts(past: Past) -> Any:
    place = ibis.row_number().over(group_by="row", order_by=["at", "order_key"])
    return past.purchases.relation.mutate(place=place).filter(_.place == 0)


def _notes(shop: Shop, now: pd.DataFrame, span: FunnelSpan, base: str) -> tuple[str, ...]:
    notes = [
        f"The horizon is {days_told(span.days)}, {span.basis}. Who came within it is counted at as_of, and in no rate. "
        "To pass on is to have come to a further step; from the last one, to have bought again. "
        f"Favourites and carts are open for {days_told(shop.config.stages.look_back_days)}; whoever let an order be "
        "cancelled unpaid had come to the order.",
        "Intervals of 95 %: Wilson's for rates and shares, the normal one for means.",
    ]
    guests = now[~now["is_registered"]]
    if base == "registrations" and len(guests):
        notes.append(
            f"{len(guests):,} customers without a time of registration, with sales of {guests['sales'].sum():,.2f}, "
            "are not counted here."
        )
    return (*notes, *undated_note(shop, span.as_of))


def _steps(then: pd.DataFrame, now: pd.DataFrame, shown: list[str], days: int) -> InsightTable:
    rank = {name: place for place, name in enumerate(FUNNEL_STATES)}
    ordered = now["orders"].map({True: rank["unpaid_order"], False: 0})  # though it was cancelled unpaid
    before, after = then["state"].map(rank), now["state"].map(rank).clip(lower=ordered).reindex(then.index)
    has_passed = (after > before).where(then["state"] != FUNNEL_STATES[-1], now["buys_again"].reindex(then.index))
    rows: list[dict[str, Any]] = []
    for name in shown:
        n, at_start = int((now["state"] == name).sum()), then["state"] == name
        n_start, n_passed = int(at_start.sum()), int(has_passed[at_start].sum())
        rows.append(
            {
                "step": name,
                "who": TITLES[name],
                "n_customers": n,
                "share": n / len(now),
                "n_start": n_start,
                "n_passed": n_passed,
                "rate": wilson(n_passed, n_start),
                "passes_to": "another purchase" if name == FUNNEL_STATES[-1] else f"{_next(name, shown)} or further",
            }
        )
    columns = {
        "who": PageColumn("stands at"),
        "n_customers": PageColumn("at as_of", ",d"),
        "share": PageColumn("share", ".1%"),
        "n_start": PageColumn(f"{days_told(days)} earlier", ",d"),
        "n_passed": PageColumn("passed on", ",d"),
        "rate": PageColumn("rate", ".1%"),
    }
    return InsightTable("funnel", "Steps, and the rate of passing on", columns, rows, drawn="rate")


def days_told(days: int) -> str:
    """Return a number of days in words.

    Examples
    --------
    >>> days_told(1), days_told(30)
    ('1 day', '30 days')
    """
    return f"{days:,} day{'s' * (days != 1)}"


def _next(name: str, shown: list[str]) -> str:
    return shown[shown.index(name) + 1]
