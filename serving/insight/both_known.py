"""What is known of best customers and strangers alike at a moment: attributes, first touches, the first day's browsing.

Orders are no part of it. A first touch counts only if it came before the first order, and the first day is as long for
who bought on it as for anybody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import pandas as pd
from ibis import _

from ...features.engine.times import instant
from ...features.history.facts import interactions
from ...features.shop import Shop
from ...features.spine import first_seen
from .spent import standing_lines

BROWSING = {
    "content": "contents on the first day",
    "search": "searches on the first day",
    "view": "views on the first day",
    "favorite": "favourites on the first day",
    "cart": "carts on the first day",
}
FIRSTS = {"kind": "first did", "channel": "first came through", "category_id": "first looked at"}
PRICE = "price looked at on the first day"
MOST_TEXTS = 50  # values of an attribute; one with more names people rather than kinds of them
NO_TRAITS = ("customer_id", "registered_at")
SAID = ("n_orders", "spent", "last_at")


@dataclass(frozen=True, eq=False)
class KnownPeople:
    """Everybody known at a moment.

    Parameters
    ----------
    frame
        By customer_id: ``n_orders`` paid so far, ``spent`` within the days before the moment (in major units, or the
        number of orders where amounts are not known), ``last_at`` of the last thing done, and the traits.
    traits
        The columns that both have.
    """

    frame: pd.DataFrame
    traits: tuple[str, ...]


def known_people(shop: Shop, moment: datetime, days: int) -> KnownPeople:
    """Return what is known of everybody at a moment (UTC without a zone), and what each paid in the days before it."""
    people = first_seen(shop).filter(_.first_seen_at < instant(moment)).select("customer_id").to_pandas()
    bought = _bought(shop, moment, days)
    known = people.set_index("customer_id").sort_index().join(bought)
    known = known.fillna({"n_orders": 0, "spent": 0.0})
    traits: list[str] = []
    for part in (_attributes(shop, moment), _touches(shop, moment)):
        traits += [str(name) for name in part if name not in ("first_at", *SAID)]
        known = known.join(part)
    if "first_at" in known:
        came_to_order = known["first_at"] > known["first_order_at"]
        known.loc[came_to_order, [name for name in traits if name in (*FIRSTS.values(), *BROWSING.values(), PRICE)]] = (
            None
        )
    return KnownPeople(known, tuple(traits))


def _bought(shop: Shop, moment: datetime, days: int) -> pd.DataFrame:
    lines = standing_lines(shop, moment)
    inside = lines.ordered_at >= instant(moment - timedelta(days=days))
    has_amount = "amount" in lines.columns
    spent = lines.amount.sum(where=inside) if has_amount else lines.order_key.nunique(where=inside)
    per = lines.group_by("customer_id").aggregate(
        n_orders=lines.order_key.nunique(), first_order_at=lines.ordered_at.min(), spent=spent
    )
    found = per.to_pyarrow().to_pandas().set_index("customer_id")
    unit = 10**shop.decimals if has_amount else 1
    return found.assign(spent=found["spent"].astype(float).fillna(0.0) / unit)


def _attributes(shop: Shop, moment: datetime) -> pd.DataFrame:
    """Return the attributes by customer; unknown before the registration, and none that has nearly as many values."""
    if not shop.has("customers"):
        return pd.DataFrame()
    people = shop.tables["customers"]
    if shop.has("customers", "registered_at"):
        at = people.registered_at
        people = people.filter(at.isnull() | (at < instant(moment)))
    frame = people.to_pyarrow().to_pandas().set_index("customer_id")
    taken = [str(name) for name in frame if name not in NO_TRAITS and not str(name).startswith("consent")]
    return frame[[name for name in taken if _tells_kinds(frame[name])]].rename(columns=words_of)


def words_of(name: str) -> str:
    """Return an attribute's name as people write it."""
    return name.removesuffix("_id").replace("_", " ")


def _tells_kinds(values: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(values) or not values.notna().any():
        return False
    return pd.api.types.is_numeric_dtype(values) or values.nunique() <= MOST_TEXTS


def _touches(shop: Shop, moment: datetime) -> pd.DataFrame:
    """Return what each customer did first, and on the first day: from the first touch, 24 hours."""
    if not shop.has("interactions"):
        return pd.DataFrame()
    rows = interactions(shop)
    rows = rows.filter((rows.occurred_at < instant(moment)) & rows.kind.isin(list(BROWSING)))
    spans = rows.group_by("customer_id").aggregate(first_at=_.occurred_at.min(), last_at=_.occurred_at.max())
    joined = rows.inner_join(spans, "customer_id")
    day = joined.filter(joined.occurred_at < joined.first_at + ibis.interval(hours=24))
    is_first = day.occurred_at == day.first_at
    told: dict[str, Any] = {
        words: day[name].min(where=is_first) for name, words in FIRSTS.items() if name in rows.columns
    }
    told |= {words: (day.kind == kind).sum() for kind, words in BROWSING.items()}
    told |= {PRICE: day.price.mean()} if "price" in rows.columns else {}
    per = day.group_by("customer_id").aggregate(first_at=day.first_at.min(), last_at=day.last_at.max(), **told)
    frame = per.to_pyarrow().to_pandas().set_index("customer_id")
    if PRICE in frame:
        frame[PRICE] = frame[PRICE].astype(float) / 10**shop.decimals
    return frame[[name for name in frame if name in ("first_at", "last_at") or frame[name].nunique() > 1]]
