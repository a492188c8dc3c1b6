"""A table's rows as files: those that were stored, and the SQL of those that are to be.

Accepted rows lie in one file or several, each sorted by customer and time; ``_source`` says by number from which of the
shop's files a row is. Beside them lie the rows that were not accepted, the times of excluded rows after the last
accepted one, and the shop's own cells of rows set aside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .expressions import quoted_name, text_literal
from .extract import EVENTS
from .faults import Fault
from .ledger import Ledger
from .quarantine import quarantine_select
from .report import TableReport
from .staging import Group, Stage

ROWS, ASIDE, EXCLUDED, QUARANTINE = "rows", "aside", "excluded", "quarantine"
BEHIND = 1 << 40  # added to the number of a row that was not accepted: in a file, the accepted of equal rows come first
MOST_FILES = 16  # of one table, before they are written as one


@dataclass(frozen=True)
class StoredTable:
    """A table of a state that is stored.

    Parameters
    ----------
    name
        The canonical table.
    place
        The state's folder.
    segments
        The files of accepted rows.
    ledger, report
        What is known of them, and what the rules found.
    """

    name: str
    place: Path
    segments: tuple[str, ...]
    ledger: Ledger
    report: TableReport

    @property
    def paths(self) -> list[Path]:
        """The files of accepted rows."""
        return [self.place / name for name in self.segments]

    def path(self, kind: str) -> Path | None:
        """Return the file of other rows than accepted ones; None where there are none."""
        path = self.place / file_of(self.name, kind)
        return path if path.is_file() else None


@dataclass(frozen=True)
class TableRows:
    """A table's rows, as they were read.

    Parameters
    ----------
    report
        What came of them.
    names
        The canonical columns.
    ledger
        What is known of them; None where they are not to be added to.
    selects
        Kind to the SQL of rows that are to be stored.
    former
        The stored table that they add to, whose accepted rows stay as they are.
    how
        How they were read, as a phrase; empty where all were read and nothing was stored before.
    """

    report: TableReport
    names: tuple[str, ...] = ()
    ledger: Ledger | None = None
    selects: Mapping[str, str] = field(default_factory=dict)
    former: StoredTable | None = None
    how: str = ""

    @property
    def quarantine(self) -> str:
        """The SQL of the rows that were set aside; empty where there are none."""
        path = None if self.selects or self.former is None else self.former.path(QUARANTINE)
        return self.selects.get(QUARANTINE, "") if path is None else f"select * from {parquet_rows([path])}"


def file_of(name: str, kind: str, number: int = 0) -> str:
    """Return the name of a file of a table's rows.

    Examples
    --------
    >>> file_of("orders", ROWS), file_of("orders", ROWS, 1), file_of("orders", ASIDE)
    ('orders.parquet', 'orders.1.parquet', 'aside/orders.parquet')
    """
    if kind == ROWS:
        return f"{name}.{number}.parquet" if number else f"{name}.parquet"
    return f"{kind}/{name}.parquet"


def parquet_rows(paths: Sequence[Path], options: str = "") -> str:
    """Return the SQL of the rows of files."""
    return f"read_parquet([{', '.join(text_literal(str(path)) for path in paths)}]{options})"


def columns_of(names: Sequence[str]) -> str:
    """Return columns as SQL."""
    return ", ".join(map(quoted_name, names))


def former_rows(former: StoredTable, faults: Sequence[Fault], at: Mapping[str, tuple[int, str]]) -> str:
    """Return the select of a stored table's rows as a stage has them; those that were excluded left out.

    Parameters
    ----------
    former
        The table.
    faults
        The rules that get a bit, in order; other bits are left out.
    at
        A file's name to what stands in ``_part`` and ``_file`` for it.
    """
    files = [at[name] for name in former.ledger.numbers]
    part = f"[{', '.join(str(number) for number, _ in files)}][_source + 1]"
    file = f"[{', '.join(text_literal(path) for _, path in files)}][_source + 1]"
    keys = f"{columns_of(former.ledger.record.names)}, {part} as _part, {file} as _file"
    numbered = parquet_rows(former.paths, ", file_row_number = true")
    accepted = f"select {keys}, file_row_number as _row, 0::bigint as _excluded, 0::hugeint as _faults from {numbered}"
    aside = former.path(ASIDE)
    if aside is None:
        return accepted
    bits = f"({translated_bits(former.ledger.faults, faults)})::hugeint"
    return (
        f"{accepted} union all select {keys}, _row + {BEHIND}, 0::bigint, {bits}"
        f" from (select * replace (_faults::hugeint as _faults) from {parquet_rows([aside])})"
    )


def translated_bits(old: Sequence[tuple[str, str]], faults: Sequence[Fault]) -> str:
    """Return the SQL of a row's faults with the bits that they have in another list."""
    places = fault_places(faults)
    cases = [
        f"(case when _faults & {1 << bit} <> 0 then {1 << places[key]}::hugeint else 0 end)"
        for bit, key in enumerate(old)
        if key in places
    ]
    return " | ".join(cases) or "0"


def fault_places(faults: Sequence[Fault]) -> dict[tuple[str, str], int]:
    """Return rule and column to the first bit of theirs."""
    places: dict[tuple[str, str], int] = {}
    for bit, key in enumerate(fault_keys(faults)):
        places.setdefault(key, bit)
    return places


def fault_keys(faults: Sequence[Fault]) -> tuple[tuple[str, str], ...]:
    """Return rule and column of faults; times with a zone are told as such, whether they are held against a table."""
    return tuple(("mixed_zones" if fault.rule == "zoned" else fault.rule, fault.column) for fault in faults)


def selects_of(
    stage: Stage, groups: Sequence[Group], numbers: Mapping[str, int], former: StoredTable | None = None
) -> dict[str, str]:
    """Return the SQL of what is to be stored of a table: its new rows, and of other kinds those stored before as well.

    Parameters
    ----------
    stage, groups
        The new rows, all rules applied.
    numbers
        What stands in ``_file`` to the file's number.
    former
        The table as it was stored.
    """
    table = stage.plan.table
    names, at = columns_of(stage.plan.names), quoted_name(str(table.time))
    listed = ", ".join(f"({text_literal(file)}, {number})" for file, number in numbers.items())
    new = f"from {stage.relation} join (values {listed}) as f(_path, _source) on _file = _path"
    selects = {ROWS: f"select {names}, _source {new} where {stage.kept}"}
    aside = (
        f"select {names}, _source, _row, _faults::hugeint as _faults {new} where _excluded = 0 and not ({stage.kept})"
    )
    late = f"{at} > (select max({at}) from {quoted_name(table.name)})"
    excluded = f"select distinct {at} as excluded_at from {stage.relation} where _excluded <> 0 and {late}"
    excluded *= table.name in EVENTS
    quarantine = quarantine_select(stage, groups) or ""
    if former is not None and (path := former.path(ASIDE)):
        bits = f"({translated_bits(former.ledger.faults, stage.faults)})::hugeint as _faults"
        old = f"(select * replace (_faults::hugeint as _faults) from {parquet_rows([path])})"
        aside += f" union all select {names}, _source, _row, {bits} from {old}"
    if former is not None and (path := former.path(EXCLUDED)):
        excluded += f" union select excluded_at from {parquet_rows([path])}"
    if former is not None and (path := former.path(QUARANTINE)):
        quarantine += f"{' union all by name ' if quarantine else ''}select * from {parquet_rows([path])}"
    selects[ASIDE] = f"select * replace (_faults::varchar as _faults) from ({aside})"
    more = {EXCLUDED: excluded, QUARANTINE: quarantine}
    return selects | {kind: select for kind, select in more.items() if select}
