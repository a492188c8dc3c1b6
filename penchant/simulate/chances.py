"""How likely a visit, an order, a favourite and a payment are on a day, given who and what went before.

The same functions move the simulation forward and compute the true effects, so that the truth is no estimate. For
that, chances depend on the past only through `State`, which changes with a paid order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penchant.simulate.columns import ColumnBlock
from penchant.simulate.season import Season
from penchant.simulate.streams import Float, Int
from penchant.simulate.traits import NOBODY, CustomerTraits

NEVER = 1_000_000  # days ahead
LONG_AGO = -1_000_000
FADE_DAYS, EFFECT_DAYS = 7.0, 30
UNPAID_DAYS, CANCELLED = 30, 0.012  # how long an order may wait, and its daily chance of being given up
_NEED_DAYS = 10


@dataclass(frozen=True)
class Boost(ColumnBlock):
    """What the latest contact does to its customers, while it lasts.

    Parameters
    ----------
    since
        Day of the contact; long ago for who was not contacted.
    visits
        Visits per day that it adds on its first day; fades with 7 days.
    orders
        By how much it raises the chance of an order per visit, as a share; fades alike.
    quiet
        How much it puts off: visits fall by the factor ``exp(-quiet)``; fades alike.
    redeem
        Chance that an order which qualifies redeems the offer.
    value, threshold
        Of the offer, in major units; the threshold is at least twice the value.
    until
        First day on which the offer no longer holds.
    is_coupon
        Whether the value is taken off the amount; else it is a cost of the shop.
    row
        Place of the assignment among those of the block; -1 where there is none.
    """

    since: Int
    visits: Float
    orders: Float
    quiet: Float
    redeem: Float
    value: Float
    threshold: Float
    until: Int
    is_coupon: NDArray[np.bool_]
    row: Int

    @classmethod
    def none(cls, n: int) -> Boost:
        """Return the boost of customers who were not contacted."""
        return cls(
            since=np.full(n, LONG_AGO),
            visits=np.zeros(n),
            orders=np.zeros(n),
            quiet=np.zeros(n),
            redeem=np.zeros(n),
            value=np.zeros(n),
            threshold=np.zeros(n),
            until=np.full(n, LONG_AGO),
            is_coupon=np.zeros(n, bool),
            row=np.full(n, NOBODY),
        )


@dataclass(frozen=True)
class State(ColumnBlock):
    """What the past has made of the customers. Days are counted from the shop's first; the arrays change.

    Parameters
    ----------
    arrived
        Day of the first appearance.
    first_order, last_order
        Days of the first and last paid orders.
    n_orders
        Number of paid orders.
    last_visit, last_interest
        Days of the last visit, and of the last favourite or cart.
    registered
        Day of registration.
    unpaid
        Day of the order that waits for its payment; -1 where none does.
    assigned
        Day of the last assignment to an arm, control included.
    contacted, fatigue
        Day of the last contact, and the contacts up to it, faded with 20 days.
    boost
        What the last contact does.
    """

    arrived: Int
    first_order: Int
    last_order: Int
    n_orders: Int
    last_visit: Int
    last_interest: Int
    registered: Int
    unpaid: Int
    assigned: Int
    contacted: Int
    fatigue: Float
    boost: Boost

    @classmethod
    def fresh(cls, who: CustomerTraits) -> State:
        """Return the state of customers of whom nothing is known yet."""
        n = len(who)
        past = [np.full(n, LONG_AGO) for _ in range(5)]
        return cls(
            arrived=np.floor(who.arrives).astype(np.int64),
            first_order=np.full(n, NEVER),
            last_order=past[0],
            n_orders=np.zeros(n, np.int64),
            last_visit=past[1],
            last_interest=past[2],
            registered=np.full(n, NEVER),
            unpaid=np.full(n, NOBODY),
            assigned=past[3],
            contacted=past[4],
            fatigue=np.zeros(n),
            boost=Boost.none(n),
        )


@dataclass(frozen=True)
class Chances(ColumnBlock):
    """Chances of one day.

    Parameters
    ----------
    visit
        Of a visit.
    order
        Of an order, in a visit.
    need
        How much is needed just now; about 1.
    by_contact
        Share of the visits that the last contact brought.
    """

    visit: Float
    order: Float
    need: Float
    by_contact: Float


def chances(who: CustomerTraits, state: State, day: int, season: Season) -> Chances:
    """Return the chances of a day for customers who have appeared."""
    active = is_active(who, state, day)
    need = needs(who, day)
    rate = who.visit_rate * np.sqrt(need) * np.where(active, season.pace[day], season.pace[day] * who.ghost)
    settled = day - state.last_order < who.settle_days
    order = who.conversion * need * np.where(active, 1.0, 0.4) * np.where(settled, 0.2, 1.0)
    if season.is_holiday[day]:
        rate *= who.holiday_lift
    if season.is_promotion[day]:
        rate *= 1.0 + 1.2 * who.sensitivity
        order *= 1.2 + 1.1 * who.sensitivity
    by_contact = np.zeros(len(rate))
    _boosted(rate, order, by_contact, state.boost, day)
    visit = -np.expm1(-rate)
    visit[(state.arrived == day) & ~who.is_stranger] = 1.0
    return Chances(visit, np.minimum(order, 0.9), need, by_contact)


def is_active(who: CustomerTraits, state: State, day: int) -> NDArray[np.bool_]:
    """Return who still has an interest in the shop."""
    interest = np.where(who.is_stranger, LONG_AGO, state.arrived + who.interest_days)
    ends = np.where(state.first_order < NEVER, state.first_order + who.lifetime_days, interest)
    return np.asarray(day < ends)


def needs(who: CustomerTraits, day: int) -> Float:
    """Return how much each customer needs just now: little, some or much, for ten days at a time."""
    chance = who.uniform("need", (day + who.phase) // _NEED_DAYS)
    return 0.45 + 0.75 * (chance > 0.62) + 2.4 * (chance > 0.90)


def _boosted(rate: Float, order: Float, by_contact: Float, boost: Boost, day: int) -> None:
    """Change the rates of those whose last contact still works, in place."""
    rows = np.flatnonzero((boost.since <= day) & (boost.since > day - EFFECT_DAYS))
    if not rows.size:
        return
    fade = np.exp((boost.since[rows] - day) / FADE_DAYS)
    added = boost.visits[rows] * fade
    rate[rows] = rate[rows] * np.exp(-boost.quiet[rows] * fade) + added
    order[rows] *= 1.0 + boost.orders[rows] * fade
    by_contact[rows] = added / rate[rows]


def browsing_needs(who: CustomerTraits, need: Float) -> tuple[Float, Float]:
    """Return the chances of a cart and of a favourite in a visit."""
    eager = who.eagerness * np.sqrt(need)
    return np.minimum(0.14 * eager, 0.8), np.minimum(0.09 * eager, 0.8)


def payment(age: int | Int, lift: Float | float = 0.0) -> tuple[Float, Float]:
    """Return the chances that an unpaid order of some age in days is paid today; else, that it is cancelled."""
    paid = np.minimum((0.09 * np.exp(-np.asarray(age) / 5.0) + 0.004) * (1.0 + lift), 0.9)
    return paid, np.where(np.asarray(age) >= UNPAID_DAYS, 1.0, CANCELLED)


def payment_lift(state: State, day: int) -> Float:
    """Return by how much the last contact raises the chance that an order left open before it is paid."""
    boost = state.boost
    works = (boost.since <= day) & (boost.since > day - EFFECT_DAYS) & (state.unpaid < boost.since)
    return np.where(works, boost.orders * np.exp(np.minimum(boost.since - day, 0) / FADE_DAYS), 0.0)


def paid_within(who: CustomerTraits, n_days: int) -> Float:
    """Return the chance that an order is paid within the days that are left after its own, by their number.

    Returns
    -------
    Shape (n_days, customers): row d for d days left.
    """
    late, waiting = np.zeros(n_days), 1.0
    for age in range(1, n_days):
        paid, cancelled = payment(age)
        late[age] = late[age - 1] + waiting * paid
        waiting *= float((1 - paid) * (1 - cancelled))
    return who.pays_at_once + np.outer(late, 1.0 - who.pays_at_once)
