"""Rules that look across rows, asked of new rows beside stored ones.

Duplicates and overlapping files are looked for among the new rows and the stored ones of the same times or keys;
medians and far dates are taken of all rows; of references, what came into their tables and what went is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from ..contract import CONTRACT, Reference
from .crosschecks import (
    ROWS,
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
from .expressions import quoted_name, text_literal
from .faults import Fault
from .findings import WHOLE_ROWS, finding, row_examples
from .increments import Increment
from .ledger import ReadAnewError
from .raw import Gate
from .staging import KEYS, Stage
from .stored import BEHIND, StoredTable, columns_of, former_rows, parquet_rows, translated_bits

ALL, NEAR, NEAR_STORED, STORED = "all_rows", "near_rows", "near_stored_rows", "stored_near"
OTHERS = "rows that are stored would count otherwise by '{}'"


@dataclass(frozen=True)
class References:
    """The tables that others refer to, as they are now beside as they were stored.

    Parameters
    ----------
    accepted
        The tables of which rows are accepted now.
    former
        Those of which rows were stored.
    unchanged
        Those whose rows are the stored ones.
    """

    accepted: Collection[str]
    former: Mapping[str, StoredTable]
    unchanged: Collection[str]


def held_to_others(more: Increment, references: References) -> None:
    """Find out which rules the new rows break beside all others, and mark them.

    Raises
    ------
    ReadAnewError
        If stored rows would break a rule now that they did not break before, or no longer one that they did.
    """
    _put_near(more)
    severity = more.stage.severity
    if severity["far_time"] != "ignore":
        _mark_of_all(more, "far_time", far_times)
    if severity["overlapping_files"] != "ignore":
        _mark_overlaps(more)
    near = {"several_arms": several_arms, "duplicate_key": duplicate_keys, "duplicate_row": duplicate_rows}
    for rule, check in near.items():
        if severity[rule] != "ignore":
            _mark_near(more, rule, check)
    if severity["orphan"] != "ignore":
        _mark_orphans(more, references)
    if severity["outlying_amount"] != "ignore":
        _mark_of_all(more, "outlying_amount", outliers)


def _put_near(more: Increment) -> None:
    """Put the stored rows of the times or keys of new rows on the gate, with the faults that they have there."""
    stage, ledger = more.stage, more.former.ledger
    table = stage.plan.table
    keys = [name for name in table.key or (str(table.time),) if name in stage.plan.names]
    faults = [Fault(rule, column, "") for rule, column in ledger.faults]
    rows = f"select * from ({former_rows(more.former, faults, more.at)})"
    among = f"(select distinct {columns_of(keys)} from {stage.relation})"
    near = f"{rows} semi join {among} using ({columns_of(keys)})" if keys else f"{rows} where false"
    stage.gate.execute(f"create or replace temp table {STORED} as {near}")
    _put_views(more)


def _put_views(more: Increment) -> None:
    """Show new rows and stored ones as one relation, their faults as bits of the rules so far."""
    stage, gate = more.stage, more.stage.gate
    names = f"{columns_of(stage.plan.names)}, {', '.join(KEYS)}"
    bits = f"({translated_bits(more.former.ledger.faults, stage.faults)})::hugeint as _faults"
    new = f"select {names} from {stage.relation}"
    near = f"select {names} from (select * replace ({bits}) from {STORED})"
    every = f"select {names} from ({former_rows(more.former, stage.faults, more.at)})"
    for view, rows in ((ALL, f"{new} union all {every}"), (NEAR, f"{new} union all {near}"), (NEAR_STORED, near)):
        gate.execute(f"create or replace temp view {view} as {rows}")


def _count(stage: Stage, rows: str, condition: str) -> int:
    return int(stage.gate.row(f"select count(*) from ({rows}) where {condition}")[0])


def _mark_of_all(more: Increment, rule: str, check: Callable[[Stage], list[Marks]]) -> None:
    """Mark new rows by a rule that looks at all rows of a table."""
    stage = more.stage
    marks = check(replace(stage, relation=ALL))
    columns = {one.column for one in marks}
    if any(one.rule == rule and one.column not in columns for one in more.former.report.findings):
        raise ReadAnewError(OTHERS.format(rule))
    for one in marks:
        before = more.before(rule, one.column)
        n_stored = _count(stage, one.rows, f"not {more.is_new}")
        is_told = stage.severity[rule] != "warn"
        n_accepted = _count(stage, one.rows, f"not {more.is_new} and _row < {BEHIND}") if is_told and n_stored else 0
        if (
            n_stored != (before.n_rows if before else 0)
            or n_accepted
            or (n_stored and not is_told and rule == "far_time")
        ):
            raise ReadAnewError(OTHERS.format(rule))
        _mark(more, one)


def _mark_near(more: Increment, rule: str, check: Callable[[Stage], list[Marks]]) -> None:
    """Mark new rows by a rule that looks at rows of equal times or keys."""
    marks = check(replace(more.stage, relation=NEAR))
    for one in marks:
        if n_stored := _count(more.stage, one.rows, f"not {more.is_new}"):
            alone = check(replace(more.stage, relation=NEAR_STORED))
            if n_stored != sum(_count(more.stage, other.rows, "true") for other in alone):
                raise ReadAnewError(OTHERS.format(rule))
        _mark(more, one)
    if not marks:
        for found in more.former.report.findings:
            if found.rule == rule:
                _mark(more, Marks(rule, found.column, f"select {ROWS} from {NEAR} where false", found.detail))


def _mark_overlaps(more: Increment) -> None:
    """Mark rows of new files that are in earlier files too."""
    stage, known = more.stage, more.former.ledger.overlaps
    copies = {more.at[name][1]: n_rows for name, n_rows in known.copies.items()}
    every = replace(stage, relation=ALL)
    found = overlaps_of(every, NEAR, copies)
    stored = {more.at[name][1] for name in known.files}
    if found.copies:
        n_near = _count(stage, f"select {ROWS} from overlapping_copies", f"not {more.is_new}")
        again = overlaps_of(every, NEAR_STORED)
        if n_near != sum(again.copies.values()):
            raise ReadAnewError(OTHERS.format("overlapping_files"))
        found = overlaps_of(every, NEAR, copies)
    files = {file for file in found.files if file not in more.new}
    if files != stored:
        raise ReadAnewError(OTHERS.format("overlapping_files"))
    names = {place: name for name, (_, place) in more.at.items()}
    new = [file for file in found.files if file in more.new]
    rows = f"select {ROWS} from {NEAR} where false"
    days = known.days
    if new:
        rows = f"select {ROWS} from overlapping_copies where _file in ({', '.join(map(text_literal, new))})"
        own = stage.gate.row(
            f"select min(_at)::date, max(_at)::date from overlapping_copies semi join ({rows}) using ({ROWS})"
        )
        days = (min((own[0], *days)), max((own[1], *days)))
    more.overlaps = Overlaps(
        {names[file]: n_rows for file, n_rows in ({**found.copies, **copies}).items()},
        tuple(names[file] for file in found.files),
        days,
    )
    if days:
        _mark(more, Marks("overlapping_files", str(stage.plan.table.time), rows, f"from {days[0]} to {days[1]}"))


def _mark_orphans(more: Increment, references: References) -> None:
    """Mark new rows that refer to nothing; of stored ones, those no longer count whose reference has come."""
    stage, known = more.stage, more.former.ledger.orphan_ids
    came = references_that_came(stage.gate, more.former, references, stage.severity)
    for one in orphans(stage, references.accepted):
        new, before = first_ids(more.stage, one), more.before(one.rule, one.column)
        ids = [*zip(map(more.rank, before.examples), known.get(one.column, ()), strict=True)] if before else []
        _mark(more, one, came.get(one.column, 0))
        last = more.findings[-1:]
        if last and (last[0].rule, last[0].column) == (one.rule, one.column):
            stored = dict(ids)
            fresh = iter(new)
            ranks = map(more.rank, last[0].examples)
            more.orphan_ids[one.column] = tuple(stored[rank] if rank in stored else next(fresh) for rank in ranks)


def references_that_came(
    gate: Gate, former: StoredTable, references: References, severity: Mapping[str, str]
) -> dict[str, int]:
    """Return column -> how many of a stored table's references without a row have one now.

    Raises
    ------
    ReadAnewError
        If other rows than those count as such, or examples are among them.
    """
    found: dict[str, int] = {}
    for reference in CONTRACT[former.name].references:
        if reference.column not in former.ledger.record.names or severity["orphan"] == "ignore":
            continue
        if (reference.table in references.accepted) != (reference.table in references.former):
            raise ReadAnewError(f"'{reference.table}' has come or gone")
        if reference.table in references.accepted and reference.table not in references.unchanged:
            found[reference.column] = _came(gate, former, reference, references, severity)
    return found


def _came(
    gate: Gate, former: StoredTable, reference: Reference, references: References, severity: Mapping[str, str]
) -> int:
    column, key = quoted_name(reference.column), quoted_name(reference.key)
    before = f"(select distinct {key} as known from {parquet_rows(references.former[reference.table].paths)})"
    now = f"(select distinct {key} as known from {quoted_name(reference.table)})"
    if gate.rows(f"select 1 from {before} anti join {now} using (known) limit 1"):
        raise ReadAnewError(f"rows of '{reference.table}' are gone")
    came = f"(select known from {now} anti join {before} using (known))"
    told = [one for one in former.report.findings if (one.rule, one.column) == ("orphan", reference.column)]
    if not told or not gate.rows(f"select 1 from {came} limit 1"):
        return 0
    rows = f"select {column} as known from {parquet_rows(former.paths)}"
    n_rows = int(gate.row(f"select count(*) from ({rows}) semi join {came} using (known)")[0])
    ids = [one for one in former.ledger.orphan_ids.get(reference.column, ()) if one is not None]
    listed = ", ".join(map(text_literal, ids)) or "null"
    is_example = bool(gate.rows(f"select 1 from {came} where known in ({listed}) limit 1"))
    set_aside = any(severity[rule] in ("set aside", "refuse") for rule in ("orphan", "outlying_amount"))
    if is_example or set_aside:
        raise ReadAnewError(f"rows of '{reference.table}' came to which stored ones refer")
    return n_rows


def _mark(more: Increment, marks: Marks, n_gone: int = 0) -> None:
    """Mark new rows, and add what was found in all rows."""
    stage, rule = more.stage, marks.rule
    severity, before = stage.severity[rule], more.before(rule, marks.column)
    rows = f"select {ROWS} from ({marks.rows}) where {more.is_new}"
    n_new = _count(stage, rows, "true")
    n_rows = (before.n_rows - n_gone if before else 0) + n_new
    if not n_rows:
        return
    examples = more.examples(before, row_examples(stage, marks.column, rows, rule in WHOLE_ROWS) if n_new else [])
    if severity != "warn":
        more.stage, _ = stage.marked(rule, marks.column, rows)
        _put_views(more)
    more.findings.append(finding(rule, severity, n_rows, marks.detail, marks.column, examples))
