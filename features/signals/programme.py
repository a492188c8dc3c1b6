"""Programmes: membership and its level, points, and whom the customer referred."""

from __future__ import annotations

from collections.abc import Iterator

from penchant.lazy import _, ibis

from ..history.past import Past
from ..history.rows import Rows
from .declare import signal
from .group import FeatureGroup, Signal, Windows

LOOK_BACK_DAYS = 365


def present_membership(past: Past) -> Rows:
    """Return the membership that began last of those that are not over; of equals the first level by name."""
    return past.rows("present_membership", lambda: _latest(past))


def _latest(past: Past) -> ibis.Table:
    rows = past.memberships.relation
    place = ibis.row_number().over(group_by="row", order_by=[ibis.desc("at"), ibis.asc("level")])
    return rows.mutate(place=place).filter(_.place == 0)


def _signals(_windows: Windows) -> Iterator[Signal]:
    yield signal(
        "member_level", "level of the present membership", "code", lambda past: present_membership(past).max(_.level),
        "memberships", "no member", "member: {value}",
    )  # fmt: skip
    yield signal(
        "days_as_member", "days since the present membership began", "days",
        lambda past: past.days_since(present_membership(past).last()), "memberships", "no member",
        "member for {value:.0f} days",
    )  # fmt: skip
    yield signal(
        "points_balance", "points earned less points used so far", "ratio", lambda past: past.points.sum(_.points),
        "points", reason="{value:,.0f} points", unit="points", low=None,
    )  # fmt: skip
    yield signal(
        f"n_points_used_{LOOK_BACK_DAYS}d", f"times that points were used in the last {LOOK_BACK_DAYS} days", "count",
        lambda past: past.points.where(_.points < 0).within(LOOK_BACK_DAYS).count(), "points",
        reason="used points {value:,.0f} times in a year",
    )  # fmt: skip
    yield signal(
        "n_referrals", "customers referred so far", "count", lambda past: past.referrals.count(), "referrals",
        reason="referred {value:,.0f} customers",
    )  # fmt: skip


PROGRAMME = FeatureGroup("programme", "Membership, points, and whom the customer referred.", _signals)
