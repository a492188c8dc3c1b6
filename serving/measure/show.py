"""What a terminal shows of a measured campaign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from penchant.page import UNKNOWN

from .verdict import WINDOW_TITLES, window_cells, with_interval

if TYPE_CHECKING:
    from .campaign import Measurement
    from .result import Result

COLOURS = {"worked": "green", "did harm": "red", "can't be told": "yellow"}
SIGNS = {"passed": "[green]✓[/]", "issue": "[red]![/]", "not applicable": "[dim]–[/]"}


def measurement_view(measured: Measurement) -> Any:
    """Return verdict, checks and the main tables of a measured campaign, for rich."""
    verdict = measured.verdict
    parts: list[Any] = [
        f"[bold]{escape(measured.campaign.campaign_id)}[/]: [bold {COLOURS[verdict.word]}]{verdict.word}[/]",
        escape(" ".join(part for part in (verdict.text, verdict.paid) if part)),
        *([] if measured.failed else ["; ".join(_numbers(measured.headline, measured.currency)) + "."]),
        "",
    ]
    parts += [
        f"{SIGNS[check.outcome]} {escape(check.title)}. [dim]{escape(check.explanation)}[/]"
        for check in measured.checks
    ]
    if measured.failed:  # tables of numbers that must not be believed would be read all the same
        return Group(*parts, *(f"[dim]{escape(note)}[/]" for note in measured.notes))
    parts += ["", results_grid("Windows", measured.windows, measured.currency)]
    for title, results in (("Arms", measured.arms), *measured.means.items()):
        if results:
            parts.append(results_grid(title, results, measured.currency))
    if measured.pairs:
        parts.append(results_grid("One arm against another", measured.pairs, measured.currency, ("first", "second")))
    for breakdown in measured.breakdowns:
        parts.append(results_grid(f"By {breakdown.name}", breakdown.results, measured.currency))
    parts += [f"[dim]{escape(note)}[/]" for note in measured.notes]
    return Group(*parts)


def _numbers(result: Result, currency: str) -> Iterator[str]:
    """Yield the numbers of the window that decides that the verdict does not hold."""
    yield f"Plain difference {with_interval(result.difference(adjusted=False).scaled(100), '+.2f')} points"
    yield f"relative {with_interval(result.response.relative(result.level), '+.1%')}"
    revenue, cost, back = result.total("revenue"), result.cost_per_order, result.return_on_cost
    if revenue is not None:
        yield f"incremental revenue {with_interval(revenue, '+,.0f')} {currency}"
    if cost is not None:
        yield f"cost of an incremental order {with_interval(cost, ',.2f')} {currency}"
    if back is not None:
        yield f"return {with_interval(back, '+.2f')}"


def means_grids(measured: Measurement) -> list[tuple[str, Sequence[Result]]]:
    """Return the treatments by channel and offer, where that tells more than the arms do."""
    found = measured.means.items()
    return [(f"By {name}", results) for name, results in found if len(results) < len(measured.arms)]


def results_grid(
    title: str, results: Sequence[Result], currency: str, arms: tuple[str, str] = ("treated", "control")
) -> Table:
    """Return results as a table of a terminal; ``arms`` are the names of the two that each row compares."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in ("customers", *arms, WINDOW_TITLES[4], "orders", f"profit, {currency}"):
        table.add_column(name, justify="right")
    table.add_column("")
    for result in results:
        *cells, word = window_cells(result)
        table.add_row(
            *(escape(cell) for cell in cells),
            *(
                with_interval(total, "+,.0f") if (total := result.total(name)) else UNKNOWN
                for name in ("orders", "profit")
            ),
            f"[{COLOURS[word]}]{word}[/]",
        )
    return table
