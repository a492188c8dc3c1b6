"""What was answered about a spine's rows, in several tables, joined as far as an expression needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penchant.lazy import ibis, ops


class Answers:
    """Tables of answers by spine row, and of what is known of everyone by as_of.

    Parameters
    ----------
    spine
        Table with ``row`` and ``as_of``.
    shared
        Tables of what is known of everyone, one row for each midnight (UTC): the first column.
    packed
        Whether a table's answers go through joins as one cell. Spark copies each cell of a row in each join, by code
        that it writes and compiles in each task, as long as the row is wide: there are hundreds of them.
    """

    def __init__(self, spine: Any, shared: Sequence[Any], *, packed: bool = False) -> None:
        self._spine, self._packed = spine, packed
        self._shared = list(shared)
        self._tables: list[Any] = []

    def add(self, table: Any) -> None:
        """Add answers: a table with ``row``, each at most once, and columns of names of their own."""
        self._tables.append(table.rename({f"row_{len(self._tables)}": "row"}))

    def select(self, kept: Sequence[str], values: Mapping[str, Any]) -> Any:
        """Return columns of the spine, and values over the columns of the spine and all answers."""
        return self._joined(self._tables, self._shared).select(*kept, **values)

    def narrow(self, values: Mapping[str, Any]) -> Any:
        """Return (row, values), joining only the tables that a value speaks of: there are many, and joins are dear."""
        everything = {
            name: dtype
            for table in (self._spine, *self._tables, *self._shared)
            for name, dtype in table.schema().items()
        }
        bound = ibis.table(everything, name="everything").select(**values)
        spoken = {field.name for value in bound.op().values.values() for field in _fields(value)}
        tables, shared = (
            [table for table in tables if spoken & set(table.columns)] for tables in (self._tables, self._shared)
        )
        return self._joined(tables, shared).select("row", **values)

    def _joined(self, tables: Sequence[Any], shared: Sequence[Any]) -> Any:
        joined = self._spine
        for table in shared:
            joined = joined.left_join(table, self._spine.as_of.truncate("D") == table[table.columns[0]])
        for table in map(_packed, tables) if self._packed else tables:
            joined = joined.left_join(table, self._spine.row == table[_row_of(table)])
        cells = {
            name: ibis._[_cell_of(table)][name] for table in tables for name in table.columns if name != _row_of(table)
        }
        return joined.mutate(**cells) if self._packed else joined


def _packed(table: Any) -> Any:
    """Return a table of answers as its row and one cell."""
    row = _row_of(table)
    answers = {name: table[name] for name in table.columns if name != row}
    return table.select(row, ibis.struct(answers).name(_cell_of(table)))


def _cell_of(table: Any) -> str:
    return f"of_{_row_of(table)}"


def _row_of(table: Any) -> str:
    return next(name for name in table.columns if name.startswith("row_"))


def _fields(value: Any) -> list[Any]:
    return [value] if isinstance(value, ops.Field) else list(value.find(ops.Field))
