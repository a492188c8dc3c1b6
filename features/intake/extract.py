"""What a shop's accepted tables say together: orders that are payments, and where the extract ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ..contract import CONTRACT
from .crosschecks import EMPTY_DAYS, lonely_end
from .findings import finding
from .raw import Gate
from .report import Finding
from .settings import Settings

EVENTS = ("orders", "interactions")
_DAY = timedelta(days=1)


def orders_from_payments(gate: Gate, names: dict[str, tuple[str, ...]]) -> list[str]:
    """Give a shop without orders one paid order of unknown amount for each payment."""
    n_payments = gate.row("select count(*) from interactions where kind = 'pay'")[0]
    if not n_payments:
        return []
    taken = [name for name in ("item_id", "category_id") if name in names["interactions"]]
    columns = ", ".join(["customer_id", "occurred_at as ordered_at", *taken])
    gate.execute(f"create view orders as select {columns} from interactions where kind = 'pay'")
    names["orders"] = ("customer_id", "ordered_at", *taken)
    return [f"There is no table of orders: each of {n_payments:,} payments counts as a paid order of unknown amount."]


def untimed_ends(gate: Gate, settings: Settings, names: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return how many orders ended without a time, and how much they amount to, as sentences."""
    if "orders" not in settings.tables or "status" not in names.get("orders", ()):
        return []
    counted = settings.counts_untimed_refunds
    fates = {
        "cancelled": "never count",
        "refunded": "count as purchases, as shop.untimed_refunds says"
        if counted
        else "never count (shop.untimed_refunds = 'count' would count them as purchases)",
    }
    sums = "sum(amount)" if "amount" in names["orders"] else "null"
    notes = []
    for status, fate in fates.items():
        time = f"{status}_at is null" if f"{status}_at" in names["orders"] else "true"
        n_lines, cents = gate.row(f"select count(*), {sums} from orders where status = '{status}' and {time}")
        worth = "" if cents is None else f", {int(cents) / 10**settings.decimals:,.2f} {settings.currency},"
        if n_lines:
            notes.append(f"{n_lines:,} order lines{worth} are {status} without a time: they {fate}.")
    return notes


def record_excluded_times(gate: Gate, table: str, rows: str) -> None:
    """Record when excluded rows of orders or interactions happened: they are of the extract, though not of the shop.

    ``rows`` is the SQL of the excluded rows, without a select: ``from ... where ...``.
    """
    if table in EVENTS:
        at = CONTRACT[table].time
        gate.execute(f"create or replace temp table {_excluded(table)} as select distinct {at} as excluded_at {rows}")


def _excluded(table: str) -> str:
    return f"excluded_{table}_times"


def extract_end(
    gate: Gate, settings: Settings, names: Mapping[str, tuple[str, ...]]
) -> tuple[datetime | None, list[tuple[str, Finding]]]:
    """Return the extract's end, and doubts about one that follows from the data.

    It is the latest event, excluded ones within 30 days after it included; where a table has dates alone, the end of
    its last day.
    """
    if settings.end is not None:
        return settings.end, []
    latest: list[datetime] = []
    doubts: list[tuple[str, Finding]] = []
    for table in (table for table in EVENTS if table in names):
        at = str(CONTRACT[table].time)
        days = gate.rows(f"select {at}::date, count(*), max({at}) from {table} group by 1 order by 1")
        if not days:
            continue
        latest.append(_end_of(gate, settings, table, days[-1][2]))
        lonely = lonely_end((day, n_rows) for day, n_rows, _ in days)
        level = settings.severity[table]["lonely_end"]
        if lonely and level != "ignore" and table in settings.tables:
            detail = f"after {lonely[0]} come only those, up to {days[-1][2]}"
            doubts.append((table, finding("lonely_end", level, lonely[1], detail, at)))
    return max(latest, default=None), doubts


def _end_of(gate: Gate, settings: Settings, table: str, last: datetime) -> datetime:
    """Return up to when a table is complete, of which the last accepted row is known."""
    if gate.rows(f"select 1 from duckdb_tables() where table_name = '{_excluded(table)}'"):
        near = f"excluded_at > timestamp '{last}' and excluded_at <= timestamp '{last}' + interval {EMPTY_DAYS} days"
        last = gate.row(f"select max(excluded_at) from {_excluded(table)} where {near}")[0] or last
    zone = _zone_of_dates(gate, settings, table)
    return last if zone is None else _start_of_day(last.replace(tzinfo=UTC).astimezone(zone).date() + _DAY, zone)


def _zone_of_dates(gate: Gate, settings: Settings, table: str) -> ZoneInfo | None:
    """Return the zone in which all of a table's times begin a day; None where they are not dates alone."""
    at = CONTRACT[table].time
    finer = f"date_trunc('minute', {at}) <> {at} or minute({at}) % 15 <> 0"
    if gate.rows(f"select 1 from {table} where {finer} limit 1"):  # zones are whole quarters of an hour ahead
        return None
    times = [row[0].replace(tzinfo=UTC) for row in gate.rows(f"select distinct {at} from {table}")]
    section = settings.tables.get(table, settings.tables.get("interactions"))
    read_in = [] if section is None else [section.timezone, *(source.timezone for source in section.sources)]
    for name in dict.fromkeys((*filter(None, read_in), "UTC", settings.timezone)):
        zone = ZoneInfo(name)
        if all(_start_of_day(one.astimezone(zone).date(), zone) == one.replace(tzinfo=None) for one in times):
            return zone
    return None


def _start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which a day begins in a zone, UTC without a zone."""
    return datetime.combine(day, time.min, zone).astimezone(UTC).replace(tzinfo=None)
