"""A few rows of a shop's file beside what they are understood as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from penchant.config import Reading, Source
from penchant.errors import PenchantError

from ..contract import CONTRACT
from ..intake.expressions import PSEUDO, RawColumns, meaning, quoted_name, text_literal
from ..intake.raw import Gate, Raw
from ..intake.sources import open_source
from .files import TableLook
from .timeforms import EPOCHS
from .values import SourceProposal, TableProposal

N_ROWS = 3


@dataclass(frozen=True)
class RowExample:
    """A row of the file, as far as it is used, and what it is understood as."""

    before: Mapping[str, str | None]
    after: Mapping[str, str | None]


def examples_of_rows(gate: Gate, table: TableProposal, looks: list[TableLook]) -> list[RowExample]:
    """Return the first rows of a table's first source; none where they cannot be shown."""
    source = table.sources[0]
    decimal = "," if {**table.options, **source.place}.get("decimal") == "," else "."
    try:
        raw = _rows(gate, source, table, looks)
        return _examples(gate, raw, table, RawColumns(raw.names, raw.types, Reading(decimal=decimal)))
    except PenchantError:
        return []  # check says what is wrong


def _rows(gate: Gate, source: SourceProposal, table: TableProposal, looks: list[TableLook]) -> Raw:
    """Return the sample that a source's file was known by, or the rows of its query."""
    for look in looks:
        is_part = all(look.options.get(key) == source.place.get(key) for key in ("sheet", "table"))
        if source.place.get("path") in look.paths and is_part:
            return look.raw
    opened = open_source(gate, Source.model_validate({**table.options, **source.place}))
    if opened.faults:
        raise opened.faults[0]
    return opened.raws[0]


def _examples(gate: Gate, raw: Raw, table: TableProposal, columns: RawColumns) -> list[RowExample]:
    own = {name: name for name in CONTRACT[table.name].names if name in raw.names}
    mapping = table.sources[0].columns or own
    read: dict[str, str] = {}
    after = {}
    for name, value in mapping.items():
        is_number = CONTRACT[table.name].column(name).kind in ("money", "number", "whole")
        found = meaning(value, columns, table.name, is_number)
        read |= {column: columns.cell(column) for column in found.reads if column not in PSEUDO}
        is_text = found.column is not None and columns.is_text(found.column)
        after[name] = _shown(columns.number(found.sql) if is_number and is_text else found.sql, name, table)
    asked = [*read.values(), *after.values()]
    cells = [f"({sql})::varchar as {quoted_name(f'a{place}')}" for place, sql in enumerate(asked)]
    rows = gate.rows(f"select {', '.join(cells)} from {raw.relation} order by _file, _row limit {N_ROWS}")
    n_read = len(read)
    return [
        RowExample(dict(zip(read, row[:n_read], strict=True)), dict(zip(after, row[n_read:], strict=True)))
        for row in rows
    ]


def _shown(sql: str, name: str, table: TableProposal) -> str:
    """Return the SQL of a value as people read it: money with two places, times in ISO 8601, codes by their meaning."""
    kind = CONTRACT[table.name].column(name).kind
    if kind == "id":
        return f"plain_id(({sql})::varchar)"
    if kind == "money":
        return f"printf('%.2f', ({sql})::double)"
    if kind == "time" and table.time_format in EPOCHS:
        return f"make_timestamp((({sql})::double * {10**6 / EPOCHS[str(table.time_format)]})::bigint)"
    if kind == "time" and table.time_format and table.time_format != "excel_days":
        forms = [table.time_format] if isinstance(table.time_format, str) else table.time_format
        return f"coalesce({', '.join(f'try_strptime(({sql})::varchar, {text_literal(form)})' for form in forms)})"
    if codes := table.codes.get(name):
        cases = " ".join(f"when {text_literal(code)} then {text_literal(said)}" for code, said in codes.items())
        return f"case ({sql})::varchar {cases} end"
    return sql
