"""How far customers' own rates wander: what it adds to the intervals of their orders and amounts.

Buy-till-you-die models let a customer buy at one rate until they stop. Where rates wander (a household eats out for a
season, a child is born), a long history says less of the next months than such a model believes, and most so of
customers who buy often. How much they wander is read from earlier promises of the same model for the days since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from ..inputs.arrays import Floats, read_numbers, refuse_lengths

LEAST, MOST = 1e-8, 1e-1  # variance of a rate per day, as a share of the rate
HALVINGS = 30
ROUNDING = 1e-9
WIDENED = ("orders", "amount")


@dataclass(frozen=True, eq=False)
class EarlierPromise:
    """What was promised at an earlier moment for the days since, and what came.

    Parameters
    ----------
    promised
        ``orders``, ``orders_low``, ``orders_high`` and, where known, the same of ``amount``.
    came
        ``orders`` and ``amount`` of the same rows.
    age
        Days from each customer's first purchase to that moment, (n,).
    horizon_days
        Days that were promised for.
    """

    promised: pd.DataFrame
    came: Mapping[str, Any]
    age: Floats
    horizon_days: float

    def holds(self, name: str, drift: float = 0.0, level: float = 0.95) -> Any:
        """Return for each customer whether the interval of a level, widened by a drift, holds what came."""
        low, high = widened_bounds(self.promised, name, drift * reach_of(self.age, self.horizon_days), level)
        value = np.asarray(self.came[name], dtype=np.float64)
        return (value >= low - ROUNDING) & (value <= high + ROUNDING)


@dataclass(frozen=True)
class RateDrift:
    """How far customers' rates wander, by what their intervals lacked at every earlier look.

    The rate of a customer walks at random, with a variance of ``drift`` times the rate each day. Its mean over a
    horizon of H days is then off its mean over a history of T days by a variance of ``drift * rate * (T + H) / 3``,
    and the number of orders by ``drift * orders * H * (T + H) / 3``, beside what the model itself leaves open.

    Attributes
    ----------
    drift : dict of str to float
        Of ``orders`` and ``amount``; 0 where a look's intervals held enough without it.
    n_looks : int
        Looks that it was read from; 0: none is known, and nothing is widened.

    Examples
    --------
    >>> promised = pd.DataFrame({"orders": [25.0], "orders_low": [16.0], "orders_high": [36.0]})
    >>> RateDrift({"orders": 1e-4}, 2).widened(promised, [180.0], 180.0)[["orders_low", "orders_high"]].iloc[0].tolist()
    [11.0, 45.0]
    """

    drift: Mapping[str, float]
    n_looks: int

    def widened(self, promised: pd.DataFrame, age: Any, horizon_days: float, level: float = 0.95) -> pd.DataFrame:
        """Return promises with intervals as wide as wandering rates make them; means stay.

        Parameters
        ----------
        promised
            As `penchant.models.estimators.next_order.NextOrder.predict` returns it.
        age
            Days from each row's first purchase to the moment, (n,).
        horizon_days
            Days that are promised for.
        level
            Probability that an interval holds what comes, as it was promised.
        """
        age = read_numbers("age", age)
        refuse_lengths(len(promised), age=age)
        found: dict[str, Floats] = {}
        for name, drift in self.drift.items():
            if drift > 0 and name in promised:
                ends = widened_bounds(promised, name, drift * reach_of(age, horizon_days), level)
                found |= {f"{name}_low": ends[0], f"{name}_high": ends[1]}
        return promised.assign(**found)


def reach_of(age: Floats, horizon_days: float) -> Floats:
    """Return what a drift is multiplied by to become the further variance of a count, as a share of its mean."""
    return np.asarray(horizon_days * (age + horizon_days) / 3)


def widened_bounds(promised: pd.DataFrame, name: str, share: Floats, level: float) -> tuple[Floats, Floats]:
    """Return lower and upper bounds with a further variance, a share of the mean, on the square root's scale.

    There a variance of a share of the mean is a fourth of the share for everyone. An interval that begins at nothing
    is one-sided and stays so; none becomes narrower.
    """
    columns = promised[[name, f"{name}_low", f"{name}_high"]].to_numpy(np.float64)
    middle, low, high = np.maximum(columns, 0.0).T
    orders = promised["orders"].to_numpy(np.float64)
    each = middle / np.where(orders > 0, orders, np.inf)  # 1 for orders; what one is worth for amounts
    z = np.where(low > 0, norm.ppf((1 + level) / 2), norm.ppf(level))
    root, further = np.sqrt(middle), z**2 * share * each / 4
    above, below = np.maximum(np.sqrt(high) - root, 0.0), np.maximum(root - np.sqrt(low), 0.0)
    upper = (root + np.sqrt(above**2 + further)) ** 2
    lower = np.where(low > 0, np.maximum(root - np.sqrt(below**2 + further), 0.0) ** 2, 0.0)
    if name == "orders":  # whole ones
        upper, lower = np.floor(upper + ROUNDING), np.ceil(lower - ROUNDING)
    return np.minimum(lower, low), np.maximum(upper, high)


def drift_of(promises: Sequence[EarlierPromise], level: float = 0.95) -> RateDrift:
    """Return how far rates wander, by earlier promises of the same shop.

    What one look alone lacked may be a season, which moves everybody at once; wandering shows at every look. The least
    of the looks' drifts is therefore taken, of orders and of amounts each. Intervals that held too often at earlier
    looks are left as they are: on CDNOW they held 97 to 98 %, and 95 % later.

    Parameters
    ----------
    promises
        Of one look each, for the days from it to now.
    level
        Probability that an interval is to hold what comes.
    """
    found = {}
    for name in WIDENED:
        known = [one for one in promises if f"{name}_high" in one.promised and name in one.came]
        if known:
            found[name] = min(_least_drift(one, name, level) for one in known)
    return RateDrift(found, len(promises))


def _least_drift(promise: EarlierPromise, name: str, level: float) -> float:
    """Return the least drift with which the intervals of a look hold what came often enough."""
    if promise.holds(name).mean() >= level:
        return 0.0
    low, high = np.log(LEAST), np.log(MOST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_enough = promise.holds(name, float(np.exp(middle)), level).mean() >= level
        low, high = (low, middle) if is_enough else (middle, high)
    return float(np.exp(high))
