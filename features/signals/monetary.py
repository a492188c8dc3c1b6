"""Monetary: what the customer spends. Sums are exact in cents inside, and shown in the currency's major unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ibis import _

from ..history.past import Past
from ..history.rows import Rows
from .group import BOUGHT_MARGIN, Column, FeatureGroup, Signal, Windows

AMOUNT = ("orders.amount",)


def money(past: Past, cents: Any) -> Any:
    """Return an amount of minor units in the currency's major unit."""
    return cents.cast("float64") / 10**past.history.shop.decimals


def _sum(name: str, what: str, rows: Callable[[Past], Rows], value: Any, needs: tuple[str, ...]) -> Signal:
    low = None if name.startswith("margin") else 0
    is_margin = name.startswith("margin")  # costs are kept without their history
    column = Column(name, what, "money", low=low, reason=f"{what}: {{value:,.2f}}", historical=not is_margin)
    return Signal(column, lambda past: money(past, rows(past).sum(value)), needs)


def _recent(days: int) -> Callable[[Past], Rows]:
    return lambda past: past.purchases.within(days)


def _of_purchases(name: str, days: int, what: str, ask: Callable[[Rows], Any]) -> Signal:
    column = Column(
        f"amount_{name}_{days}d",
        f"{what} in the last {days} days",
        "money",
        missing=f"no purchase in {days} days",
        reason=f"{what} in {days} days: {{value:,.2f}}",
    )
    return Signal(column, lambda past: money(past, ask(past.purchases.within(days))), AMOUNT)


def _windowed(windows: Windows) -> Iterator[Signal]:
    for days in windows:
        yield _sum(f"amount_{days}d", f"paid in the last {days} days", _recent(days), _.amount, AMOUNT)
    for days in windows:
        yield _of_purchases("mean", days, "mean amount of a purchase", lambda rows: rows.mean(_.amount))
    for days in windows:
        yield _of_purchases("max", days, "largest purchase", lambda rows: rows.max(_.amount))
    for days in windows:
        needs = (*AMOUNT, BOUGHT_MARGIN)
        yield _sum(f"margin_{days}d", f"margin earned in the last {days} days", _recent(days), _.margin, needs)


def _trend(days: int) -> Signal:
    def value(past: Past) -> Any:
        now = past.purchases.within(days).sum(_.amount)
        before = past.purchases.within(2 * days, until=days).sum(_.amount)
        return (now - before) / (now + before).nullif(0)

    column = Column(
        f"amount_trend_{days}d",
        f"how spending of the last {days} days compares with the {days} days before: (now - before) / (now + before)",
        "ratio",
        missing=f"nothing paid in {2 * days} days",
        reason=("spends more than before", "spends less than before"),
    )
    return Signal(column, value, AMOUNT)


def _signals(windows: Windows) -> Iterator[Signal]:
    yield _sum("amount_total", "paid so far", lambda past: past.purchases, _.amount, AMOUNT)
    yield from _windowed(windows)
    for days in windows[2:4] or windows[-1:]:
        yield _trend(days)
    yield Signal(
        Column("basket_lines_mean", "mean number of lines of a purchase", "count", low=1, missing="no purchase yet"),
        lambda past: past.purchases.mean(_.n_lines),
        ("orders",),
    )
    yield Signal(
        Column("basket_quantity_mean", "mean number of pieces of a purchase", "count", missing="no purchase yet"),
        lambda past: past.purchases.mean(_.quantity),
        ("orders.quantity",),
    )
    yield Signal(
        Column("n_refunds", "orders refunded so far", "count", "int64", low=0, reason="{value:,.0f} orders refunded"),
        lambda past: past.refunds.count(),
        ("orders.refunded_at",),
    )
    yield _sum(
        "amount_refunded", "refunded so far", lambda past: past.refunds, _.amount, (*AMOUNT, "orders.refunded_at")
    )


MONETARY = FeatureGroup("monetary", "What the customer spends, in the currency's major unit.", _signals)
