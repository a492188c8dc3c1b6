"""A price or freight test answered: the elasticity between two arms, with its interval.

Elasticity: by how many per cent demand changes where the price changes by one. Orders per customer of two arms that
differ in price alone, by lot, are a ratio with an interval; divided by the logarithm of the prices' ratio it is the
elasticity of the arc between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import log
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _

from penchant.errors import InputError, LeftOutError, TooLittleDataError, did_you_mean
from penchant.page import PageColumn

from ...features.shop import Shop
from ...models.inputs.distributions import normal_ppf
from ...models.inputs.estimate import Estimate
from ..goals.offers import CONTROL, Arm, Offer
from ..insight.intervals import wilson
from ..insight.page import InsightPage, InsightTable
from ..insight.spent import spent_after, standing_lines
from .compare import sidak

KINDS = ("price", "free_freight")
LEAST_ORDERS = 5  # in each arm; below it no ratio is given
LEVEL = 0.95


def elasticity_page(shop: Shop, campaign_id: str, arms: Sequence[Arm], days: int = 30) -> InsightPage:
    """Return the elasticity of demand that a price or freight test shows.

    Parameters
    ----------
    shop
        The shop; it needs ``assignments``, and orders with amounts.
    campaign_id
        The test.
    arms
        Its arms, as the records of its audiences describe them: offers of kind ``price`` or ``free_freight``, whose
        value is what an order costs less.
    days
        The window after each customer's assignment.

    Raises
    ------
    InputError
        If there is no such campaign, or its arms are not those of a price or freight test.
    LeftOutError
        If the shop lacks what it takes.
    TooLittleDataError
        If an arm has fewer than 5 orders, or the window is not over for anybody.
    """
    if not shop.has("assignments") or not shop.has("orders", "amount"):
        raise LeftOutError("elasticity", "assignments, and orders with amounts", "a shop without them")
    tested = {arm.name: arm for arm in arms if arm.offer.kind in KINDS}
    if len({arm.offer.value for arm in tested.values()}) < 2:
        got = ", ".join(f"'{arm.name}'" for arm in arms) or "no record of its arms"
        how = "Describe the arms of a test that was drawn elsewhere: --off ARM=AMOUNT for each"
        raise InputError(f"campaign '{campaign_id}'", "arms with offers of price or free freight that differ", got, how)
    rows = _spent(shop, campaign_id, list(tested), days)
    usual = _usual_price(shop, tested)
    per_arm = [_arm(rows[rows["arm"] == name], tested[name], usual) for name in tested]
    few = [one["arm"] for one in per_arm if one["orders"] < LEAST_ORDERS]
    if few:
        least = f"{LEAST_ORDERS} orders in each arm"
        raise TooLittleDataError(f"campaign '{campaign_id}'", least, f"'{few[0]}' has fewer")
    tables = (_arms(per_arm, shop.currency), _pairs(per_arm))
    kind = next(iter(tested.values())).offer.kind
    notes = (
        "Elasticity: the change of orders per customer for one per cent of price, between two arms; -1 means that what "
        "is gained by price is lost in orders. Intervals hold jointly (of the logarithm of the ratio).",
        f"The price is {'what is paid for delivery' if kind == 'free_freight' else 'the mean order of the shop'}, less "
        "the arm's value.",
    )
    lead = f"{len(rows):,} customers, within {days} days of their assignment."
    facts = {"campaign": campaign_id, "days": days, "usual_price": usual}
    return InsightPage("elasticity", f"Elasticity: {campaign_id}", lead, tables, facts, {}, notes)


def arms_told(texts: Sequence[str], kind: str) -> tuple[Arm, ...]:
    """Return the arms of a test that no record describes, from ``ARM=AMOUNT``: what an order costs less in each.

    Raises
    ------
    InputError
        If a text is not of that form, or an amount is no number from 0 on.

    Examples
    --------
    >>> [(arm.name, arm.offer.value) for arm in arms_told(["full=0", "less=2.5"], "price")]
    [('full', 0.0), ('less', 2.5)]
    """
    found = []
    for text in texts:
        name, _sign, amount = (part.strip() for part in text.rpartition("="))
        try:
            value = float(amount)
        except ValueError:
            value = -1.0
        if not name or not 0 <= value < float("inf"):
            raise InputError("option --off", "ARM=AMOUNT, such as less=2.50", f"'{text}'")
        found.append(Arm(name, offer=Offer(kind, value)))
    return tuple(found)


def _spent(shop: Shop, campaign_id: str, names: Sequence[str], days: int) -> pd.DataFrame:
    """Return the customers of the tested arms whose window is over, with their orders, revenue and margin in it."""
    every = shop.tables["assignments"]
    mine = every.filter(_.campaign_id == campaign_id)
    if not int(mine.count().execute()):
        known = sorted(every.select("campaign_id").distinct().to_pandas()["campaign_id"])
        raise InputError("campaign", "one with assignments", f"'{campaign_id}'", did_you_mean(campaign_id, known))
    first = mine.filter(_.arm.isin(list(names)), _.arm != CONTROL).group_by("customer_id")
    rows = first.aggregate(arm=_.arm.min(), since=_.assigned_at.min(), n_arms=_.arm.nunique())
    rows = rows.filter(_.n_arms == 1)
    spent = spent_after(shop, rows.select("customer_id", "since"), days, shop.extract_end)
    frame = spent.merge(rows.select("customer_id", "arm").to_pyarrow().to_pandas(), on="customer_id")
    if shop.has("orders", "freight"):
        paying = _paying_for_delivery(shop, rows.select("customer_id", "since"), days)
        frame = frame.assign(service=frame["customer_id"].isin(paying))
    over = frame["since"] + pd.Timedelta(days=days) <= shop.extract_end
    if not over.any():
        where = f"campaign '{campaign_id}'"
        raise TooLittleDataError(where, "a window that is over", f"{days} days after the assignment")
    return frame[over].reset_index(drop=True)


def _paying_for_delivery(shop: Shop, since: Any, days: int) -> set[str]:
    """Return the customers who paid for the delivery of an order within the window."""
    lines = standing_lines(shop, shop.extract_end).filter(_.freight > 0).select("customer_id", "ordered_at")
    joined = lines.inner_join(since, "customer_id")
    inside = (joined.ordered_at >= joined.since) & (joined.ordered_at < joined.since + ibis.interval(days=days))
    return set(joined.filter(inside).select("customer_id").distinct().to_pandas()["customer_id"])


def _usual_price(shop: Shop, tested: dict[str, Arm]) -> float:
    """Return what the tested thing costs without an offer: delivery where it was paid, else the mean order."""
    lines = standing_lines(shop, shop.extract_end)
    kind = next(iter(tested.values())).offer.kind
    if kind == "free_freight" and "freight" in lines.columns:
        paid = lines.filter(_.freight > 0).group_by("customer_id", "order_key").aggregate(total=_.freight.sum())
    else:
        paid = lines.group_by("customer_id", "order_key").aggregate(total=_.amount.sum())
    mean = paid.total.mean().execute()
    return float(mean or 0.0) / 10**shop.decimals


def _arm(rows: pd.DataFrame, arm: Arm, usual: float) -> dict[str, Any]:
    orders = rows["orders"].to_numpy(np.float64)
    n = len(orders)
    price = max(usual - arm.offer.value, 0.0)
    bought = int((orders > 0).sum())
    return {
        "arm": arm.name,
        "price": price,
        "n": n,
        "orders": int(orders.sum()),
        "bought": wilson(bought, n),
        "service": wilson(int(rows["service"].sum()), n) if "service" in rows else None,
        "rate": float(orders.mean()) if n else 0.0,
        "variance": float(orders.var(ddof=1) / n) if n > 1 else float("nan"),
        "revenue": float(rows["revenue"].mean()) if n else None,
        "margin": float(rows["margin"].mean()) if n and "margin" in rows else None,
    }


def _arms(per_arm: Sequence[dict[str, Any]], currency: str) -> InsightTable:
    columns = {
        "arm": PageColumn("arm"),
        "price": PageColumn(f"price, {currency}", ",.2f"),
        "n": PageColumn("customers", ",d"),
        "orders": PageColumn("orders", ",d"),
        "bought": PageColumn("bought goods", ".1%"),
        "service": PageColumn("paid for delivery", ".1%"),
        "revenue": PageColumn("revenue each", ",.2f"),
        "margin": PageColumn("margin each", ",.2f"),
    }
    return InsightTable("arms", "The arms", columns, list(per_arm), drawn="bought")


def _pairs(per_arm: Sequence[dict[str, Any]]) -> InsightTable:
    pairs = [(one, other) for one, other in combinations(per_arm, 2) if one["price"] != other["price"]]
    level = sidak(LEVEL, len(pairs))
    rows = [_elasticity(one, other, level) for one, other in pairs]
    columns = {
        "first": PageColumn("arm"),
        "second": PageColumn("against"),
        "ratio": PageColumn("orders, as a ratio", ".2f"),
        "elasticity": PageColumn("elasticity", "+.2f"),
    }
    return InsightTable("elasticity", "Elasticity", columns, rows, drawn="elasticity")


def _elasticity(one: dict[str, Any], other: dict[str, Any], level: float) -> dict[str, Any]:
    """Return the ratio of orders per customer, and the elasticity where both prices are above zero."""
    value = log(one["rate"] / other["rate"])
    error = float(np.sqrt(one["variance"] / one["rate"] ** 2 + other["variance"] / other["rate"] ** 2))
    reach = float(normal_ppf((1 + level) / 2)) * error
    told = Estimate(value, value - reach, value + reach)
    ratio = Estimate(*(float(np.exp(bound)) for bound in (told.value, told.low, told.high)))
    has_price = min(one["price"], other["price"]) > 0
    elasticity = told.scaled(1 / log(one["price"] / other["price"])) if has_price else None
    return {"first": one["arm"], "second": other["arm"], "ratio": ratio, "elasticity": elasticity}
