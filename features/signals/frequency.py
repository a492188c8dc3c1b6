"""Frequency: how often the customer does what, and how regularly the customer buys.

Every order counts, not only repeats: the literature on customer lifetime value often means repeats alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from penchant.lazy import _

from .declare import of_kind, signal, windowed
from .group import PURCHASES, FeatureGroup, Signal, Windows

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


def _signals(windows: Windows) -> Iterator[Signal]:
    yield signal(
        "n_purchases", "paid orders so far", "count", lambda past: past.purchases.count(), PURCHASES,
        reason="{value:,.0f} purchases so far", buying=1,
    )  # fmt: skip
    yield signal(
        "n_purchase_days", "days with a purchase so far, in the shop's zone", "count",
        lambda past: past.gaps.count() + past.purchases.any().cast("int64"), PURCHASES,
        reason="{value:,.0f} days with a purchase so far", buying=1,
    )  # fmt: skip
    yield from windowed(
        windows, "n_purchases_{days}d", "purchases in the last {days} days", "count",
        lambda past, days: past.purchases.within(days).count(), PURCHASES,
        reason="{value:,.0f} purchases in {days} days", buying=1,
    )  # fmt: skip
    yield from windowed(
        windows, "n_orders_{days}d", "orders placed in the last {days} days", "count",
        lambda past, days: past.orders.within(days).count(), PURCHASES,
        reason="{value:,.0f} orders placed in {days} days",
    )  # fmt: skip
    yield from windowed(
        windows, "n_visits_{days}d", "things done in the last {days} days", "count",
        lambda past, days: past.interactions.within(days).count(), "interactions",
        reason="{value:,.0f} things done in {days} days",
    )  # fmt: skip
    yield from windowed(
        windows, "n_active_days_{days}d",
        "days with a visit, in the shop's zone, that began to be one in the last {days} days", "count",
        lambda past, days: past.days.within(days).count(), "interactions",
        reason="active on {value:,.0f} of {days} days", high=lambda days: days + 1,
    )  # fmt: skip
    for kind, what in KINDS.items():
        yield from _kind_counts(windows, kind, what)
    yield from _gap_signals()


def _kind_counts(windows: Windows, kind: str, what: str) -> Iterator[Signal]:
    rows = of_kind(kind)
    return windowed(
        windows, f"n_{kind}_{{days}}d", f"{what} in the last {{days}} days", "count",
        lambda past, days: rows(past).within(days).count(), "interactions",
        reason=f"{{value:,.0f}} {what} in {{days}} days",
    )  # fmt: skip


def _gap_signals() -> Iterator[Signal]:
    two, three = "has not bought on two days yet", "has not bought on three days yet"
    yield signal(
        "gap_mean_days", "mean days between purchases", "days", lambda past: past.gaps.mean(_.gap_days), PURCHASES, two,
        "buys every {value:.0f} days on average", low=1,
    )  # fmt: skip
    yield signal(
        "gap_median_days", "median days between purchases", "days",
        lambda past: past.gaps.quantile(_.gap_days, 0.5), PURCHASES, two, "usually buys every {value:.0f} days", low=1,
    )  # fmt: skip
    yield signal(
        "gap_max_days", "longest time between purchases", "days",
        lambda past: past.gaps.max(_.gap_days).cast("float64"), PURCHASES, two,
        "has paused for {value:.0f} days before", low=1,
    )  # fmt: skip
    yield signal(
        "gap_deviation_days", "standard deviation of the days between purchases", "days",
        lambda past: past.gaps.deviation(_.gap_days), PURCHASES, three,
        ("buys at irregular intervals", "buys at regular intervals"),
    )  # fmt: skip
    yield signal(
        "gap_regularity", "how regular the purchases are: 1 / (1 + deviation / mean of the days between them)", "share",
        lambda past: 1 / (1 + past.gaps.deviation(_.gap_days) / past.gaps.mean(_.gap_days)), PURCHASES, three,
        ("buys regularly", "buys irregularly"),
    )  # fmt: skip


FREQUENCY = FeatureGroup("frequency", "How often the customer does what, and how regularly.", _signals)
