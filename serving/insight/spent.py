"""What customers paid within so many days from a time of their own, as it stood at a moment."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ibis
import pandas as pd
from ibis import _

from ...features.engine.times import instant
from ...features.history.facts import order_lines
from ...features.shop import Shop


def standing_lines(shop: Shop, as_of: datetime) -> Any:
    """Return order lines that were paid before a moment, and neither cancelled nor refunded before it."""
    lines = order_lines(shop).filter(_.paid_at < instant(as_of))
    void = ibis.least(lines.cancelled_at, lines.refunded_at)
    return lines.filter(void.isnull() | (void >= instant(as_of)))


def spent_after(shop: Shop, since: Any, days: int, as_of: datetime) -> pd.DataFrame:
    """Return what each customer paid within so many days from a time of the customer's own.

    Parameters
    ----------
    shop
        The shop.
    since
        Ibis table (customer_id, since), each customer once.
    days
        How long; the time must be over at ``as_of`` for the numbers to be whole.
    as_of
        The moment, UTC without a zone.

    Returns
    -------
    DataFrame
        customer_id, since, ``orders``, and where the shop has amounts ``revenue`` and ``margin`` in major units.
    """
    lines = standing_lines(shop, as_of)
    money = [name for name in ("amount", "margin") if name in lines.columns]
    lines = lines.select("customer_id", "order_key", "ordered_at", *money)
    joined = since.left_join(lines, "customer_id").drop("customer_id_right")
    inside = (joined.ordered_at >= joined.since) & (joined.ordered_at < joined.since + ibis.interval(days=days))
    sums = {name: joined[name].sum(where=inside).fill_null(0) for name in money}
    per = joined.group_by("customer_id", "since").aggregate(orders=joined.order_key.nunique(where=inside), **sums)
    found = per.order_by("customer_id").to_pyarrow().to_pandas()
    for name in money:
        found[name] = found[name].astype(float) / 10**shop.decimals
    return found.rename(columns={"amount": "revenue"})
