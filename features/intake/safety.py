"""What an expression of a mapping may be: one scalar over one row, the same whenever it is asked."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import duckdb
from sqlglot import exp

DIALECT = "duckdb"
_NO_SCALARS = (
    (exp.Query, "a nested select"),
    (exp.From, "a nested select"),
    (exp.Table, "a table"),
    (exp.Subquery, "a nested select"),
    (exp.Exists, "a nested select"),
    (exp.Unnest, "unnest, which makes several rows of one"),
    (exp.Explode, "unnest, which makes several rows of one"),
    (exp.Window, "a window over other rows"),
    (exp.AggFunc, "an aggregate over other rows"),
    (exp.Star, "all columns at once"),
    (exp.Columns, "all columns at once"),
    (exp.Placeholder, "a parameter"),
    (exp.Parameter, "a parameter"),
    (exp.Command, "a command"),
)


def no_scalar(tree: Any) -> str:
    """Return why an expression is not one scalar over one row, or an empty text.

    Examples
    --------
    >>> from sqlglot import parse_one
    >>> no_scalar(parse_one("quantity * price", dialect="duckdb"))
    ''
    >>> no_scalar(parse_one("sum(price) over ()", dialect="duckdb"))
    'a window over other rows'
    """
    for kind, why in _NO_SCALARS:
        if tree.find(kind):
            return why
    names = {function_name(node) for node in tree.find_all(exp.Func)}
    types, volatile = _functions()
    several = sorted(name for name in names if name in types and not types[name] & {"scalar", "macro"})
    if several:
        return f"'{several[0]}', which is no function of one row"
    moving = sorted(names & volatile)
    return f"'{moving[0]}', which is another whenever it is asked" if moving else ""


def is_volatile(tree: Any) -> bool:
    """Say whether a query calls what may give another answer for the same files."""
    _types, volatile = _functions()
    if tree.find(exp.TableSample):
        return True
    return any(function_name(node) in volatile for node in tree.find_all(exp.Func))


def function_name(node: Any) -> str:
    """Return the engine's name of the function that a node calls."""
    if isinstance(node, exp.Anonymous):
        return str(node.name).lower()
    found = re.match(r"\s*(\w+)", node.sql(dialect=DIALECT))
    return found[1].lower() if found else ""


_SESSION = ("getvariable", "getenv", "current_setting", "current_user", "session_user", "user", "version", "ago")
_CATALOG = ("pg_", "has_", "inet_", "current_", "txid_")  # macros of the engine about itself


@cache
def _functions() -> tuple[dict[str, set[str]], frozenset[str]]:
    """Return the engine's functions -> their types, and those that are not the same at every call."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select lower(function_name), list(distinct function_type), bool_or(stability <> 'CONSISTENT')"
            " from duckdb_functions() group by 1"
        ).fetchall()
    words = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", *_SESSION}
    return {name: set(types) for name, types, _ in rows}, frozenset(
        words | {name for name, _, moves in rows if moves or name.startswith(_CATALOG)}
    )
