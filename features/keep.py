"""Edge: keep what several queries read, as tables of the engine, until they are let go."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count
from types import TracebackType
from typing import Any

from .engine import Backend
from .times import instant, midnight

_NUMBERS = count()
SOMETIME = datetime(1111, 11, 11, 11, 11, 11, 111111)  # stands for any moment; no shop was open then


class Keep:
    """Intermediate tables on one engine; dropped by ``close()``, and at the latest with their owner.

    Parameters
    ----------
    backend
        The Ibis backend: DuckDB keeps temporary tables, which go to disk where memory is short; Spark caches.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._drops: list[weakref.finalize[Any, Any]] = []

    def table(self, expression: Any, order_by: Sequence[str] = ()) -> Any:
        """Return the rows of an expression as a table that is computed once.

        ``order_by`` lays rows that are read together next to each other. It is for speed alone: no result may
        depend on it, and an engine is free to ignore it.
        """
        if self.backend.name == "duckdb":
            return self._made(self._query(expression, order_by))
        cached = expression.cache()
        self._drops.append(weakref.finalize(self, _release, cached))
        return cached

    def _query(self, expression: Any, order_by: Sequence[str] = ()) -> str:
        query = str(self.backend.compile(expression))
        keys = ", ".join(f'"{name}"' for name in order_by)
        return f"select * from ({query}) order by {keys}" if keys else query

    def _made(self, query: str) -> Any:
        """Return a new temporary table of DuckDB."""
        name = f"kept_{next(_NUMBERS)}"
        self.backend.con.execute(f'create temp table "{name}" as {query}')
        self._drops.append(weakref.finalize(self, _drop, self.backend.con, name))
        return self.backend.table(name, database=("temp", "main"))

    def each(
        self, moments: Sequence[datetime], ask: Callable[[datetime, Keep], Any], order_by: Sequence[str] = ()
    ) -> list[Any]:
        """Return a table for each moment.

        Parameters
        ----------
        moments
            Instants, UTC without a zone.
        ask
            From a moment, and a keep for what the moment's table is computed from, an expression that depends on
            the moment through `times.instant` of it, or of its midnight, alone.
        order_by
            As in `table`.
        """
        if self.backend.name == "duckdb":
            with _Script(self.backend, moments[0]) as script:
                query = script.query(ask(SOMETIME, script), order_by)
                first = self._made(script.at(query, moments[0]))
                return [first, *(self._made(script.again(query, moment)) for moment in moments[1:])]
        tables = []
        for moment in moments:
            with Keep(self.backend) as passing:
                tables.append(self.table(ask(moment, passing)))
                tables[-1].count().execute()  # a lazy engine computes it now, while its sources are kept
        return tables

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


class _Script(Keep):
    """DuckDB statements that are compiled for some moment and run for several: compiling costs more than small data."""

    def __init__(self, backend: Backend, moment: datetime) -> None:
        super().__init__(backend)
        self._first, self._steps = moment, list[tuple[str, str]]()
        self._texts: dict[datetime, str] = {}
        self._names = {kind(SOMETIME): kind for kind in (_itself, midnight)}

    def __enter__(self) -> _Script:
        return self

    def query(self, expression: Any, order_by: Sequence[str] = ()) -> str:
        """Return the SQL of an expression, still about some moment."""
        return self._query(expression, order_by)

    def table(self, expression: Any, order_by: Sequence[str] = ()) -> Any:
        query = self._query(expression, order_by)
        made = self._made(self.at(query, self._first))
        self._steps.append((made.op().name, query))
        return made

    def at(self, query: str, moment: datetime) -> str:
        """Return SQL about one moment."""
        for some, kind in self._names.items():
            query = query.replace(self._text(some), self._text(kind(moment)))
        return query

    def again(self, query: str, moment: datetime) -> str:
        """Make the tables of another moment in place of the last one's, and return the SQL about it."""
        for name, step in self._steps:
            self.backend.con.execute(f'create or replace temp table "{name}" as {self.at(step, moment)}')
        return self.at(query, moment)

    def _text(self, moment: datetime) -> str:
        """Return an instant as it stands in compiled SQL."""
        if moment not in self._texts:
            query = str(self.backend.compile(instant(moment)))
            self._texts[moment] = query.split("SELECT", 1)[1].rsplit(" AS ", 1)[0].strip()
        return self._texts[moment]


def _itself(moment: datetime) -> datetime:
    return moment


def _drop(connection: Any, name: str) -> None:
    import duckdb

    try:
        connection.execute(f'drop table if exists temp.main."{name}"')
    except duckdb.ConnectionException:  # the shop was closed first, and its tables went with it
        return


def _release(cached: Any) -> None:
    cached.release()
