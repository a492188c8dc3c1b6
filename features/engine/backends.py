"""Edge: the engines that features are computed on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from penchant.config import EngineSection
from penchant.errors import InputError
from penchant.temporary import Scratch as Scratch

QUIET = Path(__file__).resolve().with_name("log4j2.properties")  # of a local Spark, from its first line on
Backend = Any  # an Ibis backend; Ibis publishes no type that covers all of them


def duckdb_backend(section: EngineSection, folder: Path) -> Backend:
    """Return an Ibis backend on a DuckDB file in ``folder``, so that large tables go to disk.

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
    backend = ibis.duckdb.connect(folder / "shop.duckdb", **settings)
    backend.con.execute("set TimeZone = 'UTC'")
    backend.con.execute("set enable_progress_bar = false")
    return backend


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
    """Return an Ibis backend on Spark: the remote one of the configuration, else a local master.

    Raises
    ------
    InputError
        If the extra ``spark`` is not installed.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise InputError("engine.kind", "an engine that is installed", "'spark'", "Install penchant[spark]") from None
    builder = SparkSession.builder.config("spark.sql.session.timeZone", "UTC")
    if section.remote is not None:
        return ibis.pyspark.connect(builder.remote(section.remote).getOrCreate())
    local: dict[str, bool | float | int | str | None] = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": f"{_megabytes(section.memory_limit)}m",
        "spark.log.level": "ERROR",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={QUIET.as_uri()}",
    }
    if section.temp_directory is not None:
        local["spark.local.dir"] = str(section.temp_directory)
    return ibis.pyspark.connect(builder.master(section.master).config(map=local).getOrCreate())


def _megabytes(limit: str) -> int:
    """Return a limit of memory in megabytes.

    Examples
    --------
    >>> _megabytes("4GB"), _megabytes("512 MiB")
    (4000, 537)
    """
    unit = limit.lstrip("0123456789. ")
    base = 1024 if "i" in unit else 1000
    return round(float(limit.removesuffix(unit)) * base ** " KMGT".index(unit[0]) / 1e6)


def put(backend: Backend, name: str, rows: pa.Table, folder: Path) -> Any:
    """Give Arrow rows to an engine and return them as its Ibis table.

    DuckDB keeps a table of its own, a local Spark reads a Parquet file in ``folder``, a remote one receives the rows.
    """
    if backend.name == "duckdb":
        backend.con.register("incoming_rows", rows)
        backend.con.execute(f'create or replace table "{name}" as select * from incoming_rows')
        backend.con.unregister("incoming_rows")
        return backend.table(name)
    if backend.name == "pyspark" and is_local(backend):
        path = folder / f"{name}.parquet"
        pq.write_table(rows, path)
        return backend.read_parquet(str(path), table_name=name)
    return backend.create_view(name, ibis.memtable(rows), overwrite=True)


def is_local(backend: Backend) -> bool:
    """Say whether a Spark session runs on this machine and sees its files."""
    session = backend._session
    is_remote = type(session).__module__.startswith("pyspark.sql.connect")
    return not is_remote and str(session.conf.get("spark.master", "")).startswith("local")


def batches(backend: Backend, expression: Any, n_rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of an expression in Arrow batches of at most so many rows, in bounded memory.

    No other query may run on a DuckDB connection while its batches are read.
    """
    if backend.name == "duckdb":  # Ibis 12 asks for a method that DuckDB 2 no longer has
        yield from backend.con.sql(backend.compile(expression)).to_arrow_reader(n_rows)
    else:
        yield from expression.to_pyarrow_batches(chunk_size=n_rows)
