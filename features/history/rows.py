"""Rows of the past that a feature group asks of: under conditions, in windows, per key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_
from typing import Any, Protocol

from penchant.lazy import ibis

from ..engine.times import days_before

BILLION = 1_000_000_000


class Questions:
    """What is asked of one relation: each aggregate once, whoever asks.

    Parameters
    ----------
    relation
        Ibis table with ``row``.
    prefix
        What the aggregates' names start with.
    """

    def __init__(self, relation: Any, prefix: str) -> None:
        self.relation, self._prefix = relation, prefix
        self._asked: dict[Any, tuple[str, Any]] = {}

    def ask(self, aggregate: Any) -> Any:
        """Note an aggregate, and return the expression that stands for its answer."""
        name = f"{self._prefix}{len(self._asked)}"
        name, _aggregate = self._asked.setdefault(aggregate.op(), (name, aggregate))
        return ibis._[name]

    @property
    def aggregates(self) -> dict[str, Any]:
        """Name to aggregate, as they were asked."""
        return dict(self._asked.values())


class Grouping(Protocol):
    """What rows of a moment are grouped by: see `prepare.Moment`."""

    def grouped(self, rows: Any, keys: Sequence[str], values: Mapping[str, Any]) -> Any:
        """Return values per spine row and keys."""


class RowSource(Protocol):
    """What rows come from, and may be asked for more of: see `past.Past`."""

    @property
    def moment(self) -> Grouping:
        """From when rows are looked at."""

    def rows_of(self, relation: Any) -> Rows:
        """Return the rows of an Ibis table."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a relation, each of one spine row, and what is asked of them.

    Values and conditions are Ibis expressions over the relation: ``_.amount``, ``_.kind == "view"``.

    Parameters
    ----------
    past
        Whose rows they are.
    questions
        What is asked of the relation: an Ibis table with ``row``; ``at`` and ``as_of`` where windows are asked.
    conditions
        What must hold.
    """

    past: RowSource
    questions: Questions
    conditions: tuple[Any, ...] = ()

    @property
    def relation(self) -> Any:
        """The relation's Ibis table, whatever the conditions."""
        return self.questions.relation

    def where(self, *conditions: Any) -> Rows:
        """Return the rows that meet conditions; a condition that is unknown is not met."""
        bound = tuple(self._bound(condition) for condition in conditions)
        return replace(self, conditions=self.conditions + bound)

    def within(self, days: int, until: int = 0) -> Rows:
        """Return the rows of ``[as_of - days, as_of - until)``; every row is before as_of anyway."""
        rows = self.relation
        since = rows["at"] >= days_before(rows.as_of, days)
        before = (rows["at"] < days_before(rows.as_of, until),) if until else ()
        return replace(self, conditions=(*self.conditions, since, *before))

    def count(self) -> Any:
        """Return how many rows there are; 0 without any."""
        return self._ask(lambda keys: keys.count(), ibis._["row"]).fill_null(0)

    def sum(self, value: Any) -> Any:
        """Return the sum; 0 without any row. Fractions count to the billionth."""
        total, unit = self._total(value)
        return (total / unit if unit > 1 else total).fill_null(0)

    def mean(self, value: Any) -> Any:
        """Return the mean; null without any value. Fractions count to the billionth."""
        total, unit = self._total(value)
        n = self._ask(lambda values: values.count(), value)
        return total / (n * unit).nullif(0)

    def min(self, value: Any) -> Any:
        """Return the least value; null without any."""
        return self._ask(lambda values: values.min(), value)

    def max(self, value: Any) -> Any:
        """Return the greatest value; null without any."""
        return self._ask(lambda values: values.max(), value)

    def quantile(self, value: Any, share: float) -> Any:
        """Return an exact quantile, interpolated between neighbours; null without any value."""
        return self._ask(lambda values: values.quantile(share), value)

    def deviation(self, value: Any) -> Any:
        """Return the standard deviation of a sample of whole numbers; null with fewer than two of them."""
        n = self._ask(lambda values: values.count(), value)
        total = self._ask(lambda values: values.sum(), value)
        squares = self._ask(lambda values: (values * values).sum(), value)
        return ((n * squares - total * total) / (n * (n - 1)).nullif(0)).sqrt()

    def first(self) -> Any:
        """Return when the first row happened; null without any."""
        return self.min(ibis._["at"])

    def last(self) -> Any:
        """Return when the last row happened; null without any."""
        return self.max(ibis._["at"])

    def any(self) -> Any:
        """Return whether there is a row."""
        return self.count() > 0

    def per(self, *keys: str, **values: Callable[[Rows], Any]) -> Rows:
        """Return one row per spine row and keys, with values asked of its rows.

        Parameters
        ----------
        keys
            Columns of the relation; rows without a key are left out.
        values
            New column to a question: ``per("category_id", spent=lambda rows: rows.sum(_.amount))``.
        """
        held = self.relation.filter(*self.conditions) if self.conditions else self.relation
        inner = Questions(held.filter(*[held[key].notnull() for key in keys]), "b")
        answers = {name: ask(Rows(self.past, inner)) for name, ask in values.items()}
        grouped = self.past.moment.grouped(inner.relation, keys, inner.aggregates)
        return self.past.rows_of(grouped.select("row", "as_of", *keys, **answers))

    def _total(self, value: Any) -> tuple[Any, int]:
        """Return a sum in whole units and how many of them make one.

        Whole numbers add up to the same sum in any order and on any engine; fractions do not, and are summed in
        billionths; a value beyond a billion counts as a billion.
        """
        bound = self._bound(value)
        if not bound.type().is_floating():
            return self._ask(lambda values: values.sum(), bound), 1
        within = ibis.least(ibis.greatest(bound, -BILLION), BILLION)  # which skip what is missing
        fixed = (ibis.cases((bound.notnull(), within)) * BILLION).round().cast("int64")
        return self._ask(lambda values: values.sum(), fixed), BILLION

    def _bound(self, value: Any) -> Any:
        return self.relation.bind(value)[0]

    def _ask(self, aggregate: Callable[[Any], Any], value: Any) -> Any:
        bound = self._bound(value)
        if self.conditions:  # CASE, not FILTER: DuckDB cuts all arguments anew for each filtered aggregate
            bound = ibis.cases((reduce(and_, self.conditions), bound))
        return self.questions.ask(aggregate(bound))
