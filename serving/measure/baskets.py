"""Edge: what those who came back bought, through which channel they came, and whom other campaigns reached."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _

from ...features.history.facts import order_lines
from ...features.shop import Shop
from ...models.inputs.arrays import Ints
from ..goals.catalogue import Outcome
from .behaviour import KINDS, Asked, asked_of, bounds, paid_lines, stands
from .data import CampaignRows
from .design import MeasuredWindow

CAME_WITHIN = timedelta(days=1)  # the last channel seen so long before the response is the one they came through


def read_baskets(shop: Shop, rows: CampaignRows, view: MeasuredWindow, pre_days: int) -> pd.DataFrame | None:
    """Return the categories that customers bought in a view's window.

    Returns
    -------
    DataFrame or None
        One row for each unit and category: unit, label (the category), is_new (not bought in ``pre_days`` before).
        None where the shop knows no categories.
    """
    if "category_id" not in order_lines(shop).columns:
        return None
    frames = [_bought(shop, asked).execute() for asked in asked_of(rows, (view,), pre_days)]
    return pd.concat(frames, ignore_index=True).sort_values(["unit", "label"], ignore_index=True)


def _bought(shop: Shop, asked: Asked) -> Any:
    lines = paid_lines(shop).filter(_.category_id.notnull())
    lines = lines.select("customer_id", "at", "paid_at", "void_at", label=_.category_id)
    near = asked.near(lines, _.at, 0)
    inside = near.filter(stands(near, *bounds(near, asked.spans[0])))
    bought = inside.select("unit", "label").distinct().inner_join(asked.units, "unit")
    earlier = lines.select("customer_id", "label", earlier_at="at")
    before = bought.inner_join(earlier, ["customer_id", "label"])
    before = before.filter(_.earlier_at < _.start, _.earlier_at >= _.start - ibis.interval(days=asked.pre_days))
    known = before.select("unit", "label").distinct().mutate(is_known=True)
    found = bought.left_join(known, ["unit", "label"])
    return found.select("unit", "label", is_new=_.is_known.isnull())


def read_channels(shop: Shop, rows: CampaignRows, view: MeasuredWindow, outcome: Outcome) -> pd.DataFrame | None:
    """Return through which channel customers came who responded in a view's window.

    Returns
    -------
    DataFrame or None
        One row for each unit with a response whose channel is known: unit, label (the channel of the last interaction
        within a day before the response, or of the response itself). None where no channels are recorded.
    """
    if not shop.has("interactions", "channel"):
        return None
    frames = [_came(shop, asked, outcome).execute() for asked in asked_of(rows, (view,), 0)]
    return pd.concat(frames, ignore_index=True).sort_values("unit", ignore_index=True)


def read_others(shop: Shop, rows: CampaignRows, view: MeasuredWindow, control: str) -> Ints | None:
    """Return the units that other campaigns contacted in a view's window; None where there are no other campaigns.

    Where the shop records no contacts, whoever was assigned to a treatment counts as contacted then.
    """
    others = shop.tables["assignments"].filter(_.campaign_id != rows.campaign.campaign_id)
    if not int(others.count().execute()):
        return None
    others = others.mutate(at=_.contacted_at if "contacted_at" in others.columns else _.assigned_at)
    others = others.filter(_.at.notnull(), _.arm != control).select("customer_id", "at")
    found = [_reached(others, asked).execute()["unit"] for asked in asked_of(rows, (view,), 0)]
    return np.unique(pd.concat(found).to_numpy(np.int64))


def _reached(others: Any, asked: Asked) -> Any:
    near = asked.near(others, _.at, 0)
    begin, end = bounds(near, asked.spans[0])
    return near.filter(near["at"] >= begin, near["at"] < end).select("unit").distinct()


def _came(shop: Shop, asked: Asked, outcome: Outcome) -> Any:
    responses = _responses(shop, asked, outcome)
    seen = shop.tables["interactions"].filter(_.channel.notnull())
    seen = seen.select("customer_id", "channel", seen_at=_.occurred_at)
    seen = seen.filter(asked.may_see(_.seen_at, CAME_WITHIN))
    joined = responses.inner_join(seen, "customer_id")
    joined = joined.filter(_.seen_at <= _.responded_at, _.seen_at > _.responded_at - ibis.interval(CAME_WITHIN))
    # of several at one instant the first by name: the same answer on every engine
    latest = joined.group_by("unit").mutate(latest=_.seen_at.max()).filter(_.seen_at == _.latest)
    return latest.group_by("unit").aggregate(label=_.channel.min())


def _responses(shop: Shop, asked: Asked, outcome: Outcome) -> Any:
    """Return the first response of each unit in the span: (unit, customer_id, responded_at)."""
    if outcome in KINDS:
        kinds = KINDS[outcome]
        rows = shop.tables["interactions"]
        rows = rows.filter(_.kind.isin(kinds)) if kinds else rows
        near = asked.near(rows.select("customer_id", at=_.occurred_at), _.at, 0)
        begin, end = bounds(near, asked.spans[0])
        hits = near.filter(near["at"] >= begin, near["at"] < end)
    else:
        lines = paid_lines(shop, outcome).select("customer_id", "at", "paid_at", "void_at")
        near = asked.near(lines, _.at, 0)
        hits = near.filter(stands(near, *bounds(near, asked.spans[0])))
    first = hits.group_by("unit").aggregate(responded_at=_.at.min())
    return first.inner_join(asked.units.select("unit", "customer_id"), "unit")
