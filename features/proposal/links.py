"""Which column of a file of customers or articles is the one that orders and events name them by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..intake.expressions import quoted_name
from ..intake.raw import Gate
from .languages import english, plain
from .queries import same_column
from .roles import ORDER, WHAT, WHO
from .values import Seen

KEYS = {"customer_id": WHO, "item_id": WHAT}
CLEARLY_MORE = 2  # times as many of the orders' keys must be found for another column to be taken


def numbered(one: Seen) -> Seen:
    """Return a file of orders with its key as the order's number, where it is called no more than ``id``."""
    stem = english(plain(Path(one.look.paths[0]).name.split(".")[0]))
    if one.has("order_id") or not one.has("customer_id") or not re.fullmatch(rf"(\w+_)?{ORDER}s?(_\d+)?", stem):
        return one
    keys = (column.name for column in one.look.columns if column.is_unique and plain(column.name) in ("id", "number"))
    key = next(keys, None)
    return replace(one, roles={**one.roles, "order_id": key}) if key else one


def linked(gate: Gate, files: Sequence[Seen]) -> list[Seen]:
    """Return the files with the keys of customers and articles that the largest file of events uses.

    A file of customers may have a number, an address and a card; only one of them stands in the orders.
    """
    events = [
        one for one in files if one.when is not None and one.has("customer_id") and not one.is_unique("customer_id")
    ]
    if not events:
        return list(files)
    main = max(events, key=lambda one: (one.has("item_id"), one.look.n_bytes))
    return [one if one in events or one.has("order_id") else _keyed(gate, main, one) for one in files]


def _keyed(gate: Gate, main: Seen, one: Seen) -> Seen:
    part = _part(one)
    if part is None or not main.has(part):
        return one
    unique = [column.name for column in one.look.columns if column.is_unique]
    known = {name: n_shared(gate, (main, main.roles[part]), (one, name)) for name in unique}
    best = max(known, key=lambda name: known[name], default=None)
    now = one.roles.get(part)
    if best is None or known[best] <= CLEARLY_MORE * known.get(str(now), 0):
        return one
    roles = {role: name for role, name in one.roles.items() if name != best}
    note = f"'{best}' is taken for the key: '{main.roles[part]}' of {main.look.label} has its values"
    return replace(one, roles={**roles, part: best}, notes=(*one.notes, note))


def _part(one: Seen) -> str | None:
    """Return what a file's rows are: by a column's name, else by the file's."""
    stem = english(plain(Path(one.look.paths[0]).name.split(".")[0]))
    called = [part for part, words in KEYS.items() if re.search(rf"(^|_){words}s?(_|$)", stem)]
    if len(called) == 1:
        return called[0]
    return next((part for part in ("item_id", "customer_id") if part in one.roles), None)


def n_shared(gate: Gate, events: tuple[Seen, str], keys: tuple[Seen, str]) -> int:
    """Return how many of the keys of events are among those of another file, as far as the samples show."""
    asked, known = (
        f"select distinct regexp_replace({quoted_name(one.look.raw.names[name])}::varchar, '\\.0$', '') as k"
        f" from {one.look.raw.relation}"
        for one, name in (events, keys)
    )
    return int(gate.row(f"select count(*) from ({asked}) semi join ({known}) using (k)")[0])


def with_items(files: Sequence[Seen]) -> list[Seen]:
    """Return the files with the articles of lines that call them otherwise, by another file's key, as TrackId.

    The lines name an order and count pieces or money; the other file has no customers, and its key is called alike.
    """
    found = list(files)
    for place, one in enumerate(found):
        if one.has("item_id") or not one.has("order_id") or not one.roles.keys() & {"quantity", "price", "amount"}:
            continue
        link = next((pair for other in found if (pair := _reference(one, other))), None)
        if link is not None:
            column, position = link[0], found.index(link[1])
            found[place] = replace(one, roles={**one.roles, "item_id": column})
            roles = {part: name for part, name in link[1].roles.items() if name != link[2]}
            found[position] = replace(link[1], roles={**roles, "item_id": link[2]})
    return found


def _reference(one: Seen, other: Seen) -> tuple[str, Seen, str] | None:
    """Return the column of one file that names another file's rows by their key, that file, and its key."""
    if other is one or other.roles.keys() & {"customer_id", "order_id"}:
        return None
    for column in other.look.columns:
        if column.is_unique and re.search(r"(^|_)(id|key|no|number|code)$", english(plain(column.name))):
            mine = same_column(one, column.name)
            if mine is not None and mine not in one.roles.values() and not one.look.column(mine).is_unique:
                return mine, other, column.name
    return None
