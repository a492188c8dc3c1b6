"""Satisfaction: what the customer said of the shop, and whether a complaint is still open."""

from __future__ import annotations

from collections.abc import Iterator

from penchant.lazy import _

from .declare import signal, windowed
from .group import FeatureGroup, Signal, Windows


def _signals(windows: Windows) -> Iterator[Signal]:
    yield from windowed(
        windows, "n_complaints_{days}d", "complaints in the last {days} days", "count",
        lambda past, days: past.feedback("complaint").within(days).count(),
        reason="{value:,.0f} complaints in {days} days",
    )  # fmt: skip
    yield from windowed(
        windows, "n_returned_goods_{days}d", "returns in the last {days} days", "count",
        lambda past, days: past.feedback("return").within(days).count(), reason="{value:,.0f} returns in {days} days",
    )  # fmt: skip
    yield signal(
        "n_open_complaints", "complaints that are not settled", "count", lambda past: past.open_complaints.count(),
        "feedback.closed_at", reason="{value:,.0f} complaints not settled",
    )  # fmt: skip
    yield signal(
        "days_since_last_complaint", "days since the last complaint", "days",
        lambda past: past.days_since(past.feedback("complaint").last()), (), "no complaint yet",
        "last complaint {value:.0f} days ago",
    )  # fmt: skip
    yield signal(
        "rating_mean", "mean rating of the reviews, in the shop's own scale", "ratio",
        lambda past: past.feedback("review").mean(_.rating), "feedback.rating", "no rating yet",
        "rates {value:.1f} on average", unit="rating", low=None,
    )  # fmt: skip


SATISFACTION = FeatureGroup(
    "satisfaction", "What the customer said of the shop, and whether a complaint is open.", _signals, ("feedback",)
)
