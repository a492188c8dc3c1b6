"""Text files onto the gate: rows as they are, and the lines that are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import duckdb

from .expressions import quoted_name, text_literal
from .raw import BrokenLine, Gate, guarded, store
from .repair import without_open_quotes
from .text import BLANKS, BLOCK, TextForm


def load_text(gate: Gate, name: str, form: TextForm, files: Mapping[str, str]) -> tuple[BrokenLine, ...]:
    """Copy text files of one form to a table of text columns.

    Parameters
    ----------
    gate
        Where the table is made: the columns of the form, ``_file`` and ``_row``.
    name
        The table's name.
    form
        How the files are written; in UTF-8 by now.
    files
        The paths, and how messages call them.

    Returns
    -------
    tuple of BrokenLine
        The lines that have not the header's cells; they are not in the table.

    Raises
    ------
    ContractError
        If the files cannot be read as text with separators at all.
    """
    paths = dict(zip(files, files, strict=True))
    try:
        broken = _load(gate, name, form, paths, files)
    except duckdb.Error:
        paths = {_with_plain_line_ends(gate, path): path for path in files}
        broken = guarded(
            lambda: _load(gate, name, form, paths, files),
            f"file '{next(iter(files.values()))}'",
            f"text with cells separated by '{form.separator}' and quotes of '{form.quote}'",
        )
    if any("\n" in line.text for line in broken):
        broken = _load_repaired(gate, name, form, paths, files)
    return tuple(replace(line, line=line.line + form.skip) for line in broken)


def _load_repaired(
    gate: Gate, name: str, form: TextForm, paths: Mapping[str, str], files: Mapping[str, str]
) -> tuple[BrokenLine, ...]:
    """Load files anew of which a broken line took the following ones with it."""
    copies: dict[str, str] = {}
    blanked: list[BrokenLine] = []
    for path, own in paths.items():
        copy = gate.folder / f"{gate.name('repaired')}.csv"
        lines = without_open_quotes(path, copy, form)
        copies[str(copy)] = own
        blanked += [BrokenLine(files[own], number, text.strip("\r\n"), "open quote") for number, text in lines]
    broken = _load(gate, name, form, copies, files)
    return tuple(sorted((*blanked, *broken), key=lambda line: (line.file, line.line)))


def _load(
    gate: Gate, name: str, form: TextForm, paths: Mapping[str, str], files: Mapping[str, str]
) -> tuple[BrokenLine, ...]:
    """Load the files at ``paths`` (path -> the path it stands for)."""
    for rejects in ("reject_errors", "reject_scans"):
        gate.execute(f"drop table if exists {rejects}")
    columns = ", ".join(f"{text_literal(column)}: 'VARCHAR'" for column in form.names)
    cells = ", ".join(quoted_name(column) for column in form.names)
    quote = text_literal(form.quote)
    separator = "\t" if form.separator == BLANKS else form.separator
    stands_for = " ".join(f"when {text_literal(path)} then {text_literal(own)}" for path, own in paths.items())
    store(
        gate,
        name,
        f"select {cells}, case __path {stands_for} end as _file"
        f" from read_csv([{', '.join(map(text_literal, paths))}], auto_detect = false, header = {form.header},"
        f" delim = {text_literal(separator)}, quote = {quote}, escape = {quote}, columns = {{{columns}}},"
        " filename = '__path', store_rejects = true, strict_mode = true)",
    )
    return _broken(gate, {path: files[own] for path, own in paths.items()})


def _broken(gate: Gate, labels: Mapping[str, str]) -> tuple[BrokenLine, ...]:
    rows = gate.rows(
        "select file_path, line, any_value(csv_line), string_agg(distinct lower(error_type::varchar), ', ')"
        " from reject_errors join reject_scans using (scan_id, file_id) group by 1, 2 order by 1, 2"
    )
    return tuple(BrokenLine(labels[path], line, (text or "").strip("\r\n"), why) for path, line, text, why in rows)


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
