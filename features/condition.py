"""Conditions as text: comparisons of crowds, tags and signals, joined by and, or and not, as expressions over a past.

``amount_365d >= 500 and stage in ('loyal', 'regular') and not "new_with:11.11"``: names that hold other signs than
letters, digits and ``_`` stand in double quotes, texts in single ones. A comparison with what is not known does not
hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from operator import and_, eq, ge, gt, le, lt, ne, or_
from typing import TYPE_CHECKING, Any

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from penchant.errors import InputError, did_you_mean

from .criterion import Criterion

if TYPE_CHECKING:
    from .history.past import Past

_COMPARED: Mapping[type, Callable[[Any, Any], Any]] = {
    exp.EQ: eq, exp.NEQ: ne, exp.GT: gt, exp.GTE: ge, exp.LT: lt, exp.LTE: le,
}  # fmt: skip
_MIRRORED: Mapping[type, type] = {exp.GT: exp.LT, exp.LT: exp.GT, exp.GTE: exp.LTE, exp.LTE: exp.GTE}
_FORM = "comparisons such as amount_365d >= 500, stage in ('loyal', 'regular'), interest, joined by and, or, not"


def condition_names(text: str, where: str) -> list[str]:
    """Return the names that a condition compares, each once.

    Raises
    ------
    InputError
        If the text is no condition.

    Examples
    --------
    >>> condition_names("n_orders_90d > 2 and not \\"once:sale\\"", "crowds.mine.who")
    ['n_orders_90d', 'once:sale']
    """
    found = [str(column.name) for column in _parsed(text, where).find_all(exp.Column)]
    return sorted(dict.fromkeys(found))


def condition_of(text: str, where: str, criteria: Mapping[str, Criterion]) -> Callable[[Past], Any]:
    """Return a condition as a question to the past: a boolean, never null.

    Parameters
    ----------
    text
        The condition.
    where
        What messages call its place.
    criteria
        Each of `condition_names` -> what it stands for.

    Raises
    ------
    InputError
        If the text is no condition, or compares what cannot be compared.
    """
    holds = _Reader(where, criteria).read(_parsed(text, where))
    return lambda past: holds(past).fill_null(False)


def _parsed(text: str, where: str) -> Any:
    try:
        return parse_one(text, read="duckdb")
    except SqlglotError as fault:
        raise InputError(where, _FORM, f"'{text}' ({str(fault).splitlines()[0][:120]})") from None


class _Reader:
    """Reads a parsed condition; what it cannot be is refused before anything is asked."""

    def __init__(self, where: str, criteria: Mapping[str, Criterion]) -> None:
        self.where, self.criteria = where, criteria

    def read(self, node: Any) -> Callable[[Past], Any]:
        """Return what a node asks: a boolean."""
        if isinstance(node, exp.Paren):
            return self.read(node.this)
        if isinstance(node, exp.Not):
            return partial(_negated, self.read(node.this))
        if isinstance(node, exp.And | exp.Or):
            join = and_ if isinstance(node, exp.And) else or_
            return partial(_joined, join, self.read(node.this), self.read(node.expression))
        if isinstance(node, exp.Column):
            return self._flag(node)
        if isinstance(node, exp.In) and node.expressions:
            of, values = self._of(node.this), [self._value(one) for one in node.expressions]
            self._check(of, values)
            return lambda past: of.ask(past).isin(values)
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            of = self._of(node.this)
            return lambda past: of.ask(past).isnull()
        if type(node) in _COMPARED:
            return self._comparison(node)
        raise InputError(self.where, _FORM, f"'{node.sql(dialect='duckdb')}'")

    def _comparison(self, node: Any) -> Callable[[Past], Any]:
        kind, left, right = type(node), node.this, node.expression
        if isinstance(right, exp.Column) and not isinstance(left, exp.Column):
            kind, left, right = _MIRRORED.get(kind, kind), right, left
        of, value = self._of(left), self._value(right)
        if kind not in (exp.EQ, exp.NEQ) and of.kind != "number":
            raise InputError(self.where, f"= or in for '{of.name}', which is a {of.kind}", f"'{node.sql()}'")
        self._check(of, [value])
        compare = _COMPARED[kind]
        return lambda past: compare(of.ask(past), value)

    def _flag(self, node: Any) -> Callable[[Past], Any]:
        of = self._of(node)
        if of.kind != "flag":
            raise InputError(self.where, f"a comparison of '{of.name}', which is a {of.kind}", "the name alone")
        return of.ask

    def _of(self, node: Any) -> Criterion:
        if not isinstance(node, exp.Column):
            raise InputError(self.where, "a name on one side of a comparison", f"'{node.sql(dialect='duckdb')}'")
        name = str(node.name)
        if name not in self.criteria:
            hint = did_you_mean(name, self.criteria)
            raise InputError(self.where, "the name of a crowd, tag or signal", f"'{name}'", hint)
        return self.criteria[name]

    def _value(self, node: Any) -> str | float | bool:
        if isinstance(node, exp.Neg):
            return -float(self._value(node.this))
        if isinstance(node, exp.Boolean):
            return bool(node.this)
        if isinstance(node, exp.Literal):
            return str(node.this) if node.is_string else float(node.this)
        raise InputError(
            self.where, "a number, a text in single quotes, true or false", f"'{node.sql(dialect='duckdb')}'"
        )

    def _check(self, of: Criterion, values: list[Any]) -> None:
        """Refuse values that can never be those of a criterion."""
        kinds = {"text": str, "number": float, "flag": bool}
        wrong = [value for value in values if not isinstance(value, kinds[of.kind])]
        if wrong:
            raise InputError(self.where, f"a {of.kind} beside '{of.name}'", f"'{wrong[0]}'")
        for value in values:
            if of.kind == "text":
                of.check(value)


def _negated(holds: Callable[[Past], Any], past: Past) -> Any:
    return ~holds(past).fill_null(False)


def _joined(
    join: Callable[[Any, Any], Any], one: Callable[[Past], Any], other: Callable[[Past], Any], past: Past
) -> Any:
    return join(one(past).fill_null(False), other(past).fill_null(False))
