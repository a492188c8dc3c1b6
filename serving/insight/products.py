"""Insight pages about goods: roles and candidates for a joint price promotion; demand by category and price tier."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from penchant.errors import InputError, TooLittleDataError
from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.goods.demand import DEMAND_DAYS, NO_TIER, demand
from ...features.goods.held import LEAST_HOLDERS, joint_candidates
from ...features.goods.measures import KEYS, By
from ...features.goods.roles import ROLES, RULES, ProductRules, products_of
from ...features.history.past import Past
from ...features.shop import Shop
from ...features.signals.cycle import at_one_moment
from ...features.signals.funnel import ITEM
from ...features.signals.group import unmet_needs
from .page import InsightPage, InsightTable, moment_of, told_left_out

TOP = 20
ROLE_MEANS = {
    "traffic": "brings in customers: first orders and first visits, against its category",
    "profit": "earns: margin against its category, or buyers who come back where no costs are known",
    "potential": "its buyers or lookers rise against the shop's own trend, beyond noise",
    "marginal": "hardly sold, hardly looked at, nothing it is bought with",
    "ordinary": "none of these, as far as its numbers tell",
}
_IDS = {"item_id": PageColumn("item"), "category_id": PageColumn("category")}
_ROLES = {
    "role": PageColumn("role"),
    "n_products": PageColumn("how many", ",.0f"),
    "share_of_orders": PageColumn("of orders", ".0%"),
    "share_of_amount": PageColumn("of amount", ".0%"),
    "what": PageColumn("what it is"),
}
_MEASURES = {
    "role": PageColumn("role"),
    "n_orders": PageColumn("orders", ",.0f"),
    "amount": PageColumn("amount", ",.0f"),
    "margin_share": PageColumn("margin", ".0%"),
    "n_first_orders": PageColumn("first orders", ",.0f"),
    "n_first_visits": PageColumn("first visits", ",.0f"),
    "repeat_share": PageColumn("buy it again", ".1%"),
    "growth": PageColumn("growth", ".2f"),
    "traffic_index": PageColumn("traffic", ".2f"),
    "profit_index": PageColumn("profit", ".2f"),
    "companion": PageColumn("bought with"),
    "association": PageColumn("times chance", ".1f"),
}
_HELD = {
    "n_customers": PageColumn("customers", ",.0f"),
    "n_cart": PageColumn("in carts", ",.0f"),
    "n_favorite": PageColumn("favourites", ",.0f"),
    "n_items": PageColumn("items", ",.0f"),
    "list_price": PageColumn("list price", ",.2f"),
    "held_price": PageColumn("when put in", ",.2f"),
    "last_paid_price": PageColumn("last paid", ",.2f"),
    "held_value": PageColumn("held in all", ",.0f"),
    "n_price_dropped": PageColumn("saw it dearer", ",.0f"),
    "stock": PageColumn("stock", ",.0f"),
    "trigger": PageColumn("what changes"),
}
_DEMAND = {
    "category_id": PageColumn("category"),
    "price_tier": PageColumn("price tier"),
    "n_items": PageColumn("items", ",.0f"),
    "n_view": PageColumn("views", ",.0f"),
    "n_favorite": PageColumn("favourites", ",.0f"),
    "n_cart": PageColumn("carts", ",.0f"),
    "n_orders": PageColumn("orders", ",.0f"),
    "n_buyers": PageColumn("buyers", ",.0f"),
    "amount": PageColumn("amount", ",.0f"),
    "orders_per_100_views": PageColumn("orders per 100 views", ",.1f"),
}


def products_page(
    shop: Shop,
    as_of: datetime | None = None,
    by: By = "item",
    top: int = TOP,
    least: int = LEAST_HOLDERS,
    rules: ProductRules = RULES,
) -> InsightPage:
    """Return the roles of items or categories, and what many customers hold open.

    Parameters
    ----------
    shop
        The shop.
    as_of
        UTC without a zone; default: the end of the shop's data.
    by
        ``item`` or ``category``.
    top
        How many rows are shown; the files and JSON hold all.
    least
        The fewest customers that hold a candidate for a joint price promotion.
    rules
        The thresholds of the roles.

    Raises
    ------
    InputError
        If the data ends before as_of, or ``by`` is neither item nor category.
    LeftOutError
        If the shop does not say what was bought or looked at.
    TooLittleDataError
        If nothing was known at as_of.
    """
    if by not in KEYS:
        raise InputError("option --by", "'item' or 'category'", f"'{by}'")
    moment = moment_of(shop, as_of)
    missing = unmet_needs((ITEM,), shop.has)

    def ask(everyone: Past) -> tuple[pd.DataFrame, pd.DataFrame | None]:
        found = products_of(everyone, by, rules)
        return found, None if missing else joint_candidates(everyone, by, least)

    found, held = at_one_moment(shop, moment, ask)
    if found.empty:
        what = f"at least one {by} known before {shop_time(moment, shop.timezone)}"
        raise TooLittleDataError("product roles", what, "none", "Look later")
    tables = [_roles(found), _best(found, KEYS[by], top)]
    tables += [] if held is None else [_held(held, KEYS[by], least, top)]
    return InsightPage(
        "products",
        "Product roles",
        f"{len(found):,} {'items' if by == 'item' else 'categories'} known before {shop_time(moment, shop.timezone)}, "
        f"by the {rules.look_back_days} days before it.",
        tuple(tables),
        {"as_of": moment.isoformat(), "by": by, "n_products": len(found), "rules": vars(rules)},
        told_left_out({"joint price promotion": missing}) | _without_trend(found, rules),
        _how_to_read(rules),
    )


def _without_trend(found: pd.DataFrame, rules: ProductRules) -> dict[str, str]:
    """Say that no product can be told to rise, where one of the two windows has no buyers."""
    if found["growth"].notna().any():
        return {}
    lack = f"the shop has no purchases in one of the two windows of {rules.trend_days} days before as_of"
    return {"potential": lack}


def _roles(found: pd.DataFrame) -> InsightTable:
    whole = {name: float(found[name].sum()) for name in ("n_orders", "amount") if name in found}
    rows: list[dict[str, Any]] = []
    for role in ROLES:
        mine = found[found["role"] == role]
        shares = {
            f"share_of_{name.removeprefix('n_')}": mine[name].sum() / total for name, total in whole.items() if total
        }
        rows.append({"role": role, "n_products": len(mine), **shares, "what": ROLE_MEANS[role]})
    return InsightTable("roles", "Products by role", _shown(_ROLES, rows), rows)


def _best(found: pd.DataFrame, key: str, top: int) -> InsightTable:
    """Return all products with their measures, most orders first; the terminal shows the first of them."""
    by = [name for name in ("n_orders", "n_visits") if name in found]
    ranked = found.sort_values([*by, key], ascending=[*[False] * len(by), True])
    rows = _records(ranked)
    columns = _shown({**_IDS, **_MEASURES}, rows)
    return InsightTable("products", "By orders", columns, rows, n_shown=top)


def _held(held: pd.DataFrame, key: str, least: int, top: int) -> InsightTable:
    rows = [{**row, "trigger": _trigger(row)} if key == "item_id" else row for row in _records(held)]
    title = f"In the carts or favourites of {least:,} customers or more: candidates for a joint price promotion"
    columns = _shown({**_IDS, **_HELD}, rows) or {key: _IDS[key], "n_customers": _HELD["n_customers"]}
    return InsightTable("joint_action", title, columns, rows, n_shown=top)


def _trigger(row: Mapping[str, Any]) -> str | None:
    """Return what touches the open carts that hold an item, in words."""
    said = [
        "price dropped" if row["n_price_dropped"] else "",
        "stock low" if row["is_stock_low"] else "",
        "left the range" if row["is_out_of_range"] else "",
    ]
    return ", ".join(one for one in said if one) or None


def demand_page(shop: Shop, as_of: datetime | None = None, days: int = DEMAND_DAYS, top: int = 10) -> InsightPage:
    """Return the demand of each category and price tier within it.

    Parameters
    ----------
    shop
        The shop.
    as_of
        UTC without a zone; default: the end of the shop's data.
    days
        Of the window before as_of.
    top
        How many categories are shown, those with the most orders, else views; the files and JSON hold all.

    Raises
    ------
    InputError
        If the data ends before as_of.
    LeftOutError
        If items or their categories are not known.
    """
    moment = moment_of(shop, as_of)
    found = at_one_moment(shop, moment, lambda everyone: demand(everyone, days))
    asked = _most_wanted(found)
    rows = _records(asked)
    first = list(dict.fromkeys(asked["category_id"]))[:top]
    n_shown = int(asked["category_id"].isin(first).sum())
    return InsightPage(
        "demand",
        "Demand by category and price tier",
        f"{asked['category_id'].nunique():,} categories in demand in the {days} days before "
        f"{shop_time(moment, shop.timezone)}.",
        (
            InsightTable(
                "demand", "Views, favourites, carts and purchases", _shown(_DEMAND, rows), rows, n_shown=n_shown
            ),
        ),
        {"as_of": moment.isoformat(), "days": days},
        {},
        (
            "A price tier is a third of the category's items by price: the list price, else the median paid, else the "
            f"median shown. '{NO_TIER}': nobody was shown or paid one in the last year.",
        ),
    )


def _most_wanted(found: pd.DataFrame) -> pd.DataFrame:
    """Return the cells in demand, the most wanted categories first, with orders per 100 views."""
    counts = [name for name in ("n_orders", "n_view", "n_cart", "n_favorite") if name in found]
    asked = found[(found[counts] > 0).any(axis=1)]
    if {"n_view", "n_orders"} <= set(counts):
        views = asked["n_view"].where(asked["n_view"] > 0)
        asked = asked.assign(orders_per_100_views=100 * asked["n_orders"] / views)
    wanted = asked.groupby("category_id", as_index=False)[counts].sum()
    wanted = wanted.sort_values([*counts, "category_id"], ascending=[*[False] * len(counts), True])
    place = dict(zip(wanted["category_id"], range(len(wanted)), strict=True))
    return asked.iloc[asked["category_id"].map(place).argsort(kind="stable")]


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as plain values, None for what is missing."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]


def _shown(columns: Mapping[str, PageColumn], rows: list[dict[str, Any]]) -> dict[str, PageColumn]:
    """Return those columns that some row has a value for."""
    return {name: column for name, column in columns.items() if any(row.get(name) is not None for row in rows)}


def _how_to_read(rules: ProductRules) -> tuple[str, ...]:
    return (
        f"Traffic and profit are indices: 1 is the average of an item's category where that has {rules.least_peers} "
        "items, else of the shop. Shares of small counts are drawn towards it, as if "
        f"{rules.shrinkage:g} more orders, visits or buyers had been average. Traffic: {rules.strong_traffic:g} and "
        f"more, beyond chance; profit: {rules.strong_profit:g} and more.",
        f"Growth compares the buyers of the last {rules.trend_days} days with those of the {rules.trend_days} before, "
        f"against the shop's own trend; of the products called potential at most {rules.false_rises:.0%} are expected "
        "to be chance.",
        f"Marginal: less than {rules.few_orders:g} times the average of orders and sales, {rules.few_visits:g} times "
        f"that of visits, and its strongest companion less than {rules.weak_association:g} times as often beside it as "
        "chance would have it.",
    )
