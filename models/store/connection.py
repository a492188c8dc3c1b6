"""Edge: a client of MLflow, its faults in words. With `recording` and `registry` the only files that import it."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from penchant.errors import NoModelError, OutputError, PenchantError
from penchant.output import locked

from .address import REGISTRY, TRACKING, Store
from .sqlite_folder import is_there, new_database, take_home

if TYPE_CHECKING:
    from mlflow import MlflowClient

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # by default MLflow tries a server that is away for minutes
}
CHATTY = {"mlflow": logging.WARNING, "alembic": logging.WARNING, "mlflow.store.db": logging.CRITICAL}
BUSY_SECONDS = 60  # how long one process waits for another's commit, and for another to make the tables
HINTS = {
    "locked": "Another program holds it: wait for it to end",
    "full": "Free some space",
    "malformed": "Bring back a copy of it",
    "readonly": "Choose a folder that you may write to, with --store",
    "read-only": "Choose a folder that you may write to, with --store",
    "connection": "Is the server running, and the address right? Try again, or name another with --store",
    "resolve": "Is the address right? Name another with --store",
    "401": "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
    "403": "Ask for the right to do this, or set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
}
_ready: set[Store] = set()  # stores whose tables this process has seen


@contextmanager
def connected(store: Store, *, to_write: bool = False) -> Iterator[MlflowClient]:
    """Give a client of a store, with MLflow's own chatter, advice and telemetry off.

    Parameters
    ----------
    store
        The store.
    to_write
        Whether a folder is made where it is absent.

    Raises
    ------
    NoModelError
        If the store is absent, and only read.
    OutputError
        If it cannot be read or written, or the server does not answer.
    """
    for setting, value in SETTINGS.items():
        os.environ.setdefault(setting, value)
    with faults_in_words(store), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refuse_absent(store, to_write=to_write)
        import mlflow

        for name, level in CHATTY.items():  # after the import, which sets their levels
            logging.getLogger(name).setLevel(level)
        patient = f"?timeout={BUSY_SECONDS}" if store.folder is not None else ""
        with _own_variables():
            mlflow.set_tracking_uri(store.tracking + patient)
            mlflow.set_registry_uri(store.registry + (patient if store.registry == store.tracking else ""))
        if store not in _ready or (store.database is not None and not is_there(store.database)):
            _make_ready(store)
        yield mlflow.MlflowClient()


@contextmanager
def _own_variables() -> Iterator[None]:
    """Keep the process's variables as they were: MLflow sets them for its children, where they would name our store."""
    before = {name: os.environ.get(name) for name in (TRACKING, REGISTRY)}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def refuse_absent(store: Store, *, to_write: bool = False) -> None:
    """Raise NoModelError where a folder's store is absent and would only be read."""
    if store.database is None or is_there(store.database) or to_write:
        return
    do = "'penchant train' makes one; name yours with --store"
    raise NoModelError(f"MLflow's store '{store}'", "a store with models", f"no {store.database.name} there", do)


def _make_ready(store: Store) -> None:
    """Have MLflow make or check its tables, one process at a time: two that make them at once trip over each other."""
    from mlflow import MlflowClient

    local = store.database
    if local is not None:
        local.parent.mkdir(parents=True, exist_ok=True)
    else:
        _refuse_away(store)
    with locked(local or _lock_file(store), wait=BUSY_SECONDS):
        if local is not None:
            new_database(local)
        client = MlflowClient()  # makes the tables
        client.search_experiments(max_results=1)
        client.search_registered_models(max_results=1)
        if local is not None:
            take_home(local)
    _ready.add(store)


def _refuse_away(store: Store) -> None:
    """Ask a database once whether it is there: MLflow tries for minutes."""
    from sqlalchemy import create_engine, pool

    for address in {store.tracking, store.registry}:
        if not address.startswith(("http:", "https:", "databricks")):
            with create_engine(address, poolclass=pool.NullPool).connect():
                pass


def _lock_file(store: Store) -> Path:
    digest = hashlib.sha256(store.tracking.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"penchant-mlflow-{digest}"


@contextmanager
def faults_in_words(store: Store) -> Iterator[None]:
    """Turn what MLflow, the database, the network and the disk raise into an OutputError of one sentence."""
    try:
        yield
    except PenchantError:
        raise
    except Exception as fault:
        if not is_of_the_store(fault):
            raise
        told, expected = _first_line(fault), "a store that can be read and written"
        if isinstance(fault, OSError) and fault.strerror:
            told, expected = fault.strerror.lower(), "a folder that can be written"
        do = next((hint for sign, hint in HINTS.items() if sign in told.lower()), "Try again, or name another store")
        raise OutputError(f"MLflow's store '{store}'", expected, told, do) from fault


def is_of_the_store(fault: Exception) -> bool:
    """Say whether an error comes from a store, its database or its network rather than from a bug of ours."""
    origins = ("mlflow", "sqlalchemy", "sqlite3", "psycopg", "psycopg2", "requests", "urllib3", "alembic")
    return isinstance(fault, OSError) or any(
        kind.__module__.partition(".")[0] in origins for kind in type(fault).__mro__
    )


def _first_line(fault: Exception) -> str:
    """Return what the database or the network said, without what was wrapped around it."""
    cause: BaseException | None = fault
    while cause is not None and getattr(cause, "orig", None) is None:
        cause = cause.__cause__ or cause.__context__
    origin = getattr(cause, "orig", None) or fault
    lines = [line.strip() for line in str(origin).splitlines() if line.strip()]
    return (lines[0] if lines else type(origin).__name__)[:300]
