"""Edge: keep what several queries read, as tables of the engine, until they are let go."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import count
from types import TracebackType
from typing import Any

import ibis.expr.operations as ops

from .backends import Backend
from .columns_read import columns_read
from .times import MIDNIGHT, MOMENT, MomentVariable, midnight

_NUMBERS = count()
Columns = Mapping[str, set[str]]


class Keep:
    """Intermediate tables on one engine; dropped by ``close()``, and at the latest with their owner.

    Parameters
    ----------
    backend
        The Ibis backend: DuckDB keeps temporary tables, which go to disk where memory is short; Spark caches.
    waits
        Whether DuckDB's tables are made only when `answer` or `make` asks for them, and then without the columns that
        nobody reads. A lazy engine waits anyway.
    """

    def __init__(self, backend: Backend, *, waits: bool = False) -> None:
        self.backend = backend
        self._waits = waits
        self._waiting: dict[str, tuple[Any, Sequence[str]]] = {}
        self._drops: list[weakref.finalize[Any, Any]] = []

    def table(self, expression: Any, order_by: Sequence[str] = ()) -> Any:
        """Return the rows of an expression as a table that is computed once.

        ``order_by`` lays rows that are read together next to each other. It is for speed alone: no result may
        depend on it, and an engine is free to ignore it.
        """
        if self.backend.name != "duckdb":
            cached = expression.cache()
            self._drops.append(weakref.finalize(self, _release, cached))
            return cached
        name = f"kept_{next(_NUMBERS)}"
        self._waiting[name] = (expression, order_by)
        if not self._waits:
            self.make({name: set(expression.columns)})
        return self._named(name, expression)

    def answer(self, value: Any) -> Any:
        """Return one value that is asked of kept tables, as Ibis executes it."""
        self.make(self.traced(columns_read([value.as_table()]), whole=True))
        return value.execute()

    def traced(self, read: Columns, *, whole: bool = False) -> Columns:
        """Return the columns that are read, with those of the tables that wait which are read through one another.

        ``whole`` reads all columns of the tables that wait, if any.
        """
        found = {name: set(names) for name, names in read.items()}
        for name, (expression, _order_by) in reversed(self._waiting.items()):
            if name in found:
                found[name] = set(expression.columns) if whole else found[name]
                for other, names in columns_read([expression.select(_in_order(expression, found[name]))]).items():
                    found.setdefault(other, set()).update(names)
        return found

    def make(self, read: Columns) -> None:
        """Make those of the tables that wait of which columns are read."""
        for name in [name for name in self._waiting if name in read]:
            expression, order_by = self._waiting.pop(name)
            names = _in_order(expression, read[name])
            query = self._query(expression, names, order_by)
            if names == list(expression.columns):
                self._made(name, query)
            else:
                self._made(f"{name}_read", query)
                self._widened(name, expression, names)

    def _query(self, expression: Any, names: Sequence[str], order_by: Sequence[str] = ()) -> str:
        """Return the SQL of some columns; of a result, with the types that Ibis takes them for.

        DuckDB adds up integers to wider ones. Within, they may be as wide as they like.
        """
        types = {} if self._waits else self._types(expression)
        cells = ", ".join(
            f'cast("{name}" as {types[name]}) as "{name}"' if name in types else f'"{name}"' for name in names
        )
        keys = ", ".join(f'"{name}"' for name in order_by)
        query = f"select {cells} from ({self.backend.compile(expression)})"
        return query + (f" order by {keys}" if keys else "")

    def _types(self, expression: Any) -> dict[str, str]:
        to_text = self.backend.compiler.type_mapper.to_string
        return {name: to_text(dtype) for name, dtype in expression.schema().items() if not dtype.is_null()}

    def _made(self, name: str, query: str) -> None:
        """Make a temporary table of DuckDB."""
        self.backend.con.execute(f'create temp table "{name}" as {query}')
        self._drops.append(weakref.finalize(self, _drop, self.backend.con, "table", name))

    def _widened(self, name: str, expression: Any, made: Sequence[str]) -> None:
        """Give a table without its unread columns the look of the whole one, for queries that pass them on."""
        types = self._types(expression)
        cells = ", ".join(
            f'"{one}"' if one in made else f'cast(null as {types.get(one, "int")}) as "{one}"'
            for one in expression.columns
        )
        self.backend.con.execute(f'create temp view "{name}" as select {cells} from temp.main."{name}_read"')
        self._drops.append(weakref.finalize(self, _drop, self.backend.con, "view", name))

    def each(
        self,
        moments: Sequence[datetime],
        ask: Callable[[datetime | MomentVariable, Keep], Any],
        sources: Keep | None = None,
    ) -> list[Any]:
        """Return a table for each moment.

        Parameters
        ----------
        moments
            Instants, UTC without a zone.
        ask
            From a moment, and a keep for what the moment's table is computed from, an expression that depends on
            the moment through `times.instant` of it, or of its midnight, alone.
        sources
            Another keep whose tables the expressions may read.
        """
        if self.backend.name == "duckdb":
            with _Script(self.backend, moments[0]) as script:
                asked = ask(MOMENT, script)
                read = script.traced(columns_read([asked]))
                if sources is not None:
                    sources.make(sources.traced(read))
                script.make(read)
                return [self._of(moment, asked, script) for moment in moments]
        tables = []
        for moment in moments:
            with Keep(self.backend) as passing:
                tables.append(self.table(ask(moment, passing)))
                tables[-1].count().execute()  # a lazy engine computes it now, while its sources are kept
        return tables

    def _of(self, moment: datetime, asked: Any, script: _Script) -> Any:
        """Return the table of a moment."""
        script.turn_to(moment)
        name = f"kept_{next(_NUMBERS)}"
        self._made(name, script.query_of(asked))
        return self._named(name, asked)

    def _named(self, name: str, expression: Any) -> Any:
        namespace = ops.Namespace(catalog="temp", database="main")
        return ops.DatabaseTable(name, expression.schema(), self.backend, namespace).to_expr()

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
    """DuckDB statements that are compiled once and run for several moments: compiling costs more than small data."""

    def __init__(self, backend: Backend, moment: datetime) -> None:
        super().__init__(backend, waits=True)
        self._steps: list[tuple[str, str]] = []
        self._compiled = ""
        self._set(moment)

    def __enter__(self) -> _Script:
        return self

    def _made(self, name: str, query: str) -> None:
        super()._made(name, query)
        self._steps.append((name, query))

    def query_of(self, asked: Any) -> str:
        """Return the SQL of what is asked about each moment, compiled at the first."""
        self._compiled = self._compiled or Keep(self.backend)._query(asked, asked.columns)
        return self._compiled

    def turn_to(self, moment: datetime) -> None:
        """Make the tables of a moment in place of those of the last one."""
        if moment == self._moment:
            return
        self._set(moment)
        for name, step in self._steps:
            self.backend.con.execute(f'create or replace temp table "{name}" as {step}')

    def _set(self, moment: datetime) -> None:
        self._moment = moment
        for variable, value in ((MOMENT, moment), (MIDNIGHT, midnight(moment))):
            self.backend.con.execute(f"set variable {variable.name} = timestamp '{value}'")


def _in_order(expression: Any, names: set[str]) -> list[str]:
    """Return those columns of an expression that are named, in its order; the first where none is."""
    columns = list(expression.columns)
    return [name for name in columns if name in names] or columns[:1]


def _drop(connection: Any, kind: str, name: str) -> None:
    import duckdb

    try:
        connection.execute(f'drop {kind} if exists temp.main."{name}"')
    except duckdb.ConnectionException:  # the shop was closed first, and its tables went with it
        return


def _release(cached: Any) -> None:
    cached.release()
