"""A store that is a folder: its database made with a log, refused where it is none, at home wherever it is moved."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from penchant.errors import OutputError

from .address import ARTIFACTS

ADDRESSES = (  # where MLflow keeps the addresses of files
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def is_there(database: Path) -> bool:
    """Say whether a store's database is there.

    SQLite itself reads the file: a process that opens and closes it otherwise loses the locks that its own connections
    hold (POSIX takes all of a file at once), and the log of what it writes next may be gone when another process ends.

    Raises
    ------
    OutputError
        If the file is no SQLite database.
    OSError
        If the folder cannot be read.
    """
    try:
        if not database.stat().st_size:
            return False
    except FileNotFoundError:
        return False
    address = f"{database.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=60)) as connection:
            connection.execute("pragma schema_version")
    except sqlite3.DatabaseError as fault:
        if "not a database" in str(fault):
            do = "Bring back a copy of it, or move the folder away: the next training makes a new store"
            expected, got = "a SQLite database", f"other things in {database}"
            raise OutputError(f"MLflow's store '{database.parent}'", expected, got, do) from fault
    return True  # whatever else is amiss is said when it is used


def new_database(database: Path) -> None:
    """Create the database with a write-ahead log where there is none.

    MLflow's tables are some hundred small commits, and a log makes each several times cheaper; and `mlflow ui` can
    read while a training writes. The mode stays with the file.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    if is_there(database):
        return
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("pragma journal_mode=WAL")
    except sqlite3.Error as fault:
        raise OSError(str(fault)) from fault


def take_home(database: Path) -> None:
    """Let all addresses of files begin at the folder where the store is now: it may have been moved or copied."""
    home = database.parent.as_uri()
    with closing(sqlite3.connect(database, timeout=60)) as connection, suppress(sqlite3.OperationalError):
        former = _roots(connection) - {home}
        for root in former:
            for table, column in ADDRESSES:
                query = f"update {table} set {column} = ? || substr({column}, ?) where substr({column}, 1, ?) = ?"
                connection.execute(query, (home, len(root) + 1, len(root) + 1, f"{root}/"))
        if former:
            connection.commit()


def _roots(connection: sqlite3.Connection) -> set[str]:
    """Return the folders at which the experiments' files are said to begin."""
    rows = connection.execute("select name, artifact_location from experiments").fetchall()
    return {place.removesuffix(_place(name)) for name, place in rows if place and place.endswith(_place(name))}


def _place(experiment: str) -> str:
    return f"/{ARTIFACTS}/{quote(experiment)}"
