"""The gate, where raw rows are read and checked, and the raw relations on it.

The gate is a DuckDB connection. A raw relation has the shop's columns, and ``_file`` and ``_row``, which say where a
row was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from penchant.errors import ContractError, PenchantError

from ..engine.limits import limit_reached
from .expressions import quoted_name, text_literal
from .text import APART, RESERVED, own_names, repeated_names


@dataclass(frozen=True)
class BrokenLine:
    """A line of a text file that has not the header's cells."""

    file: str
    line: int
    text: str
    why: str


@dataclass(frozen=True)
class Raw:
    """Raw rows of one shape on the gate.

    Parameters
    ----------
    relation
        The relation's name.
    names
        The shop's column name to the engine's name.
    types
        The shop's column name to the engine's type.
    files
        ``_file`` to the name that messages use, in the order of reading.
    is_stored
        Whether the engine reads the shop's own storage (Parquet, DuckDB) each time, rather than a copy.
    how
        What it was read as, as a phrase.
    broken
        Lines that could not be read as rows.
    is_guess
        Whether the encoding was assumed.
    starts
        ``_file`` to the ``_row`` of its first row, where that is not 0.
    repeated
        The names that several columns have.
    losses
        The rows that a query's joins dropped.
    shape
        A hash of what files have in common that are read as one relation.
    paths
        The files that it was read from, in the order of reading; none where no file is named.
    is_apart
        Whether files of its shape are relations of their own each.
    """

    relation: str
    names: Mapping[str, str]
    types: Mapping[str, str]
    files: Mapping[str, str]
    is_stored: bool
    how: str
    broken: tuple[BrokenLine, ...] = ()
    is_guess: bool = False
    starts: Mapping[str, int] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()
    losses: tuple[Any, ...] = ()
    shape: str = ""
    paths: tuple[Path, ...] = ()
    is_apart: bool = False

    def row_number(self, file: str, row: int) -> int:
        """Return the number of a row in its file, from 1 (in a workbook: of the sheet's row)."""
        return row - self.starts.get(file, 0) + 1


@dataclass(frozen=True)
class Gate:
    """Where raw rows are read.

    Parameters
    ----------
    connection
        The DuckDB connection.
    data
        The folder that relative paths start from.
    folder
        Scratch space.
    """

    connection: Any
    data: Path
    folder: Path
    numbers: Iterator[int] = field(default_factory=count)

    def execute(self, sql: str) -> None:
        """Run one statement."""
        self.connection.execute(sql)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query; a result that is left unfinished would block the connection."""
        found: list[tuple[Any, ...]] = self.connection.execute(sql, values).fetchall()
        return found

    def row(self, sql: str, values: Sequence[object] = ()) -> tuple[Any, ...]:
        """Return the first row of a query that has one."""
        return self.rows(sql, values)[0]

    def name(self, kind: str) -> str:
        """Return a name that no relation has yet."""
        return f"{kind}_{next(self.numbers)}"

    def label(self, path: Path) -> str:
        """Return a file's name for messages: below the data folder where it is there."""
        return str(path.relative_to(self.data)) if path.is_relative_to(self.data) else path.name


@dataclass(frozen=True)
class Opened:
    """What came of a source: raw relations, and the faults that kept something from being read."""

    raws: tuple[Raw, ...]
    faults: tuple[PenchantError, ...] = ()


def guarded(action: Callable[[], Any], where: str, expected: str) -> Any:
    """Return what an action gives; the engine's complaint becomes an error of ours.

    Raises
    ------
    ContractError
        If the engine refuses.
    """
    try:
        return action()
    except duckdb.OutOfMemoryException:
        raise
    except (duckdb.Error, pa.ArrowException) as fault:
        if (error := limit_reached(fault)) is not None:
            raise error from None
        raise ContractError(where, expected, str(fault).splitlines()[0][:300]) from None


def relation_columns(gate: Gate, relation: str) -> dict[str, str]:
    """Return the columns of a relation and their types, but for those that say where a row was read."""
    described = gate.rows(f"describe select * from {quoted_name(relation)}")
    return {name: kind for name, kind, *_ in described if name not in ("_file", "_row")}


def with_fields(gate: Gate, raw: Raw) -> Raw:
    """Return a raw relation in which each field of a nested column is a column too, called ``column.field``."""
    names: dict[str, str] = {}
    cells: list[str] = []
    for shop, own in raw.names.items():
        if raw.types[shop].startswith("STRUCT(") and not raw.types[shop].endswith("]"):
            fields = gate.rows(f"describe select unnest({quoted_name(own)}) from {raw.relation}")
            for field, *_ in fields:
                name = f"{shop}.{field}"
                if name not in raw.names:
                    names[name] = name
                    cells.append(f"{quoted_name(own)}.{quoted_name(field)} as {quoted_name(name)}")
    if not cells:
        return raw
    relation = gate.name("raw")
    gate.execute(f"create view {relation} as select *, {', '.join(cells)} from {raw.relation}")
    types = relation_columns(gate, relation)
    every = {**raw.names, **names}
    flat = replace(raw, relation=relation, names=every, types={name: types[own] for name, own in every.items()})
    return with_fields(gate, flat)


def put_rows(gate: Gate, rows: pa.Table | pa.RecordBatchReader, file: str, has_rows: bool = False) -> str:
    """Copy Arrow rows to a new raw relation, and return its name; ``has_rows`` says that they carry ``_row``."""
    name = gate.name("raw")
    gate.connection.register("incoming_rows", rows)
    try:
        cells = "*" if has_rows else columns_apart(gate, "incoming_rows", rows.schema.names)
        store(gate, name, f"select {cells}, {text_literal(file)} as _file from incoming_rows", has_rows)
    finally:
        gate.connection.unregister("incoming_rows")
    return name


def columns_apart(gate: Gate, relation: str, names: Sequence[str] | None = None) -> str:
    """Return the SQL of all columns of a relation, with those renamed that are called as the engine's own are."""
    known = [row[0] for row in gate.rows(f"describe select * from {relation}")] if names is None else names
    renamed = [f"{quoted_name(name)} as {quoted_name(name + APART)}" for name in known if name.lower() in RESERVED]
    return f"* rename ({', '.join(renamed)})" if renamed else "*"


def store(gate: Gate, name: str, select: str, has_rows: bool = False) -> None:
    """Copy what a select gives to a new raw relation; rows are counted from 0 where they carry no ``_row``."""
    gate.execute(f"create or replace table {name}_cells as {select}")
    row = "" if has_rows else ", rowid as _row"
    gate.execute(f"create or replace view {name} as select *{row} from {name}_cells")


def copied(gate: Gate, name: str, file: str, how: str, given: Sequence[str] | None = None) -> Raw:
    """Return the raw relation that a copy of one file's rows is.

    Parameters
    ----------
    gate, name
        The relation.
    file, how
        The file's label, and what it was read as.
    given
        The columns' names as the file has them, where they may be doubtful; default: the relation's own.
    """
    types = relation_columns(gate, name)
    apart = {reserved + APART: reserved for reserved in RESERVED}
    owns = [apart.get(column.lower(), column) for column in types] if given is None else own_names(given)
    names = dict(zip(owns, types, strict=True))
    starts = {file: 1} if how == "workbook" else {}
    repeated = tuple(repeated_names(given or ()))
    cells = {own: types[column] for own, column in names.items()}
    return Raw(name, names, cells, {file: file}, False, how, starts=starts, repeated=repeated)
