"""Edge: tables in DuckDB and SQLite files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa

from penchant.config import Source
from penchant.errors import ContractError, did_you_mean, quoted

from .expressions import quoted_name, text_literal
from .raw import Gate, Raw, columns_apart, copied, guarded, put_rows, store
from .text import unique_names

DATABASE_SUFFIXES = (".duckdb", ".ddb", ".db", ".sqlite", ".sqlite3", ".db3")
SQLITE_MARK = b"SQLite format 3\x00"
ROWS_AT_ONCE = 100_000


def open_database(gate: Gate, path: Path, source: Source) -> Raw:
    """Open a table of a DuckDB file, where it is, or of a SQLite file, as a copy with all cells as text.

    Raises
    ------
    ContractError
        If the file cannot be opened or has no such table.
    """
    label, tables = gate.label(path), database_tables(gate, path)
    table = source.table or (tables[0] if len(tables) == 1 else None)
    if table not in tables:
        wanted = f"table '{source.table}'" if source.table else f"its key 'table' to name one of {quoted(tables)}"
        raise ContractError(f"file '{label}'", wanted, "", did_you_mean(source.table or "", tables))
    if _is_sqlite(path):
        return _copied_from_sqlite(gate, path, str(table))
    return _attached(gate, path, str(table))


def database_tables(gate: Gate, path: Path) -> list[str]:
    """Return the tables in a DuckDB or SQLite file; those of another schema than the main one with its name.

    Raises
    ------
    ContractError
        If the file cannot be opened.
    """
    if _is_sqlite(path):
        with closing(_sqlite(gate, path)) as connection:
            return [str(row[0]) for row in _fetched(gate, path, connection, _SQLITE_TABLES)]
    rows = gate.rows(
        "select table_schema, table_name from information_schema.tables where table_catalog = ? order by 1, 2",
        [_alias(gate, path)],
    )
    return [name if schema == "main" else f"{schema}.{name}" for schema, name in rows]


def _alias(gate: Gate, path: Path) -> str:
    """Return the gate's name of a DuckDB file."""
    place = str(path.resolve())
    known = gate.rows("select database_name from duckdb_databases() where path = ?", [place])
    if known:
        return str(known[0][0])
    alias = gate.name("database")
    guarded(
        lambda: gate.execute(f"attach {text_literal(place)} as {alias} (read_only)"),
        f"file '{gate.label(path)}'",
        "a DuckDB file that no other program holds open",
    )
    return alias


def _attached(gate: Gate, path: Path, table: str) -> Raw:
    name, alias, file = gate.name("raw"), _alias(gate, path), f"{gate.label(path)}#{table}"
    schema, _, own = table.rpartition(".")
    place = f"{alias}.{quoted_name(schema or 'main')}.{quoted_name(own)}"
    select = f"select {columns_apart(gate, place)}, {text_literal(file)} as _file"
    views = gate.rows(
        "select 1 from duckdb_views() where database_name = ? and schema_name = ? and view_name = ?",
        [alias, schema or "main", own],
    )
    if views:  # has no row ids
        store(gate, name, f"{select} from {place}")
        return copied(gate, name, file, "DuckDB")
    gate.execute(f"create view {name} as {select}, rowid as _row from {place}")
    return replace(copied(gate, name, file, "DuckDB"), is_stored=True)


_SQLITE_TABLES = (
    "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%' order by 1"
)


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(SQLITE_MARK)) == SQLITE_MARK


def _sqlite(gate: Gate, path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    connection.text_factory = lambda cell: cell.decode("utf-8", "replace")
    return connection


def _fetched(gate: Gate, path: Path, connection: sqlite3.Connection, sql: str) -> sqlite3.Cursor:
    try:
        return connection.execute(sql)
    except sqlite3.Error as fault:
        raise _unreadable(gate.label(path), fault) from None


def _unreadable(label: str, fault: Exception) -> ContractError:
    return ContractError(f"file '{label}'", "a readable SQLite file", str(fault).splitlines()[0][:300])


def _copied_from_sqlite(gate: Gate, path: Path, table: str) -> Raw:
    label = f"{gate.label(path)}#{table}"
    with closing(_sqlite(gate, path)) as connection:
        cursor = _fetched(gate, path, connection, f"select * from {quoted_name(table)}")
        given = [str(column[0]) for column in cursor.description]
        names = unique_names(given)
        schema = pa.schema([(name, pa.string()) for name in names])
        reader = pa.RecordBatchReader.from_batches(schema, _batches(cursor, schema))
        try:
            name = put_rows(gate, reader, label)
        except (sqlite3.Error, duckdb.Error, pa.ArrowException) as fault:
            raise _unreadable(label, fault) from None
        return copied(gate, name, label, "SQLite", given)


def _batches(cursor: sqlite3.Cursor, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        columns = [pa.array(list(map(_text, cells)), pa.string()) for cells in zip(*rows, strict=True)]
        yield pa.record_batch(columns, schema=schema)


def _text(cell: object) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
