"""Ids that may be meant for one: they differ by upper and lower case or by Unicode form alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from penchant.errors import quoted

from ..contract import CONTRACT
from .expressions import quoted_name
from .findings import finding
from .ids import likeness
from .raw import Gate
from .report import Finding
from .settings import Settings

RULE = "similar_ids"


def similar_ids(gate: Gate, settings: Settings, names: Mapping[str, tuple[str, ...]]) -> list[tuple[str, Finding]]:
    """Return, for each table, in how many rows an id stands that has other spellings, in this table or another."""
    tables = {name: columns for name, columns in names.items() if settings.severity[name][RULE] != "ignore"}
    found: list[tuple[str, Finding]] = []
    for column in dict.fromkeys(column for name in tables for column in tables[name]):
        users = [name for name in tables if column in tables[name] and CONTRACT[name].column(column).kind == "id"]
        if users:
            found += _of_column(gate, settings, column, users)
    return found


def _of_column(gate: Gate, settings: Settings, column: str, tables: Sequence[str]) -> list[tuple[str, Finding]]:
    cell = quoted_name(column)
    every = " union all ".join(f"select {cell} as id from {quoted_name(name)}" for name in tables)
    gate.execute(f"create or replace temp table all_ids as select distinct id from ({every}) where id is not null")
    _put_likeness(gate)
    gate.execute(
        "create or replace temp table alike as with keyed as (select id, coalesce(likeness, lower(id)) as key"
        " from all_ids left join likeness using (id))"
        " select * from keyed where key in (select key from keyed group by key having count(*) > 1)"
    )
    n_ids, n_spellings = gate.row("select count(distinct key), count(*) from alike")
    if not n_ids:
        return []
    first = gate.rows("select id from alike where key = (select min(key) from alike) order by id")
    detail = f"{n_spellings:,} spellings of {n_ids:,}, such as {quoted([row[0] for row in first])}"
    found = []
    for name in tables:
        n_rows = gate.row(f"select count(*) from {quoted_name(name)} semi join alike on {cell} = id")[0]
        if n_rows:
            n_all = gate.row(f"select count(*) from {quoted_name(name)}")[0]
            found.append((name, finding(RULE, settings.severity[name][RULE], n_rows, detail, column).of(n_all)))
    return found


def _put_likeness(gate: Gate) -> None:
    """Put what makes ids alike that are not plain ASCII beside them: the engine does not know all forms."""
    rows = gate.rows("select id from all_ids where strlen(id) <> length(id) or strlen(id) <> length_grapheme(id)")
    ids = [str(row[0]) for row in rows]
    table = pa.table({"id": pa.array(ids, pa.string()), "likeness": pa.array(map(likeness, ids), pa.string())})
    gate.connection.register("incoming_rows", table)
    gate.execute("create or replace temp table likeness as select * from incoming_rows")
    gate.connection.unregister("incoming_rows")
