"""The relaxed allocation: who may take which arm, what that takes of each limit, and dividing the last of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from ..evaluation.ranking import Positions
from ..inputs.arrays import Floats, Ints


@dataclass(frozen=True, eq=False)
class AllocationProblem:
    """Groups of alike customers, their arms, and the limits. A choice is 0 for nothing, i for the arm i - 1.

    Attributes
    ----------
    gain
        (n, k) gain of each arm over nothing; minus infinity where it is not allowed.
    cost
        (n, k) what each arm takes of the budget, if there is one.
    members
        (r, k) 1 where an arm counts against a limit of numbers, else 0.
    most
        The limits: the budget first if there is one, then one for each row of ``members``.
    size
        (n,) customers in each group.
    """

    gain: Floats
    cost: Floats
    members: Floats
    most: Floats
    size: Floats

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.size)

    @property
    def has_budget(self) -> bool:
        """Whether the first limit is a budget."""
        return len(self.most) > len(self.members)

    def net(self, prices: Floats) -> Floats:
        """Return (n, k + 1) what each choice gains less its prices."""
        net = np.zeros((len(self), self.gain.shape[1] + 1))
        net[:, 1:] = self.gain
        if len(self.members):
            net[:, 1:] -= prices[-len(self.members) :] @ self.members
        if self.has_budget:
            net[:, 1:] -= prices[0] * self.cost
        return net

    def best(self, prices: Floats) -> tuple[Positions, float]:
        """Return each group's best choice, and the bound: what no allocation exceeds, whatever the prices."""
        net = self.net(prices)
        choice = net.argmax(axis=1)
        return choice, float(prices @ self.most + self.size @ net[np.arange(len(net)), choice])

    def takes(self, rows: Positions) -> Floats:
        """Return what one customer takes of each limit: (limits, rows, k + 1)."""
        takes = np.zeros((len(self.most), len(rows), self.gain.shape[1] + 1))
        if self.has_budget:
            takes[0, :, 1:] = self.cost[rows]
        if len(self.members):
            takes[-len(self.members) :, :, 1:] = self.members[:, None, :]
        return takes

    def left(self, choice: Positions, size: Floats) -> Floats:
        """Return what is left of each limit when (n,) customers of each group take its (n,) choice."""
        number = np.bincount(choice, weights=size, minlength=self.gain.shape[1] + 1)[1:]
        given = np.flatnonzero(choice)
        spent = [size[given] @ self.cost[given, choice[given] - 1]] if self.has_budget else []
        return self.most - np.append(spent, self.members @ number)


def divide(problem: AllocationProblem, prices: Floats, n_open: int) -> tuple[Floats, Floats] | None:
    """Give each group its best choice, then move those with close choices so that the limits hold.

    Parameters
    ----------
    n_open
        How many moves are allowed at least, those that lose least. Groups that would move alike count as one.

    Returns
    -------
    given, prices
        (n, k) customers of each group that get each arm, the best that such moves allow, at most a few of them
        parts; and the price of each limit. None where no such moves keep the limits.
    """
    net = problem.net(prices)
    best = net.argmax(axis=1)
    slack = net[np.arange(len(net)), best][:, None] - net
    slack[np.arange(len(net)), best] = np.inf  # staying is no move
    reach, first = -1.0, np.zeros(0, dtype=np.int64)
    while len(first) < n_open and reach < np.inf:
        reach = _nth_beyond(slack, reach, n_open)
        may_move = (slack <= reach) & np.isfinite(slack)
        rows = np.flatnonzero(may_move.any(axis=1))
        moves = _moves(problem, rows, best[rows])
        moves[:, ~may_move[rows]] = np.nan
        first, group = alike(np.round(np.hstack(list(moves)), 12))
    return _divided(problem, best, (rows, moves[:, first], group))


def _nth_beyond(slack: Floats, reach: float, n: int) -> float:
    """Return the n-th smallest value above ``reach``, infinity where there are not so many."""
    beyond = slack[(slack > reach) & np.isfinite(slack)]
    return float(np.partition(beyond, n)[n]) if len(beyond) > n else np.inf


def _divided(
    problem: AllocationProblem, best: Positions, moves: tuple[Positions, Floats, Ints]
) -> tuple[Floats, Floats] | None:
    """Return what `divide` returns, from the rows that may move, their kinds of moves, and each row's kind."""
    rows, kinds, kind = moves
    size = problem.size[rows]
    n_alike = np.bincount(kind, weights=size).astype(np.float64)
    found = _programme(kinds, n_alike, problem.left(best, problem.size))
    if found is None:
        return None
    moved = spread_costs(found[0], kind, size)
    given = np.zeros((len(problem), problem.gain.shape[1] + 1))
    given[np.arange(len(given)), best] = problem.size
    given[rows, best[rows]] -= moved.sum(axis=1)
    given[rows] += moved
    return given[:, 1:], found[1]


def _moves(problem: AllocationProblem, rows: Positions, best: Positions) -> Floats:
    """Return what each move gains, and takes of each limit, more than the best choice: (1 + limits, rows, k + 1)."""
    gain = np.column_stack([np.zeros(len(rows)), problem.gain[rows]])
    choices = np.concatenate([gain[None], problem.takes(rows)])
    return choices - np.take_along_axis(choices, best[None, :, None], axis=2)


def _programme(moves: Floats, size: Floats, left: Floats) -> tuple[Floats, Floats] | None:
    """Return how many of each group make each move, and the prices of the limits; None if nothing fits."""
    row, choice = np.nonzero(~np.isnan(moves[0]))
    made = np.zeros(moves.shape[1:])
    if not len(row):
        return (made, np.zeros(len(left))) if (left >= 0).all() else None
    gain, used = moves[0, row, choice], moves[1:, row, choice]
    scale = float(np.abs(gain).max()) or 1.0
    own = csr_array((np.ones(len(row)), (row, np.arange(len(row)))), shape=(len(size), len(row)))
    found = linprog(
        -gain / scale,
        A_ub=vstack([csr_array(used), own], format="csc"),
        b_ub=np.concatenate([left, size]),
        method="highs-ds",  # ends in a corner: few customers get parts
    )
    if found.status != 0:
        return None
    made[row, choice] = np.maximum(found.x, 0.0)
    return made, np.maximum(-found.ineqlin.marginals[: len(left)] * scale, 0.0)


def alike(table: Floats) -> tuple[Ints, Ints]:
    """Return the first row of each group of equal rows, and the group of each row, in an order like chance's."""
    mixed = np.zeros(len(table), dtype=np.uint64)
    for column in np.ascontiguousarray((table + 0.0).T).view(np.uint64):  # + 0.0: -0 and 0 are one number
        mixed = (mixed ^ column ^ (mixed >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15)
    first, group = np.unique(mixed, return_index=True, return_inverse=True)[1:]
    if not np.array_equal(table[first][group], table, equal_nan=True):  # two rows with one key: next to never
        return np.arange(len(table)), np.arange(len(table))
    return first, group


def spread_costs(given: Floats, group: Ints, size: Floats) -> Floats:
    """Divide what groups are given among their members, so that few members get parts.

    Parameters
    ----------
    given
        (n_groups, k) customers of each group that get each arm.
    group, size
        (n,) the group of each member, and how many customers the member stands for.

    Returns
    -------
    ndarray of shape (n, k)
    """
    order = np.argsort(group, kind="stable")
    passed = np.empty(len(group))
    passed[order] = np.cumsum(size[order])
    total = np.bincount(group, weights=size, minlength=len(given))
    end = passed - (np.cumsum(total) - total)[group]  # where in the group's line the member ends
    upto = np.cumsum(given, axis=1)
    high = np.minimum(upto[group], end[:, None])
    low = np.maximum((upto - given)[group], (end - size)[:, None])
    return np.clip(high - low, 0.0, size[:, None])
