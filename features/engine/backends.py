"""Edge: the engines that features are computed on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from penchant.config import EngineSection
from penchant.errors import InputError
from penchant.lazy import ibis
from penchant.temporary import Scratch as Scratch

from .executors import mapped
from .spark_session import SHARES_FILES, launch_quietly, not_started, refuse_unstartable, spark_settings

Backend = Any  # an Ibis backend, or `DuckDB`; Ibis publishes no type that covers all of them


class DuckDB:
    """A connection to DuckDB, of which Ibis's backend is made when an expression needs it.

    Parameters
    ----------
    con
        The connection, for SQL that is there already.
    """

    name = "duckdb"

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con

    @cached_property
    def ibis(self) -> Any:
        """Ibis's backend on the same connection."""
        return ibis.duckdb.from_connection(self.con)

    def __getattr__(self, name: str) -> Any:
        """Return what only Ibis's backend has."""
        if name.startswith("__"):  # such as pickle and copy ask for
            raise AttributeError(name)
        return getattr(self.ibis, name)

    def disconnect(self) -> None:
        """Close the connection."""
        self.con.close()


def ibis_backend(backend: Backend) -> Any:
    """Return the backend that stands in Ibis's expressions."""
    return backend.ibis if isinstance(backend, DuckDB) else backend


def duckdb_backend(section: EngineSection, folder: Path) -> Backend:
    """Return DuckDB on a file in ``folder``, so that large tables go to disk.

    The session's time zone is UTC, no extension is fetched from the network, and no bar is drawn: in notebooks, and in
    programs without a file, DuckDB writes one to the standard output, where a command's own answer goes.
    """
    settings: dict[str, Any] = {
        "memory_limit": section.memory_limit,
        "temp_directory": str(folder),
        "autoinstall_known_extensions": False,
    }
    if section.threads is not None:
        settings["threads"] = section.threads
    con = duckdb.connect(str(folder / "shop.duckdb"), config=settings)
    con.execute("set TimeZone = 'UTC'; set python_enable_replacements = false")
    with suppress(duckdb.InvalidInputException):  # a notebook without widgets cannot draw one anyway
        con.execute("set enable_progress_bar = false")
    return DuckDB(con)


@contextmanager
def while_open(what: str, do: str) -> Iterator[None]:
    """Say in words that something is read from a shop that was closed.

    Raises
    ------
    InputError
        If the engine's connection is closed.
    """
    try:
        yield
    except duckdb.ConnectionException as fault:
        raise InputError(what, "a shop that is open", "one that was closed", do) from fault


def spark_backend(section: EngineSection) -> Backend:
    """Return an Ibis backend on Spark: the remote one of the configuration, else that of a master.

    Raises
    ------
    InputError
        If the extra ``spark`` or Java is not installed, the server does not answer, or Spark cannot start.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise InputError("engine.kind", "an engine that is installed", "'spark'", "Install penchant[spark]") from None
    refuse_unstartable(section)
    settings = spark_settings(section)
    builder = SparkSession.builder.config(map=dict(settings))
    builder = builder.master(section.master) if section.remote is None else builder.remote(section.remote)
    try:
        if section.remote is None:
            launch_quietly(section, settings)
        return ibis.pyspark.connect(builder.getOrCreate())
    except Exception as fault:
        raise not_started(section, fault) from fault


def put(backend: Backend, name: str, rows: pa.Table, folder: Path) -> Any:
    """Give Arrow rows to an engine and return them as its Ibis table.

    DuckDB keeps a table of its own, a Spark that sees ``folder`` reads a Parquet file in it, another receives the rows.
    """
    if backend.name == "duckdb":
        backend.con.register("incoming_rows", rows)
        backend.con.execute(f'create or replace table "{name}" as select * from incoming_rows')
        backend.con.unregister("incoming_rows")
        return backend.table(name)
    if not reads_files(backend):
        return backend.create_view(name, ibis.memtable(rows), overwrite=True)
    path = folder / f"{name}.parquet"
    pq.write_table(rows, path)
    return parquet_view(backend, name, path)


def parquet_view(backend: Backend, name: str, path: Path) -> Any:
    """Return a Parquet file as a table of Spark."""
    backend._session.read.parquet(path.absolute().as_uri()).createOrReplaceTempView(name)
    return backend.table(name)


def reads_files(backend: Backend) -> bool:
    """Say whether Spark reads the files that this process writes for it: it is local, or they lie on a shared mount."""
    session = backend._session
    is_remote = type(session).__module__.startswith("pyspark.sql.connect")
    is_local = not is_remote and str(session.conf.get("spark.master", "")).startswith("local")
    return is_local or session.conf.get(SHARES_FILES, "false") == "true"


def fetched(backend: Backend, query: str) -> list[tuple[Any, ...]]:
    """Return the few rows of a query."""
    if backend.name == "duckdb":
        return list(backend.con.execute(query).fetchall())
    return [tuple(row) for row in backend._session.sql(query).collect()]


def batches(backend: Backend, expression: Any, n_rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of an expression, or of SQL for DuckDB, in Arrow batches of at most so many, in bounded memory.

    No other query may run on a DuckDB connection while its batches are read.
    """
    if backend.name == "duckdb":  # Ibis 12 asks for a method that DuckDB 2 no longer has
        query = expression if isinstance(expression, str) else backend.compile(expression)
        yield from backend.con.sql(query).to_arrow_reader(n_rows)
    else:
        for _label, rows in mapped(backend, expression, None, n_rows):
            yield from rows.to_batches(max_chunksize=n_rows)
