"""What standing programmes and messages are after: memberships, points, reviews, referrals, open messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from penchant.lazy import _

from ..engine.times import days_before
from ..history.past import Past
from ..history.rows import Rows
from ..signals.group import PURCHASES
from .tasks import MONTH, Span, Task

CONTACTED_DAYS = 90  # whoever was written to within so many days is asked for opening and clicking
BUYER_DAYS = 365  # whoever bought within so many days may be asked to join, or to refer others
REVIEW_DAYS = 30  # a purchase within so many days can be reviewed


def begun_memberships(past: Past) -> Rows:
    """Return memberships that began; ``at`` is when."""
    return past.memberships


def points_used(past: Past) -> Rows:
    """Return the times that points were used; ``at`` is when."""
    return past.points.where(_.points < 0)


def reviews(past: Past) -> Rows:
    """Return the reviews; ``at`` is when they were written."""
    return past.feedback("review")


def referrals(past: Past) -> Rows:
    """Return the customers whom each one referred; ``at`` is when."""
    return past.referrals


def referred_buyers(past: Past, days: int) -> Rows:
    """Return the referrals of so many days whose referred customer has bought; ``at`` is when they were referred."""
    return past.rows(f"referred buyers {days}", lambda: _bought_since(past, days))


def _bought_since(past: Past, days: int) -> Any:
    rows = past.referrals.relation
    recent = rows.filter(rows["at"] >= days_before(rows.as_of, days))
    codes = past.history.codes.select("customer_id", referred_code="code")
    buyers = past.history.parts.group_by("code").aggregate(paid_first_at=_.paid_at.min())
    joined = recent.inner_join(codes, recent.referred_id == codes.customer_id).drop("customer_id")
    known = joined.inner_join(buyers, joined.referred_code == buyers.code)
    return known.filter(known.paid_first_at < known.as_of).select("row", "as_of", "at")


def clicks(past: Past) -> Rows:
    """Return the messages that were clicked, of whichever campaign; ``at`` is when."""
    return past.responses("clicked")


# Outcome of a goal -> the rows that are successes, and what the shop must have.
HAPPENED: Mapping[str, tuple[Callable[[Past], Rows], str]] = MappingProxyType(
    {
        "membership": (begun_memberships, "memberships"),
        "points_used": (points_used, "points"),
        "review": (reviews, "feedback"),
        "referral": (referrals, "referrals"),
        "click": (clicks, "assignments.clicked_at"),
    }
)


def _happens(rows: Callable[[Past], Rows]) -> Callable[[Past, Span], Any]:
    return lambda past, span: rows(past).within(span.horizon_days).any()


def _responds(what: str) -> Callable[[Past, Span], Any]:
    return lambda past, span: past.responses(what).within(span.horizon_days).any()


def _is_contacted(past: Past) -> Any:
    return past.responses("contacted").within(CONTACTED_DAYS).any()


def _is_buyer(past: Past) -> Any:
    return past.purchases.within(BUYER_DAYS).any()


ENROL = Task(
    "enrol",
    "a membership begins",
    lambda past: _is_buyer(past) & (past.memberships.count() == 0),
    _happens(begun_memberships),
    horizon_days=MONTH,
    needs=("memberships", PURCHASES),
)
RENEW = Task(
    "renew",
    "another membership begins",
    lambda past: past.memberships.any(),
    _happens(begun_memberships),
    needs=("memberships", PURCHASES),
)
EXCHANGE = Task(
    "exchange",
    "points are used",
    lambda past: past.points.sum(_.points) > 0,
    _happens(points_used),
    horizon_days=MONTH,
    needs=("points", PURCHASES),
)
REVIEW = Task(
    "review",
    "a review is written",
    lambda past: past.purchases.within(REVIEW_DAYS).any(),
    _happens(reviews),
    horizon_days=MONTH,
    needs=("feedback", PURCHASES),
)
REFER = Task("refer", "another customer is referred", _is_buyer, _happens(referrals), needs=("referrals", PURCHASES))
OPEN = Task(
    "open",
    "a message is opened",
    _is_contacted,
    _responds("opened"),
    horizon_days=MONTH,
    needs=("assignments.contacted_at", "assignments.opened_at"),
)
CLICK = Task(
    "click",
    "a message is clicked",
    _is_contacted,
    _responds("clicked"),
    horizon_days=MONTH,
    needs=("assignments.contacted_at", "assignments.clicked_at"),
)
PROGRAMME_TASKS: tuple[Task, ...] = (ENROL, RENEW, EXCHANGE, REVIEW, REFER, OPEN, CLICK)
