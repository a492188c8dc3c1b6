"""Contact history: how often the customer was contacted, what came of it, and whether it has become too much."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from penchant.lazy import _, ibis

from ..engine.backends import fetched
from ..history.past import Past
from ..history.rows import Rows
from ..shop import Shop
from .declare import per, signal, windowed
from .group import FeatureGroup, Signal, Windows

CHANNELS = ("email", "sms", "push", "phone")  # of any shop
MOST_CHANNELS = 12
RESPONSES = {
    "contacted": "contacts",
    "opened": "messages opened",
    "clicked": "messages clicked",
    "redeemed": "offers redeemed",
}
RATE_DAYS = 365
FATIGUE_DAYS = 90


def channels_of(shop: Shop) -> tuple[str, ...]:
    """Return the usual channels and those of a shop's campaigns, by name: of very many, those of the most campaigns.

    The usual ones stay though no campaign names them yet, so that the signals of a model outlast the first campaigns.
    """
    if not shop.has("campaigns", "channel"):
        return CHANNELS
    named = f"select cast(channel as string) as named from ({shop.sql('campaigns')}) where channel is not null"
    counts = dict(fetched(shop.backend, f"select named, count(*) from ({named}) group by named"))
    others = sorted(counts.keys() - set(CHANNELS), key=lambda name: (-counts[name], name))
    return (*CHANNELS, *sorted(others[:MOST_CHANNELS]))


def contact_group(channels: tuple[str, ...] = CHANNELS) -> FeatureGroup:
    """Return the group of contact history, with counts for each of the channels."""
    return FeatureGroup(
        "contact",
        "How often the customer was contacted, and what came of it.",
        partial(_signals, channels),
        ("assignments.contacted_at",),
    )


def _signals(channels: tuple[str, ...], windows: Windows) -> Iterator[Signal]:
    for what in RESPONSES:
        yield from _count(windows, what)
    alike: dict[str, list[str]] = {}
    for channel in channels:
        alike.setdefault(_plain(channel), []).append(channel)
    for name, same in alike.items():
        for what in RESPONSES:
            yield from _count(dict.fromkeys((windows[len(windows) // 2], windows[-1])), what, name, same)
    yield _since("contacted", "contact")
    yield _since("clicked", "click")
    for what in ("opened", "clicked", "redeemed"):
        yield _rate(what)
    yield signal(
        "contact_channel", f"channel whose messages were opened most often per contact in the last {RATE_DAYS} days",
        "code", lambda past: _opened_most(past, alike), ("assignments.opened_at", "campaigns.channel"),
        f"no message opened in {RATE_DAYS} days", "opens messages through {value}",
    )  # fmt: skip
    yield signal(
        f"n_contacts_unanswered_{FATIGUE_DAYS}d",
        f"contacts in the last {FATIGUE_DAYS} days since the last click: how tired of messages the customer may be",
        "count", lambda past: _unanswered(past).count(), "assignments.clicked_at",
        reason="{value:,.0f} contacts without a click",
    )  # fmt: skip


def _count(windows: Iterable[int], what: str, channel: str = "", same: Sequence[str] = ()) -> Iterator[Signal]:
    """Yield counts of responses; of a channel where one is named: those that are called alike count together."""
    through = f" through {channel.replace('_', ' ')}" if channel else ""

    def value(past: Past, days: int) -> Any:
        rows = past.responses(what).within(days)
        return (rows.where(_.channel.isin(same)) if channel else rows).count()

    return windowed(
        windows, f"n_{what}_{channel + '_' if channel else ''}{{days}}d",
        f"{RESPONSES[what]}{through} in the last {{days}} days", "count", value,
        (f"assignments.{what}_at", *(("campaigns.channel",) if channel else ())),
        reason=f"{{value:,.0f}} {RESPONSES[what]}{through} in {{days}} days",
    )  # fmt: skip


def _plain(channel: str) -> str:
    """Return a channel as a part of a column's name."""
    return re.sub(r"\W+", "_", channel.lower()).strip("_") or "other"


def _since(what: str, contact: str) -> Signal:
    return signal(
        f"days_since_last_{contact}", f"days since the last {contact}", "days",
        lambda past: past.days_since(past.responses(what).last()), f"assignments.{what}_at", f"no {contact} yet",
        f"last {contact} {{value:.0f}} days ago",
    )  # fmt: skip


def _rate(what: str) -> Signal:
    def value(past: Past) -> Any:
        contacts = past.responses("contacted").within(RATE_DAYS).count()
        return per(past.responses(what).within(RATE_DAYS).count(), contacts)

    return signal(
        f"contact_{what}_rate", f"{RESPONSES[what]} per contact in the last {RATE_DAYS} days", "ratio", value,
        f"assignments.{what}_at", f"no contact in {RATE_DAYS} days", f"{{value:.0%}} of the contacts {what}",
    )  # fmt: skip


def _opened_most(past: Past, alike: Mapping[str, Sequence[str]]) -> Any:
    """Return the channel of the highest rate of opening, each as if with one of four further contacts opened."""

    def counted(what: str, same: Sequence[str]) -> Any:
        return past.responses(what).within(RATE_DAYS).where(_.channel.isin(same)).count()

    rates, opened = [], past.responses("opened").within(RATE_DAYS).count()
    for same in alike.values():
        n = counted("contacted", same)
        rates.append(ibis.cases((n > 0, (counted("opened", same) + 1) / (n + 4)), else_=0.0))
    best = ibis.greatest(*rates)
    cases = [((opened > 0) & (best > 0) & (rate == best), name) for name, rate in zip(alike, rates, strict=True)]
    return ibis.cases(*cases)


def _unanswered(past: Past) -> Rows:
    return past.rows("unanswered", lambda: _since_click(past)).within(FATIGUE_DAYS)


def _since_click(past: Past) -> Any:
    contacts, clicks = past.responses("contacted").relation, past.responses("clicked").relation
    last = clicks.group_by("row").aggregate(clicked_last_at=clicks["at"].max()).rename(clicked_row="row")
    joined = contacts.left_join(last, contacts.row == last.clicked_row)
    later = joined.filter(joined.clicked_last_at.isnull() | (joined["at"] > joined.clicked_last_at))
    return later.select("row", "as_of", "at")


CONTACT = contact_group()
