"""New files of a table are taken in alone, late rows included, where the result is that of reading all files again.

What rules ask of one row is asked of the new rows alone; `across` asks what looks across rows. A stored row keeps what
the rules said of it: where new rows would change that, or an example of it would be needed that was not kept,
`ReadAnewError` says so, and the table is read as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from penchant.errors import ContractError

from ..contract import CONTRACT
from .counts import counted_report
from .crosschecks import Overlaps
from .expressions import quoted_name, text_literal
from .extract import EVENTS, record_excluded_times
from .findings import fault_masks, row_findings, source_findings, without_uniform_zones
from .ledger import Ledger, Merged, ReadAnewError, TableRecord, merged_records, names_of_files, table_record
from .mapping import plan_table
from .raw import Gate
from .report import MOST_EXAMPLES, UNCHANGED, Example, Finding, TableReport
from .settings import Settings
from .staging import Group, Stage, staged
from .stored import EXCLUDED, StoredTable, TableRows, columns_of, fault_keys, fault_places, parquet_rows, selects_of

OF_ALL_TABLES = ("similar_ids", "lonely_end", "idle_customers")  # rules that are asked when all tables are read


@dataclass
class Increment:
    """New rows of a table beside those that are stored.

    Parameters
    ----------
    former
        The table as it is stored.
    merged
        How all files were read.
    stage
        The new rows, with the rules that they are held to so far.
    at
        A file's name to what stands in ``_part`` and ``_file`` for it.
    new
        What stands in ``_file`` for new files to their names.
    findings
        What the rules found so far.
    overlaps, orphan_ids
        As in `Ledger`, of all files.
    """

    former: StoredTable
    merged: Merged
    stage: Stage
    at: Mapping[str, tuple[int, str]]
    new: Mapping[str, str]
    findings: list[Finding] = field(default_factory=list)
    overlaps: Overlaps = field(default_factory=Overlaps)
    orphan_ids: dict[str, tuple[str | None, ...]] = field(default_factory=dict)

    @property
    def is_new(self) -> str:
        """The condition of a row of a new file."""
        return f"_file in ({', '.join(map(text_literal, self.new))})"

    def before(self, rule: str, column: str) -> Finding | None:
        """Return what a rule found in the stored rows."""
        found = (one for one in self.former.report.findings if (one.rule, one.column) == (rule, column))
        return next(found, None)

    def groups(self) -> list[Group]:
        """Return all rows by file, exclusions and faults; files by their names."""
        record = self.merged.record
        own = [record.exclusions.index(name) for name in self.stage.plan.exclusions]
        new = [
            replace(group, file=self.new[group.file], excluded=_moved(group.excluded, own))
            for group in self.stage.groups()
        ]
        return [*old_groups(self.former.ledger, record.exclusions, self.stage), *new]

    def examples(self, before: Finding | None, new: Sequence[Example]) -> tuple[Example, ...]:
        """Return the first examples of all rows, of those that are stored and those that are new."""
        return tuple(sorted((*(before.examples if before else ()), *new), key=self.rank)[:MOST_EXAMPLES])

    def rank(self, example: Example) -> tuple[int, str, int]:
        """Return what examples are ordered by: where a row stands."""
        names = {label: name for name, label in self.merged.record.files.items()}
        return (*self.at[names[example.file]], example.row)


def old_groups(ledger: Ledger, exclusions: Sequence[str], stage: Stage) -> list[Group]:
    """Return the groups of stored rows, with the bits that exclusions and faults have now."""
    places = fault_places(stage.faults)
    moved = [exclusions.index(name) for name in ledger.record.exclusions]
    found = []
    for group in ledger.groups:
        bits = {places[key] for bit, key in enumerate(ledger.faults) if group.faults >> bit & 1 and key in places}
        faults = sum(1 << bit for bit in bits)
        found.append(replace(group, excluded=_moved(group.excluded, moved), faults=faults))
    return found


def _moved(bits: int, places: Sequence[int]) -> int:
    return sum(1 << place for bit, place in enumerate(places) if bits >> bit & 1)


Files = Mapping[int, Mapping[str, Path]]  # a source's number to the names and places of its files, in order


def new_files(
    former: StoredTable, files: Files, hashes: Mapping[str, str], settings: Settings
) -> dict[int, list[Path]]:
    """Return each source's files that are not stored.

    Raises
    ------
    ReadAnewError
        If a stored file has changed or is gone, or files are new of a source that is no path.
    """
    known = former.ledger.hashes
    there = {name for names in files.values() for name in names}
    for name, content in known.items():
        if name not in there:
            raise ReadAnewError(f"'{name}' is gone")
        if hashes[name] != content:
            raise ReadAnewError(f"'{name}' has changed")
    found: dict[int, list[Path]] = {}
    for number, names in files.items():
        found[number] = [path for name, path in names.items() if name not in known]
        if found[number] and settings.tables[former.name].sources[number].path is None:
            raise ReadAnewError("a file that a query reads is new")
    return found


def opened_increment(
    gate: Gate, settings: Settings, former: StoredTable, only: Mapping[int, list[Path]], files: Files
) -> Increment:
    """Read a table's new files, and return their rows beside those that are stored.

    Raises
    ------
    ReadAnewError
        If they are not as the others are, or cannot be read.
    """
    known, table = former.ledger, CONTRACT[former.name]
    plan = plan_table(gate, table, settings, only)
    record = table_record(plan, gate.data)
    if plan.refusals or plan.names != known.record.names:
        raise ReadAnewError("a new file has not the columns of the others")
    if not all(part.is_separable for part in (*known.record.parts, *record.parts)):
        raise ReadAnewError("what its rows say depends on other rows of the files")
    merged = merged_records(known.record, record, {number: list(names) for number, names in files.items()})
    plan = replace(plan, numbers=merged.new)
    try:
        stage = staged(gate, plan, settings, known=frozenset(known.faults))
    except ContractError:
        raise ReadAnewError("a new file cannot be read") from None
    _refuse_other_types(stage, former)
    places = {name: str(path) for names in files.values() for name, path in names.items()}
    at = {
        name: (number, places.get(name, name)) for number, part in enumerate(merged.record.parts) for name in part.files
    }
    return Increment(former, merged, stage, at, names_of_files(plan, gate.data))


def _refuse_other_types(stage: Stage, former: StoredTable) -> None:
    """Raise ReadAnewError where new rows have columns of other types than stored ones."""
    names = columns_of(stage.plan.names)
    types = [
        [row[1] for row in stage.gate.rows(f"describe select {names} from {rows}")]
        for rows in (stage.relation, parquet_rows(former.paths))
    ]
    if types[0] != types[1]:
        raise ReadAnewError("a new file's columns have other types")


def held_to_rows(more: Increment) -> None:
    """Find out which rules single rows break, new ones and stored ones.

    Raises
    ------
    ReadAnewError
        If stored rows break a rule now that they did not break before.
    """
    stage = more.stage
    more.stage = stage = without_uniform_zones(stage, more.groups(), _unzoned(more))
    old = old_groups(more.former.ledger, more.merged.record.exclusions, stage)
    for (rule, column), mask in fault_masks(stage).items():
        n_rows = sum(group.n_rows for group in old if not group.excluded and group.faults & mask)
        before = more.before(rule, column)
        if n_rows != (before.n_rows if before else 0):
            raise ReadAnewError(f"of rows that are stored, others break '{rule}'")
    more.findings += source_findings(more.merged.record, stage.severity)
    for found in row_findings(stage, more.groups()):
        examples = more.examples(more.before(found.rule, found.column), found.examples)
        more.findings.append(replace(found, examples=examples))


def _unzoned(more: Increment) -> list[str]:
    """Return the columns in which stored times carry no zone, where it may matter."""
    columns = [fault.column for fault in more.stage.faults if fault.rule == "mixed_zones"]
    old = old_groups(more.former.ledger, more.merged.record.exclusions, more.stage)
    places, found = fault_places(more.stage.faults), []
    for column in columns:
        n_zoned = sum(group.n_rows for group in old if group.faults >> places["mixed_zones", column] & 1)
        rows = f"select 1 from {parquet_rows(more.former.paths)} where {quoted_name(column)} is not null limit 1"
        if more.before("mixed_zones", column) or (not n_zoned and more.stage.gate.rows(rows)):
            found.append(column)
    return found


def accepted_increment(more: Increment, hashes: Mapping[str, str]) -> TableRows:
    """Give stored and new accepted rows the table's name on the gate, and return what came of them.

    Raises
    ------
    ReadAnewError
        If the table is to be refused: then all of its rows are read, for their examples.
    """
    stage, former, record = more.stage, more.former, more.merged.record
    groups, names = more.groups(), columns_of(stage.plan.names)
    report = counted_report(report_before(former.name, record, more.findings), record, stage, groups)
    if report.refusals or not report.n_accepted:
        raise ReadAnewError("it would be refused")
    rows = f"select {names} from {stage.relation} where {stage.kept}"
    stored = f"select {names} from {parquet_rows(former.paths)}"
    stage.gate.execute(f"create view {quoted_name(former.name)} as {stored} union all {rows}")
    new = f"select {CONTRACT[former.name].time} as happened_at from {stage.relation} where _excluded <> 0"
    _record_excluded(stage.gate, former, new)
    numbers = dict(former.ledger.numbers)
    for name in more.new.values():
        numbers[name] = len(numbers)
    faults = fault_keys(stage.faults)
    ledger = Ledger(record, dict(hashes), numbers, faults, tuple(groups), more.overlaps, more.orphan_ids)
    selects = selects_of(stage, stage.groups(), {file: numbers[name] for file, name in more.new.items()}, former)
    n_new = len(more.new)
    return TableRows(report, record.names, ledger, selects, former, f"{n_new} new file{'s' * (n_new > 1)}")


def report_before(name: str, record: TableRecord, findings: Sequence[Finding]) -> TableReport:
    """Return a table's report before its rows are counted."""
    files = {label: part.how for part in record.parts for label in part.files.values()}
    made_of: dict[str, str] = {}
    for part in record.parts:
        made_of = {**part.columns, **made_of}
    columns = {column: made_of[column] for column in record.names}
    return TableReport(name, files, columns, findings=tuple(findings))


def _record_excluded(gate: Gate, former: StoredTable, new: str = "") -> None:
    """Record when excluded rows happened, stored ones and new ones."""
    path = former.path(EXCLUDED)
    old = f"select excluded_at as happened_at from {parquet_rows([path])}" if path else ""
    both = " union all ".join(filter(None, (old, new)))
    if both and former.name in EVENTS:
        times = f"from (select happened_at as {CONTRACT[former.name].time} from ({both}))"
        record_excluded_times(gate, former.name, times)


def unchanged_rows(gate: Gate, former: StoredTable, orphans: Mapping[str, int]) -> TableRows:
    """Give a table's stored rows its name on the gate, and return what came of them.

    Parameters
    ----------
    gate, former
        Where the rows are to be, and the table as it is stored.
    orphans
        Column to how many of its references have come into their own table since.
    """
    names = former.ledger.record.names
    rows = f"select {columns_of(names)} from {parquet_rows(former.paths)}"
    gate.execute(f"create view {quoted_name(former.name)} as {rows}")
    _record_excluded(gate, former)
    report, found = former.report, []
    for one in report.findings:
        came = orphans.get(one.column, 0) if one.rule == "orphan" else 0
        if one.rule not in OF_ALL_TABLES and one.n_rows - came + (not came):
            found.append(replace(one, n_rows=one.n_rows - came))
    left = sum(one.n_rows for one in found if one.rule == "orphan")
    warned = {rule: left if rule == "orphan" else n for rule, n in report.warned.items()}
    warned = {rule: n for rule, n in warned.items() if n or rule not in ("orphan", *OF_ALL_TABLES)}
    report = replace(report, findings=tuple(found), warned=warned)
    return TableRows(report, names, former.ledger, {}, former, UNCHANGED)
