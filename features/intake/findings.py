"""From a stage to findings: which rules were broken, how often, and by which rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from penchant.config import Severity
from penchant.errors import quoted

from .crosschecks import ROWS, Marks, unzoned_beside_zoned
from .expressions import quoted_name
from .faults import Fault
from .ledger import TableRecord
from .mapping import TablePlan
from .parts import Part
from .report import MOST_EXAMPLES, Example, Finding
from .rules import RULES
from .staging import Group, Stage

HIDDEN = ("zoned",)
WHOLE_ROWS = ("duplicate_row", "overlapping_files")  # rules about all columns of a row
MOST_CELLS = 6


def without_uniform_zones(stage: Stage, groups: Sequence[Group], unzoned: Collection[str] = ()) -> Stage:
    """Return the stage with times that carry a zone no longer held against a table in which all do.

    ``unzoned`` are columns known to hold times without a zone, in rows that are not on the stage.
    """
    zoned = {
        fault.column: 1 << bit
        for bit, fault in enumerate(stage.faults)
        if fault.rule == "mixed_zones" and any(group.faults & (1 << bit) and not group.excluded for group in groups)
    }
    mixed = unzoned_beside_zoned(stage, zoned) | {name for name in zoned if name in unzoned}
    faults = tuple(
        Fault("zoned", fault.column, "") if fault.rule == "mixed_zones" and fault.column not in mixed else fault
        for fault in stage.faults
    )
    return replace(stage, faults=faults)


def fault_masks(stage: Stage) -> dict[tuple[str, str], int]:
    """Return rule and column of what is not ignored -> the bits that stand for it."""
    masks: dict[tuple[str, str], int] = {}
    for bit, fault in enumerate(stage.faults):
        if fault.rule not in HIDDEN and stage.severity[fault.rule] != "ignore":
            masks[fault.rule, fault.column] = masks.get((fault.rule, fault.column), 0) | 1 << bit
    return masks


def row_findings(stage: Stage, groups: Sequence[Group]) -> list[Finding]:
    """Return what the rules on single rows found, excluded rows left out."""
    masks = fault_masks(stage)
    counts = {
        key: sum(group.n_rows for group in groups if not group.excluded and group.faults & mask)
        for key, mask in masks.items()
    }
    broken = {key: masks[key] for key, n_rows in counts.items() if n_rows}
    found = []
    for (rule, column), mask in broken.items():
        rows = f"select {ROWS} from {stage.relation} where _excluded = 0 and _faults & {mask} <> 0"
        examples = row_examples(stage, column, rows)
        found.append(finding(rule, stage.severity[rule], counts[rule, column], column=column, examples=examples))
    return found


def rows_by_rule(
    stage: Stage, groups: Sequence[Group], findings: Sequence[Finding], severity: Severity
) -> dict[str, int]:
    """Return rule -> how many rows break it, each row once, for the rules of one severity that found something."""
    counts: dict[str, int] = {}
    for rule in dict.fromkeys(found.rule for found in findings if found.severity == severity):
        mask = sum(1 << bit for bit, fault in enumerate(stage.faults) if fault.rule == rule)
        n_rows = sum(group.n_rows for group in groups if not group.excluded and group.faults & mask)
        counts[rule] = n_rows or sum(found.n_rows for found in findings if found.rule == rule)
    return counts


def marked(stage: Stage, found: Iterable[Marks]) -> tuple[Stage, list[Finding]]:
    """Return the stage with the rows marked that a cross-check sets aside, and what the check found."""
    findings = []
    for marks in found:
        severity = stage.severity[marks.rule]
        if severity == "ignore":
            continue
        n_rows = int(stage.gate.row(f"select count(*) from ({marks.rows})")[0])
        if not n_rows:
            continue
        examples = row_examples(stage, marks.column, marks.rows, marks.rule in WHOLE_ROWS)
        if severity != "warn":
            stage, n_rows = stage.marked(marks.rule, marks.column, marks.rows)
        findings.append(finding(marks.rule, severity, n_rows, marks.detail, marks.column, examples))
    return stage, findings


def finding(
    rule: str, severity: Severity, n_rows: int = 0, detail: str = "", column: str = "", examples: Sequence[Example] = ()
) -> Finding:
    """Return a finding with its rule's title."""
    return Finding(rule, RULES[rule].title, column, severity, n_rows, detail, tuple(examples))


def row_examples(stage: Stage, column: str, rows: str, is_whole_row: bool = False) -> list[Example]:
    """Return the first rows of those that a query names by ``_part, _file, _row``, as the shop has them."""
    keys = stage.gate.rows(f"select {ROWS} from ({rows}) order by 1, 2, 3 limit {MOST_EXAMPLES}")
    columns = stage.plan.names if is_whole_row else (column,)
    parts = stage.plan.by_number
    return [_example(stage, parts[number], columns, file, row) for number, file, row in keys]


def _example(stage: Stage, part: Part, columns: Sequence[str], file: str, row: int) -> Example:
    label, number = part.raw.files.get(file, file), part.raw.row_number(file, row)
    origins = [part.origins[column] for column in columns if column in part.origins]
    reads = dict.fromkeys(name for origin in origins for name in origin.meaning.reads if name in part.raw.names)
    names = list(reads)[:MOST_CELLS]
    if not names:
        return Example(label, number, {})
    cells = ", ".join(f"{quoted_name(part.raw.names[name])}::varchar" for name in names)
    values = stage.gate.row(f"select {cells} from {part.raw.relation} where _file = ? and _row = ?", [file, row])
    return Example(label, number, dict(zip(names, (_short(value) for value in values), strict=True)))


def _short(value: str | None) -> str | None:
    return value if value is None or len(value) <= 60 else f"{value[:60]}... ({len(value):,} signs)"


def refusal_findings(plan: TablePlan, severity: Mapping[str, Severity]) -> list[Finding]:
    """Return what keeps a table's sources from being opened or mapped."""
    return [
        finding(refusal.rule, severity[refusal.rule], detail=str(refusal.error))
        for refusal in plan.refusals
        if severity[refusal.rule] != "ignore"
    ]


def source_findings(record: TableRecord, severity: Mapping[str, Severity]) -> list[Finding]:
    """Return what was noticed while a table's sources were opened."""
    found, lines = [], record.broken
    if lines and severity["broken_line"] != "ignore":
        reasons = ", ".join(sorted({line.why for line in lines}))
        examples = [Example(line.file, line.line, {"line": _short(line.text)}) for line in lines[:MOST_EXAMPLES]]
        found.append(finding("broken_line", severity["broken_line"], len(lines), reasons, examples=examples))
    repeated = sorted({name for part in record.parts for name in part.repeated})
    if repeated and severity["repeated_column"] != "ignore":
        first = f"{quoted(repeated)}: the first is meant by that name, the next is '{repeated[0]}_2'"
        found.append(finding("repeated_column", severity["repeated_column"], detail=first))
    losses = [loss for part in record.parts for loss in part.losses]
    if losses and severity["lost_in_join"] != "ignore":
        found += [
            replace(finding("lost_in_join", severity["lost_in_join"], loss.n_lost, str(loss)), n_of=loss.n_rows)
            for loss in losses
        ]
    guessed = sorted(label for part in record.parts if part.is_guess for label in part.files.values())
    if guessed and severity["guessed_encoding"] != "ignore":
        found.append(finding("guessed_encoding", severity["guessed_encoding"], detail=", ".join(guessed[:5])))
    return found
