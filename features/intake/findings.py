"""From a stage to findings: which rules were broken, how often, and by which rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from penchant.config import Severity

from ..rules import RULES
from .crosschecks import Marks, unzoned_beside_zoned
from .expressions import quoted_name
from .faults import Fault
from .plan import Part, Plan
from .raw import BrokenLine
from .report import MOST_EXAMPLES, Example, Finding
from .stage import CHANGED, Group, Stage

HIDDEN = (CHANGED, "zoned")


def without_uniform_zones(stage: Stage, groups: Sequence[Group]) -> Stage:
    """Return the stage with times that carry a zone no longer held against a table in which all do."""
    zoned = {
        fault.column: 1 << bit
        for bit, fault in enumerate(stage.faults)
        if fault.rule == "mixed_zones"
        and any(group.faults & (1 << bit) and not group.excluded for group in groups)
    }
    mixed = unzoned_beside_zoned(stage, zoned)
    faults = tuple(
        Fault("zoned", fault.column, "")
        if fault.rule == "mixed_zones" and fault.column not in mixed
        else fault
        for fault in stage.faults
    )
    return replace(stage, faults=faults)


def row_findings(stage: Stage, groups: Iterable[Group]) -> list[Finding]:
    """Return what the rules on single rows found, excluded rows left out."""
    counts = [0] * len(stage.faults)
    for group in groups:
        if not group.excluded:
            for bit in range(len(counts)):
                counts[bit] += group.n_rows if group.faults >> bit & 1 else 0
    return [
        _row_finding(stage, bit, fault, n_rows)
        for bit, (fault, n_rows) in enumerate(zip(stage.faults, counts, strict=True))
        if n_rows and fault.rule not in HIDDEN and stage.severity[fault.rule] != "ignore"
    ]


def _row_finding(stage: Stage, bit: int, fault: Fault, n_rows: int) -> Finding:
    rows = (
        f"select _part, _file, _row from {stage.relation} where _excluded = 0 and _faults & {1 << bit} <> 0"
    )
    examples = row_examples(stage, fault.column, rows)
    return finding(fault.rule, stage.severity[fault.rule], n_rows, column=fault.column, examples=examples)


def marked(stage: Stage, found: Iterable[Marks]) -> tuple[Stage, list[Finding]]:
    """Return the stage with the rows marked that a cross-check sets aside, and what the check found."""
    findings = []
    for marks in found:
        severity = stage.severity[marks.rule]
        if severity == "ignore":
            continue
        n_rows = int(stage.gate.execute(f"select count(*) from ({marks.rows})").fetchone()[0])
        if not n_rows:
            continue
        examples = row_examples(stage, marks.column, marks.rows)
        if severity != "warn":
            stage, n_rows = stage.marked(marks.rule, marks.column, marks.rows)
        findings.append(finding(marks.rule, severity, n_rows, marks.detail, marks.column, examples))
    return stage, findings


def finding(
    rule: str,
    severity: Severity,
    n_rows: int = 0,
    detail: str = "",
    column: str = "",
    examples: Sequence[Example] = (),
) -> Finding:
    """Return a finding with its rule's title."""
    return Finding(rule, RULES[rule].title, column, severity, n_rows, detail, tuple(examples))


def row_examples(stage: Stage, column: str, rows: str) -> list[Example]:
    """Return the first rows of those that a query names by ``_part, _file, _row``, as the shop has them."""
    keys = stage.gate.execute(
        f"select _part, _file, _row from ({rows}) order by 1, 2, 3 limit {MOST_EXAMPLES}"
    ).fetchall()
    return [_example(stage, stage.plan.parts[place], column, file, row) for place, file, row in keys]


def _example(stage: Stage, part: Part, column: str, file: str, row: int) -> Example:
    label = part.raw.files.get(file, file)
    number = part.raw.row_number(file, row)
    origin = part.origins.get(column)
    reads = [name for name in origin.meaning.reads if name in part.raw.names] if origin else []
    if not reads:
        return Example(label, number, {})
    cells = ", ".join(f"{quoted_name(part.raw.names[name])}::varchar" for name in reads)
    values = stage.gate.connection.execute(
        f"select {cells} from {part.raw.relation} where _file = ? and _row = ?", [file, row]
    ).fetchone()
    return Example(label, number, dict(zip(reads, (_short(value) for value in values), strict=True)))


def _short(value: str | None) -> str | None:
    return value if value is None or len(value) <= 60 else f"{value[:60]}... ({len(value):,} signs)"


def source_findings(plan: Plan, severity: Mapping[str, Severity]) -> list[Finding]:
    """Return what was noticed while a table's sources were opened."""
    found = [
        finding(refusal.rule, severity[refusal.rule], detail=str(refusal.error))
        for refusal in plan.refusals
        if severity[refusal.rule] != "ignore"
    ]
    lines = broken_lines(plan)
    if lines and severity["broken_line"] != "ignore":
        reasons = ", ".join(sorted({line.why for line in lines}))
        examples = [
            Example(line.file, line.line, {"line": _short(line.text)}) for line in lines[:MOST_EXAMPLES]
        ]
        found.append(finding("broken_line", severity["broken_line"], len(lines), reasons, examples=examples))
    guessed = sorted(label for part in plan.parts if part.raw.is_guess for label in part.raw.files.values())
    if guessed and severity["guessed_encoding"] != "ignore":
        found.append(finding("guessed_encoding", severity["guessed_encoding"], detail=", ".join(guessed[:5])))
    return found


def broken_lines(plan: Plan) -> list[BrokenLine]:
    """Return the lines of a table's text files that are no rows."""
    return [line for part in plan.parts for line in part.raw.broken]
