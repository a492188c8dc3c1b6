"""The triggers of open carts by name, and the columns of the candidates that say whom they touch, and with what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import pandas as pd

TRIGGERS: Mapping[str, str] = MappingProxyType(
    {"price_dropped": "cart_price_dropped", "stock_low": "cart_stock_low", "leaves_range": "cart_leaves_range"}
)
ITEM, PRICE = "item_id", "item_price"


def with_item(people: pd.DataFrame, conditions: Iterable[str]) -> pd.DataFrame:
    """Return candidates with ``item_id`` and ``item_price`` of the first trigger among the conditions.

    Parameters
    ----------
    people
        Candidates; each trigger's column has ``_item`` and ``_price`` beside it where they are known.
    conditions
        The columns that narrow the crowd.
    """
    asked = next((name for name in conditions if name in TRIGGERS.values() and f"{name}_item" in people), None)
    if asked is None:
        return people
    return people.assign(**{ITEM: people[f"{asked}_item"], PRICE: people[f"{asked}_price"]})
