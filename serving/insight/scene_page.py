"""The insight page of a scene: whom it fits, why, and what each is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.goods.own_tags import own_tags_of
from ...features.shop import Shop
from .page import InsightPage, InsightTable, moment_of, plain_rows
from .scene_feed import scene_feed, scene_preview
from .scenes import RULES_OF_SCENES, SceneRules, match_scene, scene_of

_CUSTOMERS = {
    "customer_id": PageColumn("customer"),
    "fit": PageColumn("fit", ".2f"),
    "stage": PageColumn("stage"),
    "goods": PageColumn("to show"),
    "reasons": PageColumn("why"),
}
_GOODS = {
    "item_id": PageColumn("item"),
    "category_id": PageColumn("category"),
    "price_tier": PageColumn("price tier"),
    "role": PageColumn("role"),
    "n_buyers": PageColumn("buyers", ",.0f"),
    "n_shown": PageColumn("shown to", ",.0f"),
}


def scene_page(
    shop: Shop, name: str, as_of: datetime | None = None, top: int = 10, rules: SceneRules = RULES_OF_SCENES
) -> InsightPage:
    """Return whom a configured scene fits, and what each is shown: see `match_scene`.

    Parameters
    ----------
    shop
        The shop.
    name
        The scene, of the section ``[scenes.NAME]``.
    as_of
        UTC without a zone; default: the end of the shop's data.
    top
        How many rows are shown; files hold all.
    rules
        How the scene is matched.

    Raises
    ------
    InputError
        If there is no such scene, or the data ends before as_of.
    LeftOutError
        If the shop lacks what the scene is told by.
    """
    scene = scene_of(shop.config, name)
    moment = moment_of(shop, as_of)
    match = match_scene(shop, moment, name, rules)
    stages = ", ".join(scene.stages).replace("_", " ")
    who = f"customers in its stages ({stages})" if scene.stages else "customers known"
    lead = (
        f"Fits {len(match.customers):,} of {match.n_in_stage:,} {who} before {shop_time(moment, shop.timezone)} by "
        f"{rules.least_fit:g} or more, and has {len(match.goods):,} goods to show."
    )
    tables = (
        InsightTable("customers", "Whom it fits best", _CUSTOMERS, _customers(match.customers), n_shown=top),
        InsightTable("goods", "What is shown most", _GOODS, plain_rows(match.goods), n_shown=top),
    )
    facts: dict[str, Any] = {"scene": name, "as_of": moment.isoformat(), "rules": vars(rules)}
    facts |= {"n_in_stage": match.n_in_stage, "n_customers": len(match.customers), "n_goods": len(match.goods)}
    notes = (
        "Fit is the mean of what the scene names: the share of the customer's interest that its categories have, "
        "whether the customer buys in its price tiers, whether the customer bought in its calendar entry before.",
        f"Each is shown {rules.n_goods} goods at most, in stock: of the categories that interest most, in the own "
        "price tier first; nothing bought before, unless its category is one that buyers come back to.",
    )
    files = {"feed.json": scene_feed(match, name, moment, own_tags_of(shop))}
    files["preview.html"] = scene_preview(match, name, shop.currency)
    return InsightPage("scene", f"Scene: {name}", lead, tables, facts, {}, notes, files)


def _customers(customers: pd.DataFrame) -> list[dict[str, Any]]:
    places = [str(name) for name in customers if str(name).startswith("item_")]
    return [
        {**row, "goods": ", ".join(row[name] for name in places if row[name] is not None) or None}
        for row in plain_rows(customers)
    ]
