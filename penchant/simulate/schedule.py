"""The shop's own campaigns: when they run, and whom each goal concerns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from penchant.simulate.chances import State
from penchant.simulate.settings import CHANNELS, SimulatedArm, SimulatedCampaign, SimulatedOffer, SimulationSettings
from penchant.simulate.traits import CustomerTraits, Flags

REST_DAYS = 30  # nobody is drawn again so soon after an assignment, control included
_MONTH_DAYS = 30


@dataclass(frozen=True)
class _Habit:
    """A campaign that returns: first in which month, every how many months, on which day of it."""

    goal: str
    phase: str
    first_month: int
    every_months: int
    on_day: int
    arms: tuple[SimulatedArm, ...]
    holdout: float = 0.3
    reach: float = 0.8
    n_waves: int = 1


_EMAIL = SimulatedArm("email", "email")
_EMAIL_COUPON = SimulatedArm("email_coupon", "email", SimulatedOffer("coupon", 8, 40))
_SMS = SimulatedArm("sms", "sms", unit_cost=0.06)
_SMS_COUPON = SimulatedArm("sms_coupon", "sms", SimulatedOffer("coupon", 8, 40), unit_cost=0.06)
_EMAIL_CASH = SimulatedArm("email_cash", "email", SimulatedOffer("cash_coupon", 5, valid_days=10))
_EMAIL_POINTS = SimulatedArm("email_points", "email", SimulatedOffer("points", 3))
_PUSH_FREIGHT = SimulatedArm("push_freight", "push", SimulatedOffer("free_freight", 5.9), unit_cost=0.01)

_HABITS = (
    _Habit("reactivate", "warm-up", 4, 2, 5, (_SMS_COUPON, _EMAIL), reach=0.9),
    _Habit("second", "after-peak", 3, 3, 8, (_EMAIL_COUPON,), n_waves=2),
    _Habit("retain", "after-peak", 5, 3, 12, (_EMAIL, _EMAIL_POINTS), reach=0.6),
    _Habit("harvest", "peak", 2, 2, 15, (_PUSH_FREIGHT,), holdout=0.4),
    _Habit("activate", "any", 3, 4, 18, (_EMAIL_CASH,), holdout=0.4, reach=0.5),
    _Habit("acquire", "warm-up", 5, 6, 20, (_EMAIL,), holdout=0.4, reach=0.5),
    _Habit("seed", "build-up", 4, 6, 22, (_EMAIL,), holdout=0.4, reach=0.5),
    _Habit("collect", "any", 2, 1, 25, (_SMS, _EMAIL_CASH), holdout=0.3, reach=1.0),
    _Habit("winback", "any", 10, 6, 27, (_SMS_COUPON,), holdout=0.5, reach=0.4),
)


def own_campaigns(settings: SimulationSettings) -> tuple[SimulatedCampaign, ...]:
    """Return the campaigns whose customers the simulator draws: those set, else the usual schedule."""
    if settings.campaigns is not None:
        return settings.campaigns
    dated = [one for habit in _HABITS for one in _returning(habit, settings.starts_at, settings.ends_at)]
    return tuple(sorted(dated, key=lambda campaign: campaign.starts_at))


def _returning(habit: _Habit, starts_at: datetime, ends_at: datetime) -> Iterator[SimulatedCampaign]:
    month = habit.first_month
    while (at := starts_at + timedelta(days=month * _MONTH_DAYS + habit.on_day)) < ends_at:
        yield SimulatedCampaign(
            f"{habit.goal}-{at:%Y-%m-%d}", habit.goal, at, habit.arms, habit.holdout, habit.reach, habit.n_waves,
            phase=habit.phase,
        )  # fmt: skip
        month += habit.every_months


def may_enter(goal: str, who: CustomerTraits, state: State, day: int) -> Flags:
    """Return whom a goal concerns at the start of a day, by what the shop can see.

    Strangers have not been seen yet; prospects came in the last 90 days and showed no interest; leads did within
    14 days, without a paid order. Buyers are told apart by the days since the last paid order: 60 and 240.
    """
    has_bought = state.n_orders > 0
    since_order, since_visit = day - state.last_order, day - state.last_visit
    since_interest = day - state.last_interest
    rules = {
        "seed": who.is_stranger & (state.last_visit < 0),
        "acquire": ~has_bought & (since_visit <= 90) & (state.last_interest < 0),
        "activate": ~has_bought & (state.registered < day) & (since_visit <= 120),
        "harvest": ~has_bought & (since_interest <= 14),
        "collect": (state.unpaid >= 0) & (state.unpaid < day),
        "second": (state.n_orders == 1) & (since_order >= 7) & (since_order <= 120),
        "retain": has_bought & (since_order < 60),
        "reactivate": has_bought & (since_order >= 60) & (since_order < 240),
        "winback": has_bought & (since_order >= 240),
    }
    return np.asarray(rules[goal])


def may_be_contacted(campaign: SimulatedCampaign, who: CustomerTraits) -> NDArray[np.bool_]:
    """Return who has agreed to every channel of a campaign."""
    return np.asarray(who.consent[:, sorted({CHANNELS.index(arm.channel) for arm in campaign.arms})].all(axis=1))
