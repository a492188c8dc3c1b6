"""Lines above a header: titles and blanks, as reports have them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

HEADER_SHARE = 0.6  # of a usual row's filled cells that a header has at least
TITLE_SHARE = 0.5  # and a title at most


def rows_above(rows: Sequence[Sequence[str]]) -> int:
    """Return how many rows stand above the header: titles, which have far fewer cells than the rows below.

    Examples
    --------
    >>> rows_above([["Report"], ["id", "day"], ["1", "2"], ["3", "4"], ["5", "6"]])
    1
    >>> rows_above([["id", "day"], ["1", ""], ["3", "4"]])
    0
    """
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    usual = statistics.median(filled) if filled else 0
    header = next((place for place, n_cells in enumerate(filled) if n_cells >= HEADER_SHARE * usual), 0)
    is_titled = all(n_cells <= TITLE_SHARE * usual for n_cells in filled[:header])
    return header if usual > 1 and is_titled else 0
