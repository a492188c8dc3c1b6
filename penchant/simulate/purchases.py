"""Orders with their lines, payments, cancellations and refunds, and when each visit took place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.simulate.baskets import FREE_FROM_CENTS, FREIGHT_CENTS, OrderLines, fill, redeem
from penchant.simulate.behaviour import Closed, Visits
from penchant.simulate.columns import ColumnBlock
from penchant.simulate.contacts import SimulatedAssignments
from penchant.simulate.items import of_categories
from penchant.simulate.response import least_basket
from penchant.simulate.season import second_of_day
from penchant.simulate.settings import CHANNELS, OFFER_KINDS
from penchant.simulate.streams import Int
from penchant.simulate.traits import CustomerTraits, Flags
from penchant.simulate.world import World

DAY = 86_400
NOT_YET = np.iinfo(np.int64).max  # a time after every end
_CLICKS_FROM, _CLICKS_UNTIL = 10.5 * 3600, 22.9 * 3600  # messages go out before, so a click comes after
_COUPONS = ("coupon", "cash_coupon")
_NO_OFFER = (-1, -1, 0, 0, 0)
PROMOTION_COUPON = -2


@dataclass(frozen=True)
class Sessions(ColumnBlock):
    """When each visit took place, and which offer was open to the customer.

    Parameters
    ----------
    start, length
        In seconds, from the shop's start.
    channel, kind
        Codes of the offer's channel and kind; -1 where there is no offer.
    value, threshold
        Of the offer, in cents.
    is_coupon
        Whether it is a coupon.
    """

    start: Int
    length: Int
    channel: Int
    kind: Int
    value: Int
    threshold: Int
    is_coupon: Flags


@dataclass(frozen=True)
class LivedDays:
    """What a block's customers did day by day.

    Parameters
    ----------
    who
        The customers.
    visits, sessions
        By customer and day, aligned.
    closed
        What became of the orders that were not paid at once.
    """

    who: CustomerTraits
    visits: Visits
    sessions: Sessions
    closed: Closed


def lived_days(
    who: CustomerTraits, visits: Visits, closed: Closed, assigned: SimulatedAssignments, world: World
) -> LivedDays:
    """Return the past of a block's customers; all visits end before midnight."""
    dice = who.streams.take(visits.customer)
    chance = dice.uniform("hour", visits.day)
    clicked = (_CLICKS_FROM + chance * (_CLICKS_UNTIL - _CLICKS_FROM)).astype(np.int64)
    start = visits.day * DAY + np.where(visits.is_click | visits.redeems, clicked, second_of_day(chance))
    length = 60 + (2_640 * dice.uniform("session length", visits.day) ** 2).astype(np.int64)
    return LivedDays(who, visits, Sessions(start, length, *_offers(visits, assigned, world).T), closed)


def _offers(visits: Visits, assigned: SimulatedAssignments, world: World) -> Int:
    """Return the offer open in each visit: channel, kind, value, threshold, and whether it is a coupon."""
    arms = [arm for campaign in world.campaigns for arm in campaign.arms]
    facts = [
        (CHANNELS.index(arm.channel), OFFER_KINDS.index(arm.offer.kind), round(arm.offer.value * 100),
         round(least_basket(arm.offer) * 100), int(arm.offer.kind in _COUPONS))
        for arm in arms
    ]  # fmt: skip
    table = np.array([*facts, _NO_OFFER], np.int64)
    starts = np.cumsum([0, *(len(campaign.arms) for campaign in world.campaigns)])
    of_row = np.append(starts[assigned.campaign] + assigned.arm - 1, len(arms))
    return table[of_row[visits.contact]]  # without a contact -1, and so the last


@dataclass(frozen=True)
class SimulatedOrders(ColumnBlock):
    """Orders, one entry each, by customer and day; times in seconds since the shop's start.

    Parameters
    ----------
    visit
        Place of the visit.
    customer, day
        Place of the customer in the block, and day.
    ordered, paid, cancelled, refunded
        When; ``NOT_YET`` where it does not happen.
    freight
        In cents.
    redeems
        Whether the contact's offer is used.
    coupon
        Assignment row of the coupon; -1 for none, -2 for the coupon of the promotion that is on.
    """

    visit: Int
    customer: Int
    day: Int
    ordered: Int
    paid: Int
    cancelled: Int
    refunded: Int
    freight: Int
    redeems: Flags
    coupon: Int


def purchases(past: LivedDays, world: World) -> tuple[SimulatedOrders, OrderLines]:
    """Return the orders placed in visits, by customer and day, and their lines."""
    visit = np.flatnonzero(past.visits.orders)
    visits, sessions = past.visits.take(visit), past.sessions.take(visit)
    who = past.who.take(visits.customer)
    lines = fill(who, visits.day, visits.is_first, world.catalogue, world.season)
    value = np.where(visits.redeems & sessions.is_coupon, sessions.value, 0)
    lines, fits = redeem(lines, value, np.where(visits.redeems, sessions.threshold, 0))
    redeems, is_freight = visits.redeems & fits, sessions.kind == OFFER_KINDS.index("free_freight")
    ordered = sessions.start + sessions.length
    paid, cancelled = _payments(visits, ordered, past.closed, who)
    orders = SimulatedOrders(
        visit=visit,
        customer=visits.customer,
        day=visits.day,
        ordered=ordered,
        paid=paid,
        cancelled=cancelled,
        refunded=_refunds(lines, paid, visits.day, who, world),
        freight=_freight(lines, len(visit), np.where(redeems & is_freight, sessions.value, 0)),
        redeems=redeems,
        coupon=np.where(redeems & sessions.is_coupon, visits.contact, _sale_coupons(visits.day, who, world)),
    )
    return orders, lines


def _sale_coupons(day: Int, who: CustomerTraits, world: World) -> Int:
    """Return where a promotion's price was had with its coupon, and not just so."""
    uses = world.season.is_promotion[day] & (who.uniform("sale coupon", day) < who.sensitivity)
    return np.where(uses, PROMOTION_COUPON, -1)


def _payments(visits: Visits, ordered: Int, closed: Closed, who: CustomerTraits) -> tuple[Int, Int]:
    """Return when orders are paid and when they are cancelled."""
    soon = ordered + 15 + (500 * who.uniform("payment", visits.day)).astype(np.int64)
    ends = np.full(len(ordered), NOT_YET)
    is_paid = np.zeros(len(ordered), bool)
    keys = visits.customer * 100_000 + visits.day
    place = np.searchsorted(keys, closed.customer * 100_000 + closed.ordered)
    dice = who.streams.take(place)
    later = closed.closed * DAY + second_of_day(dice.uniform("closing hour", closed.closed))
    # an order that makes way for a new one ends with it, hours apart at most
    ends[place], is_paid[place] = np.maximum(later, ordered[place] + 600), closed.is_paid
    paid = np.where(visits.pays, soon, np.where(is_paid, ends, NOT_YET))
    return paid, np.where(visits.pays | is_paid, NOT_YET, ends)


def _refunds(lines: OrderLines, paid: Int, day: Int, who: CustomerTraits, world: World) -> Int:
    """Return when orders are refunded: two to twenty days after the payment, most often clothes and shoes."""
    first_line = np.searchsorted(lines.order, np.arange(len(paid)))
    share = of_categories("refund_share")[world.catalogue.items.category[lines.item[first_line]]]
    after = (2 + 18 * who.uniform("refund days", day)) * DAY
    is_refunded = (who.uniform("refund", day) < share) & (paid < NOT_YET)
    return np.where(is_refunded, np.minimum(paid, NOT_YET // 2) + after.astype(np.int64), NOT_YET)


def _freight(lines: OrderLines, n_orders: int, less: Int) -> Int:
    total = np.bincount(lines.order, lines.paid, minlength=n_orders)
    return np.where(total >= FREE_FROM_CENTS, 0, np.maximum(FREIGHT_CENTS - less, 0))
