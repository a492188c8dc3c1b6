"""Rules that look at more than one row: keys, duplicates, overlapping files, references, outliers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from types import MappingProxyType

from ..contract import Reference
from .expressions import quoted_name, text_literal
from .report import MOST_EXAMPLES
from .rules import OUTLYING_MULTIPLE
from .staging import Stage

FAR_DAYS = 365  # events further off than this and than the others span are not believed
FAR_SHARE = 0.01  # and how few they are then, of all
EMPTY_DAYS = 30  # a gap before the last events that makes the extract's end doubtful
FEW_SHARE = 0.001  # and how few they are then, of all
OVERLAP_SHARE = 0.5  # files overlap where at least this share of the rows of their common days is in both

ENOUGH_ROWS = 1_000_000  # for a median

ROWS = "_part, _file, _row"


@dataclass(frozen=True)
class Marks:
    """Rows that break a rule.

    Parameters
    ----------
    rule, column
        The rule, and the column it looks at first.
    rows
        SQL that gives ``_part, _file, _row`` of the rows.
    detail
        What else there is to say, as a sentence without its full stop.
    """

    rule: str
    column: str
    rows: str
    detail: str = ""


@dataclass(frozen=True)
class Overlaps:
    """What files have in common with earlier ones.

    Parameters
    ----------
    copies
        File to how many of its rows an earlier file has too.
    files
        The files that overlap with earlier ones.
    days
        The first and last day of their rows that earlier files have too; none where there are no such files.
    """

    copies: Mapping[str, int] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    days: tuple[date, ...] = ()

    def marks(self, stage: Stage) -> list[Marks]:
        """Return the rows that earlier files have too; they are in a table of the gate until others are looked for."""
        if not self.files:
            return []
        listed = ", ".join(map(text_literal, self.files))
        rows = f"select {ROWS} from overlapping_copies where _file in ({listed})"
        return [Marks("overlapping_files", str(stage.plan.table.time), rows, f"from {self.days[0]} to {self.days[1]}")]


def overlaps_of(stage: Stage, alike: str = "", known: Mapping[str, int] = MappingProxyType({})) -> Overlaps:
    """Return which files overlap, and with how many copies.

    Two files overlap where most of their rows on common days are the same; a few equal rows in files that share a
    period are taken for what they may be, equal rows.

    Parameters
    ----------
    stage
        The table.
    alike
        The relation in which rows are looked for that several files have; default: all rows.
    known
        File to its number of copies, for files of which that is known.
    """
    table = stage.plan.table
    if table.name not in ("orders", "interactions") or (not alike and len(stage.plan.files) < 2):
        return Overlaps()
    time = quoted_name(str(table.time))
    stage.gate.execute(
        "create or replace temp table numbered_files as select _part, _file, min(_at) as first_at, max(_at) as last_at,"
        f" row_number() over (order by _part, _file) as n_file from (select _part, _file, {time} as _at"
        f" from {stage.relation} where {stage.kept} and {time} is not null) group by _part, _file"
    )
    spans = stage.gate.rows("select first_at, last_at from numbered_files order by n_file")
    window = _common_window(spans)
    if window is None:
        return Overlaps()
    within = f"{stage.kept} and {time} between timestamp '{window[0]}' and timestamp '{window[1]}'"
    columns = ", ".join(quoted_name(name) for name in stage.plan.names)
    copies = _copies(alike or stage.relation, time, columns, within)
    stage.gate.execute(f"create or replace temp table overlapping_copies as {copies}")
    counts = dict(stage.gate.rows("select _file, count(*) from overlapping_copies group by 1")) | dict(known)
    files = tuple(_overlapping(stage, time, within, counts)) if counts else ()
    listed = ", ".join(map(text_literal, files)) or "null"
    days = stage.gate.row(f"select min(_at)::date, max(_at)::date from overlapping_copies where _file in ({listed})")
    return Overlaps(counts, files, days if days[0] is not None else ())


def _common_window(spans: Sequence[tuple[datetime, datetime]]) -> tuple[datetime, datetime] | None:
    """Return the smallest span of time that holds all that any two files have in common."""
    common = [
        (max(early[0], late[0]), min(early[1], late[1])) for place, late in enumerate(spans) for early in spans[:place]
    ]
    shared = [(start, end) for start, end in common if start <= end]
    if not shared:
        return None
    return min(start for start, _ in shared), max(end for _, end in shared)


def _copies(relation: str, time: str, columns: str, within: str) -> str:
    """Return the select of rows of which an earlier file holds as many copies as their own file so far."""
    return (
        f"with rows as (select {columns}, {ROWS}, n_file, hash({columns}) as h"
        f" from {relation} join numbered_files using (_part, _file) where {within}),"
        " shared as (select h from rows group by h having count(distinct n_file) > 1),"
        f" numbered as (select *, row_number() over (partition by {columns}, n_file order by _row) as n_copy"
        " from rows semi join shared using (h)),"
        f" earlier as (select *, max(n_copy) over (partition by {columns} order by n_file"
        " range between unbounded preceding and 1 preceding) as n_earlier from numbered)"
        f" select {ROWS}, {time} as _at from earlier where n_copy <= n_earlier"
    )


def _overlapping(stage: Stage, time: str, within: str, copies: Mapping[str, int]) -> list[str]:
    """Return the files that share most rows of common days with earlier files.

    Most of their own rows or most of the others': one of two exports may end in the middle of a day.
    """
    rows = stage.gate.rows(
        f"with days as (select _file, n_file, {time}::date as day"
        f" from {stage.relation} join numbered_files using (_part, _file) where {within}),"
        " counted as (select _file, n_file, day, count(*) as n_rows from days group by all),"
        " before as (select *, sum(n_rows) over (partition by day order by n_file"
        " rows between unbounded preceding and 1 preceding) as n_before from counted)"
        " select _file, least(sum(n_rows), sum(n_before)) from before where n_before > 0 group by _file, n_file"
        " order by n_file"
    )
    return [file for file, n_rows in rows if file in copies and copies[file] >= OVERLAP_SHARE * n_rows]


def duplicate_keys(stage: Stage) -> list[Marks]:
    """Find rows whose key an earlier row has."""
    key = [name for name in stage.plan.table.key if name in stage.plan.names]
    if not key:
        return []
    names = ", ".join(quoted_name(name) for name in key)
    keys = f"{names}, {ROWS}"
    n_repeats = stage.gate.row(f"select count(*) - count(distinct ({names})) from {stage.relation} where {stage.kept}")[
        0
    ]
    if not n_repeats:
        return []
    rows = (
        f"select {ROWS} from (select {keys}, row_number() over (partition by {names} order by {ROWS}) as n"
        f" from {stage.relation} where {stage.kept}) where n > 1"
    )
    return [Marks("duplicate_key", key[0], rows)]


def several_arms(stage: Stage) -> list[Marks]:
    """Find customers who stand in several arms of one wave: whichever row came first, none of theirs says anything."""
    key = [quoted_name(name) for name in stage.plan.table.key if name in stage.plan.names]
    if stage.plan.table.name != "assignments" or "arm" not in stage.plan.names:
        return []
    names = ", ".join(key)
    rows = (
        f"select {ROWS} from (select {ROWS}, min(arm) over (partition by {names}) as a, max(arm) over (partition by"
        f" {names}) as b from {stage.relation} where {stage.kept}) where a <> b"
    )
    return [Marks("several_arms", "arm", rows)] if stage.gate.row(f"select count(*) from ({rows})")[0] else []


def duplicate_rows(stage: Stage) -> list[Marks]:
    """Find events that equal an earlier one in every mapped column."""
    if stage.plan.table.time is None or stage.plan.table.key:
        return []
    columns = ", ".join(quoted_name(name) for name in stage.plan.names)
    kept = f"from {stage.relation} where {stage.kept}"
    repeated = f"(select hash({columns}) as h {kept} group by h having count(*) > 1)"
    if not stage.gate.row(f"select count(*) from {repeated}")[0]:
        return []
    rows = (
        f"select {ROWS} from (select {ROWS}, row_number() over (partition by {columns} order by {ROWS}) as n"
        f" {kept} and hash({columns}) in (select h from {repeated})) where n > 1"
    )
    return [Marks("duplicate_row", stage.plan.names[0], rows)]


def orphans(stage: Stage, accepted: Collection[str]) -> list[Marks]:
    """Find references to rows that their table does not have; only to tables that the shop has.

    Parameters
    ----------
    stage
        The table.
    accepted
        The tables of which the accepted rows are known by their names.
    """
    return [
        Marks("orphan", reference.column, _without(stage, reference), f"not in '{reference.table}'")
        for reference in stage.plan.table.references
        if reference.table in accepted and reference.column in stage.plan.names
    ]


def first_ids(stage: Stage, marks: Marks) -> tuple[str | None, ...]:
    """Return the values of the column of the first rows that are marked."""
    first = f"select {ROWS} from ({marks.rows}) order by 1, 2, 3 limit {MOST_EXAMPLES}"
    column = quoted_name(marks.column)
    rows = stage.gate.rows(f"select {column} from {stage.relation} join ({first}) using ({ROWS}) order by {ROWS}")
    return tuple(row[0] for row in rows)


def _without(stage: Stage, reference: Reference) -> str:
    column, key = quoted_name(reference.column), quoted_name(reference.key)
    known = f"select distinct {key} as known from {quoted_name(reference.table)}"
    return (
        f"select {ROWS} from {stage.relation} anti join ({known}) on {column} = known"
        f" where {stage.kept} and {column} is not null"
    )


def outliers(stage: Stage) -> list[Marks]:
    """Find amounts far beyond the column's median."""
    amounts = [name for name in stage.plan.names if stage.plan.table.column(name).kind == "money"]
    amounts += [name for name in stage.plan.names if name == "quantity"]
    if not amounts:
        return []
    asked = ", ".join(f"median({quoted_name(name)}) filter ({quoted_name(name)} > 0)" for name in amounts)
    n_rows = stage.gate.row(f"select count(*) from {stage.relation}")[0]
    drawn = ", ".join(quoted_name(name) for name in stage.plan.table.required)  # by what a row says, wherever it stands
    some = f" and hash({drawn}) % {n_rows // ENOUGH_ROWS} = 0" if n_rows >= 2 * ENOUGH_ROWS else ""
    found = stage.gate.row(f"select {asked} from {stage.relation} where {stage.kept}{some}")
    return [
        Marks(
            "outlying_amount",
            name,
            f"select {ROWS} from {stage.relation}"
            f" where {stage.kept} and {quoted_name(name)} > {OUTLYING_MULTIPLE * float(median)}",
            f"the median is {_shown(float(median), stage, name)}",
        )
        for name, median in zip(amounts, found, strict=True)
        if median is not None
    ]


def _shown(median: float, stage: Stage, name: str) -> str:
    """Return a median as people write it: money in the currency's unit."""
    is_money = stage.plan.table.column(name).kind == "money"
    places = stage.decimals if is_money else 0
    return f"{median / 10**places:,.{places}f}"


def far_times(stage: Stage) -> list[Marks]:
    """Find events that are dated further from all others than these span."""
    table = stage.plan.table
    if table.name not in ("orders", "interactions"):
        return []
    time = quoted_name(str(table.time))
    days = stage.gate.rows(
        f"select {time}::date, count(*) from {stage.relation} where {stage.kept} and {time} is not null"
        " group by 1 order by 1"
    )
    span = main_span(days)
    if span is None or span == (days[0][0], days[-1][0]):
        return []
    first, last = span
    rows = (
        f"select {ROWS} from {stage.relation} where {stage.kept}"
        f" and ({time}::date < date '{first}' or {time}::date > date '{last}')"
    )
    return [Marks("far_time", str(table.time), rows, f"all others are from {first} to {last}")]


def main_span(days: Sequence[tuple[date, int]]) -> tuple[date, date] | None:
    """Return the first and last day of the events but for a few that stand further off than the others span.

    Parameters
    ----------
    days
        Each day with events and how many, in order.

    Examples
    --------
    >>> main_span([(date(1970, 1, 1), 2), (date(2020, 1, 1), 5000), (date(2021, 1, 1), 5000), (date(2099, 1, 1), 1)])
    (datetime.date(2020, 1, 1), datetime.date(2021, 1, 1))
    >>> main_span([]) is None
    True
    """
    if not days:
        return None
    few = max(1, FAR_SHARE * sum(n_rows for _, n_rows in days))
    start = _after_the_few(days, few)
    end = len(days) - 1 - _after_the_few(days[::-1], few)
    first, last = days[start][0], days[end][0]
    far = max(last - first, timedelta(days=FAR_DAYS))
    is_early = start > 0 and first - days[start - 1][0] > far
    is_late = end < len(days) - 1 and days[end + 1][0] - last > far
    return (first if is_early else days[0][0]), (last if is_late else days[-1][0])


def _after_the_few(days: Sequence[tuple[date, int]], few: float) -> int:
    """Return the place of the day before which the widest gap lies that only a few events stand outside of."""
    widest, place, n_outside = timedelta(), 0, 0
    for number, ((former, n_rows), (day, _)) in enumerate(pairwise(days), start=1):
        n_outside += n_rows
        if n_outside > few:
            break
        if abs(day - former) > widest:
            widest, place = abs(day - former), number
    return place


def unzoned_beside_zoned(stage: Stage, zoned: Mapping[str, int]) -> set[str]:
    """Return the time columns in which some times carry a zone and others do not.

    Parameters
    ----------
    stage
        The table.
    zoned
        Column to the bit that marks a time with a zone.
    """
    mixed = set()
    for name, bit in zoned.items():
        column = quoted_name(name)
        asked = f"select 1 from {stage.relation} where _excluded = 0 and {column} is not null and _faults & {bit} = 0"
        if stage.gate.rows(f"{asked} limit 1"):
            mixed.add(name)
    return mixed


def lonely_end(days: Iterable[tuple[date, int]]) -> tuple[date, int] | None:
    """Return the last day before a few late events that stand far apart, and how many these are; None if none do.

    Parameters
    ----------
    days
        Each day with events and how many, in order.

    Examples
    --------
    >>> lonely_end([(date(2020, 1, 1), 5000), (date(2035, 1, 1), 1)])
    (datetime.date(2020, 1, 1), 1)
    >>> lonely_end([(date(2020, 1, 1), 5), (date(2020, 1, 20), 5)]) is None
    True
    """
    known = list(days)
    total = sum(n_rows for _, n_rows in known)
    late = 0
    for (former, _), (day, n_rows) in zip(known[-2::-1], known[:0:-1], strict=True):
        late += n_rows
        if late > max(1, FEW_SHARE * total):
            return None
        if day - former > timedelta(days=EMPTY_DAYS):
            return former, late
    return None
