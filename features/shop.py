"""Edge: open a shop's tables on an engine, as accepted canonical rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from penchant.config import Config, Source, TableSection
from penchant.errors import ContractError, NotThereError, quoted

from .contract import CONTRACT, IBIS_TYPES, SQL_TYPES, CanonicalTable, Column, canonical
from .engine import Backend, Scratch, duckdb_backend, put, spark_backend


@dataclass(frozen=True, eq=False)
class Shop:
    """A shop's accepted rows on an engine.

    Parameters
    ----------
    tables
        Canonical name to Ibis table: canonical column names and types, accepted rows only, and only the columns
        that the shop has.
    backend
        The Ibis backend that the tables live on.
    config
        The configuration that the shop was opened with.
    extract_end
        The instant up to which the data is complete, UTC without a zone: configured, or the latest event.
    report
        What was read, left out, set aside and noticed.
    space
        The scratch space that the engine works in.
    """

    tables: Mapping[str, Any]
    backend: Backend
    config: Config
    extract_end: datetime
    report: Any
    space: Scratch

    @property
    def timezone(self) -> str:
        """The zone in which the shop's calendar days begin and end."""
        return self.config.shop.timezone

    @property
    def currency(self) -> str:
        """The currency of all money."""
        return self.config.shop.currency

    @property
    def decimals(self) -> int:
        """How many decimal places the currency's minor unit has."""
        return self.config.shop.decimals

    def has(self, table: str, *columns: str) -> bool:
        """Say whether the shop has a table, with these columns."""
        return table in self.tables and set(columns) <= set(self.tables[table].columns)

    def close(self) -> None:
        """Let go of the engine's tables and files. The shop cannot be used afterwards."""
        if self.backend.name == "duckdb":
            self.backend.disconnect()
        self.space.remove()

    def __enter__(self) -> Shop:
        """Return the shop itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the shop."""
        self.close()


def shop_from_tables(
    tables: Mapping[str, Any], config: Config | None = None, backend: Backend | None = None
) -> Shop:
    """Return a shop made of tables that are already in canonical form.

    Parameters
    ----------
    tables
        Canonical name to a pandas frame, a pyarrow table or an Ibis table of ``backend``. Times are UTC, money is in
        minor units.
    config
        The shop's configuration; its ``tables`` are not read.
    backend
        The Ibis backend to put the tables on; default: a new DuckDB.

    Raises
    ------
    ContractError
        If a table or column is not one of the contract, a required column is missing, or a type does not fit.
    """
    config = config or Config()
    space = Scratch(config.engine.temp_directory)
    backend = backend or duckdb_backend(config.engine, space.folder)
    placed = {name: _placed(backend, canonical(name), rows, space.folder) for name, rows in tables.items()}
    return Shop(MappingProxyType(placed), backend, config, extract_end(placed, config), None, space)


def _placed(backend: Backend, table: CanonicalTable, rows: Any, folder: Path) -> Any:
    """Return canonical rows as a table of the engine, with canonical types."""
    given = (
        list(rows.columns)
        if isinstance(rows, pd.DataFrame)
        else list(rows.schema().names)
        if isinstance(rows, ibis.Table)
        else rows.column_names
    )
    _check_columns(table, given)
    if isinstance(rows, ibis.Table):
        return _typed(rows, table)
    arrow = pa.Table.from_pandas(rows, preserve_index=False) if isinstance(rows, pd.DataFrame) else rows
    return put(backend, table.name, _arrow_typed(arrow, table), folder)


def _check_columns(table: CanonicalTable, given: list[str]) -> None:
    missing = [name for name in table.required if name not in given]
    unknown = [name for name in given if not table.is_open and name not in table.names]
    if missing or unknown:
        faults = [f"no column {quoted(missing)}"] * bool(missing) + [f"unknown {quoted(unknown)}"] * bool(
            unknown
        )
        raise ContractError(f"table '{table.name}'", "the columns of the contract", "; ".join(faults))


_ARROW_TYPES: Mapping[str, pa.DataType] = {
    "id": pa.string(),
    "code": pa.string(),
    "text": pa.string(),
    "time": pa.timestamp("us"),
    "money": pa.int64(),
    "whole": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
}


def _arrow_typed(rows: pa.Table, table: CanonicalTable) -> pa.Table:
    """Return Arrow rows with the contract's types; attributes keep their own."""
    declared = set(table.names)
    fields = []
    for field in rows.schema:
        column = table.column(field.name)
        keeps = field.name not in declared and column.kind == "text"
        fields.append((field.name, field.type if keeps else _ARROW_TYPES[column.kind]))
    try:
        return rows.cast(pa.schema(fields))
    except pa.ArrowInvalid as fault:
        raise ContractError(f"table '{table.name}'", "values of the contract's types", str(fault)) from None


def _typed(rows: Any, table: CanonicalTable) -> Any:
    """Return an Ibis table with the contract's types."""
    wanted = {
        name: IBIS_TYPES[table.column(name).kind]
        for name in rows.columns
        if name in table.names or table.column(name).kind != "text"
    }
    return rows.cast(wanted)


def extract_end(tables: Mapping[str, Any], config: Config) -> datetime:
    """Return the configured end of the extract, else the latest event of the shop (UTC, no zone).

    Raises
    ------
    ContractError
        If neither is known.
    """
    if config.shop.extract_end is not None:
        end = config.shop.extract_end
        return end.astimezone(UTC).replace(tzinfo=None) if end.tzinfo else end
    latest = [
        tables[name][CONTRACT[name].time].max().execute()
        for name in ("orders", "interactions")
        if name in tables
    ]
    known = [pd.Timestamp(time).to_pydatetime() for time in latest if not pd.isna(time)]
    if not known:
        raise ContractError(
            "the shop", "orders or interactions with at least one row", "none", "Name them under [tables]"
        )
    return max(known)


def open_shop(config: Config, data: Path | None = None, *, checked: bool = True) -> Shop:
    """Open the tables that a configuration describes.

    Parameters
    ----------
    config
        The shop's configuration.
    data
        The folder that relative paths start from; default: the working directory.
    checked
        Whether the rules are applied to every row.

    Raises
    ------
    ContractError
        If the shop's data cannot be accepted; all refusals at once.
    """
    space = Scratch(config.engine.temp_directory)
    gate = duckdb_backend(config.engine, space.folder)
    for name, section in config.tables.items():
        _read(gate, canonical(name), section, data or Path())
    tables = {name: gate.table(name) for name in config.tables}
    backend = gate
    if config.engine.kind == "spark":
        backend = spark_backend(config.engine)
        tables = {
            name: put(backend, name, table.to_pyarrow(), space.folder) for name, table in tables.items()
        }
    return Shop(MappingProxyType(tables), backend, config, extract_end(tables, config), None, space)


def _read(gate: Backend, table: CanonicalTable, section: TableSection, data: Path) -> None:
    selects = [_select(gate, table, section, source, data) for source in section.sources]
    gate.con.execute(f'create table "{table.name}" as ' + " union all by name ".join(selects))


def _select(gate: Backend, table: CanonicalTable, section: TableSection, source: Source, data: Path) -> str:
    path = data / str(source.path)
    if not list(data.glob(str(source.path))):
        raise NotThereError(f"table '{table.name}'", f"a file '{path}'", "nothing there")
    reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
    raw = f"{reader}('{path}')"
    known = gate.con.sql(f"select * from {raw} limit 0").columns
    mapping = {name: name for name in table.names if name in known} | section.mapping(source)
    parts = [_converted(table.column(name), value, known, section) for name, value in mapping.items()]
    where = " and ".join(
        f"not coalesce(({condition}), false)" for condition in section.exclusions(source).values()
    )
    return f"select {', '.join(parts)} from {raw}" + (f" where {where}" if where else "")


def _converted(column: Column, value: str, known: list[str], section: TableSection) -> str:
    raw = f'"{value}"' if value in known else f"({value})"
    zone = section.timezone or "UTC"
    match column.kind:
        case "money":
            raw = f"round(round({raw} * 1e6) / 1e4)::bigint"
        case "time":
            raw = f"timezone('{zone}', {raw}::timestamp)::timestamp"
        case kind:
            raw = f"{raw}::{SQL_TYPES[kind]}"
    return f'{raw} as "{column.name}"'
