"""In which currency amounts are: by a column that says it, or by the signs beside the numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..intake.expressions import text_literal
from .files import ColumnLook
from .order_sums import of_order
from .values import Seen
from .words import vocabulary


@dataclass(frozen=True)
class Currency:
    """The currency of a table's amounts.

    Parameters
    ----------
    code
        Of three letters; None where nothing says it.
    exclude
        The exclusion of rows in other currencies.
    notes
        What an owner must know.
    """

    code: str | None = None
    exclude: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def currency_of(one: Seen, amount: str | None, value: str | None = None) -> Currency:
    """Return the currency of a file's amounts.

    Parameters
    ----------
    one
        The file.
    amount
        The column with the amounts; None where there is none.
    value
        How an expression names the column of currencies; default: by its name, for all lines of its order.
    """
    found = _in_the_file(one, amount, value)
    if found.code is None and one.platform is not None:  # one that sells in a single currency, such as Taobao
        return replace(found, code=one.platform.platform.tables.get("orders", {}).get("currency"))
    return found


def _in_the_file(one: Seen, amount: str | None, value: str | None) -> Currency:
    if one.has("currency"):
        column = one.look.column(one.roles["currency"])
        return _of_column(one, column, value or _whole(one, column))
    if amount is None or amount not in one.look.raw.names:
        return Currency()
    return _of_signs(one, amount)


def _whole(one: Seen, column: ColumnLook) -> str:
    """Return a column's name; what any line of an order says where some lines have none."""
    name = one.quote(column.name)
    has_gaps = column.n_filled < one.look.n_rows and one.has("order_id")
    return of_order(name, one.quote(one.roles["order_id"])) if has_gaps else name


def _of_column(one: Seen, column: ColumnLook, value: str) -> Currency:
    codes = {name: _code(name) for name in column.values}
    known = dict.fromkeys(code for code in codes.values() if code)
    if not known:
        return Currency()
    first = next(iter(known))
    if len(known) == 1:
        return Currency(first)
    n_rows = one.counts(*(f"{one.quote(column.name)} = {text_literal(name)}" for name in codes))
    counts = {code: sum(n for name, n in zip(codes, n_rows, strict=True) if codes[name] == code) for code in known}
    listed = ", ".join(f"{code} on {n:,} rows" for code, n in counts.items())
    ours = ", ".join(text_literal(name) for name, code in codes.items() if code == first)
    others = " and ".join(code for code in known if code != first)
    note = (
        f"TODO '{column.name}': amounts are in several currencies ({listed}), and a sum of them is none. {first} is"
        f" taken; rows in {others} are left out"
    )
    return Currency(first, {"other currencies": f"{value} not in ({ours})"}, (note,))


def _code(name: str) -> str | None:
    """Return the three letters of a currency."""
    bare, known = name.strip().upper(), vocabulary().currencies
    if re.fullmatch(r"[A-Z]{3}", bare):
        return str(known["names"].get(bare, bare))
    return known["signs"].get(name.strip()) or next(
        (code for word, code in known["names"].items() if word in bare), None
    )


def _of_signs(one: Seen, amount: str) -> Currency:
    """Return the currency by the signs in the cells of a sum, else by three letters in its column's name."""
    known = vocabulary().currencies
    words = re.findall(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", amount)
    name = next((_code(word) for word in words if word in known["usual"]), None)
    if one.look.column(amount).engine_type != "VARCHAR":
        return Currency(name)
    cell = one.quote(amount)
    counts = one.counts(*(f"contains({cell}, {text_literal(sign)})" for sign in known["signs"]))
    found = {sign: n for sign, n in zip(known["signs"], counts, strict=True) if n}
    if not found:
        return Currency(name)
    first, *others = sorted(found, key=lambda sign: -found[sign])
    notes = ["TODO amounts carry '$': which dollar? USD is taken"] if first == "$" and not name else []
    if not others:
        return Currency(name or known["signs"][first], notes=tuple(notes))
    listed = ", ".join(f"'{sign}' on {n:,} rows" for sign, n in found.items())
    notes.append(
        f"TODO '{amount}' is in several currencies ({listed}), and a sum of them is none. Rows with"
        f" {' and '.join(map(repr, others))} are left out"
    )
    other = " or ".join(f"contains({cell}, {text_literal(sign)})" for sign in others)
    return Currency(name or known["signs"][first], {"other currencies": other}, tuple(notes))
