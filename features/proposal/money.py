"""What a line cost: which columns say it, and how."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..intake.expressions import quoted_name
from ..intake.raw import Gate
from .discounts import after_discount, list_and_discount
from .files import TableLook
from .languages import plain
from .numbers import CLEARLY, ENOUGH_PAIRS, NEARLY, NEARLY_ALL, number_of, number_sql
from .order_sums import OrderRows, order_sum, spread
from .roles import amounts_of
from .values import Quote

_IN_CENTS = r"(^|_)(cents?|pence|minor)(_|$)"
FEW_PIECES = 50  # a column of whole numbers with a median below may count pieces
MOSTLY = 0.9
MANY_SUMS = 5  # where they are fewer, orders may cost the same by chance


@dataclass(frozen=True)
class MoneyFinding:
    """Canonical columns and what they are made of, with what was assumed.

    ``is_fine`` says that amounts need more than two decimal places.
    """

    columns: Mapping[str, str]
    notes: tuple[str, ...] = ()
    is_fine: bool = False


def money_columns(
    gate: Gate, look: TableLook, roles: Mapping[str, str], quote: Quote, of_order: Sequence[str] = ()
) -> MoneyFinding:
    """Return quantity, amount, list_amount, discount and freight of a table of order lines.

    Whether a price is one piece's or the line's is read from the rows: of an article that was bought once and several
    times, the price of several is the price of one, or so many times that. ``of_order`` are columns that stand on an
    order's first line alone.
    """
    lines = _of_lines(gate, look, _with_pieces(look, roles), of_order)
    roles, notes = lines.roles, [*lines.notes]
    columns = {"quantity": roles["quantity"]} if "quantity" in roles else {}
    source = roles.get("amount") or roles.get("price")
    if source and re.search(_IN_CENTS, plain(source)):
        columns["amount"] = f"{quote(source)} / 100"
        return MoneyFinding(columns, (*notes, f"'{source}' is in hundredths, and taken for the whole line"))
    if source is None:
        return MoneyFinding(columns, (*notes, "TODO no column says what was paid: orders count, sums are unknown"))
    fine = is_fine(gate, look, source)
    if lines.is_shared:
        columns["amount"] = spread(quote(source), "1", quote(roles["order_id"]))
        return MoneyFinding(columns, tuple(notes), fine)
    is_price, said = _reading(gate, look, roles, source)
    quantity = roles.get("quantity")
    columns["amount"] = f"{quote(quantity)} * {quote(source)}" if quantity and is_price else source
    so_far = (columns["amount"] if columns["amount"] != source else quote(source), is_price)
    more, taken = list_and_discount(gate, look, roles, so_far, quote)
    columns |= more
    columns |= _freight(gate, look, roles, quote, of_order)
    paid, spread_over = _paid(gate, look, roles, (lines.sums, columns["amount"]), quote)
    if paid is not None:
        columns = {**columns, "amount": paid, "list_amount": columns.get("list_amount", so_far[0])}
    return MoneyFinding(columns, (*notes, *said, *taken, *spread_over), fine)


def _freight(
    gate: Gate, look: TableLook, roles: Mapping[str, str], quote: Quote, of_order: Sequence[str]
) -> dict[str, str]:
    freight = roles.get("freight")
    if freight is None:
        return {}
    is_of_order = "order_id" in roles and (freight in of_order or _is_of_order(gate, look, roles, freight))
    return {"freight": spread(quote(freight), "1", quote(roles["order_id"])) if is_of_order else freight}


def _paid(
    gate: Gate, look: TableLook, roles: Mapping[str, str], given: tuple[Sequence[str], str], quote: Quote
) -> tuple[str | None, tuple[str, ...]]:
    """Return what a line's share of the sum that was paid for its order is, where that is not the line's price.

    Parameters
    ----------
    gate, look, roles, quote
        The table.
    given
        The columns with an order's sum, and the expression of the line's price.
    """
    sums, line = given
    if not sums or "order_id" not in roles:
        return None, ()
    order = roles["order_id"]
    rows = OrderRows(look.raw.relation, quoted_name(look.raw.names[order]), number_sql(look, line))
    freight = roles.get("freight")
    delivery = (freight, number_of(look, freight)) if freight and freight not in sums else None
    chosen = order_sum(gate, rows, {name: number_of(look, name) for name in sums}, delivery)
    if chosen.name is None:
        return None, chosen.notes
    total = quote(chosen.name) + (f" - coalesce({quote(chosen.less)}, 0)" if chosen.less else "")
    weight = quote(line) if line in {column.name for column in look.columns} else line
    return spread(total, weight, quote(order)), chosen.notes


def _reading(gate: Gate, look: TableLook, roles: Mapping[str, str], source: str) -> tuple[bool, list[str]]:
    """Say whether a sum is one piece's, as the rows tell, or by its name where they do not."""
    quantity, item = roles.get("quantity"), roles.get("item_id") or roles.get("category_id")
    is_price = "amount" not in roles
    if not quantity or not item:
        return is_price, []
    if (multiplied := _is_multiplied(gate, look, roles)) is not None and not is_price:
        return multiplied, []
    said = [] if _agrees(gate, look, roles, source) else [_differs(source, roles)]
    per_piece = _is_per_piece(gate, look, (item, quantity, source))
    if per_piece is None:
        what = "one piece" if is_price else "the whole line"
        return is_price, [*said, f"TODO '{source}' is taken for {what}: the rows do not tell"]
    return per_piece, [*said, f"'{source}' is for {'one piece' if per_piece else 'the whole line'}, as the rows show"]


def _is_multiplied(gate: Gate, look: TableLook, roles: Mapping[str, str]) -> bool | None:
    """Say whether an amount is one piece's price rather than pieces times price; None where it is neither."""
    if not {"amount", "price", "quantity"} <= roles.keys():
        return None
    paid, each, pieces = (number_of(look, roles[part]) for part in ("amount", "price", "quantity"))
    n_rows, n_whole, n_single = gate.row(
        f"select count(*), count(*) filter (abs({paid} - {each} * {pieces}) < 0.011),"
        f" count(*) filter (abs({paid} - {each}) < 0.011) from {look.raw.relation} where {pieces} > 1 and {each} > 0"
    )
    if n_rows < ENOUGH_PAIRS or max(n_whole, n_single) < NEARLY_ALL * n_rows:
        return None
    return bool(n_single > n_whole)


def _agrees(gate: Gate, look: TableLook, roles: Mapping[str, str], source: str) -> bool:
    """Say whether most amounts are near to what the pieces cost, where there is a price beside them."""
    price = roles.get("price")
    if price is None or price == source:
        return True
    paid, pieces, each = (number_of(look, name) for name in (source, roles["quantity"], price))
    near = f"({paid} / {each} between 0.4 and 1.6 or {paid} / ({each} * {pieces}) between 0.4 and 1.6)"
    n_rows, n_near = gate.row(
        f"select count(*), count(*) filter ({near}) from {look.raw.relation}"
        f" where {paid} > 0 and {each} > 0 and {pieces} > 0"
    )
    return bool(n_near >= 0.5 * n_rows)


def _differs(source: str, roles: Mapping[str, str]) -> str:
    return f"TODO '{source}' is far from '{roles['quantity']}' times '{roles['price']}': which is what was paid?"


@dataclass(frozen=True)
class _Lines:
    """The parts that columns play on lines, and the sums of orders among them.

    ``sums`` are columns with an order's sum; ``is_shared`` says that nothing else tells what a line cost.
    """

    roles: Mapping[str, str]
    notes: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    is_shared: bool = False


def _of_lines(gate: Gate, look: TableLook, roles: Mapping[str, str], first: Sequence[str]) -> _Lines:
    """Return the parts with an amount that is the line's own and what was paid.

    What is the same on all lines of an order is the order's, as is what stands on its first line alone.
    """
    found = dict(roles)
    if found.get("discount") in first:
        found.pop("discount")
    amount = found.get("amount")
    if amount is None:
        return _Lines(found)
    price = found.get("price")
    if price and amount not in first and look.column(amount).n_filled < MOSTLY * look.column(price).n_filled:
        found.pop("amount")
        return _Lines(found, (f"TODO '{amount}' is not used: most lines of an order have none",))
    others = set(found.values()) - {amount}
    options = [amount, *(name for name in amounts_of(look) if name not in others | {amount})]
    sums: list[str] = []
    note: tuple[str, ...] = ()
    if "order_id" in found:
        sums = [name for name in options if name in first or _is_of_order(gate, look, found, name)]
        options = [name for name in options if name not in sums]
        if amount in sums:
            note = (f"'{amount}' is the order's sum, {'on its first line' if amount in first else 'on all its lines'}",)
            found.pop("amount")
            if "price" not in found and not options:
                return _Lines(found | {"amount": amount}, (f"{note[0]}: it is shared out equally",), is_shared=True)
            if "price" not in found or (options and "quantity" not in found):
                found["amount"] = options[0]
    return _Lines(after_discount(gate, look, found, options), note, tuple(sums))


def _is_of_order(gate: Gate, look: TableLook, roles: Mapping[str, str], name: str) -> bool:
    """Say whether a sum is the same on all lines of an order, and differs between orders."""
    order, value = (quoted_name(look.raw.names[column]) for column in (roles["order_id"], name))
    item = roles.get("item_id")
    differs = f"count(distinct {quoted_name(look.raw.names[item])}) > 1" if item else "true"
    n_orders, n_same, n_sums = gate.row(
        "select count(*), count(*) filter (n_values = 1), count(distinct one) from"
        f" (select count(distinct {value}) as n_values, min({value}) as one from {look.raw.relation}"
        f" where {value} is not null group by {order} having count(*) > 1 and {differs})"
    )
    return bool(n_orders >= ENOUGH_PAIRS and n_same >= NEARLY_ALL * n_orders and n_sums >= MANY_SUMS)


def is_fine(gate: Gate, look: TableLook, name: str) -> bool:
    """Say whether amounts need more than two decimal places: rounding would change many by more than a hundredth."""
    number = number_of(look, name)
    n_rows, n_changed = gate.row(
        f"select count(*), count(*) filter (abs(x - round(x, 2)) > 0.01 * abs(x))"
        f" from (select {number} as x from {look.raw.relation}) where isfinite(x) and x <> 0"
    )
    return bool(n_rows and n_changed >= 0.05 * n_rows)


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
    item = quoted_name(look.raw.names[names[0]])
    rows = (
        f"select {item}::varchar as item, {number_of(look, names[1])} as n, {number_of(look, names[2])} as price"
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
