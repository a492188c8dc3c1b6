"""The door: a shop's tables in, accepted rows and a report out.

Everything is read, and every rule applied, before it is said whether the shop can be opened, so that all that is
wrong is known at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from penchant.config import Config, Severity
from penchant.errors import ContractError

from ..contract import CONTRACT
from ..engine.limits import limit_reached
from .accepted import AcceptedRows
from .crosschecks import (
    Marks,
    duplicate_keys,
    duplicate_rows,
    far_times,
    orphans,
    outliers,
    overlapping_files,
    several_arms,
)
from .expressions import MACROS, quoted_name, text_literal
from .extract import extract_end, orders_from_payments, record_excluded_times, untimed_ends
from .findings import broken_lines, finding, marked, row_findings, rows_by_rule, source_findings, without_uniform_zones
from .ids import MACROS as ID_MACROS
from .mapping import TablePlan, plan_table
from .quarantine import write_quarantine
from .raw import Gate
from .report import CheckReport, Finding, SourceRows, TableReport
from .settings import Settings, settings_of
from .similar import similar_ids
from .staging import Group, Stage, accept, staged, unchecked_rows
from .totals import idle_customers, totals

Severities = Mapping[str, Severity]

# References are checked against tables that were accepted before.
_EVENTS = {"orders", "interactions"}
_ORDER = (
    "customers",
    "items",
    "campaigns",
    "calendar",
    "orders",
    "interactions",
    "assignments",
    "feedback",
    "memberships",
    "points",
    "referrals",
    "costs",
    "item_tags",
)


@dataclass(frozen=True)
class Received:
    """What came through the door.

    Parameters
    ----------
    names
        Canonical table to its columns; the accepted rows are on the gate under the table's name.
    report
        What came of reading the shop.
    """

    names: Mapping[str, tuple[str, ...]]
    report: CheckReport


def receive(
    connection: Any,
    config: Config,
    places: tuple[Path, Path],
    checked: bool = True,
    quarantine: Path | None = None,
    accepted: AcceptedRows | None = None,
) -> Received:
    """Read a shop's tables, apply the rules, and put the accepted rows on the gate.

    Parameters
    ----------
    connection
        The DuckDB connection that is the gate.
    config
        The shop's configuration.
    places
        The folder that relative paths start from, and scratch space.
    checked
        Whether the rules are applied; else all rows are taken as they are.
    quarantine
        The folder for rows that were set aside; default: they are counted and not written.
    accepted
        Where accepted rows are stored; what is there is taken, unless a quarantine is to be written.

    Raises
    ------
    ConfigError
        If the configuration names a table or rule that does not exist.
    ContractError
        If a file turns out to be damaged while its rows are read.
    InputError
        If the engine's memory does not suffice.
    OutputError
        If the quarantine cannot be written, or the disk is full.
    """
    settings = settings_of(config)
    for macro in (*MACROS, *ID_MACROS):
        connection.execute(macro)
    gate = Gate(connection, places[0], places[1])
    if "," not in str(gate.data):  # which parts the places of a list
        gate.execute(f"set file_search_path = {text_literal(str(gate.data))}")  # where a query's own readers look
    try:
        stored = accepted.put_on(gate) if accepted is not None and quarantine is None else None
        if stored is not None:
            return Received(*stored)
        received = _receive(gate, settings, checked, quarantine)
        if accepted is not None and checked and not received.report.failed:
            accepted.store(gate, received.names, received.report)
        return received
    except (duckdb.OperationalError, duckdb.DataError, duckdb.InvalidInputException) as fault:
        if (error := limit_reached(fault)) is not None:
            raise error from None
        got = str(fault).splitlines()[0][:300]
        raise ContractError("the shop", "files that can be read to their end", got) from None


def _receive(gate: Gate, settings: Settings, checked: bool, quarantine: Path | None) -> Received:
    reports: dict[str, TableReport] = {}
    names: dict[str, tuple[str, ...]] = {}
    written: list[Path] = []
    for name in (name for name in _ORDER if name in settings.tables):
        plan = plan_table(gate, CONTRACT[name], settings)
        entry = _Entry(gate, plan, settings)
        if _is_refused(plan, entry.severity):
            reports[name] = entry.report
        elif checked:
            reports[name], files = _checked(entry, tuple(names), quarantine)
            written += files
        else:
            reports[name] = _unchecked(entry)
        if reports[name].n_accepted:
            names[name] = plan.names
    return _received(gate, settings, reports, names, written)


@dataclass(frozen=True)
class _Entry:
    """One table on its way through the door."""

    gate: Gate
    plan: TablePlan
    settings: Settings

    @property
    def severity(self) -> Severities:
        """A rule's code to its severity in this table."""
        return self.settings.severity[self.plan.table.name]

    @property
    def report(self) -> TableReport:
        """The table's report as far as it is known before a row is read."""
        plan = self.plan
        files = {label: part.raw.how for part in plan.parts for label in part.raw.files.values()}
        made_of: dict[str, str] = {}
        for part in plan.parts:
            made_of |= {name: part.mapping[name] for name in part.origins if name not in made_of}
        columns = {name: made_of[name] for name in plan.names}
        return TableReport(plan.table.name, files, columns, findings=tuple(source_findings(plan, self.severity)))


def _is_refused(plan: TablePlan, severity: Severities) -> bool:
    """Say whether a table cannot be staged: it is refused, or there is nothing to stage."""
    missing = [name for name in plan.table.required if name not in plan.names]
    return bool(missing) or any(severity[refusal.rule] == "refuse" for refusal in plan.refusals)


def _unchecked(entry: _Entry) -> TableReport:
    """Give the rows their name as they are."""
    name = quoted_name(entry.plan.table.name)
    entry.gate.execute(f"create table {name} as {unchecked_rows(entry.plan)}")
    n_rows = int(entry.gate.row(f"select count(*) from {name}")[0])
    return replace(entry.report, n_read=n_rows, n_accepted=n_rows)


def _checked(entry: _Entry, accepted: Collection[str], quarantine: Path | None) -> tuple[TableReport, list[Path]]:
    """Apply every rule to a table, and accept its rows."""
    try:
        stage = staged(entry.gate, entry.plan, entry.settings)
    except ContractError as fault:
        broken = finding("unreadable", "refuse", detail=str(fault))
        return replace(entry.report, findings=(*entry.report.findings, broken)), []
    groups = stage.groups()
    stage = without_uniform_zones(stage, groups)
    findings = [*entry.report.findings, *row_findings(stage, groups)]
    n_faults = len(stage.faults)
    for check in (
        far_times,
        overlapping_files,
        several_arms,
        duplicate_keys,
        duplicate_rows,
        lambda s: orphans(s, accepted),
        outliers,
    ):
        stage, found = marked(stage, _weighed(stage, check))
        findings += found
    if len(stage.faults) > n_faults:
        groups = stage.groups()
    report = _counted(replace(entry.report, findings=tuple(findings)), stage, groups)
    if report.n_excluded:
        record_excluded_times(entry.gate, entry.plan.table.name, f"from {stage.relation} where _excluded <> 0")
    accept(stage, groups)
    return report, write_quarantine(stage, groups, quarantine) if quarantine is not None else []


def _weighed(stage: Stage, check: Any) -> list[Marks]:
    """Run a cross-check, unless all that it could find is ignored."""
    rules = {
        far_times: "far_time",
        overlapping_files: "overlapping_files",
        several_arms: "several_arms",
        duplicate_keys: "duplicate_key",
        duplicate_rows: "duplicate_row",
        outliers: "outlying_amount",
    }
    return [] if stage.severity[rules.get(check, "orphan")] == "ignore" else check(stage)


def _counted(report: TableReport, stage: Stage, groups: list[Group]) -> TableReport:
    """Return a report with its rows counted, and what the counts say."""
    n_broken = sum(found.n_rows for found in report.findings if found.rule == "broken_line")
    n_lines, n_excluded, n_aside = _numbers(stage, groups)
    excluded = {
        name: sum(group.n_rows for group in groups if group.excluded >> bit & 1)
        for bit, name in enumerate(stage.plan.exclusions)
    }
    counted = replace(
        report,
        n_read=n_lines + n_broken,
        excluded=excluded,
        n_excluded=n_excluded,
        n_set_aside=n_aside + n_broken,
        n_accepted=n_lines - n_excluded - n_aside,
        set_aside=rows_by_rule(stage, groups, report.findings, "set aside"),
        warned=rows_by_rule(stage, groups, report.findings, "warn"),
        findings=tuple(found.of(n_lines + n_broken - n_excluded) for found in report.findings),
        sources=_sources(stage, groups),
    )
    return replace(counted, findings=(*counted.findings, *_of_counts(counted, stage.severity)))


def _numbers(stage: Stage, groups: list[Group]) -> tuple[int, int, int]:
    """Return how many rows there are, how many are excluded, and how many of the others are set aside."""
    excluded = sum(group.n_rows for group in groups if group.excluded)
    aside = sum(group.n_rows for group in groups if not group.excluded and group.faults & stage.aside)
    return sum(group.n_rows for group in groups), excluded, aside


def _sources(stage: Stage, groups: list[Group]) -> tuple[SourceRows, ...]:
    """Return what became of the rows of each source."""
    broken = Counter(line.file for line in broken_lines(stage.plan))
    found = []
    for file, label in stage.plan.files.items():
        n_lines, n_excluded, n_aside = _numbers(stage, [group for group in groups if group.file == file])
        n_bad = broken[label]
        accepted = n_lines - n_excluded - n_aside
        found.append(SourceRows(label, n_lines + n_bad, n_excluded, n_aside + n_bad, accepted))
    return tuple(found)


def _of_counts(report: TableReport, severity: Severities) -> list[Finding]:
    found = []
    if report.n_read == 0 and severity["empty_table"] != "ignore":
        found.append(finding("empty_table", severity["empty_table"]))
    elif report.n_accepted == 0 and severity["empty_table"] != "ignore":
        found.append(finding("empty_table", severity["empty_table"], detail="no row was accepted"))
    eligible = report.n_read - report.n_excluded
    if 2 * report.n_set_aside > eligible and severity["mostly_set_aside"] != "ignore":
        first = max(report.set_aside, key=lambda rule: report.set_aside[rule])
        detail = f"{report.n_set_aside:,} of {eligible:,}, most of them by {first}"
        found.append(finding("mostly_set_aside", severity["mostly_set_aside"], detail=detail))
    return found


def _received(
    gate: Gate,
    settings: Settings,
    reports: dict[str, TableReport],
    names: dict[str, tuple[str, ...]],
    written: list[Path],
) -> Received:
    notes, faults = [], []
    if not names.keys() & _EVENTS and not any(reports[name].refusals for name in reports.keys() & _EVENTS):
        faults.append("there are neither orders nor interactions: name one of them under [tables]")
    elif "orders" not in settings.tables:
        notes += orders_from_payments(gate, names)
    notes += untimed_ends(gate, settings, names)
    end, doubts = extract_end(gate, settings, names)
    doubts += [*similar_ids(gate, settings, names), *idle_customers(gate, settings, names)]
    for table, doubt in doubts:
        reports[table] = replace(reports[table], findings=(*reports[table].findings, doubt))
    ordered = {name: reports[name] for name in CONTRACT if name in reports}
    sums = totals(gate, settings, names)
    report = CheckReport(ordered, end, tuple(notes), tuple(map(str, written)), tuple(faults), sums)
    return Received(names, report)


def refusal(report: CheckReport) -> ContractError | None:
    """Return the error that says all that a shop is refused for; None if it is not."""
    if not report.failed:
        return None
    lines = [f"\n  {fault}" for fault in report.faults]
    for table in report.tables.values():
        for found in table.refusals:
            column = f", column '{found.column}'" if found.column else ""
            n_rows = f" ({found.n_rows:,} rows)" if found.n_rows else ""
            what = found.detail or found.title
            place = "" if what.startswith("table '") else f"table '{table.name}'{column}{n_rows}: {found.title}: "
            lines.append(f"\n  {found.rule}: {place}{found.detail}".rstrip(": "))
    return ContractError(
        "the shop",
        "tables that keep the contract",
        f"{len(lines)} refusal(s):{''.join(lines)}",
        "Run 'penchant check' for counts and examples",
    )
