"""What standing programmes ask of a customer: member state and expiry, points, reviews, referrals, registration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ibis import _

from ...features.history.past import Past
from ...features.outcomes.programmes import clicks, points_used, referrals, reviews
from ...features.signals.group import PURCHASES
from ...features.signals.programme import present_membership

PROGRAMME_FACTS: Mapping[str, tuple[Callable[[Past], Any], tuple[str, ...]]] = MappingProxyType(
    {
        "member_level": (lambda past: present_membership(past).max(_.level), ("memberships",)),
        "days_as_member": (lambda past: past.days_since(present_membership(past).last()), ("memberships",)),
        "days_to_membership_end": (
            lambda past: -past.days_since(present_membership(past).max(_.ends_at)),
            ("memberships.ends_at",),
        ),
        "points_balance": (lambda past: past.points.sum(_.points), ("points",)),
        "days_since_registered": (
            lambda past: past.days_since(past.registrations.last()),
            ("customers.registered_at",),
        ),
        "days_since_last_order": (lambda past: past.days_since(past.purchases.last()), (PURCHASES,)),
        "n_open_complaints": (lambda past: past.open_complaints.count(), ("feedback.closed_at",)),
        "days_since_last_review": (lambda past: past.days_since(reviews(past).last()), ("feedback",)),
        "last_membership_at": (lambda past: past.memberships.last(), ("memberships",)),
        "last_points_used_at": (lambda past: points_used(past).last(), ("points",)),
        "last_review_at": (lambda past: reviews(past).last(), ("feedback",)),
        "last_click_at": (lambda past: clicks(past).last(), ("assignments.clicked_at",)),
        "last_referral_at": (lambda past: referrals(past).last(), ("referrals",)),
    }
)  # a goal that asks for one which the shop lacks says so; other goals need not be told
