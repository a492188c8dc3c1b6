"""A shop as it might have been: with another future, other rows, other attributes. `prove` holds signals against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from penchant.lazy import ibis

from .contract import CONTRACT
from .engine.temporary import Keep
from .engine.times import instant
from .shop import Shop
from .spine import Spine

LATER_STATES = {
    "orders": ("paid_at", "cancelled_at", "refunded_at"),
    "assignments": ("contacted_at", "delivered_at", "opened_at", "clicked_at", "redeemed_at"),
    "feedback": ("closed_at",),
}
UNDATED = {"items": ("item_id", "listed_at", "delisted_at"), "customers": ("customer_id", "registered_at")}
ON = timedelta(days=365)  # by so much longer the data of the other future goes on


def with_another_future(shop: Shop, moment: datetime, keep: Keep) -> Shop:
    """Return the shop as it stood at a moment, with a future that is busy and longer.

    All that had happened happens once more at that very instant, which is not of the past yet; every past order is
    paid, cancelled and refunded then, every contact opened and clicked; and the data ends a year later.
    """
    tables = dict(as_it_stood(shop, moment, keep).tables)
    for name, rows in tables.items():
        time = CONTRACT[name].time
        if time:
            states = [state for state in LATER_STATES.get(name, ()) if state in rows.columns]
            then = {when: ibis.cases((rows[when].notnull(), instant(moment))) for when in (time, *states)}
            both = (_with_later_states(name, rows, moment), rows.mutate(**then))
            tables[name] = keep.table(ibis.union(*(one.cast(rows.schema()) for one in both)))  # times of one precision
    return replace(shop, tables=MappingProxyType(tables), extract_end=shop.extract_end + ON)


def as_it_stood(shop: Shop, moment: datetime, keep: Keep) -> Shop:
    """Return the shop as it stood at a moment: no later row, and no state that came later."""
    tables = {}
    for name, rows in shop.tables.items():
        time = CONTRACT[name].time
        before = rows.filter(rows[time] < instant(moment)) if time else rows
        if name == "customers" and shop.has(name, "registered_at"):
            before = rows.filter(rows.registered_at.isnull() | (rows.registered_at < instant(moment)))
        tables[name] = keep.table(_without_later_states(name, before, moment))
    return replace(shop, tables=MappingProxyType(tables))


def _without_later_states(name: str, rows: Any, moment: datetime) -> Any:
    states = [state for state in LATER_STATES.get(name, ()) if state in rows.columns]
    came = {state: rows[state] < instant(moment) for state in states}
    changed = {state: ibis.cases((came[state], rows[state])) for state in states}
    if "status" in rows.columns and states:
        was_paid = came["paid_at"] if "paid_at" in states else rows.status != "unpaid"
        stood = ibis.cases((was_paid.fill_null(False), "paid"), else_="unpaid")
        later = {"cancelled": "cancelled_at", "refunded": "refunded_at", "paid": "paid_at"}
        undone = [
            ((rows.status == status) & rows[state].notnull() & ~came[state], stood)
            for status, state in later.items()
            if state in states
        ]
        changed["status"] = ibis.cases(*undone, else_=rows.status)
    return rows.mutate(**changed)


def _with_later_states(name: str, rows: Any, moment: datetime) -> Any:
    """Return the same rows, to which at a moment everything happens that had not happened yet.

    What has a final status without its time never had another, and stays as it is.
    """
    states = [state for state in LATER_STATES.get(name, ()) if state in rows.columns]
    if not states:
        return rows
    if "status" not in rows.columns:
        return rows.mutate(**{state: rows[state].fill_null(instant(moment)) for state in states})
    when = {"refunded": "refunded_at", "cancelled": "cancelled_at", "paid": "paid_at"}
    stays = (rows.status == "unpaid") & ("paid_at" not in states)
    for status in ("cancelled", "refunded"):
        is_untimed = rows[when[status]].isnull() if when[status] in states else True
        stays = stays | ((rows.status == status) & is_untimed)
    stays = stays.fill_null(True)
    then = {state: rows[state].fill_null(instant(moment)) for state in states}
    changed = {state: ibis.cases((stays, rows[state]), else_=later) for state, later in then.items()}
    last = next(status for status, state in when.items() if state in states)
    open_ones = ~stays & rows.status.isin(["paid", "unpaid"])
    return rows.mutate(**changed, status=ibis.cases((open_ones, last), else_=rows.status))


def with_other_attributes(shop: Shop, keep: Keep) -> Shop | None:
    """Return the shop with each item and customer having the next one's attributes; None where it has none.

    Attributes are those without a time of their own.
    """
    changed = {}
    for name in UNDATED.keys() & shop.tables.keys():
        rows = shop.tables[name]
        key, *_dated = UNDATED[name]
        by_key = ibis.window(order_by=rows[key])
        others = {column: rows[column].lead().over(by_key) for column in rows.columns if column not in UNDATED[name]}
        if others:
            changed[name] = keep.table(rows.mutate(**others))
    return replace(shop, tables=MappingProxyType({**shop.tables, **changed})) if changed else None


def reordered(shop: Shop, keep: Keep) -> Shop:
    """Return the shop with every table's rows the other way round."""
    tables = {
        name: keep.table(rows.order_by([ibis.desc(column) for column in rows.columns]))
        for name, rows in shop.tables.items()
    }
    return replace(shop, tables=MappingProxyType(tables))


def alone(shop: Shop, people: Sequence[str], keep: Keep) -> Shop:
    """Return the shop without the rows of any other customer."""
    some = Spine.at(shop, shop.extract_end, people).table.select("customer_id")
    tables = {
        name: keep.table(rows.semi_join(some, "customer_id")) if "customer_id" in rows.columns else rows
        for name, rows in shop.tables.items()
    }
    return replace(shop, tables=MappingProxyType(tables))
