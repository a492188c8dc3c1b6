"""Which tables of the deeper insights the pages show, and how their cells are written.

A table is declared once: its columns in order, each with how it is written. Titles and columns stand in the page's
catalogue as ``insight.PAGE.TABLE`` and ``column.NAME``, or ``column.TABLE.NAME`` where it means something else there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .words import UNKNOWN, Phrases, number_in

MOST_ROWS = 12


@dataclass(frozen=True)
class ShownTable:
    """A table of an insight as a page shows it.

    Parameters
    ----------
    name
        In the insight's JSON.
    columns
        Column -> how it is written: `WRITTEN`, or the kind of word that it is, such as ``stage``.
    """

    name: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class WrittenTable:
    """A table in the reader's language: title, heads and rows; each head and cell says whether it is of numbers."""

    title: str
    lead: str
    heads: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[tuple[str, str, bool], ...], ...]


_COUNT = {"n": "number"}
_STEPS = {"sent": "number", **dict.fromkeys(("opened", "clicked", "redeemed", "came", "bought"), "share")}
_POOLED = {"n_campaigns": "number", "n_treated": "number", "points": "signed_2"}
_ARM = {"n": "number", "orders": "number", "bought": "share", "service": "share", "revenue": "money", "margin": "money"}
_PATH = dict.fromkeys(("came", "viewed", "favourite or cart", "ordered", "paid"), "share")

INSIGHTS: Mapping[str, tuple[ShownTable, ...]] = MappingProxyType(
    {
        "value": (
            ShownTable(
                "stages",
                {"stage": "stage", "n_customers": "number", "ordered": "share", "orders_each": "number_2",
                 "value_each": "worth", "ratio": "number_1"},
            ),
            ShownTable(
                "orders",
                {"stage": "stage", "n_ordered": "number", "difference": "worth", "one_order": "worth",
                 "worth": "worth"},
            ),
        ),
        "retention": (
            ShownTable(
                "by_category_id",
                {"value": "core", **_COUNT, **dict.fromkeys(("semi_active", "silent", "churned"), "number")},
            ),
        ),
        "lookalikes": (
            ShownTable(
                "traits_found",
                {"trait": "core", "value": "core", "of_best": "share", "of_strangers": "share", "index": "number"},
            ),
            ShownTable("fifths", {"fifth": "text", **_COUNT, "good": "share", "paid": "money"}),
        ),
        "loyalty": (
            ShownTable(
                "members",
                {"level": "core", "n_members": "number", "n_end_soon": "number", "n_ended": "number",
                 "renewed": "share"},
            ),
            ShownTable("points", {"what": "core", "n_customers": "number", "points": "number", "each": "number"}),
            ShownTable(
                "referrals", {"who": "core", "n_customers": "number", "bought": "share", "each": "money"}
            ),
        ),
        "contacts": (
            ShownTable("by_channel", {"channel": "channel", **_STEPS}),
            ShownTable("by_hour", {"hour": "number", "sent": "number", "opened": "share", "more": "change_1"}),
            ShownTable("fatigue", {"before": "core", "sent": "number", "opened": "share", "clicked": "share"}),
        ),
        "compared": (
            ShownTable("by_channel", {"channel": "channel", **_POOLED}),
            ShownTable("by_offer", {"offer": "offer", **_POOLED}),
            ShownTable("by_goal", {"goal": "goal", **_POOLED}),
            ShownTable("pairs", {"first": "text", "second": "text", "points": "signed_2", "verdict": "core"}),
            ShownTable(
                "forecasts", {"campaign": "text", "promised": "signed_1", "came": "signed_1", "verdict": "core"}
            ),
        ),
        "offers": (
            ShownTable(
                "redemption", {"kind": "offer", "n_acted": "number", "n_redeemed": "number", "rate": "share"}
            ),
            ShownTable(
                "thresholds",
                {"threshold": "money", "reach": "share", "near": "share", "basket": "money", "margin": "money",
                 "value": "money"},
            ),
        ),
        "concerns": (
            ShownTable(
                "concerns",
                {"category": "text", "topic": "core", **_COUNT, "share": "share", "of_new": "share",
                 "of_returning": "share"},
            ),
        ),
        "winning": (
            ShownTable("new", {"channel": "channel", "amount": "money", **_COUNT, "each": "money"}),
            ShownTable("back", {"campaign": "text", **_COUNT, "orders": "signed_1", "each": "money"}),
        ),
        "returned": (
            ShownTable("by_category", {"category": "text", **_COUNT, "share": "share"}),
            ShownTable("by_item", {"item": "text", **_COUNT, "share": "share"}),
            ShownTable("together_category", {"first": "text", "second": "text", **_COUNT, "lift": "number_2"}),
            ShownTable("path", {"who": "core", **_COUNT, **_PATH}),
        ),
        "elasticity": (
            ShownTable("arms", {"arm": "offer", "price": "money", **_ARM}),
            ShownTable(
                "elasticity", {"first": "text", "second": "text", "ratio": "number_2", "elasticity": "signed_2"}
            ),
        ),
        "joint_price": (
            ShownTable(
                "prices",
                {"price": "money", "orders": "number_1", "revenue": "money", "margin": "money",
                 "break_even": "number_2"},
            ),
            ShownTable("rates", {"held_in": "core", **_COUNT, "rate": "share", "n_now": "number"}),
        ),
    }
)  # fmt: skip
OF_CUSTOMERS = ("value", "retention", "lookalikes", "loyalty")
OF_CAMPAIGN = ("returned", "elasticity")  # asked for one by one
OF_CAMPAIGNS = ("contacts", "compared", "offers", "winning", "concerns")


def written_tables(t: Phrases, name: str, page: Mapping[str, Any]) -> list[WrittenTable]:
    """Return the tables of an insight in the reader's language; those without rows are left out."""
    return [_written(t, name, table, page) for table in INSIGHTS[name] if page.get(table.name)]


def _written(t: Phrases, name: str, table: ShownTable, page: Mapping[str, Any]) -> WrittenTable:
    rows = page[table.name][:MOST_ROWS]
    shown = {column: how for column, how in table.columns.items() if any(row.get(column) is not None for row in rows)}
    is_money = page.get("measure") != "orders"
    heads = tuple((_head(t, table.name, column), _is_number(how)) for column, how in shown.items())
    cells = tuple(
        tuple(
            (*written_cell(t, how, row.get(column), is_money=is_money), _is_number(how))
            for column, how in shown.items()
        )
        for row in rows
    )
    title, lead = f"insight.{name}.{table.name}", f"insight.{name}.{table.name}.lead"
    return WrittenTable(t(title), t(lead) if t(lead) != lead else "", heads, cells)


def _head(t: Phrases, table: str, column: str) -> str:
    """Return a column's title: the one that it has in its table, else the one that it has everywhere."""
    own = f"column.{table}.{column}"
    return t(own) if t(own) != own else t.of("column", column)


def _is_number(how: str) -> bool:
    return how.partition("_")[0] in ("number", "share", "money", "worth", "signed", "change")


def written_cell(t: Phrases, how: str, value: Any, *, is_money: bool = True) -> tuple[str, str]:
    """Return a cell and its interval, both as people read them; the interval is empty where there is none.

    Parameters
    ----------
    t
        The reader's language.
    how
        number, share, money, worth (money, or orders where the shop knows no amounts), signed or change, with the
        digits after ``_``; core, text or signal; else a kind of word.
    value
        Text, a number, or ``{"value", "low", "high"}``.
    is_money
        Whether worth is money.
    """
    kind, _sign, digits = how.partition("_")
    plain = number_in(value)
    if plain is None:
        return UNKNOWN, ""
    if kind == "worth":
        kind, digits = ("money", "") if is_money else ("number", "2")
    if kind == "money":
        return t.money(plain), t.interval(value, "money")
    if kind == "share":
        return t.share(plain), t.interval(value, "share")
    if kind in ("number", "signed", "change"):
        places = int(digits or 0)
        return getattr(t, kind)(plain, places), t.interval(value, kind, digits=places)
    text = str(plain).strip()
    if kind == "text":
        return text, ""
    return (t.core(text) if kind == "core" else t.signal(text) if kind == "signal" else t.of(kind, text)), ""
