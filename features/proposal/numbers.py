"""Cells of a sample as numbers, and how sure a comparison of them must be."""

from __future__ import annotations

from penchant.config import Reading

from ..intake.expressions import RawColumns, meaning, quoted_name
from .files import TableLook

ENOUGH_PAIRS = 20
NEARLY_ALL = 0.95
NEARLY = 0.25  # the better reading misses by about this share at most
CLEARLY = 0.5  # and by at most this share of what the other misses by


def number_sql(look: TableLook, expression: str) -> str:
    """Return the SQL of an expression over a sample's rows, read as a number as the intake reads it."""
    decimal = "," if look.options.get("decimal") == "," else "."
    raw = RawColumns(look.raw.names, look.raw.types, Reading(decimal=decimal))
    found = meaning(expression, raw, look.label, is_number=True)
    is_text = found.column is not None and raw.is_text(found.column)
    return raw.number(found.sql) if is_text else found.sql


def number_of(look: TableLook, name: str) -> str:
    """Return the SQL of a column's cells, read as numbers."""
    read = "as_number" if look.options.get("decimal") != "," else "as_number_with_comma"
    return f"{read}({quoted_name(look.raw.names[name])}::varchar)"
