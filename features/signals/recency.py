"""Recency: how long ago the customer last did something, in days since the last event (not last minus first)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ibis import _

from ..history.past import Past
from ..history.rows import Rows
from .cycle import cycle
from .group import Column, FeatureGroup, Signal, Windows

PURCHASES = "orders|interactions"
_KINDS = {"view": "view", "favorite": "favourite", "cart": "item put into the cart"}


def _since(name: str, what: str, rows: Callable[[Past], Rows], needs: str) -> Signal:
    column = Column(
        f"days_since_{name}",
        f"days since the last {what}",
        "days",
        low=0,
        missing=f"no {what} yet",
        reason=(f"no {what} for {{value:.0f}} days", f"last {what} {{value:.0f}} days ago"),
        buying=-1 if name == "last_purchase" else 0,
    )
    return Signal(column, lambda past: past.days_since(rows(past).last()), (needs,))


def _of_kind(kind: str) -> Callable[[Past], Rows]:
    return lambda past: past.interactions.where(_.kind == kind)


def _signals(windows: Windows) -> Iterator[Signal]:
    yield _since("last_purchase", "purchase", lambda past: past.purchases, PURCHASES)
    yield _since("last_order", "order", lambda past: past.orders, PURCHASES)
    yield Signal(
        Column(
            "days_since_first_purchase",
            "days since the first purchase",
            "days",
            low=0,
            missing="no purchase yet",
            reason="first purchase {value:.0f} days ago",
        ),
        lambda past: past.days_since(past.purchases.first()),
        (PURCHASES,),
    )
    yield _since("last_visit", "visit", lambda past: past.interactions, "interactions")
    for kind, what in _KINDS.items():
        yield _since(f"last_{kind}", what, _of_kind(kind), "interactions")
    yield Signal(
        Column(
            "days_since_first_visit",
            "days since the first visit",
            "days",
            low=0,
            missing="no visit yet",
            reason="first visit {value:.0f} days ago",
        ),
        lambda past: past.days_since(past.interactions.first()),
        ("interactions",),
    )
    yield Signal(
        Column(
            "own_gap_elapsed",
            "days since the last purchase as a multiple of the customer's own median gap",
            "ratio",
            low=0,
            missing="fewer than two days with a purchase",
            reason="{value:.1f} times the usual time between purchases has passed",
        ),
        lambda past: past.days_since(past.purchases.last()) / past.gaps.quantile(_.gap_days, 0.5),
        (PURCHASES,),
    )
    yield Signal(
        Column(
            "cycle_elapsed",
            "days since the last purchase as a multiple of the median purchase cycle of what the customer buys",
            "ratio",
            low=0,
            missing="no purchase yet, or nobody in the shop has bought twice",
            reason="{value:.1f} times the usual purchase cycle has passed",
            buying=-1,
            population=True,
        ),
        _cycle_elapsed,
        (PURCHASES,),
    )


def _cycle_elapsed(past: Past) -> Any:
    return past.days_since(past.purchases.last()) / cycle(past).typical


RECENCY = FeatureGroup("recency", "How long ago the customer did what.", _signals)
