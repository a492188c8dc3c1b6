"""Rows that are no purchases: reversals, cancellations, what a column of yes and no calls so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..intake.expressions import quoted_name, text_literal
from ..intake.raw import Gate
from .files import TableLook
from .languages import english, order_state, plain
from .values import Quote

_ROW_TYPE = r"((transaction|trans|txn|order|sale|sales|invoice|document|doc|record|line|movement|payment)_)?(type|kind)"
_FLAG = r"(is_)?(cancell?ed|void(ed)?)|is_(cancel|cancellation|return|refund|reversal)"
_YES, _NO = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")


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
        back = [value for value in column.values if order_state(plain(value)) in ("refunded", "cancelled")]
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
