"""What an expression is said to read is what its answer depends on; and what nobody reads is not kept."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from typing import Any

import duckdb
import ibis
import pytest
from ibis import _

from penchant.features.engine import columns_read as module
from penchant.features.engine.columns_read import columns_read
from penchant.features.engine.program import Program
from penchant.features.engine.script import Script, typed_query
from penchant.features.engine.temporary import Keep

COLUMNS = ("a", "b", "c", "d")
Shape = Callable[[Any, Any], Any]
SHAPES: dict[str, tuple[Shape, set[str]]] = {
    "passed on and dropped": (lambda t, u: t.mutate(e=_.a + _.b).drop("e", "b", "c"), {"a", "d"}),
    "a condition": (lambda t, u: t.filter(_.c > 1).select("a"), {"a", "c"}),
    "an order": (lambda t, u: t.order_by("d").limit(3).select("a"), set(COLUMNS)),
    "keys and one of two sums": (
        lambda t, u: t.group_by("a", "b").aggregate(x=_.c.sum(), y=_.d.sum()).select("a", "y"),
        {"a", "b", "d"},
    ),
    "a window": (lambda t, u: t.mutate(n=_.b.lag().over(group_by="a", order_by="c")).select("n"), {"a", "b", "c"}),
    "a window that is dropped": (lambda t, u: t.mutate(n=_.b.lag().over(order_by="c")).select("d"), {"d"}),
    "a join": (lambda t, u: t.inner_join(u, "a").select("a", "b"), {"a", "b"}),
    "a join with itself": (lambda t, u: t.inner_join(v := t.view(), t.a == v.b).select(x=v.c), {"a", "b", "c"}),
    "a semi-join": (lambda t, u: t.semi_join(u, "c").select("d"), {"c", "d"}),
    "a union": (lambda t, u: ibis.union(t, u).select("b"), {"b"}),
    "a union of distinct rows": (lambda t, u: ibis.union(t, u, distinct=True).select("b"), set(COLUMNS)),
    "distinct rows": (lambda t, u: t.select("a", "b").distinct().select("a"), {"a", "b"}),
    "a count alone": (lambda t, u: t.aggregate(n=_.count()), set()),
    "a value of another query": (lambda t, u: u.mutate(n=t.select("c").as_scalar()).select("n"), {"c"}),
}  # fmt: skip


@pytest.fixture
def backend() -> Any:
    return ibis.duckdb.connect()


def table(backend: Any, name: str, **zeroed: int) -> Any:
    """Return a table of 12 rows; columns that are named have one value in all."""
    cells = ", ".join(
        f"{zeroed.get(one, f'(i * {prime}) % 5')} as {one}" for one, prime in zip(COLUMNS, (1, 3, 7, 2), strict=True)
    )
    backend.con.execute(f"create or replace table {name} as select {cells} from range(12) r(i)")
    return backend.table(name)


@pytest.mark.parametrize("shape", [name for name in SHAPES if name != "a value of another query"])
def test_columns_that_are_read_are_those_the_answer_depends_on(backend: Any, shape: str) -> None:
    ask, expected = SHAPES[shape]
    asked = ask(table(backend, "t"), table(backend, "u"))
    assert columns_read([asked])["t"] == expected
    answers = sorted(map(repr, asked.to_pyarrow().to_pylist()))
    unread = {name: -7 for name in COLUMNS if name not in expected}
    table(backend, "t", **unread)
    assert sorted(map(repr, asked.to_pyarrow().to_pylist())) == answers


@pytest.mark.parametrize("shape", SHAPES)
def test_a_script_gives_the_same_answer_and_makes_only_what_is_read(backend: Any, shape: str) -> None:
    ask, expected = SHAPES[shape]
    t, u = table(backend, "t"), table(backend, "u")
    if shape == "a value of another query":
        t = t.limit(1)
    script = Script(backend, set())
    asked = ask(script.table(t, name="first"), script.table(u.mutate(a=_.a), name="second"))
    statements = script.statements(script.traced(columns_read([asked])))
    program = Program(tuple(statements), (), typed_query(backend, asked), dict(asked.schema().items()))
    with Keep(backend) as keep:
        [found] = program.run(backend, [], (), keep)
        rows = sorted(map(repr, found.table.to_pyarrow().to_pylist()))
        assert set(_columns_of(backend)) == {"t", "u", found.name}  # the steps are gone
    assert rows == sorted(map(repr, ask(t, u).to_pyarrow().to_pylist()))
    made = {one.name: set(_cells(one.query)) for one in statements if one.kind == "table"}
    assert (expected or {"a"}) == made.get("penchant_first_read", made.get("penchant_first"))


def _cells(query: str) -> list[str]:
    head = query.partition(" from (")[0].removeprefix("select ")
    return [cell.strip('"') for cell in head.split(", ")]


def _columns_of(backend: Any) -> dict[str, list[str]]:
    rows = backend.con.sql(
        "select table_name, list(column_name) from duckdb_columns() where not internal group by all"
    ).fetchall()
    return dict(rows)


def test_a_script_runs_nothing(backend: Any) -> None:
    script = Script(backend, set())
    first = script.table(table(backend, "t"), name="first")
    assert script.table(first.group_by("a").aggregate(n=_.b.sum()), name="first").op().name == "penchant_first_2"
    with pytest.raises(duckdb.CatalogException, match="does not exist"):
        first.execute()


def test_its_examples_run() -> None:
    assert doctest.testmod(module).failed == 0
