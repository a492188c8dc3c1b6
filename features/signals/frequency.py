"""Frequency: how often the customer does what, and how regularly the customer buys.

Every order counts, not only repeats: the literature on customer lifetime value often means repeats alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from ibis import _

from ..history.past import Past
from .group import Column, FeatureGroup, Signal, Windows
from .recency import PURCHASES

KINDS = {
    "login": "logins",
    "content": "contacts with content",
    "search": "searches",
    "view": "views",
    "favorite": "favourites",
    "cart": "items put into the cart",
    "coupon_claim": "coupons claimed",
    "coupon_redeem": "coupons redeemed",
}


def _kind_count(kind: str, days: int) -> Signal:
    return Signal(
        Column(
            f"n_{kind}_{days}d",
            f"{KINDS[kind]} in the last {days} days",
            "count",
            "int64",
            low=0,
            reason=f"{{value:,.0f}} {KINDS[kind]} in {days} days",
        ),
        lambda past: past.interactions.where(_.kind == kind).within(days).count(),
        ("interactions",),
    )


def _visits(days: int) -> Signal:
    return Signal(
        Column(f"n_visits_{days}d", f"things done in the last {days} days", "count", "int64", low=0),
        lambda past: past.interactions.within(days).count(),
        ("interactions",),
    )


def _active_days(days: int) -> Signal:
    return Signal(
        Column(
            f"n_active_days_{days}d",
            f"days with a visit, in the shop's zone, that began to be one in the last {days} days",
            "count",
            "int64",
            low=0,
            high=days + 1,
            reason=f"active on {{value:,.0f}} of {days} days",
        ),
        lambda past: past.days.within(days).count(),
        ("interactions",),
    )


def _count(name: str, days: int, what: str) -> Signal:
    column = Column(
        f"n_{name}_{days}d",
        f"{what} in the last {days} days",
        "count",
        "int64",
        low=0,
        reason=f"{{value:,.0f}} {what} in {days} days",
        buying=1 if name == "purchases" else 0,
    )
    return Signal(column, lambda past: getattr(past, name).within(days).count(), (PURCHASES,))


def _signals(windows: Windows) -> Iterator[Signal]:
    yield Signal(
        Column(
            "n_purchases",
            "paid orders so far",
            "count",
            "int64",
            low=0,
            reason="{value:,.0f} purchases so far",
            buying=1,
        ),
        lambda past: past.purchases.count(),
        (PURCHASES,),
    )
    for days in windows:
        yield _count("purchases", days, "purchases")
    for days in windows:
        yield _count("orders", days, "orders placed")
    for days in windows:
        yield _visits(days)
    for days in windows:
        yield _active_days(days)
    for kind in KINDS:
        for days in windows:
            yield _kind_count(kind, days)
    yield from _gap_signals()


def _gap_signals() -> Iterator[Signal]:
    missing = "fewer than two days with a purchase"
    yield Signal(
        Column(
            "gap_mean_days",
            "mean days between purchases",
            "days",
            low=1,
            missing=missing,
            reason="buys every {value:.0f} days on average",
        ),
        lambda past: past.gaps.mean(_.gap_days),
        (PURCHASES,),
    )
    yield Signal(
        Column(
            "gap_median_days",
            "median days between purchases",
            "days",
            low=1,
            missing=missing,
            reason="usually buys every {value:.0f} days",
        ),
        lambda past: past.gaps.quantile(_.gap_days, 0.5),
        (PURCHASES,),
    )
    yield Signal(
        Column(
            "gap_max_days",
            "longest time between purchases",
            "days",
            low=1,
            missing=missing,
            reason="has paused for {value:.0f} days before",
        ),
        lambda past: past.gaps.max(_.gap_days).cast("float64"),
        (PURCHASES,),
    )
    few = "fewer than three days with a purchase"
    yield Signal(
        Column("gap_deviation_days", "standard deviation of the days between purchases", "days", low=0, missing=few),
        lambda past: past.gaps.deviation(_.gap_days),
        (PURCHASES,),
    )
    yield Signal(
        Column(
            "gap_regularity",
            "how regular the purchases are: 1 / (1 + deviation / mean of the days between them)",
            "share",
            low=0,
            high=1,
            missing=few,
            reason=("buys regularly", "buys irregularly"),
        ),
        _regularity,
        (PURCHASES,),
    )


def _regularity(past: Past) -> object:
    return 1 / (1 + past.gaps.deviation(_.gap_days) / past.gaps.mean(_.gap_days))


FREQUENCY = FeatureGroup("frequency", "How often the customer does what, and how regularly.", _signals)
