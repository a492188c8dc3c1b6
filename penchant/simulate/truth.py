"""The true effect of a contact on a customer, computed from the chances that move the simulation.

For each customer the 30 days after the assignment are walked through twice, with and without the contact. Before
the first paid order the chances of each day are known, and after it they are those of someone who has just
bought. Probabilities and expected amounts are therefore computed, not estimated; what they leave out is small
(about 1 % of a probability): what later contacts do, and orders left open that are paid or given up on the way. For
amounts, the chance that a basket reaches a coupon's threshold is taken from a log-normal distribution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from penchant.simulate.baskets import basket_cost, basket_value, paid_share, reaches
from penchant.simulate.chances import (
    CANCELLED,
    EFFECT_DAYS,
    LONG_AGO,
    NEVER,
    UNPAID_DAYS,
    Boost,
    State,
    browsing_needs,
    chances,
    paid_within,
    payment,
    payment_lift,
)
from penchant.simulate.items import EPOCH_DAYS
from penchant.simulate.season import Season
from penchant.simulate.streams import Float, Int
from penchant.simulate.traits import CustomerTraits
from penchant.simulate.world import World

TRUTH_DAYS = EFFECT_DAYS
SUCCESS = {"seed": "visit", "acquire": "interest", "collect": "payment"}  # of all other goals: a paid order
TYPES = ("persuadable", "sure", "lost", "put off")
_NOTABLE, _SURE = 0.015, 0.30


@dataclass(frozen=True)
class Outcome:
    """What is expected of each customer within 30 days of the assignment.

    Parameters
    ----------
    probability
        Of success, as the goal defines it.
    amount
        Paid in these days, in major units; an order left open before counts as a usual basket.
    margin
        The same less the cost of the goods and of offers that are not taken off the amount.
    """

    probability: Float
    amount: Float
    margin: Float


@dataclass(frozen=True)
class _Common:
    """What the outcomes with and without a contact share.

    Parameters
    ----------
    in_time
        Chance that an order is paid within the window: (day, customer).
    after
        See `_after_an_order`.
    goods
        See `_goods`.
    """

    who: CustomerTraits
    day: int
    world: World
    in_time: Float
    after: tuple[Float, Float]
    goods: tuple[Float, Float, Float, Float]


@dataclass(frozen=True)
class _Path:
    """Chances of each day while nothing has been paid: (day, customer)."""

    visit: Float
    order: Float
    interest: Float
    payment: Float


def outcomes(
    who: CustomerTraits, state: State, day: int, boosts: list[Boost], goal: str, world: World
) -> list[Outcome]:
    """Return what is expected without a new contact, and then with each of the boosts.

    Parameters
    ----------
    who, state
        The customers, and their state at the start of the day.
    day
        Day on which the effects begin.
    boosts
        What each treatment does, aligned with the customers.
    goal
        Says what success is.
    """
    common = _Common(
        who=who,
        day=day,
        world=world,
        in_time=paid_within(who, TRUTH_DAYS)[::-1],
        after=_after_an_order(who, state, day, world.season),
        goods=_goods(who, state, day, world),
    )
    states = [state, *(replace(state, boost=boost) for boost in boosts)]
    return [_outcome(common, one, goal) for one in states]


def kinds(without: Outcome, contacted: Outcome) -> Int:
    """Return the type of each customer, as its place in ``TYPES``.

    Persuadable: the chance rises by at least 1.5 points; put off: it falls by as much; of the others,
    sure are those who succeed with a chance of at least 0.3 anyway.
    """
    change = contacted.probability - without.probability
    still = np.where(without.probability >= _SURE, TYPES.index("sure"), TYPES.index("lost"))
    put_off = np.where(change <= -_NOTABLE, TYPES.index("put off"), still)
    return np.where(change >= _NOTABLE, TYPES.index("persuadable"), put_off)


def _outcome(common: _Common, state: State, goal: str) -> Outcome:
    path = _path(common.who, state, common.day, common.world.season)
    first, later = _orders(common.who, path.order, common.after)
    in_time, (value_first, cost_first, value_later, cost_later) = common.in_time, common.goods
    collected = _collected(path)
    amount = (in_time * (first * value_first + later * value_later)).sum(axis=0) + collected * value_later[0]
    cost = (in_time * (first * cost_first + later * cost_later)).sum(axis=0) + collected * cost_later[0]
    off, given = _offer_costs(common.who, state.boost, common.day, first, value_first)
    return Outcome(_probability(goal, path, in_time), amount - off, amount - cost - off - given)


def _path(who: CustomerTraits, state: State, day: int, season: Season) -> _Path:
    days = []
    for ahead in range(TRUTH_DAYS):
        one = chances(who, state, day + ahead, season)
        cart, favorite = browsing_needs(who, one.need)
        interest = one.visit * (1 - (1 - one.order) * (1 - cart) * (1 - favorite))
        days.append((one.visit, one.visit * one.order, interest, _payment(state, day + ahead)))
    return _Path(*(np.array(column) for column in zip(*days, strict=True)))


def _payment(state: State, day: int) -> Float:
    """Return the chance that an order left open before is paid on a day, if it still waits."""
    age = np.clip(day - state.unpaid, 1, UNPAID_DAYS)
    waits = (state.unpaid >= 0) & (day - state.unpaid <= UNPAID_DAYS)
    return np.where(waits, payment(age, payment_lift(state, day))[0], 0.0)


def _probability(goal: str, path: _Path, in_time: Float) -> Float:
    daily = {"visit": path.visit, "interest": path.interest, "payment": path.order * in_time}
    missed = np.prod(1 - daily.get(SUCCESS.get(goal, ""), path.order * in_time), axis=0)
    if SUCCESS.get(goal) == "payment":
        missed = missed * (1 - _collected(path))
    return np.asarray(1 - missed)


def _collected(path: _Path) -> Float:
    """Return the chance that the order left open before is paid at all, and not cancelled earlier."""
    stays = (1 - path.payment) * (1 - CANCELLED)
    waits = np.concatenate([np.ones_like(stays[:1]), np.cumprod(stays, axis=0)[:-1]])
    return np.asarray((waits * path.payment).sum(axis=0))


def _after_an_order(who: CustomerTraits, state: State, day: int, season: Season) -> tuple[Float, Float]:
    """Return the daily chances of an order for those who bought in these days: just now, and settled since."""
    bought = replace(state, first_order=np.minimum(state.first_order, day), boost=Boost.none(len(who)))
    just: list[Float] = []
    since: list[Float] = []
    for ahead in range(TRUTH_DAYS):
        for last, into in ((np.full(len(who), day + ahead), just), (np.full(len(who), LONG_AGO), since)):
            one = chances(who, replace(bought, last_order=last), day + ahead, season)
            into.append(one.visit * one.order)
    return np.array(just), np.array(since)


def _orders(who: CustomerTraits, order: Float, after: tuple[Float, Float]) -> tuple[Float, Float]:
    """Return how many first and later orders each day is expected to bring: (day, customer).

    An order paid at once puts the customer into the state of who has just bought; one left unpaid does not.
    """
    just, since = after
    first, later = np.zeros_like(order), np.zeros_like(order)
    waiting = np.ones(len(who))  # chance that nothing was paid so far
    last = np.zeros_like(order)  # chance that the last paid order was on that day
    ago = np.arange(len(order), 0, -1)[:, None]
    for day in range(len(order)):
        chance = np.where(ago[len(order) - day :] < who.settle_days, just[day], since[day])
        first[day] = waiting * order[day]
        renewed = last[:day] * chance
        later[day] = renewed.sum(axis=0)
        last[:day] -= renewed * who.pays_at_once
        last[day] = (first[day] + later[day]) * who.pays_at_once
        waiting = waiting * (1 - order[day] * who.pays_at_once)
    return first, later


def _goods(who: CustomerTraits, state: State, day: int, world: World) -> tuple[Float, Float, Float, Float]:
    """Return amount and cost of an order on each day: of the first in these days, and of a later one."""
    days = np.arange(day, day + TRUTH_DAYS)
    shares = np.array([paid_share(who, world.season, int(one)) for one in days])
    columns = []
    for is_first in (state.first_order == NEVER, np.zeros(len(who), bool)):
        for of_basket, share in ((basket_value, shares), (basket_cost, 1.0)):
            by_epoch = {
                epoch: of_basket(who, world.catalogue, epoch, is_first) for epoch in np.unique(days // EPOCH_DAYS)
            }
            columns.append(np.array([by_epoch[epoch] for epoch in days // EPOCH_DAYS]) * share)
    return columns[0], columns[1], columns[2], columns[3]


def _offer_costs(who: CustomerTraits, boost: Boost, day: int, first: Float, basket: Float) -> tuple[Float, Float]:
    """Return what offers are expected to cost: taken off the amount, and given on top."""
    days = np.arange(day, day + TRUTH_DAYS)[:, None]
    holds = (days < boost.until) & (days >= boost.since) & (days < boost.since + TRUTH_DAYS)
    redeemed = (holds * first * reaches(basket, boost.threshold)).sum(axis=0)
    cost = redeemed * boost.redeem * who.pays_at_once * boost.value
    return np.where(boost.is_coupon, cost, 0.0), np.where(boost.is_coupon, 0.0, cost)
