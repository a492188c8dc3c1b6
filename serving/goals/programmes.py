"""Goals of standing programmes: welcome, membership, points, reviews, referrals."""

from __future__ import annotations

from .eligible import Eligible, Where
from .goal import FIRST_ORDERS, IN_RHYTHM, Goal, Prior
from .offers import Arm, Offer

ASSUMED = Prior(0.5, 0.0, 1.0, "odds", "no randomised source is known to us", True)
_REMINDER = Arm("reminder")
_POINTS = Arm("points", offer=Offer("points", value=2.0, redeem_rate=0.9))
_MEMBERSHIP = Arm("membership", offer=Offer("membership", value=5.0, redeem_rate=0.5))
_COUPON = Arm("coupon", offer=Offer("coupon", value=5.0, threshold=30.0))

LEAST_POINTS = 200  # a balance from which an exchange is offered
WELCOME_DAYS, EXPIRY_DAYS = 14, 30  # since the registration; until the membership is over
REVIEW_FROM, REVIEW_UNTIL, REVIEW_REST = 5, 30, 90  # days since the order; and since the last review

WELCOME = Goal(
    "welcome",
    "just registered -> first order",
    Eligible(
        all_of=(
            Where("is_registered"),
            Where("n_orders", at_most=0),
            Where("days_since_registered", at_most=WELCOME_DAYS),
        )
    ),
    "first_order",
    30,
    ("uplift", "conversion"),
    (_REMINDER, _COUPON),
    prior=FIRST_ORDERS,
)
ENROL = Goal(
    "enrol",
    "buyer -> member",
    Eligible(all_of=(Where("stage", is_in=IN_RHYTHM), Where("days_as_member", at_least=0, unless=True))),
    "membership",
    30,
    ("uplift", "enrol"),
    (_REMINDER, _MEMBERSHIP),
    prior=ASSUMED,
)
RENEW = Goal(
    "renew",
    "membership that ends soon -> another one",
    Eligible(all_of=(Where("days_to_membership_end", at_least=0, at_most=EXPIRY_DAYS),)),
    "membership",
    45,
    ("uplift", "renew"),
    (_REMINDER, _POINTS, _MEMBERSHIP),
    prior=ASSUMED,
)
EXCHANGE = Goal(
    "exchange",
    "points -> coupon -> order",
    Eligible(all_of=(Where("points_balance", at_least=LEAST_POINTS),)),
    "points_used",
    30,
    ("uplift", "exchange"),
    (_REMINDER, Arm("exchange", offer=Offer("coupon", value=5.0, threshold=30.0, points=LEAST_POINTS))),
    prior=ASSUMED,
)
REVIEW = Goal(
    "review",
    "bought -> review",
    Eligible(
        all_of=(
            Where("days_since_last_order", at_least=REVIEW_FROM, at_most=REVIEW_UNTIL),
            Where("days_since_last_review", at_most=REVIEW_REST, unless=True),
        )
    ),
    "review",
    14,
    ("uplift", "review"),
    (_REMINDER, _POINTS),
    prior=ASSUMED,
)
REFER = Goal(
    "refer",
    "loyal -> brings others",
    Eligible(all_of=(Where("stage", is_in=("regular", "loyal")),)),
    "referral",
    60,
    ("uplift", "refer"),
    (_REMINDER, _POINTS, _COUPON),
    prior=ASSUMED,
)
PROGRAMMES = (WELCOME, ENROL, RENEW, EXCHANGE, REVIEW, REFER)
