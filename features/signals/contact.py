"""Contact history: how often the customer was contacted, what came of it, and whether it has become too much."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from ibis import _

from ..history.past import Past
from ..history.rows import Rows
from ..shop import Shop
from .group import Column, FeatureGroup, Signal, Windows

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
    named = shop.tables["campaigns"].select("channel").to_pandas()["channel"].dropna().astype(str)
    counts = named[~named.isin(CHANNELS)].value_counts().sort_index(kind="stable")
    counts = counts.sort_values(ascending=False, kind="stable")
    return (*CHANNELS, *sorted(counts.index[:MOST_CHANNELS]))


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
        for days in windows:
            yield _count(what, days)
    alike: dict[str, list[str]] = {}
    for channel in channels:
        alike.setdefault(_plain(channel), []).append(channel)
    for name, same in alike.items():
        for what in RESPONSES:
            for days in dict.fromkeys((windows[len(windows) // 2], windows[-1])):
                yield _count(what, days, name, same)
    for what in ("contacted", "clicked"):
        yield _since(what)
    for what in ("opened", "clicked", "redeemed"):
        yield _rate(what)
    yield Signal(
        Column(
            f"n_contacts_unanswered_{FATIGUE_DAYS}d",
            f"contacts in the last {FATIGUE_DAYS} days since the last click: how tired of messages the customer may be",
            "count",
            "int64",
            low=0,
            reason="{value:,.0f} contacts without a click",
        ),
        lambda past: _unanswered(past).count(),
        ("assignments.clicked_at",),
    )


def _count(what: str, days: int, channel: str = "", same: Sequence[str] = ()) -> Signal:
    """Return a count of responses; of a channel where one is named: those that are called alike count together."""
    through = f" through {channel.replace('_', ' ')}" if channel else ""
    column = Column(
        f"n_{what}_{channel + '_' if channel else ''}{days}d",
        f"{RESPONSES[what]}{through} in the last {days} days",
        "count",
        "int64",
        low=0,
        reason=f"{{value:,.0f}} {RESPONSES[what]}{through} in {days} days",
    )

    def value(past: Past) -> Any:
        rows = past.responses(what).within(days)
        return (rows.where(_.channel.isin(same)) if channel else rows).count()

    return Signal(column, value, (f"assignments.{what}_at", *(("campaigns.channel",) if channel else ())))


def _plain(channel: str) -> str:
    """Return a channel as a part of a column's name."""
    return re.sub(r"\W+", "_", channel.lower()).strip("_") or "other"


def _since(what: str) -> Signal:
    one = {"contacted": "contact", "clicked": "click"}[what]
    column = Column(
        f"days_since_last_{one}",
        f"days since the last {one}",
        "days",
        low=0,
        missing=f"no {one} yet",
        reason=f"last {one} {{value:.0f}} days ago",
    )
    return Signal(column, lambda past: past.days_since(past.responses(what).last()), (f"assignments.{what}_at",))


def _rate(what: str) -> Signal:
    def value(past: Past) -> Any:
        contacts = past.responses("contacted").within(RATE_DAYS).count()
        return past.responses(what).within(RATE_DAYS).count() / contacts.nullif(0)

    column = Column(
        f"contact_{what}_rate",
        f"{RESPONSES[what]} per contact in the last {RATE_DAYS} days",
        "ratio",
        low=0,
        missing=f"no contact in {RATE_DAYS} days",
        reason=f"{{value:.0%}} of the contacts {what}",
    )
    return Signal(column, value, (f"assignments.{what}_at",))


def _unanswered(past: Past) -> Rows:
    return past.rows("unanswered", lambda: _since_click(past)).within(FATIGUE_DAYS)


def _since_click(past: Past) -> Any:
    contacts, clicks = past.responses("contacted").relation, past.responses("clicked").relation
    last = clicks.group_by("row").aggregate(clicked_last_at=clicks["at"].max()).rename(clicked_row="row")
    joined = contacts.left_join(last, contacts.row == last.clicked_row)
    later = joined.filter(joined.clicked_last_at.isnull() | (joined["at"] > joined.clicked_last_at))
    return later.select("row", "as_of", "at")


CONTACT = contact_group()
