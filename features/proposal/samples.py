"""Edge: the first and last lines of text files, and how these are written."""

from __future__ import annotations

import codecs
import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from penchant.config import Source
from penchant.errors import ContractError

from ..intake.files import PARQUET_SUFFIXES
from ..intake.raw import Gate
from ..intake.text import (
    UNREADABLE,
    found_separator,
    lines_above,
    marked_encoding,
    opened,
    other_encoding,
    split_lines,
    without_formulas,
)

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".dat", ".data", ".tab", ".psv", ".gz", ".zip")
HEAD_BYTES, TAIL_BYTES = 3_000_000, 500_000
PIECES, PIECE_BYTES = 20, 50_000  # between them
FIRST_BYTES = 20_000
FIRST_LINES = 200


def text_sample(gate: Gate, path: Path) -> tuple[Path, dict[str, object]]:
    """Return a file in UTF-8 with the first and last lines of a text file, and how the text file is written.

    Returns
    -------
    Path
        The sample.
    dict
        What penchant.toml has to say: key -> value.

    Raises
    ------
    ContractError
        If the file is damaged.
    """
    try:
        encoding, text = _ends(path)
    except UNREADABLE as fault:
        raise ContractError(f"file '{path.name}'", "a file that can be read to its end", str(fault)) from None
    if not text.strip():
        raise ContractError(f"file '{path.name}'", "a file with rows", "an empty file")
    guesses = {"cp1252": "windows-1252", "gb18030": "gb18030"}
    options: dict[str, object] = {"encoding": guesses[encoding]} if encoding in guesses else {}
    separator, rows = _first_rows(text)
    if separator != ",":
        options["separator"] = separator
    if rows and not has_header(rows):
        options["header"] = False
        options["names"] = [f"column{number}" for number in range(1, len(rows[0]) + 1)]
    copy = (
        gate.folder / gate.name("look") / re.sub(r"\.(gz|zip)$", "", path.name, flags=re.IGNORECASE)
    )  # messages name the file
    copy.parent.mkdir()
    copy.write_text(text, encoding="utf-8", newline="")
    return copy, options


def _ends(path: Path) -> tuple[str, str]:
    """Return a text file's encoding, and its first and last lines."""
    with opened(path) as stream:
        content = stream.read(HEAD_BYTES)
        encoding = _encoding(content)
        is_plain = encoding in ("utf-8", "utf-8-sig", "cp1252") and path.suffix.lower() not in (".gz", ".zip")
        is_cut = len(content) == HEAD_BYTES
        if is_cut and is_plain and path.stat().st_size > HEAD_BYTES + TAIL_BYTES:
            content = content[: content.rfind(b"\n") + 1] + _later(stream, path.stat().st_size)
            is_cut = False
    text = codecs.decode(content, encoding, "ignore")
    return encoding, text[: text.rfind("\n") + 1] if is_cut else text


def _later(stream: IO[bytes], n_bytes: int) -> bytes:
    """Return whole lines from places all over the rest of a file, its end among them."""
    pieces = []
    for number in range(PIECES):
        stream.seek(HEAD_BYTES + (n_bytes - HEAD_BYTES - TAIL_BYTES) * number // PIECES)
        piece = stream.read(PIECE_BYTES).partition(b"\n")[2]
        pieces.append(piece[: piece.rfind(b"\n") + 1])
    stream.seek(-TAIL_BYTES, 2)
    return b"".join(pieces) + stream.read().partition(b"\n")[2]


def _encoding(content: bytes) -> str:
    """Return the encoding of a text's beginning: by its mark, UTF-8 where it can be, else Windows-1252."""
    if marked := marked_encoding(content):
        return marked
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        return other_encoding(content)
    return "utf-8"


def _first_rows(text: str) -> tuple[str, list[list[str]]]:
    """Return the separator and the first rows of a text, from the header on."""
    lines = [without_formulas(line) for line in text[: 100 * FIRST_BYTES].splitlines(keepends=True)[:FIRST_LINES]]
    lines = [line for line in lines[lines_above(lines, Source(path="")) :] if line.strip()]
    separator = found_separator(lines) if lines else ","
    return separator, split_lines(lines, separator, '"') if lines else []


def shape(path: Path) -> Hashable:
    """Return what files have in common that are parts of one table: their columns, or their names but for numbers."""
    suffix = path.suffix.lower()
    try:
        if suffix in PARQUET_SUFFIXES:
            return suffix, tuple(pq.read_schema(path).names)
        if suffix not in TEXT_SUFFIXES:
            return path
        with opened(path) as stream:
            content = stream.read(FIRST_BYTES)
    except (*UNREADABLE, pa.ArrowException):
        return path
    separator, rows = _first_rows(codecs.decode(content, _encoding(content), "ignore"))
    if not rows:
        return path
    is_named = has_header(rows[:-1] or rows)
    return suffix, separator, tuple(rows[0]) if is_named else (len(rows[0]), re.sub(r"\d+", "#", path.name))


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Say whether the first row names the columns rather than being one of them.

    Examples
    --------
    >>> has_header([["id", "price"], ["1", "2.5"]]), has_header([["1", "2.5"], ["2", "3.5"]])
    (True, False)
    """
    first, rest = rows[0], rows[1:]
    if any(_is_data(cell) for cell in first):
        return False
    if not rest or len(set(first)) < len(first):
        return bool(not rest)
    columns = list(zip(*[row for row in rest if len(row) == len(first)], strict=False))
    if any(sum(map(_is_data, column)) > 0.5 * len(column) for column in columns):
        return True
    return not any(cell in column for cell, column in zip(first, columns, strict=False))


def _is_data(cell: str) -> bool:
    """Say whether a cell is a number or begins as a date does."""
    bare = cell.strip().strip('"').replace(",", ".")
    try:
        float(bare)
    except ValueError:
        return bare[:4].isdigit() and len(bare) >= 8
    return True
