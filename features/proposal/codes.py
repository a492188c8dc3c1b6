"""What a shop's codes mean: kinds of events, and states of orders."""

from __future__ import annotations

from collections.abc import Mapping

from .files import ColumnLook, TableLook
from .languages import order_state, plain
from .words import vocabulary


def kinds_known(values: tuple[str, ...]) -> bool:
    """Say whether most values are names of things that customers do."""
    kinds = [kind for value in values if (kind := vocabulary().kinds.get(plain(value)))]
    tells = {"pay", "cart", "view"} <= set(kinds)  # logs of a site hold much else
    return len(kinds) >= 2 and (tells or len(kinds) >= 0.5 * len(values))


def numbered_kinds(column: ColumnLook) -> dict[str, str]:
    """Return the meaning of numbered kinds, as the public data sets of Alibaba number them."""
    values = sorted(column.values)
    if plain(column.name).startswith("behavior") and set(values) <= {"1", "2", "3", "4"}:
        return {"1": "view", "2": "favorite", "3": "cart", "4": "pay"}
    if plain(column.name).startswith("action") and set(values) <= {"0", "1", "2", "3"}:
        return {"0": "view", "1": "cart", "2": "pay", "3": "favorite"}
    return {}


def kind_codes(column: ColumnLook) -> dict[str, str]:
    """Return the shop's kinds and what they mean, as far as they are known; nothing where too few are."""
    if numbered := numbered_kinds(column):
        return {value: kind for value, kind in numbered.items() if value in column.values}
    if not kinds_known(column.values):
        return {}
    kinds = vocabulary().kinds
    return {value: kinds[plain(value)] for value in column.values if plain(value) in kinds}


def status_codes(look: TableLook, roles: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return what an order's states mean, and notes on what is not known; nothing where most are not."""
    if "status" not in roles:
        return {}, []
    column = look.column(roles["status"])
    codes, notes = codes_of(column, {})
    if 2 * len(notes) > len(column.values):
        unknown = [value for value in column.values if order_state(plain(value)) is None]
        return {}, [f"TODO '{column.name}' is not used: its codes are not known ({', '.join(unknown[:5])})"]
    return codes, notes


def codes_of(column: ColumnLook, known: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return a column's codes and what they mean, with a doubt about each that is not known.

    Parameters
    ----------
    column
        The column.
    known
        What a platform's codes mean, by their plain names; what it does not name is read by its words.
    """
    told = {value: known.get(plain(value)) or order_state(plain(value)) for value in column.values}
    unknown = [value for value, state in told.items() if state is None]
    notes = [f"TODO '{value}' of '{column.name}' is not known and taken for paid" for value in unknown]
    return {value: state or "paid" for value, state in told.items()}, notes
