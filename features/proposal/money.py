"""What a line cost: which columns say it, and how."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..intake.expressions import quoted_name
from ..intake.raw import Gate
from .look import ColumnLook, TableLook
from .roles import plain

Quote = Callable[[str], str]

FEW_PIECES = 50  # a column of whole numbers with a median below may count pieces
ENOUGH_PAIRS = 20
NEARLY = 0.25  # the better reading misses by about this share at most
CLEARLY = 0.5  # and by at most this share of what the other misses by


@dataclass(frozen=True)
class Finding:
    """Canonical columns and what they are made of, with what was assumed."""

    columns: Mapping[str, str]
    notes: tuple[str, ...] = ()


def money(gate: Gate, look: TableLook, roles: Mapping[str, str], quote: Quote) -> Finding:
    """Return quantity, amount, list_amount, discount and freight of a table of order lines.

    Whether a price is one piece's or the line's is read from the rows: of an article that was bought once and several
    times, the price of several is the price of one, or so many times that.
    """
    roles = _with_pieces(look, roles)
    columns: dict[str, str] = {}
    notes: list[str] = []
    quantity, item = roles.get("quantity"), roles.get("item_id") or roles.get("category_id")
    if quantity:
        columns["quantity"] = quantity
    source = roles.get("amount") or roles.get("price")
    if source is None:
        return Finding(columns, ("no column says what was paid: orders count, sums are unknown",))
    is_price = "amount" not in roles
    if quantity and item:
        per_piece = _is_per_piece(gate, look, (item, quantity, source))
        if per_piece is None:
            notes.append(
                f"'{source}' is taken for {'one piece' if is_price else 'the whole line'}: the rows do not tell"
            )
        else:
            is_price = per_piece
            notes.append(
                f"'{source}' is for {'one piece' if is_price else 'the whole line'}, as the rows show"
            )
    amount = f"{quote(quantity)} * {quote(source)}" if quantity and is_price else source
    columns["amount"] = amount
    more, said = _list_and_discount(look, roles, amount if amount != source else quote(source), quote)
    if freight := roles.get("freight"):
        columns["freight"] = freight
    return Finding({**columns, **more}, (*notes, *said))


def _with_pieces(look: TableLook, roles: Mapping[str, str]) -> dict[str, str]:
    """Return the roles with a column that is called an amount and counts pieces as the quantity."""
    found = dict(roles)
    if "quantity" in found:
        return found
    money_names = {found.get("amount"), found.get("price")}
    for column in look.columns:
        counts = column.is_whole and column.low is not None and (column.middle or 0) < FEW_PIECES
        others = money_names - {column.name, None}
        if plain(column.name) == "amount" and counts and others:
            found["quantity"] = column.name
            if found.get("amount") == column.name:
                found["amount"] = str(others.pop())
            return found
    return found


def _is_per_piece(gate: Gate, look: TableLook, names: tuple[str, str, str]) -> bool | None:
    """Say whether a price is one piece's; None where the sample does not tell clearly."""
    item, quantity, price = (quoted_name(look.raw.names[name]) for name in names)
    number = "as_number" if look.options.get("decimal") != "," else "as_number_with_comma"
    rows = (
        f"select {item}::varchar as item, {number}({quantity}::varchar) as n, {number}({price}::varchar) as price"
        f" from {look.raw.relation}"
    )
    same, times, n_pairs = gate.row(
        f"with rows as ({rows}), one as (select item, median(price) as price from rows where n = 1 group by item)"
        " select median(abs(ln(r.price / one.price))), median(abs(ln(r.price / one.price / n))), count(*)"
        " from rows r join one using (item) where n between 2 and 20 and r.price > 0 and one.price > 0"
    )
    if n_pairs < ENOUGH_PAIRS or min(same, times) > min(NEARLY, CLEARLY * max(same, times)):
        return None
    return bool(same < times)


def _list_and_discount(
    look: TableLook, roles: Mapping[str, str], amount: str, quote: Quote
) -> tuple[dict[str, str], list[str]]:
    """Return what the line would have cost, and what was taken off."""
    quantity, listed, taken = roles.get("quantity"), roles.get("list_price"), roles.get("discount")
    if listed:
        full = f"{quote(quantity)} * {quote(listed)}" if quantity else quote(listed)
        return {"list_amount": full if quantity else listed}, []
    if taken is None:
        return {}, []
    column = look.column(taken)
    if _is_rate(column):
        full = f"({amount}) / nullif(1 - {quote(taken)}, 0)"
        return {"list_amount": full, "discount": f"{full} - ({amount})"}, [
            f"'{taken}' is taken for a share of the list price"
        ]
    off = f"abs({quote(taken)})" if (column.low or 0) < 0 else quote(taken)
    plain_off = taken if off == quote(taken) else off
    return {"discount": plain_off, "list_amount": f"{amount} + {off}"}, []


def _is_rate(column: ColumnLook) -> bool:
    low, high = column.low or 0.0, column.high or 0.0
    return low >= 0 and 0 < high <= 1 and not column.is_whole


def cancellations(gate: Gate, look: TableLook, roles: Mapping[str, str], quote: Quote) -> dict[str, str]:
    """Return the exclusion of orders that reverse others: marked by a letter before their number."""
    if not {"order_id", "quantity"} <= roles.keys():
        return {}
    order, quantity = (quoted_name(look.raw.names[roles[role]]) for role in ("order_id", "quantity"))
    rows = gate.rows(
        f"select upper(left({order}::varchar, 1)), count(*), count(case when n < 0 then 1 end)"
        f" from (select *, as_number({quantity}::varchar) as n from {look.raw.relation}) group by 1"
    )
    total = sum(n_rows for _, n_rows, _ in rows)
    marks = [
        letter
        for letter, n_rows, n_negative in rows
        if letter and re.match(r"[A-Z]", letter) and n_negative >= 0.95 * n_rows and 3 <= n_rows < 0.3 * total
    ]
    return {"cancellations": f"{quote(roles['order_id'])} like '{marks[0]}%'"} if len(marks) == 1 else {}
