"""Monetary: what the customer spends. Sums are exact in cents inside, and shown in the currency's major unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penchant.lazy import _

from ..history.past import Past
from .declare import money, per, signal, windowed
from .group import BOUGHT_MARGIN, FeatureGroup, Signal, Windows

AMOUNT = ("orders.amount",)


def _signals(windows: Windows) -> Iterator[Signal]:
    yield signal(
        "amount_total", "paid so far", "money", lambda past: money(past, past.purchases.sum(_.amount)), AMOUNT,
        reason="paid so far: {value:,.2f}",
    )  # fmt: skip
    yield from windowed(
        windows, "amount_{days}d", "paid in the last {days} days", "money",
        lambda past, days: money(past, past.purchases.within(days).sum(_.amount)), AMOUNT,
        reason="paid in the last {days} days: {value:,.2f}",
    )  # fmt: skip
    none = "no purchase in {days} days"
    yield from windowed(
        windows, "amount_mean_{days}d", "mean amount of a purchase in the last {days} days", "money",
        lambda past, days: money(past, past.purchases.within(days).mean(_.amount)), AMOUNT, missing=none,
        reason="mean amount of a purchase in {days} days: {value:,.2f}", low=None,
    )  # fmt: skip
    yield from windowed(
        windows, "amount_max_{days}d", "largest purchase in the last {days} days", "money",
        lambda past, days: money(past, past.purchases.within(days).max(_.amount)), AMOUNT, missing=none,
        reason="largest purchase in {days} days: {value:,.2f}", low=None,
    )  # fmt: skip
    yield from windowed(
        windows, "margin_{days}d", "margin earned in the last {days} days", "money",
        lambda past, days: money(past, past.purchases.within(days).sum(_.margin)), (*AMOUNT, BOUGHT_MARGIN),
        reason="margin earned in the last {days} days: {value:,.2f}", low=None,
        historical=False,  # costs are kept without their history
    )  # fmt: skip
    for days in windows[2:4] or windows[-1:]:
        yield _trend(days)
    yield from _basket_signals()


def _trend(days: int) -> Signal:
    def value(past: Past) -> Any:
        now = past.purchases.within(days).sum(_.amount)
        before = past.purchases.within(2 * days, until=days).sum(_.amount)
        return per(now - before, now + before)

    return signal(
        f"amount_trend_{days}d",
        f"how spending of the last {days} days compares with the {days} days before: (now - before) / (now + before)",
        "ratio", value, AMOUNT, f"nothing paid in {2 * days} days",
        ("spends more than before", "spends less than before"), low=None,
    )  # fmt: skip


def _basket_signals() -> Iterator[Signal]:
    yield signal(
        "basket_lines_mean", "mean number of lines of a purchase", "count",
        lambda past: past.purchases.mean(_.n_lines), "orders", "no purchase yet",
        "buys {value:.1f} different goods at a time on average", dtype="float64", low=1,
    )  # fmt: skip
    yield signal(
        "basket_quantity_mean", "mean number of pieces of a purchase", "count",
        lambda past: past.purchases.mean(_.quantity), "orders.quantity", "no purchase yet",
        "buys {value:.1f} pieces at a time on average", dtype="float64", low=None,
    )  # fmt: skip
    yield signal(
        "n_refunds", "orders refunded so far", "count", lambda past: past.refunds.count(), "orders.refunded_at",
        reason="{value:,.0f} orders refunded",
    )  # fmt: skip
    yield signal(
        "amount_refunded", "refunded so far", "money", lambda past: money(past, past.refunds.sum(_.amount)),
        (*AMOUNT, "orders.refunded_at"), reason="refunded so far: {value:,.2f}",
    )  # fmt: skip


MONETARY = FeatureGroup("monetary", "What the customer spends, in the currency's major unit.", _signals)
