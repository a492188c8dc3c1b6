"""Text files onto the gate: rows as they are, and the lines that are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import duckdb

from .expressions import quoted_name, text_literal
from .raw import BrokenLine, Gate, guarded
from .repair import without_open_quotes
from .text import BLANKS, BLOCK, TextForm


def load_text(
    gate: Gate, name: str, form: TextForm, copies: Mapping[str, str], files: Mapping[str, str]
) -> tuple[BrokenLine, ...]:
    """Copy text files of one form to a table of text columns.

    Each is read by itself: where one ends in an open quote, an engine that reads several at once loses rows of others.

    Parameters
    ----------
    gate
        Where the table is made: the columns of the form, ``_file`` and ``_row``.
    name
        The table's name.
    form
        How the files are written; in UTF-8 by now.
    copies
        The paths to read -> the path of the shop's file that each stands for.
    files
        The paths of the shop's files, and how messages call them.

    Returns
    -------
    tuple of BrokenLine
        The lines that have not the header's cells; they are not in the table.

    Raises
    ------
    ContractError
        If the files cannot be read as text with separators at all.
    """
    for rejects in ("reject_errors", "reject_scans"):
        gate.execute(f"drop table if exists {rejects}")
    cells = ", ".join(f"{quoted_name(column)} varchar" for column in form.names)
    gate.execute(f"create or replace table {name}_cells ({cells}, _file varchar)")
    gate.execute(f"create or replace view {name} as select *, rowid as _row from {name}_cells")
    read = dict(_loaded(gate, name, form, path, own, files[own]) for path, own in copies.items())
    found = _broken(gate, read)
    blanked: list[BrokenLine] = []
    for path, own in list(read.items()):
        if any("\n" in line.text for line in found if line.file == own):
            copy, lines = _repaired(gate, name, form, path, own)
            del read[path]
            read[copy] = own
            blanked += [BrokenLine(own, number, text.strip("\r\n"), "open quote") for number, text in lines]
    found = _broken(gate, read) if blanked else found
    every = [replace(line, file=files[line.file], line=line.line + form.skip) for line in (*blanked, *found)]
    return tuple(sorted(every, key=lambda line: (line.file, line.line)))


def _loaded(gate: Gate, name: str, form: TextForm, path: str, own: str, label: str) -> tuple[str, str]:
    """Load a file, or a copy with plain line ends; return what was read, and the file that it stands for."""
    try:
        _load(gate, name, form, path, own)
    except duckdb.Error:
        plain = _with_plain_line_ends(gate, path)
        expected = f"text with cells separated by '{form.separator}' and quotes of '{form.quote}'"
        guarded(lambda: _load(gate, name, form, plain, own), f"file '{label}'", expected)
        return plain, own
    return path, own


def _repaired(gate: Gate, name: str, form: TextForm, path: str, own: str) -> tuple[str, list[tuple[int, str]]]:
    """Load a file anew of which a broken line took the following ones with it; return the copy read, and such lines."""
    copy = gate.folder / f"{gate.name('repaired')}.csv"
    lines = without_open_quotes(path, copy, form)
    gate.execute(f"delete from {name}_cells where _file = {text_literal(own)}")
    _load(gate, name, form, str(copy), own)
    return str(copy), lines


def _load(gate: Gate, name: str, form: TextForm, path: str, own: str) -> None:
    """Load the file at a path under the name of the one that it stands for."""
    columns = ", ".join(f"{text_literal(column)}: 'VARCHAR'" for column in form.names)
    cells = ", ".join(quoted_name(column) for column in form.names)
    quote = text_literal(form.quote)
    separator = "\t" if form.separator == BLANKS else form.separator
    gate.execute(
        f"insert into {name}_cells select {cells}, {text_literal(own)}"
        f" from read_csv({text_literal(path)}, auto_detect = false, header = {form.header},"
        f" delim = {text_literal(separator)}, quote = {quote}, escape = {quote}, columns = {{{columns}}},"
        " store_rejects = true, strict_mode = true)"
    )


def _broken(gate: Gate, paths: Mapping[str, str]) -> list[BrokenLine]:
    """Return the broken lines of what was read, each with the path of the shop's file."""
    rows = gate.rows(
        "select file_path, line, any_value(csv_line), string_agg(distinct lower(error_type::varchar), ', ')"
        " from reject_errors join reject_scans using (scan_id, file_id) group by 1, 2 order by 1, 2"
    )
    return [
        BrokenLine(paths[path], line, (text or "").strip("\r\n"), why)
        for path, line, text, why in rows
        if path in paths
    ]


def _with_plain_line_ends(gate: Gate, path: str) -> str:
    """Return a copy of a UTF-8 text file in which every line ends alike."""
    copy = gate.folder / f"{gate.name('plain')}.csv"
    with (
        Path(path).open(encoding="utf-8", errors="replace", newline=None) as reader,
        copy.open("w", encoding="utf-8", newline="\n") as writer,
    ):
        while block := reader.read(BLOCK):
            writer.write(block)
    return str(copy)
