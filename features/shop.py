"""Edge: open a shop's tables on an engine, as accepted canonical rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from penchant.config import Config
from penchant.errors import ContractError, quoted
from penchant.lazy import ibis, pd
from penchant.overview import Overview, WithOverview

from .contract import ARROW_TYPES, CONTRACT, IBIS_TYPES, CanonicalTable, canonical
from .derived import derived_columns
from .engine.backends import (
    Backend,
    Scratch,
    duckdb_backend,
    fetched,
    parquet_view,
    put,
    reads_files,
    spark_backend,
    while_open,
)
from .intake.accepted import AcceptedRows
from .intake.ids import plain_ids
from .intake.ingest import receive, refusal
from .intake.report import CheckReport
from .intake.settings import utc_instant

_NUMBERS = count()


class TablesOfDuckDB(Mapping[str, Any]):
    """Tables of DuckDB by name, of which Ibis's are made when an expression needs them.

    Parameters
    ----------
    backend
        The backend.
    names
        The tables' names.
    """

    def __init__(self, backend: Backend, names: Iterable[str]) -> None:
        self._backend, self._names = backend, tuple(names)
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """Return a table as Ibis's."""
        if name not in self._names:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = self._backend.table(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return how many tables there are."""
        return len(self._names)


@dataclass(frozen=True, eq=False, repr=False)
class Shop(WithOverview):
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
    owned
        The connections that end with the shop.
    sql_folder
        Where compiled SQL is stored; None: nowhere.
    """

    tables: Mapping[str, Any]
    backend: Backend
    config: Config
    extract_end: datetime
    report: CheckReport
    space: Scratch
    owned: tuple[Backend, ...] = ()
    sql_folder: Path | None = None

    @cached_property
    def identity(self) -> int:
        """A number that no other shop of the process has."""
        return next(_NUMBERS)

    @cached_property
    def n_events(self) -> int:
        """How many order lines and interactions there are."""
        return sum(self._counted(name) for name in ("orders", "interactions") if self.has(name))

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
        """Say whether the shop has a table, with these columns; ``bought`` and ``viewed`` are facts made of several."""
        return table in self._columns and set(columns) <= set(self._columns[table])

    @cached_property
    def _columns(self) -> Mapping[str, Collection[str]]:
        """Table to its columns, with those of the lines bought and of the interactions viewed."""
        columns = {name: tuple(types) for name, types in self.types.items()}
        return {**columns, **derived_columns(columns)}

    @cached_property
    def types(self) -> Mapping[str, Mapping[str, str]]:
        """Table to its columns, with the name of each one's type."""
        if not isinstance(self.tables, TablesOfDuckDB):
            schemas = {name: rows.schema() for name, rows in self.tables.items()}
            return {name: {column: str(dtype) for column, dtype in types.items()} for name, types in schemas.items()}
        described = {name: fetched(self.backend, f"describe {self.sql(name)}") for name in self.tables}
        return {name: {row[0]: row[1] for row in rows} for name, rows in described.items()}

    def sql(self, name: str) -> str:
        """Return the query of a table's rows."""
        if isinstance(self.tables, TablesOfDuckDB):
            return f'select * from "{name}"'
        return str(self.backend.compile(self.tables[name]))

    def _counted(self, name: str) -> int:
        return int(fetched(self.backend, f"select count(*) from ({self.sql(name)})")[0][0])

    def overview(self) -> Overview:
        """Return what the shop is, and how much each table holds."""
        lines = [
            f"{self.currency}, {self.timezone}; complete up to {self.extract_end:%Y-%m-%d %H:%M} UTC",
            f"on {self.backend.name}",
        ]
        rows = [(name, f"{self._n_rows(name):,}", ", ".join(types)) for name, types in self.types.items()]
        note = "shop.tables['orders'] is an Ibis table; shop.report says what was set aside, and why."
        return Overview(f"Shop '{self.config.shop.name}'", lines, ("table", "rows", "columns"), rows, note)

    def _n_rows(self, name: str) -> int:
        """Return how many rows of a table were accepted."""
        if name in self.report.tables:
            return self.report.tables[name].n_accepted
        with while_open("shop", "Open it again"):
            return self._counted(name)

    def close(self) -> None:
        """Let go of the engine's tables and files. The shop cannot be used afterwards."""
        for connection in self.owned:
            connection.disconnect()
        self.space.remove()

    def __enter__(self) -> Shop:
        """Return the shop itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the shop."""
        self.close()


def shop_from_tables(tables: Mapping[str, Any], config: Config | None = None, backend: Backend | None = None) -> Shop:
    """Return a shop made of tables that are already in canonical form.

    Parameters
    ----------
    tables
        Canonical name to a frame (pandas, Polars, PyArrow, or whatever hands over Arrow by the PyCapsule interface) or
        an Ibis table of ``backend``. Times are UTC, money is in minor units.
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
    own = duckdb_backend(config.engine, space.folder) if backend is None else None
    engine = backend if own is None else own
    mark = "" if backend is None else f"_{space.folder.name.replace('-', '_')}"  # others may be on it too
    placed = {
        name: _placed(engine, canonical(name), rows, (f"{name}{mark}", space.folder), config.ids.merge)
        for name, rows in tables.items()
    }
    end = _latest_event(engine, placed, config)
    owned = () if own is None else (own,)
    return Shop(MappingProxyType(placed), engine, config, end, CheckReport({}, end), space, owned)


def _placed(backend: Backend, table: CanonicalTable, rows: Any, place: tuple[str, Path], merge: Collection[str]) -> Any:
    """Return canonical rows as a table of the engine, with canonical types."""
    if isinstance(rows, ibis.Table):
        _check_columns(table, list(rows.columns))
        return _typed(rows, table)
    arrow = _arrow(rows, table.name)
    _check_columns(table, arrow.column_names)
    return put(backend, place[0], _arrow_typed(_with_plain_ids(arrow, table, merge), table), place[1])


def _with_plain_ids(rows: pa.Table, table: CanonicalTable, merge: Collection[str]) -> pa.Table:
    """Return rows of a frame with their ids by the rule of all ids."""
    for place, name in enumerate(rows.column_names):
        if table.column(name).kind == "id":
            where = f"table '{table.name}', column '{name}'"
            ids = plain_ids(rows[name].to_pandas(), merge=name in merge, where=where)
            if name in table.required and ids.isna().sum() > rows[name].null_count:
                raise ContractError(where, "ids", "blanks, NaN or infinity", "Leave these rows out")
            rows = rows.set_column(place, name, pa.array(ids, pa.string(), from_pandas=True))
    return rows


def _arrow(frame: Any, table: str) -> pa.Table:
    """Return a frame's rows; times with a zone are converted to UTC and lose it."""
    if not isinstance(frame, pd.DataFrame):
        if not hasattr(frame, "__arrow_c_stream__"):
            expected = "a frame of pandas, Polars or PyArrow, or an Ibis table"
            raise ContractError(f"table '{table}'", expected, f"a {type(frame).__name__}")
        return pa.table(frame)
    zoned = frame.select_dtypes("datetimetz")
    naive = frame.assign(**{str(name): times.dt.tz_convert(None) for name, times in zoned.items()})
    return pa.Table.from_pandas(naive, preserve_index=False)


def _check_columns(table: CanonicalTable, given: list[str]) -> None:
    missing = [name for name in table.required if name not in given]
    unknown = [name for name in given if not table.is_open and name not in table.names]
    if missing or unknown:
        faults = [f"no column {quoted(missing)}"] * bool(missing) + [f"unknown {quoted(unknown)}"] * bool(unknown)
        raise ContractError(f"table '{table.name}'", "the columns of the contract", "; ".join(faults))


def _arrow_typed(rows: pa.Table, table: CanonicalTable) -> pa.Table:
    """Return Arrow rows with the contract's types; attributes keep their own."""
    declared = set(table.names)
    fields = []
    for given in rows.schema:
        column = table.column(given.name)
        keeps = given.name not in declared and column.kind == "text"
        fields.append((given.name, given.type if keeps else pa.type_for_alias(ARROW_TYPES[column.kind])))
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


def _latest_event(backend: Backend, tables: Mapping[str, Any], config: Config) -> datetime:
    """Return the configured end of the extract, else the latest event of the shop."""
    configured = utc_instant(config.shop.extract_end)
    if configured is not None:
        return configured
    events = {name: CONTRACT[name].time for name in ("orders", "interactions") if name in tables}
    queries = [f"select max({time}) from ({backend.compile(tables[name])}) as rows" for name, time in events.items()]
    latest: list[datetime | None] = [fetched(backend, query)[0][0] for query in queries]
    known = [time for time in latest if time is not None]
    if not known:
        raise ContractError("the shop", "orders or interactions with at least one row", "none")
    return max(known)


def open_shop(
    config: Config,
    data: Path | None = None,
    *,
    checked: bool = True,
    quarantine: Path | None = None,
    accepted: AcceptedRows | None = None,
) -> Shop:
    """Open the tables that a configuration describes.

    Parameters
    ----------
    config
        The shop's configuration.
    data
        The folder that relative paths start from; default: the working directory.
    checked
        Whether the rules are applied to every row; without, rows are taken as they are.
    quarantine
        The folder that rows set aside are written to; default: they are counted in the report and not written.
    accepted
        Where accepted rows are stored: those of the same files and configuration are opened from there, others stored.

    Raises
    ------
    ContractError
        If the shop cannot be opened; all refusals at once.
    ConfigError
        If the configuration names a table or rule that does not exist.

    References
    ----------
    The rules and what each does by default: `penchant.features.intake.rules`.
    """
    space = Scratch(config.engine.shared_directory or config.engine.temp_directory)
    gate = duckdb_backend(config.engine, space.folder)
    try:
        places = ((data or Path()).absolute(), space.folder)
        received = receive(gate.con, config, places, checked, quarantine, accepted)
        if (error := refusal(received.report)) is not None:
            raise error
        backend = gate if config.engine.kind == "duckdb" else spark_backend(config.engine)
        tables = _tables(gate, backend, received.names, space.folder)
    except BaseException:
        gate.disconnect()
        space.remove()
        raise
    end = received.report.extract_end
    if end is None:
        raise ContractError("the shop", "orders or interactions with at least one row", "none")
    sql = None if accepted is None else accepted.folder.parent / "sql"
    return Shop(tables, backend, config, end, received.report, space, (gate,), sql)


def _tables(gate: Backend, backend: Backend, names: Iterable[str], folder: Path) -> Mapping[str, Any]:
    """Return the accepted tables on the engine."""
    if backend is gate:
        return TablesOfDuckDB(gate, names)
    return MappingProxyType({name: _moved(gate, backend, name, folder) for name in names})


def _moved(gate: Backend, backend: Backend, name: str, folder: Path) -> Any:
    """Return an accepted table on another engine than the gate, which reads a Parquet copy of it."""
    path = folder / f"{name}.parquet"
    gate.con.execute(f"copy (from {name}) to '{path}' (format parquet)")
    own = f"{name}_{folder.name.replace('-', '_')}"
    if reads_files(backend):
        return parquet_view(backend, own, path)
    return put(backend, own, pq.read_table(path), folder)
