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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
from pydantic import TypeAdapter, ValidationError

from penchant.config import Config
from penchant.errors import InputError, OutputError
from penchant.output import MANIFEST, read_json, replaced_folder, versions, write_json

from ..contract import CONTRACT
from .expressions import quoted_name, text_literal
from .fingerprint import file_name, is_unknown, source_files
from .ledger import Ledger
from .raw import Gate
from .report import CheckReport
from .stored import (
    ASIDE,
    EXCLUDED,
    MOST_FILES,
    QUARANTINE,
    ROWS,
    StoredTable,
    TableRows,
    columns_of,
    file_of,
    parquet_rows,
)

FORMAT = 2
REPORT, LEDGERS = "report.json", "ledgers.json"
READ = ("shop", "tables", "rules", "ids")  # parts of the configuration that decide which rows are accepted
UNUSED_SECONDS = 86_400  # after which another state's rows are removed
_REPORTS = TypeAdapter(CheckReport)
_LEDGERS = TypeAdapter(dict[str, Ledger])


def state_of(config: Config, hashes: Mapping[str, str]) -> str | None:
    """Return a hash of all that decides which rows are accepted; None where something cannot be told by content.

    Parameters
    ----------
    config, hashes
        The configuration, and the files' hashes as `source_hashes` gives them.
    """
    if any(map(is_unknown, hashes.values())):
        return None
    return _hash({"reading": reading_of(config), "sources": dict(hashes)})


def reading_of(config: Config) -> str:
    """Return a hash of all but the files that decides which rows are accepted."""
    values = config.model_dump(mode="json")
    return _hash({"format": FORMAT, "versions": versions(), **{part: values[part] for part in READ}})


def _hash(facts: Mapping[str, object]) -> str:
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
    reading
        What is the same in states that new files can be added to, as `reading_of` gives it.
    hashes
        The files' hashes.
    files
        Table to its sources' numbers to their files, by name, in the order of reading; without the tables whose files
        are called otherwise from here, which new files cannot be added to.
    rebuild
        Whether what is stored is left alone, and everything read anew.
    """

    folder: Path
    state: str | None
    reading: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Mapping[int, Mapping[str, Path]]] = field(default_factory=dict)
    rebuild: bool = False

    @classmethod
    def of(
        cls, folder: Path, config: Config, data: Path, hashes: Mapping[str, str], rebuild: bool = False
    ) -> AcceptedRows:
        """Return where the accepted rows of a configuration's files are stored.

        Parameters
        ----------
        folder
            The folder of all states.
        config, data
            The configuration, and the folder that its paths start from.
        hashes
            The files' hashes, as `source_hashes` gives them.
        rebuild
            Whether everything is read anew.
        """
        data = data.absolute()
        files = {
            name: {
                number: {file_name(path, data): path for path in source_files(source, data)}
                for number, source in enumerate(table.sources)
            }
            for name, table in config.tables.items()
        }
        files = {name: of for name, of in files.items() if all(file in hashes for file in _names(of))}
        return cls(folder, state_of(config, hashes), reading_of(config), hashes, files, rebuild)

    @property
    def place(self) -> Path:
        """The folder of the state."""
        return self.folder / str(self.state)[:16]

    def hashes_of(self, table: str) -> dict[str, str]:
        """Return the hashes of a table's files."""
        return {name: self.hashes[name] for name in _names(self.files.get(table, {}))}

    def put_on(self, gate: Gate) -> tuple[Mapping[str, tuple[str, ...]], CheckReport, Mapping[str, str]] | None:
        """Give the stored rows their tables' names on the gate.

        Returns
        -------
        tuple or None
            Their columns, the report, and the SQL of each table's rows that were set aside; None where they are not
            stored, or not whole.
        """
        if self.state is None or self.rebuild:
            return None
        try:
            manifest = read_json(self.place / MANIFEST)
            if manifest["state"] != self.state or not _is_whole(self.place, manifest):
                return None
            report = _REPORTS.validate_python(read_json(self.place / REPORT))
            tables = {str(name): tuple(facts["columns"]) for name, facts in manifest["tables"].items()}
            for name, facts in manifest["tables"].items():
                _view(gate, name, facts["columns"], [self.place / file for file in facts["rows"]])
            os.utime(self.place)
        except (InputError, OSError, KeyError, ValidationError, duckdb.Error):  # the rows are read and checked anew
            return None
        aside = {path.stem: f"select * from {parquet_rows([path])}" for path in self.place.glob(f"{QUARANTINE}/*")}
        ordered = {name: aside[name] for name in report.tables if name in aside}
        return tables, report, ordered

    def former(self) -> dict[str, StoredTable]:
        """Return the tables of the state that was used last, of those that new files can be added to."""
        if self.state is None or self.rebuild or not self.folder.is_dir():
            return {}
        places = [path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        for place in sorted(places, key=lambda path: path.stat().st_mtime, reverse=True):
            try:
                manifest = read_json(place / MANIFEST)
                if manifest["reading"] == self.reading and _is_whole(place, manifest):
                    os.utime(place)  # it is in use
                    return _stored_tables(place, manifest)
            except (InputError, OSError, KeyError, ValidationError):
                continue
        return {}

    def store(
        self, gate: Gate, names: Mapping[str, tuple[str, ...]], report: CheckReport, tables: Mapping[str, TableRows]
    ) -> None:
        """Store the rows that are on the gate under their tables' names, and read them from there from now on.

        Where nothing can be written, nothing is stored. A state that is stored stays as it is until this one is whole.
        """
        if self.state is None:
            return
        facts: dict[str, object] = {"step": "accepted", "state": self.state, "reading": self.reading}
        files: dict[str, list[str]] = {}
        try:
            with replaced_folder(self.place, facts) as place:
                for name, columns in names.items():
                    files[name] = _stored(gate, place, name, columns, tables.get(name))
                facts["tables"] = {name: {"columns": list(names[name]), "rows": files[name]} for name in names}
                known = [name for name in names if name in tables and name in self.files]
                ledgers = {name: ledger for name in known if (ledger := tables[name].ledger) is not None}
                write_json(place / LEDGERS, _LEDGERS.dump_python(ledgers, mode="json"))
                write_json(place / REPORT, _REPORTS.dump_python(replace(report, quarantine=(), intake={}), mode="json"))
        except (OutputError, OSError, duckdb.IOException):
            return
        for name, columns in names.items():
            _view(gate, name, columns, [self.place / file for file in files[name]])
        _drop_copies(gate)
        self._remove_others()

    def _remove_others(self) -> None:
        """Remove the rows of states that nobody has asked for lately."""
        for place in self.folder.iterdir():
            if place != self.place and time.time() - place.stat().st_mtime > UNUSED_SECONDS:
                shutil.rmtree(place, ignore_errors=True)


def _names(files: Mapping[int, Mapping[str, Path]]) -> list[str]:
    return [name for names in files.values() for name in names]


def _is_whole(place: Path, manifest: Mapping[str, Any]) -> bool:
    """Say whether all files of a state are there as they were written."""
    return all((place / file["name"]).stat().st_size == file["bytes"] for file in manifest["files"])


def _stored_tables(place: Path, manifest: Mapping[str, Any]) -> dict[str, StoredTable]:
    ledgers = _LEDGERS.validate_python(read_json(place / LEDGERS))
    report = _REPORTS.validate_python(read_json(place / REPORT))
    return {
        name: StoredTable(name, place, tuple(manifest["tables"][name]["rows"]), ledger, report.tables[name])
        for name, ledger in ledgers.items()
    }


def _stored(gate: Gate, place: Path, name: str, columns: tuple[str, ...], rows: TableRows | None) -> list[str]:
    """Store the rows of a table, and return the files of the accepted ones; those that are stored are linked."""
    former = rows.former if rows is not None else None
    linked = list(former.segments) if former is not None else []
    if former is not None and rows is not None and not rows.selects:
        for kind in (ASIDE, EXCLUDED, QUARANTINE):
            if path := former.path(kind):
                _link(path, place / file_of(name, kind))
    selects = dict(rows.selects) if rows is not None and rows.ledger is not None else {}
    if not selects and former is None:
        selects = {ROWS: f"select {columns_of(columns)} from {quoted_name(name)}"}
    if former is not None and selects and len(linked) >= MOST_FILES:
        selects[ROWS] += f" union all select {columns_of(columns)}, _source from {parquet_rows(former.paths)}"
        linked = []
    for file in linked:
        _link(former.place / file, place / file)  # type: ignore[union-attr]
    for kind, select in selects.items():
        path = place / file_of(name, kind, len(linked))
        path.parent.mkdir(exist_ok=True)
        _write(gate, name, columns if kind == ROWS else (), select, path)
    return [*linked, file_of(name, ROWS, len(linked))] if selects else linked


def _link(path: Path, target: Path) -> None:
    """Link a file that is never written again, or copy it where the file system has no links."""
    target.parent.mkdir(exist_ok=True)
    try:
        os.link(path, target)
    except OSError:
        shutil.copy2(path, target)


def _write(gate: Gate, name: str, columns: tuple[str, ...], select: str, path: Path) -> None:
    """Write rows, those of one customer next to each other, in an order that does not vary."""
    first = [column for column in ("customer_id", str(CONTRACT[name].time)) if column in columns]
    order = f"{columns_of(list(dict.fromkeys([*first, *columns])))}" if columns else "all"
    rows = f"select * from ({select}) order by {order}"
    gate.execute(f"copy ({rows}) to {text_literal(str(path))} (format parquet, compression zstd)")


def _drop_copies(gate: Gate) -> None:
    """Drop the copies of rows that the engine holds: they are read from the files from now on."""
    own = "select table_name from duckdb_tables() where database_name in (current_database(), 'temp')"
    for (name,) in gate.rows(own):  # tables of attached databases are the shop's
        gate.execute(f"drop table {quoted_name(name)}")


def _view(gate: Gate, name: str, columns: Sequence[str], paths: Sequence[Path]) -> None:
    rows = f"select {columns_of(columns)} from {parquet_rows(paths)}"
    gate.execute(f"create or replace view {quoted_name(name)} as {rows}")
