"""Rows that a query's joins drop: those of a file that match none of the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from .expressions import Node, quoted_name
from .raw import Gate

Keys = list[tuple[str, str]]


@dataclass(frozen=True)
class JoinLoss:
    """How many of a file's rows have none in another that a query joins it with, and are dropped."""

    file: str
    other: str
    keys: tuple[str, ...]
    n_rows: int
    n_lost: int

    def __str__(self) -> str:
        """Return the loss in words."""
        return (
            f"{self.n_lost:,} of {self.n_rows:,} rows of '{self.file}' match none of '{self.other}' by {self.keys[0]}"
        )


def join_losses(gate: Gate, tree: Node, labels: Mapping[str, str]) -> list[JoinLoss]:
    """Return the rows that a query's joins of files drop.

    Parameters
    ----------
    gate, tree
        Where the files are views, and the query over these views.
    labels
        A view's name to the file that it stands for.
    """
    found = []
    for select in tree.find_all(exp.Select):
        for left, right, keys, side in _joins(select):
            if left.name in labels and right.name in labels and keys:
                found += _losses(gate, (left.name, right.name), keys, side, labels)
    return found


def _joins(select: exp.Select) -> Iterator[tuple[exp.Table, exp.Table, Keys, str]]:
    """Yield each join's two tables, the columns that must be equal, and which side is kept whole."""
    source = select.args.get("from_")
    tables = [source.this] if source is not None and isinstance(source.this, exp.Table) else []
    nested = tables[0].args.get("joins") if tables else None  # where FROM stands first
    for join in [*(nested or ()), *(select.args.get("joins") or ())]:
        right = join.this
        if not isinstance(right, exp.Table) or not tables or join.kind not in ("", "INNER", "OUTER"):
            continue
        using = [(column.name, column.name) for column in join.args.get("using") or ()]
        by_alias = {table.alias_or_name: table for table in tables}
        on = _equal(join.args.get("on"), right.alias_or_name) if not using else []
        left = by_alias.get(on[0][0], tables[0]) if on else tables[0]
        yield left, right, using or [(own, other) for _, own, other in on], (join.side or "").upper()
        tables.append(right)


def _equal(condition: Node, right: str) -> list[tuple[str, str, str]]:
    """Return (left table, its column, right column) of each equality of a condition; none where there is more to it."""
    if condition is None:
        return []
    found = []
    for part in condition.flatten() if isinstance(condition, exp.And) else [condition]:
        sides = [part.this, part.expression] if isinstance(part, exp.EQ) else []
        if not sides or not all(isinstance(side, exp.Column) for side in sides):
            return []
        own, other = sorted(sides, key=lambda side: side.table == right)
        if own.table == right or (other.table != right and other.table):
            return []
        found.append((own.table, own.name, other.name))
    return found


def _losses(gate: Gate, views: tuple[str, str], keys: Keys, side: str, labels: Mapping[str, str]) -> list[JoinLoss]:
    left, right = views
    known = [set(gate.connection.table(view).columns) for view in views]
    if not all(own in known[0] and other in known[1] for own, other in keys):  # columns that say no table
        keys = [(other, own) for own, other in keys]
    if not all(own in known[0] and other in known[1] for own, other in keys):
        return []
    turned = [(other, own) for own, other in keys]
    asked = [(left, right, keys)] if side not in ("LEFT", "FULL") else []
    asked += [(right, left, turned)] if side not in ("RIGHT", "FULL") else []
    found = []
    for one, other, pairs in asked:
        on = " and ".join(f"a.{quoted_name(own)} = b.{quoted_name(its)}" for own, its in pairs)
        n_lost = gate.row(f"select count(*) from {one} a anti join {other} b on {on}")[0]
        if n_lost:
            n_rows = gate.row(f"select count(*) from {one}")[0]
            names = tuple(own for own, _ in pairs)
            found.append(JoinLoss(labels[one], labels[other], names, int(n_rows), int(n_lost)))
    return found
