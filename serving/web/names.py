"""What prepared files are called, and how their values are written: known to who writes and to who reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

READY = "ready"
CUSTOMERS_FILE, TIMELINE_FILE, OVERVIEW_FILE = "customers.parquet", "timeline.parquet", "overview.json"
CAMPAIGNS = "campaigns"
TRAITS_FILE = "traits.json"  # column of text -> value -> how many customers have it


def as_json(value: Any) -> Any:
    """Return a value in JSON's types: an estimate with its bounds, a number that is none as null."""
    if hasattr(value, "low") and hasattr(value, "value"):
        return {"value": as_json(value.value), "low": as_json(value.low), "high": as_json(value.high)}
    if isinstance(value, Mapping):
        return {str(key): as_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
