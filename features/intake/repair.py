"""Text files in which a quote is opened and never closed: the one line is broken, not all that follow."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .text import TextForm

MOST_LINES = 100  # of one cell


def without_open_quotes(path: str, copy: Path, form: TextForm) -> list[tuple[int, str]]:
    """Copy a text file with a blank line in place of each that opens a quote which nothing sensible closes.

    A quote is closed sensibly if a row with the header's number of cells comes of it, within a hundred lines.

    Parameters
    ----------
    path
        The file, in UTF-8.
    copy
        Where to write.
    form
        How the file is written.

    Returns
    -------
    list of (int, str)
        The number, from 1, and the text of each line that was blanked.
    """
    blanked: list[tuple[int, str]] = []
    with (
        Path(path).open(encoding="utf-8", errors="replace", newline="") as reader,
        copy.open("w", encoding="utf-8", newline="") as writer,
    ):
        for number, lines, is_row in _rows(reader, form):
            if is_row:
                writer.writelines(lines)
            else:
                blanked.append((number, lines[0]))
                writer.write("\n")
    return blanked


def _rows(reader: IO[str], form: TextForm) -> Iterator[tuple[int, list[str], bool]]:
    """Yield the lines of each row with the first one's number; of lines that are no row, one at a time."""
    ahead: deque[str] = deque()
    number = 0
    while line := _next(ahead, reader):
        number += 1
        lines = [line]
        while _is_open(lines, form) and len(lines) < MOST_LINES and (following := _next(ahead, reader)):
            lines.append(following)
        if _is_row(lines, form):
            yield number, lines, True
            number += len(lines) - 1
        else:
            ahead.extendleft(reversed(lines[1:]))
            yield number, [line], False


def _next(ahead: deque[str], reader: IO[str]) -> str:
    return ahead.popleft() if ahead else reader.readline()


def _is_open(lines: list[str], form: TextForm) -> bool:
    return sum(line.count(form.quote) for line in lines) % 2 == 1


def _is_row(lines: list[str], form: TextForm) -> bool:
    """Say whether lines are one row; a single line is left for the engine to judge."""
    if len(lines) == 1:
        return not _is_open(lines, form)
    rows = list(csv.reader(lines, delimiter=form.separator, quotechar=form.quote))
    return not _is_open(lines, form) and len(rows) == 1 and len(rows[0]) == len(form.names)
