"""What the reports of all trainings are made of: checks, verdicts, and the leaderboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penchant.page import CheckLine, Checks, PageColumn, Table, Tone, Words, write_number

from ...models.evaluation.comparison import Comparison, Verdict
from ...models.inputs.check import Check
from ..evaluate import Leaderboard

TONES: Mapping[Verdict, Tone] = {"better": "good", "worse": "bad", "not separable": "open"}


def checks_block(checks: Sequence[Check]) -> Checks:
    """Return the coded checks as a page shows them."""
    return Checks(tuple(CheckLine(check.title, check.outcome, check.explanation) for check in checks))


def verdict_words(found: Comparison, form: str) -> Words:
    """Return a verdict with the difference it rests on, in the colour of its meaning."""
    return Words(f"{found.verdict} ({write_number(found.difference.value, form)})", TONES[found.verdict])


def baselines_table(
    board: Leaderboard,
    main: str,
    columns: Mapping[str, PageColumn],
    caption: str,
    *,
    ours: str = "model",
    title: str = "",
    form: str = "+,.3g",
    name: Callable[[str], str] = lambda baseline: baseline.replace("_", " "),
) -> Table:
    """Return the model beside its baselines, a row each.

    Parameters
    ----------
    board
        The numbers.
    main
        The metric whose verdict is shown.
    columns
        Metric -> its column.
    caption
        What the rows and numbers are.
    ours
        What the model is called.
    title
        What the main metric is called; empty: as it is named.
    form
        Of the difference.
    name
        From a baseline to what it is called.
    """
    head = (
        PageColumn("Model"),
        PageColumn(f"{title or main.upper()}, {ours} against it"),
        PageColumn("Seen from", form.removeprefix("+")),
    )
    rows: list[tuple[Any, ...]] = [(ours, None, None, *(board.metrics[metric] for metric in columns))]
    for baseline, numbers in board.baselines.items():
        found = board.comparisons[baseline][main]
        cells = (verdict_words(found, form), found.smallest_difference)
        rows.append((name(baseline), *cells, *(numbers.get(metric) for metric in columns)))
    seen_from = "Seen from: the smallest true difference that would have been detected in four out of five such tests."
    return Table((*head, *columns.values()), rows, f"{caption} {seen_from}", strong=frozenset({0}))
