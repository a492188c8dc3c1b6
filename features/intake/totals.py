"""The sums that an owner knows by heart: rows, orders, customers, revenue, first and last day of the accepted rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from ..contract import CONTRACT
from .expressions import quoted_name
from .findings import finding
from .raw import Gate
from .report import Finding, Totals
from .settings import Settings

IDLE = "idle_customers"


def totals(gate: Gate, settings: Settings, names: Mapping[str, tuple[str, ...]]) -> tuple[Totals, ...]:
    """Return the sums of each table of accepted rows on the gate."""
    return tuple(_of_table(gate, settings, name, names[name]) for name in CONTRACT if name in names)


def _of_table(gate: Gate, settings: Settings, name: str, columns: tuple[str, ...]) -> Totals:
    time = str(CONTRACT[name].time)
    order = "order_id" if "order_id" in columns else f"(customer_id, {time})"
    asked = {
        "n_customers": "count(distinct customer_id)" if "customer_id" in columns else "null",
        "n_orders": f"count(distinct {order})" if name == "orders" else "null",
        "amount": "sum(amount)" if name == "orders" and "amount" in columns else "null",
        "revenue": f"sum(amount) filter ({_counts(columns)})" if name == "orders" and "amount" in columns else "null",
        "first": f"min({quoted_name(time)})" if time in columns else "null",
        "last": f"max({quoted_name(time)})" if time in columns else "null",
    }
    n_rows, *values = gate.row(f"select count(*), {', '.join(asked.values())} from {quoted_name(name)}")
    n_customers, n_orders, amount, revenue, first, last = values
    unit = 10**settings.decimals
    return Totals(
        name,
        int(n_rows),
        n_orders,
        n_customers,
        None if amount is None else float(amount) / unit,
        None if amount is None else float(revenue or 0) / unit,
        _day(first, settings.timezone),
        _day(last, settings.timezone),
    )


def _counts(columns: tuple[str, ...]) -> str:
    """Return the condition of lines that were paid, and neither cancelled nor refunded, as far as the shop tells."""
    conditions = [f"{name} is null" for name in ("cancelled_at", "refunded_at") if name in columns]
    if "status" in columns:
        conditions.append("coalesce(status, 'paid') not in ('unpaid', 'cancelled', 'refunded')")
    if "paid_at" in columns and "status" not in columns:
        conditions.append("paid_at is not null")
    return " and ".join(conditions) or "true"


def _day(time: datetime | None, zone: str) -> date | None:
    return None if time is None else time.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()


def idle_customers(gate: Gate, settings: Settings, names: Mapping[str, tuple[str, ...]]) -> list[tuple[str, Finding]]:
    """Return how many on the list of customers have neither ordered nor done anything."""
    events = [name for name in ("orders", "interactions") if name in names]
    if "customers" not in names or not events or settings.severity["customers"][IDLE] == "ignore":
        return []
    active = " union all ".join(f"select customer_id from {name}" for name in events)
    n_idle, n_rows = gate.row(
        f"select count(*) filter (a.customer_id is null), count(*) from customers c"
        f" left join (select distinct customer_id from ({active})) a on a.customer_id = c.customer_id"
    )
    if not n_idle:
        return []
    found = finding(IDLE, settings.severity["customers"][IDLE], int(n_idle), column="customer_id")
    return [("customers", found.of(int(n_rows)))]
