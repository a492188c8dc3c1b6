"""What a table's mapping makes of one raw relation, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from penchant.config import Reading, Source, TableSection
from penchant.errors import ContractError, InputError, PenchantError

from ..contract import CanonicalTable
from .clocks import Clock, clock
from .conversion import Origin, is_absolute, local_time_sql, misfit
from .expressions import RawColumns, meaning
from .raw import Gate, Raw, guarded
from .rules import EARLIEST, LATEST
from .settings import Settings

NUMBERS = ("number", "money", "whole")
NOTHING = '"NULL"'  # the engine's type of a mapping that is null


@dataclass(frozen=True)
class Refusal:
    """Something that keeps a table from being opened, and the rule that says so."""

    rule: str
    error: PenchantError


@dataclass(frozen=True)
class Part:
    """One raw relation of a table, and what the mapping makes of it.

    Parameters
    ----------
    raw
        The relation.
    columns
        Its columns, as expressions see them.
    mapping
        Canonical column to the mapping's value.
    origins
        Canonical column to where its values come from.
    exclusions
        Name to the SQL condition of rows to leave out.
    """

    raw: Raw
    columns: RawColumns
    mapping: Mapping[str, str]
    origins: Mapping[str, Origin]
    exclusions: Mapping[str, str]


@dataclass(frozen=True)
class Site:
    """Where a mapping is applied.

    Parameters
    ----------
    gate, raw
        The relation, and where it is.
    table, source
        The canonical table, and what penchant.toml says of this source.
    settings
        What it says of all tables.
    """

    gate: Gate
    raw: Raw
    table: CanonicalTable
    source: Source
    settings: Settings

    @property
    def section(self) -> TableSection:
        """What penchant.toml says of the table."""
        return self.settings.tables[self.table.name]

    @property
    def reading(self) -> Reading:
        """How cells are read."""
        return self.section.reading(self.source)

    @property
    def columns(self) -> RawColumns:
        """The relation's columns, as expressions see them."""
        return RawColumns(self.raw.names, self.raw.types, self.reading)

    @property
    def where(self) -> str:
        """The place, for messages."""
        return f"table '{self.table.name}', '{next(iter(self.raw.files.values()), self.source.place)}'"


def part_of(site: Site) -> tuple[Part, list[Refusal]]:
    """Return one raw relation's part of a table, with what is wrong with its mapping."""
    mapping = _mapping(site)
    origins: dict[str, Origin] = {}
    refused: dict[str, Refusal] = {}
    for name, value in mapping.items():
        try:
            origin = _origin(site, name, value)
        except (ContractError, InputError) as fault:
            refused[name] = Refusal("missing_column", fault)
            continue
        if wrong := misfit(origin):
            expected = f"what can be {_KINDS[origin.column.kind]}"
            error = ContractError(f"{site.where}, column '{name}'", expected, wrong)
            refused[name] = Refusal("wrong_type", error)
        elif origin.engine_type != NOTHING:
            try:
                origins[name] = _examined(site, origin)
            except ContractError as fault:
                refused[name] = Refusal("unreadable", fault)
    for name in site.table.required:
        if name not in origins and name not in refused:
            refused[name] = Refusal("missing_column", _unmapped(site, name))
    exclusions, faults = _exclusions(site)
    return Part(site.raw, site.columns, mapping, origins, exclusions), [*refused.values(), *faults]


def _origin(site: Site, name: str, value: str) -> Origin:
    """Return where a canonical column's values come from, before a row was looked at."""
    column = site.table.column(name)
    where = f"{site.where}, column '{name}'"
    found = meaning(value, site.columns, where, column.kind in NUMBERS)
    kind = _bound(site, found.sql, where)
    codes, merge = site.section.codes.get(name, {}), name in site.settings.merged_ids
    return Origin(column, found, kind, site.reading, codes, site.settings.decimals, merge)


def _examined(site: Site, origin: Origin) -> Origin:
    """Return an origin with what has to be known of all its rows before they are converted.

    Raises
    ------
    ContractError
        If the rows cannot be read.
    """
    where = f"{site.where}, column '{origin.column.name}'"
    return replace(origin, clock=guarded(lambda: _clock(site, origin), where, "rows that can be read to their end"))


_KINDS = {
    "id": "text",
    "code": "text",
    "text": "text",
    "time": "a time",
    "money": "a number",
    "number": "a number",
    "whole": "a whole number",
    "flag": "yes or no",
}


def _mapping(site: Site) -> dict[str, str]:
    """Return canonical column -> value; what is not mapped is taken where the source calls it the same."""
    given = site.section.mapping(site.source)
    same = site.table.names if given or not site.table.is_open else site.raw.names
    return {**{name: name for name in same if name in site.raw.names}, **given}


def _unmapped(site: Site, name: str) -> ContractError:
    names = [f"'{known}'" for known in site.raw.names]
    listed = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return ContractError(
        site.where, f"a mapping for the required column '{name}'", "", f"Its columns: {listed}. Add one under columns"
    )


def _bound(site: Site, sql: str, where: str) -> str:
    """Return the engine's type of an expression over a raw relation.

    Raises
    ------
    ContractError
        If the engine refuses the expression.
    """
    described = guarded(
        lambda: site.gate.rows(f"describe select {sql} as value from {site.raw.relation}"),
        where,
        "an expression over the source's columns that DuckDB understands",
    )
    return str(described[0][1])


def _clock(site: Site, origin: Origin) -> Clock:
    """Return what a time column's clocks showed over the span of its times."""
    if origin.column.kind != "time" or origin.zone == "UTC" or is_absolute(origin):
        return Clock()
    first, last = site.gate.row(
        f"select min(local)::date, max(local)::date from (select {local_time_sql(origin, origin.meaning.sql)} as local"
        f" from {site.raw.relation}) where local >= timestamp '{EARLIEST}' and local < timestamp '{LATEST}'"
    )
    return Clock() if first is None else clock(origin.zone, first, last)


def _exclusions(site: Site) -> tuple[dict[str, str], list[Refusal]]:
    """Return name -> SQL condition of the rows to leave out."""
    found: dict[str, str] = {}
    refusals: list[Refusal] = []
    for name, condition in site.section.exclusions(site.source).items():
        place = f"{site.where}, exclude '{name}'"
        try:
            sql = meaning(condition, site.columns, place).sql
            kind = _bound(site, sql, place)
            if kind not in ("BOOLEAN", NOTHING):
                raise ContractError(place, "a condition", f"'{condition}', which is {kind}")
        except ContractError as fault:
            refusals.append(Refusal("missing_column", fault))
            continue
        found[name] = sql
    return found, refusals
