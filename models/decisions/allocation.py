"""Who gets which offer under a budget, a stock and a capacity: the best allocation of one arm per customer.

The relaxed problem, in which a customer may get parts of arms, is solved exactly; at most one customer for each
limit that binds is then rounded down. `Allocation.bound` is the relaxed optimum: what rounding cost is seen.

References
----------
Sinha & Zoltners (1979), The multiple-choice knapsack problem, Operations Research 27.
Sverdrup, Wu, Athey & Wager (2023), Qini curves for multi-armed treatment rules, arXiv:2306.11979.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import InputError, did_you_mean

from ..inputs.arrays import Floats, one_column, read_by_arm, read_numbers, refuse_misaligned
from ..uplift.arms import MOST_ARMS
from .allocation_prices import solve
from .allocation_problem import AllocationProblem, alike, spread_costs
from .allocation_steps import best_steps

ROUNDING = 1e-9  # parts of customers and of limits below this are the solver's rounding
NOTHING = "control"  # what an uncontacted customer's arm is called


@dataclass(frozen=True)
class Limits:
    """What there is to give away. What is left out is unlimited.

    Attributes
    ----------
    budget
        Most that may be spent, in the unit of the costs.
    stock
        By arm: how many customers can get it (coupons issued).
    capacity
        By group of arms, as a tuple of names: how many customers can get one of them (all that go by phone).
    """

    budget: float | None = None
    stock: Mapping[str, float] = field(default_factory=dict)
    capacity: Mapping[tuple[str, ...], float] = field(default_factory=dict)


UNLIMITED = Limits()


@dataclass(frozen=True, eq=False)
class Allocation:
    """One arm for each customer, or none.

    Attributes
    ----------
    codes
        (n,) int8; 0 = not contacted, i = ``names[i]``.
    names
        "control" (not contacted), then the arms.
    gain
        Sum of the expected gains of what is given.
    bound
        The optimum of the relaxed problem: no allocation gains more.
    spent
        Sum of the costs.
    n_by_arm
        By arm: how many customers get it.
    prices
        What one more unit of a limit would gain: by "budget", arm, or arms joined by " + ". 0: it does not bind.
    """

    codes: npt.NDArray[np.int8]
    names: tuple[str, ...]
    gain: float
    bound: float
    spent: float
    n_by_arm: Mapping[str, int]
    prices: Mapping[str, float]

    @property
    def arm(self) -> npt.NDArray[Any]:
        """(n,) name of each customer's arm; fit for `policy_value`."""
        return np.array(self.names, dtype=object)[self.codes]


def allocate(gain: Any, cost: Any = 0.0, limits: Limits = UNLIMITED) -> Allocation:
    """Give each customer the arm, or nothing, so that the sum of gains is highest within the limits.

    Parameters
    ----------
    gain
        Expected gain of each arm over not contacting the customer: a DataFrame or mapping by arm, or (n, k).
        NaN: this customer must not get this arm. Negative gains are never taken.
    cost
        What giving an arm spends of the budget, zero or more: a number, or by arm as for ``gain``.
    limits
        Budget, stock and capacity.

    Returns
    -------
    Allocation
        In the order of the rows.

    Raises
    ------
    InputError
        Negative costs or limits, infinite gains, unknown arms, or shapes that do not match.

    Examples
    --------
    >>> gain = {"mail": [1.0, 2.0, 3.0], "call": [4.0, 3.0, 3.5]}
    >>> found = allocate(gain, {"mail": 1.0, "call": 5.0}, Limits(budget=8))
    >>> found.arm.tolist(), found.gain, round(found.prices["budget"], 9)
    (['call', 'mail', 'mail'], 9.0, 0.25)
    """
    names, gains = read_gains(gain)
    costs = read_costs(cost, names, len(gains))
    labels, members, most = _read_limits(limits, names)
    if len(members):
        shares, prices, bound = _within_all(gains, costs, members, most)
    else:
        shares, prices, bound = _within_budget(gains, costs, most)
    codes = _whole(shares, AllocationProblem(_or_never(gains), costs, members, most, np.ones(len(gains))))
    given = np.flatnonzero(codes)
    taken = codes[given] - 1
    total = float(gains[given, taken].sum())
    return Allocation(
        codes,
        (NOTHING, *names),
        gain=total,
        bound=max(bound, total),  # the same sum in another order may differ in its last digit
        spent=float(costs[given, taken].sum()),
        n_by_arm=dict(zip(names, np.bincount(taken, minlength=len(names)).tolist(), strict=True)),
        prices=dict(zip(labels, prices.tolist(), strict=True)),
    )


def read_gains(gain: Any) -> tuple[tuple[str, ...], Floats]:
    """Return the arms' names and (n, k) gains; NaN where an arm is not allowed.

    Raises
    ------
    InputError
        Infinite gains, text, no customer, no arm or more than 126.
    """
    if isinstance(gain, Mapping | pd.DataFrame):
        names = tuple(str(arm) for arm in gain)
        columns = [one_column("gain", gain[arm]) for arm in gain]
        refuse_misaligned(**dict(zip(names, columns, strict=True)))
    else:
        columns = list(np.asarray(gain).T) if np.ndim(gain) == 2 else [one_column("gain", gain)]
        names = tuple(str(i + 1) for i in range(len(columns)))
    if not 0 < len(names) < MOST_ARMS or not len(columns[0]):
        raise InputError("gain", "one column per arm is needed, and customers", f"{len(names)} columns")
    table = np.column_stack([read_numbers("gain", np.where(pd.isna(c), 0.0, c)) for c in columns])
    table[np.column_stack([pd.isna(c) for c in columns])] = np.nan
    return names, table


def read_costs(cost: Any, names: tuple[str, ...], n: int) -> Floats:
    """Return (n, k) costs of the arms.

    Raises
    ------
    InputError
        Negative or missing costs, unknown arms, or another shape.
    """
    costs = read_by_arm("cost", cost, names, n)
    if (costs < 0).any():
        raise InputError("cost", "costs must be zero or more", f"{costs.min():g}", "Put savings into the gain")
    return costs


def _read_limits(limits: Limits, names: tuple[str, ...]) -> tuple[list[str], Floats, Floats]:
    """Return the limits' names, which arms count against those of numbers (r, k), and the limits."""
    groups = {(arm,): most for arm, most in limits.stock.items()} | dict(limits.capacity)
    for arm in (arm for group in groups for arm in group):
        if arm not in names:
            raise InputError("limits", "names of arms are needed", f"'{arm}'", did_you_mean(str(arm), names))
    budget = {} if limits.budget is None else {"budget": limits.budget}
    most = np.array([*budget.values(), *groups.values()], dtype=np.float64)
    if not (np.isfinite(most) & (most >= 0)).all():
        raise InputError("limits", "zero or more is needed", f"{most.tolist()}", "Leave out what is unlimited")
    members = np.array([[arm in group for arm in names] for group in groups], dtype=np.float64)
    labels = [*budget, *(" + ".join(group) for group in groups)]
    return labels, members.reshape(len(groups), len(names)), most


def _within_budget(gains: Floats, costs: Floats, most: Floats) -> tuple[Floats, Floats, float]:
    """Return the relaxed optimum under a budget alone (or none): shares (n, k), the price, and the gain."""
    steps = best_steps(gains, costs)
    spent, budget = np.cumsum(steps.cost), most[0] if len(most) else np.inf
    n_whole = int(np.searchsorted(spent, budget * (1 + ROUNDING), side="right"))
    reached = np.zeros(len(gains), dtype=np.intp)
    reached[steps.customer[:n_whole]] = steps.after[:n_whole]  # of several steps of a customer the last one stays
    shares = np.zeros(gains.shape)
    given = np.flatnonzero(reached)
    shares[given, reached[given] - 1] = 1.0
    price = np.zeros(len(most))
    if n_whole < len(spent):
        who, price[:] = steps.customer[n_whole], steps.worth[n_whole]
        part = 1 - (spent[n_whole] - budget) / steps.cost[n_whole]
        shares[who] *= 1 - part
        shares[who, steps.after[n_whole] - 1] = part
    return shares, price, float(np.nansum(shares * gains))


def _within_all(gains: Floats, costs: Floats, members: Floats, most: Floats) -> tuple[Floats, Floats, float]:
    """Return the relaxed optimum under several limits: shares (n, k), the price of each limit, and the bound."""
    first, group = alike(np.hstack([gains, costs]))
    size = np.bincount(group).astype(np.float64)
    given, prices, bound = solve(AllocationProblem(_or_never(gains[first]), costs[first], members, most, size))
    return spread_costs(given, group, np.ones(len(group))), prices, bound


def _or_never(gains: Floats) -> Floats:
    """Return gains with minus infinity where an arm is not allowed."""
    return np.where(np.isnan(gains), -np.inf, gains)


def _whole(shares: Floats, problem: AllocationProblem) -> npt.NDArray[np.int8]:
    """Return codes: whoever gets parts of arms gets the best one that still fits, or nothing."""
    arm = shares.argmax(axis=1)
    whole = shares[np.arange(len(shares)), arm] >= 1 - ROUNDING
    codes = np.where(whole, arm + 1, 0).astype(np.int8)
    left = problem.left(codes.astype(np.intp), problem.size) + ROUNDING * problem.most
    in_parts = np.flatnonzero(~whole & (shares > ROUNDING).any(axis=1))
    takes = problem.takes(in_parts)
    for i in np.argsort(-problem.gain[in_parts].max(axis=1), kind="stable"):
        gain = problem.gain[in_parts[i]]
        for choice in np.argsort(-gain) + 1:
            if gain[choice - 1] > 0 and (takes[:, i, choice] <= left).all():
                codes[in_parts[i]] = choice
                left = left - takes[:, i, choice]
                break
    return codes
