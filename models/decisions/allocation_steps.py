"""The steps by which a growing budget is best spent: each customer's efficient arms, all customers' steps sorted.

A customer's arms are points (cost, gain). Only those on the upper hull from (0, 0) are ever worth giving, in
the order of their cost; each step along the hull gains less for its cost than the one before. Taking all
customers' steps by falling gain per cost, until the budget is spent, is the best use of every budget.

References
----------
Sinha & Zoltners (1979), The multiple-choice knapsack problem, Operations Research 27.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..evaluation.ranking import Positions, falling
from ..inputs.arrays import Floats


@dataclass(frozen=True, eq=False)
class Steps:
    """Upgrades of customers from one arm (or none) to the next, best first.

    Attributes
    ----------
    customer
        (m,) position of the customer.
    before, after
        (m,) arm left and arm reached; 0 = nothing, i = column i - 1 of the gains.
    gain, cost
        (m,) what the step gains and costs, more than the arm left; both zero or more.
    """

    customer: Positions
    before: npt.NDArray[np.int8]
    after: npt.NDArray[np.int8]
    gain: Floats
    cost: Floats

    @property
    def worth(self) -> Floats:
        """(m,) gain per cost, falling; infinite where a step costs nothing."""
        return np.divide(self.gain, self.cost, out=np.full(len(self.gain), np.inf), where=self.cost > 0)


def best_steps(gain: Floats, cost: Floats) -> Steps:
    """Return the steps of all customers by falling gain per cost.

    Parameters
    ----------
    gain
        (n, k) gain of each arm over nothing; NaN where an arm is not allowed.
    cost
        (n, k) cost of each arm, zero or more.
    """
    rows = np.flatnonzero((gain > 0).any(axis=1))
    at = np.zeros(len(rows), dtype=np.int8)
    at_gain, at_cost = np.zeros(len(rows)), np.zeros(len(rows))
    found = []
    while len(rows):
        more = np.nan_to_num(gain[rows] - at_gain[:, None], nan=-1.0)
        dearer = cost[rows] - at_cost[:, None]
        arm = _steepest(more, dearer)
        here = np.arange(len(rows))
        reached = more[here, arm] > 0
        rows, at, arm, here = rows[reached], at[reached], arm[reached], here[reached]
        at_gain, at_cost = gain[rows, arm], cost[rows, arm]
        next_arm = (arm + 1).astype(np.int8)
        found.append((rows, at, next_arm, more[here, arm], dearer[here, arm]))
        at = next_arm
    return _sorted(found)


def _steepest(more: Floats, dearer: Floats) -> npt.NDArray[np.intp]:
    """Return the arm with the largest gain per cost from where each customer is, the farthest of equals.

    An arm that gains more can only cost as much or more: else it would have been reached before.
    """
    free = np.where(more > 0, np.inf, -np.inf)
    slope = np.divide(more, dearer, out=free, where=(dearer > 0) & (more > 0))
    steepest = slope == slope.max(axis=1, keepdims=True)
    return np.argmax(np.where(steepest, more, -np.inf), axis=1)


def _sorted(found: Sequence[tuple[npt.NDArray[Any], ...]]) -> Steps:
    if not found:
        none = np.zeros(0)
        return Steps(none.astype(np.intp), none.astype(np.int8), none.astype(np.int8), none, none)
    steps = Steps(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    order = falling(steps.worth)  # stable: a customer's steps keep their order
    return Steps(steps.customer[order], steps.before[order], steps.after[order], steps.gain[order], steps.cost[order])
