"""Tables and pages on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from penchant.output import replaced_folder
from penchant.page import write_cell

if TYPE_CHECKING:
    from datetime import datetime

    from penchant.features.shop import Shop
    from penchant.models.inputs.estimate import Estimate
    from penchant.serving.insight.page import InsightPage, InsightTable

    from .work import Work

UNBOUNDED = 250  # characters


def bare_table(titles: Sequence[str], right: Collection[str] = (), title: str | None = None) -> Table:
    """Return a table without borders, some of its columns set to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    for name in titles:
        table.add_column(name, justify="right" if name in right else "left")
    return table


def interval_text(number: Estimate, digits: int) -> str:
    """Return a number with its interval behind it."""
    return f"{number.value:,.{digits}f} [dim]{number.low:,.{digits}f}..{number.high:,.{digits}f}[/]"


def show_page(work: Work, page: InsightPage, tables: Sequence[InsightTable] | None = None) -> None:
    """Show a page: its tables, or some of them, and its notes."""
    work.show_wide(f"[bold]{page.title}[/]", escape(page.lead), width=UNBOUNDED)
    for table in page.tables if tables is None else tables:
        work.show("", grid(table))
    if page.notes or page.left_out:
        work.show("", *(f"[dim]{escape(note)}[/]" for note in page.notes))


def show_at(work: Work, options: Any, doing: str, page: Callable[[Shop, datetime | None], InsightPage]) -> None:
    """End a command with the page of the moment that its options name; ``doing`` is said meanwhile."""
    with work.shop() as shop, work.step(doing):
        found = page(shop, work.moment(shop, options.as_of))
    present(work, found, options.out)


def present(work: Work, page: InsightPage, out: Path | None) -> None:
    """End a command with a page: written where --out says so, and shown."""
    facts: dict[str, Any] = page.as_dict()
    if out is not None:
        manifest = {"step": f"insight {page.name}", "config": work.config.resolved(), "facts": dict(page.facts)}
        manifest |= {"sources": work.sources(), "left_out": dict(page.left_out)}
        with replaced_folder(out, manifest) as place, work.step(f"writing {out}"):
            page.write(place)
        facts["out"] = str(out)
    show_page(work, page)
    work.show(*(escape(line) for line in work.left_out(page.left_out)))
    work.finish(facts)


def grid(table: InsightTable) -> Table:
    """Return a page's table for a terminal; a number's interval stands in brackets behind it."""
    made = Table(title=table.title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(table.columns.values()):
        made.add_column(column.title, justify="right" if column.format else "left", no_wrap=place == 0)
    for place, row in enumerate(table.shown):
        cells = [_cell(row.get(name), column.format) for name, column in table.columns.items()]
        made.add_row(*cells, style="bold" if place in table.strong else "")
    if len(table.shown) < len(table.rows):
        made.caption, made.caption_justify = f"{len(table.shown):,} of {len(table.rows):,}", "left"
    return made


def _cell(cell: Any, form: str) -> str:
    text, interval = write_cell(cell, form)
    return escape(f"{text} [{interval}]" if interval else text)
