"""What is known, as tags that other systems read: one long table (subject, id, tag, value, as_of).

Tags of customers come from the same signals as the feature matrix; those of items from the product pages; those of
scenes from the configuration. A subject may have several values of one tag: a customer is in several crowds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from penchant.config import Config
from penchant.errors import LeftOutError, TooLittleDataError

from ...features.catalogue import our_groups
from ...features.criteria import VALUE_TIER, all_crowds
from ...features.criterion import TAGS
from ...features.engine.backends import batches
from ...features.engine.temporary import Keep
from ...features.goods.holidays import product_holidays
from ...features.goods.own_tags import own_item_tags
from ...features.goods.prices import priced_goods
from ...features.goods.roles import products_of
from ...features.history.evaluate import evaluated
from ...features.history.past import Past
from ...features.matrix import available
from ...features.shop import Shop
from ...features.signals.crowds import lacking_of
from ...features.signals.cycle import at_one_moment
from ...features.signals.group import CATEGORY, unmet_needs
from ...features.signals.holiday import KINDS, prefers
from ...features.signals.rfm import value_tier
from ...features.spine import Spine
from ..worth.next_order import next_orders
from .page import told_left_out

SUBJECTS = ("customer", "item", "scene")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("subject", "id", "tag", "value")] + [("as_of", pa.timestamp("us"))]
)
SIGNALS = {tag: name for tag, name in TAGS.items() if tag not in VALUE_TIER}
ITEM_NEEDS = {
    "category": (f"items.category_id|{CATEGORY}",),
    "price_tier": (f"items.category_id|{CATEGORY}", "items.list_price|orders.amount|interactions.price"),
    "holiday": ("calendar", "orders.item_id|interactions.item_id"),
}
N_CUSTOMERS = 20_000  # in one batch
DUE = (("within_30d", 30.0), ("within_90d", 90.0), ("within_12m", 365.0))  # until half of such customers order again
ALIVE = (("unlikely", 0.0), ("doubtful", 0.2), ("likely", 0.8))

Question = Callable[[Past], Any]


@dataclass(frozen=True, eq=False)
class Tags:
    """The tags of one moment.

    Parameters
    ----------
    batches
        Yields the long table in order (subject, id, tag, value), once.
    left_out
        Tag -> what the shop lacks for it; complete before the first batch.
    """

    batches: Iterator[pa.RecordBatch]
    left_out: Mapping[str, str]


def customer_questions(shop: Shop, as_of: datetime) -> tuple[dict[str, Question], dict[str, str]]:
    """Return tag -> what to ask the past for it, and what is left out.

    A question's answer is text or null; of the tags that begin ``crowd:`` it is whether the customer is in it.
    """
    windows = windows_of(shop)
    groups = our_groups(shop)
    signals, _missing = available(shop, groups, windows)
    by_name = {signal.column.name: signal for signal in signals}
    needs = {one.column.name: one.needs for group in groups for one in group.signals(windows)}
    asked: dict[str, Question] = {tag: by_name[name].value for tag, name in SIGNALS.items() if name in by_name}
    missing = {tag: unmet_needs(needs[name], shop.has) for tag, name in SIGNALS.items()}
    if "rfm_monetary" in by_name:
        asked["tier"] = lambda past: value_tier(by_name["rfm_monetary"].value(past))
    missing["tier"] = unmet_needs(needs["rfm_monetary"], shop.has)
    missing["prefers"] = unmet_needs(("calendar",), shop.has)
    if not missing["prefers"]:
        asked |= {f"prefers:{kind}": prefers(kind) for kind in KINDS}
    crowds = all_crowds(shop, as_of)
    untold = lacking_of(shop, crowds)
    asked |= {f"crowd:{crowd.name}": crowd.holds for crowd in crowds if crowd.name not in untold}
    return asked, told_left_out(missing) | {f"crowd:{name}": why for name, why in untold.items()}


def windows_of(shop: Shop) -> tuple[int, ...]:
    """Return the configured windows, in days, rising."""
    return tuple(sorted(set(shop.config.features.windows)))


def tags_of(shop: Shop, as_of: datetime, subject: str | None = None) -> Tags:
    """Return the tags of customers, items and scenes at a moment.

    Parameters
    ----------
    shop
        The shop.
    as_of
        The moment, UTC without a zone; only what was known strictly before counts.
    subject
        ``customer``, ``item`` or ``scene``; default: all of them.
    """
    wanted = SUBJECTS if subject is None else (subject,)
    left_out: dict[str, str] = {}
    streams: list[Iterator[pd.DataFrame]] = []
    if "customer" in wanted:
        asked, missing = customer_questions(shop, as_of)
        left_out |= missing
        streams.append(_customers(shop, as_of, asked, _next_order_tags(shop, as_of, left_out)))
    if "item" in wanted:
        items, missing = item_tags(shop, as_of)
        left_out |= missing
        streams.append(iter([items]))
    if "scene" in wanted:
        streams.append(iter([scene_tags(shop.config)]))
    names = SUBJECTS if subject is None else (subject,)
    return Tags(_arrow(names, streams, as_of), left_out)


def _arrow(names: tuple[str, ...], streams: list[Iterator[pd.DataFrame]], as_of: datetime) -> Iterator[pa.RecordBatch]:
    for subject, stream in zip(names, streams, strict=True):
        for frame in stream:
            rows = frame.sort_values(["id", "tag", "value"]).assign(subject=subject, as_of=pd.Timestamp(as_of))
            table = pa.Table.from_pandas(rows[SCHEMA.names], schema=SCHEMA, preserve_index=False)
            yield from table.combine_chunks().to_batches()


def _next_order_tags(shop: Shop, as_of: datetime, left_out: dict[str, str]) -> pd.DataFrame:
    """Return (id, next_order, alive) of each buyer; no rows where it cannot be known, for a reason in ``left_out``."""
    try:
        found = next_orders(shop, as_of).frame
    except (LeftOutError, TooLittleDataError) as fault:
        left_out["next_order"] = str(fault)
        return pd.DataFrame({"id": [], "next_order": [], "alive": []}, dtype="object")
    days, alive = found["days_to_next_order"].fillna(np.inf).to_numpy(), found["p_alive"].to_numpy()
    due = np.array([name for name, _days in DUE] + ["later"])[np.searchsorted([n for _name, n in DUE], days)]
    is_alive = np.array([name for name, _least in ALIVE])[
        np.searchsorted([p for _name, p in ALIVE[1:]], alive, "right")
    ]
    return pd.DataFrame({"id": found["customer_id"], "next_order": due, "alive": is_alive})


def _customers(
    shop: Shop, as_of: datetime, asked: Mapping[str, Question], beside: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    """Yield the tags of customers in batches of whole customers, by id."""
    columns = {f"tag_{place}": ask for place, ask in enumerate(asked.values())}
    names = dict(zip(columns, asked, strict=True))
    with Keep(shop.backend) as keep:
        [wide] = evaluated(shop, Spine.at(shop, as_of), columns, keep, windows_of(shop))
        for batch in batches(shop.backend, wide.drop("as_of").order_by("customer_id"), N_CUSTOMERS):
            rows = batch.to_pandas().rename(columns={"customer_id": "id", **names})
            yield long_of(rows.merge(beside, on="id", how="left"))


def long_of(wide: pd.DataFrame) -> pd.DataFrame:
    """Return (id, tag, value) of a table with ``id`` and a column per tag; a missing value is no tag.

    A flag named ``crowd:interest`` becomes the tag ``crowd`` with the value ``interest``, where it holds.

    Examples
    --------
    >>> long_of(pd.DataFrame({"id": ["a", "b"], "stage": ["new", None], "crowd:due": [False, True]})).values.tolist()
    [['a', 'stage', 'new'], ['b', 'crowd', 'due']]
    """
    parts = []
    for column in wide.columns.drop("id"):
        tag, flag, name = column.partition(":")
        held = wide[wide[column].fillna(False).astype(bool)] if flag else wide[wide[column].notna()]
        values = name if flag else held[column].astype("str")
        parts.append(pd.DataFrame({"id": held["id"].astype("str"), "tag": tag, "value": values}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"id": [], "tag": [], "value": []})


def item_tags(shop: Shop, as_of: datetime) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return (id, tag, value) of the items known at a moment, and what is left out."""
    try:
        goods, roles, holidays = at_one_moment(shop, as_of, _item_tables)
    except LeftOutError as fault:
        return pd.DataFrame({"id": [], "tag": [], "value": []}, dtype="str"), {"item": fault.got}
    wide = goods.merge(roles[["item_id", "role"]], on="item_id", how="left")
    found = long_of(wide.rename(columns={"item_id": "id", "category_id": "category"}))
    held = holidays.rename(columns={"item_id": "id", "holiday": "value"}).assign(tag="holiday")
    own = own_item_tags(shop).rename(columns={"item_id": "id"})
    own = own[own["id"].isin(goods["item_id"])]
    bare = own["value"].isna()
    own = own.assign(value=own["value"].where(~bare, own["tag"]), tag=own["tag"].mask(bare, "tag"))
    missing = {f"{tag} of items": unmet_needs(needs, shop.has) for tag, needs in ITEM_NEEDS.items()}
    return pd.concat([found, held[list(found)], own[list(found)]], ignore_index=True), told_left_out(missing)


def _item_tables(everyone: Past) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    roles = products_of(everyone)  # refuses a shop without items before anything else is asked
    goods = priced_goods(everyone).select("item_id", "category_id", "price_tier").to_pyarrow().to_pandas()
    return goods, roles, product_holidays(everyone)


def scene_tags(config: Config) -> pd.DataFrame:
    """Return (id, tag, value) of the configured scenes: what each shows, and whom it is for."""
    rows = []
    for name, scene in config.scenes.items():
        said = {
            "category": scene.categories,
            "price_tier": scene.price_tiers,
            "role": scene.roles,
            "tag": scene.tags,
            "stage": scene.stages,
        }
        said["holiday"] = () if scene.calendar is None else (scene.calendar,)
        rows += [(name, tag, value) for tag, values in said.items() for value in values]
    return pd.DataFrame(rows, columns=["id", "tag", "value"], dtype="str")
