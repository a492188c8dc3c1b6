"""Recency: how long ago the customer last did something, in days since the last event (not last minus first)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penchant.lazy import _

from .cycle import cycle
from .declare import AskRows, of_kind, signal
from .group import PURCHASES, FeatureGroup, Signal, Windows


def _last(name: str, what: str, rows: AskRows, needs: str, **declared: Any) -> Signal:
    return signal(
        f"days_since_last_{name}", f"days since the last {what}", "days",
        lambda past: past.days_since(rows(past).last()), needs, f"no {what} yet",
        (f"no {what} for {{value:.0f}} days", f"last {what} {{value:.0f}} days ago"), **declared,
    )  # fmt: skip


def _first(what: str, rows: AskRows, needs: str) -> Signal:
    return signal(
        f"days_since_first_{what}", f"days since the first {what}", "days",
        lambda past: past.days_since(rows(past).first()), needs, f"no {what} yet",
        f"first {what} {{value:.0f}} days ago",
    )  # fmt: skip


def _signals(_windows: Windows) -> Iterator[Signal]:
    yield _last("purchase", "purchase", lambda past: past.purchases, PURCHASES, buying=-1)
    yield _last("order", "order", lambda past: past.orders, PURCHASES)
    yield _first("purchase", lambda past: past.purchases, PURCHASES)
    yield _last("visit", "visit", lambda past: past.interactions, "interactions")
    yield _last("view", "view", of_kind("view"), "interactions")
    yield _last("favorite", "favourite", of_kind("favorite"), "interactions")
    yield _last("cart", "item put into the cart", of_kind("cart"), "interactions")
    yield _first("visit", lambda past: past.interactions, "interactions")
    yield signal(
        "own_gap_elapsed", "days since the last purchase as a multiple of the customer's own median gap", "ratio",
        lambda past: past.days_since(past.purchases.last()) / past.gaps.quantile(_.gap_days, 0.5), PURCHASES,
        "has not bought on two days yet", "{value:.1f} times the usual time between purchases has passed",
    )  # fmt: skip
    yield signal(
        "cycle_elapsed",
        "days since the last purchase as a multiple of the median purchase cycle of what the customer buys", "ratio",
        lambda past: past.days_since(past.purchases.last()) / cycle(past).typical, PURCHASES,
        "no purchase yet, or nobody in the shop has bought twice",
        "{value:.1f} times the usual purchase cycle has passed", buying=-1, population=True,
    )  # fmt: skip


RECENCY = FeatureGroup("recency", "How long ago the customer did what.", _signals)
