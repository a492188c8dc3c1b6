"""Edge: look at the files of a folder: how they are written, and what their columns hold."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from penchant.config import Reading, Source
from penchant.errors import PenchantError

from ..intake.databases import DATABASE_SUFFIXES, database_tables
from ..intake.expressions import RawColumns
from ..intake.files import JSON_SUFFIXES, PARQUET_SUFFIXES, open_files
from ..intake.raw import Gate, Raw, guarded
from ..intake.sheets import SUFFIXES as SHEET_SUFFIXES
from ..intake.sheets import sheet_names
from .samples import TEXT_SUFFIXES, shape, text_sample
from .timeforms import TimeForm, time_form

SAMPLE_ROWS = 20_000
LAST_ROWS = 5_000  # of a sample: later rows may be written otherwise
BLOCK_ROWS = 500  # that stay together, as an order's lines do
FEW_VALUES = 40
BYTES_A_CELL = 8  # of a table in a database or workbook


@dataclass(frozen=True)
class ColumnLook:
    """What a column holds, as far as a sample shows.

    Parameters
    ----------
    name
        The shop's name of it.
    engine_type
        The engine's type; VARCHAR in text files whatever is in them.
    n_filled, n_distinct
        Cells that hold something, and how many different things.
    is_number, is_whole
        Whether nearly all of them are numbers, whole numbers.
    low, middle, high
        Of the numbers: least, median, greatest; None where it holds none.
    values
        The values, the frequent ones first, where they are few.
    time
        How its times are written; None where it holds none.
    is_clock
        Whether it holds times of day, such as 10:30.
    longest
        Signs of the longest value.
    """

    name: str
    engine_type: str
    n_filled: int
    n_distinct: int
    is_number: bool = False
    is_whole: bool = False
    low: float | None = None
    middle: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    time: TimeForm | None = None
    is_clock: bool = False
    longest: int = 0

    @property
    def is_unique(self) -> bool:
        """Whether no value occurs twice."""
        return self.n_filled > 1 and self.n_distinct == self.n_filled

    @property
    def holds_days(self) -> bool:
        """Whether it holds days without a time of day."""
        form = self.time
        if form is None:
            return False
        is_short = form.time_format is None and self.engine_type == "VARCHAR" and self.longest <= 10
        return is_short or self.engine_type == "DATE" or form.time_format == "%Y%m%d"


@dataclass(frozen=True)
class TableLook:
    """What a file, or several that are written alike, hold.

    Parameters
    ----------
    paths
        The files, relative to the folder.
    options
        What penchant.toml has to say about how they are written: key -> value.
    raw
        A sample of the rows.
    n_rows
        Rows of the sample.
    columns
        The columns, in order.
    n_bytes
        Size of the files.
    """

    paths: tuple[str, ...]
    options: dict[str, object]
    raw: Raw
    n_rows: int
    columns: tuple[ColumnLook, ...]
    n_bytes: int

    @property
    def label(self) -> str:
        """The name for messages."""
        sheet = f"#{self.options['sheet']}" if "sheet" in self.options else ""
        return self.paths[0] + sheet + (f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else "")

    def column(self, name: str) -> ColumnLook:
        """Return the column of a name."""
        return next(column for column in self.columns if column.name == name)


def look_at(gate: Gate) -> tuple[list[TableLook], list[str]]:
    """Look at every file of the gate's data folder and the folders in it.

    Returns
    -------
    list of TableLook
        One per shape of file, sheet or database table.
    list of str
        What could not be read, as sentences.
    """
    groups: dict[Hashable, list[Path]] = {}
    for path in _files(gate.data):
        groups.setdefault(shape(path), []).append(path)
    looks: list[TableLook] = []
    unread: list[str] = []
    for paths in groups.values():
        largest = max(paths, key=lambda path: path.stat().st_size)
        for source in _sources(gate, largest, unread):
            try:
                look = _look(gate, largest, source)
            except PenchantError as fault:
                unread.append(str(fault))
                continue
            if look is not None:
                looks.append(_of_all(gate, look, paths))
    return looks, unread


def _of_all(gate: Gate, look: TableLook, paths: Sequence[Path]) -> TableLook:
    """Return a look at the largest of several files as one at all of them."""
    options = {key: value for key, value in look.options.items() if key != "encoding" or len(paths) == 1}
    labels = tuple(str(path.relative_to(gate.data)) for path in paths)
    n_bytes = sum(path.stat().st_size for path in paths) if len(paths) > 1 else look.n_bytes
    return replace(look, paths=labels, options=options, n_bytes=n_bytes)


def _files(folder: Path) -> list[Path]:
    """Return the files that tables may be in; one hides those of its name in folders further down."""
    known = (*TEXT_SUFFIXES, *PARQUET_SUFFIXES, *SHEET_SUFFIXES, *JSON_SUFFIXES, *DATABASE_SUFFIXES)
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.suffix.lower() in known
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and not (path.parent / "manifest.json").exists()  # results of earlier commands
    ]
    nearest: dict[str, int] = {}
    for path in found:
        nearest[path.name] = min(nearest.get(path.name, len(path.parts)), len(path.parts))
    return [path for path in found if len(path.parts) == nearest[path.name]]


def _sources(gate: Gate, path: Path, unread: list[str]) -> list[Source]:
    """Return the sources that a file offers: itself, its sheets, or its tables."""
    own = str(path.relative_to(gate.data))
    try:
        if path.suffix.lower() in SHEET_SUFFIXES:
            return [Source(path=own, sheet=name) for name in sheet_names(path, "*")]
        if path.suffix.lower() in DATABASE_SUFFIXES:
            return [Source(path=own, table=name) for name in database_tables(gate, path)]
    except PenchantError as fault:
        unread.append(str(fault))
        return []
    return [Source(path=own)]


def _look(gate: Gate, path: Path, source: Source) -> TableLook | None:
    """Return what one source holds; None where it has no rows."""
    options: dict[str, object] = {
        key: value for key, value in (("sheet", source.sheet), ("table", source.table)) if value
    }
    sample, read = path, source
    if path.suffix.lower() in TEXT_SUFFIXES:
        sample, options = text_sample(gate, path)
        written = {key: value for key, value in options.items() if key != "encoding"}  # the sample is UTF-8
        read = Source.model_validate({"path": str(path), **written})
    found = open_files(gate, read, [sample])
    if found.faults:
        raise found.faults[0]
    raw = found.raws[0]
    rows, n_all = gate.name("sample"), int(gate.row(f"select count(*) from {raw.relation}")[0])
    guarded(
        lambda: gate.execute(f"create table {rows} as {_some_rows(raw.relation, n_all)}"),
        f"file '{path.name}'",
        "rows that can be read",
    )
    n_rows = int(gate.row(f"select count(*) from {rows}")[0])
    if not n_rows:
        return None
    raw = replace(raw, relation=rows)
    columns = tuple(_column(gate, raw, name, str(options.get("decimal", "."))) for name in raw.names)
    if _has_decimal_commas(gate, raw, columns) and "decimal" not in options:
        options["decimal"] = ","
        columns = tuple(_column(gate, raw, name, ",") for name in raw.names)
    n_bytes = path.stat().st_size if not {"sheet", "table"} & options.keys() else BYTES_A_CELL * len(raw.names) * n_all
    return TableLook((str(path.relative_to(gate.data)),), options, raw, n_rows, columns, n_bytes)


def _some_rows(relation: str, n_all: int) -> str:
    """Return the query of a sample: all rows where they are few, else the first and blocks of the rest."""
    if n_all <= SAMPLE_ROWS:
        return f"from {relation}"
    first = SAMPLE_ROWS - LAST_ROWS
    step = -((first - n_all) // LAST_ROWS)
    numbered = f"select *, row_number() over (order by _row) as __number from {relation}"
    later = f"__number > {first} and (__number // {BLOCK_ROWS}) % {step} = 0"
    return f"select * exclude (__number) from ({numbered}) where __number <= {first} or ({later})"


def _column(gate: Gate, raw: Raw, name: str, decimal: str) -> ColumnLook:
    columns = RawColumns(raw.names, raw.types, Reading(decimal=decimal))
    kind = raw.types[name]
    cell = columns.cell(name)
    text = f"{cell}::varchar"
    n_filled, n_distinct, n_clocks, longest = gate.row(
        f"select count({cell}), count(distinct {cell}),"
        f" count(case when regexp_full_match({text}, '\\d{{1,2}}:\\d\\d(:\\d\\d)?') then 1 end), max(length({text}))"
        f" from {raw.relation}"
    )
    is_clock = 0 < n_filled == n_clocks
    look = ColumnLook(name, kind, int(n_filled), int(n_distinct), is_clock=is_clock, longest=int(longest or 0))
    if not n_filled or "[" in kind or ("(" in kind and not kind.startswith("DECIMAL")):
        return look
    if not kind.startswith("TIMESTAMP") and kind not in ("DATE", "TIME", "BOOLEAN", "UUID"):
        look = _numbers(gate, raw, look, columns.number(cell) if kind == "VARCHAR" else f"{cell}::double")
    few = (
        gate.rows(
            f"select {cell}::varchar, count(*) from {raw.relation} where {cell} is not null group by 1"
            f" order by 2 desc, 1 limit {FEW_VALUES}"
        )
        if n_distinct <= FEW_VALUES
        else []
    )
    time = None if kind in ("TIME", "BOOLEAN", "UUID") else time_form(gate, raw.relation, cell, kind)
    return replace(look, values=tuple(str(value) for value, _ in few), time=time)


def _numbers(gate: Gate, raw: Raw, look: ColumnLook, number: str) -> ColumnLook:
    n_numbers, n_whole, low, middle, high = gate.row(
        f"select count(x), count(case when x = trunc(x) then 1 end), min(x), median(x), max(x)"
        f" from (select {number} as x from {raw.relation}) where isfinite(x)"
    )
    is_number = n_numbers >= 0.95 * look.n_filled
    if not is_number:
        return look
    return replace(look, is_number=True, is_whole=n_whole == n_numbers, low=low, middle=middle, high=high)


def _has_decimal_commas(gate: Gate, raw: Raw, columns: Sequence[ColumnLook]) -> bool:
    """Say whether a column of text holds numbers with a decimal comma."""
    asked = [
        "count(*) filter (regexp_full_match(without_signs("
        f"{RawColumns(raw.names, raw.types, Reading()).cell(column.name)}), '-?\\d{{1,3}}(\\.?\\d{{3}})*,\\d{{1,2}}'))"
        for column in columns
        if column.engine_type == "VARCHAR" and column.n_filled
    ]
    if not asked:
        return False
    counts = gate.row(f"select {', '.join(asked)} from {raw.relation}")
    filled = [column.n_filled for column in columns if column.engine_type == "VARCHAR" and column.n_filled]
    return any(n_cells > 0.5 * n_filled for n_cells, n_filled in zip(counts, filled, strict=True))
