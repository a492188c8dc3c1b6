"""The stage: all rows of a table on the gate, each with what it is excluded by and which rules it breaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import duckdb

from penchant.config import Severity
from penchant.errors import ContractError

from .expressions import quoted_name
from .faults import Fault, row_faults
from .mapping import TablePlan, never_true, part_select
from .raw import Gate
from .settings import Settings

MOST_LISTED = 40  # values; a row is held against so many one after the other as quickly as by a join
KEYS = ("_part", "_file", "_row", "_excluded", "_faults")

Count = Callable[[str], int]


@dataclass(frozen=True)
class Group:
    """Rows of one file that are excluded by the same conditions and break the same rules."""

    file: str
    excluded: int
    faults: int
    n_rows: int


@dataclass(frozen=True)
class Stage:
    """A table's rows before it is decided which are accepted.

    Parameters
    ----------
    gate
        Where they are.
    plan
        What they are made of.
    relation
        The table: the canonical columns, and `KEYS`.
    faults
        The rules' conditions; bit n of ``_faults`` stands for the n-th.
    severity
        A rule's code to its severity in this table.
    decimals
        Places of the currency.
    """

    gate: Gate
    plan: TablePlan
    relation: str
    faults: tuple[Fault, ...]
    severity: Mapping[str, Severity]
    decimals: int

    @property
    def aside(self) -> int:
        """The bits of the faults that set a row aside, or refuse it."""
        return sum(
            1 << bit
            for bit, fault in enumerate(self.faults)
            if self.severity.get(fault.rule) in ("set aside", "refuse")
        )

    @property
    def kept(self) -> str:
        """The condition of an accepted row."""
        return f"_excluded = 0 and _faults & {self.aside} = 0" if self.aside else "_excluded = 0"

    def groups(self) -> list[Group]:
        """Count the rows by file, exclusions and faults."""
        rows = self.gate.rows(f"select _file, _excluded, _faults, count(*) from {self.relation} group by all")
        return [Group(file, int(excluded), int(faults), n_rows) for file, excluded, faults, n_rows in rows]

    def marked(self, rule: str, column: str, rows: str) -> tuple[Stage, int]:
        """Mark rows as breaking a rule.

        Parameters
        ----------
        rule, column
            The rule, and the column it looks at first.
        rows
            SQL that gives ``_part, _file, _row`` of the rows.

        Returns
        -------
        Stage
            The stage.
        int
            How many rows were marked.
        """
        bit = len(self.faults)
        changed = self.gate.row(
            f"update {self.relation} as s set _faults = s._faults | {1 << bit} from ({rows}) as m"
            " where s._part = m._part and s._file = m._file and s._row = m._row"
        )[0]
        return replace(self, faults=(*self.faults, Fault(rule, column, ""))), int(changed)


def staged(gate: Gate, plan: TablePlan, settings: Settings, known: Collection[tuple[str, str]] = frozenset()) -> Stage:
    """Put a table's rows on the stage.

    Parameters
    ----------
    gate
        Where to.
    plan
        What the table is made of; it has no refusals.
    settings
        What penchant.toml says.
    known
        Rule and column of faults that get a bit even where no row of these can have them.

    Raises
    ------
    ContractError
        If the engine fails on the rows, such as by an expression that some row breaks.
    """
    severity = settings.severity[plan.table.name]
    never = {quoted_name(alias) for alias in never_true(plan)}
    faults = tuple(
        fault
        for fault in row_faults(plan.table, plan.names, settings)
        if fault.condition not in never or (fault.rule, fault.column) in known
    )
    name, select = gate.name(f"stage_{plan.table.name}"), _stage_select(plan, faults)
    asks = any(source.query is not None for source in settings.tables[plan.table.name].sources)
    if not asks and has_short_lists(select):  # else DuckDB makes of each list a join, which takes longer to plan
        gate.execute("set disabled_optimizers = 'in_clause'")
    try:
        gate.execute(f"create table {name} as {select}")
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as fault:
        raise ContractError(
            f"table '{plan.table.name}'",
            "rows that its mapping can read",
            str(fault).splitlines()[0][:300],
            "Where an expression fails on some rows, use try_cast or try_strptime in it",
        ) from None
    finally:
        with suppress(duckdb.Error):  # what has failed is told
            gate.execute("reset disabled_optimizers")
    return Stage(gate, plan, name, faults, severity, settings.decimals)


def has_short_lists(select: str) -> bool:
    """Say whether values are held against few others at a time.

    Examples
    --------
    >>> has_short_lists("kind in ('view', 'cart')"), has_short_lists(f"item IN ({', '.join('1' * 100)})")
    (True, False)
    """
    lists = re.findall(r"\bin\s*\(([^()]*)\)", select, re.IGNORECASE)
    return all(listed.count(",") < MOST_LISTED for listed in lists)


def _stage_select(plan: TablePlan, faults: Sequence[Fault]) -> str:
    parts = " union all by name ".join(part_select(plan, number) for number in plan.by_number)
    kind = "bigint" if len(faults) < 50 else "hugeint"  # rules over the whole table add bits later
    bits = [f"(case when {fault.condition} then {1 << bit}::{kind} else 0 end)" for bit, fault in enumerate(faults)]
    names = ", ".join(quoted_name(name) for name in plan.names)
    keys = "_part, _file, _row, _excluded"
    return f"select {names}, {keys}, ({' + '.join(bits) or '0'})::{kind} as _faults from ({parts})"


def accept(stage: Stage, groups: Sequence[Group]) -> None:
    """Give the accepted rows the table's name on the gate, as a view."""
    where = f" where {stage.kept}" if any(group.excluded or group.faults & stage.aside for group in groups) else ""
    name = quoted_name(stage.plan.table.name)
    stage.gate.execute(f"create view {name} as select {_names(stage.plan)} from {stage.relation}{where}")


def unchecked_rows(plan: TablePlan) -> str:
    """Return the select of all canonical rows that are not excluded, with text trimmed and null signs as null."""
    parts = " union all by name ".join(part_select(plan, number) for number in plan.by_number)
    return f"select {_names(plan)} from ({parts}) where _excluded = 0"


def _names(plan: TablePlan) -> str:
    return ", ".join(quoted_name(name) for name in plan.names)
