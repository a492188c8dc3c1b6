"""The command init: a proposal of penchant.toml, what it asks, and the shop as it was understood."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from penchant.cli.options.shop import InitOptions
from penchant.cli.work import Work
from penchant.config import read_config
from penchant.errors import InputError, OutputError
from penchant.features.intake.check import check
from penchant.features.intake.report import CheckReport, Finding, Totals
from penchant.features.intake.rules import RULES
from penchant.features.proposal.configuration import Proposed, doubts, proposed
from penchant.features.proposal.questions import Question, answered, questions
from penchant.output import write_text

RESULTS = Path("out")


def run_init(work: Work, options: InitOptions) -> None:
    """Write the configuration that a folder of files suggests, and say how the shop was understood."""
    out, folder = options.out, options.folder
    if out.exists() and not options.overwrite:
        raise OutputError(f"output '{out}'", "a new file", "one that is there", "Add --overwrite to replace it")
    with work.step(f"looking at {folder}"):
        found = proposed(folder, [folder / RESULTS, RESULTS])
    _show_examples(work, found)
    text = found.text
    if sys.stdin.isatty() and not (options.yes or work.as_json):
        for question in questions(text):
            text = _asked(work, text, question)
    write_text(out, text)
    with work.step(f"reading {folder}"):
        report = check(read_config(tomllib.loads(text)), folder)
    _show_understood(work, report)
    if found.unused:
        work.show(f"[bold]Not used:[/] {escape(', '.join(found.unused))}: no table is known by its columns", "")
    work.show("\n".join([f"{out}", "", "To be settled in it:", *(f"- {escape(doubt)}" for doubt in doubts(text))]))
    work.show(f"\nRead it, mend it, then: penchant --shop {out} --data {folder} check")
    work.finish({"config": str(out), "text": text, "doubts": doubts(text), **_facts(report, found)})


def _asked(work: Work, text: str, question: Question) -> str:
    """Return a proposal with a question's answer; asked again where it is none."""
    while True:
        answer = typer.prompt(question.text, default=question.default, err=True)
        try:
            return answered(text, question, answer)
        except InputError as fault:
            work.notes.print(escape(str(fault)))


def _show_examples(work: Work, found: Proposed) -> None:
    for number, row in enumerate(found.examples, start=1):
        work.show(f"[bold]Row {number}[/]  {escape(_cells(row.before))}")
        work.show(f"    is  {escape(_cells(row.after))}")
    if found.examples:
        work.show("")


def _cells(cells: Any) -> str:
    return ", ".join(f"{name} = {value}" for name, value in cells.items() if value is not None)


def _show_understood(work: Work, report: CheckReport) -> None:
    """Show the sums that an owner knows by heart, and what makes them doubtful."""
    told = [_told(one) for one in report.totals if one.name in ("orders", "interactions")]
    if told:
        work.show("[bold]As it was understood:[/]", *(f"- {line}" for line in told), "")
    refused = [(name, found) for name, table in report.tables.items() for found in table.refusals]
    faults = [*report.faults, *(f"{name}: {found.title}. {found.detail}".rstrip() for name, found in refused)]
    loud = [_doubt(name, found) for name, found in report.loud if (name, found) not in refused]
    for title, lines in (("This cannot be right yet:", faults), ("This may not be right:", loud)):
        if lines:
            work.show(f"[bold]{title}[/]", *(f"- {escape(line)}" for line in lines), "")


def _doubt(table: str, found: Finding) -> str:
    """Return what so many rows have in common, and what became of them."""
    left = " They are set aside; if that is as it should be, nothing needs to be done." * (
        found.severity == "set aside"
    )
    return f"{table}: {found.title}, {found.share:.0%} of its rows. {RULES[found.rule].explanation}{left}"


def _told(one: Totals) -> str:
    """Return a table's sums in one line."""
    parts = [f"{one.n_rows:,} rows of {one.name}"]
    parts += [f"{one.n_orders:,} orders"] if one.n_orders is not None else []
    parts += [f"{one.n_customers:,} customers"] if one.n_customers is not None else []
    parts += [f"{one.revenue:,.2f} of revenue that was paid and kept"] if one.revenue is not None else []
    parts += [f"from {one.first_day} to {one.last_day}"] if one.first_day is not None else []
    return ", ".join(parts)


def _facts(report: CheckReport, found: Proposed) -> dict[str, Any]:
    """Return what was understood, for scripts."""
    known = report.as_dict()
    rows = [{"before": dict(row.before), "after": dict(row.after)} for row in found.examples]
    facts = {"totals": known["totals"], "loud": known["loud"], "refused": known["failed"], "examples": rows}
    return {**facts, "unused": list(found.unused)}
