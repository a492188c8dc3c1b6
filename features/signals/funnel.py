"""Funnel and journey: what is open, how the customer gets from one step to the next, how a visit looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from penchant.lazy import _, ibis

from ..engine.times import days_before
from ..history.past import Past
from ..history.rows import Rows
from .declare import AskRows, money, of_kind, per, signal
from .group import PURCHASES, FeatureGroup, Signal, Windows

OPEN_DAYS = 30
LOOK_BACK_DAYS = 365
HELD = {"cart": "items in the cart", "favorite": "favourites"}
ITEM = "interactions.item_id"


def open_items(past: Past, kind: str) -> Rows:
    """Return one row per spine row and item that was put into the cart or made a favourite, and not ordered since.

    Columns: item_id, held_at (the last time), price (the highest that was shown; missing where none was).
    """
    held = past.rows("held_items", lambda: _held_items(past))
    last = held.relation[f"{kind}_at"]
    return held.where(last.notnull(), held.relation.ordered_at.isnull() | (held.relation.ordered_at < last))


def _held_items(past: Past) -> Any:
    acts = past.rows("item_acts", lambda: _item_acts(past))
    return acts.per(
        "item_id",
        cart_at=lambda rows: rows.where(_.kind == "cart").last(),
        favorite_at=lambda rows: rows.where(_.kind == "favorite").last(),
        ordered_at=lambda rows: rows.where(_.kind == "order").last(),
        cart_price=lambda rows: rows.where(_.kind == "cart").max(_.price),
        favorite_price=lambda rows: rows.where(_.kind == "favorite").max(_.price),
    ).relation


def _item_acts(past: Past) -> Any:
    """Return what was put into carts and favourites of late, and what was ordered meanwhile, by item."""
    acts = past.interactions.relation
    acts = acts.filter(acts["at"] >= days_before(acts.as_of, OPEN_DAYS))
    price = acts.price if past.has("interactions", "price") else ibis.null("int64")
    kind = ibis.cases((acts.kind.isin(("order", "pay")), "order"), else_=acts.kind)
    kept = acts.filter(acts.kind.isin(("cart", "favorite", "order", "pay")))
    parts = [kept.select("row", "as_of", "at", "item_id", kind=kind, price=price)]
    if past.has("orders", "item_id"):
        lines = past.placed_lines.relation
        lines = lines.filter(lines["at"] >= days_before(lines.as_of, OPEN_DAYS))
        parts.append(
            lines.select("row", "as_of", "at", "item_id", kind=ibis.literal("order"), price=ibis.null("int64"))
        )
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _signals(_windows: Windows) -> Iterator[Signal]:
    for kind, plural in HELD.items():
        yield from _open_signals(kind, plural)
    yield from _unpaid_signals()
    yield from _rate_signals()
    yield from _visit_signals()
    yield from _channel_signals()


def _open_signals(kind: str, plural: str) -> Iterator[Signal]:
    yield signal(
        f"n_open_{kind}", f"open {plural} (put there in the last {OPEN_DAYS} days, not ordered since)", "count",
        lambda past: open_items(past, kind).count(), ITEM, reason=f"{{value:,.0f}} open {plural}",
    )  # fmt: skip
    yield signal(
        f"open_{kind}_age_days", f"days since the last of the open {plural} was put there", "days",
        lambda past: past.days_since(open_items(past, kind).max(_[f"{kind}_at"])), ITEM, f"no open {plural}",
        f"open {plural} for {{value:.0f}} days", high=OPEN_DAYS,
    )  # fmt: skip
    yield signal(
        f"open_{kind}_value", f"sum of the highest prices at which the open {plural} were shown", "money",
        lambda past: money(past, open_items(past, kind).sum(_[f"{kind}_price"])), (ITEM, "interactions.price"),
        reason=f"open {plural} worth {{value:,.2f}}",
    )  # fmt: skip


def _unpaid_signals() -> Iterator[Signal]:
    needs = ("orders.paid_at|orders.status",)
    yield signal(
        "n_unpaid_orders", "open orders that are not paid", "count", lambda past: past.unpaid.count(), needs,
        reason="{value:,.0f} unpaid orders",
    )  # fmt: skip
    yield _unpaid_age("last", "youngest", Rows.last, needs)
    yield _unpaid_age("first", "oldest", Rows.first, needs)
    yield signal(
        "amount_unpaid", "amount of the unpaid orders", "money", lambda past: money(past, past.unpaid.sum(_.amount)),
        (*needs, "orders.amount"), reason="{value:,.2f} not paid yet",
    )  # fmt: skip


def _unpaid_age(name: str, which: str, ask: Callable[[Rows], Any], needs: tuple[str, ...]) -> Signal:
    return signal(
        f"unpaid_{name}_age_days", f"days since the {which} unpaid order was placed", "days",
        lambda past: past.days_since(ask(past.unpaid)), needs, "no unpaid order",
        f"{which} unpaid order {{value:.0f}} days old",
    )  # fmt: skip


def _rate_signals() -> Iterator[Signal]:
    yield _rate("favorite_per_view", "favourites per view", of_kind("favorite"), "view")
    yield _rate("cart_per_view", "items put into the cart per view", of_kind("cart"), "view")
    yield _rate("purchase_per_cart", "purchases per item put into the cart", lambda past: past.purchases, "cart")
    yield _rate("purchase_per_view", "purchases per view", lambda past: past.purchases, "view")


def _rate(name: str, meaning: str, done: AskRows, of: str) -> Signal:
    return signal(
        name, f"{meaning} in the last {LOOK_BACK_DAYS} days", "ratio",
        lambda past: per(
            done(past).within(LOOK_BACK_DAYS).count(), of_kind(of)(past).within(LOOK_BACK_DAYS).count()
        ),
        ("interactions", PURCHASES), f"no {of} in {LOOK_BACK_DAYS} days", f"{{value:.2f}} {meaning}",
    )  # fmt: skip


def _visit_signals(days: int = 90) -> Iterator[Signal]:
    yield signal(
        f"n_sessions_{days}d",
        f"sessions begun in the last {days} days (30 minutes without anything done end one)", "count",
        lambda past: past.sessions.within(days).count(), "interactions",
        reason=f"{{value:,.0f}} sessions in {days} days",
    )  # fmt: skip
    yield signal(
        "session_depth", f"things done per session in the last {days} days", "ratio",
        lambda past: per(past.interactions.within(days).count(), past.sessions.within(days).count()), "interactions",
        f"no session in {days} days", "{value:.1f} things done per session",
    )  # fmt: skip
    yield signal(
        "dwell_mean_seconds", f"mean time spent on one thing in the last {days} days", "ratio",
        lambda past: past.interactions.within(days).mean(_.dwell_seconds), "interactions.dwell_seconds",
        f"not known how long visits of {days} days were", "stays {value:.0f} seconds on average", unit="seconds",
    )  # fmt: skip


def channels(past: Past) -> Rows:
    """Return one row per spine row and channel of the last year: channel, n, rank (0 = the most used, ties by name)."""
    return past.rows("channels_used", lambda: _channels(past))


def _channels(past: Past) -> Any:
    used = past.interactions.within(LOOK_BACK_DAYS).per("channel", n=lambda rows: rows.count()).relation
    most = [ibis.desc("n"), ibis.asc("channel")]
    return used.mutate(rank=ibis.row_number().over(group_by="row", order_by=most))


def _channel_signals() -> Iterator[Signal]:
    needs, none = "interactions.channel", f"no channel known in {LOOK_BACK_DAYS} days"
    yield signal(
        "channel_top", "most used channel of the last year", "code",
        lambda past: channels(past).where(_.rank == 0).max(_.channel), needs, none, "comes through {value}",
    )  # fmt: skip
    yield signal(
        "channel_top_share", "share of channel_top in all that was done in the last year", "share",
        lambda past: per(channels(past).where(_.rank == 0).max(_.n), channels(past).sum(_.n)), needs, none,
        "{value:.0%} through one channel",
    )  # fmt: skip
    yield signal(
        "n_channels", "channels used in the last year", "count", lambda past: channels(past).count(), needs,
        reason="{value:,.0f} channels used",
    )  # fmt: skip


FUNNEL = FeatureGroup("funnel", "What is open, how the customer gets from step to step, how a visit looks.", _signals)
