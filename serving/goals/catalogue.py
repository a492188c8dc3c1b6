"""The campaign goals: wanted changes of stage, as values.

A goal fixes who is eligible, what counts as success and by when, which models rank, and what is usually offered.
Everything is a default: ``dataclasses.replace`` makes a goal of one's own, which a user's module lists as ``GOALS``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from penchant.errors import InputError, did_you_mean

from .eligible import Eligible, Where
from .goal import (
    FIRST_ORDERS,
    IN_RHYTHM,
    LAPSING,
    LEFT_ALONE,
    LOWEST_TIER,
    PAYMENTS,
    SECOND_ORDERS,
    STILL_ACTIVE,
    VISITS,
    Goal,
    Outcome,
    Prior,
    Rung,
)
from .offers import Arm, Offer
from .programmes import PROGRAMMES
from .targets import FOR, TARGETS, goal_for

__all__ = ["GOALS", "LEFT_ALONE", "LOWEST_TIER", "Goal", "Outcome", "Prior", "Rung", "after_order", "goal_named"]


def _stage(*names: str) -> Where:
    return Where("stage", is_in=names)


_REMINDER = Arm("reminder")
_POINTS = Arm("points", offer=Offer("points", value=2.0, redeem_rate=0.9))
_COUPON = Arm("coupon", offer=Offer("coupon", value=5.0, threshold=30.0))
_CASH = Arm("cash_coupon", offer=Offer("cash_coupon", value=5.0))
_FREIGHT = Arm("free_freight", offer=Offer("free_freight", value=4.0))

SEED = Goal(
    "seed",
    "stranger -> prospect",
    Eligible(any_of=(_stage("stranger"),)),
    "visit",
    14,
    ("uplift", "visit", "lookalike"),
    (_REMINDER,),
    ("build-up",),
    prior=VISITS,
)
ACQUIRE = Goal(
    "acquire",
    "stranger or prospect -> lead",
    Eligible(any_of=(_stage("stranger", "prospect"),)),
    "interest",
    14,
    ("uplift", "engagement"),
    (_REMINDER, _POINTS),
    ("warm-up",),
    prior=VISITS,
)
ACTIVATE = Goal(
    "activate",
    "registered -> first order",
    Eligible(all_of=(Where("is_registered"), Where("n_orders", at_most=0))),
    "first_order",
    30,
    ("uplift", "conversion"),
    (_REMINDER, _COUPON, _FREIGHT),
    prior=FIRST_ORDERS,
)
HARVEST = Goal(
    "harvest",
    "lead -> new",
    Eligible(any_of=(_stage("lead"), Where("in_interest"), Where("in_coupon_holders"))),
    "paid_order",
    14,
    ("uplift", "conversion", "repurchase"),
    (_REMINDER, _COUPON),
    ("peak",),
    prior=FIRST_ORDERS,
)
COLLECT = Goal(
    "collect",
    "unpaid -> paid",
    Eligible(all_of=(Where("unpaid_days", at_least=1),)),
    "payment",
    7,
    ("uplift", "payment"),
    (_REMINDER, _POINTS, _CASH),
    prior=PAYMENTS,
    ladder=(
        Rung(1, {"low": "reminder", "middle": "reminder", "high": "reminder"}),
        Rung(7, {"low": "reminder", "middle": "points", "high": "points"}),
        Rung(30, {"low": "points", "middle": "points", "high": "cash_coupon"}),
    ),
)
RETAIN = Goal(
    "retain",
    "new, regular, loyal stay",
    Eligible(any_of=(_stage("new", "regular", "loyal"),)),
    "paid_order",
    90,
    ("uplift", "churn", "value"),
    (_REMINDER, _POINTS, Arm("membership", offer=Offer("membership", value=5.0, redeem_rate=0.5))),
    ("peak", "after-peak"),
    prior=STILL_ACTIVE,
)
REACTIVATE = Goal(
    "reactivate",
    "semi-active or silent -> regular",
    Eligible(any_of=(_stage("semi_active", "silent"),)),
    "paid_order",
    30,
    ("uplift", "repurchase", "value"),
    (_REMINDER, _COUPON, _CASH),
    ("warm-up", "peak"),
    prior=LAPSING,
)
WINBACK = Goal(
    "winback",
    "churned -> regular",
    Eligible(any_of=(_stage("churned"),)),
    "paid_order",
    30,
    ("uplift", "repurchase"),  # the latter says who would have redeemed the offer anyway
    (_COUPON, _CASH),
)


def after_order(n: int) -> Goal:
    """Return the goal that customers with exactly ``n`` paid orders, not silent or churned, place the next.

    ``after_order(1)`` is ``second``: new -> regular.

    Raises
    ------
    InputError
        If n is less than 1.
    """
    if n < 1:
        raise InputError("after_order", "one order or more", f"{n}")
    return Goal(
        "second" if n == 1 else f"after_order_{n}",
        "new -> regular" if n == 1 else f"order {n} -> order {n + 1}",
        Eligible(all_of=(Where("n_orders", at_least=n, at_most=n), _stage(*IN_RHYTHM))),
        "paid_order",
        60,
        ("uplift", *(("second_purchase",) if n == 1 else ()), "repurchase", "value"),
        (_REMINDER, _COUPON, _POINTS),
        ("after-peak",),
        prior=SECOND_ORDERS,
    )


SECOND = after_order(1)
_AFTER = re.compile(r"after_order_(\d{1,3})")

GOALS: Mapping[str, Goal] = MappingProxyType(
    {
        goal.name: goal
        for goal in (*(SEED, ACQUIRE, ACTIVATE, HARVEST, COLLECT, SECOND, RETAIN, REACTIVATE, WINBACK), *PROGRAMMES)
    }
)


def goal_named(name: str, own: Sequence[Goal] = ()) -> Goal:
    """Return the goal of a name: one of the user's own, else of the catalogue.

    ``after_order_2`` is the third order of whoever placed two, and so on; ``retain_for_visit`` has the crowd and offers
    of ``retain``, and is after a visit (`targets.TARGETS`).

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> goal_named("retain").moves
    'new, regular, loyal stay'
    >>> goal_named("after_order_2").moves
    'order 2 -> order 3'
    """
    known = {**GOALS, **{goal.name: goal for goal in own}}
    if name not in known and (nth := _AFTER.fullmatch(name)):
        return after_order(int(nth.group(1)))
    crowd, _for, target = name.rpartition(FOR)
    if name not in known and crowd and target in TARGETS:
        return goal_for(goal_named(crowd, own), target)
    if name not in known:
        raise InputError("goal", "a known goal", f"'{name}'", did_you_mean(name, known))
    return known[name]
