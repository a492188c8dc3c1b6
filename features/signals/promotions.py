"""The buyers of a promotion: all of them, who was new with it or returning, and who came back after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial, reduce
from operator import or_
from types import MappingProxyType
from typing import Any

from penchant.errors import InputError, did_you_mean
from penchant.lazy import _, ibis

from ..engine.times import instant
from ..history.past import Past
from ..history.rows import Rows
from ..shop import Shop
from .crowd import Crowd
from .declare import money
from .group import PURCHASES
from .holiday import Span, merged

CALENDAR = ("calendar", PURCHASES)
PARTS: Mapping[str, str] = MappingProxyType(
    {
        "bought": "bought in '{name}'",
        "new_with": "bought in '{name}' and never before it",
        "returning": "bought in '{name}', having bought before it",
        "came_back": "bought in '{name}', and again after its end",
        "not_back": "bought in '{name}', and not again after its end",
        "once": "bought in '{name}', and at no other time",
    }
)  # part of a promotion's buyers -> who they are


def promotion_buyers(name: str, part: str = "bought", least: float | None = None) -> Crowd:
    """Return the buyers of a promotion of the calendar, or a part of them.

    Who bought in any edition of it. *New with it* are those whose first purchase was inside one, *returning* all
    others. Who *came back* bought in an edition, and again after its end.

    Parameters
    ----------
    name
        The calendar's name of the promotion.
    part
        A key of ``PARTS``.
    least
        The least amount, in major units, that was paid for orders of one edition; default: any.
    """
    meaning = PARTS[part].format(name=name)
    needs: tuple[str, ...] = CALENDAR
    if least is not None:
        meaning, needs = meaning.replace("bought in", f"spent {least:,g} or more in"), (*CALENDAR, "orders.amount")
    suffix = "" if least is None else f">={least:g}"
    return Crowd(f"{part}:{name}{suffix}", meaning, partial(_in_part, name, part, least), needs)


def _in_part(name: str, part: str, least: float | None, past: Past) -> Any:
    editions = past.history.remembered(f"promotion {name}", lambda: _editions(past.history.shop, name))
    first = past.purchases.min(_.ordered_at)
    bought = _any([_bought_in(past, one, least) for one in editions])
    is_new = _any([(first >= instant(start)) & (first < instant(end)) for start, end in editions])
    came_back = _any([_bought_in(past, one, least) & _bought_after(past, one) for one in editions])
    parts = {
        "bought": bought,
        "new_with": bought & is_new,
        "returning": bought & ~is_new,
        "came_back": came_back,
        "not_back": bought & ~came_back,
        "once": _any([_bought_in(past, one, least) & _only_then(past, one) for one in editions]),
    }
    return parts[part].fill_null(False)


def _any(conditions: Sequence[Any]) -> Any:
    return reduce(or_, conditions, ibis.literal(False))


def _editions(shop: Shop, name: str) -> list[Span]:
    calendar = _promotions(shop)
    return merged(calendar.filter(calendar["name"] == name))


def _promotions(shop: Shop) -> Any:
    calendar = shop.tables["calendar"]
    return calendar.filter(calendar.kind == "promotion") if shop.has("calendar", "kind") else calendar


def _inside(past: Past, edition: Span) -> Rows:
    start, end = map(instant, edition)
    return past.purchases.where(_.ordered_at >= start, _.ordered_at < end)


def _bought_in(past: Past, edition: Span, least: float | None) -> Any:
    rows = _inside(past, edition)
    return rows.any() if least is None else rows.any() & (money(past, rows.sum(_.amount)) >= least)


def _bought_after(past: Past, edition: Span) -> Any:
    return past.purchases.where(_.ordered_at >= instant(edition[1])).any()


def _only_then(past: Past, edition: Span) -> Any:
    return _inside(past, edition).count() == past.purchases.count()


def promotion_names(shop: Shop, before: datetime) -> tuple[str, ...]:
    """Return the promotions of the calendar that had begun before an instant, by name."""
    if not shop.has("calendar"):
        return ()
    names = _promotions(shop).filter(_.starts_at < instant(before)).select("name").distinct()
    return tuple(sorted(names.to_pandas()["name"].dropna()))


def promotion_part(name: str, promotions: Sequence[str]) -> Crowd:
    """Return the crowd of a name such as ``new_with:11.11>=299``."""
    part, _colon, rest = name.partition(":")
    least = None
    if rest not in promotions and ">=" in rest:
        rest, _sign, amount = rest.rpartition(">=")
        least = _amount(name, amount)
    if rest not in promotions:
        hint = did_you_mean(rest, promotions) if promotions else "The calendar has none that had begun"
        raise InputError(f"crowd '{name}'", "a promotion of the calendar", f"'{rest}'", hint)
    return promotion_buyers(rest, part, least)


def _amount(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"crowd '{name}'", "an amount after '>='", f"'{text}'") from None
