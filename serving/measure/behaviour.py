"""Edge: what a campaign's customers did, added up on the engine for every row of its assignments.

One pass over orders and one over interactions; what comes back is one row of sums for each assignment. An order
belongs to a window if it was placed in it and was paid, and neither cancelled nor refunded, by the window's end: what
is measured once does not change when it is measured again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from ibis import _

from penchant.errors import LeftOutError

from ...features.engine.times import days_between, instant
from ...features.history.facts import order_lines
from ...features.shop import Shop
from ...models.inputs.arrays import Floats
from ..goals.catalogue import Outcome
from .data import CampaignRows
from .design import MeasuredWindow

Span = tuple[int, int]  # begin and end in seconds from a row's start, half-open

INTEREST = ("favorite", "cart")
KINDS: Mapping[Outcome, tuple[str, ...] | None] = {"visit": None, "interest": INTEREST}  # None: of any kind
# Other outcomes that are no orders: the table that tells of them, its time, and which of its rows count.
HAPPENINGS: Mapping[Outcome, tuple[str, str, Any]] = {
    "membership": ("memberships", "starts_at", None),
    "points_used": ("points", "at", _.points < 0),
    "review": ("feedback", "at", _.kind == "review"),
    "referral": ("referrals", "at", None),
    "click": ("assignments", "clicked_at", _.clicked_at.notnull()),
}
RECENT_DAYS = 30
MONEY = ("revenue", "known_revenue", "margin")


@dataclass(frozen=True, eq=False)
class Behaviour:
    """What each of n rows' customers did within spans, and before.

    Attributes
    ----------
    sums
        Span -> name -> (n,): ``response`` (0/1), ``orders``, and where the shop can tell ``revenue``, ``known_revenue``
        (of goods with a known cost), ``margin`` (of those goods); money in major units.
    first_response
        (n,) days from the start to the first response in the row's longest span; infinite where there was none.
    before
        Name -> (n,) what was known before the start.
    """

    sums: Mapping[Span, Mapping[str, Floats]]
    first_response: Floats
    before: Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked of the engine at once: rows of some waves, and the spans that they share.

    Attributes
    ----------
    units
        Table (unit, customer_id, start).
    spans
        Sorted, distinct.
    first_start, last_start
        Of the rows.
    pre_days
        How far back behaviour before the start is read.
    """

    units: Any
    spans: tuple[Span, ...]
    first_start: datetime
    last_start: datetime
    pre_days: int

    def may_see(self, at: Any, before: timedelta) -> Any:
        """Return whether an instant can matter to any unit: a coarse condition that an engine can use to read less."""
        after = timedelta(seconds=max(end for _, end in self.spans))
        return (at >= instant(self.first_start - before)) & (at < instant(self.last_start + after))

    def near(self, rows: Any, at: Any, before_days: int) -> Any:
        """Return the units' rows from ``before_days`` before their start on."""
        possible = rows.filter(self.may_see(at, timedelta(days=before_days)))
        joined = self.units.inner_join(possible, "customer_id").drop("customer_id")
        return joined.filter(_.at >= _.start - ibis.interval(days=before_days))


Campaigns = Sequence[tuple[CampaignRows, Sequence[MeasuredWindow]]]


def read_behaviour(
    shop: Shop, rows: CampaignRows, views: Sequence[MeasuredWindow], outcome: Outcome, pre_days: int
) -> Behaviour:
    """Return what each row's customer did in the spans of all views, and before.

    Raises
    ------
    LeftOutError
        The shop has nothing that tells of the outcome.
    """
    return read_behaviours(shop, [(rows, views)], outcome, pre_days)[0]


def read_behaviours(shop: Shop, campaigns: Campaigns, outcome: Outcome, pre_days: int) -> list[Behaviour]:
    """Return the same of several campaigns, each with its views, asked at once: what is no order is asked one by one.

    Raises
    ------
    LeftOutError
        The shop has nothing that tells of the outcome.
    """
    is_order = outcome not in KINDS and outcome not in HAPPENINGS
    if not is_order and len(campaigns) > 1:  # until when the first response is looked for depends on the last start
        return [read_behaviours(shop, [one], outcome, pre_days)[0] for one in campaigns]
    needed = ("interactions",) if outcome in KINDS else HAPPENINGS[outcome][:2] if outcome in HAPPENINGS else None
    if needed is not None and not shop.has(*needed):
        raise LeftOutError(f"outcome '{outcome}'", f"the table '{needed[0]}'", "a shop without it")
    firsts = _first_units(campaigns)
    n = firsts[-1]
    found: dict[str, Floats] = {"first_response": np.full(n, np.inf)}
    for asked in _asked_of_all(campaigns, pre_days):
        queries = [_orders(shop, asked, outcome), _orders_before(shop, asked)]
        if shop.has("interactions"):
            queries.append(_interactions(shop, asked, outcome))
        if outcome in HAPPENINGS:
            queries.append(_happenings(shop, asked, outcome))
        for query in queries:
            _fill(found, query.to_pyarrow(), n)
    parts = []
    for (_rows, views), begin, end in zip(campaigns, firsts, firsts[1:], strict=False):
        labels = {f"{span[0]}|{span[1]}" for view in views for span in view.spans.values()}
        is_asked = {name: name.startswith("before|") or name.partition("|")[2] in {"", *labels} for name in found}
        mine = {name: values[begin:end] for name, values in found.items() if is_asked[name]}
        parts.append(_behaviour(mine, shop.decimals))
    return parts


def asked_of(rows: CampaignRows, views: Sequence[MeasuredWindow], pre_days: int) -> Iterator[Asked]:
    """Yield the waves by the spans that are asked of them: those with the same are asked together."""
    return _asked_of_all([(rows, views)], pre_days)


def _first_units(campaigns: Campaigns) -> list[int]:
    """Return the number of each campaign's first unit, and last how many units there are."""
    return [0, *accumulate(len(rows.assigned) for rows, _views in campaigns)]


def _asked_of_all(campaigns: Campaigns, pre_days: int) -> Iterator[Asked]:
    spans: dict[tuple[int, int], set[Span]] = {}
    for place, (_rows, views) in enumerate(campaigns):
        for view in views:
            for wave, span in view.spans.items():
                spans.setdefault((place, wave), set()).add(span)
    shared_by = {key: tuple(sorted(own)) for key, own in spans.items()}
    firsts = _first_units(campaigns)
    for shared in sorted(set(shared_by.values())):
        units, starts = [], []
        for place, (rows, _views) in enumerate(campaigns):
            waves = [wave for (at, wave), own in shared_by.items() if at == place and own == shared]
            start = rows.assigned.start[np.isin(rows.assigned.wave, waves)]
            if len(start):
                own_units = rows.table.filter(_.wave.isin(waves)).drop("wave")
                units.append(own_units.mutate(unit=_.unit + firsts[place]) if firsts[place] else own_units)
                starts += [start.min(), start.max()]
        if units:
            every = ibis.union(*units) if len(units) > 1 else units[0]
            yield Asked(every, shared, min(starts).item(), max(starts).item(), pre_days)


def _orders(shop: Shop, asked: Asked, outcome: Outcome) -> Any:
    """Return one row for each unit with orders in its spans: sums by span."""
    lines = paid_lines(shop, outcome)
    money = [name for name in ("amount", "margin") if name in lines.columns]
    lines = lines.select("customer_id", "order_key", "at", "paid_at", "void_at", *money)
    near = asked.near(lines, _.at, 0)
    orders = near.group_by("unit", "start", "order_key").aggregate(_of_order(near, asked.spans, money))
    is_order = outcome not in KINDS and outcome not in HAPPENINGS
    return orders.group_by("unit").aggregate(_of_unit(orders, asked, money, responds=is_order))


def _orders_before(shop: Shop, asked: Asked) -> Any:
    """Return one row for each unit that bought before its start: lines, recent lines, revenue, and how long ago."""
    lines = paid_lines(shop)
    money = [name for name in ("amount",) if name in lines.columns]
    earlier = lines.filter(lines.ordered_at < instant(asked.last_start))
    near = asked.near(earlier.select("customer_id", "at", "paid_at", "void_at", *money), _.at, asked.pre_days)
    counts = stands(near, near.start - ibis.interval(days=asked.pre_days), near.start)
    known = near.filter(counts)
    recent = known["at"] >= known.start - ibis.interval(days=RECENT_DAYS)
    parts = {
        "before|lines": known.count(),
        "before|recent_lines": recent.sum(),
        "before|days": days_between(known.start.min(), known["at"].max()),
    }
    if money:
        parts["before|revenue"] = known["amount"].sum()
    return known.group_by("unit").aggregate(**parts)


def paid_lines(shop: Shop, outcome: Outcome = "paid_order") -> Any:
    """Return order lines that were ever paid, with ``at``, by which they belong to a window, and ``void_at``.

    An order belongs where it was placed; where the outcome is payment, where it was paid.
    """
    lines = order_lines(shop)
    at = lines.paid_at if outcome == "payment" else lines.ordered_at
    return lines.filter(lines.paid_at.notnull()).mutate(
        at=at, void_at=ibis.least(lines.cancelled_at, lines.refunded_at)
    )


def stands(rows: Any, begin: Any, end: Any) -> Any:
    """Return whether a line falls between two instants and is paid, and not void, at the second."""
    is_void = rows.void_at.notnull() & (rows.void_at < end)
    return (rows.at >= begin) & (rows.at < end) & (rows.paid_at < end) & ~is_void


def bounds(rows: Any, span: Span) -> tuple[Any, Any]:
    """Return the instants at which a span begins and ends for each row."""
    begin, end = (rows.start + ibis.interval(seconds=seconds) for seconds in span)
    return begin, end


def _of_order(lines: Any, spans: tuple[Span, ...], money: list[str]) -> dict[str, Any]:
    """Return an order's sums over its lines, by span."""
    parts = {}
    conditions = {f"{begin}|{end}": stands(lines, *bounds(lines, (begin, end))) for begin, end in spans}
    for label, counts in conditions.items():
        parts[f"at|{label}"] = lines["at"].min(where=counts)
        if "amount" in money:
            parts[f"revenue|{label}"] = lines["amount"].sum(where=counts)
        if "margin" in money:
            parts[f"margin|{label}"] = lines["margin"].sum(where=counts)
            parts[f"known_revenue|{label}"] = lines["amount"].sum(where=counts & lines["margin"].notnull())
    return parts


def _of_unit(orders: Any, asked: Asked, money: list[str], *, responds: bool) -> dict[str, Any]:
    """Return a unit's sums over its orders."""
    parts = {}
    names = [*(["revenue"] if "amount" in money else []), *(["margin", "known_revenue"] if "margin" in money else [])]
    for begin, end in asked.spans:
        label = f"{begin}|{end}"
        parts[f"orders|{label}"] = orders[f"at|{label}"].count()
        parts |= {f"{name}|{label}": orders[f"{name}|{label}"].sum() for name in names}
    if responds:
        parts["first_response"] = days_between(orders[f"at|{_longest(asked)}"].min(), orders["start"].min())
    return parts


def _longest(asked: Asked) -> str:
    """Return the span that ends last among those that begin at the start."""
    begin, end = max((span for span in asked.spans if span[0] == 0), key=lambda span: span[1])
    return f"{begin}|{end}"


def _interactions(shop: Shop, asked: Asked, outcome: Outcome) -> Any:
    """Return one row for each unit with interactions: how many just before, and the response where it is one."""
    rows = shop.tables["interactions"].select("customer_id", "kind", at=_.occurred_at)
    if outcome not in KINDS:
        rows = rows.filter(_.at < instant(asked.last_start))
    near = asked.near(rows, _.at, RECENT_DAYS)
    parts = {"before|visits": (near["at"] < near.start).sum()}
    if outcome in KINDS:
        kinds = KINDS[outcome]
        parts |= _of_response(near, asked, near.kind.isin(kinds) if kinds else ibis.literal(True))
    return near.group_by("unit").aggregate(**parts)


def _of_response(near: Any, asked: Asked, is_one: Any) -> dict[str, Any]:
    """Return whether there was a response in each span, and the days to the first."""
    parts = {}
    for span in asked.spans:
        begin, end = bounds(near, span)
        parts[f"response|{span[0]}|{span[1]}"] = (is_one & (near["at"] >= begin) & (near["at"] < end)).max()
    after = is_one & (near["at"] >= near.start)
    parts["first_response"] = days_between(near["at"].min(where=after), near["start"].min())
    return parts


def _happenings(shop: Shop, asked: Asked, outcome: Outcome) -> Any:
    """Return one row for each unit to which it happened: the response by span."""
    table, time, condition = HAPPENINGS[outcome]
    rows = shop.tables[table] if condition is None else shop.tables[table].filter(condition)
    near = asked.near(rows.select("customer_id", at=rows[time]), _.at, 0)
    return near.group_by("unit").aggregate(**_of_response(near, asked, ibis.literal(True)))


def _fill(found: dict[str, Floats], table: pa.Table, n: int) -> None:
    """Put a table's columns where their rows belong; rows without any event keep a zero."""
    place = table["unit"].to_numpy()
    for name in table.column_names:
        if name == "unit":
            continue
        values = table[name].cast(pa.float64()).to_numpy()  # nulls become NaN
        if name == "first_response":
            found[name][place] = np.fmin(found[name][place], np.where(np.isnan(values), np.inf, values))
        elif name == "before|days":
            found.setdefault(name, np.full(n, np.inf))[place] = np.where(np.isnan(values), np.inf, values)
        else:
            found.setdefault(name, np.zeros(n))[place] = np.nan_to_num(values)


def _behaviour(found: dict[str, Floats], decimals: int) -> Behaviour:
    """Return what was found by span, money in major units."""
    sums: dict[Span, dict[str, Floats]] = {}
    before: dict[str, Floats] = {}
    for name, values in found.items():
        label, _bar, place = name.partition("|")
        scaled = values / 10**decimals if label in MONEY or place == "revenue" else values
        if label == "before":
            before[place] = scaled
        elif place:
            begin, end = place.split("|")
            sums.setdefault((int(begin), int(end)), {})[label] = scaled
    for own in sums.values():
        own.setdefault("response", (own["orders"] > 0).astype(np.float64))
    return Behaviour(sums, found["first_response"], before)
