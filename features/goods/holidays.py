"""Which of the calendar's entries an item sells in: a Christmas item sells at Christmas beyond what the shop does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from penchant.lazy import _, ibis, pd

from ..history.past import Past
from ..history.prepare import History
from ..signals.holiday import is_inside, merged
from .measures import baskets, has_key
from .roles import discoveries, rise_chance

LEAST_ORDERS = 5  # in the entry, before an item can belong to it
LEAST_LIFT = 1.5
FALSE_SHARE = 0.1


def product_holidays(everyone: Past, least_lift: float = LEAST_LIFT, false_share: float = FALSE_SHARE) -> pd.DataFrame:
    """Return the items that sell in an entry of the calendar: item_id, holiday, lift; sorted.

    Parameters
    ----------
    everyone
        The past of everyone at one moment. All editions of an entry that had begun by then count together.
    least_lift
        An item's share of orders in the entry, by the shop's share, is at least this.
    false_share
        At most this share of what is found is expected to be chance (Benjamini and Hochberg).
    """
    names = calendar_names(everyone.history)
    nothing = pd.DataFrame({"item_id": [], "holiday": [], "lift": []}).astype({"item_id": "str", "holiday": "str"})
    if not names or not has_key(everyone, "item_id")[0]:
        return nothing
    counts = _counts(everyone, names)
    found = [_of_entry(counts, name, f"n_{place}") for place, name in enumerate(names)]
    pairs = pd.concat(found, ignore_index=True)
    stands = discoveries(pairs["chance"].to_numpy(), false_share)
    chosen = pairs[stands & (pairs["lift"] >= least_lift) & (pairs["n_inside"] >= LEAST_ORDERS)]
    return chosen[list(nothing)].sort_values(["item_id", "holiday"], ignore_index=True)


def orders_inside(everyone: Past, name: str) -> pd.Series:
    """Return how many orders of each item were made inside an entry of the calendar; items without any are left out."""
    if name not in calendar_names(everyone.history) or not has_key(everyone, "item_id")[0]:
        return pd.Series(dtype="int64")
    inside = _counts(everyone, [name]).set_index("item_id")["n_0"]
    return inside[inside > 0]


def calendar_names(history: History) -> list[str]:
    """Return the names of the calendar's entries, sorted."""
    shop = history.shop
    if not shop.has("calendar"):
        return []
    return sorted(set(shop.tables["calendar"].select("name").to_pandas()["name"].dropna()))


def _counts(past: Past, names: list[str]) -> pd.DataFrame:
    """Return orders per item, and for each name those that were paid inside one of its editions."""
    calendar = past.history.shop.tables["calendar"]
    rows = baskets(past, "item_id")
    values: Mapping[str, Any] = {
        f"n_{place}": ibis.cases((is_inside(rows["at"], merged(calendar.filter(_.name == name))), 1)).count()
        for place, name in enumerate(names)
    }
    found = rows.group_by("item_id").aggregate(n_orders=_.count(), **values)
    return found.to_pyarrow().to_pandas()


def _of_entry(counts: pd.DataFrame, name: str, column: str) -> pd.DataFrame:
    """Return each item's lift in one entry, and the chance of as many orders inside by lot."""
    inside, both = counts[column].to_numpy(np.float64), counts["n_orders"].to_numpy(np.float64)
    share = inside.sum() / both.sum() if both.sum() else 0.0
    lift = inside / both / share if share > 0 else np.zeros(len(counts))
    chance = rise_chance(inside, both, share) if share > 0 else np.ones(len(counts))
    return pd.DataFrame(
        {"item_id": counts["item_id"], "holiday": name, "lift": lift, "chance": chance, "n_inside": inside}
    )
