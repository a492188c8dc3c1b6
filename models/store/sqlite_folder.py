"""A store that is a folder: its database made with a log, refused where it is none, at home wherever it is moved."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from penchant.errors import OutputError

from .address import ARTIFACTS

HEADER = b"SQLite format 3\x00"
ADDRESSES = (  # where MLflow keeps the addresses of files
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def is_there(database: Path) -> bool:
    """Say whether a store's database is there.

    Raises
    ------
    OutputError
        If the file is no SQLite database.
    OSError
        If the folder cannot be read.
    """
    try:
        with database.open("rb") as file:
            head = file.read(len(HEADER))
    except FileNotFoundError:
        return False
    if head and head != HEADER:
        do = "Bring back a copy of it, or move the folder away: the next training makes a new store"
        raise OutputError(f"MLflow's store '{database.parent}'", "a SQLite database", f"other things in {database}", do)
    return bool(head)


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
