"""Edge: open what a source names: files, a table at an address, a query over files."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import quote, unquote

from penchant.config import Source
from penchant.errors import NotThereError, PenchantError, did_you_mean
from penchant.lazy import ibis

from .databases import open_database
from .files import found_files, open_files
from .queries import open_query
from .raw import Gate, Opened, Raw, copied, put_rows


def open_source(gate: Gate, source: Source) -> Opened:
    """Open everything that a source names.

    A file that cannot be read is a fault of its own; the others are opened all the same, so that all faults are
    known at once.
    """
    try:
        if source.query is not None:
            return open_query(gate, source)
        if source.address is not None:
            return Opened((_addressed(gate, source),))
        paths = found_files(gate, str(source.path))
    except PenchantError as fault:
        return Opened((), (fault,))
    return open_files(gate, source, paths)


def _addressed(gate: Gate, source: Source) -> Raw:
    address = str(source.address)
    if address.startswith("duckdb://"):
        return open_database(gate, gate.data / address.removeprefix("duckdb://"), source)
    return _at_address(gate, source)


def _with_password(source: Source) -> str:
    """Return a source's address with the password from the environment, where one is named there.

    Raises
    ------
    NotThereError
        If the environment has no such variable.
    """
    address = str(source.address)
    if source.password_env is None:
        return _spelled_out(address)
    password = os.environ.get(source.password_env)
    if password is None:
        where = f"password_env = '{source.password_env}'"
        raise NotThereError(where, "a variable of the environment", "nothing of that name", "Set it, or PGPASSWORD")
    scheme, _, rest = address.partition("://")
    user, at, place = rest.rpartition("@")
    return f"{scheme}://{user.split(':')[0]}:{quote(password, safe='')}@{place}" if at else address


def _spelled_out(address: str) -> str:
    """Return an address in which signs of the password that would part an address are spelled out."""
    scheme, _, rest = address.partition("://")
    user, at, place = rest.rpartition("@")
    name, colon, password = user.partition(":")
    return f"{scheme}://{name}:{quote(unquote(password), safe='')}@{place}" if at and colon else address


def _without_parts(text: str, address: str) -> str:
    """Return a driver's message without what it may tell of the address's password."""
    password = address.partition("://")[2].rpartition("@")[0].partition(":")[2]
    for part in sorted({password, unquote(password), *re.split(r"\W", unquote(password))}, key=len, reverse=True):
        text = text.replace(part, "***") if len(part) > 2 else text
    return text


def _at_address(gate: Gate, source: Source) -> Raw:
    """Copy a table of another database."""
    label = f"{str(source.address).split('@')[-1]}#{source.table}"  # what stands before the @ may be a password
    address = _with_password(source)
    try:
        backend = ibis.connect(address)
    except Exception as fault:
        raise _not_there(label, fault, address) from None
    try:
        rows = _rows_of(backend, label, str(source.table), address)
        return copied(gate, put_rows(gate, rows, label), label, f"database ({backend.name})")
    finally:
        backend.disconnect()


def _rows_of(backend: Any, label: str, table: str, address: str) -> Any:
    try:
        return _table_of(backend, table).to_pyarrow_batches()
    except ibis.common.exceptions.TableNotFound:
        hint = did_you_mean(table, _tables_of(backend, table))
        raise NotThereError(f"'{label}'", "a table of the database", "nothing of that name", hint) from None
    except Exception as fault:
        raise _not_there(label, fault, address) from None


def _not_there(label: str, fault: Exception, address: str) -> NotThereError:
    """Return the error of a table that is not to be had; each driver has errors of its own, which all mean this."""
    got = _without_parts((str(fault) or repr(fault)).splitlines()[0], address)[:300]
    return NotThereError(f"'{label}'", "a table at an address that Ibis connects to", got)


def _table_of(backend: Any, table: str) -> Any:
    """Return a table of a database; a name before a dot is that of its schema, unless the table is called so."""
    schema, dot, name = table.rpartition(".")
    try:
        return backend.table(name, database=schema) if dot else backend.table(table)
    except ibis.common.exceptions.TableNotFound:
        return backend.table(table)


def _tables_of(backend: Any, table: str) -> list[str]:
    """Return the tables beside which one was looked for, as penchant.toml names them."""
    schema, dot, _name = table.rpartition(".")
    try:
        return [f"{schema}{dot}{name}" for name in backend.list_tables(database=schema or None)]
    except Exception:  # no such schema, in the words of each driver
        return []
