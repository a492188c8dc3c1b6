"""A theme page as data: the goods of a scene by stage and by customer, with tags and prices, and a preview."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from penchant.page import Page, PageColumn, PageSection, Table

from .page import plain_rows
from .scenes import SceneMatch

OwnTags = Mapping[str, Sequence[str]]  # item -> tags of the shop's own
NO_TAGS: OwnTags = MappingProxyType({})
N_OF_STAGE = 12  # goods of a stage's shelf


def scene_feed(match: SceneMatch, name: str, moment: datetime, own: OwnTags = NO_TAGS) -> str:
    """Return the feed of a theme page as JSON; ``own`` are the shop's own tags, which stand behind ours.

    Keys: ``scene``, ``as_of``, ``goods`` (item_id, category_id, price_tier, role, list_price, stock, tags), ``stages``
    (stage -> items, the most shown first) and ``customers`` (customer -> items, best first).
    """
    goods = [_good(row, name, own) for row in plain_rows(match.goods)]
    customers = {row["customer_id"]: _items(row) for row in plain_rows(match.customers)}
    feed = {"scene": name, "as_of": moment.isoformat(), "goods": goods, "stages": goods_by_stage(match)}
    return json.dumps({**feed, "customers": customers}, ensure_ascii=False, indent=1, default=str)


def goods_by_stage(match: SceneMatch) -> dict[str, list[str]]:
    """Return for each stage the goods that are shown to most of its customers, ties in the order of the scene."""
    order = {item: place for place, item in enumerate(match.goods["item_id"])}
    shelves: dict[str, list[str]] = {}
    for stage, some in match.customers.groupby("stage", sort=True):
        counts: dict[str, int] = {}
        for row in plain_rows(some):
            for item in _items(row):
                counts[item] = counts.get(item, 0) + 1
        ranked = sorted(counts, key=lambda item: (-counts[item], order.get(item, len(order))))
        shelves[str(stage)] = ranked[:N_OF_STAGE]
    return shelves


def scene_preview(match: SceneMatch, name: str, currency: str) -> str:
    """Return the page as its customers' stages would see it, as the text of one HTML file."""
    goods = {row["item_id"]: row for row in plain_rows(match.goods)}
    columns = (
        PageColumn("item"),
        PageColumn("category"),
        PageColumn("price tier"),
        PageColumn("price", ",.2f", currency),
        PageColumn("in stock", ",.0f"),
    )
    keys = ("item_id", "category_id", "price_tier", "list_price", "stock")
    sections = [
        PageSection(
            f"For {stage.replace('_', ' ')} customers",
            (Table(columns, [tuple(goods[item].get(key) for key in keys) for item in items if item in goods]),),
        )
        for stage, items in goods_by_stage(match).items()
    ]
    lead = f"{len(match.customers):,} customers, {len(match.goods):,} goods."
    return Page(name, lead, tuple(sections)).html()


def _good(row: dict[str, Any], scene: str, own: OwnTags) -> dict[str, Any]:
    tags = [f"{key}:{row[name]}" for key, name in _TAGS.items() if row.get(name) is not None]
    tags += [f"scene:{scene}"] if row.get("is_of_calendar") else []
    tags += own.get(row["item_id"], ())
    told = ("item_id", "category_id", "price_tier", "role", "list_price", "stock")
    return {**{name: row.get(name) for name in told}, "tags": tags}


_TAGS = {"category": "category_id", "price_tier": "price_tier", "role": "role"}


def _items(row: dict[str, Any]) -> list[str]:
    names = sorted((name for name in row if name.startswith("item_")), key=lambda name: int(name[5:]))
    return [row[name] for name in names if row[name] is not None]
