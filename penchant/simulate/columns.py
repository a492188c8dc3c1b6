"""Frozen values made of arrays that belong together, one entry per customer, visit or order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_DTYPES: dict[str, type[np.generic]] = {"Float": np.float64, "Flags": np.bool_}
Rows = NDArray[np.intp] | NDArray[np.bool_] | slice


@dataclass(frozen=True)
class ColumnBlock:
    """Arrays of one common length; the value is frozen, the arrays in it may be filled."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(getattr(self, fields(self)[0].name))

    def take(self, rows: Rows) -> Self:
        """Return some of the rows; with a slice the arrays are views."""
        return replace(self, **{name: _taken(value, rows) for name, value in self._items()})

    def put(self, rows: Rows, others: Self) -> None:
        """Overwrite some of the rows."""
        for name, value in self._items():
            if isinstance(value, ColumnBlock):
                value.put(rows, getattr(others, name))
            else:
                value[rows] = getattr(others, name)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the rows of all parts, in their order."""
        joined = {}
        for field in fields(cls):
            empty = np.zeros(0, _DTYPES.get(str(field.type), np.int64))
            joined[field.name] = np.concatenate([empty, *(getattr(part, field.name) for part in parts)])
        return cls(**joined)

    def _items(self) -> list[tuple[str, Any]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


def _taken(value: Any, rows: Rows) -> Any:
    return value.take(rows) if isinstance(value, ColumnBlock) else value[rows]
