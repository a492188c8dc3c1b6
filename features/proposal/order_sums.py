"""What was paid for an order, where it has a sum beside the prices of its lines: which sum, and how lines share it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..intake.expressions import quoted_name
from ..intake.raw import Gate
from .files import ColumnLook, TableLook
from .languages import english, plain

ENOUGH_ORDERS = 10
NEARLY_ALL = 0.95
SOME = 0.2  # of the orders have no discount
EQUAL = 0.011  # in the currency: rounding
_GOODS = r"(^|_)(sub_?total|goods|net|products?)(_|$)"  # a sum of the goods alone


@dataclass(frozen=True)
class OrderRows:
    """Rows of a sample, with the order of each and what its line costs by its price.

    Parameters
    ----------
    relation
        The SQL of the rows.
    order, line
        The SQL of the order's key, and of the line's price, a number.
    """

    relation: str
    order: str
    line: str


@dataclass(frozen=True)
class OrderSum:
    """The sum that an order's lines share; ``name`` is None where their prices are what was paid.

    ``less`` is a column to be taken off it first, such as delivery.
    """

    name: str | None
    less: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def settles_price(self) -> bool:
        """Whether the orders' sums show that what lines cost was read rightly."""
        return self.name is None and bool(self.notes)


def order_sum(gate: Gate, rows: OrderRows, sums: Mapping[str, str], freight: tuple[str, str] | None) -> OrderSum:
    """Return which of several sums was paid for an order's goods.

    Parameters
    ----------
    gate, rows
        The sample.
    sums
        The name of a column with an order's sum -> its SQL, a number.
    freight
        The name and SQL of what delivery cost; None where no column says it.
    """
    names = sorted(sums, key=lambda name: not re.search(_GOODS, english(plain(name))))
    less = f"coalesce(avg({freight[1]}), 0)" if freight else "0"
    averages = ", ".join(f"avg({sums[name]}) as s{place}" for place, name in enumerate(names))
    counted = ", ".join(
        f"count(s{place}), count(*) filter (abs(s{place} - w) <= {EQUAL}),"
        f" count(*) filter (s{place} <= w + {EQUAL}), count(*) filter (s{place} - f <= w + {EQUAL}),"
        f" count(*) filter (abs(s{place} - f - w) <= {EQUAL})"
        for place, _ in enumerate(names)
    )
    counts = gate.row(
        f"select {counted} from (select sum({rows.line}) as w, {less} as f, {averages} from {rows.relation}"
        f" where {rows.order} is not null group by {rows.order}) where w is not null"
    )
    by_name = {name: counts[5 * place : 5 * place + 5] for place, name in enumerate(names)}
    known = {name: seen for name, seen in by_name.items() if seen[0]}
    discounted = [name for name, seen in known.items() if _is_discounted(*seen)]
    for name, (n_orders, n_equal, _, _, n_equal_without) in known.items():
        if max(n_equal, n_equal_without) >= NEARLY_ALL * n_orders and not discounted:
            return OrderSum(None, notes=(f"the lines of an order add up to '{name}'",))
    known = {name: known[name] for name in discounted} or known
    return _shared(known, freight[0] if freight else None) if known else OrderSum(None)


def _is_discounted(n_orders: int, n_equal: int, n_below: int, n_below_without: int, n_equal_without: int) -> bool:
    """Say whether a sum is never more than the lines, often the same, and often less."""
    if max(n_equal, n_equal_without) >= NEARLY_ALL * n_orders:
        return False
    return any(
        below >= NEARLY_ALL * n_orders and SOME * n_orders <= equal < NEARLY_ALL * n_orders
        for equal, below in ((n_equal, n_below), (n_equal_without, n_below_without))
    )


def _shared(known: Mapping[str, tuple[int, ...]], freight: str | None) -> OrderSum:
    """Return the first sum that is never more than the lines, else the first less delivery, else a doubt."""
    for name, (n_orders, _, n_below, _, _) in known.items():
        if n_below >= NEARLY_ALL * n_orders:
            return OrderSum(name, None, (f"'{name}', what was paid for an order, is spread over its lines by price",))
    for name, (n_orders, _, _, n_below, _) in known.items():
        if freight and n_below >= NEARLY_ALL * n_orders:
            said = f"'{name}' less '{freight}', what was paid for an order's goods, is spread over its lines by price"
            return OrderSum(name, freight, (said,))
    name, (n_orders, _, n_below, _, _) = next(iter(known.items()))
    note = (
        f"TODO '{name}' of an order is more than its lines' prices in {n_orders - n_below} of {n_orders}: with delivery"
        " or tax? It is spread over the lines by price"
    )
    return OrderSum(name, None, (note,))


def of_first_lines(gate: Gate, look: TableLook, order: str) -> list[str]:
    """Return the columns that are filled on an order's first line and on no other: they are the order's."""
    columns = [
        column
        for column in look.columns
        if 0 < column.n_filled < look.n_rows and column.name != order and "[" not in column.engine_type
    ]
    if not columns:
        return []
    key = quoted_name(look.raw.names[order])
    counts, asked = [], []
    for place, column in enumerate(columns):
        cell = _cell(look, column)
        counts += [f"count({cell}) as n{place}", f"arg_min({cell} is not null, _row) as at{place}"]
        asked += [f"count(*) filter (n{place} > 0)", f"count(*) filter (n{place} = 1 and at{place})"]
    found = gate.row(
        f"select {', '.join(asked)} from (select {', '.join(counts)} from {look.raw.relation}"
        f" where {key} is not null group by {key} having count(*) > 1)"
    )
    pairs = zip(columns, found[::2], found[1::2], strict=True)
    return [column.name for column, n_filled, n_first in pairs if n_filled >= 3 and n_first >= NEARLY_ALL * n_filled]


def _cell(look: TableLook, column: ColumnLook) -> str:
    return f"nullif(trim({quoted_name(look.raw.names[column.name])}::varchar), '')"


def of_order(column: str, order: str) -> str:
    """Return the expression of what any line of an order says, for all of its lines."""
    return f"of_order({column}, {order})"


def spread(total: str, line: str, order: str) -> str:
    """Return the expression of an order's sum in parts on its lines, by what each costs."""
    return f"spread({total}, {line}, {order})"
