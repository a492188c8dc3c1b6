"""What customers do in their visits: the interactions, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.simulate.baskets import PER_DAY, OrderLines, wanted_category
from penchant.simulate.behaviour import Visits
from penchant.simulate.columns import ColumnBlock
from penchant.simulate.items import EPOCH_DAYS
from penchant.simulate.purchases import NOT_YET, LivedDays, Sessions, SimulatedOrders
from penchant.simulate.streams import Float, Int, Streams
from penchant.simulate.traits import HOME_CHANNELS, Flags
from penchant.simulate.world import World

KINDS = (
    "register",
    "login",
    "content",
    "search",
    "view",
    "favorite",
    "cart",
    "coupon_claim",
    "coupon_redeem",
    "order",
    "pay",
)
NO_ITEM = -1
_CODE = {kind: code for code, kind in enumerate(KINDS)}
_TIMED = [_CODE[kind] for kind in ("content", "search", "view")]
_MOST_VIEWS = 8
# places in a visit: what comes first has the smaller number
_REGISTER, _LOGIN, _CLAIM, _SEARCH, _CONTENT, _VIEWS, _FAVORITE, _CART, _LINES, _REDEEM, _ORDER = (
    0, 1, 2, 3, 4, 10, 30, 31, 40, 200, 201,
)  # fmt: skip
_PLACES = 256


@dataclass(frozen=True)
class Events(ColumnBlock):
    """Things done in visits: which visit, at which place in it, what, with which item."""

    visit: Int
    place: Int
    kind: Int
    item: Int


@dataclass(frozen=True)
class Interactions(ColumnBlock):
    """Interactions by customer and time, which is in seconds since the shop's start.

    Parameters
    ----------
    customer
        Place in the block.
    at
        When.
    kind, item, channel
        Codes: of ``KINDS``, of the items (-1 for none), of the home channels and then the message channels.
    price
        As it was shown, in cents; 0 without an item.
    dwell
        Seconds; NaN where there is no time to be measured.
    """

    customer: Int
    at: Int
    kind: Int
    item: Int
    channel: Int
    price: Int
    dwell: Float


def interaction_events(past: LivedDays, orders: SimulatedOrders, lines: OrderLines, world: World) -> Interactions:
    """Return everything done in the visits, and the payments."""
    visits, sessions = past.visits, past.sessions
    dice = past.who.streams.take(visits.customer)
    claims, redeems = coupon_visits(past, orders, world)
    events = _in_order([
        *_small_steps(visits, dice, claims, redeems),
        *_browsing(past, world),
        *_buying(orders, lines),
    ])  # fmt: skip
    at, dwell = _times(events, visits, sessions, dice)
    home = past.who.home[visits.customer]
    channel = np.where(visits.is_click, len(HOME_CHANNELS) + sessions.channel, home)
    paid = np.flatnonzero(orders.paid < NOT_YET)
    payers, first_line = orders.take(paid), np.searchsorted(lines.order, paid)
    item = np.concatenate([events.item, lines.item[first_line]])
    everything = Interactions(
        customer=np.concatenate([visits.customer[events.visit], payers.customer]),
        at=np.concatenate([at, payers.paid]),
        kind=np.concatenate([events.kind, np.full(len(paid), _CODE["pay"])]),
        item=item,
        channel=np.concatenate([channel[events.visit], channel[payers.visit]]),
        price=_shown_price(item, np.concatenate([visits.day[events.visit], payers.day]), world),
        dwell=np.concatenate([dwell, np.full(len(paid), np.nan)]),
    )
    return everything.take(np.lexsort((everything.kind, everything.at, everything.customer)))


def coupon_visits(past: LivedDays, orders: SimulatedOrders, world: World) -> tuple[Flags, Flags]:
    """Return in which visits a coupon is claimed, and in which one is redeemed."""
    visits, who = past.visits, past.who
    redeems, of_contact = np.zeros((2, len(visits)), bool)
    redeems[orders.visit] = orders.coupon != -1
    of_contact[orders.visit] = orders.coupon >= 0
    may_claim = np.flatnonzero(past.sessions.is_coupon & (visits.is_click | of_contact))
    claims = redeems & ~of_contact
    claims[may_claim[np.unique(visits.contact[may_claim], return_index=True)[1]]] = True
    browses = world.season.is_promotion[visits.day] & ~visits.orders
    chance = who.streams.take(visits.customer).uniform("sale claim", visits.day)
    return claims | (browses & (chance < 0.3 * who.sensitivity[visits.customer])), redeems


def _step(rows: Int, place: int, kind: str) -> Events:
    n = len(rows)
    return Events(rows, np.full(n, place), np.full(n, _CODE[kind]), np.full(n, NO_ITEM))


def _small_steps(visits: Visits, dice: Streams, claims: Flags, redeems: Flags) -> list[Events]:
    logs_in = visits.is_known & (dice.uniform("login", visits.day) < 0.6)
    searches = dice.uniform("search", visits.day) < 0.30
    reads = dice.uniform("content", visits.day) < 0.10
    return [
        _step(np.flatnonzero(visits.registers), _REGISTER, "register"),
        _step(np.flatnonzero(logs_in), _LOGIN, "login"),
        _step(np.flatnonzero(claims), _CLAIM, "coupon_claim"),
        _step(np.flatnonzero(searches), _SEARCH, "search"),
        _step(np.flatnonzero(reads), _CONTENT, "content"),
        _step(np.flatnonzero(redeems), _REDEEM, "coupon_redeem"),
    ]


def _browsing(past: LivedDays, world: World) -> list[Events]:
    """Return the views of a visit; its favourite and its cart (unless something is ordered) are the first one's."""
    visits, who = past.visits, past.who
    more = who.streams.take(visits.customer).exponential("views", visits.day) * (0.5 + 0.5 * visits.need)
    n_views = 1 + np.minimum(more.astype(np.int64), _MOST_VIEWS - 1)
    visit = np.repeat(np.arange(len(visits)), n_views)
    first = np.cumsum(n_views) - n_views
    place = np.arange(len(visit)) - first[visit]
    seen_by, day = visits.customer[visit], visits.day[visit]
    counter = day * PER_DAY + place
    category = wanted_category(who, seen_by, "view", counter)
    chance = who.streams.take(seen_by).uniform("view item", counter)
    level, is_first = who.level[seen_by], visits.is_first[visit]
    item = world.catalogue.pick(day // EPOCH_DAYS, is_first, category, level, chance)
    parts = [Events(visit, _VIEWS + place, np.full(len(visit), _CODE["view"]), item)]
    cart = visits.has_cart & ~visits.orders
    for rows, at, kind in ((visits.has_favorite, _FAVORITE, "favorite"), (cart, _CART, "cart")):
        chosen = np.flatnonzero(rows)
        n = len(chosen)
        parts.append(Events(chosen, np.full(n, at), np.full(n, _CODE[kind]), item[first[chosen]]))
    return parts


def _buying(orders: SimulatedOrders, lines: OrderLines) -> list[Events]:
    """Return views and carts of what is bought, and the order itself, with its first line's item."""
    first_line = np.searchsorted(lines.order, np.arange(len(orders)))
    place = _LINES + 2 * (np.arange(len(lines)) - first_line[lines.order])
    visit, n = orders.visit[lines.order], len(lines)
    ordered = _step(orders.visit, _ORDER, "order")
    return [
        Events(visit, place, np.full(n, _CODE["view"]), lines.item),
        Events(visit, place + 1, np.full(n, _CODE["cart"]), lines.item),
        Events(ordered.visit, ordered.place, ordered.kind, lines.item[first_line]),
    ]


def _in_order(parts: list[Events]) -> Events:
    events = Events.joined(parts)
    return events.take(np.argsort(events.visit * _PLACES + events.place, kind="stable"))


def _times(events: Events, visits: Visits, sessions: Sessions, dice: Streams) -> tuple[Int, Float]:
    """Return when each event begins, and how long it lasts; the last one of a visit begins at its end."""
    day = visits.day[events.visit]
    drawn = dice.take(events.visit).exponential("event time", day * _PLACES + events.place)
    weight = 50 + (1_000 * drawn).astype(np.int64)  # whole, so that no visit's rounding depends on another's
    is_last = np.append(np.diff(events.visit) > 0, True)[: len(events)]
    inner = np.where(is_last, 0, weight)
    total = np.bincount(events.visit, inner, minlength=len(visits)).astype(np.int64)[events.visit]
    before = np.cumsum(inner) - inner
    start = before[np.searchsorted(events.visit, np.arange(len(visits)))][events.visit]
    length = sessions.length[events.visit]
    at = sessions.start[events.visit] + (before - start) * length // np.maximum(total, 1)
    seconds = np.where(is_last, 0.03 * weight, weight * length / np.maximum(total, 1))
    return at, np.where(np.isin(events.kind, _TIMED), np.round(seconds, 1), np.nan)


def _shown_price(item: Int, day: Int, world: World) -> Int:
    shown = np.rint(world.catalogue.items.price[item] * (1 - world.season.depth[day])).astype(np.int64)
    return np.where(item == NO_ITEM, 0, shown)
