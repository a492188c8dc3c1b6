"""From a table's section of penchant.toml to SQL that gives canonical rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from penchant.config import TableSection
from penchant.errors import ContractError, PenchantError, did_you_mean

from ..contract import CanonicalTable
from .conversion import NEVER, Cells, cells
from .expressions import quoted_name
from .parts import Part, Refusal, Site, part_of
from .raw import Gate
from .settings import Settings
from .sources import open_source


@dataclass(frozen=True)
class TablePlan:
    """What a table is made of.

    Parameters
    ----------
    table
        The canonical table.
    parts
        Its raw relations.
    names
        The canonical columns that at least one of them gives, in canonical order.
    refusals
        What could not be opened or mapped.
    """

    table: CanonicalTable
    parts: tuple[Part, ...]
    names: tuple[str, ...]
    refusals: tuple[Refusal, ...] = field(default=())

    @property
    def exclusions(self) -> tuple[str, ...]:
        """The names of all exclusions, each once."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.exclusions))

    @property
    def files(self) -> dict[str, str]:
        """``_file`` to the name that messages use, in the order of reading."""
        return {file: label for part in self.parts for file, label in part.raw.files.items()}


def plan_table(gate: Gate, table: CanonicalTable, settings: Settings) -> TablePlan:
    """Open a table's sources and find out what each canonical column is made of."""
    section = settings.tables[table.name]
    parts: list[Part] = []
    refusals: list[Refusal] = []
    for source in section.sources:
        opened = open_source(gate, source)
        refusals += [Refusal("unreadable", _at(table, fault)) for fault in opened.faults]
        for raw in opened.raws:
            part, faults = part_of(Site(gate, raw, table, source, settings))
            parts.append(part)
            refusals += faults
    given = {name for part in parts for name in part.origins}
    ordered = [*(name for name in table.names if name in given), *sorted(given - set(table.names))]
    refusals += _without_code_column(table, section, given) if parts else []
    unique = {str(refusal.error): refusal for refusal in refusals}
    return TablePlan(table, tuple(parts), tuple(ordered), tuple(unique.values()))


def _at(table: CanonicalTable, fault: PenchantError) -> PenchantError:
    """Return an error that also says for which table it came."""
    return type(fault)(f"table '{table.name}', {fault.where}", fault.expected, fault.got, fault.do)


def _without_code_column(table: CanonicalTable, section: TableSection, given: set[str]) -> list[Refusal]:
    return [
        Refusal(
            "missing_column",
            ContractError(f"tables.{table.name}.codes", "a mapped column", f"'{name}'", did_you_mean(name, given)),
        )
        for name in section.codes
        if name not in given
    ]


def part_select(plan: TablePlan, place: int) -> str:
    """Return the select of one part's canonical rows, with what the rules ask about each."""
    part = plan.parts[place]
    layers = _layers(part)
    bits = [
        f"(case when {part.exclusions[name]} then {1 << bit} else 0 end)"
        for bit, name in enumerate(plan.exclusions)
        if name in part.exclusions
    ]
    excluded = f"({' + '.join(bits) or '0'})::bigint as _excluded"
    first = [f"{place} as _part", "_file", "_row", excluded, *_aliased(layers.values(), "raw")]
    second = ["*", *_aliased(layers.values(), "middle")]
    keeps = [f"{quoted_name(f'raw:{name}')} is null as {quoted_name(f'none:{name}')}" for name in layers]
    keeps += [quoted_name(alias) for layer in layers.values() for alias in layer.raw if alias.startswith("pad:")]
    third = ["_part", "_file", "_row", "_excluded", *keeps, *_aliased(layers.values(), "final")]
    return (
        f"select {', '.join(third)} from (select {', '.join(second)}"
        f" from (select {', '.join(first)} from {part.raw.relation}))"
    )


def _layers(part: Part) -> dict[str, Cells]:
    return {name: cells(origin, part.columns) for name, origin in part.origins.items()}


def never_true(plan: TablePlan) -> set[str]:
    """Return the aliases of what the rules ask that no row of any part can answer with yes."""
    known: dict[str, set[str]] = {}
    for part in plan.parts:
        for layer in _layers(part).values():
            for alias, sql in {**layer.raw, **layer.final}.items():
                known.setdefault(alias, set()).add(sql)
    return {alias for alias, answers in known.items() if answers == {NEVER}}


def _aliased(layers: Iterable[Cells], layer: str) -> list[str]:
    return [f"{sql} as {quoted_name(alias)}" for one in layers for alias, sql in getattr(one, layer).items()]
