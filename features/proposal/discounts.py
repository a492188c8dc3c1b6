"""What a line would have cost, and what was taken off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..intake.expressions import quoted_name
from ..intake.raw import Gate
from .files import ColumnLook, TableLook
from .numbers import CLEARLY, ENOUGH_PAIRS, NEARLY, NEARLY_ALL, number_of, number_sql
from .values import Quote


def list_and_discount(
    gate: Gate, look: TableLook, roles: Mapping[str, str], given: tuple[str, bool], quote: Quote
) -> tuple[dict[str, str], list[str]]:
    """Return what the line would have cost, what was taken off, and what was paid where that changes it.

    Parameters
    ----------
    gate, look, roles, quote
        The table.
    given
        The expression of the amount so far, and whether it is made of one piece's price.
    """
    amount, is_price = given
    quantity, listed, taken = roles.get("quantity"), roles.get("list_price"), roles.get("discount")
    if listed:
        full = f"{quote(quantity)} * {quote(listed)}" if quantity else quote(listed)
        if _is_below(gate, look, (full, amount)):
            return {}, [f"TODO '{listed}' is not used: it is often less than what was paid"]
        return {"list_amount": full if quantity else listed}, []
    if taken is None:
        return {}, []
    column = look.column(taken)
    off = f"abs({quote(taken)})" if (column.low or 0) < 0 else quote(taken)
    if _is_before_discount(gate, look, roles, is_price):
        paid = f"{amount} * (1 - {quote(taken)})" if _is_rate(column) else f"{amount} - {off}"
        found = {"amount": paid, "list_amount": amount}
        return found, [f"TODO '{taken}' is taken off '{roles.get('amount') or roles.get('price')}', which is before it"]
    if _is_rate(column):
        full = f"({amount}) / nullif(1 - {quote(taken)}, 0)"
        return {"list_amount": full, "discount": f"{full} - ({amount})"}, [
            f"'{taken}' is taken for a share of the list price"
        ]
    plain_off = taken if off == quote(taken) else off
    return {"discount": plain_off, "list_amount": f"{amount} + {off}"}, []


def _is_below(gate: Gate, look: TableLook, sums: tuple[str, str]) -> bool:
    """Say whether what would have been paid is less than what was, on too many rows."""
    full, paid = (number_sql(look, expression) for expression in sums)
    n_rows, n_below = gate.row(
        f"select count(*), count(*) filter (listed < 0.999 * paid) from"
        f" (select {full} as listed, {paid} as paid from {look.raw.relation}) where listed > 0 and paid > 0"
    )
    return bool(n_below > 0.05 * n_rows)


def _is_before_discount(gate: Gate, look: TableLook, roles: Mapping[str, str], is_price: bool) -> bool:
    """Say whether a sum is that before the discount: an article costs the same with a discount and without.

    Where the rows do not tell, a price is taken for that before, and what is called an amount for that after.
    """
    item, source = roles.get("item_id"), roles.get("amount") or roles.get("price")
    is_called_price = "amount" not in roles
    if item is None or source is None:
        return is_called_price
    off, sum_of = number_of(look, roles["discount"]), number_of(look, source)
    pieces = number_of(look, roles["quantity"]) if "quantity" in roles else "1"
    each = sum_of if is_price else f"{sum_of} / {pieces}"
    less = "price * (1 - d)" if _is_rate(look.column(roles["discount"])) else "price - abs(d) / n"
    same, after, n_rows = gate.row(
        f"with rows as (select {quoted_name(look.raw.names[item])}::varchar as item, {each} as price, {off} as d,"
        f" {pieces} as n from {look.raw.relation} where {pieces} > 0 and {sum_of} > 0),"
        " usual as (select item, median(price) as price from rows where d = 0 group by item),"
        f" paired as (select r.price as now, u.price, d, n from rows r join usual u using (item) where d <> 0)"
        f" select median(abs(ln(now / price))), median(abs(ln(now / ({less})))), count(*) from paired"
        f" where ({less}) > 0"
    )
    if not _is_rate(look.column(roles["discount"])) and _exceeds(gate, look, (off, each, pieces)):
        return False
    if n_rows < ENOUGH_PAIRS or min(same, after) > min(NEARLY, CLEARLY * max(same, after)):
        return is_called_price
    return bool(same < after)


def _exceeds(gate: Gate, look: TableLook, names: tuple[str, str, str]) -> bool:
    """Say whether discounts are larger than the sums too often to have been taken off them."""
    off, each, pieces = names
    n_rows, n_over = gate.row(
        f"select count(*), count(*) filter (abs({off}) > {each} * {pieces} * 1.001) from {look.raw.relation}"
        f" where {off} <> 0 and {each} > 0 and {pieces} > 0"
    )
    return bool(n_over > 0.02 * n_rows)


def _is_rate(column: ColumnLook) -> bool:
    low, high = column.low or 0.0, column.high or 0.0
    return low >= 0 and 0 < high <= 1 and not column.is_whole


def after_discount(gate: Gate, look: TableLook, roles: dict[str, str], options: Sequence[str]) -> dict[str, str]:
    """Return the roles with the amount after discount, where one column less the discount is another."""
    amount, taken = roles.get("amount"), roles.get("discount")
    if amount is None or taken is None or _is_rate(look.column(taken)):
        return roles
    for other in options:
        if other == amount:
            continue
        full, off, paid = (number_of(look, name) for name in (amount, taken, other))
        n_rows, n_less = gate.row(
            f"select count(*), count(*) filter (abs({full} - abs({off}) - {paid}) < 0.011)"
            f" from {look.raw.relation} where {off} <> 0 and {full} is not null and {paid} is not null"
        )
        if n_rows >= ENOUGH_PAIRS and n_less >= NEARLY_ALL * n_rows:
            return {**roles, "amount": other}
    return roles
