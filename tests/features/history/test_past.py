"""What a past shows and what rows answer, of two customers whose values are counted by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import sqrt
from typing import Any

import pandas as pd
import pytest
from ibis import _

from penchant.config import Config
from penchant.features.engine.temporary import Keep
from penchant.features.history.evaluate import evaluated
from penchant.features.shop import Shop, shop_from_tables
from penchant.features.spine import Spine

AS_OF = datetime(2024, 6, 1)
MINUTE = 1 / 1440


def ago(days: float | None) -> pd.Timestamp:
    return pd.NaT if days is None else (pd.Timestamp(AS_OF) - timedelta(days=days)).round("us")


def line(order: str, placed: float, paid: float | None, amount: int, **more: Any) -> dict[str, Any]:
    times = {"ordered_at": ago(placed), "paid_at": ago(paid), "cancelled_at": ago(None), "refunded_at": ago(None)}
    plain = {"item_id": None, "quantity": 1.0, "list_amount": amount, "freight": 0, "category_id": "tea"}
    return {"customer_id": "ann", "order_id": order, "amount": amount} | plain | times | more


# ann bought 100 and 250 (one order, two days of payment), 400, and 50 on the day of that; one order is open, one was
# cancelled before it was paid, one was paid and cancelled at as_of (which is not known), one was refunded.
ORDERS = [
    line("a", 40, 40, 100),
    line("a", 40, 39, 250, category_id="cups"),
    line("c", 29.5, 29.5, 50, category_id=None),
    line("b", 30, 30, 400, list_amount=480, freight=5, item_id="pot", quantity=2.0),
    line("open", 10, None, 700),
    line("dropped", 9, None, 900, cancelled_at=ago(8)),
    line("too late", 5, 0, 60),
    line("cancelled now", 7, 7, 30, cancelled_at=ago(0)),
    line("sent back", 20, 20, 80, refunded_at=ago(15)),
    line("a", 40, 40, 1, customer_id="bob"),
]  # fmt: skip
EVENTS = {
    "feedback": [
        ("complaint", 20, 10), ("complaint", 20, None), ("complaint", 20, 0), ("complaint", 0, None),
        ("review", 3, None),
    ],
    "memberships": [("gold", 100, 50), ("silver", 60, 0), ("none", 60, None), ("later", 0, None)],
}  # fmt: skip
TABLES = {
    "orders": ORDERS,
    "interactions": [
        {"customer_id": "ann", "occurred_at": ago(days), "kind": "view", "dwell_seconds": seconds}
        for days, seconds in [(30, 0.5), (7 + 30 * MINUTE, 1.0), (7, 0.25), (1, None), (0, 100.0)]
    ],
    "items": [{"item_id": "pot", "unit_cost": 150}],
    "customers": [{"customer_id": "ann", "registered_at": ago(50)}, {"customer_id": "bob", "registered_at": ago(0)}],
    "points": [{"customer_id": "ann", "at": ago(days), "points": points} for days, points in [(9, 5.0), (0, 7.0)]],
    "referrals": [
        {"customer_id": "ann", "referred_id": who, "at": ago(days)} for who, days in [("bob", 4), ("cid", 0)]
    ],
    "assignments": [
        {"campaign_id": "x", "customer_id": "ann", "arm": "mail", "assigned_at": ago(at), "opened_at": ago(opened)}
        for at, opened in [(9, 8), (6, 0), (3, None)]
    ],
    "feedback": [
        {"customer_id": "ann", "kind": kind, "at": ago(at), "closed_at": ago(closed)}
        for kind, at, closed in EVENTS["feedback"]
    ],
    "memberships": [
        {"customer_id": "ann", "level": level, "starts_at": ago(start), "ends_at": ago(end)}
        for level, start, end in EVENTS["memberships"]
    ],
}
IN_WINDOWS = {
    "in 30 days": (lambda past: past.interactions.within(30).count(), 4),  # the first moment belongs to the window
    "in 29 days": (lambda past: past.interactions.within(29).count(), 3),
    "from 30 until 7 days": (lambda past: past.interactions.within(30, 7).count(), 2),  # the last does not
    "from 30 until 6 days": (lambda past: past.interactions.within(30, 6).count(), 3),
}
OF_STATES = {
    "purchases": (lambda past: past.purchases.count(), 4),  # a, b, c, and the one that is cancelled only at as_of
    "paid": (lambda past: past.purchases.sum(_.amount), 100 + 250 + 400 + 50 + 30),
    "orders": (lambda past: past.orders.count(), 7),
    "placements": (lambda past: past.placements.count(), 8),
    "unpaid": (lambda past: past.unpaid.sum(_.amount), 700 + 60),
    "refunded": (lambda past: past.refunds.sum(_.amount), 80),
    "refunded at": (lambda past: past.days_since(past.refunds.first()), 15),
    "paid first": (lambda past: past.days_since(past.purchases.first()), 40),
    "paid last": (lambda past: past.days_since(past.purchases.last()), 7),
    "placed last": (lambda past: past.days_since(past.placements.max(_.ordered_at)), 5),
    "lines": (lambda past: past.lines.count(), 5),
    "placed lines": (lambda past: past.placed_lines.count(), 8),
    "complaints": (lambda past: past.feedback("complaint").count(), 3),
    "open complaints": (lambda past: past.open_complaints.count(), 2),
    "memberships": (lambda past: past.memberships.count(), 2),
    "list amount": (lambda past: past.purchases.sum(_.list_amount), 100 + 250 + 480 + 50 + 30),
    "discount": (lambda past: past.purchases.sum(_.discount), 80),
    "freight": (lambda past: past.purchases.sum(_.freight), 5),
    "margin": (lambda past: past.purchases.sum(_.margin), 400 - 2 * 150),
    "pieces": (lambda past: past.purchases.max(_.quantity), 2),
    "items": (lambda past: past.purchases.sum(_.n_items), 1),
    "lines of one order": (lambda past: past.purchases.max(_.n_lines), 2),
    "sessions": (lambda past: past.sessions.count(), 3),  # half an hour apart is one
    "days": (lambda past: past.days.count(), 4),
    "registered": (lambda past: past.days_since(past.registrations.first()), 50),
    "opened": (lambda past: past.responses("opened").count(), 1),
    "points": (lambda past: past.points.sum(_.points), 5),
    "referrals": (lambda past: past.referrals.count(), 1),
    # from 40 to 30 to 7 days ago: 30 and 29.5 days ago are one day, at which b was paid first
    "gaps": (lambda past: past.gaps.count(), 2),
    "gap days": (lambda past: past.gaps.sum(_.gap_days), 10 + 23),
    "first gap ended": (lambda past: past.days_since(past.gaps.first()), 30),  # by the day's first payment
    "last gap ended": (lambda past: past.days_since(past.gaps.last()), 7),
}
OF_ROWS = {
    "mean": (lambda past: past.lines.mean(_.amount), (100 + 250 + 400 + 50 + 30) / 5),
    "least": (lambda past: past.lines.min(_.amount), 30),
    "greatest": (lambda past: past.lines.max(_.amount), 400),
    "median": (lambda past: past.lines.quantile(_.amount, 0.5), 100),
    "upper quarter": (lambda past: past.lines.quantile(_.amount, 0.75), 250),
    "deviation": (lambda past: past.gaps.deviation(_.gap_days), sqrt(2 * 6.5**2)),
    "fractions": (lambda past: past.interactions.sum(_.dwell_seconds), 1.75),
    "mean of what is known": (lambda past: past.interactions.mean(_.dwell_seconds), 1.75 / 3),
    "thirds": (lambda past: past.interactions.sum(_.dwell_seconds / 3), 0.166666667 + 0.333333333 + 0.083333333),
    "to the cent": (lambda past: past.lines.where(_.amount == 30).sum(_.amount + 2**53 + 1), 2**53 + 31),
    "at most a billion": (lambda past: past.lines.where(_.amount == 30).sum(_.amount * 1e9), 1e9),
    "at least minus that": (lambda past: past.lines.where(_.amount == 30).sum(_.amount * -1e9), -1e9),
    "both conditions": (lambda past: past.lines.where(_.amount > 50).where(_.amount < 400).count(), 2),
    "an unknown condition": (lambda past: past.lines.where(_.category_id != "cups").count(), 3),
    "none": (lambda past: past.lines.where(_.amount > 400).sum(_.amount), 0),
    "no mean": (lambda past: past.lines.where(_.amount > 400).mean(_.amount), None),
    "no deviation": (lambda past: past.lines.where(_.amount == 400).deviation(_.amount), None),
    "any": (lambda past: past.lines.where(_.amount >= 400).any(), True),
    "not any": (lambda past: past.lines.where(_.amount > 400).any(), False),
    "categories": (lambda past: past.lines.per("category_id").count(), 2),  # a line without one counts for none
    "most in one": (
        lambda past: past.lines.per("category_id", spent=lambda rows: rows.sum(_.amount)).max(_.spent),
        100 + 400 + 30,
    ),
    "most cheap in one": (
        lambda past: (
            past.lines.where(_.amount < 300).per("category_id", spent=lambda rows: rows.sum(_.amount)).max(_.spent)
        ),
        250,
    ),
}
BY_HAND: dict[str, tuple[Any, Any]] = IN_WINDOWS | OF_STATES | OF_ROWS


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    tables = {name: pd.DataFrame(rows) for name, rows in TABLES.items()}
    with shop_from_tables(tables, Config.model_validate({"engine": {"threads": 1}})) as shop:
        yield shop


@pytest.fixture(scope="module", params=["one moment", "a moment for each row"])
def answers(shop: Shop, request: pytest.FixtureRequest) -> dict[str, Any]:
    spine = Spine.at(shop, AS_OF)
    if request.param != "one moment":
        moments = [ago(days) for days in range(13)]
        spine = Spine.of(shop, pd.DataFrame({"customer_id": "ann", "as_of": moments}))
        assert spine.instants is None
    with Keep(shop.backend) as keep:
        frame = evaluated(shop, spine, {name: ask for name, (ask, _value) in BY_HAND.items()}, keep)[0].to_pandas()
    mine = frame[(frame["customer_id"] == "ann") & (frame["as_of"] == pd.Timestamp(AS_OF))]
    assert len(mine) == 1
    return mine.iloc[0].to_dict()


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(answers: dict[str, Any], name: str) -> None:
    expected = BY_HAND[name][1]
    if expected is None:
        assert pd.isna(answers[name])
    elif isinstance(expected, int):
        assert answers[name] == expected
    else:
        assert answers[name] == pytest.approx(expected, abs=1e-12)
