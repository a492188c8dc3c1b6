"""Prices that stand in the articles' own file alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..intake.raw import Gate
from .links import n_shared
from .queries import file_in_query, is_named, shared_options
from .values import Seen, SourceProposal, TableProposal

MOST = 0.5  # of the articles bought that must be in the file of prices


def price_of(one: Seen) -> str:
    """Return the column with an article's price."""
    return one.roles.get("price") or one.roles["list_price"]


def priced_by(lines: Seen, files: Sequence[Seen]) -> Seen | None:
    """Return the file that has the price of the articles that lines name; None where there is none."""
    for one in files:
        if (
            one is lines
            or not one.is_unique("item_id")
            or not is_named(one)
            or not one.roles.keys() & {"price", "list_price"}
        ):
            continue
        n_known = n_shared(one.gate, (lines, lines.roles["item_id"]), (one, one.roles["item_id"]))
        if n_known > MOST * lines.look.column(lines.roles["item_id"]).n_distinct:
            return one
    return None


def with_prices(gate: Gate, one: Seen, orders: TableProposal, files: Sequence[Seen]) -> TableProposal:
    """Return the orders of one file with amounts made of its articles' prices, where it says no amounts itself."""
    columns = dict(orders.sources[0].columns)
    if "amount" in columns or not one.has("item_id") or not is_named(one):
        return orders
    priced = priced_by(one, files)
    if priced is None:
        return orders
    item, key, price = one.roles["item_id"], priced.roles["item_id"], price_of(priced)
    name = price if price not in one.look.raw.names else f"article_{price}"
    quote = one.quote
    sql = (
        f"select s.*, p.{quote(price)} as {quote(name)}\nfrom {file_in_query(one)} as s"
        f"\nleft join {file_in_query(priced)} as p on s.{quote(item)} = p.{quote(key)}"
    )
    columns["amount"] = f"{quote(columns['quantity'])} * {quote(name)}" if "quantity" in columns else name
    options, doubts = shared_options([one, priced])
    n_items = one.look.column(item).n_distinct
    n_missing = n_items - n_shared(gate, (one, item), (priced, key))
    lost = f"TODO {n_missing:,} of {n_items:,} articles in '{item}' have no price: their amounts are unknown"
    note = f"TODO amounts are made of '{price}' of {priced.look.label}, the price now: what was paid then is not known"
    source = SourceProposal({"query": sql}, columns, orders.sources[0].exclude)
    said = [text for text in orders.notes if not text.startswith("TODO no column says what was paid")]
    notes = (note, *([lost] if n_missing else []), *doubts, *said)
    return replace(orders, sources=(source,), options={**orders.options, **options}, notes=notes)
