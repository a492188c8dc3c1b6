"""The insight page about cohorts: customers by when, or with what, they first bought, and what they did since.

A cell is a cohort and an age: the calendar months (or weeks) of the shop since that of the first order. A cell whose
period is not over by as_of is marked; of cohorts by anything but time, customers count only where it is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
from ibis import _

from penchant.errors import InputError, LeftOutError, TooLittleDataError, did_you_mean
from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.history.past import Past
from ...features.shop import Shop
from ...features.signals.cycle import at_one_moment
from ...features.signals.group import BOUGHT_CATEGORY, PURCHASES, unmet_needs
from ...models.inputs.estimate import Estimate
from ...models.inputs.two_means import ArmSums, OutcomeKind, mean_bounds, sizes_of
from .cohort_charts import cohort_curves, cohort_heatmap
from .intervals import wilson
from .page import InsightPage, InsightTable, moment_of, told_left_out

NEEDS: dict[str, tuple[str, ...]] = {
    "month": (PURCHASES,),
    "week": (PURCHASES,),
    "category": (BOUGHT_CATEGORY, PURCHASES),
    "channel": ("customers.acquisition_channel", PURCHASES),
    "offer": ("orders.coupon_id|orders.discount|orders.list_amount", PURCHASES),
}
MOST_COHORTS, MOST_AGES = 24, 13  # that are shown; files hold them all
UNFINISHED = " *"
UNKNOWN, WITH_OFFER, WITHOUT = "not known", "with an offer", "without an offer"
KEY = ["cohort", "age"]


def cohorts_page(shop: Shop, as_of: datetime | None = None, by: str = "month") -> InsightPage:
    """Return retention, orders, revenue, margin and cumulative value of cohorts by age.

    Parameters
    ----------
    shop
        The shop.
    as_of
        UTC without a zone; default: the end of the shop's data.
    by
        ``month`` or ``week`` of the first order; or the first order's ``category`` (of which most was paid), the
        customer's acquisition ``channel``, or whether it had an ``offer`` (a coupon or a discount).

    Raises
    ------
    InputError
        If the data ends before as_of, or ``by`` is none of these.
    LeftOutError
        If the shop does not know it.
    TooLittleDataError
        If nobody had bought before as_of.
    """
    if by not in NEEDS:
        raise InputError("option --by", "month, week, category, channel or offer", f"'{by}'", did_you_mean(by, NEEDS))
    moment, missing = moment_of(shop, as_of), unmet_needs(NEEDS[by], shop.has)
    if missing:
        raise LeftOutError(f"cohorts by {by}", "what they are told by", told_left_out({by: missing})[by])
    counted = at_one_moment(shop, moment, lambda everyone: _counted(everyone, by))
    if counted.empty:
        raise TooLittleDataError(f"cohorts at {shop_time(moment, shop.timezone)}", "one paid order", "none")
    cells = cohort_cells(counted, _Grid(by, moment, shop.timezone, 10**shop.decimals))
    n_customers = int(cells[cells["age"] == 0].groupby("cohort")["n_customers"].first().sum())
    unit = "weeks" if by == "week" else "months"
    lead = (
        f"{n_customers:,} customers who had bought before {shop_time(moment, shop.timezone)}, by {by} of the first "
        f"order; ages in calendar {unit} since then."
    )
    tables = (_curve(cells, unit), _wide(cells, "retention", unit), *_values(cells, unit), _long(cells, unit))
    facts = {"as_of": moment.isoformat(), "by": by, "unit": unit, "n_customers": n_customers}
    return InsightPage("cohorts", f"Cohorts by {by}", lead, tables, facts, _left_out(cells), _notes(by))


@dataclass(frozen=True)
class _Grid:
    """How cells are laid: by what, until when, in which zone, and how many minor units make a major one."""

    by: str
    moment: datetime
    timezone: str
    minor_units: int

    @property
    def now(self) -> pd.Timestamp:
        """What the shop's clock shows at the moment."""
        local = self.moment.replace(tzinfo=UTC).astimezone(ZoneInfo(self.timezone))
        return pd.Timestamp(local.replace(tzinfo=None))

    def ages(self, first: pd.Series, then: pd.Series) -> pd.Series:
        """Return the periods from one to another."""
        if self.by == "week":
            return (then - first).dt.days // 7
        return (then.dt.year - first.dt.year) * 12 + then.dt.month - first.dt.month

    def n_finished(self, first: Any) -> int:
        """Return how many periods from a first one on are over."""
        if self.by == "week":
            return int((self.now - first) // pd.Timedelta(days=7))
        return int((self.now.year - first.year) * 12 + self.now.month - first.month)


def _counted(everyone: Past, by: str) -> pd.DataFrame:
    """Return sums by cohort, first period and period: n_active, n_orders, and revenue, margin with their squares."""
    bought = everyone.purchases.relation
    period = everyone.history.local(bought["at"]).truncate("W" if by == "week" else "M")
    money = [name for name in ("amount", "margin") if name in bought.columns]
    orders = bought.select("row", "at", period=period, **{name: bought[name] for name in money})
    first = orders.group_by("row").aggregate(first_period=orders.period.min())
    if by not in ("month", "week"):
        keys = _keys(everyone, by)
        first = first.left_join(keys, "row").select("row", "first_period", key=keys.key.fill_null(UNKNOWN))
    else:
        first = first.mutate(key=ibis.literal(""))
    sums = {name: _[name].sum().fill_null(0).cast("float64") for name in money}
    each = orders.inner_join(first, "row").group_by("row", "key", "first_period", "period")
    each = each.aggregate(n_orders=_.count(), **sums)
    squares = {f"{name}_squares": (_[name] * _[name]).sum() for name in money}
    totals = each.group_by("key", "first_period", "period").aggregate(
        n_active=_.count(), n_orders=_.n_orders.sum(), **{name: _[name].sum() for name in money}, **squares
    )
    return totals.order_by(["key", "first_period", "period"]).to_pyarrow().to_pandas()


def _keys(everyone: Past, by: str) -> Any:
    """Return (row, key): the cohort of each customer by the first order, or by what is known of the customer."""
    if by == "channel":
        people = everyone.history.tables["customers"].select("customer_id", key="acquisition_channel")
        codes = everyone.history.codes.select("customer_id", row="code")
        return codes.inner_join(people, "customer_id").select("row", "key")
    lines = everyone.lines.relation
    begins = lines.group_by("row").aggregate(first_at=lines["at"].min())
    first = lines.inner_join(begins, "row").filter(_["at"] == _.first_at)
    if by == "offer":
        had = [first[name] > 0 for name in ("discount",) if name in first.columns]
        had += [first.has_coupon] if "has_coupon" in first.columns else []
        any_offer = had[0] if len(had) == 1 else had[0].fill_null(False) | had[1].fill_null(False)
        return first.group_by("row").aggregate(key=ibis.ifelse(any_offer.fill_null(False).any(), WITH_OFFER, WITHOUT))
    amount = first.amount if "amount" in first.columns else ibis.literal(1)
    paid = first.mutate(paid=amount).group_by("row", "category_id").aggregate(paid=_.paid.sum())
    place = ibis.row_number().over(group_by="row", order_by=[ibis.desc("paid"), ibis.asc("category_id")])
    return paid.mutate(place=place).filter(_.place == 0).select("row", key="category_id")


def cohort_cells(counted: pd.DataFrame, grid: _Grid) -> pd.DataFrame:
    """Return one row per cohort and age, also where nobody came.

    Columns: cohort, age, n_customers, n_active, n_orders, is_finished, retention (`Estimate`), and where known
    revenue and margin per customer (`Estimate`) and cumulative, major units.
    """
    counted = counted.assign(age=grid.ages(counted["first_period"], counted["period"]))
    money = [name for name in ("amount", "margin") if name in counted]
    by_time = grid.by in ("month", "week")
    grown = []
    for (key, begin), rows in counted.groupby(["key", "first_period"], sort=True):
        first = pd.Timestamp(str(begin))
        finished = grid.n_finished(first)
        last = max(finished if by_time else finished - 1, 0)
        whole = rows.set_index("age").reindex(range(last + 1)).drop(columns=["key", "first_period", "period"]).fillna(0)
        n = int(rows.loc[rows["age"] == 0, "n_active"].sum())
        named = first.strftime("%Y-%m" if grid.by == "month" else "%Y-%m-%d") if by_time else str(key)
        if not by_time and finished < 1:
            continue  # no period of theirs is over
        grown.append(
            whole.assign(cohort=named, n_customers=n, is_finished=np.arange(last + 1) < finished).reset_index()
        )
    if not grown:
        raise TooLittleDataError("cohorts", "customers whose first period is over", "none", "Look later")
    summed = (
        pd.concat(grown)
        .groupby(KEY, sort=True)
        .agg(
            {"n_customers": "sum", "n_active": "sum", "n_orders": "sum", "is_finished": "all"}
            | {name: "sum" for base in money for name in (base, f"{base}_squares")}
        )
    )
    return _with_estimates(summed.reset_index(), money, grid.minor_units)


def _with_estimates(cells: pd.DataFrame, money: Sequence[str], minor_units: int) -> pd.DataFrame:
    counts = zip(cells["n_active"].astype(int), cells["n_customers"], strict=True)
    cells["retention"] = _objects([wilson(n_active, n) for n_active, n in counts])
    for name, column in (("amount", "revenue"), ("margin", "margin")):
        if name in money:
            each = cell_means(cells, name, minor_units)
            cells[f"{column}_each"] = _objects(each)
            means = pd.Series([estimate.value for estimate in each], cells.index)
            cells[f"{column}_cumulative"] = means.groupby(cells["cohort"]).cumsum()
    return cells


def _objects(estimates: Sequence[Estimate]) -> Any:
    return pd.Series(list(estimates), dtype=object)


def cell_means(cells: pd.DataFrame, name: str, minor_units: int) -> list[Estimate]:
    """Return each cell's mean per customer with its interval, right for small and skewed cells too."""
    n, some = (cells[column].to_numpy(np.float64) for column in ("n_customers", "n_active"))
    total, square = (cells[name] / minor_units).to_numpy(), (cells[f"{name}_squares"] / minor_units**2).to_numpy()
    sums = ArmSums(n, n, some, total, square)
    kind: OutcomeKind = "number" if (total < 0).any() else "amount"
    together = ArmSums(*(np.asarray(part.sum()) for part in (n, n, some, total, square)))
    low, high = mean_bounds(sums, kind, pooled=sizes_of(together))  # few buyers do not say how amounts spread
    return [Estimate(*map(float, ends)) for ends in zip(sums.mean, low, high, strict=True)]


def _curve(cells: pd.DataFrame, unit: str) -> InsightTable:
    """Return what became of all cohorts together at each age, of those whose period is over."""
    over = cells[cells["is_finished"]].groupby("age")[["n_customers", "n_active", "n_orders"]].sum()
    rows = [
        {
            "age": f"{age}",
            "n_customers": int(row["n_customers"]),
            "retention": wilson(int(row["n_active"]), int(row["n_customers"])),
            "orders_each": row["n_orders"] / row["n_customers"],
        }
        for age, row in over.iterrows()
    ]
    columns = {
        "age": PageColumn(f"{unit} since"),
        "n_customers": PageColumn("customers", ",d"),
        "retention": PageColumn("bought", ".1%"),
        "orders_each": PageColumn("orders each", ".2f"),
    }
    charts = (partial(cohort_curves, cells, "retention", unit),)
    return InsightTable("curve", "All cohorts by age", columns, rows, n_shown=2 * MOST_AGES, charts=charts)


def _wide(cells: pd.DataFrame, name: str, unit: str) -> InsightTable:
    """Return a cohort a row and an age a column; an asterisk marks a period that is not over."""
    told = cells.assign(text=[_told(row, name) for row in _records(cells)])
    ages = list(range(min(int(cells["age"].max()) + 1, MOST_AGES)))
    rows = []
    for cohort, mine in told.groupby("cohort", sort=True):
        by_age = mine.set_index("age")["text"]
        shown = {f"age_{age}": by_age.get(age) for age in ages}
        rows.append({"cohort": str(cohort), "n_customers": int(mine["n_customers"].iloc[0]), **shown})
    columns = {"cohort": PageColumn("first order"), "n_customers": PageColumn("customers", ",d")}
    columns |= {f"age_{age}": PageColumn(f"{age}") for age in ages}
    titles = {"retention": f"Share that bought, by {unit} since the first order"}
    title = titles.get(name, f"{name.split('_')[0].capitalize()} per customer so far, by {unit} since the first order")
    kept = rows[-MOST_COHORTS:]
    own = cells[cells["cohort"].astype(str).isin([row["cohort"] for row in kept]) & (cells["age"] < MOST_AGES)]
    charts = [partial(cohort_heatmap, own, name, unit)]
    charts += [partial(cohort_curves, cells, name, unit)] if name != "retention" else []
    return InsightTable(name, title, columns, kept if unit == "weeks" else rows, charts=tuple(charts))


def _records(cells: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in cells.to_dict("records")]


def _told(row: dict[str, Any], name: str) -> str:
    text = f"{row[name].value:.0%}" if name == "retention" else f"{row[name]:,.2f}"
    return text if row["is_finished"] else text + UNFINISHED


def _values(cells: pd.DataFrame, unit: str) -> list[InsightTable]:
    names = [f"{name}_cumulative" for name in ("revenue", "margin") if f"{name}_cumulative" in cells]
    return [_wide(cells, name, unit) for name in names]


def _long(cells: pd.DataFrame, unit: str) -> InsightTable:
    """Return every cell with its intervals; files hold them all."""
    wanted = ["cohort", "age", "n_customers", "n_active", "n_orders", "retention", "revenue_each", "margin_each"]
    wanted += ["revenue_cumulative", "margin_cumulative", "is_finished"]
    forms = {"retention": ".1%", **dict.fromkeys(wanted[6:10], ",.2f"), "is_finished": ""}
    names = [name for name in wanted if name in cells]
    rows = _records(cells[names])
    titles = {"age": f"{unit} since", "is_finished": "period is over"}
    columns = {
        name: PageColumn(titles.get(name, name.replace("_", " ").removeprefix("n ")), forms.get(name, ",d"))
        for name in names
    }
    columns["cohort"] = PageColumn("first order")
    return InsightTable("cells", "Every cohort and age", columns, rows, n_shown=MOST_AGES)


def _left_out(cells: pd.DataFrame) -> dict[str, str]:
    lacks = {"revenue": ["orders.amount"], "margin": ["items.unit_cost"]}
    return told_left_out({name: need for name, need in lacks.items() if f"{name}_each" not in cells})


def _notes(by: str) -> tuple[str, ...]:
    notes = [
        "Intervals of 95 %: Wilson's for shares; of amounts the share who bought and what they spent, joined, so that "
        "those of small cohorts are as wide as they should be. Hatched cells: the period is not over."
    ]
    if by in ("month", "week"):
        notes.append("* the period is not over. The first cohort holds whoever had bought before the data begins.")
    else:
        notes.append("At each age only customers whose period of that age is over are counted.")
    return tuple(notes)
