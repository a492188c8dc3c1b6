"""Which canonical tables a folder holds, and how each is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..contract import CONTRACT, CanonicalTable
from ..intake.expressions import text_literal
from ..intake.raw import Gate
from .attributes import attributes
from .campaigns import assignments_table, is_campaign
from .codes import codes_of, kind_codes, numbered_kinds
from .files import ColumnLook, TableLook
from .joins import joined_orders
from .languages import plain
from .links import linked, numbered, with_items
from .money import is_fine
from .orders import orders_of, proposal
from .platforms import platform_tables
from .prices import with_prices
from .values import Quote, Seen, SourceProposal, TableProposal, When
from .when import doubts_about, seen

MUCH_ALIKE = 0.4  # of the names of two files' columns that may be the same table


def proposals(gate: Gate, looks: Sequence[TableLook], quote: Quote) -> list[TableProposal]:
    """Return a proposal for each canonical table that the files seem to hold."""
    files = linked(gate, with_items([numbered(seen(gate, look, quote)) for look in looks]))
    found: dict[str, list[tuple[Seen, TableProposal]]] = {}
    events = [
        one for one in files if one.when is not None and one.has("customer_id") and not one.is_unique("customer_id")
    ]
    for one in files:
        for table in _of_file(gate, one, bool(events)):
            found.setdefault(table.name, []).append((one, table))
    chosen = {name: _chosen(options) for name, options in found.items()}
    if "orders" in found:
        chosen["orders"] = with_prices(gate, _ranked(found["orders"])[0][0], chosen["orders"], files)
    joined = {table.name: table for table in joined_orders(gate, files, quote)}
    if joined and _tells_more(joined["orders"], chosen.get("orders")):
        chosen = {**chosen, **joined}
    return [chosen[name] for name in CONTRACT if name in chosen]


def _tells_more(joined: TableProposal, alone: TableProposal | None) -> bool:
    """Say whether orders from several files have more columns than those of one."""
    return alone is None or len(joined.sources[0].columns) > len(alone.sources[0].columns)


def _chosen(options: list[tuple[Seen, TableProposal]]) -> TableProposal:
    """Return the proposal of the best file, with the files that are much like it as further sources."""
    ranked = _ranked(options)
    first, best = ranked[0]
    sources = [source for one, other in ranked if _is_alike(first, one) for source in other.sources]
    others = [one.look.label for one, _ in ranked if not _is_alike(first, one)]
    notes = (*best.notes, *([f"not taken, though it may hold the same: {', '.join(others)}"] if others else []))
    return replace(best, sources=tuple(sorted(sources, key=lambda one: str(one.place))), notes=notes)


def _ranked(options: list[tuple[Seen, TableProposal]]) -> list[tuple[Seen, TableProposal]]:
    """Return options with the best first: a platform's own export, then the largest file."""
    return sorted(options, key=lambda pair: (pair[1].is_last_resort, not pair[1].is_known, -pair[0].look.n_bytes))


def _is_alike(one: Seen, other: Seen) -> bool:
    """Say whether two files may be parts of one table, written at different times."""
    mine, theirs = ({plain(column.name) for column in each.look.columns} for each in (one, other))
    is_near = len(mine & theirs) >= MUCH_ALIKE * len(mine | theirs)
    return one is other or (len(mine) == len(theirs) and is_near and one.roles.keys() == other.roles.keys())


def _of_file(gate: Gate, one: Seen, has_events: bool) -> list[TableProposal]:
    """Return what one file may be, beside others of which some hold events or none does."""
    if known := platform_tables(one):
        return known
    for table in CONTRACT.values():
        if _is_canonical(table, one.look):
            return [_canonical(table, one)]
    if one.when is not None and is_campaign(one):
        return [assignments_table(one, one.when)]
    is_of_customers = one.is_unique("customer_id") and not one.roles.keys() & {"order_id", "item_id"}
    if is_of_customers and (has_events or one.when is None):
        return [_customers(one)]
    if one.when is not None and one.has("customer_id"):
        return _dated(gate, one, one.when)
    return [_items(one)] if one.is_unique("item_id") and not one.has("customer_id") else []


def _dated(gate: Gate, one: Seen, when: When) -> list[TableProposal]:
    """Return what a file with customers and times may be: events, orders, or a list of who and when."""
    kinds = kind_codes(one.look.column(one.roles["kind"])) if one.has("kind") else {}
    if kinds:
        return _events(gate, one, when, kinds)
    if one.roles.keys() & {"amount", "price", "quantity", "order_id", "item_id"}:
        return [orders_of(gate, one, when)]
    return [] if one.is_unique("customer_id") else [_visits(one, when)]


def _is_canonical(table: CanonicalTable, look: TableLook) -> bool:
    """Say whether a file has a table's columns and no others, and is called so or has enough of them."""
    names = {column.name for column in look.columns}
    is_called_so = Path(look.paths[0]).name.split(".")[0].lower() == table.name
    is_whole = all(column.name in table.names for column in look.columns)
    return set(table.required) <= names and is_whole and (is_called_so or len(names) > 2)


def _canonical(table: CanonicalTable, one: Seen) -> TableProposal:
    """Return the proposal for a file that has the contract's own names; what cells hold is looked at all the same."""
    money = [
        column
        for column in one.look.columns
        if column.name in table.names and table.column(column.name).kind == "money" and column.n_filled
    ]
    notes = ["in the contract's own form"]
    options: dict[str, object] = {}
    if money and all(column.engine_type in ("BIGINT", "INTEGER") for column in money):
        options["amounts_in"] = "minor"
        notes.append("amounts are whole numbers, taken for cents")
    codes, columns, exclude, doubts = _canonical_codes(table, one)
    form = one.look.column(table.time).time if table.time else None
    doubts += doubts_about(str(table.time), form) if form else ()
    return TableProposal(
        *(table.name, one.sources(SourceProposal({}, columns, exclude)), form.time_format if form else None, codes),
        options=options,
        notes=(*notes, *doubts),
        has_zone=form is None or form.has_zone,
    )


def _canonical_codes(
    table: CanonicalTable, one: Seen
) -> tuple[dict[str, dict[str, str]], dict[str, str], dict[str, str], tuple[str, ...]]:
    """Return codes that are not the contract's, the columns and exclusions that they need, and doubts."""
    for name in ("status", "kind"):
        column = next((column for column in one.look.columns if column.name == name), None)
        known = table.column(name).codes if name in table.names else ()
        if column is None or not known or not column.values or set(column.values) <= set(known):
            continue
        columns = {column.name: column.name for column in one.look.columns if column.name in table.names}
        if name == "status":
            codes, doubts = codes_of(column, {})
            return {name: codes}, columns, {}, tuple(doubts)
        kinds = kind_codes(column)
        return ({name: kinds}, columns, _other_kinds(column, kinds, one.quote), ()) if kinds else ({}, {}, {}, ())
    return {}, {}, {}, ()


def _other_kinds(column: ColumnLook, kinds: Mapping[str, str], quote: Quote) -> dict[str, str]:
    """Return the exclusion of events that the contract has no kind for."""
    other = [text_literal(value) for value in column.values if value not in kinds]
    return {"other kinds": f"{quote(column.name)} in ({', '.join(other)})"} if other else {}


def _events(gate: Gate, one: Seen, when: When, kinds: Mapping[str, str]) -> list[TableProposal]:
    """Return interactions, and the orders among them where these have a price."""
    kind, quote = one.look.column(one.roles["kind"]), one.quote
    columns = {"customer_id": one.roles["customer_id"], "occurred_at": when.value, "kind": kind.name}
    columns |= one.taken("item_id", "category_id", "price", "channel")
    exclude = _other_kinds(kind, kinds, quote)
    notes = list(one.unused(columns))
    if numbered_kinds(kind):
        notes.append(f"TODO the numbers of '{kind.name}' are assumed to mean what they do in Alibaba's public data")
    if "pay" not in kinds.values():
        notes.append("no kind is a payment: without orders beside it, there is nothing to predict")
    events = proposal("interactions", one, SourceProposal({}, columns, exclude), when, notes)
    return [replace(events, codes={"kind": kinds}), *_bought(gate, one, when, kinds)]


def _bought(gate: Gate, one: Seen, when: When, kinds: Mapping[str, str]) -> list[TableProposal]:
    """Return the orders that are among the events, if they have a sum or a number."""
    quote = one.quote
    paid = [text_literal(value) for value, kind in kinds.items() if kind == "pay"]
    if not one.roles.keys() & {"price", "amount", "order_id"} or not paid:
        return []
    columns = {"customer_id": one.roles["customer_id"], "ordered_at": when.value}
    columns |= one.taken("order_id", "item_id", "category_id", "quantity")
    price = one.roles.get("amount") or one.roles.get("price")
    if price:
        is_of_pieces = one.has("quantity") and not one.has("amount")
        columns["amount"] = f"{quote(one.roles['quantity'])} * {quote(price)}" if is_of_pieces else price
    exclude = {"not bought": f"coalesce({quote(one.roles['kind'])}::varchar not in ({', '.join(paid)}), true)"}
    note = "the events that are payments, " + (f"at '{price}'" if price else "of unknown amount")
    found = proposal("orders", one, SourceProposal({}, columns, exclude), replace(when, notes=()), [note])
    return [replace(found, is_fine=price is not None and is_fine(gate, one.look, price))]


def _visits(one: Seen, when: When) -> TableProposal:
    """Return a list of who and when alone, taken for purchases of unknown amount."""
    columns = {"customer_id": one.roles["customer_id"], "ordered_at": when.value}
    note = "TODO who and when is all that the file says: each row is taken for a purchase of unknown amount"
    found = proposal("orders", one, SourceProposal({}, columns), when, [note, *one.unused(columns)])
    return replace(found, is_last_resort=True)


def _items(one: Seen) -> TableProposal:
    columns = one.taken("item_id", "category_id", "list_price", "unit_cost", "stock")
    if one.has("price"):
        columns.setdefault("list_price", one.roles["price"])
    return proposal("items", one, SourceProposal({}, columns), None, one.unused(columns))


def _customers(one: Seen) -> TableProposal:
    columns = one.taken("customer_id", "gender", "birth_year", "region", "acquisition_channel", "registered_at")
    if one.has("time"):
        columns.setdefault("registered_at", one.roles["time"])
    left = [column for column in one.look.columns if column.name not in columns.values()]
    more = attributes(left, one.quote)
    columns = {**more.columns, **columns}
    columns = {"customer_id": columns.pop("customer_id"), **columns}
    form = one.look.column(columns["registered_at"]).time if "registered_at" in columns else None
    when = None
    if form is not None:
        when = When("", form.time_format, form.has_zone, doubts_about(columns["registered_at"], form))
    said = " ".join(more.notes)
    named = {column.name: column.name for column in one.look.columns if f"'{column.name}'" in said}
    notes = [*more.notes, *one.unused({**columns, **named})]
    return proposal("customers", one, SourceProposal({}, columns), when, notes)
