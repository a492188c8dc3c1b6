"""Which columns of which tables expressions read: what nobody reads need not be kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from penchant.lazy import ibis, ops

Live = dict[Any, set[str]]


def columns_read(expressions: Iterable[Any]) -> dict[str, set[str]]:
    """Return the columns that expressions read of each table of an engine that they mention, by the table's name.

    Every column of the expressions themselves counts as read. A column that is passed on and dropped again does not,
    nor one that only goes into values that are dropped. Where an operation is not known, all of its columns count.

    Examples
    --------
    >>> import ibis
    >>> rows = ops.UnboundTable(name="rows", schema=ibis.schema({"a": "int64", "b": "int64", "c": "int64"})).to_expr()
    >>> wide = rows.mutate(d=rows.a + rows.b).filter(rows.c > 0)
    >>> {name: sorted(names) for name, names in columns_read([wide.select("d")]).items()}
    {'rows': ['a', 'b', 'c']}
    >>> {name: sorted(names) for name, names in columns_read([wide.select("a")]).items()}
    {'rows': ['a', 'c']}
    """
    roots = [expression.op() for expression in expressions]
    live: Live = defaultdict(set)
    for root in roots:
        live[root] |= set(root.schema)
    sources_first, _dependents = ibis.common.graph.Graph.from_bfs(roots).toposort()
    for node in reversed(list(sources_first)):  # whoever reads a relation comes before it
        if isinstance(node, ops.Relation) and not isinstance(node, ops.PhysicalTable):
            _pass_on(node, live)
    return {node.name: live[node] for node in sources_first if isinstance(node, ops.PhysicalTable)}


def _pass_on(relation: Any, live: Live) -> None:
    """Mark what a relation reads of others, for those of its columns that are read."""
    names = live[relation]
    if isinstance(relation, ops.Project):
        read = [relation.values[name] for name in names]
    elif isinstance(relation, ops.Aggregate):
        read = [*relation.groups.values(), *(relation.metrics[name] for name in names & set(relation.metrics))]
    elif isinstance(relation, ops.JoinChain):
        read = [relation.values[name] for name in names]
        read += [predicate for link in relation.rest for predicate in link.predicates]
    elif isinstance(relation, (ops.Filter, ops.Sort, ops.DropColumns, ops.Reference)):
        live[relation.parent] |= names
        read = [*getattr(relation, "predicates", ()), *getattr(relation, "keys", ())]
    elif isinstance(relation, ops.Union) and not relation.distinct:
        live[relation.left] |= names
        live[relation.right] |= names
        read = []
    else:
        read = [child for child in relation.__children__ if isinstance(child, ops.Value)]
        _take_whole(relation, live)
    for value in read:
        _mark(value, live)


def _mark(value: Any, live: Live) -> None:
    for node in _within(value):
        if isinstance(node, ops.Field):
            live[node.rel].add(node.name)
        elif not isinstance(node, ops.CountStar):  # a subquery, or what counts distinct rows
            _take_whole(node, live)


def _take_whole(node: Any, live: Live) -> None:
    for relation in (child for child in node.__children__ if isinstance(child, ops.Relation)):
        live[relation] |= set(relation.schema)


def _within(value: Any) -> Iterator[Any]:
    """Yield a value and the values it is made of, without those that its relations are made of."""
    yield from ibis.common.graph.Graph.from_bfs(value, filter=ops.Value).nodes()
