"""The champions of a store, written down beside it: their versions, files and numbers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penchant.errors import OutputError
from penchant.output import read_json, write_text

from .address import Store
from .records import Registered

FILE = "champions.json"
FORMAT = 1


@dataclass(frozen=True)
class ModelInUse:
    """A champion with its files on this machine.

    Parameters
    ----------
    version
        Which one.
    folder
        Of its plain files.
    metrics
        What its run logged.
    """

    version: Registered
    folder: Path
    metrics: Mapping[str, float]


def remember(store: Store, champions: Mapping[str, ModelInUse]) -> None:
    """Write down the champions of a store for the next command."""
    told = {
        "format": FORMAT,
        "asked_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "database": None if store.database is None else _settled(store.database),
        "models": {
            name: {
                "version": asdict(model.version),
                "folder": _relative(model.folder, store.cache),
                "metrics": dict(model.metrics),
            }
            for name, model in sorted(champions.items())
        },
    }
    with suppress(OutputError):  # a store that may only be read
        write_text(store.cache / FILE, json.dumps(told, indent=1) + "\n")


def remembered(store: Store) -> dict[str, Any] | None:
    """Return what was written down; None where nothing was, or a model's files are gone since."""
    path = store.cache / FILE
    with suppress(ValueError):
        told = read_json(path) if path.is_file() else {}
        if told.get("format") == FORMAT and all(model.folder.is_dir() for model in read_back(store, told).values()):
            return told
    return None


def is_fresh(store: Store, told: Mapping[str, Any]) -> bool:
    """Say whether nothing was written into a folder's database since; of a server nobody knows."""
    return store.database is not None and told["database"] == _state(store.database)


def read_back(store: Store, told: Mapping[str, Any]) -> dict[str, ModelInUse]:
    """Return the champions that were written down."""
    return {name: _model(store, **facts) for name, facts in told["models"].items()}


def _model(store: Store, version: dict[str, Any], folder: str, metrics: dict[str, float]) -> ModelInUse:
    return ModelInUse(Registered(**version | {"aliases": tuple(version["aliases"])}), store.cache / folder, metrics)


def _relative(folder: Path, base: Path) -> str:
    return folder.relative_to(base).as_posix() if folder.is_relative_to(base) else str(folder)


def _state(database: Path) -> list[list[int]]:
    """Return what changes with each commit: size and time of the database, and of its log unless that is empty."""
    found = []
    for path in (database, database.with_name(f"{database.name}-wal")):
        with suppress(FileNotFoundError):
            facts = path.stat()
            found.append([facts.st_size, facts.st_mtime_ns])
    return [facts for facts in found if facts[0]]


def _settled(database: Path) -> list[list[int]]:
    """Return the state once all commits have left the log: else its end, when MLflow closes it, would be a change."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(database)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return _state(database)
