"""Libraries that take long to import, imported when something of them is used.

Most commands run SQL that was compiled before: they need neither Ibis nor pandas, which take 0.5 CPU s together.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["_", "ibis", "ops", "pd"]


class _Module:
    """A module that is imported at the first use of an attribute."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(import_module(self.__name__), name)
        setattr(self, name, found)  # the next time Python finds it by itself
        return found


class _Row:
    """Ibis's ``_``, whose columns are those of the table that an expression is bound to."""

    def __getattr__(self, name: str) -> Any:
        return getattr(ibis._, name)

    def __getitem__(self, name: Any) -> Any:
        return ibis._[name]


if TYPE_CHECKING:
    import ibis
    import ibis.expr.operations as ops
    import pandas as pd
    from ibis import _
else:
    ibis, ops, pd = _Module("ibis"), _Module("ibis.expr.operations"), _Module("pandas")
    _ = _Row()
