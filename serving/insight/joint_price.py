"""A joint price action: who holds an item in cart or favourites, and what a price for them should bring."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from ibis import _

from penchant.errors import InputError, LeftOutError, TooLittleDataError, did_you_mean, quoted
from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.engine.times import instant
from ...features.goods.held import holders
from ...features.goods.prices import priced_goods
from ...features.history.past import Past
from ...features.shop import Shop
from ...features.signals.cycle import at_one_moment
from ...features.signals.funnel import ITEM
from ...features.signals.group import unmet_needs
from ...models.inputs.estimate import Estimate
from .intervals import normal_quantile, wilson
from .page import InsightPage, InsightTable, moment_of, plain_rows
from .spent import standing_lines

LEAST_HELD = 30  # goods held of a kind, from whose orders the rate is known
PRICES = (1.0, 0.95, 0.9, 0.8, 0.7)  # shares of today's price that are set side by side
KINDS = ("cart", "favourite")
N_SHOWN = 20

_HOLDERS = {
    "customer_id": PageColumn("customer"),
    "held_in": PageColumn("held in"),
    "price_then": PageColumn("price when put in", ",.2f"),
}
_RATES = {
    "held_in": PageColumn("held in"),
    "n": PageColumn("held then", ",d"),
    "rate": PageColumn("ordered since", ".1%"),
    "n_now": PageColumn("hold it now", ",d"),
}
_PRICES = {
    "price": PageColumn("price", ",.2f"),
    "orders": PageColumn("orders", ",.1f"),
    "revenue": PageColumn("revenue", ",.0f"),
    "margin": PageColumn("margin", ",.0f"),
    "break_even": PageColumn("orders needed, as a multiple", ".2f"),
}


def joint_price_page(
    shop: Shop,
    item: str,
    as_of: datetime | None = None,
    prices: Sequence[float] = (),
    elasticity: float | None = None,
    days: int = 14,
) -> InsightPage:
    """Return whom a joint price action on an item addresses, and the orders and margin to expect at each price.

    Parameters
    ----------
    shop
        The shop; its interactions name items.
    item
        The item.
    as_of
        UTC without a zone; default: the end of the shop's data.
    prices
        In major units; default: today's, and 5, 10, 20 and 30 % less.
    elasticity
        Change of orders for one per cent of price, from a test (`elasticity_page`) or assumed. None: unknown; orders
        are those that come at today's price anyway, and each price says how many it would take.
    days
        How long the action runs; what is held is followed as long in the past.

    Raises
    ------
    InputError
        If nobody holds the item, it is sold out or left the range, or a price is not above zero.
    LeftOutError
        If the shop does not tell what is held.
    TooLittleDataError
        If fewer than 30 goods were held in the past, or the item has no price.
    """
    missing = unmet_needs((ITEM,), shop.has)
    if missing:
        raise LeftOutError("joint price action", "carts or favourites that name items", quoted(missing))
    if any(price <= 0 for price in prices):
        raise InputError("option --price", "prices above zero", f"{min(prices):g}")
    moment = moment_of(shop, as_of)
    mine = _holders_of(shop, moment, item)
    now = _price_of(shop, moment, item)
    rates = _rates(shop, moment, days, mine)
    orders = _expected(rates)
    chosen = sorted(set(prices) or {round(share * now, 2) for share in PRICES}, reverse=True)
    cost = _cost_of(shop, item)
    rows = [_at_price(price, now, orders, cost, elasticity) for price in chosen]
    tables = (
        InsightTable("prices", "What each price brings", _columns(shop.currency, cost), rows),
        InsightTable("rates", f"What was held {days} days before, and ordered since", _RATES, rates, drawn="rate"),
        InsightTable("holders", "Whom it addresses", _HOLDERS, plain_rows(mine[list(_HOLDERS)]), n_shown=N_SHOWN),
    )
    lead = f"{len(mine):,} customers hold '{item}' before {shop_time(moment, shop.timezone)}; it costs {now:,.2f} "
    lead += f"{shop.currency} today. At that price {orders:,.1f} orders within {days} days are expected of them."
    facts = {"as_of": moment.isoformat(), "item": item, "n_holders": len(mine), "price_now": now, "days": days}
    left_out = {} if cost is not None else {"margin": "the shop has no items.unit_cost of it"}
    return InsightPage("joint_price", f"Joint price: {item}", lead, tables, facts, left_out, _notes(elasticity))


def _notes(elasticity: float | None) -> tuple[str, ...]:
    unknown = (
        "How orders answer to the price is not known: all prices show the orders that come at today's price. Give "
        "--elasticity, or test prices in a plan (test = 'price') and read `penchant insight elasticity`."
    )
    return (
        unknown
        if elasticity is None
        else f"Orders at other prices by an elasticity of {elasticity:+g}, which is taken for granted.",
        "Orders needed: the multiple of today's orders at which the margin is that of today's price.",
        "Rates are those of all goods held so long before, by where they were held; intervals of 95 % hold jointly.",
    )


def _holders_of(shop: Shop, moment: datetime, item: str) -> pd.DataFrame:
    """Return customer_id, ``held_in`` (the cart goes before favourites) and ``price_then``, most wanted first."""
    every = _held_at(shop, moment)
    mine = every[every["item_id"] == item]
    if mine.empty:
        known = sorted(set(every["item_id"]))
        raise InputError("item", "one in carts or favourites", f"'{item}'", did_you_mean(item, known))
    return mine.sort_values(["held_in", "customer_id"], ignore_index=True)


def _held_at(shop: Shop, moment: datetime) -> pd.DataFrame:
    rows = at_one_moment(shop, moment, lambda everyone: holders(everyone).to_pyarrow().to_pandas())
    rows = rows.assign(held_in=rows["kind"].replace({"favorite": "favourite"}))
    rows["price_then"] = rows["price_then"].astype("Float64") / 10**shop.decimals
    highest = rows.groupby(["customer_id", "item_id"], as_index=False)["price_then"].max()
    first = rows.sort_values("held_in").drop_duplicates(["customer_id", "item_id"]).drop(columns=["price_then", "kind"])
    return first.merge(highest, on=["customer_id", "item_id"])


def _price_of(shop: Shop, moment: datetime, item: str) -> float:
    def ask(everyone: Past) -> Any:
        mine = priced_goods(everyone).filter(_.item_id == item)
        return mine.select("price", "stock", "is_in_range").to_pyarrow().to_pandas()

    goods = at_one_moment(shop, moment, ask)
    left, is_empty = (goods["is_in_range"] == False).any(), (goods["stock"] <= 0).any()  # noqa: E712
    if left or is_empty:
        raise InputError(f"item '{item}'", "one that can be bought", "it left the range" if left else "it is sold out")
    found = goods["price"].dropna()
    if found.empty:
        raise TooLittleDataError(f"item '{item}'", "a list price, or one paid or shown within a year", "none")
    return float(found.iloc[0]) / 10**shop.decimals


def _cost_of(shop: Shop, item: str) -> float | None:
    if not shop.has("items", "unit_cost"):
        return None
    found = shop.tables["items"].filter(_.item_id == item).select("unit_cost").to_pandas()["unit_cost"].dropna()
    return None if found.empty else float(found.iloc[0]) / 10**shop.decimals


def _rates(shop: Shop, moment: datetime, days: int, mine: pd.DataFrame) -> list[dict[str, Any]]:
    """Return by where goods were held the share ordered within the days after, and how many hold the item now."""
    past = moment - timedelta(days=days)
    then = _held_at(shop, past)
    if len(then) < LEAST_HELD:
        raise TooLittleDataError("joint price action", f"{LEAST_HELD} goods held {days} days before", f"{len(then):,}")
    lines = standing_lines(shop, moment)
    if "item_id" not in lines.columns:
        raise LeftOutError("joint price action", "orders that name items", "a shop without orders.item_id")
    bought = lines.filter(lines.ordered_at >= instant(past)).select("customer_id", "item_id").distinct().to_pandas()
    followed = then.merge(bought.assign(ordered=True), on=["customer_id", "item_id"], how="left")
    z, rows = normal_quantile(n_together=len(KINDS)), []
    for kind in KINDS:
        some = followed[followed["held_in"] == kind]
        some = some if len(some) >= LEAST_HELD else followed
        rate = wilson(int(some["ordered"].notna().sum()), len(some), z)
        rows.append({"held_in": kind, "n": len(some), "rate": rate, "n_now": int((mine["held_in"] == kind).sum())})
    return rows


def _expected(rates: Sequence[dict[str, Any]]) -> Estimate:
    """Return the orders to expect; bounds are those of all rates at once."""
    parts = [row["rate"].scaled(row["n_now"]) for row in rates]
    return Estimate(*(float(sum(getattr(one, name) for one in parts)) for name in ("value", "low", "high")))


def _at_price(
    price: float, now: float, orders: Estimate, cost: float | None, elasticity: float | None
) -> dict[str, Any]:
    expected = orders.scaled(1.0 if elasticity is None else float(np.power(price / now, elasticity)))
    row: dict[str, Any] = {"price": price, "orders": expected, "revenue": expected.scaled(price)}
    if cost is not None:
        row["margin"] = expected.scaled(price - cost)
        row["break_even"] = (now - cost) / (price - cost) if price > cost and now > cost else None
    return row


def _columns(currency: str, cost: float | None) -> dict[str, PageColumn]:
    money = {"price", "revenue", "margin"}
    named = {
        name: PageColumn(f"{column.title}, {currency}" if name in money else column.title, column.format)
        for name, column in _PRICES.items()
    }
    return named if cost is not None else {name: named[name] for name in ("price", "orders", "revenue")}
