"""The door: a shop's tables in, accepted rows and a report out.

Everything is read, and every rule applied, before it is said whether the shop can be opened, so that all that is
wrong is known at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from penchant.config import Config, Severity
from penchant.errors import ContractError

from ..contract import CONTRACT
from ..engine.limits import limit_reached
from .accepted import AcceptedRows
from .across import References, held_to_others, references_that_came
from .counts import counted_report
from .crosschecks import (
    Marks,
    Overlaps,
    duplicate_keys,
    duplicate_rows,
    far_times,
    first_ids,
    orphans,
    outliers,
    overlaps_of,
    several_arms,
)
from .expressions import MACROS, quoted_name, text_literal
from .extract import extract_end, orders_from_payments, record_excluded_times, untimed_ends
from .findings import finding, marked, refusal_findings, row_findings, source_findings, without_uniform_zones
from .ids import MACROS as ID_MACROS
from .increments import accepted_increment, held_to_rows, new_files, opened_increment, report_before, unchanged_rows
from .ledger import Ledger, ReadAnewError, TableRecord, names_of_files, table_record
from .mapping import TablePlan, plan_table
from .quarantine import write_quarantine
from .raw import Gate
from .report import UNCHANGED, CheckReport, Finding, TableReport
from .settings import Settings, settings_of
from .similar import similar_ids
from .staging import Stage, accept, staged, unchecked_rows
from .stored import StoredTable, TableRows, fault_keys, selects_of
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
        Where accepted rows are stored: those of the same files are taken from there, and new files are added to them.

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
        stored = accepted.put_on(gate) if accepted is not None else None
        if stored is not None:
            names, report, aside = stored
            return Received(names, _quarantined(gate, report, aside, quarantine))
        reading = _Reading(gate, settings, checked, accepted)
        received = reading.received()
        aside = {name: rows.quarantine for name, rows in reading.tables.items() if rows.quarantine}
        received = replace(received, report=_quarantined(gate, received.report, aside, quarantine))
        if accepted is not None and checked and not received.report.failed:
            accepted.store(gate, received.names, received.report, reading.tables)
        return received
    except (duckdb.OperationalError, duckdb.DataError, duckdb.InvalidInputException) as fault:
        if (error := limit_reached(fault)) is not None:
            raise error from None
        got = str(fault).splitlines()[0][:300]
        raise ContractError("the shop", "files that can be read to their end", got) from None


def _quarantined(gate: Gate, report: CheckReport, aside: Mapping[str, str], folder: Path | None) -> CheckReport:
    """Write the rows that were set aside, where that is asked for; ``aside`` is table -> SQL of its rows."""
    if folder is None:
        return report
    written = [path for name, rows in aside.items() for path in write_quarantine(gate, rows, folder, name)]
    return replace(report, quarantine=tuple(map(str, written)))


@dataclass
class _Reading:
    """A shop's tables on their way through the door, one after the other."""

    gate: Gate
    settings: Settings
    is_checked: bool
    accepted: AcceptedRows | None
    tables: dict[str, TableRows] = field(default_factory=dict)

    @cached_property
    def former(self) -> Mapping[str, StoredTable]:
        """The tables that are stored and may be added to."""
        return {} if self.accepted is None or not self.is_checked else self.accepted.former()

    def received(self) -> Received:
        """Read all tables."""
        for name in (name for name in _ORDER if name in self.settings.tables):
            self.tables[name] = self._table(name)
        names = {name: rows.names for name, rows in self.tables.items() if rows.report.n_accepted}
        reports = {name: rows.report for name, rows in self.tables.items()}
        found = _received(self.gate, self.settings, reports, names)
        how = {name: rows.how for name, rows in self.tables.items() if rows.how}
        return replace(found, report=replace(found.report, intake=how))

    def _table(self, name: str) -> TableRows:
        """Read a table: its new files alone where others are stored, else all of it."""
        former = self.former.get(name)
        if former is None or self.accepted is None or name not in self.accepted.files:
            return self._anew(name)
        try:
            return self._added_to(former, self.accepted)
        except ReadAnewError as why:
            return replace(self._anew(name), how=f"read anew: {why}")

    def _added_to(self, former: StoredTable, accepted: AcceptedRows) -> TableRows:
        """Take in a table's new files alone."""
        files = accepted.files[former.name]
        only = new_files(former, files, accepted.hashes, self.settings)
        unchanged = [name for name, rows in self.tables.items() if rows.how == UNCHANGED]
        there = [name for name, rows in self.tables.items() if rows.report.n_accepted]
        references = References(there, self.former, unchanged)
        if not any(only.values()):
            severity = self.settings.severity[former.name]
            return unchanged_rows(self.gate, former, references_that_came(self.gate, former, references, severity))
        more = opened_increment(self.gate, self.settings, former, only, files)
        held_to_rows(more)
        held_to_others(more, references)
        return accepted_increment(more, accepted.hashes_of(former.name))

    def _anew(self, name: str) -> TableRows:
        """Read all of a table."""
        plan = plan_table(self.gate, CONTRACT[name], self.settings)
        entry = _Entry(self.gate, plan, self.settings)
        if _is_refused(plan, entry.severity):
            return TableRows(entry.report)
        if not self.is_checked:
            return _unchecked(entry)
        there = [other for other, rows in self.tables.items() if rows.report.n_accepted]
        return _checked(entry, there, {} if self.accepted is None else self.accepted.hashes_of(name))


@dataclass(frozen=True)
class _Entry:
    """One table that is read as a whole."""

    gate: Gate
    plan: TablePlan
    settings: Settings

    @property
    def severity(self) -> Severities:
        """A rule's code to its severity in this table."""
        return self.settings.severity[self.plan.table.name]

    @cached_property
    def record(self) -> TableRecord:
        """How the table is read."""
        return table_record(self.plan, self.gate.data)

    @property
    def report(self) -> TableReport:
        """The table's report as far as it is known before a row is read."""
        found = [*refusal_findings(self.plan, self.severity), *source_findings(self.record, self.severity)]
        return report_before(self.plan.table.name, self.record, found)


def _is_refused(plan: TablePlan, severity: Severities) -> bool:
    """Say whether a table cannot be staged: it is refused, or there is nothing to stage."""
    missing = [name for name in plan.table.required if name not in plan.names]
    return bool(missing) or any(severity[refusal.rule] == "refuse" for refusal in plan.refusals)


def _unchecked(entry: _Entry) -> TableRows:
    """Give the rows their name as they are."""
    name = quoted_name(entry.plan.table.name)
    entry.gate.execute(f"create table {name} as {unchecked_rows(entry.plan)}")
    n_rows = int(entry.gate.row(f"select count(*) from {name}")[0])
    return TableRows(replace(entry.report, n_read=n_rows, n_accepted=n_rows), entry.plan.names)


def _checked(entry: _Entry, accepted: Collection[str], hashes: Mapping[str, str]) -> TableRows:
    """Apply every rule to a table, and accept its rows."""
    name, plan = entry.plan.table.name, entry.plan
    try:
        stage = staged(entry.gate, plan, entry.settings)
    except ContractError as fault:
        broken = finding("unreadable", "refuse", detail=str(fault))
        return TableRows(replace(entry.report, findings=(*entry.report.findings, broken)))
    groups = stage.groups()
    stage = without_uniform_zones(stage, groups)
    across = AcrossRows(accepted)
    stage, found = across.held(stage)
    findings = [*entry.report.findings, *row_findings(stage, groups), *found]
    groups = stage.groups()
    named = names_of_files(plan, entry.gate.data)
    known = [replace(group, file=named[group.file]) for group in groups]
    report = counted_report(replace(entry.report, findings=tuple(findings)), entry.record, stage, known)
    if report.n_excluded:
        record_excluded_times(entry.gate, name, f"from {stage.relation} where _excluded <> 0")
    accept(stage, groups)
    numbers = {file: number for number, file in enumerate(named)}
    ledger = Ledger(
        entry.record,
        dict(hashes),
        {named[file]: number for file, number in numbers.items()},
        fault_keys(stage.faults),
        tuple(known),
        across.named_overlaps(named),
        across.orphan_ids,
    )
    return TableRows(report, plan.names, ledger, selects_of(stage, groups, numbers))


@dataclass
class AcrossRows:
    """The rules that look across the rows of a table, and what of their answers has to be known later."""

    accepted: Collection[str]
    overlaps: Overlaps = field(default_factory=Overlaps)
    orphan_ids: dict[str, tuple[str | None, ...]] = field(default_factory=dict)

    def held(self, stage: Stage) -> tuple[Stage, list[Finding]]:
        """Mark the rows that break the rules, and return what was found."""
        checks: Mapping[str, Callable[[Stage], list[Marks]]] = {
            "far_time": far_times,
            "overlapping_files": self._overlapping,
            "several_arms": several_arms,
            "duplicate_key": duplicate_keys,
            "duplicate_row": duplicate_rows,
            "orphan": self._orphans,
            "outlying_amount": outliers,
        }
        findings: list[Finding] = []
        for rule, check in checks.items():
            if stage.severity[rule] != "ignore":
                stage, found = marked(stage, check(stage))
                findings += found
        return stage, findings

    def _overlapping(self, stage: Stage) -> list[Marks]:
        self.overlaps = overlaps_of(stage)
        return self.overlaps.marks(stage)

    def _orphans(self, stage: Stage) -> list[Marks]:
        marks = orphans(stage, self.accepted)
        ids = {one.column: first_ids(stage, one) for one in marks}
        self.orphan_ids = {column: first for column, first in ids.items() if first}
        return marks

    def named_overlaps(self, names: Mapping[str, str]) -> Overlaps:
        """Return what files have in common, by their names."""
        copies = {names[file]: n_rows for file, n_rows in self.overlaps.copies.items()}
        return replace(self.overlaps, copies=copies, files=tuple(names[file] for file in self.overlaps.files))


def _received(
    gate: Gate, settings: Settings, reports: dict[str, TableReport], names: dict[str, tuple[str, ...]]
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
    report = CheckReport(ordered, end, tuple(notes), (), tuple(faults), sums)
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
