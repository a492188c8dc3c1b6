"""What a shop's accepted tables say together: orders that are payments, and where the extract ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..contract import CONTRACT
from .crosschecks import lonely_end
from .findings import finding
from .raw import Gate
from .report import Finding
from .settings import Settings


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


def extract_end(
    gate: Gate, settings: Settings, names: Mapping[str, tuple[str, ...]]
) -> tuple[datetime | None, list[tuple[str, Finding]]]:
    """Return the extract's end, and doubts about one that follows from the data."""
    if settings.end is not None:
        return settings.end, []
    latest: list[datetime] = []
    doubts: list[tuple[str, Finding]] = []
    for table in (table for table in ("orders", "interactions") if table in names):
        time = str(CONTRACT[table].time)
        days = gate.rows(f"select {time}::date, count(*), max({time}) from {table} group by 1 order by 1")
        if not days:
            continue
        latest.append(days[-1][2])
        lonely = lonely_end((day, n_rows) for day, n_rows, _ in days)
        level = settings.severity[table]["lonely_end"]
        if lonely and level != "ignore" and table in settings.tables:
            detail = f"after {lonely[0]} come only those, up to {days[-1][2]}"
            doubts.append((table, finding("lonely_end", level, lonely[1], detail, time)))
    return max(latest, default=None), doubts
