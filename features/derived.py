"""What a shop knows of its lines and interactions, by the columns of its tables: the contract of the facts."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def derived_columns(columns: Mapping[str, Collection[str]]) -> dict[str, frozenset[str]]:
    """Return what is known of the lines ``bought`` and of the interactions ``viewed``, with what `items` adds.

    Parameters
    ----------
    columns
        Table to the columns that a shop has of it. Where a shop has no orders, payments among its interactions are
        what is bought, of unknown amount.

    Examples
    --------
    >>> known = derived_columns({"orders": ["customer_id", "item_id", "amount"], "items": ["item_id", "unit_cost"]})
    >>> sorted(known["bought"] - {"customer_id"})
    ['amount', 'item_id', 'margin']
    """
    known: dict[str, frozenset[str]] = {}
    if "orders" in columns:
        known["bought"] = frozenset(_with_derived(columns["orders"], columns.get("items", ())))
    elif "interactions" in columns:
        plain = {"customer_id", "item_id", "category_id"} & set(columns["interactions"])
        known["bought"] = frozenset(_with_category(plain, columns.get("items", ())))
    if "interactions" in columns:
        known["viewed"] = frozenset(_with_category(columns["interactions"], columns.get("items", ())))
    return known


def _with_category(columns: Collection[str], of_items: Collection[str]) -> set[str]:
    return {*columns, *({"category_id"} & set(of_items) if "item_id" in columns else ())}


def _with_derived(columns: Collection[str], of_items: Collection[str]) -> set[str]:
    """Return the columns of order lines with those that follow from others: category, margin, discount, list amount."""
    known = _with_category(columns, of_items)
    if {"item_id", "amount"} <= known and "unit_cost" in of_items:
        known.add("margin")
    if "amount" in known and known & {"discount", "list_amount"}:
        known |= {"discount", "list_amount"}
    return known
