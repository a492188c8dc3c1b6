"""From groups of rows to a table's counts: read, excluded, set aside, accepted, in all and source by source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from penchant.config import Severity

from .findings import finding, rows_by_rule
from .ledger import TableRecord
from .report import Finding, SourceRows, TableReport
from .staging import Group, Stage


def counted_report(report: TableReport, record: TableRecord, stage: Stage, groups: Sequence[Group]) -> TableReport:
    """Return a report with its rows counted, and what the counts say.

    Parameters
    ----------
    report
        With what the rules found.
    record, stage
        How the table was read, and the rules that its rows are held to.
    groups
        All rows by file, exclusions and faults; files by the names that the record has for them.
    """
    n_broken = sum(found.n_rows for found in report.findings if found.rule == "broken_line")
    n_lines, n_excluded, n_aside = _numbers(stage.aside, groups)
    excluded = {
        name: sum(group.n_rows for group in groups if group.excluded >> bit & 1)
        for bit, name in enumerate(record.exclusions)
    }
    whole = replace(
        report,
        n_read=n_lines + n_broken,
        excluded=excluded,
        n_excluded=n_excluded,
        n_set_aside=n_aside + n_broken,
        n_accepted=n_lines - n_excluded - n_aside,
        set_aside=rows_by_rule(stage, groups, report.findings, "set aside"),
        warned=rows_by_rule(stage, groups, report.findings, "warn"),
        findings=tuple(found.of(n_lines + n_broken - n_excluded) for found in report.findings),
        sources=_sources(record, stage.aside, groups),
    )
    return replace(whole, findings=(*whole.findings, *_of_counts(whole, stage.severity)))


def _numbers(aside: int, groups: Sequence[Group]) -> tuple[int, int, int]:
    """Return how many rows there are, how many are excluded, and how many of the others are set aside."""
    excluded = sum(group.n_rows for group in groups if group.excluded)
    set_aside = sum(group.n_rows for group in groups if not group.excluded and group.faults & aside)
    return sum(group.n_rows for group in groups), excluded, set_aside


def _sources(record: TableRecord, aside: int, groups: Sequence[Group]) -> tuple[SourceRows, ...]:
    """Return what became of the rows of each source."""
    broken = Counter(line.file for line in record.broken)
    found = []
    for file, label in record.files.items():
        n_lines, n_excluded, n_aside = _numbers(aside, [group for group in groups if group.file == file])
        n_bad = broken[label]
        accepted = n_lines - n_excluded - n_aside
        found.append(SourceRows(label, n_lines + n_bad, n_excluded, n_aside + n_bad, accepted))
    return tuple(found)


def _of_counts(report: TableReport, severity: Mapping[str, Severity]) -> list[Finding]:
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
