"""The page of offers: how often each kind is redeemed, and which threshold and value the baskets and margins carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from penchant.errors import LeftOutError, TooLittleDataError
from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.engine.times import instant
from ...features.shop import Shop
from ..goals.offers import REDEEM_RATE, Arm
from ..insight.intervals import mean_of, normal_quantile, wilson
from ..insight.page import InsightPage, InsightTable, moment_of
from ..insight.spent import standing_lines
from .redemption import PRIOR_WEIGHT, learned_rates

QUANTILES = (0.5, 0.6, 0.7, 0.8, 0.9)
NEAR = 0.2  # so far below a threshold, as a share of it, an order could be lifted to it
HALF = 0.5  # share of the margin that a coupon may take
LEAST_ORDERS = 100


def offers_page(
    shop: Shop, as_of: datetime | None = None, days: int = 365, arms: Mapping[str, Sequence[Arm]] | None = None
) -> InsightPage:
    """Return how often offers are redeemed, and which thresholds and values the shop's baskets carry.

    Parameters
    ----------
    shop
        The shop.
    as_of
        UTC without a zone; default: the end of the shop's data.
    days
        Orders of so many days before are looked at.
    arms
        Campaign -> its arms, where records describe them.

    Raises
    ------
    LeftOutError
        If the shop does not know what orders amounted to.
    TooLittleDataError
        If there were fewer than 100 orders.
    """
    if not shop.has("orders", "amount"):
        raise LeftOutError("offers", "what orders amounted to (orders.amount)", "a shop without it")
    moment = moment_of(shop, as_of)
    baskets = _baskets(shop, moment, days)
    if len(baskets) < LEAST_ORDERS:
        raise TooLittleDataError("offers", f"{LEAST_ORDERS} paid orders within {days} days", f"{len(baskets):,}")
    rates = learned_rates(shop, arms)
    tables = [_redemption(rates)] if rates else []
    tables.append(_thresholds(baskets, shop.currency))
    left_out = {} if rates else {"redemption": "no offer of a known kind was redeemed, or nothing tells of it"}
    notes = (
        f"Redemption: of customers who ordered while the offer held. The assumption ({REDEEM_RATE:.0%}) counts as "
        f"{PRIOR_WEIGHT:g} customers. Campaigns with several treatments count where a record says what each arm was.",
        f"A threshold lifts baskets just below it (within {NEAR:.0%}); those above it get the coupon for what they "
        "would have bought anyway. The value shown takes half of the mean margin of an order that reaches it.",
    )
    lead = f"{len(baskets):,} paid orders in the {days} days before {shop_time(moment, shop.timezone)}."
    return InsightPage("offers", "Offers", lead, tuple(tables), {"as_of": moment.isoformat()}, left_out, notes)


def _baskets(shop: Shop, moment: datetime, days: int) -> pd.DataFrame:
    """Return the orders of the span: ``amount`` and, where it is known, ``margin``, major units."""
    lines = standing_lines(shop, moment)
    lines = lines.filter(lines.ordered_at >= instant(moment - timedelta(days=days)))
    sums = {name: lines[name].sum() for name in ("amount", "margin") if name in lines.columns}
    frame = lines.group_by("customer_id", "order_key").aggregate(**sums).to_pyarrow().to_pandas()
    return frame[list(sums)].astype(float) / 10**shop.decimals


def _redemption(rates: Mapping[str, Any]) -> InsightTable:
    rows = [
        {"kind": one.kind, "n_acted": one.n_acted, "n_redeemed": one.n_redeemed, "rate": one.rate}
        for one in rates.values()
    ]
    columns = {
        "kind": PageColumn("offer"),
        "n_acted": PageColumn("ordered while it held", ",d"),
        "n_redeemed": PageColumn("redeemed it", ",d"),
        "rate": PageColumn("redemption", ".1%"),
    }
    return InsightTable("redemption", "How often offers are redeemed", columns, rows, drawn="rate")


def _thresholds(baskets: pd.DataFrame, currency: str) -> InsightTable:
    amount = baskets["amount"].to_numpy(np.float64)
    steps = sorted({_round(float(np.quantile(amount, share))) for share in QUANTILES})
    z = normal_quantile(n_together=2 * len(steps))
    rows = [_threshold(baskets, amount, step, z) for step in steps]
    columns = {
        "threshold": PageColumn(f"threshold, {currency}", ",.0f"),
        "reach": PageColumn("orders that reach it", ".1%"),
        "near": PageColumn("orders just below", ".1%"),
        "basket": PageColumn("their basket", ",.2f"),
        "margin": PageColumn("margin of who reaches it", ",.2f"),
        "value": PageColumn("value that takes half of it", ",.2f"),
    }
    has_margin = "margin" in baskets
    shown = columns if has_margin else {key: one for key, one in columns.items() if key not in ("margin", "value")}
    return InsightTable("thresholds", "Thresholds, by the baskets", shown, rows)


def _threshold(baskets: pd.DataFrame, amount: np.ndarray, step: float, z: float) -> dict[str, Any]:
    reach, near = amount >= step, (amount < step) & (amount >= (1 - NEAR) * step)
    margin = mean_of(baskets.loc[reach, "margin"].to_numpy(np.float64)) if "margin" in baskets else None
    return {
        "threshold": step,
        "reach": wilson(int(reach.sum()), len(amount), z),
        "near": wilson(int(near.sum()), len(amount), z),
        "basket": mean_of(amount[reach]),
        "margin": margin,
        "value": None if margin is None or margin.value <= 0 else margin.scaled(HALF),
    }


def _round(amount: float) -> float:
    """Return an amount as a threshold would be named: to two digits.

    Examples
    --------
    >>> _round(47.3), _round(212.0), _round(3.14)
    (47.0, 210.0, 3.1)
    """
    digits = 1 - int(np.floor(np.log10(max(amount, 0.01))))
    return round(amount, digits)
