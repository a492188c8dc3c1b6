"""What a line cost: which columns say it, and how."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..intake.expressions import quoted_name, text_literal
from ..intake.raw import Gate
from .files import ColumnLook, TableLook
from .languages import english, plain, state_of
from .roles import amounts_of

Quote = Callable[[str], str]

_ROW_TYPE = r"((transaction|trans|txn|order|sale|sales|invoice|document|doc|record|line|movement|payment)_)?(type|kind)"
_IN_CENTS = r"(^|_)(cents?|pence|minor)(_|$)"
_FLAG = r"(is_)?(cancell?ed|void(ed)?)|is_(cancel|cancellation|return|refund|reversal)"
_YES, _NO = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
FEW_PIECES = 50  # a column of whole numbers with a median below may count pieces
ENOUGH_PAIRS = 20
MOSTLY = 0.9
NEARLY_ALL = 0.95
MANY_SUMS = 5  # where they are fewer, orders may cost the same by chance
NEARLY = 0.25  # the better reading misses by about this share at most
CLEARLY = 0.5  # and by at most this share of what the other misses by


@dataclass(frozen=True)
class Finding:
    """Canonical columns and what they are made of, with what was assumed.

    ``is_fine`` says that amounts need more than two decimal places.
    """

    columns: Mapping[str, str]
    notes: tuple[str, ...] = ()
    is_fine: bool = False


def money(gate: Gate, look: TableLook, roles: Mapping[str, str], quote: Quote) -> Finding:
    """Return quantity, amount, list_amount, discount and freight of a table of order lines.

    Whether a price is one piece's or the line's is read from the rows: of an article that was bought once and several
    times, the price of several is the price of one, or so many times that.
    """
    roles, notes = _of_lines(gate, look, _with_pieces(look, roles))
    columns: dict[str, str] = {}
    quantity = roles.get("quantity")
    if quantity:
        columns["quantity"] = quantity
    source = roles.get("amount") or roles.get("price")
    if source and re.search(_IN_CENTS, plain(source)):
        columns["amount"] = f"{quote(source)} / 100"
        return Finding(columns, (*notes, f"'{source}' is in hundredths, and taken for the whole line"))
    if source is None:
        return Finding(columns, (*notes, "no column says what was paid: orders count, sums are unknown"))
    is_price, said = _reading(gate, look, roles, source)
    notes += said
    if order := roles.get("order_total"):
        columns["amount"] = shared_out(quote(source), quote(order))
        return Finding(columns, tuple(notes), is_fine(gate, look, source))
    amount = f"{quote(quantity)} * {quote(source)}" if quantity and is_price else source
    columns["amount"] = amount
    said_so_far = (amount if amount != source else quote(source), is_price)
    more, taken = _list_and_discount(gate, look, roles, said_so_far, quote)
    if freight := roles.get("freight"):
        is_of_order = "order_id" in roles and _is_of_order(gate, look, roles, freight)
        columns["freight"] = shared_out(quote(freight), quote(roles["order_id"])) if is_of_order else freight
    return Finding({**columns, **more}, (*notes, *taken), is_fine(gate, look, source))


def shared_out(total: str, order: str) -> str:
    """Return the expression of an order's sum in equal parts on its lines."""
    return f"{total} / count(*) over (partition by {order})"


def _reading(gate: Gate, look: TableLook, roles: Mapping[str, str], source: str) -> tuple[bool, list[str]]:
    """Say whether a sum is one piece's, as the rows tell, or by its name where they do not."""
    quantity, item = roles.get("quantity"), roles.get("item_id") or roles.get("category_id")
    is_price = "amount" not in roles
    if not quantity or not item or "order_total" in roles:
        return is_price, []
    said = [] if _agrees(gate, look, roles, source) else [_differs(source, roles)]
    per_piece = _is_per_piece(gate, look, (item, quantity, source))
    if per_piece is None:
        what = "one piece" if is_price else "the whole line"
        return is_price, [*said, f"TODO '{source}' is taken for {what}: the rows do not tell"]
    return per_piece, [*said, f"'{source}' is for {'one piece' if per_piece else 'the whole line'}, as the rows show"]


def _agrees(gate: Gate, look: TableLook, roles: Mapping[str, str], source: str) -> bool:
    """Say whether most amounts are near to what the pieces cost, where there is a price beside them."""
    price = roles.get("price")
    if price is None or price == source:
        return True
    paid, pieces, each = (_number(look, name) for name in (source, roles["quantity"], price))
    near = f"({paid} / {each} between 0.4 and 1.6 or {paid} / ({each} * {pieces}) between 0.4 and 1.6)"
    n_rows, n_near = gate.row(
        f"select count(*), count(*) filter ({near}) from {look.raw.relation}"
        f" where {paid} > 0 and {each} > 0 and {pieces} > 0"
    )
    return bool(n_near >= 0.5 * n_rows)


def _differs(source: str, roles: Mapping[str, str]) -> str:
    return f"TODO '{source}' is far from '{roles['quantity']}' times '{roles['price']}': which is what was paid?"


def _of_lines(gate: Gate, look: TableLook, roles: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the roles with an amount that is the line's own and what was paid, and what was found out.

    What is the same on all lines of an order is the order's; it is shared out (role ``order_total``, the order's
    column) only where nothing else says what a line cost.
    """
    found = dict(roles)
    amount = found.get("amount")
    if amount is None:
        return found, []
    price = found.get("price")
    if price and look.column(amount).n_filled < MOSTLY * look.column(price).n_filled:
        found.pop("amount")
        return found, [f"'{amount}' is not used: most lines of an order have none"]
    others = set(found.values()) - {amount}
    options = [amount, *(name for name in amounts_of(look) if name not in others | {amount})]
    notes: list[str] = []
    if "order_id" in found:
        of_order = [name for name in options if _is_of_order(gate, look, found, name)]
        options = [name for name in options if name not in of_order]
        if amount in of_order:
            notes.append(f"'{amount}' is the order's sum, repeated on each of its lines")
            found.pop("amount")
            if options:
                found["amount"] = options[0]
            elif "price" not in found:
                notes[-1] += ": it is shared out equally"
                found |= {"amount": amount, "order_total": found["order_id"]}
                return found, notes
    return _after_discount(gate, look, found, options), notes


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


def _after_discount(gate: Gate, look: TableLook, roles: dict[str, str], options: Sequence[str]) -> dict[str, str]:
    """Return the roles with the amount after discount, where one column less the discount is another."""
    amount, taken = roles.get("amount"), roles.get("discount")
    if amount is None or taken is None or _is_rate(look.column(taken)):
        return roles
    for other in options:
        if other == amount:
            continue
        full, off, paid = (_number(look, name) for name in (amount, taken, other))
        n_rows, n_less = gate.row(
            f"select count(*), count(*) filter (abs({full} - abs({off}) - {paid}) < 0.011)"
            f" from {look.raw.relation} where {off} <> 0 and {full} is not null and {paid} is not null"
        )
        if n_rows >= ENOUGH_PAIRS and n_less >= NEARLY_ALL * n_rows:
            return {**roles, "amount": other}
    return roles


def _number(look: TableLook, name: str) -> str:
    read = "as_number" if look.options.get("decimal") != "," else "as_number_with_comma"
    return f"{read}({quoted_name(look.raw.names[name])}::varchar)"


def is_fine(gate: Gate, look: TableLook, name: str) -> bool:
    """Say whether amounts need more than two decimal places: rounding would change many by more than a hundredth."""
    number = _number(look, name)
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
        f"select {item}::varchar as item, {_number(look, names[1])} as n, {_number(look, names[2])} as price"
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


def _is_before_discount(gate: Gate, look: TableLook, roles: Mapping[str, str], is_price: bool) -> bool:
    """Say whether a sum is that before the discount: an article costs the same with a discount and without.

    Where the rows do not tell, a price is taken for that before, and what is called an amount for that after.
    """
    item, source = roles.get("item_id"), roles.get("amount") or roles.get("price")
    is_called_price = "amount" not in roles
    if item is None or source is None:
        return is_called_price
    off, sum_of = _number(look, roles["discount"]), _number(look, source)
    pieces = _number(look, roles["quantity"]) if "quantity" in roles else "1"
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


def reversals(look: TableLook, roles: Mapping[str, str], quote: Quote) -> dict[str, str]:
    """Return the exclusion of rows that give money back: of a kind that is called so, among others that are not."""
    for column in look.columns:
        if not re.fullmatch(_ROW_TYPE, english(plain(column.name))) or column.name == roles.get("status"):
            continue
        back = [value for value in column.values if state_of(plain(value)) in ("refunded", "cancelled")]
        if back and len(back) < len(column.values):
            return {"reversals": f"{quote(column.name)} in ({_listed(back)})"}
    return {}


def flagged(look: TableLook, quote: Quote) -> dict[str, str]:
    """Return the exclusion of rows that a column of yes and no calls cancelled, or given back."""
    found = {}
    for column in look.columns:
        yes = [value for value in column.values if value.lower() in _YES]
        if re.fullmatch(_FLAG, plain(column.name)) and yes and {*map(str.lower, column.values)} <= {*_YES, *_NO}:
            found[plain(column.name)] = f"{quote(column.name)}::varchar in ({_listed(yes)})"
    return found


def _listed(values: Sequence[str]) -> str:
    return ", ".join(map(text_literal, values))
