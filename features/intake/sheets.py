"""Workbooks (xlsx, xls, xlsb, ods): each cell as text, as a text file would hold it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from penchant.config import Source
from penchant.errors import ContractError, did_you_mean

from .text import unique_names
from .titles import rows_above

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")

FIRST_ROWS = 200

Cell = int | float | str | bool | time | date | datetime | timedelta


def sheet_names(path: Path, wanted: str | None = None) -> list[str]:
    """Return the sheets of a workbook that a source asks for: the first, a named one, or all (``'*'``).

    Raises
    ------
    ContractError
        If the workbook cannot be read or has no such sheet.
    """
    names: list[str] = _workbook(path).sheet_names
    if wanted == "*":
        return names
    if wanted is None:
        return names[:1]
    if wanted not in names:
        raise ContractError(f"file '{path.name}'", f"a sheet '{wanted}'", "", did_you_mean(wanted, names))
    return [wanted]


def named_sheet(path: Path, sheet: str, source: Source) -> tuple[pa.Table, list[str]]:
    """Return the rows of a sheet as text columns and ``_row``, the row's number in the sheet, and the columns' names.

    Raises
    ------
    ContractError
        If the sheet cannot be read or holds nothing.
    """
    try:
        rows: list[list[Cell]] = _workbook(path).get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    except CalamineError as fault:
        raise ContractError(f"file '{path.name}', sheet '{sheet}'", "a readable sheet", str(fault)) from None
    numbered = list(enumerate(rows, start=1))[source.skip_lines or 0 :]
    filled = [(number, row) for number, row in numbered if any(cell != "" for cell in row)]
    if source.header and source.skip_lines is None:
        filled = filled[rows_above([[str(cell) for cell in row] for _, row in filled[:FIRST_ROWS]]) :]
    if not filled:
        raise ContractError(f"file '{path.name}', sheet '{sheet}'", "a header and rows", "an empty sheet")
    given = list(source.names)
    if source.header:
        given = given or [cell_text(cell) or "" for cell in filled[0][1]]
        filled = filled[1:]
    width = max((len(row) for _, row in filled), default=len(given))
    given = [*given, *[""] * (width - len(given))]
    return _columns(filled, unique_names(given)), given


def _columns(rows: Sequence[tuple[int, list[Cell]]], names: Sequence[str]) -> pa.Table:
    columns = {
        name: pa.array([cell_text(row[place]) if place < len(row) else None for _, row in rows], pa.string())
        for place, name in enumerate(names)
    }
    return pa.table({**columns, "_row": pa.array([number for number, _ in rows], pa.int64())})


def cell_text(cell: Cell) -> str | None:
    """Return a cell as text: whole numbers without a point, times in ISO 8601, blanks as None.

    Examples
    --------
    >>> cell_text(12345.0), cell_text(2.5), cell_text(datetime(2011, 6, 24, 8, 40)), cell_text("")
    ('12345', '2.5', '2011-06-24 08:40:00', None)
    """
    if isinstance(cell, str):
        return cell if cell != "" else None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _workbook(path: Path) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError:
        raise ContractError(f"file '{path.name}'", "a workbook without a password", "a locked one") from None
    except (CalamineError, OSError) as fault:
        raise ContractError(f"file '{path.name}'", "a readable workbook", str(fault)) from None
