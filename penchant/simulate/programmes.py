"""What customers say of the shop, its membership, points and referrals: what the orders bring with them.

Planted, for what is built on them to be held against: a customer about to leave complains more often (so that a
complaint foretells silence); each category has a concern of its own; members are who buys a third time; half of the
customers use their points; and who refers others stays long, as do the referred.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa

from penchant.simulate.history import SimulatedLives
from penchant.simulate.items import CATEGORIES, PER_CATEGORY
from penchant.simulate.purchases import DAY, NOT_YET
from penchant.simulate.settings import SimulationSettings
from penchant.simulate.streams import Float, Int
from penchant.simulate.tables import CATEGORY_IDS, ITEM_IDS, TIME, TimeStamps, customer_id, customer_ids, in_major_units
from penchant.simulate.traits import SOURCES, Flags, draw_traits
from penchant.simulate.world import World

COMPLAINS, COMPLAINS_LEAVING = 0.015, 0.20  # chance per paid order; and for an order near the end of the lifetime
LEAVING_DAYS = 30  # how near
REVIEWS, CLOSED_SHARE, CLOSED_DAYS = 0.12, 0.85, 8.0
JOINS, JOINS_AT, YEAR, RENEWS, PRICE = 0.35, 3, 365, 0.6, 990
USES_POINTS, USES_EACH = 0.5, 4
STAYS_LONG, N_TRIED = 200.0, 12
COST_OF_ARRIVAL = {"search": 0.8, "ads": 4.0, "social": 2.5, "referral": 1.0}  # major units a customer who comes
_SOURCE_SHARES = {"search": 0.34, "ads": 0.24, "social": 0.20, "referral": 0.10}
CONCERN = 0.6  # share of complaints that are about the category's own concern; the rest are about delivery

CONCERNS = {
    "grocery": ("freshness", "stale bread and rotten fruit, not fresh at all"),
    "baby": ("safety", "the plastic smells, is it safe for an infant"),
    "cosmetics": ("skin", "my skin turned red and itches, an allergy"),
    "fashion": ("size", "the size runs small and does not fit"),
    "shoes": ("size", "the size is too narrow and does not fit"),
    "home": ("damage", "arrived with scratches and a broken corner"),
    "electronics": ("battery", "the battery is empty within an hour"),
    "appliances": ("noise", "the motor is loud and hums all night"),
    "books": ("print", "pages are missing and the print is faint"),
    "toys": ("safety", "small parts come loose, is it safe"),
    "sports": ("wear", "the seam tore after the second training"),
}
DELIVERY = ("delivery", "the parcel came a week late and the courier left it outside")
PRAISE = ("quality", "good quality, quick delivery, gladly again")


def programme_tables(history: SimulatedLives, world: World) -> dict[str, pa.Table]:
    """Return the tables feedback, memberships, points and referrals of one block of customers."""
    clock, ids = TimeStamps(world.settings), customer_ids(history.who)
    return {
        "feedback": _feedback(history, ids, clock),
        "memberships": _memberships(history, ids, clock),
        "points": _points(history, ids, clock),
        "referrals": _referrals(history, ids, clock, world.settings),
    }


def cost_rows(settings: SimulationSettings) -> pa.Table:
    """Return what each channel of acquisition cost in each month: so much for each customer expected to come."""
    rows, at = [], settings.starts_at
    per_day = settings.n_customers / settings.pace_days
    while at < settings.ends_at:
        until = min((at.replace(day=1) + timedelta(days=32)).replace(day=1), settings.ends_at)
        for channel, each in COST_OF_ARRIVAL.items():
            amount = each * _SOURCE_SHARES[channel] * per_day * (until - at).days
            rows.append({"channel": channel, "at": at, "amount": round(amount, 2)})
        at = until
    return pa.Table.from_pylist(rows, pa.schema([("channel", pa.string()), ("at", TIME), ("amount", pa.float64())]))


def complains_at(history: SimulatedLives) -> Float:
    """Return the chance of a complaint of each order, paid or not."""
    orders, who = history.orders, history.who
    first = np.full(len(who), np.iinfo(np.int64).max)
    is_paid = orders.paid < NOT_YET
    np.minimum.at(first, orders.customer[is_paid], orders.day[is_paid])
    left = first[orders.customer] + who.lifetime_days[orders.customer] - orders.day
    return np.where(left < LEAVING_DAYS, COMPLAINS_LEAVING, COMPLAINS)


def _feedback(history: SimulatedLives, ids: pa.Array, clock: TimeStamps) -> pa.Table:
    orders = history.orders
    who, day = history.who.take(orders.customer), orders.day
    paid = np.minimum(orders.paid, NOT_YET // 4)
    item = history.lines.item[np.searchsorted(history.lines.order, np.arange(len(orders)))]
    kinds = (
        ("complaint", paid + _days(who.uniform("complaint days", day), 2, 8), who.uniform("complains", day)
         < complains_at(history)),
        ("review", paid + _days(who.uniform("review days", day), 3, 20), who.uniform("reviews", day) < REVIEWS),
        ("return", np.minimum(orders.refunded, NOT_YET // 4), orders.refunded < NOT_YET),
    )  # fmt: skip
    parts = [_said(history, ids, clock, kind, at, says & (orders.paid < NOT_YET), item) for kind, at, says in kinds]
    return pa.concat_tables(parts).sort_by([("customer_id", "ascending"), ("at", "ascending"), ("kind", "ascending")])


def _said(
    history: SimulatedLives, ids: pa.Array, clock: TimeStamps, kind: str, at: Int, says: Flags, item: Int
) -> pa.Table:
    """Return what customers said of orders, of one kind."""
    rows = np.flatnonzero(says & (at < clock.end))
    orders, at, item = history.orders.take(rows), at[rows], item[rows]
    who, n = history.who.take(orders.customer), len(rows)
    category = item // PER_CATEGORY
    own = who.uniform("concern", orders.day) < CONCERN
    topics, texts = _words(kind, category, own)
    rating = 3 + np.rint(2 * who.uniform("rating", orders.day)) if kind == "review" else np.full(n, np.nan)
    closes = who.uniform("closes", orders.day) < CLOSED_SHARE
    closed = at + (CLOSED_DAYS * DAY * who.streams.exponential("closed", orders.day)).astype(np.int64)
    never = np.full(n, clock.end)
    return pa.table({
        "customer_id": ids.take(pa.array(orders.customer)),
        "at": clock.times(at),
        "kind": pa.array([kind] * n, pa.string()),
        "rating": pa.array(rating, mask=np.isnan(rating)),
        "topic": pa.array(topics, pa.string()),
        "text": pa.array(texts, pa.string()),
        "item_id": ITEM_IDS.take(pa.array(item)),
        "category_id": CATEGORY_IDS.take(pa.array(category)),
        "closed_at": clock.times(np.where(closes, closed, clock.end) if kind == "complaint" else never),
    })  # fmt: skip


def _words(kind: str, category: Int, own: Flags) -> tuple[list[str | None], list[str | None]]:
    """Return topics and texts: a complaint is about its category's concern, or about delivery."""
    if kind == "return":
        return [None] * len(category), [None] * len(category)
    if kind == "review":
        return [PRAISE[0]] * len(category), [PRAISE[1]] * len(category)
    said = [
        CONCERNS[CATEGORIES[place].name] if is_own else DELIVERY
        for place, is_own in zip(category.tolist(), own.tolist(), strict=True)
    ]
    return [topic for topic, _ in said], [text for _, text in said]


def _days(chance: Float, least: int, most: int) -> Int:
    return ((least + (most - least) * chance) * DAY).astype(np.int64)


def _paid_in_order(history: SimulatedLives) -> tuple[Int, Int]:
    """Return the paid orders by customer and time of payment, and which of its customer's each is, from 1."""
    orders = history.orders
    paid = np.flatnonzero(orders.paid < NOT_YET)
    paid = paid[np.lexsort((orders.paid[paid], orders.customer[paid]))]
    customer = orders.customer[paid]
    starts = np.flatnonzero(np.append(True, np.diff(customer) > 0)[: len(customer)])
    return paid, np.arange(len(paid)) - np.repeat(starts, np.diff(np.append(starts, len(paid)))) + 1


def _memberships(history: SimulatedLives, ids: pa.Array, clock: TimeStamps) -> pa.Table:
    """Return memberships of a year: with the third order, and renewed while the customer has not left."""
    paid, number = _paid_in_order(history)
    orders = history.orders.take(paid[number == JOINS_AT])
    first = history.orders.take(paid[number == 1])
    joins = history.who.take(orders.customer).uniform("joins") < JOINS
    orders = orders.take(joins)
    begins = dict(zip(first.customer.tolist(), first.paid.tolist(), strict=True))
    rows: list[tuple[int, str, int]] = []
    for customer, at in zip(orders.customer.tolist(), orders.paid.tolist(), strict=True):
        leaves = begins[customer] + history.who.lifetime_days[customer] * DAY
        renews = history.who.take(np.array([customer]))
        level, year = "silver", 0
        while at < clock.end:
            rows.append((customer, level, at))
            at, level, year = at + YEAR * DAY, "gold", year + 1
            if at > leaves or renews.uniform("renews", year)[0] > RENEWS:
                break
    start = np.array([at for _, _, at in rows], np.int64)
    return pa.table({
        "customer_id": ids.take(pa.array([customer for customer, _, _ in rows], pa.int64())),
        "level": pa.array([level for _, level, _ in rows], pa.string()),
        "starts_at": clock.times(start),
        "ends_at": clock.exact((start + YEAR * DAY) * 1_000_000),
        "price": in_major_units(np.full(len(rows), PRICE)),
    })  # fmt: skip


def _points(history: SimulatedLives, ids: pa.Array, clock: TimeStamps) -> pa.Table:
    """Return points: one for each unit of money paid, and half of them used with every fourth order by half."""
    paid, number = _paid_in_order(history)
    orders = history.orders.take(paid)
    total = np.bincount(history.lines.order, history.lines.paid, minlength=len(history.orders))[paid] // 100
    earned = np.cumsum(total)
    before = earned[np.maximum(np.arange(len(paid)) - USES_EACH, 0)]
    uses = (number % USES_EACH == 0) & (history.who.take(orders.customer).uniform("uses points") < USES_POINTS)
    used = np.where(uses, np.floor((earned - before) / 2), 0)
    parts = [
        _changes(ids, clock, orders.customer, orders.paid, total.astype(np.float64), "order"),
        _changes(ids, clock, orders.customer[uses], orders.paid[uses] + 60, -used[uses], "coupon"),
    ]
    return pa.concat_tables(parts).sort_by([("customer_id", "ascending"), ("at", "ascending"), ("points", "ascending")])


def _changes(ids: pa.Array, clock: TimeStamps, customer: Int, at: Int, points: Float, reason: str) -> pa.Table:
    known = (at < clock.end) & (points != 0)
    return pa.table({
        "customer_id": ids.take(pa.array(customer[known])),
        "at": clock.times(at[known]),
        "points": pa.array(points[known].astype(float)),
        "reason": pa.array([reason] * int(known.sum()), pa.string()),
    })  # fmt: skip


def _referrals(history: SimulatedLives, ids: pa.Array, clock: TimeStamps, settings: SimulationSettings) -> pa.Table:
    """Return who referred those who came by a referral: one who came two months before, and stays long."""
    who = history.who
    rows = np.flatnonzero((who.source == SOURCES.index("referral")) & ~who.is_stranger)
    by = np.full(len(rows), -1)
    for turn in range(N_TRIED):
        tried = np.floor(who.take(rows).uniform("referred by", turn) * who.number[rows]).astype(np.int64)
        one = draw_traits(settings, tried)
        fits = (one.lifetime_days > STAYS_LONG) & ~one.is_stranger & (one.arrives + 60 < who.arrives[rows])
        by = np.where((by < 0) & fits, tried, by)
    found = by >= 0
    at = (who.arrives[rows][found] * DAY).astype(np.int64)
    table = pa.table({
        "customer_id": pa.array([customer_id(number) for number in by[found].tolist()], pa.string()),
        "referred_id": ids.take(pa.array(rows[found])),
        "at": clock.times(at),
    })  # fmt: skip
    return table.filter(pa.array(at < clock.end)).sort_by("referred_id")  # of this block, whoever referred them
