"""Edge: open what a source names: files, a table at an address, a query over files."""

from __future__ import annotations

import os
import re
from urllib.parse import quote, unquote

import ibis

from penchant.config import Source
from penchant.errors import NotThereError, PenchantError

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
        rows = backend.table(source.table).to_pyarrow_batches()
    except Exception as fault:  # each driver has errors of its own; all mean that the table is not to be had
        got = _without_parts((str(fault) or repr(fault)).splitlines()[0], address)[:300]
        raise NotThereError(f"'{label}'", "a table at an address that Ibis connects to", got) from None
    try:
        name = put_rows(gate, rows, label)
    finally:
        backend.disconnect()
    return copied(gate, name, label, f"database ({backend.name})")
