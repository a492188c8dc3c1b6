"""How a result shows itself: as a compact table in a terminal, as HTML in a notebook.

Examples
--------
>>> rows = (("orders", "1,200"), ("items", "80"))
>>> print(Overview("Tea", ("GBP, 3 tables",), ("table", "rows"), rows, "2 of 3").text())
Tea
GBP, 3 tables
table    rows
orders  1,200
items      80
2 of 3
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from penchant.errors import PenchantError

WIDTH = 120  # of a line in a terminal; what is longer is cut
_NUMBER = frozenset("0123456789-−+–")


@dataclass(frozen=True)
class Overview:
    """What is shown of a result.

    Parameters
    ----------
    title
        What it is.
    lines
        What is to be known of it, a sentence each.
    columns, rows
        A small table; a column whose cells all begin like numbers stands on the right.
    note
        What the table leaves out, or what to ask next.
    """

    title: str
    lines: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    note: str = ""

    def text(self) -> str:
        """Return it for a terminal, no line longer than 120 signs."""
        lines = [self.title, *self.lines, *self._grid(), *([self.note] if self.note else [])]
        return "\n".join(line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in lines)

    def html(self) -> str:
        """Return it for a notebook: no script, no style sheet, nothing that is loaded."""
        parts = [f"<strong>{escape(self.title)}</strong>", *(escape(line) for line in self.lines)]
        table = ""
        if self.columns:
            head = "".join(self._cell("th", place, name) for place, name in enumerate(self.columns))
            body = "".join(
                f"<tr>{''.join(self._cell('td', place, cell) for place, cell in enumerate(row))}</tr>"
                for row in self.rows
            )
            table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        note = f"<small>{escape(self.note)}</small>" if self.note else ""
        return f"<div><p>{'<br>'.join(parts)}</p>{table}{note}</div>"

    def _grid(self) -> list[str]:
        """Return the table's lines, its columns as wide as their cells."""
        if not self.columns:
            return []
        table = [self.columns, *self.rows]
        widths = [max(len(row[place]) for row in table) for place in range(len(self.columns))]
        cells = [
            [
                cell.rjust(width) if self._is_number(place) else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            for row in table
        ]
        return ["  ".join(row).rstrip() for row in cells]

    def _is_number(self, place: int) -> bool:
        return all(row[place][:1] in _NUMBER for row in self.rows if row[place])

    def _cell(self, tag: str, place: int, text: str) -> str:
        side = "right" if self._is_number(place) else "left"
        return f'<{tag} style="text-align: {side}">{escape(text)}</{tag}>'


class WithOverview(ABC):
    """A result that shows itself, in a terminal and in a notebook."""

    @abstractmethod
    def overview(self) -> Overview:
        """Return what is shown of it."""

    def __repr__(self) -> str:
        """Return a compact table."""
        return self._shown().text()

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        return self._shown().html()

    def _shown(self) -> Overview:
        """Return what is shown; what cannot be read any more is said, for a result must always show itself."""
        try:
            return self.overview()
        except PenchantError as fault:
            return Overview(type(self).__name__, [str(fault)])
