"""Edge: SQL that is compiled before any of it runs: statements that make tables of one another."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from penchant.lazy import ops

from .backends import Backend, ibis_backend
from .columns_read import columns_read

Columns = Mapping[str, set[str]]
PREFIX = "penchant_"  # of all names, so that none hides a table of the shop's


@dataclass(frozen=True)
class Statement:
    """A temporary table or view, and the query that gives its rows."""

    kind: Literal["table", "view"]
    name: str
    query: str

    @property
    def sql(self) -> str:
        """The statement, as DuckDB takes it."""
        return f'create or replace temp {self.kind} "{self.name}" as {self.query}'

    def make(self, backend: Backend) -> None:
        """Make the table or view, in place of another of its name.

        Spark computes a table now and forgets how: what reads it is planned over its rows, not over all that they were
        made of. Else plans grow with each step until planning takes longer than the work.
        """
        if backend.name == "duckdb":
            backend.con.execute(self.sql)
            return
        rows = backend._session.sql(self.query)
        (rows.localCheckpoint() if self.kind == "table" else rows).createOrReplaceTempView(self.name)

    def drop(self, backend: Backend) -> None:
        """Drop the table or view, if it is there."""
        if backend.name == "duckdb":
            backend.con.execute(f'drop {self.kind} if exists temp.main."{self.name}"')
        else:
            backend._session.catalog.dropTempView(self.name)


def temporary(backend: Backend, name: str, schema: Any) -> Any:
    """Return a temporary table as Ibis's, whether it is there yet or not."""
    place = ops.Namespace(catalog="temp", database="main") if backend.name == "duckdb" else ops.Namespace()
    return ops.DatabaseTable(name, schema, ibis_backend(backend), place).to_expr()


class Script:
    """Intermediate tables that are compiled once it is known which of their columns are read.

    Parameters
    ----------
    backend
        The Ibis backend. Nothing runs on it.
    taken
        Names of temporary tables that stand for something else; those of the script are added.
    """

    def __init__(self, backend: Backend, taken: set[str]) -> None:
        self.backend = backend
        self._taken = taken
        self._tables: dict[str, tuple[Any, Sequence[str]]] = {}

    def table(self, expression: Any, order_by: Sequence[str] = (), name: str = "step") -> Any:
        """Return the rows of an expression as a table that is computed once: see `temporary.Keep.table`."""
        free = self._free(name)
        self._tables[free] = (expression, order_by)
        return temporary(self.backend, free, expression.schema())

    def _free(self, name: str) -> str:
        plain = PREFIX + (re.sub(r"\W+", "_", name.lower()).strip("_") or "step")
        free, number = plain, 1
        while free in self._taken or f"{free}_read" in self._taken:
            number += 1
            free = f"{plain}_{number}"
        self._taken |= {free, f"{free}_read"}
        return free

    def traced(self, read: Columns) -> Columns:
        """Return the columns that are read, with those of the script's tables that are read through one another."""
        found = {name: set(names) for name, names in read.items()}
        for name, (expression, _order_by) in reversed(self._tables.items()):
            if name in found:
                for other, names in columns_read([expression.select(_in_order(expression, found[name]))]).items():
                    found.setdefault(other, set()).update(names)
        return found

    def statements(self, read: Columns) -> list[Statement]:
        """Return what makes those tables of which columns are read, in order."""
        made = []
        for name, (expression, order_by) in self._tables.items():
            if name in read:
                names = _in_order(expression, read[name])
                cells = [as_name(self.backend, one) for one in names]
                query = _select(cells, self.backend, expression, order_by)
                if names == list(expression.columns):
                    made.append(Statement("table", name, query))
                else:
                    view = self._widened(name, expression, names)
                    made += [Statement("table", f"{name}_read", query), Statement("view", name, view)]
        return made

    def _widened(self, name: str, expression: Any, made: Sequence[str]) -> str:
        """Give a table without its unread columns the look of the whole one, for queries that pass them on."""
        types = _types_of(self.backend, expression)
        cells = [
            as_name(self.backend, one)
            if one in made
            else f"cast(null as {types.get(one, 'int')}) as {as_name(self.backend, one)}"
            for one in expression.columns
        ]
        place = "temp.main." if self.backend.name == "duckdb" else ""
        return f"select {', '.join(cells)} from {place}{as_name(self.backend, f'{name}_read')}"


def typed_query(backend: Backend, expression: Any, order_by: Sequence[str] = ()) -> str:
    """Return the SQL of a result, with the types that Ibis takes its columns for.

    DuckDB adds up integers to wider ones; within a script they may be as wide as they like.
    """
    types = _types_of(backend, expression)
    cells = [
        f"cast({as_name(backend, name)} as {types[name]}) as {as_name(backend, name)}"
        if name in types
        else as_name(backend, name)
        for name in expression.columns
    ]
    return _select(cells, backend, expression, order_by)


def _select(cells: Sequence[str], backend: Backend, expression: Any, order_by: Sequence[str]) -> str:
    query = f"select {', '.join(cells)} from (\n{backend.compile(expression, pretty=True)}\n)"
    if not order_by:
        return query
    lays = "order" if backend.name == "duckdb" else "distribute"  # one shuffle: what is grouped by it later needs none
    return f"{query} {lays} by {', '.join(as_name(backend, name) for name in order_by)}"


def as_name(backend: Backend, name: str) -> str:
    """Return a name as the engine's SQL quotes it."""
    return f'"{name}"' if backend.name == "duckdb" else f"`{name}`"


def _types_of(backend: Backend, expression: Any) -> dict[str, str]:
    """Return the engine's name of the type of each column that has one."""
    to_text = backend.compiler.type_mapper.to_string
    return {name: to_text(dtype) for name, dtype in expression.schema().items() if not dtype.is_null()}


def _in_order(expression: Any, names: set[str]) -> list[str]:
    """Return those columns of an expression that are named, in its order; the first where none is."""
    columns = list(expression.columns)
    return [name for name in columns if name in names] or columns[:1]
