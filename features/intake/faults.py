"""What the rules ask of one row, as conditions over a staged row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penchant.config import Severity

from ..contract import CanonicalTable, TableColumn
from .expressions import quoted_name, text_literal
from .rules import LARGEST_AMOUNT, LONGEST_ID, ORDER_OF_TIMES
from .settings import Settings


@dataclass(frozen=True)
class Fault:
    """A rule's condition on one row.

    Parameters
    ----------
    rule
        The rule's code.
    column
        The canonical column that it looks at first.
    condition
        SQL over a staged row; true where the row breaks the rule.
    """

    rule: str
    column: str
    condition: str


def row_faults(table: CanonicalTable, names: Sequence[str], settings: Settings) -> tuple[Fault, ...]:
    """Return the conditions that rows of a table are held to, whose columns the shop has."""
    decimals, end, severity = settings.decimals, settings.end, settings.severity[table.name]
    found = [fault for name in names for fault in _of_column(table.column(name), decimals)]
    found += [_missing(table.column(name), found, severity) for name in names if table.column(name).required]
    if end is not None and table.time in names:
        found.append(Fault("after_end", str(table.time), f"{quoted_name(str(table.time))} > timestamp '{end}'"))
    found += _between_columns(table, set(names))
    return tuple(found)


def _of_column(column: TableColumn, decimals: int) -> list[Fault]:
    name, value = column.name, quoted_name(column.name)
    bad = quoted_name(f"bad:{name}")
    faults = [Fault("bad_time" if column.kind == "time" else "bad_value", name, bad)]
    if column.kind in ("id", "code"):
        faults += _of_text(column)
    if column.kind == "time":
        faults += [
            Fault("time_out_of_range", name, f"({quoted_name(f'at:{name}')} is not null and {value} is null)"),
            Fault("unclear_clock", name, quoted_name(f"clock:{name}")),
            Fault("mixed_zones", name, quoted_name(f"zoned:{name}")),  # weighed later against those without
        ]
    if column.kind in ("number", "money"):
        faults += _of_amount(column, decimals)
    if name == "birth_year":
        faults.append(Fault("implausible_year", name, f"{value} < 1900 or {value} >= 2100"))
    if name == "probability":
        faults.append(Fault("probability_range", name, f"{value} <= 0 or {value} > 1"))
    return faults


def _missing(column: TableColumn, others: Sequence[Fault], severity: Mapping[str, Severity]) -> Fault:
    """Return the fault of a required value that is missing, or unreadable and not set aside for that."""
    named = [
        fault.condition
        for fault in others
        if fault.column == column.name
        and fault.rule in ("bad_time", "bad_value", "time_out_of_range")
        and severity[fault.rule] in ("set aside", "refuse")
    ]
    rule = "null_id" if column.kind == "id" else "null_value"
    return Fault(rule, column.name, " and not ".join([f"{quoted_name(column.name)} is null", *named]))


def _of_text(column: TableColumn) -> list[Fault]:
    name, value = column.name, quoted_name(column.name)
    faults = [
        Fault("padded_id", name, quoted_name(f"pad:{name}")),
        Fault("float_id", name, quoted_name(f"float:{name}")),
    ]
    if column.kind == "id":
        faults += [
            Fault(f"{asked}_id", name, quoted_name(f"{asked}:{name}")) for asked in ("rounded", "infinite", "merged")
        ]
        faults.append(Fault("long_id", name, f"length({value}) > {LONGEST_ID}"))
    if column.codes:
        known = ", ".join(text_literal(code) for code in column.codes)
        faults.append(Fault("unknown_code", name, f"{value} is not null and {value} not in ({known})"))
    return faults


def _of_amount(column: TableColumn, decimals: int) -> list[Fault]:
    name = column.name
    number = quoted_name(f"num:{name}")
    largest = LARGEST_AMOUNT * 10**decimals if column.kind == "money" else LARGEST_AMOUNT
    value = quoted_name(name) if column.kind == "money" else number
    faults = [
        Fault("not_finite", name, f"{number} is not null and not isfinite({number})"),
        Fault("absurd_amount", name, f"isfinite({number}) and ({value} is null or abs({value}) > {largest:.0f})"),
    ]
    if column.kind == "money":
        faults.append(Fault("coarse_amount", name, quoted_name(f"coarse:{name}")))
    if not column.may_be_negative:
        faults.append(Fault("negative_amount", name, f"{number} < 0 and isfinite({number})"))
    return faults


def _between_columns(table: CanonicalTable, names: set[str]) -> list[Fault]:
    faults = [
        Fault("out_of_order", later, f"{quoted_name(later)} < {quoted_name(earlier)}")
        for earlier, later in ORDER_OF_TIMES.get(table.name, ())
        if {earlier, later} <= names
    ]
    if table.name == "orders" and "amount" in names:
        faults.append(Fault("null_amount", "amount", quoted_name("none:amount")))
    if {"amount", "list_amount"} <= names and table.name == "orders":
        faults.append(Fault("above_list", "amount", "amount > list_amount"))
    if table.name == "orders" and "status" in names:
        faults += _of_status(names)
    return faults


def _of_status(names: set[str]) -> list[Fault]:
    """Return what an order's final status and its times say of each other."""
    faults = []
    for status, time in (("cancelled", "cancelled_at"), ("refunded", "refunded_at")):
        missing = f"{time} is null" if time in names else "true"
        faults.append(Fault("status_without_time", "status", f"status = '{status}' and {missing}"))
    if "paid_at" in names:
        against = "(status = 'unpaid' and paid_at is not null) or (status = 'paid' and paid_at is null)"
        faults.append(Fault("status_against_time", "status", against))
    return faults
