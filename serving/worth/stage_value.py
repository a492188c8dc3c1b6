"""What customers of each stage bring in a year, and what an order changes in it.

Customers are looked at a year before the moment, and what they brought since is counted. Who ordered soon is compared
with customers alike who did not. Part of the difference is there because frequent customers order sooner: a model of
purchase histories, in which an order changes nothing, says how much of it, and that is not counted as the order's.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from ibis import _
from sklearn.exceptions import ConvergenceWarning

from penchant.errors import LeftOutError, TooLittleDataError

from ...features.moments import first_event
from ...features.shop import Shop
from ...features.signals.declare import money
from ...features.signals.group import BOUGHT_MARGIN, PURCHASES, joined_needs, unmet_needs
from ...features.signals.stage import STAGES, stage
from ...models.baselines.btyd_estimators import purchases_of
from ...models.estimators.next_order import NextOrder
from ...models.inputs.arrays import Floats
from ...models.inputs.estimate import Estimate
from ...models.inputs.two_means import ArmSums, kind_of_outcome, mean_bounds
from .histories import PURCHASE_SIGNALS, Ask, asked_at, first_day_of, history_questions, next_questions

YEAR_DAYS, BEFORE_DAYS, SOON_DAYS = 365, 180, 30
MOST_COUNTED = 50_000  # customers
MOST_DRAWN, N_DRAWS = 4_000, 50
MOST_PARTS, FEWEST_OF_A_PART = 10, 60
FEWEST_WHO_ORDERED = 30  # of a stage: fewer say nothing of what an order is worth
Z = 1.96
MEASURES = {"margin": "margin", "amount": "amount paid", "orders": "orders"}  # the first that the shop knows counts


@dataclass(frozen=True, eq=False)
class StageValues:
    """What was counted, and what follows.

    Attributes
    ----------
    rows
        One row per customer known a year before: stage then, ``value`` since (in the measure's unit), ``days_to_next``,
        ``next_value`` (of the first day with an order), ``n_orders`` since, ``alike`` (the same number for customers
        alike).
    drawn
        The same of futures that a model of the histories draws, a row for each; empty where it cannot be fitted.
    measure
        What value is: ``margin``, ``amount`` or ``orders``.
    since
        When customers were looked at, UTC without a zone.
    """

    rows: pd.DataFrame
    drawn: pd.DataFrame
    measure: str
    since: datetime

    def by_stage(self) -> dict[str, Estimate]:
        """Return what a customer of each stage brings in a year, by the order of stages."""
        return {name: mean_with_bounds(rows["value"].to_numpy(np.float64)) for name, rows in self._stages()}

    def moves(self) -> dict[str, OrderWorth]:
        """Return what an order soon is worth, by stage; without stages in which too few placed one."""
        found = {name: order_worth(rows, self.drawn[self.drawn["stage"] == name]) for name, rows in self._stages()}
        return {name: worth for name, worth in found.items() if worth is not None}

    def as_dict(self) -> dict[str, Any]:
        """Return value and worth of an order by stage, in types that JSON knows."""
        values = {name: value.as_dict() for name, value in self.by_stage().items()}
        worth = {name: one.factor.as_dict() for name, one in self.moves().items()}
        return {"since": self.since.isoformat(), "measure": self.measure, "by_stage": values, "order_worth": worth}

    def _stages(self) -> list[tuple[str, pd.DataFrame]]:
        return [(name, self.rows[self.rows["stage"] == name]) for name in STAGES if (self.rows["stage"] == name).any()]


@dataclass(frozen=True)
class OrderWorth:
    """What an order within 30 days is worth over the year, of customers of one stage.

    Parameters
    ----------
    n_ordered, n_others
        Customers who ordered, and customers alike who did not.
    brought, others
        What the two brought in the year; the others weighted as if they were like those who ordered.
    difference
        Between the two.
    one_order
        What the order itself was worth.
    selected
        The difference, in orders, that histories alone explain: who orders often orders soon. 1 where no model says.
    """

    n_ordered: int
    n_others: int
    brought: float
    others: float
    difference: Estimate
    one_order: float
    selected: float = 1.0

    @property
    def factor(self) -> Estimate:
        """How many times its own worth an order is worth over the year.

        The order itself, and of the difference beyond it what histories do not explain, drawn towards nothing the less
        surely it is known (James and Stein). The lower bound is at most 1: nothing lasts; the upper one counts the
        whole difference.
        """
        if not self.one_order > 0:
            return Estimate(1.0, 1.0, 1.0)
        seen = self.difference.scaled(1 / self.one_order)
        beyond, error = seen.value - max(self.selected, 1.0), (seen.high - seen.low) / (2 * Z)
        lasts = beyond * max(1.0 - (error / beyond) ** 2, 0.0) if beyond > 0 else 0.0
        value = max(min(seen.value, 1.0 + lasts), 0.0)
        return Estimate(value, max(min(seen.low, 1.0), 0.0), max(seen.high, value))


def stage_values(shop: Shop, as_of: datetime) -> StageValues:
    """Return what customers of each stage have brought in the year before a moment.

    Parameters
    ----------
    shop, as_of
        The shop, and the moment, UTC without a zone.

    Raises
    ------
    LeftOutError
        If the shop knows no purchases.
    TooLittleDataError
        If its data does not begin a year and a half before.
    """
    missing = unmet_needs((PURCHASES,), shop.has)
    if missing:
        raise LeftOutError("value by stage", f"a shop with {joined_needs(missing)}", "a shop without")
    since, begins = as_of - timedelta(days=YEAR_DAYS), first_event(shop)
    if begins > since - timedelta(days=BEFORE_DAYS):
        raise TooLittleDataError(
            f"value by stage at {as_of:%Y-%m-%d}",
            f"data from {since - timedelta(days=BEFORE_DAYS):%Y-%m-%d} on: a year to count, and half a year before it "
            "to tell the stages by",
            f"data from {begins:%Y-%m-%d} on",
            "Look again when there is more",
        )
    # of those on an undated list who had done nothing yet, the ones with orders since would be all who are left
    then = asked_at(shop, [since], {"stage": stage, **history_questions(shop)}, takes_undated=False)[since]
    then = then.sample(min(len(then), MOST_COUNTED), random_state=shop.config.seed).sort_values("customer_id")
    measure = _measure(shop)
    after = asked_at(shop, [as_of], _questions_after(shop, measure), then[["customer_id"]])[as_of]
    then, drawn = _with_futures(then.reset_index(drop=True), measure, shop.config.seed)
    rows = then[["customer_id", "stage", "alike"]].merge(after, on="customer_id", how="left")
    names = [name for name in rows if name not in ("customer_id", "stage")]
    return StageValues(rows.astype(dict.fromkeys(names, "float64")), drawn, measure, since)


def _with_futures(then: pd.DataFrame, measure: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return customers with whom they are alike, and futures that a model draws of a sample of those who had bought."""
    names = [name for name in then if name not in ("customer_id", "stage")]
    then = then.astype(dict.fromkeys(names, "float64"))
    bought = (then["n_purchases"] > 0).to_numpy()
    nothing = pd.DataFrame({"stage": [], "alike": [], "days_to_next": [], "value": [], "next_value": []})
    X = then.loc[bought, [*PURCHASE_SIGNALS[:4], *(n for n in ("amount_total",) if n in then)]]
    chosen = np.random.default_rng(seed).permutation(len(X))[:MOST_DRAWN]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            model = NextOrder(YEAR_DAYS, "bgnbd", n_draws=N_DRAWS, seed=seed).fit(X.iloc[chosen])
        except TooLittleDataError:
            return then.assign(alike=0.0), nothing
    expected = np.full(len(then), np.nan)
    expected[bought] = model.model_.expected_purchases(purchases_of(X), YEAR_DAYS)
    then = then.assign(alike=_alike(then, expected))
    futures, own = model.futures(X.iloc[chosen]), then[bought].iloc[chosen]
    each = 1.0 if measure == "orders" or futures.amount is None else own["amount_total"] / own["n_purchase_days"]
    drawn = {name: np.repeat(own[name].to_numpy(), N_DRAWS) for name in ("stage", "alike")}
    orders = futures.n_orders.ravel()
    worth = np.repeat(np.broadcast_to(np.asarray(each, dtype=np.float64), len(own)), N_DRAWS)
    return then, pd.DataFrame(
        {**drawn, "days_to_next": futures.days_to_next.ravel(), "value": orders * worth, "next_value": worth}
    )


def _alike(then: pd.DataFrame, expected: Floats) -> Floats:
    """Return a number for customers alike within a stage: tenths of the orders expected, thirds of the amount."""
    found = np.zeros(len(then))
    for name in then["stage"].unique():
        own = (then["stage"] == name).to_numpy()
        parts = [tile_of(expected[own], min(MOST_PARTS, int(own.sum() // FEWEST_OF_A_PART)))]
        if "amount_total" in then:
            parts.append(tile_of((then["amount_total"] / then["n_purchases"])[own].to_numpy(), 3))
        found[own] = sum(part * (MOST_PARTS + 1) ** place for place, part in enumerate(parts))
    return found


def tile_of(values: Floats, n: int) -> Floats:
    """Return in which n-th of the values each lies, from 1; 0 where it is missing.

    Examples
    --------
    >>> tile_of(np.array([5.0, 1.0, 9.0, np.nan]), 3).tolist()
    [2.0, 1.0, 3.0, 0.0]
    """
    known = values[np.isfinite(values)]
    edges = np.quantile(known, np.arange(1, n) / n) if len(known) and n > 1 else np.zeros(0)
    return np.where(np.isfinite(values), 1.0 + np.searchsorted(edges, values, "left"), 0.0)


def _measure(shop: Shop) -> str:
    if not unmet_needs(("orders.amount", BOUGHT_MARGIN), shop.has):
        return "margin"
    return "amount" if shop.has("orders", "amount") else "orders"


def _questions_after(shop: Shop, measure: str) -> dict[str, Ask]:
    following = next_questions(shop, [YEAR_DAYS])
    counted = {"days_to_next": f"came_{YEAR_DAYS}", "n_orders": f"orders_{YEAR_DAYS}"}
    asked = {name: following[key] for name, key in counted.items()}
    if measure == "orders":
        return asked | {"value": asked["n_orders"], "next_value": lambda past: past.purchases.any().cast("float64")}
    asked["value"] = lambda past: money(past, past.purchases.within(YEAR_DAYS).sum(_[measure]))
    asked["next_value"] = lambda past: money(past, first_day_of(past, YEAR_DAYS).sum(_[measure]))
    return asked


def mean_with_bounds(values: Floats) -> Estimate:
    """Return a mean with its interval; the bounds are nan with fewer than two values."""
    if not len(values):
        return Estimate(np.nan, np.nan, np.nan)
    sums = ArmSums.of(values, np.ones(len(values)))
    low, high = mean_bounds(sums, kind_of_outcome(values), 0.95)
    return Estimate(float(sums.mean), float(low), float(high))


def ratio_of(one: Estimate, other: Estimate) -> Estimate:
    """Return the ratio of two independent means above zero, with its interval; nan where it is not known.

    References
    ----------
    Donner & Zou (2012), Statistical Methods in Medical Research 21, 347-359 (bounds from those of the two).

    Examples
    --------
    >>> f"{ratio_of(Estimate(40.0, 36.0, 44.4), Estimate(10.0, 8.0, 12.5)):.2f}"
    '4.00 [3.13, 5.12]'
    """
    if not (min(one.low, other.low) > 0 and np.isfinite([one.high, other.high]).all()):
        return Estimate(one.value / other.value if other.value > 0 else np.nan, np.nan, np.nan)
    value = np.log(one.value / other.value)
    below = np.hypot(np.log(one.value / one.low), np.log(other.high / other.value))
    above = np.hypot(np.log(one.high / one.value), np.log(other.value / other.low))
    return Estimate(*(float(np.exp(v)) for v in (value, value - below, value + above)))


def order_worth(rows: pd.DataFrame, drawn: pd.DataFrame) -> OrderWorth | None:
    """Return what an order within 30 days is worth to customers of one stage; None where too few placed one.

    Parameters
    ----------
    rows, drawn
        Of the stage, as in `StageValues`.
    """
    seen = _compared(rows)
    if seen is None:
        return None
    selected = _compared(drawn) if len(drawn) else None
    one = float(rows.loc[rows["days_to_next"] < SOON_DAYS, "next_value"].mean())
    (n_ordered, n_others), (brought, others), error = seen
    difference = brought - others
    bounds = Estimate(difference, difference - Z * error, difference + Z * error)
    explained = 1.0
    if selected is not None:
        order = float(drawn.loc[drawn["days_to_next"] < SOON_DAYS, "next_value"].mean())
        explained = (selected[1][0] - selected[1][1]) / order if order > 0 else 1.0
    return OrderWorth(n_ordered, n_others, brought, others, bounds, one, explained)


def _compared(rows: pd.DataFrame) -> tuple[tuple[int, int], tuple[float, float], float] | None:
    """Return numbers and means of who ordered soon and of others alike, and the standard error of the difference."""
    ordered = (rows["days_to_next"] < SOON_DAYS).to_numpy()
    cells = pd.DataFrame({"alike": rows["alike"].to_numpy(), "ordered": ordered, "value": rows["value"].to_numpy()})
    table = cells.groupby(["alike", "ordered"])["value"].agg(["size", "mean", "var"]).unstack("ordered")
    if not 0 < ordered.sum() < len(ordered):
        return None
    n, mean, var = (table[name] for name in ("size", "mean", "var"))
    both = ((n[True] >= 2) & (n[False] >= 2)).to_numpy()  # of others there is nobody to compare with
    n1, n0 = n[True].to_numpy()[both], n[False].to_numpy()[both]
    if n1.sum() < FEWEST_WHO_ORDERED:
        return None
    share = n1 / n1.sum()
    means = (float(share @ mean[True].to_numpy()[both]), float(share @ mean[False].to_numpy()[both]))
    error = float(np.sqrt(share**2 @ (var[True].to_numpy()[both] / n1 + var[False].to_numpy()[both] / n0)))
    return (int(n1.sum()), int(n0.sum())), means, error


def told_stages(values: StageValues, base: str = "new") -> Sequence[dict[str, Any]]:
    """Return one row per stage: customers, who ordered, orders, value and its ratio to the base's."""
    means = values.by_stage()
    rows = []
    for name, value in means.items():
        own = values.rows[values.rows["stage"] == name]
        ratio = ratio_of(value, means[base]) if base in means and name != base else None
        rows.append(
            {
                "stage": name,
                "n_customers": len(own),
                "ordered": float((own["n_orders"] > 0).mean()),
                "orders_each": mean_with_bounds(own["n_orders"].to_numpy(np.float64)),
                "value_each": value,
                "ratio": ratio,
            }
        )
    return rows
