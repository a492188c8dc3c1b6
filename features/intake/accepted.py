"""Edge: accepted rows as Parquet files, so that the next command opens them instead of checking every row again.

``accepted/STATE/`` holds a file for each table, its rows typed and sorted by customer and time, and the report with all
findings. A state is the content of the sources, the parts of the configuration that say what a row is, and versions;
what cannot be told by content (a table in a database) is never stored. A folder is written once and never changed:
whoever reads it is not disturbed by a command that stores another state.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import duckdb
from pydantic import TypeAdapter, ValidationError

from penchant.config import Config
from penchant.errors import InputError, OutputError
from penchant.output import MANIFEST, read_json, replaced_folder, versions, write_json

from ..contract import CONTRACT
from .expressions import quoted_name, text_literal
from .fingerprint import is_unknown
from .raw import Gate
from .report import CheckReport

FORMAT = 1
REPORT = "report.json"
READ = ("shop", "tables", "rules", "ids")  # parts of the configuration that decide which rows are accepted
UNUSED_SECONDS = 86_400  # after which another state's rows are removed
_REPORTS = TypeAdapter(CheckReport)


def state_of(config: Config, hashes: Mapping[str, str]) -> str | None:
    """Return a hash of all that decides which rows are accepted; None where something cannot be told by content.

    Parameters
    ----------
    config, hashes
        The configuration, and the files' hashes as `source_hashes` gives them.
    """
    if any(map(is_unknown, hashes.values())):
        return None
    values = config.model_dump(mode="json")
    facts = {"format": FORMAT, "sources": dict(hashes), "versions": versions()}
    facts |= {part: values[part] for part in READ}
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class AcceptedRows:
    """Where the accepted rows of a shop's states are stored.

    Parameters
    ----------
    folder
        The folder of all states.
    state
        The state that is asked for, as `state_of` gives it; None for one that is never stored.
    """

    folder: Path
    state: str | None

    @property
    def place(self) -> Path:
        """The folder of the state."""
        return self.folder / str(self.state)[:16]

    def put_on(self, gate: Gate) -> tuple[Mapping[str, tuple[str, ...]], CheckReport] | None:
        """Give the stored rows their tables' names on the gate; return their columns, and the report.

        None where they are not stored, or not whole.
        """
        if self.state is None:
            return None
        try:
            manifest = read_json(self.place / MANIFEST)
            report = _REPORTS.validate_python(read_json(self.place / REPORT))
            sizes = {file["name"]: file["bytes"] for file in manifest["files"]}
            tables = {str(name): tuple(columns) for name, columns in manifest["tables"].items()}
            whole = all((self.place / name).stat().st_size == size for name, size in sizes.items())
            if manifest["state"] != self.state or not whole:
                return None
            _view(gate, self.place, tables)
            os.utime(self.place)
        except (InputError, OSError, KeyError, ValidationError, duckdb.Error):  # the rows are read and checked anew
            return None
        return tables, report

    def store(self, gate: Gate, tables: Mapping[str, tuple[str, ...]], report: CheckReport) -> None:
        """Store the rows that are on the gate under their tables' names, and read them from there from now on.

        Where nothing can be written, nothing is stored.
        """
        if self.state is None:
            return
        facts = {
            "step": "accepted",
            "state": self.state,
            "tables": {name: list(names) for name, names in tables.items()},
        }
        try:
            with replaced_folder(self.place, facts) as place:
                for name, names in tables.items():
                    _write(gate, name, names, place / f"{name}.parquet")
                write_json(place / REPORT, _REPORTS.dump_python(replace(report, quarantine=()), mode="json"))
        except (OutputError, OSError, duckdb.IOException):
            return
        _view(gate, self.place, tables)
        _drop_copies(gate)
        self._remove_others()

    def _remove_others(self) -> None:
        """Remove the rows of states that nobody has asked for lately."""
        for place in self.folder.iterdir():
            if place != self.place and time.time() - place.stat().st_mtime > UNUSED_SECONDS:
                shutil.rmtree(place, ignore_errors=True)


def _write(gate: Gate, name: str, columns: tuple[str, ...], path: Path) -> None:
    """Write the rows of a table, those of one customer next to each other, in an order that does not vary."""
    first = [column for column in ("customer_id", str(CONTRACT[name].time)) if column in columns]
    keys = ", ".join(quoted_name(column) for column in dict.fromkeys([*first, *columns]))
    rows = f"select {', '.join(map(quoted_name, columns))} from {quoted_name(name)} order by {keys}"
    gate.execute(f"copy ({rows}) to {text_literal(str(path))} (format parquet, compression zstd)")


def _drop_copies(gate: Gate) -> None:
    """Drop the copies of rows that the engine holds: they are read from the files from now on."""
    own = "select table_name from duckdb_tables() where database_name in (current_database(), 'temp')"
    for (name,) in gate.rows(own):  # tables of attached databases are the shop's
        gate.execute(f"drop table {quoted_name(name)}")


def _view(gate: Gate, place: Path, tables: Mapping[str, tuple[str, ...]]) -> None:
    for name in tables:
        path = text_literal(str(place / f"{name}.parquet"))
        gate.execute(f"create or replace view {quoted_name(name)} as from read_parquet({path})")
