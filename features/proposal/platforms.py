"""Edge: exports of platforms, known by their columns, and what is right for them, as platforms/*.toml say it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from .codes import codes_of
from .currency import Currency, currency_of
from .files import TableLook
from .languages import plain
from .queries import file_in_query, is_named, shared_options
from .recognised import Platform, Recognised
from .values import Seen, SourceProposal, TableProposal

FOLDER = Path(__file__).with_name("platforms")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@cache
def platforms() -> tuple[Platform, ...]:
    """Return all exports that are known, in the order of their files' names."""
    return tuple(_read(path) for path in sorted(FOLDER.glob("*.toml")))


def _read(path: Path) -> Platform:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return Platform(
        name=content["name"],
        headings={key: tuple(names) for key, names in content["headings"].items()},
        required=tuple(content["required"]),
        absent=tuple(content.get("absent", ())),
        roles={part: _listed(keys) for part, keys in content["roles"].items()},
        tables=content.get("tables", {}),
        refusals=content.get("refusal", {}),
    )


def _listed(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def recognised(look: TableLook) -> Recognised | None:
    """Return the platform's export that a file is, the one of which it has the most columns; None where it is none."""
    columns = {plain(column.name): column.name for column in reversed(look.columns)}
    fitting = []
    for platform in platforms():
        names = {
            key: next(columns[plain(name)] for name in known if plain(name) in columns)
            for key, known in platform.headings.items()
            if any(plain(name) in columns for name in known)
        }
        has_all = all(key in names for key in platform.required)
        if has_all and not any(plain(name) in columns for name in platform.absent):
            fitting.append(Recognised(platform, names))
    return max(fitting, key=lambda found: len(found.names), default=None)


def platform_tables(one: Seen) -> list[TableProposal]:
    """Return the tables that the mapping of a file's platform makes; none where it is no platform's."""
    if one.platform is None:
        return []
    return [
        _table(one, one.platform, name, mapping)
        for name, mapping in one.platform.platform.tables.items()
        if not _lacks(one, mapping) and ("query" not in mapping or name in _queries(one, one.platform))
    ]


def _lacks(one: Seen, mapping: Mapping[str, Any]) -> bool:
    """Say whether a file lacks the customer or the time that a mapping is about."""
    asked = str(mapping["columns"])
    return ("customer_id" in mapping["columns"] and not one.has("customer_id")) or (
        "{when}" in asked and one.when is None
    )


def _table(one: Seen, found: Recognised, name: str, mapping: Mapping[str, Any]) -> TableProposal:
    columns = _filled(one, found, mapping["columns"])
    exclude = _filled(one, found, mapping.get("exclude", {}))
    queries = _queries(one, found)
    codes, doubts = _codes(one.look, found, name)
    currency = currency_of(one, one.roles.get("amount") or one.roles.get("price")) if name == "orders" else Currency()
    exclude |= currency.exclude
    notes = [*one.notes, *currency.notes, *mapping.get("notes", ()), *doubts]
    used = {**columns, **exclude, **queries, "currency": one.roles.get("currency", "")}
    sources, last = one.sources(SourceProposal({}, columns, exclude)), bool(mapping.get("is_last_resort"))
    table = TableProposal(name, sources, codes=codes, is_known=True, is_last_resort=last)
    if name in queries:
        options, differing = shared_options([one])
        source = SourceProposal({"query": queries[name], **options}, columns, exclude)
        return replace(table, sources=(source,), notes=(*notes, *differing), has_zone=True)
    if not mapping.get("is_dated", True) or one.when is None:
        return replace(table, notes=(*notes, *one.unused(used)), has_zone=True)
    notes += [*one.when.notes, *one.unused(used)]
    form, has_zone = one.when.time_format, one.when.has_zone
    return replace(table, time_format=form, notes=tuple(notes), has_zone=has_zone, currency=currency.code)


def _queries(one: Seen, found: Recognised) -> dict[str, str]:
    """Return table -> query for the tables that a platform's file makes by one, where the file has all columns."""
    given = {name: table["query"] for name, table in found.platform.tables.items() if "query" in table}
    if not is_named(one):
        return {}
    return {name: text.replace("{file}", file_in_query(one)) for name, text in _filled(one, found, given).items()}


def _filled(one: Seen, found: Recognised, templates: Mapping[str, Any]) -> dict[str, str]:
    """Return canonical column -> expression, each by its first template of which the file has all columns."""
    filled = {}
    for column, given in templates.items():
        options = [given] if isinstance(given, str) else given
        fitting = next((text for text in options if _has_all(one, found, text)), None)
        if fitting is not None:
            filled[column] = _expression(one, found, fitting)
    return filled


def _has_all(one: Seen, found: Recognised, template: str) -> bool:
    known = {"file", *found.names, *(["when"] if one.when else []), *(["who"] if one.has("customer_id") else [])}
    return all(key in known for key in _PLACEHOLDER.findall(template))


def _expression(one: Seen, found: Recognised, template: str) -> str:
    """Return a template with the file's columns; one that is a column and no more becomes its plain name."""
    when = one.when.value if one.when else ""
    who = {"who": one.roles["customer_id"]} if one.has("customer_id") else {}
    names = {**found.names, **who}
    whole = _PLACEHOLDER.fullmatch(template)
    if whole:
        return when if whole[1] == "when" else names[whole[1]]
    quoted = {key: one.quote(name) for key, name in names.items()}
    bare = when if when not in {column.name for column in one.look.columns} else one.quote(when)
    quoted |= {"when": bare, "file": "{file}"}
    return _PLACEHOLDER.sub(lambda place: quoted[place[1]], template)


def _codes(look: TableLook, found: Recognised, table: str) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return column -> code -> meaning for the codes that a file holds, and what is not known of them.

    In a platform's file ``of`` names the column that holds the codes; the rest are codes and what they mean.
    """
    codes: dict[str, dict[str, str]] = {}
    notes: list[str] = []
    for column, given in found.platform.tables[table].get("codes", {}).items():
        key = next((key for key in _listed(given["of"]) if key in found.names), None)
        if key is not None:
            codes[column], doubts = codes_of(look.column(found.names[key]), found.codes(table, column))
            notes += doubts
    return codes, notes
