"""Moments of a shop: before its first event nothing is known of anybody; the last complete day is the latest to ask."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from penchant.errors import InputError

from .contract import CONTRACT
from .engine.backends import fetched
from .shop import Shop


def first_event(shop: Shop) -> datetime:
    """Return when the shop's first order or interaction was, UTC without a zone."""
    tables = {name: CONTRACT[name].time for name in ("orders", "interactions") if shop.has(name)}
    queries = [f"select min({time}) from ({shop.sql(name)})" for name, time in tables.items()]
    firsts: list[datetime | None] = [fetched(shop.backend, query)[0][0] for query in queries]
    return min(first for first in firsts if first is not None)


def last_complete_day(end: datetime, timezone: str) -> datetime:
    """Return the end of the last complete day of a shop, UTC without a zone.

    Parameters
    ----------
    end
        The end of the data, UTC without a zone.
    timezone
        The shop's.

    Examples
    --------
    >>> last_complete_day(datetime(2025, 6, 10, 15, 30), "Europe/Berlin")
    datetime.datetime(2025, 6, 9, 22, 0)
    """
    zone = ZoneInfo(timezone)
    local = end.replace(tzinfo=UTC).astimezone(zone)
    return datetime.combine(local.date(), time(), zone).astimezone(UTC).replace(tzinfo=None)


def refuse_before_data(shop: Shop, as_of: datetime, option: str = "--as-of") -> None:
    """Refuse a moment at which the shop had seen nothing yet.

    Parameters
    ----------
    shop, as_of
        The shop, and the moment, UTC without a zone.
    option
        What named it.

    Raises
    ------
    InputError
        If no event lies before it: whoever stands on the list of customers without a date would seem known.
    """
    first = first_event(shop)
    if as_of <= first:
        expected = f"a moment after the data's first event, {first:%Y-%m-%d %H:%M} UTC"
        raise InputError(f"option {option}", expected, f"{as_of:%Y-%m-%d %H:%M} UTC")
