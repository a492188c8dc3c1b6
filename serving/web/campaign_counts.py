"""What became of each campaign's contacts: assigned, delivered, opened, clicked, redeemed, bought; for the page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import ibis
from ibis import _

from ...features.history.facts import order_lines
from ...features.shop import Shop
from ..goals.offers import CONTROL

STEPS = ("contacted", "opened", "clicked", "redeemed")
BOUGHT_WITHIN = timedelta(days=30)
KEPT = ("goal", "phase", "channel", "offer_kind")


def campaign_counts(shop: Shop, moment: datetime) -> list[dict[str, Any]]:
    """Return one row for each campaign, latest first: its customers by what they did before the moment.

    Parameters
    ----------
    shop
        The shop; without assignments there are no rows.
    moment
        UTC without a zone. Who bought had an order paid within 30 days of the assignment.
    """
    if not shop.has("assignments"):
        return []
    table = shop.tables["assignments"]
    rows = table.filter(table.assigned_at < moment)
    is_held = rows.arm == CONTROL
    done = {
        name: ibis.ifelse(_is_before(rows, f"{name}_at", moment), rows.customer_id, ibis.null("string"))
        for name in STEPS
        if f"{name}_at" in rows.columns
    }
    bought = _bought(shop, rows, moment)
    rows = rows.mutate(is_held=is_held, **done).left_join(bought, ["campaign_id", "customer_id"])
    counted = rows.group_by("campaign_id").aggregate(
        first_at=_.assigned_at.min(),
        last_at=_.assigned_at.max(),
        n_treated=_.customer_id.nunique(where=~_.is_held),
        n_control=_.customer_id.nunique(where=_.is_held),
        n_bought=_.buyer.nunique(where=~_.is_held),
        n_bought_control=_.buyer.nunique(where=_.is_held),
        **{f"n_{name}": _[name].nunique(where=~_.is_held) for name in done},
    )
    found = counted.order_by(ibis.desc("first_at"), "campaign_id").to_pyarrow().to_pylist()
    facts = _facts(shop)
    return [{**facts.get(one["campaign_id"], {}), **one} for one in found]


def _is_before(rows: Any, name: str, moment: datetime) -> Any:
    return rows[name].notnull() & (rows[name] < moment)


def _bought(shop: Shop, rows: Any, moment: datetime) -> Any:
    """Return the campaigns' customers who bought in time, each once for each campaign."""
    lines = order_lines(shop).select(buyer=_.customer_id, bought_at=_.paid_at)
    lines = lines.filter(lines.bought_at < moment)
    joined = rows.select("campaign_id", "customer_id", "assigned_at").inner_join(
        lines,
        [
            rows.customer_id == lines.buyer,
            lines.bought_at >= rows.assigned_at,
            lines.bought_at < rows.assigned_at + ibis.interval(days=BOUGHT_WITHIN.days),
        ],
    )
    return joined.select("campaign_id", "customer_id", "buyer").distinct()


def _facts(shop: Shop) -> dict[str, dict[str, Any]]:
    """Return campaign -> what the shop's table of campaigns says of it."""
    if not shop.has("campaigns"):
        return {}
    table = shop.tables["campaigns"]
    names = [name for name in KEPT if name in table.columns]
    rows = table.select("campaign_id", *names).to_pyarrow().to_pylist()
    return {row["campaign_id"]: {name: row[name] for name in names} for row in rows}
