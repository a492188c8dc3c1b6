"""Edge: rows into a database's table, in one transaction, each under its key.

Run and tested on DuckDB and on PostgreSQL.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.csv as csv

from penchant.errors import InputError, NotThereError, OutputError, PenchantError, quoted

INCOMING = "penchant_incoming"
ROWS_AT_ONCE = 50_000
ARM = "arm"


@dataclass(frozen=True)
class Upserted:
    """What writing by key did to a table: rows added, changed, removed, and found the same."""

    n_added: int
    n_changed: int
    n_removed: int
    n_same: int

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return {
            "n_added": self.n_added,
            "n_changed": self.n_changed,
            "n_removed": self.n_removed,
            "n_same": self.n_same,
        }


def upsert(
    rows: pa.Table,
    address: str,
    table: str,
    key: Sequence[str],
    group: Sequence[str] | None = None,
    *,
    replace: bool = False,
) -> Upserted:
    """Write rows into a table by key, all or nothing.

    Parameters
    ----------
    rows
        What the table is to hold of these campaigns and waves, or of other groups.
    address
        ``duckdb://path`` or ``postgresql://...``.
    table
        Its name, with the schema before a point where it has one; made where there is none. A table that is there
        must have a unique key over ``key``, and may have further columns, which stay as they are.
    key
        The columns that tell rows apart: campaign, customer and wave of a list.
    group
        The columns whose values say of what ``rows`` is the whole; None: campaign and wave, the first and third.
    replace
        Whether arms may change and rows of the same group that are not among ``rows`` are removed.

    Raises
    ------
    NotThereError
        If nothing answers at the address.
    InputError
        If the database is neither DuckDB nor PostgreSQL, or the table lacks columns or the key.
    OutputError
        If another run is writing the table, the wave is there with other customers or arms, or the database went
        away. Nothing was changed.
    """
    with _transaction(address, table) as base:
        base.run("set timezone = 'UTC'")  # a column without a zone there holds UTC
        _ready_table(base, rows, table, key)
        base.load(INCOMING, rows)
        whole = [key[0], key[2]] if group is None else list(group)
        return _write(base, rows.column_names, table, list(key), whole, replace=replace)


def without_password(address: str) -> str:
    """Return an address fit to be shown: without user and password, wherever they stand.

    Examples
    --------
    >>> without_password("postgresql://shop:se/cret@db/base?sslmode=require&password=secret")
    'postgresql://db/base?sslmode=require'
    """
    scheme, _, rest = address.partition("://")
    place, _, query = rest.partition("?")
    kept = "&".join(part for part in query.split("&") if part and "password" not in part.partition("=")[0].lower())
    return f"{scheme}://{place.rsplit('@', 1)[-1]}{'?' if kept else ''}{kept}"


def _write(base: _Base, columns: list[str], table: str, key: list[str], group: list[str], *, replace: bool) -> Upserted:
    """Bring the table to what came in, and count what that changed."""
    _refuse_repeated(base, table, key)
    rest = [name for name in columns if name not in key]
    same_key, same_wave = _equal(key), _equal(group)
    joined = f"{_dotted(table)} t join {INCOMING} i on {same_key}"
    left_over = (
        f"exists (select 1 from {INCOMING} i where {same_wave})"
        f" and not exists (select 1 from {INCOMING} i where {same_key})"
    )
    n_left_over = base.number(f"select count(*) from {_dotted(table)} t where {left_over}")
    if not replace:
        n_flipped = base.number(f"select count(*) from {joined} where {_differs([ARM] if ARM in columns else [])}")
        _refuse_other_list(table, n_left_over, n_flipped)
    n_known = base.number(f"select count(*) from {joined}")
    n_changed = base.number(f"select count(*) from {joined} where {_differs(rest)}")
    n_rows = base.number(f"select count(*) from {INCOMING}")
    if n_left_over:
        base.run(f"delete from {_dotted(table)} as t where {left_over}")
    if n_changed:
        values = ", ".join(f"{_name(c)} = i.{_name(c)}" for c in rest)
        base.run(f"update {_dotted(table)} as t set {values} from {INCOMING} i where {same_key} and ({_differs(rest)})")
    names, keys = (", ".join(map(_name, some)) for some in (columns, key))
    incoming = f"select {names} from {INCOMING}"
    base.run(f"insert into {_dotted(table)} ({names}) {incoming} on conflict ({keys}) do nothing")
    return Upserted(n_rows - n_known, n_changed, n_left_over, n_known - n_changed)


def _equal(names: Sequence[str]) -> str:
    return " and ".join(f"t.{_name(name)} = i.{_name(name)}" for name in names)


def _differs(names: Sequence[str]) -> str:
    return " or ".join(f"t.{_name(name)} is distinct from i.{_name(name)}" for name in names) or "false"


def _refuse_repeated(base: _Base, table: str, key: list[str]) -> None:
    keys = ", ".join(map(_name, key))
    groups = f"select count(*) as n from {INCOMING} group by {keys}"
    n_repeated = base.number(f"select count(*) from ({groups}) as every where n > 1")
    if n_repeated:
        raise InputError(
            f"rows for table '{table}'", f"one for each {', '.join(key)}", f"{n_repeated:,} that come more than once"
        )


def _refuse_other_list(table: str, n_left_over: int, n_flipped: int) -> None:
    if n_left_over or n_flipped:
        raise OutputError(
            f"table '{table}'",
            "the same customers and arms that it has of this wave, because they may have been contacted",
            f"{n_left_over:,} customers of it that are not in the list, and {n_flipped:,} with another arm",
            "Export another wave, or say that the wave may be replaced",
        )


def _ready_table(base: _Base, rows: pa.Table, table: str, key: Sequence[str]) -> None:
    """Make the table where there is none; refuse one that lacks columns."""
    defined = ", ".join(f"{_name(field.name)} {_sql_type(field)}" for field in rows.schema)
    keys = ", ".join(_name(k) for k in key)
    if not base.has(table):  # asked first: who may write a table need not be allowed to make one
        base.run(f"create table if not exists {_dotted(table)} ({defined}, primary key ({keys}))")
    known = base.columns(f"select * from {_dotted(table)} limit 0")
    missing = [name for name in rows.column_names if name not in known]
    if missing:
        raise InputError(
            f"table '{table}'", f"the columns {quoted(missing)}", f"{quoted(known, most=20)}", "Choose and name columns"
        )
    base.run(f"create temporary table {INCOMING} ({defined})")


def _sql_type(field: pa.Field) -> str:
    kinds = {
        "varchar": pa.types.is_string(field.type) or pa.types.is_large_string(field.type),
        "bigint": pa.types.is_integer(field.type),
        "double precision": pa.types.is_floating(field.type),
        "boolean": pa.types.is_boolean(field.type),
        "timestamp with time zone": pa.types.is_timestamp(field.type) and field.type.tz is not None,
        "timestamp": pa.types.is_timestamp(field.type),
    }
    for name, fits in kinds.items():
        if fits:
            return name
    raise InputError(f"column '{field.name}'", "a text, number, flag or time", f"{field.type}")


def _name(name: str) -> str:
    """Return a name as SQL takes it, whatever signs it has."""
    return '"' + name.replace('"', '""') + '"'


def _dotted(table: str) -> str:
    return ".".join(_name(part) for part in table.split("."))


@dataclass(frozen=True)
class _Base:
    """A database inside a transaction."""

    cursor: Any
    is_duckdb: bool

    def run(self, sql: str) -> None:
        self.cursor.execute(sql)

    def number(self, sql: str) -> int:
        self.cursor.execute(sql)
        return int(self.cursor.fetchone()[0])

    def has(self, table: str) -> bool:
        """Say whether the table is known to be there; a new one is made where that cannot be told."""
        if self.is_duckdb:
            return False
        self.cursor.execute("select to_regclass(%s) is not null", (_dotted(table),))
        return bool(self.cursor.fetchone()[0])

    def columns(self, sql: str) -> list[str]:
        self.cursor.execute(sql)
        return [column[0] for column in self.cursor.description]

    def load(self, table: str, rows: pa.Table) -> None:
        """Put rows into a table that has their columns."""
        if self.is_duckdb:
            self.cursor.register("penchant_rows", rows)
            self.cursor.execute(f"insert into {table} select * from penchant_rows")
            self.cursor.unregister("penchant_rows")
            return
        with self.cursor.copy(f"copy {table} from stdin (format csv)") as copy:
            for batch in rows.to_batches(ROWS_AT_ONCE):
                text = io.BytesIO()
                csv.write_csv(batch, text, csv.WriteOptions(include_header=False))
                copy.write(text.getvalue())


@contextmanager
def _transaction(address: str, table: str) -> Iterator[_Base]:
    """Give the database at an address inside a transaction, which is undone unless the body succeeds."""
    label = f"table '{table}' at {without_password(address)}"
    backend = _connected(address, label)
    try:
        if backend.name == "duckdb":
            with _duckdb_transaction(backend.con) as base:
                yield base
        else:
            with backend.con.transaction(), backend.con.cursor() as cursor:
                base = _Base(cursor, is_duckdb=False)
                _lock(base, label, table)
                yield base
    except PenchantError:
        raise
    except Exception as fault:  # each driver has errors of its own
        raise _refused(label, fault) from fault
    finally:
        backend.disconnect()


@contextmanager
def _duckdb_transaction(con: Any) -> Iterator[_Base]:
    con.begin()
    try:
        yield _Base(con, is_duckdb=True)
    except BaseException:
        con.rollback()
        raise
    con.commit()


def _connected(address: str, label: str) -> Any:
    """Return the Ibis backend at an address."""
    scheme = address.split("://")[0]
    if scheme not in ("duckdb", "postgres", "postgresql"):
        raise InputError("destination", "an address that begins with duckdb:// or postgresql://", f"'{scheme}://'")
    if address in ("duckdb://", "duckdb://:memory:"):
        raise InputError("destination", "the file of a DuckDB, such as duckdb://lists.duckdb", f"'{address}'")
    try:
        return ibis.connect(address)
    except ValueError:  # its message may hold a part of the password
        raise InputError(
            "destination",
            "an address such as postgresql://user:password@host:5432/base",
            "one that can't be read",
            "Signs such as / # ? in a user or password are written %2F %23 %3F",
        ) from None
    except ImportError:
        raise InputError(
            "destination", "a driver for the database", "none for PostgreSQL", "Install penchant[postgres]"
        ) from None
    except Exception as fault:  # each driver has errors of its own
        if "could not set lock" in str(fault).lower():
            raise _busy(label) from fault
        got = (str(fault) or repr(fault)).strip().splitlines()[0][:300]
        raise NotThereError(label, "a database that answers", got, "Nothing was changed there") from None


def _lock(base: _Base, label: str, table: str) -> None:
    """Hold the table against other runs until the transaction ends."""
    base.cursor.execute("select pg_try_advisory_xact_lock(hashtext(%s))", (f"penchant {table}",))
    if not base.cursor.fetchone()[0]:
        raise _busy(label)


def _busy(label: str) -> OutputError:
    return OutputError(label, "one run at a time", "another run writing it", "Wait for it to end")


def _refused(label: str, fault: Exception) -> PenchantError:
    """Return what a driver's error means."""
    text = (str(fault) or repr(fault)).strip().splitlines()[0][:300]
    lower = text.lower()
    if "on conflict" in lower or ("unique" in lower and "constraint" in lower):
        return InputError(
            label, "a unique key over campaign, customer and wave", text, "Add one, or let the table be made anew"
        )
    if "conflict" in lower and "transaction" in lower:
        return _busy(label)
    return OutputError(label, "a table that can be written", text, "Nothing was changed there")
