"""Orders from one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..intake.expressions import text_literal
from ..intake.raw import Gate
from .codes import status_codes
from .currency import currency_of
from .exclusions import cancellations, flagged, reversals
from .money import money_columns
from .order_sums import of_first_lines, of_order
from .values import Seen, SourceProposal, TableProposal, When

MOST_BARE = 0.9  # of the lines may name no order


def proposal(name: str, one: Seen, source: SourceProposal, when: When | None, notes: Sequence[str]) -> TableProposal:
    """Return the proposal of a table in which all files are read alike."""
    said = (*one.notes, *(when.notes if when else ()), *notes)
    if when is None:
        return TableProposal(name, one.sources(source), notes=said, has_zone=True)
    return TableProposal(name, one.sources(source), when.time_format, notes=said, has_zone=when.has_zone)


def orders_of(gate: Gate, one: Seen, when: When) -> TableProposal:
    """Return the orders that a file with a customer, a time and what was bought holds."""
    first = of_first_lines(gate, one.look, one.roles["order_id"]) if one.has("order_id") else []
    paid = money_columns(gate, one.look, one.roles, one.quote, first)
    columns = {"customer_id": one.roles["customer_id"], "ordered_at": when.value}
    columns |= one.taken("order_id", "item_id", "category_id", "coupon_id")
    columns |= paid.columns
    columns |= one.taken("paid_at", "cancelled_at", "refunded_at")
    codes, notes = status_codes(one.look, one.roles)
    if codes:
        columns["status"] = one.roles["status"]
    filled, said = _filled_down(one, columns, first)
    columns, late = _paid_at(one, filled, codes)
    columns, continued = _continued(one, columns)
    exclude = cancellations(gate, one.look, one.roles, one.quote)
    exclude |= {**reversals(one.look, one.roles, one.quote), **flagged(one.look, one.quote)}
    currency = currency_of(one, one.roles.get("amount") or one.roles.get("price"))
    exclude |= currency.exclude
    unused = one.unused({**columns, **exclude})
    notes = [*currency.notes, *paid.notes, *said, *notes, *late, *continued, *unused]
    found = proposal("orders", one, SourceProposal({}, columns, exclude), when, notes)
    return replace(found, codes={"status": codes} if codes else {}, is_fine=paid.is_fine, currency=currency.code)


def _filled_down(one: Seen, columns: Mapping[str, str], first: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return columns in which what stands on an order's first line holds for all of its lines."""
    alone = {column: name for column, name in columns.items() if name in first}
    if not alone:
        return dict(columns), []
    order = one.quote(one.roles["order_id"])
    filled = {column: of_order(one.quote(name), order) for column, name in alone.items()}
    names = ", ".join(f"'{name}'" for name in dict.fromkeys(alone.values()))
    return {**columns, **filled}, [f"filled on an order's first line alone, and taken for all of its lines: {names}"]


def _continued(one: Seen, columns: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return columns in which lines that name no order belong to the order above, as in tables made for people."""
    names = {column.name for column in one.look.columns}
    parts = [part for part in ("order_id", "customer_id", "ordered_at", "status") if columns.get(part) in names]
    if parts[:3] != ["order_id", "customer_id", "ordered_at"]:
        return dict(columns), []
    order, *others = (f"{one.quote(columns[part])} is null" for part in parts)
    n_bare, n_alike = one.counts(order, " and ".join((order, *others[:2])))
    if not n_bare or n_bare != n_alike or n_bare > MOST_BARE * one.look.n_rows:
        return dict(columns), []
    above = {part: f"value_above({one.quote(columns[part])})" for part in parts}
    return {**columns, **above}, [f"{n_bare:,} lines name no order, and are taken for lines of the order above"]


def _paid_at(one: Seen, columns: Mapping[str, str], codes: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return columns in which orders whose state is paid have a time of payment: when they were placed, if no other."""
    states = [code for code, state in codes.items() if state in ("paid", "refunded")]
    if "paid_at" not in columns or not states:
        return dict(columns), []
    names = {column.name for column in one.look.columns}
    status, paid, placed = (
        one.quote(value) if value in names else value
        for value in (columns["status"], columns["paid_at"], columns["ordered_at"])
    )
    is_paid = f"{status} in ({', '.join(map(text_literal, states))})"
    n_paid, n_empty = one.counts(is_paid, f"{is_paid} and {paid} is null")
    if not n_empty:
        return dict(columns), []
    note = (
        f"'{one.roles['paid_at']}' is empty on {n_empty:,} of {n_paid:,} rows that are paid by '{one.roles['status']}'"
    )
    value = f"case when {is_paid} then coalesce({paid}, {placed}) end"
    return {**columns, "paid_at": value}, [f"{note}: they count as paid when they were ordered"]
