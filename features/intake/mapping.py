"""From a table's section of penchant.toml to SQL that gives canonical rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penchant.config import TableSection
from penchant.errors import ContractError, PenchantError, did_you_mean

from ..contract import CanonicalTable
from .conversion import NEVER, Cells, cells
from .expressions import quoted_name
from .files import open_files
from .parts import Part, Refusal, Site, part_of
from .raw import BrokenLine, Gate
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
    places
        The source of each part, as its number in penchant.toml.
    numbers
        What stands for each part in ``_part``; default: 0, 1, 2, ...
    """

    table: CanonicalTable
    parts: tuple[Part, ...]
    names: tuple[str, ...]
    refusals: tuple[Refusal, ...] = field(default=())
    places: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()

    @property
    def by_number(self) -> dict[int, Part]:
        """What stands in ``_part`` to the part."""
        return dict(zip(self.numbers or range(len(self.parts)), self.parts, strict=True))

    @property
    def exclusions(self) -> tuple[str, ...]:
        """The names of all exclusions, each once."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.exclusions))

    @property
    def broken(self) -> list[BrokenLine]:
        """The lines of text files that are no rows."""
        return [line for part in self.parts for line in part.raw.broken]

    @property
    def files(self) -> dict[str, str]:
        """``_file`` to the name that messages use, in the order of reading."""
        return {file: label for part in self.parts for file, label in part.raw.files.items()}


def plan_table(
    gate: Gate, table: CanonicalTable, settings: Settings, only: Mapping[int, list[Path]] | None = None
) -> TablePlan:
    """Open a table's sources and find out what each canonical column is made of.

    Parameters
    ----------
    gate, table, settings
        Where they are opened, the table, and what penchant.toml says.
    only
        A source's number to the files to open of it; default: all of all sources.
    """
    section = settings.tables[table.name]
    parts: list[Part] = []
    refusals: list[Refusal] = []
    places: list[int] = []
    for place, source in enumerate(section.sources):
        if only is not None and not only.get(place):
            continue
        opened = open_source(gate, source) if only is None else open_files(gate, source, only[place])
        refusals += [Refusal("unreadable", _at(table, fault)) for fault in opened.faults]
        for raw in opened.raws:
            part, faults = part_of(Site(gate, raw, table, source, settings))
            parts.append(part)
            places.append(place)
            refusals += faults
    given = {name for part in parts for name in part.origins}
    ordered = [*(name for name in table.names if name in given), *sorted(given - set(table.names))]
    refusals += _without_code_column(table, section, given) if parts else []
    unique = {str(refusal.error): refusal for refusal in refusals}
    return TablePlan(table, tuple(parts), tuple(ordered), tuple(unique.values()), tuple(places))


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


def part_select(plan: TablePlan, number: int) -> str:
    """Return the select of the canonical rows of the part of a number, with what the rules ask about each."""
    part = plan.by_number[number]
    layers = _layers(part)
    bits = [
        f"(case when {part.exclusions[name]} then {1 << bit} else 0 end)"
        for bit, name in enumerate(plan.exclusions)
        if name in part.exclusions
    ]
    excluded = f"({' + '.join(bits) or '0'})::bigint as _excluded"
    first = [f"{number} as _part", "_file", "_row", excluded, *_aliased(layers.values(), "raw")]
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
