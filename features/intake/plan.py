"""From a table's section of penchant.toml and its raw relations to SQL that gives canonical rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from penchant.config import Config, Source, TableSection
from penchant.errors import ContractError, InputError, PenchantError, did_you_mean

from ..contract import CanonicalTable
from ..rules import EARLIEST, LATEST
from .clocks import Clock, clock
from .conversion import NEVER, Cells, Origin, cells, is_absolute, local_time, misfit, trusted_cell
from .expressions import Meaning, RawColumns, meaning, quoted_name
from .raw import Gate, Raw, guarded
from .sources import open_source


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

    @property
    def is_cheap(self) -> bool:
        """Whether reading the rows anew each time costs next to nothing more than a copy of them would."""
        cheap = all(origin.is_cheap for origin in self.origins.values())
        return self.raw.is_stored and cheap and not self.exclusions


@dataclass(frozen=True)
class Plan:
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


def plan_table(gate: Gate, table: CanonicalTable, section: TableSection, config: Config) -> Plan:
    """Open a table's sources and find out what each canonical column is made of."""
    parts: list[Part] = []
    refusals: list[Refusal] = []
    for source in section.sources:
        opened = open_source(gate, source)
        refusals += [Refusal("unreadable", _at(table, fault)) for fault in opened.faults]
        for raw in opened.raws:
            part, faults = _part(gate, table, section, source, (raw, config.shop.decimals))
            parts.append(part)
            refusals += faults
    given = {name for part in parts for name in part.origins}
    ordered = [*(name for name in table.names if name in given), *sorted(given - set(table.names))]
    refusals += _without_code_column(table, section, given) if parts else []
    unique = {str(refusal.error): refusal for refusal in refusals}
    return Plan(table, tuple(parts), tuple(ordered), tuple(unique.values()))


def _at(table: CanonicalTable, fault: PenchantError) -> PenchantError:
    """Return an error that also says for which table it came."""
    return type(fault)(f"table '{table.name}', {fault.where}", fault.expected, fault.got, fault.do)


def _without_code_column(table: CanonicalTable, section: TableSection, given: set[str]) -> list[Refusal]:
    return [
        Refusal(
            "missing_column",
            ContractError(
                f"tables.{table.name}.codes", "a mapped column", f"'{name}'", did_you_mean(name, given)
            ),
        )
        for name in section.codes
        if name not in given
    ]


def _part(
    gate: Gate, table: CanonicalTable, section: TableSection, source: Source, given: tuple[Raw, int]
) -> tuple[Part, list[Refusal]]:
    """Return one raw relation's part of a table, with what is wrong with its mapping."""
    raw, decimals = given
    reading = section.reading(source)
    columns = RawColumns(raw.names, raw.types, reading)
    mapping = _mapping(table, section, source, raw)
    where = f"table '{table.name}', '{next(iter(raw.files.values()), source.place)}'"
    origins: dict[str, Origin] = {}
    refusals: list[Refusal] = []
    for name, value in mapping.items():
        try:
            is_number = table.column(name).kind in ("number", "money", "whole")
            found = meaning(value, columns, f"{where}, column '{name}'", is_number)
            kind = _bound(gate, raw, found.sql, f"{where}, column '{name}'")
            origin = Origin(table.column(name), found, kind, reading, section.codes.get(name, {}), decimals)
        except (ContractError, InputError) as fault:
            refusals.append(Refusal("missing_column", fault))
            continue
        if kind == '"NULL"':
            continue
        if wrong := misfit(origin):
            error = ContractError(
                f"{where}, column '{name}'", f"what can be {_KINDS[origin.column.kind]}", wrong
            )
            refusals.append(Refusal("wrong_type", error))
            continue
        is_float = _is_float_text(gate, raw, origin)
        origins[name] = replace(origin, is_float_text=is_float, clock=_clock(gate, raw, origin))
    named = {refusal.error.where.rsplit("'", 2)[-2] for refusal in refusals}
    refusals += [
        Refusal("missing_column", _unmapped(where, name, raw))
        for name in table.required
        if name not in origins and name not in named
    ]
    exclusions, faults = _exclusions(gate, raw, columns, section.exclusions(source), where)
    return Part(raw, columns, mapping, origins, exclusions), [*refusals, *faults]


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


def _mapping(table: CanonicalTable, section: TableSection, source: Source, raw: Raw) -> dict[str, str]:
    """Return canonical column -> value; what is not mapped is taken where the source calls it the same."""
    given = section.mapping(source)
    same = table.names if given or not table.is_open else raw.names
    return {**{name: name for name in same if name in raw.names}, **given}


def _unmapped(where: str, name: str, raw: Raw) -> ContractError:
    return ContractError(
        where,
        f"a mapping for the required column '{name}'",
        "",
        f"Its columns: {_listed(raw)}. Add one under columns",
    )


def _listed(raw: Raw) -> str:
    names = [f"'{name}'" for name in raw.names]
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _bound(gate: Gate, raw: Raw, sql: str, where: str) -> str:
    """Return the engine's type of an expression over a raw relation.

    Raises
    ------
    ContractError
        If the engine refuses the expression.
    """
    described = guarded(
        lambda: gate.rows(f"describe select {sql} as value from {raw.relation}"),
        where,
        "an expression over the source's columns that DuckDB understands",
    )
    return str(described[0][1])


def _is_float_text(gate: Gate, raw: Raw, origin: Origin) -> bool:
    """Say whether a text column holds ids that were saved as numbers with a decimal point, without exception."""
    if not origin.is_text or origin.column.kind != "id" or origin.meaning.column is None:
        return False
    ask = f"select bool_and(regexp_full_match({origin.meaning.sql}, '-?\\d+\\.0')) from"
    first = gate.row(f"{ask} (from {raw.relation} limit 1000)")[0]
    return bool(first and gate.row(f"{ask} {raw.relation}")[0])


def _clock(gate: Gate, raw: Raw, origin: Origin) -> Clock:
    """Return what a time column's clocks showed over the span of its times."""
    if origin.column.kind != "time" or origin.zone == "UTC" or is_absolute(origin):
        return Clock()
    span = gate.row(
        f"select min(local)::date, max(local)::date from (select {local_time(origin, origin.meaning.sql)} as local"
        f" from {raw.relation}) where local >= timestamp '{EARLIEST}' and local < timestamp '{LATEST}'"
    )
    return Clock() if span[0] is None else clock(origin.zone, *span)


def _exclusions(
    gate: Gate, raw: Raw, columns: RawColumns, given: Mapping[str, str], where: str
) -> tuple[dict[str, str], list[Refusal]]:
    found: dict[str, str] = {}
    refusals: list[Refusal] = []
    for name, condition in given.items():
        place = f"{where}, exclude '{name}'"
        try:
            sql = meaning(condition, columns, place).sql
            kind = _bound(gate, raw, sql, place)
            if kind not in ("BOOLEAN", '"NULL"'):
                raise ContractError(place, "a condition", f"'{condition}', which is {kind}")
        except ContractError as fault:
            refusals.append(Refusal("missing_column", fault))
            continue
        found[name] = sql
    return found, refusals


def part_select(plan: Plan, place: int) -> str:
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
    keeps += [
        quoted_name(alias)
        for layer in layers.values()
        for alias in layer.raw
        if alias[:4] in ("pad:", "same")
    ]
    third = ["_part", "_file", "_row", "_excluded", *keeps, *_aliased(layers.values(), "final")]
    return (
        f"select {', '.join(third)} from (select {', '.join(second)}"
        f" from (select {', '.join(first)} from {part.raw.relation}))"
    )


def _layers(part: Part) -> dict[str, Cells]:
    return {name: cells(origin, part.columns) for name, origin in part.origins.items()}


def never_true(plan: Plan) -> set[str]:
    """Return the aliases of what the rules ask that no row of any part can answer with yes."""
    known: dict[str, set[str]] = {}
    for part in plan.parts:
        for layer in _layers(part).values():
            for alias, sql in {**layer.raw, **layer.final}.items():
                known.setdefault(alias, set()).add(sql)
    return {alias for alias, answers in known.items() if answers == {NEVER}}


def _aliased(layers: Iterable[Cells], layer: str) -> list[str]:
    return [f"{sql} as {quoted_name(alias)}" for one in layers for alias, sql in getattr(one, layer).items()]


def trusted_select(plan: Plan, place: int) -> str:
    """Return the select of one part's canonical rows, where it is known that all of them can be taken as they are."""
    part = plan.parts[place]
    clean = replace(part.columns, is_clean=True)
    origins = {
        name: replace(origin, meaning=_again(part.mapping[name], clean))
        for name, origin in part.origins.items()
    }
    layers = [cells(origin, clean) for origin in origins.values()]
    first = ["_file", "_row", *_aliased([Cells(_only_raw(layer), {}, {}) for layer in layers], "raw")]
    second = ["*", *_aliased(layers, "middle")]
    third = [f"{place} as _part", "_file", "_row", "0::bigint as _excluded", "0::bigint as _faults"]
    third += [f"{trusted_cell(origin)} as {quoted_name(name)}" for name, origin in origins.items()]
    return (
        f"select {', '.join(third)} from (select {', '.join(second)}"
        f" from (select {', '.join(first)} from {part.raw.relation}))"
    )


def _only_raw(layer: Cells) -> dict[str, str]:
    return {alias: sql for alias, sql in layer.raw.items() if alias.startswith("raw:")}


def _again(value: str, columns: RawColumns) -> Meaning:
    return meaning(value, columns, "")
