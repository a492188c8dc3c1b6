"""Edge: open files as raw relations, whatever they are."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from penchant.config import Source
from penchant.errors import ContractError, NotThereError, PenchantError, did_you_mean

from .csv_rows import load_text
from .databases import DATABASE_SUFFIXES, open_database
from .expressions import quoted_name, text_literal
from .raw import Gate, Opened, Raw, columns_apart, copied, guarded, put_rows, relation_columns, store, with_fields
from .sheets import SUFFIXES as SHEET_SUFFIXES
from .sheets import named_sheet, sheet_names
from .text import RESERVED, TextForm, own_names, plain_copy, repeated_names, text_form, unique_names

PARQUET_SUFFIXES = (".parquet", ".pq")
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")


def found_files(gate: Gate, pattern: str) -> list[Path]:
    """Return the files of a path or pattern, in the order of their names.

    Raises
    ------
    NotThereError
        If there is none.
    ContractError
        If it names a folder.
    """
    place = gate.data / pattern
    if place.is_dir():
        raise ContractError(
            f"'{pattern}'", "a file or a pattern", "a folder", f"Name its files, such as '{pattern}/*.parquet'"
        )
    found = matching_files(gate.data, pattern)
    if not found:
        beside = [path.name for path in place.parent.glob("*")] if place.parent.is_dir() else []
        raise NotThereError(
            f"'{pattern}'", f"a file in '{gate.data}'", "nothing there", did_you_mean(place.name, beside)
        )
    return found


def matching_files(data: Path, pattern: str) -> list[Path]:
    """Return the files of a path or pattern that starts in a folder, or at the root; a name goes before a pattern."""
    place = data / pattern
    if place.is_file():
        return [place]
    base = Path(place.anchor) if Path(pattern).is_absolute() else data
    return sorted(path for path in base.glob(str(place.relative_to(base))) if path.is_file())


def open_files(gate: Gate, source: Source, paths: list[Path]) -> Opened:
    """Open files, those of one shape as one relation."""
    shapes: dict[Any, list[Path]] = {}
    faults: list[PenchantError] = []
    for path in paths:
        try:
            shapes.setdefault(_shape(path, source), []).append(path)
        except PenchantError as fault:
            faults.append(fault)
    raws: list[Raw] = []
    for shape, group in shapes.items():
        try:
            known = sha256(repr(shape).encode()).hexdigest()[:16]
            opened = _opened(gate, source, shape, group)
            raws.extend(replace(raw, shape=known, paths=raw.paths or tuple(group)) for raw in opened)
        except PenchantError as fault:
            faults.append(fault)
    return Opened(tuple(raws), tuple(faults))


def _shape(path: Path, source: Source) -> Any:
    """Return what files must have in common to be read as one."""
    suffix = path.suffix.lower()
    if path.stat().st_size == 0:
        raise ContractError(f"file '{path.name}'", "a file with rows", "an empty file")
    if suffix in PARQUET_SUFFIXES:
        return _parquet_schema(path)
    if suffix in (*SHEET_SUFFIXES, *JSON_SUFFIXES, *DATABASE_SUFFIXES):
        return path
    return text_form(path, source)


def _parquet_schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path).remove_metadata()
    except (pa.ArrowException, OSError) as fault:
        raise ContractError(
            f"file '{path.name}'", "a whole Parquet file", str(fault).splitlines()[0], "Write or copy it anew"
        ) from None


def _opened(gate: Gate, source: Source, shape: Any, paths: list[Path]) -> list[Raw]:
    if isinstance(shape, TextForm):
        return [_text(gate, shape, paths)]
    if isinstance(shape, pa.Schema):
        if any(name.lower() in RESERVED for name in shape.names):
            return [
                replace(with_fields(gate, _parquet_copy(gate, path)), paths=(path,), is_apart=True) for path in paths
            ]
        return [with_fields(gate, _parquet(gate, shape, paths))]
    path = paths[0]
    if path.suffix.lower() in SHEET_SUFFIXES:
        return [_sheet(gate, path, sheet, source) for sheet in sheet_names(path, source.sheet)]
    if path.suffix.lower() in JSON_SUFFIXES:
        return [with_fields(gate, _json(gate, path))]
    return [open_database(gate, path, source)]


def _parquet(gate: Gate, schema: pa.Schema, paths: list[Path]) -> Raw:
    name = gate.name("raw")
    listed = ", ".join(text_literal(str(path)) for path in paths)
    options = "filename = '_file', file_row_number = true, union_by_name = false"
    guarded(
        lambda: gate.execute(
            f"create view {name} as select * exclude (file_row_number), file_row_number as _row"
            f" from read_parquet([{listed}], {options})"
        ),
        f"file '{paths[0].name}'",
        "a readable Parquet file",
    )
    types = relation_columns(gate, name)
    shops = [*own_names(schema.names), *list(types)[len(schema.names) :]]  # the engine renames what is there twice
    names = dict(zip(shops, types, strict=True))
    files = {str(path): gate.label(path) for path in paths}
    return Raw(
        name,
        names,
        {shop: types[own] for shop, own in names.items()},
        files,
        True,
        "Parquet",
        repeated=tuple(repeated_names(schema.names)),
    )


def _parquet_copy(gate: Gate, path: Path) -> Raw:
    """Copy a file in which a column is called as the engine calls one of its own."""
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow.remove_metadata()
        plain = pa.schema(
            [field.with_name(name) for field, name in zip(schema, unique_names(schema.names), strict=True)]
        )
        batches = (pa.RecordBatch.from_arrays(batch.columns, schema=plain) for batch in file.iter_batches())
        label = gate.label(path)
        name = guarded(
            lambda: put_rows(gate, pa.RecordBatchReader.from_batches(plain, batches), label),
            f"file '{label}'",
            "a readable Parquet file",
        )
    return copied(gate, name, label, "Parquet", schema.names)


def _text(gate: Gate, form: TextForm, paths: list[Path]) -> Raw:
    name = gate.name("raw")
    files = {str(path): gate.label(path) for path in paths}
    copies = {str(plain_copy(path, form, gate.folder, next(gate.numbers))): str(path) for path in paths}
    broken = load_text(gate, name, form, copies, files)
    separator = {"\t": "tab"}.get(form.separator, f"'{form.separator}'")
    how = f"text, {form.encoding}, separator {separator}{'' if form.header else ', no header'}"
    how += f", {form.skip} lines above the header" if form.skip else ""
    names = dict(zip(form.own, form.names, strict=True))
    types = dict.fromkeys(form.own, "VARCHAR")
    starts = dict(gate.rows(f"select _file, min(_row) from {name} group by _file"))
    return Raw(name, names, types, files, False, how, broken, form.is_guess, starts, form.repeated)


def _sheet(gate: Gate, path: Path, sheet: str, source: Source) -> Raw:
    label = f"{gate.label(path)}#{sheet}"
    rows, given = named_sheet(path, sheet, source)
    return copied(gate, put_rows(gate, rows, label, has_rows=True), label, "workbook", given)


def _json(gate: Gate, path: Path) -> Raw:
    name, label = gate.name("raw"), gate.label(path)
    rows = f"read_json({text_literal(str(path))}, map_inference_threshold = -1)"
    guarded(
        lambda: store(gate, name, f"select {columns_apart(gate, rows)}, {text_literal(label)} as _file from {rows}"),
        f"file '{label}'",
        "a readable JSON file",
    )
    return copied(gate, _listed_rows(gate, name), label, "JSON")


def _listed_rows(gate: Gate, name: str) -> str:
    """Return the relation of what a file's only object lists, such as ``{"orders": [...]}``; else the one given."""
    types = relation_columns(gate, name)
    lists = [column for column, kind in types.items() if kind.startswith("STRUCT(") and kind.endswith("[]")]
    if len(lists) != 1 or gate.row(f"select count(*) from {name}")[0] != 1:
        return name
    rows = gate.name("raw")
    store(gate, rows, f"select row.*, _file from (select unnest({quoted_name(lists[0])}) as row, _file from {name})")
    return rows
