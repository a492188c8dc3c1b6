"""Results as tables and charts of a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penchant.charts import Axis, Series, points
from penchant.page import PageColumn, Picture, Table, Tone, Words

from ...models.inputs.estimate import Estimate
from .result import Result
from .verdict import Word, word_of

TONES: Mapping[Word, Tone] = {"worked": "good", "did harm": "bad", "can't be told": "open"}
POINTS = Axis("difference in response, percentage points", "+.1f")


@dataclass(frozen=True)
class Wording:
    """How a table speaks of its two sides: their names, what is compared, and the verdicts."""

    treated: str = "treated"
    control: str = "control"
    what: str = "Response"
    verdicts: Mapping[Word, str] = field(default_factory=dict)
    is_believed: bool = True
    with_relative: bool = True


USUAL = Wording()
IN_DOUBT = Words("in doubt", "open")  # where a check says that no number may be believed
ONE_AGAINST_ANOTHER = Wording("first", "second", verdicts={"worked": "better", "did harm": "worse"})
SHARES = Wording(what="Share", verdicts={"worked": "more", "did harm": "fewer"}, with_relative=False)


def results_table(
    first: str, results: Sequence[Result], caption: str, wording: Wording = USUAL, strong: frozenset[int] = frozenset()
) -> Table:
    """Return results as a table, one row each; ``first`` stands above their labels."""
    columns = [
        PageColumn(first),
        PageColumn("Customers", ",d", wording.treated),
        PageColumn("Customers", ",d", wording.control),
        PageColumn(wording.what, ".2%", wording.treated),
        PageColumn(wording.what, ".2%", wording.control),
        PageColumn("Difference", "+.2f", "points"),
        *([PageColumn("Relative", "+.1%", f"to the {wording.control}")] if wording.with_relative else []),
        PageColumn("Verdict"),
    ]
    return Table(tuple(columns), [_row(result, wording) for result in results], caption, strong)


def _row(result: Result, wording: Wording) -> tuple[Any, ...]:
    effect, difference = result.response, result.difference()
    word = word_of(difference)
    return (
        result.label,
        effect.n_treated,
        effect.n_control,
        effect.treated.value,
        effect.control.value,
        difference.scaled(100),
        *([effect.relative(result.level)] if wording.with_relative else []),
        Words(wording.verdicts.get(word, word), TONES[word]) if wording.is_believed else IN_DOUBT,
    )


def plain_table(first: str, results: Sequence[Result]) -> Table:
    """Return the differences in response with behaviour before taken off and without, side by side."""
    columns = (
        PageColumn(first),
        PageColumn("Adjusted", "+.2f", "points"),
        PageColumn("Relative", "+.1%", "adjusted"),
        PageColumn("Plain", "+.2f", "points"),
        PageColumn("Relative", "+.1%", "plain"),
        PageColumn("Variance", ".0%", "taken off"),
    )
    rows = [
        (
            result.label,
            result.difference().scaled(100),
            result.response.relative(result.level),
            result.difference(adjusted=False).scaled(100),
            result.response.relative(result.level, adjusted=False),
            result.response.variance_removed,
        )
        for result in results
    ]
    return Table(columns, rows, "Plain: treated less control as they are.")


def money_table(first: str, results: Sequence[Result], currency: str) -> Table:
    """Return incremental orders and money of results."""
    kinds: list[tuple[PageColumn, Callable[[Result], Any]]] = [
        (PageColumn("Orders", "+,.0f"), lambda result: result.total("orders")),
        (PageColumn("Revenue", "+,.0f", currency), lambda result: result.total("revenue")),
        (PageColumn("Margin", "+,.0f", currency), lambda result: result.total("margin")),
        (PageColumn("Cost", ",.0f", currency), lambda result: _value(result.total("cost"))),
        (PageColumn("Profit", "+,.0f", currency), lambda result: result.total("profit")),
        (PageColumn("Cost of an order", ",.2f", currency), lambda result: result.cost_per_order),
        (PageColumn("Return", "+.2f"), lambda result: result.return_on_cost),
    ]
    columns = (PageColumn(first), *(column for column, _ in kinds))
    rows = [(result.label, *(read(result) for _, read in kinds)) for result in results]
    return Table(columns, rows, "Incremental: what came more than without the campaign.")


def forest(results: Sequence[Result]) -> Picture:
    """Return the differences in response of results, a point with its interval each."""
    differences = [result.difference().scaled(100) for result in results]
    return Picture(points([result.label for result in results], [Series("", differences)], POINTS))


def _value(number: Estimate | None) -> float | None:
    return None if number is None else number.value
