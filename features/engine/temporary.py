"""Edge: keep what several queries read, as tables of the engine, until they are let go."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from types import TracebackType
from typing import Any

from penchant.lazy import ibis

from .backends import Backend
from .script import Statement, as_name, temporary, typed_query

_NUMBERS = count()


@dataclass(frozen=True)
class KeptRows:
    """A temporary table with the answers of a query.

    Parameters
    ----------
    backend
        The backend that it lies on.
    name
        Its name.
    types
        Column -> its type, as Ibis writes it.
    """

    backend: Backend
    name: str
    types: Mapping[str, str]

    @property
    def place(self) -> str:
        """The table, as SQL names it."""
        return f"{'temp.main.' * (self.backend.name == 'duckdb')}{as_name(self.backend, self.name)}"

    @cached_property
    def table(self) -> Any:
        """The rows as Ibis's table."""
        return temporary(self.backend, self.name, ibis.schema(dict(self.types)))


class Keep:
    """Intermediate tables on one engine; dropped by ``close()``, and at the latest with their owner.

    Parameters
    ----------
    backend
        The Ibis backend: DuckDB keeps temporary tables, which go to disk where memory is short, Spark rows on its
        executors, in memory and on disk.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._drops: list[weakref.finalize[Any, Any]] = []

    def table(self, expression: Any, order_by: Sequence[str] = (), name: str = "kept") -> Any:
        """Return the rows of an expression as a table that is computed once.

        Parameters
        ----------
        expression
            The Ibis table.
        order_by
            Lays rows that are read together next to each other. It is for speed alone: no result may depend on it,
            and an engine is free to ignore it.
        name
            What the rows are, for whoever reads the SQL.
        """
        types = {name: str(dtype) for name, dtype in expression.schema().items()}
        return self.rows_of(typed_query(self.backend, expression, order_by), types).table

    def rows_of(self, query: str, types: Mapping[str, str]) -> KeptRows:
        """Return the rows of a query, computed once; the types are Ibis's, by name."""
        made = Statement("table", f"kept_{next(_NUMBERS)}", query)
        made.make(self.backend)
        self._drops.append(weakref.finalize(self, _drop, self.backend, made))
        return KeptRows(self.backend, made.name, types)

    def close(self) -> None:
        """Drop all tables; a second call does nothing."""
        while self._drops:
            self._drops.pop()()

    def __enter__(self) -> Keep:
        """Return the keep itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop all tables."""
        self.close()


def _drop(backend: Backend, made: Statement) -> None:
    import duckdb

    try:
        made.drop(backend)
    except duckdb.ConnectionException:  # the shop was closed first, and its tables went with it
        return
