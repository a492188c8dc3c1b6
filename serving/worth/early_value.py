"""What new customers bring in twelve months, from what they did in their first sixty days.

Two ways are set side by side. The ratio: customers whose first year is over brought so many times what they brought in
their first days. The surrogate: their year is read from number and amount of the orders of their first days, which
takes into account that newer customers may begin differently. Both assume that what follows from a beginning stays as
it was; how far that held is judged on the latest customers whose year is over, and goes into the interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from ibis import _

from penchant.errors import LeftOutError, TooLittleDataError

from ...features.engine.times import days_between
from ...features.history.past import Past
from ...features.history.rows import Rows
from ...features.shop import Shop
from ...features.signals.declare import money
from ...features.signals.group import BOUGHT_MARGIN, PURCHASES, joined_needs, unmet_needs
from ...models.inputs.arrays import Floats
from ...models.inputs.estimate import Estimate
from .histories import asked_at

EARLY_DAYS, YEAR_DAYS = 60, 365
OLDER_DAYS = 90  # whoever bought first within so many days of the data's beginning may have bought before
FEWEST_CUSTOMERS = 100  # whose year is over, to learn from and to judge on each
JUDGED_SHARE = 1 / 3
Z = 1.96


@dataclass(frozen=True)
class LongValue:
    """What a new customer brings in a year, told one way.

    Parameters
    ----------
    way
        ``ratio`` or ``surrogate``.
    promised, came
        Mean of the latest customers whose year is over, as earlier ones would have promised it, and as it came.
    expected
        Mean of the customers whose first days are over and whose year is not. The interval holds sampling and, as a
        spread of its own, how far the promise was off.
    """

    way: str
    promised: float
    came: float
    expected: Estimate


@dataclass(frozen=True, eq=False)
class EarlyValue:
    """Customers by their first days, and what their year is expected to be.

    Attributes
    ----------
    ways
        Ratio and surrogate.
    n_over, n_young
        Customers whose first year is over, and whose first days are over and their year is not.
    early_over, early_young
        What the two brought in their first days, on average.
    measure
        ``margin`` or ``amount``.
    """

    ways: tuple[LongValue, ...]
    n_over: int
    n_young: int
    early_over: float
    early_young: float
    measure: str


def early_value(shop: Shop, as_of: datetime) -> EarlyValue:
    """Return what new customers are expected to bring in twelve months, from their first sixty days.

    Raises
    ------
    LeftOutError
        If the shop knows no amounts.
    TooLittleDataError
        If too few customers began more than a year before, or nobody is new: then nothing says how it goes on.
    """
    missing = unmet_needs((PURCHASES, "orders.amount"), shop.has)
    if missing:
        raise LeftOutError("value of new customers", f"a shop with {joined_needs(missing)}", "a shop without")
    measure = "amount" if unmet_needs((BOUGHT_MARGIN,), shop.has) else "margin"
    asked = {
        "age": lambda past: past.days_since(past.purchases.first()),
        "orders": lambda past: _first_days(past).where(_.age_days < EARLY_DAYS).count(),
        "early": lambda past: money(past, _first_days(past).where(_.age_days < EARLY_DAYS).sum(_[measure])),
        "year": lambda past: money(past, _first_days(past).where(_.age_days < YEAR_DAYS).sum(_[measure])),
    }
    rows = asked_at(shop, [as_of], asked)[as_of].dropna(subset="age").sort_values(["age", "customer_id"])
    over, young = (
        _begun_since(rows[rows["age"] >= YEAR_DAYS]),
        rows[(rows["age"] >= EARLY_DAYS) & (rows["age"] < YEAR_DAYS)],
    )
    if len(over) < 2 * FEWEST_CUSTOMERS or young.empty:
        raise TooLittleDataError(
            f"value of new customers at {as_of:%Y-%m-%d}",
            f"{2 * FEWEST_CUSTOMERS} customers who began more than {YEAR_DAYS} days before, and some who began "
            f"{EARLY_DAYS} to {YEAR_DAYS} days before",
            f"{len(over):,} and {len(young):,}",
            "A year cannot be told from a shorter history",
        )
    n_judged = max(int(len(over) * JUDGED_SHARE), FEWEST_CUSTOMERS)
    judged, learned = over.iloc[:n_judged], over.iloc[n_judged:]  # the youngest come first
    ways = tuple(_told(way, learned, judged, over, young) for way in ("ratio", "surrogate"))
    early = (float(over["early"].mean()), float(young["early"].mean()))
    return EarlyValue(ways, len(over), len(young), *early, measure)


def _begun_since(over: pd.DataFrame) -> pd.DataFrame:
    """Return those who began after the first quarter of the data, if they are enough: before it, many are older."""
    later = over[over["age"] <= over["age"].max() - OLDER_DAYS]
    return later if len(later) >= 2 * FEWEST_CUSTOMERS else over


def _first_days(past: Past) -> Rows:
    """Return purchases with the days since the customer's first one."""

    def built() -> Any:
        bought = past.purchases.relation
        first = bought["at"].min().over(group_by=["row", "as_of"])
        return bought.mutate(age_days=days_between(bought["at"], first))

    return past.rows("since_first", built)


def _told(way: str, learned: pd.DataFrame, judged: pd.DataFrame, over: pd.DataFrame, young: pd.DataFrame) -> LongValue:
    promised, came = float(_years(way, learned, judged).mean()), float(judged["year"].mean())
    off = abs(promised / came - 1.0) if came > 0 else np.nan
    value = float(_years(way, over, young).mean())
    residual = over["year"].to_numpy(np.float64) - _years(way, over, over)
    error = float(residual.std(ddof=1) * np.sqrt(1 / len(over) + 1 / len(young)))
    reach = float(np.hypot(Z * error, off * value))
    return LongValue(way, promised, came, Estimate(value, max(value - reach, 0.0), value + reach))


def _years(way: str, learned: pd.DataFrame, asked: pd.DataFrame) -> Floats:
    """Return what a year is expected to bring, of each row asked about."""
    if way == "ratio":
        total = float(learned["early"].sum())
        ratio = float(learned["year"].sum()) / total if total > 0 else np.nan
        return np.asarray(asked["early"] * ratio, dtype=np.float64)
    later = (learned["year"] - learned["early"]).to_numpy(np.float64)
    slopes, *_rest = np.linalg.lstsq(_design(learned), later, rcond=None)
    return asked["early"].to_numpy(np.float64) + _design(asked) @ slopes


def _design(rows: pd.DataFrame) -> Floats:
    return np.column_stack([np.ones(len(rows)), rows["orders"].to_numpy(np.float64) - 1, rows["early"].to_numpy()])
