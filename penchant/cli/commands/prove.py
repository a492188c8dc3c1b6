"""The command prove: feature groups, ours and the shop's own, proven on the shop's rows."""

from __future__ import annotations

import typer
from rich.markup import escape
from rich.table import Table

from penchant.cli.options.shop import ProveOptions
from penchant.cli.work import Work
from penchant.errors import quoted
from penchant.features.prove import PROMISES, Proof, prove

BLIND = "Not seen from here: files that a group reads by itself, and what it remembers from one build to the next."


def run_prove(work: Work, options: ProveOptions) -> None:
    """Build the groups again from changed rows, and show each promise that is broken."""
    moment = work.instant_or_none(options.as_of)
    with work.shop() as shop, work.step("building the groups from the shop's rows and from changed rows"):
        proof = prove(shop, options.group, moment)
    work.show(_table(proof), "", *_account(proof), *work.left_out(proof.left_out))
    work.finish(proof.as_dict())
    if proof.broken:
        raise typer.Exit(3)


def _table(proof: Proof) -> Table:
    """Return a row for each group, a column for each promise."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", *PROMISES):
        table.add_column(name, max_width=16)
    findings = {(finding.group, finding.promise): finding for finding in proof.findings}
    for group in dict.fromkeys(finding.group for finding in proof.findings):
        cells = (findings.get((group, promise)) for promise in PROMISES)
        marks = ("-" if cell is None else "[green]kept[/]" if cell.is_kept else "[red]broken[/]" for cell in cells)
        table.add_row(group, *marks)
    return table


def _account(proof: Proof) -> list[str]:
    """Return what was found, and what cannot be found from here."""
    undated = [f"{group} ({quoted(columns, most=3)})" for group, columns in proof.undated.items()]
    known = "as they are today, because the shop keeps no history of them"
    notes = [f"Read items or customers {known}: {escape(', '.join(undated))}."] if undated else []
    return [*_verdict(proof), *(f"[dim]{text}[/]" for text in (*notes, BLIND))]


def _verdict(proof: Proof) -> list[str]:
    checked = f"{proof.n_customers:,} customers at {proof.as_of:%Y-%m-%d %H:%M:%S} UTC"
    if not proof.broken:
        return [f"All promises kept, checked on {checked}."]
    broken = [
        f"[red]{finding.group}[/]: {finding.promise}? No: {escape(finding.counterexample)}" for finding in proof.broken
    ]
    return [*broken, f"{len(proof.broken)} promises broken, checked on {checked}."]
