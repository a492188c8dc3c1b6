"""What `penchant check` says: every table read, every rule applied, all of it counted, with examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from penchant.config import Config

from ..engine.backends import Scratch, duckdb_backend
from .accepted import AcceptedRows
from .ingest import receive
from .report import UNCHANGED, CheckReport, Example, Finding, TableReport
from .rules import RULES

SHOWN_SHARE = 0.01  # from which on a finding says its share
STYLES: Mapping[str, str] = {"refuse": "bold red", "set aside": "yellow", "warn": "cyan"}


def check(
    config: Config, data: Path | None = None, quarantine: Path | None = None, accepted: AcceptedRows | None = None
) -> CheckReport:
    """Read everything that a configuration describes and report all that the rules found.

    Parameters
    ----------
    config
        The shop's configuration.
    data
        The folder that relative paths start from; default: the working directory.
    quarantine
        The folder that rows set aside are written to, one Parquet and one CSV file per table; default: they are
        counted and not written.
    accepted
        Where accepted rows are stored, for the commands that follow.

    Returns
    -------
    CheckReport
        With ``failed``, whether the shop would be refused.

    Raises
    ------
    ConfigError
        If the configuration names a table or rule that does not exist.
    """
    space = Scratch(config.engine.temp_directory)
    gate = duckdb_backend(config.engine, space.folder)
    try:
        places = ((data or Path()).absolute(), space.folder)
        return receive(gate.con, config, places, quarantine=quarantine, accepted=accepted).report
    finally:
        gate.disconnect()
        space.remove()


def render(report: CheckReport) -> RenderableType:
    """Return a report as something that rich prints."""
    parts: list[RenderableType] = []
    for table in report.tables.values():
        parts += [_headline(table), Padding(_findings(table), (0, 0, 1, 2))]
    parts += [Text(f"{name}: {how}.") for name, how in report.intake.items() if how != UNCHANGED]
    parts += [Text(note) for note in report.notes]
    parts += [Padding(_loud(report), (0, 0, 1, 0))] if report.loud else []
    parts += [_reconciliation(report), Text()] if report.totals else []
    parts += [Text(f"The shop is refused: {fault}.", style=STYLES["refuse"]) for fault in report.faults]
    if report.extract_end is not None:
        parts.append(Text(f"The data is complete up to {report.extract_end} UTC."))
    parts += [Text(f"Rows set aside are in {path}") for path in report.quarantine]
    return Group(*parts)


def _loud(report: CheckReport) -> Text:
    """Say which findings concern so many rows that the mapping is to be doubted."""
    text = Text("Look at these first: so many rows point to the mapping rather than to the rows.", style="bold red")
    for name, found in report.loud:
        column = f" [{found.column}]" if found.column else ""
        text.append(f"\n  {found.share:.0%} of {name}{column}: {found.title} ({found.rule})", style="not bold red")
    return text


def _reconciliation(report: CheckReport) -> RenderableType:
    """Return what came in and what is used, and the sums that an owner knows."""
    rows = _grid("What came in", ("rows read", "excluded", "set aside", "used"))
    sums = _grid("What it adds up to", ("orders", "customers", "revenue", "first day", "last day"))
    for one in report.totals:
        table = report.tables.get(one.name)
        if table is not None:
            rows.add_row(one.name, *_counts(table.n_read, table.n_excluded, table.n_set_aside, one.n_rows))
            for source in table.sources if len(table.sources) > 1 else ():
                counts = (source.n_read, source.n_excluded, source.n_set_aside, source.n_accepted)
                rows.add_row(f"  {source.source}", *_counts(*counts), style="dim")
        if one.n_customers is not None:
            revenue = "" if one.revenue is None else f"{one.revenue:,.2f}"
            days = ["" if day is None else str(day) for day in (one.first_day, one.last_day)]
            sums.add_row(one.name, *_counts(one.n_orders, one.n_customers), revenue, *days)
    return Group(rows, sums)


def _grid(title: str, columns: Sequence[str]) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="dim")
    grid.add_column(title, header_style="bold", overflow="fold")
    for name in columns:
        grid.add_column(name, justify="right", no_wrap=True)
    return grid


def _counts(*counts: int | None) -> list[str]:
    return ["" if count is None else f"{count:,}" for count in counts]


def _headline(table: TableReport) -> Text:
    line = Text(table.name, style="bold")
    line.append(f": {table.n_read:,} rows read", style="not bold")
    counts = [(table.n_excluded, "excluded"), (table.n_set_aside, "set aside"), (table.n_accepted, "accepted")]
    line.append("".join(f", {count:,} {word}" for count, word in counts), style="not bold")
    files = list(table.files)
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return line.append(f" ({', '.join(files[:3])}{more})", style="dim not bold")


def _findings(table: TableReport) -> Table:
    grid = Table(box=None, show_header=False, pad_edge=False)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, n_rows in table.excluded.items():
        grid.add_row(f"{n_rows:,}", "excluded", Text(name))
    for found in sorted(table.findings, key=lambda one: list(STYLES).index(one.severity)):
        count = f"{found.n_rows:,}" if found.n_rows else ""
        grid.add_row(count, Text(found.severity, style=STYLES[found.severity]), _said(found))
    return grid


def _said(found: Finding) -> Text:
    line = Text(found.rule, style="bold")
    column = f" [{found.column}]" if found.column else ""
    share = f"{found.share:.1%} of rows" if found.share >= SHOWN_SHARE else ""
    detail = ", ".join(part for part in (share, found.detail) if part)
    detail = f" ({detail})" if detail else ""
    line.append(f"{column} {found.title}{detail}. {RULES[found.rule].explanation}", style="not bold")
    place = "line" if found.rule == "broken_line" else "row"
    for example in found.examples:
        line.append(f"\n{_example(example, place)}", style="dim not bold")
    return line


def _example(example: Example, place: str) -> str:
    cells = ", ".join(
        f"{name} = {'nothing' if value is None else repr(value)}" for name, value in example.values.items()
    )
    return f"{example.file}, {place} {example.row:,}" + (f": {cells}" if cells else "")
