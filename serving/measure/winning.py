"""Winning back against winning new: what an order costs from either, and when buyers of a segment are overdue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
from ibis import _
from scipy import stats

from penchant.errors import InputError, LeftOutError, TooLittleDataError, did_you_mean
from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.engine.times import instant
from ...features.shop import Shop
from ...models.inputs.arrays import Floats
from ...models.inputs.estimate import Estimate
from ..insight.page import InsightPage, InsightTable, moment_of
from ..insight.spent import standing_lines
from .settings import MeasureSettings
from .several import compare_campaigns

WON_BACK = ("reactivate", "winback")
QUANTILES = {"semi_active": 0.75, "silent": 0.90}
ALL, ORDERS_SO_FAR = "all", "orders_so_far"
LEARNED = ("category_id", ORDERS_SO_FAR)
LEAST_GAPS = 50
MOST_VALUES = 12
LEVEL = 0.95


def retention_page(shop: Shop, by: Sequence[str] = ("category_id",), as_of: datetime | None = None) -> InsightPage:
    """Return after how many days without an order buyers of each segment are overdue, as learned from their gaps.

    Parameters
    ----------
    shop
        The shop.
    by
        ``category_id``; ``orders_so_far`` (one, or several: what a buyer's stage changes); or attributes of customers
        such as ``gender`` and ``acquisition_channel``.
    as_of
        UTC without a zone; default: the end of the shop's data.

    Raises
    ------
    InputError
        If there is no such column.
    TooLittleDataError
        If there are fewer than 50 gaps between orders.
    """
    moment = moment_of(shop, as_of)
    known = _columns(shop)
    for name in by:
        if name not in known:
            raise InputError(
                "option --by", "category_id or an attribute of customers", f"'{name}'", did_you_mean(name, known)
            )
    gaps = _gaps(shop, moment)
    if len(gaps) < LEAST_GAPS:
        raise TooLittleDataError("retention", f"{LEAST_GAPS} gaps between orders or more", f"{len(gaps):,}")
    tables = tuple(_by(gaps, name) for name in by)
    notes = (
        "A customer is semi-active after the 75 % quantile of the gaps between orders of the segment, silent after the "
        "90 %, churned after twice that. Gaps that are still open are not among them: those of a young shop are short.",
        "Intervals of quantiles are by order statistics, and hold jointly in a table.",
        *_for_the_configuration(tables, by),
    )
    lead = f"{len(gaps):,} gaps between orders of {gaps['customer_id'].nunique():,} customers before "
    lead += f"{shop_time(moment, shop.timezone)}."
    return InsightPage("retention", "When buyers are overdue", lead, tables, {"as_of": moment.isoformat()}, {}, notes)


def _for_the_configuration(tables: Sequence[InsightTable], by: Sequence[str]) -> list[str]:
    """Return what was learned as it would stand in penchant.toml, where it sets stages."""
    found = []
    for name, table in zip(by, tables, strict=True):
        days = {row["value"]: round(row["silent"].value) for row in table.rows if row["value"] != ALL}
        key = "fixed_days_of" if name == "category_id" else f"fixed_days_by.{name}"
        if days and name != ORDERS_SO_FAR:
            found.append(f"{key} = {{ " + ", ".join(f'"{value}" = {one}' for value, one in days.items()) + " }")
    return [f"As learned, for [cycle] of penchant.toml: {one}" for one in found]


def _columns(shop: Shop) -> list[str]:
    own = [] if not shop.has("customers") else [str(name) for name in shop.tables["customers"].columns]
    return [*LEARNED, *(name for name in own if name != "customer_id")]


def _gaps(shop: Shop, moment: datetime) -> pd.DataFrame:
    """Return one row for each order after another on a later day: ``gap`` in days, its category, the attributes."""
    lines = standing_lines(shop, moment)
    values = {"category_id": lines.category_id.min()} if "category_id" in lines.columns else {}
    orders = lines.group_by("customer_id", "order_key").aggregate(at=lines.ordered_at.min(), **values)
    frame = orders.order_by(["customer_id", "at"]).to_pyarrow().to_pandas()
    earlier = frame.groupby("customer_id").cumcount()
    frame[ORDERS_SO_FAR] = np.where(earlier == 1, "one", "several")
    frame["gap"] = frame.groupby("customer_id")["at"].diff() / pd.Timedelta(days=1)
    frame = frame[frame["gap"] >= 1]
    if shop.has("customers"):
        frame = frame.merge(shop.tables["customers"].to_pyarrow().to_pandas(), on="customer_id", how="left")
    return frame


def _by(gaps: pd.DataFrame, name: str) -> InsightTable:
    counts = gaps[name].dropna().astype("str").value_counts() if name in gaps else pd.Series(dtype=int)
    values = [value for value, count in counts.head(MOST_VALUES).items() if count >= LEAST_GAPS]
    level = LEVEL ** (1 / (len(QUANTILES) * max(len(values) + 1, 1)))
    groups = [(ALL, gaps), *((value, gaps[gaps[name].astype("str") == value]) for value in values)]
    rows = [
        {"value": value, "n": len(some), **_thresholds(some["gap"].to_numpy(float), level)} for value, some in groups
    ]
    columns = {"value": PageColumn(name.removesuffix("_id").replace("_", " ")), "n": PageColumn("gaps", ",d")}
    columns |= {stage: PageColumn(f"{stage.replace('_', '-')} after, days", ",.0f") for stage in QUANTILES}
    columns["churned"] = PageColumn("churned after, days", ",.0f")
    return InsightTable(f"by_{name}", f"By {columns['value'].title}", columns, rows, drawn="silent")


def _thresholds(gaps: Floats, level: float) -> dict[str, Estimate]:
    found = {stage: quantile_of(gaps, share, level) for stage, share in QUANTILES.items()}
    return {**found, "churned": found["silent"].scaled(2)}


def quantile_of(values: Floats, share: float, level: float = LEVEL) -> Estimate:
    """Return a quantile with its interval by order statistics, which asks nothing of the distribution.

    Examples
    --------
    >>> f"{quantile_of(np.arange(1.0, 101.0), 0.9):.0f}"
    '90 [84, 96]'
    """
    ordered, n = np.sort(values), len(values)
    low, high = stats.binom.ppf([(1 - level) / 2, (1 + level) / 2], n, share).astype(int)
    bounds = ordered[[max(low - 1, 0), min(high, n - 1)]]
    return Estimate(float(np.quantile(ordered, share)), float(bounds[0]), float(bounds[1]))


def winning_page(
    shop: Shop, since: datetime | None = None, until: datetime | None = None, settings: MeasureSettings | None = None
) -> InsightPage:
    """Return what a first order cost by channel of acquisition, beside what a returned order cost by campaign.

    Parameters
    ----------
    shop
        The shop; it needs ``costs`` and ``customers.acquisition_channel``.
    since, until
        The span of the costs, UTC without a zone; default: all that is there.
    settings
        As `measure` takes them, for the campaigns that win back.

    Raises
    ------
    LeftOutError
        If the shop does not know its costs, or through what its customers came.
    TooLittleDataError
        If nothing was spent within the span.
    """
    if not shop.has("costs") or not shop.has("customers", "acquisition_channel"):
        raise LeftOutError("winning", "the table 'costs', and customers.acquisition_channel", "a shop without them")
    end = moment_of(shop, until, "--to")
    spent = _spent(shop, since, end)
    if spent.empty:
        raise TooLittleDataError("winning", "costs within the span", "none")
    first = _first_orders(shop, spent["first"].min().to_pydatetime(), end)
    new = _new(spent, first, shop.currency)
    back = _back(shop, settings or MeasureSettings(), shop.currency)
    tables = (new,) if back is None else (new, back)
    notes = (
        "Cost of a first order: what the channel cost, over the first orders of customers who came through it in the "
        "same time, whether the money brought them or not. Interval: of the number of orders (Garwood).",
        "Cost of a returned order: what the campaign cost over the orders it added against its control; unknown where "
        "it surely added none.",
    )
    lead = f"{spent['amount'].sum():,.0f} {shop.currency} spent until {shop_time(end, shop.timezone)}."
    left_out = {} if back else {"campaigns": "none for reactivate or winback can be measured"}
    return InsightPage("winning", "Winning new, winning back", lead, tables, {"to": end.isoformat()}, left_out, notes)


def _spent(shop: Shop, since: datetime | None, end: datetime) -> pd.DataFrame:
    rows = shop.tables["costs"]
    rows = rows.filter(rows["at"] < instant(end))
    rows = rows if since is None else rows.filter(rows["at"] >= instant(since))
    per = rows.group_by("channel").aggregate(amount=rows.amount.sum(), first=rows["at"].min())
    frame = per.order_by("channel").to_pyarrow().to_pandas()
    return frame.assign(amount=frame["amount"].astype(float) / 10**shop.decimals)


def _first_orders(shop: Shop, since: datetime, end: datetime) -> pd.Series:
    """Return by channel of acquisition how many customers placed their first paid order within the span."""
    lines = standing_lines(shop, end)
    first = lines.group_by("customer_id").aggregate(at=lines.ordered_at.min())
    first = first.filter(first["at"] >= instant(since))
    people = shop.tables["customers"].select("customer_id", "acquisition_channel")
    counts = first.inner_join(people, "customer_id").group_by("acquisition_channel").aggregate(n=_.count())
    frame = counts.to_pyarrow().to_pandas()
    return frame.set_index("acquisition_channel")["n"]


def _new(spent: pd.DataFrame, first: pd.Series, currency: str) -> InsightTable:
    level = LEVEL ** (1 / len(spent))
    rows = []
    for channel, amount in zip(spent["channel"], spent["amount"], strict=True):
        n = int(first.get(channel, 0))
        rows.append({"channel": channel, "amount": amount, "n": n, "each": _per_count(amount, n, level)})
    columns = {
        "channel": PageColumn("channel"),
        "amount": PageColumn(f"cost, {currency}", ",.0f"),
        "n": PageColumn("first orders", ",d"),
        "each": PageColumn("cost of a first order", ",.2f"),
    }
    return InsightTable("new", "Winning new", columns, rows, drawn="each")


def _per_count(amount: float, n: int, level: float) -> Estimate | None:
    """Return an amount per event with the interval of the number of events (Garwood); None without any."""
    if not n:
        return None
    low = float(stats.chi2.ppf((1 - level) / 2, 2 * n) / 2)
    high = float(stats.chi2.ppf((1 + level) / 2, 2 * n + 2) / 2)
    return Estimate(amount / n, amount / high, amount / low)


def _back(shop: Shop, settings: MeasureSettings, currency: str) -> InsightTable | None:
    """Return the cost of a returned order of each campaign that wins back; None where there is none."""
    if not shop.has("assignments") or not shop.has("campaigns", "goal"):
        return None
    wanted = shop.tables["campaigns"].filter(_.goal.isin(WON_BACK)).to_pandas()["campaign_id"].sort_values().tolist()
    known = shop.tables["assignments"].select("campaign_id").distinct().to_pandas()["campaign_id"]
    found, _left_out = compare_campaigns(shop, [name for name in wanted if name in set(known)], settings)
    rows = [
        {
            "campaign": one.campaign.campaign_id,
            "n": one.result.response.n_treated,
            "orders": one.result.total("orders"),
            "each": one.result.cost_per_order,
        }
        for one in found
        if not one.doubt
    ]
    columns = {
        "campaign": PageColumn("campaign"),
        "n": PageColumn("contacted", ",d"),
        "orders": PageColumn("orders added", "+,.1f"),
        "each": PageColumn(f"cost of a returned order, {currency}", ",.2f"),
    }
    return InsightTable("back", "Winning back", columns, rows) if rows else None
