"""What a contact changes: the planted effects.

The effect depends on what the shop can see (time since the last order against the category's cycle, category,
price preference, age by channel, contacts so far) and on hidden taste. It is not what makes people buy: the
overdue respond most, regulars buy anyway, those long gone hardly answer, and who is written to too often, or
pays full prices gladly, is put off.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from penchant.simulate.baskets import FREIGHT_CENTS, basket_value, reaches
from penchant.simulate.chances import NEVER, Boost, State
from penchant.simulate.items import EPOCH_DAYS, of_categories
from penchant.simulate.settings import CHANNELS, SimulatedArm, SimulatedOffer
from penchant.simulate.streams import Float, Int
from penchant.simulate.traits import CustomerTraits
from penchant.simulate.world import World

FATIGUE_DAYS = 20.0
HOURS = {6: 0.6, 7: 0.9, 8: 1.4, 9: 1.0}  # hour of the send, UTC: the planted factor on opening
_INTRUSION = np.array([0.6, 1.3, 1.0])  # email, sms, push
_FAMILY = {"coupon": 0, "cash_coupon": 0, "free_freight": 0, "points": 2, "gift": 2, "membership": 2, "reminder": 1}


def boost_of(arm: SimulatedArm, who: CustomerTraits, state: State, day: int, world: World) -> Boost:
    """Return what contacting customers on a day does to them.

    Parameters
    ----------
    arm
        Channel and offer.
    who, state
        The customers, and what their past has made of them at the start of the day.
    day
        Day of the contact.
    world
        Its effect size is a factor on all changes of behaviour; offers are redeemed all the same.
    """
    basket = basket_value(who, world.catalogue, day // EPOCH_DAYS, is_first=state.first_order == NEVER)
    net = world.settings.effect_size * goodwill(arm, who, state, day, basket)
    gain, loss = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    offer, n = arm.offer, len(who)
    return Boost(
        since=np.full(n, day),
        visits=0.32 * gain,
        orders=2.6 * gain,
        quiet=4.0 * loss,
        redeem=_redeems(offer, who),
        value=np.full(n, offer.value),
        threshold=np.full(n, least_basket(offer)),
        until=np.full(n, day + offer.valid_days),
        is_coupon=np.full(n, offer.kind in ("coupon", "cash_coupon")),
        row=np.full(n, -1),
    )


def goodwill(arm: SimulatedArm, who: CustomerTraits, state: State, day: int, basket: Float) -> Float:
    """Return appeal less annoyance: above zero who is drawn, below who is put off."""
    channel = CHANNELS.index(arm.channel)
    appeal = _appeal(arm.offer, who, basket) * who.response[:, channel]
    drawn = appeal * readiness(who, state, day) * of_categories("response")[who.main]
    return drawn - who.annoyance * _INTRUSION[channel] * (1.0 + fatigue(state, day))


def readiness(who: CustomerTraits, state: State, day: int) -> Float:
    """Return how much is left to be changed, by time since the last order in cycles of the main category.

    Peaks at about twice the cycle (the semi-active), is small for who has just bought and for who is long gone, and
    falls with the number of orders: regulars come by themselves. Without an order, it is larger for who came lately
    or left an order unpaid.
    """
    cycles = np.maximum(day - state.last_order, 0.5) / of_categories("cycle_days")[who.main]
    overdue = 0.08 + 1.2 * np.exp(-0.5 * (np.log(cycles / 2.0) / 0.55) ** 2)
    habit = 1 / (1 + 0.15 * np.maximum(state.n_orders - 1, 0))
    lately = np.where(day - state.last_visit <= 30, 0.55, 0.22)
    ready = np.where(state.n_orders > 0, overdue * habit, lately)
    return np.where(state.unpaid >= 0, np.maximum(ready, 0.8), ready)


def fatigue(state: State, day: int) -> Float:
    """Return the number of contacts so far, each faded with 20 days."""
    return state.fatigue * np.exp(-np.minimum(day - state.contacted, 10_000) / FATIGUE_DAYS)


def open_chance(arm: SimulatedArm, who: CustomerTraits) -> Float:
    """Return the chance that the message is opened."""
    base = np.array([0.26, 0.60, 0.18])[CHANNELS.index(arm.channel)]
    return np.minimum(base * who.response[:, CHANNELS.index(arm.channel)], 0.95)


def hour_appeal(sent: Int) -> Float:
    """Return the factor on the chance of opening by the hour (UTC) in which a message went out."""
    return np.array([HOURS.get(hour, 1.0) for hour in range(24)])[sent // 3600 % 24]


def least_basket(offer: SimulatedOffer) -> float:
    """Return the smallest basket that redeems an offer: nobody gets half of it for nothing."""
    return max(offer.threshold, 2 * offer.value)


def _appeal(offer: SimulatedOffer, who: CustomerTraits, basket: Float) -> Float:
    taste = who.taste[:, _FAMILY[offer.kind]]
    worth = -np.expm1(-offer.value / (0.18 * basket))
    saving = 0.15 + 1.1 * who.sensitivity
    freight_share = min(100 * offer.value / FREIGHT_CENTS, 1.0)
    by_kind = {
        "reminder": lambda: np.full(len(who), 0.25),
        "points": lambda: 0.15 + 0.5 * worth * saving,
        "coupon": lambda: 0.10 + saving * worth * (0.3 + 0.7 * reaches(basket, np.float64(least_basket(offer)))),
        "cash_coupon": lambda: 0.12 + 1.1 * saving * worth,
        "free_freight": lambda: 0.15 + 0.6 * ndtr(np.log(50.0 / basket)) * freight_share,
        "gift": lambda: 0.15 + 0.6 * worth,
        "membership": lambda: 0.10 + 0.06 * who.level,
    }
    return np.asarray(by_kind[offer.kind]() * taste)


def _redeems(offer: SimulatedOffer, who: CustomerTraits) -> Float:
    if offer.kind == "reminder":
        return np.zeros(len(who))
    return np.clip(0.35 + 0.6 * who.sensitivity, 0.0, 0.95)
