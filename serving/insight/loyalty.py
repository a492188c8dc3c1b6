"""The insight page of loyalty: memberships by level and renewal, points held and used, what a referral is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from ibis import _

from penchant.errors import LeftOutError
from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.engine.times import instant
from ...features.shop import Shop
from ...features.spine import first_seen
from ...models.inputs.estimate import Estimate
from .intervals import difference_of_two, mean_of, normal_quantile, wilson
from .page import InsightPage, InsightTable, moment_of
from .spent import spent_after

RENEWED_WITHIN = 45  # days around the end within which another membership renews one
ENDS_SOON, YEAR = 30, 365
LEAST = 10  # customers of whom a mean is shown

_MEMBERS = {
    "level": PageColumn("level"),
    "n_members": PageColumn("members", ",d"),
    "n_end_soon": PageColumn(f"end within {ENDS_SOON} days", ",d"),
    "n_ended": PageColumn("ended before", ",d"),
    "renewed": PageColumn("renewed", ".1%"),
}
_POINTS = {
    "what": PageColumn("points"),
    "n_customers": PageColumn("customers", ",d"),
    "points": PageColumn("in all", ",.0f"),
    "each": PageColumn("each", ",.0f"),
}


def loyalty_page(shop: Shop, as_of: datetime | None = None, days: int = 180) -> InsightPage:
    """Return memberships, points and referrals at a moment.

    Parameters
    ----------
    shop
        The shop.
    as_of
        UTC without a zone; default: the end of the shop's data.
    days
        For how long the referred are followed, from the referral.

    Raises
    ------
    InputError
        If the data ends before as_of.
    LeftOutError
        If the shop has none of the tables.
    """
    moment = moment_of(shop, as_of)
    makers: Mapping[str, Callable[[], InsightTable]] = {
        "memberships": lambda: _members(shop, moment),
        "points": lambda: _points(shop, moment),
        "referrals": lambda: _referrals(shop, moment, days),
    }
    tables = tuple(make() for name, make in makers.items() if shop.has(name))
    if not tables:
        raise LeftOutError("loyalty", "one of the tables memberships, points, referrals", "a shop with none of them")
    left_out = {name: f"the shop has no '{name}'" for name in makers if not shop.has(name)}
    notes = (
        f"A membership counts as renewed where another one begins within {RENEWED_WITHIN} days of its end. Only what "
        "was known before the moment counts.",
        f"The referred and other new customers are followed for {days} days from the referral, or from when they were "
        "first seen; those whose time is not over are left out. The difference is not what the referral caused.",
    )
    lead = f"Memberships, points and referrals before {shop_time(moment, shop.timezone)}."
    return InsightPage("loyalty", "Loyalty", lead, tables, {"as_of": moment.isoformat()}, left_out, notes)


def _before(shop: Shop, table: str, time: str, moment: datetime) -> pd.DataFrame:
    rows = shop.tables[table]
    return rows.filter(rows[time] < instant(moment)).to_pyarrow().to_pandas()


def _members(shop: Shop, moment: datetime) -> InsightTable:
    rows = _before(shop, "memberships", "starts_at", moment).assign(level=lambda one: one["level"].fillna("unknown"))
    rows["ends_at"] = rows.get("ends_at", pd.NaT)
    rows = rows.astype({"ends_at": "datetime64[us]", "starts_at": "datetime64[us]"})
    levels = sorted(rows["level"].unique())
    z = normal_quantile(n_together=len(levels))
    told = [_level(rows, rows[rows["level"] == level], level, moment, z) for level in levels]
    return InsightTable("members", "Members by level", _MEMBERS, told, drawn="renewed")


def _level(every: pd.DataFrame, mine: pd.DataFrame, level: str, moment: datetime, z: float) -> dict[str, Any]:
    """Return the members of a level, and how many of those that ended were renewed, whatever the new level."""
    is_on = mine["ends_at"].isna() | (mine["ends_at"] > moment)
    soon = mine["ends_at"] <= moment + timedelta(days=ENDS_SOON)
    ended = mine[mine["ends_at"] <= moment - timedelta(days=RENEWED_WITHIN)]
    pairs = ended[["customer_id", "starts_at", "ends_at"]].merge(
        every[["customer_id", "starts_at"]], on="customer_id", suffixes=("", "_next")
    )
    near = (pairs["starts_at_next"] - pairs["ends_at"]).abs() <= timedelta(days=RENEWED_WITHIN)
    renewed = pairs[near & (pairs["starts_at_next"] > pairs["starts_at"])]
    n_renewed = len(renewed.drop_duplicates(["customer_id", "starts_at"]))
    return {
        "level": level,
        "n_members": int(mine.loc[is_on, "customer_id"].nunique()),
        "n_end_soon": int(mine.loc[is_on & soon, "customer_id"].nunique()),
        "n_ended": len(ended),
        "renewed": wilson(n_renewed, len(ended), z) if len(ended) else None,
    }


def _points(shop: Shop, moment: datetime) -> InsightTable:
    rows = _before(shop, "points", "at", moment)
    recent = rows[rows["at"] >= moment - timedelta(days=YEAR)]
    balance = rows.groupby("customer_id")["points"].sum()
    told = [
        _amount("held", balance[balance > 0]),
        _amount(f"earned in {YEAR} days", recent[recent["points"] > 0].groupby("customer_id")["points"].sum()),
        _amount(f"used in {YEAR} days", -recent[recent["points"] < 0].groupby("customer_id")["points"].sum()),
    ]
    return InsightTable("points", "Points", _POINTS, told)


def _amount(what: str, each: pd.Series) -> dict[str, Any]:
    values = each.to_numpy(float)
    mean = mean_of(values) if len(values) >= LEAST else None
    return {"what": what, "n_customers": len(values), "points": float(values.sum()), "each": mean}


def _referrals(shop: Shop, moment: datetime, days: int) -> InsightTable:
    """Return what the referred paid beside other new customers, first seen in the same time."""
    over = moment - timedelta(days=days)
    rows = shop.tables["referrals"].filter(_["at"] < instant(over))
    referred = rows.group_by(customer_id=_.referred_id).aggregate(since=_["at"].min())
    first = instant(over) if not (begin := referred.since.min().execute()) or pd.isna(begin) else instant(begin)
    seen = first_seen(shop, takes_undated=False).filter((_.first_seen_at < instant(over)) & (_.first_seen_at >= first))
    known = shop.tables["referrals"].select(customer_id=_.referred_id).distinct()
    others = seen.anti_join(known, "customer_id").select("customer_id", since="first_seen_at")
    one, other = (spent_after(shop, people, days, moment) for people in (referred, others))
    unit = "revenue" if "revenue" in one else "orders"
    told = [_worth("referred", one, unit), _worth("other new customers", other, unit)]
    told.append({"who": "difference", "n_customers": None, **_differences(told[0], told[1])})
    currency = f"{shop.currency} each" if unit == "revenue" else "orders each"
    columns = {
        "who": PageColumn("who"),
        "n_customers": PageColumn("customers", ",d"),
        "bought": PageColumn(f"bought within {days} days", ".1%"),
        "each": PageColumn(f"{currency}, within {days} days", ",.2f"),
        "margin": PageColumn("margin each", ",.2f"),
    }
    shown = columns if "margin" in one else {name: column for name, column in columns.items() if name != "margin"}
    return InsightTable("referrals", "What a referral is worth", shown, told)


def _worth(who: str, people: pd.DataFrame, unit: str) -> dict[str, Any]:
    n, told = len(people), {"who": who, "n_customers": len(people)}
    if n < LEAST:
        return {**told, "bought": None, "each": None, "margin": None}
    margin = mean_of(people["margin"].to_numpy(float)) if "margin" in people else None
    bought = wilson(int((people["orders"] > 0).sum()), n)
    return {**told, "bought": bought, "each": mean_of(people[unit].to_numpy(np.float64)), "margin": margin}


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Estimate | None]:
    names = ("bought", "each", "margin")
    return {
        name: difference_of_two(one[name], other[name]) if one[name] is not None and other[name] is not None else None
        for name in names
    }
