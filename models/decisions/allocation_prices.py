r"""Allocation under several limits at once: a price for each limit, and the few customers that prices leave open.

With a price :math:`\lambda_r` on every limit, each customer simply takes the arm with the highest gain less its
prices. Any prices give an upper bound on what can be gained,

.. math::  D(\lambda) = \sum_r \lambda_r b_r + \sum_i \max(0, \max_j g_{ij} - \sum_r \lambda_r a_{rij}),

and the lowest bound is the optimum. Prices start from a sample of the customers; near them most customers'
choice is settled, and the bound is lowered over the others alone, by cutting planes. At the right prices a few
customers are indifferent: a small linear programme divides what is left among them. What it finds is compared
with the bound, so that the optimum is proven and not assumed.

References
----------
Everett (1963), Generalized Lagrange multiplier method, Operations Research 11.
Kelley (1960), The cutting-plane method for solving convex programs, SIAM Journal 8.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from ..inputs.arrays import Floats
from .allocation_problem import AllocationProblem, divide

TOLERANCE = 1e-7  # of the optimum: the solver's own
SAMPLE_OF = 8  # a sample holds one of so many customers
SMALL = 1500  # groups of alike customers that are given to the solver whole
OPEN = 500  # moves that lowered prices leave open at first
REACH = 10.0  # prices from a sample of m are trusted within this over the root of m
NEAR = 1e-8  # of the bound: where lowering it ends
MOST_CUTS = 400


def solve(problem: AllocationProblem) -> tuple[Floats, Floats, float]:
    """Return the optimum of the relaxed problem.

    Returns
    -------
    given, prices, bound
        (n, k) customers of each group that get each arm, at most a few of them parts of one; the price of each
        limit, not negative; and the upper bound that proves the optimum.
    """
    n_all = problem.gain.size + len(problem)
    if len(problem) <= SMALL:
        prices, n_open = np.zeros(len(problem.most)), n_all
    else:
        prices, n_open = _lowered(problem, solve(_sample(problem))[1]), OPEN
    while True:
        found = divide(problem, prices, n_open)
        if found is not None:
            given, new = found
            value = float((given * np.maximum(problem.gain, 0.0)).sum())
            bound, new_bound = problem.best(prices)[1], problem.best(new)[1]
            prices, bound = (new, new_bound) if new_bound < bound else (prices, bound)
            if n_open >= n_all or bound - value <= TOLERANCE * max(value, float(problem.gain.max())):
                return given, prices, bound
        n_open *= 4


def _sample(problem: AllocationProblem) -> AllocationProblem:
    """Return every eighth customer, and an eighth of the limits."""
    passed = np.cumsum(problem.size)
    size = np.diff(passed // SAMPLE_OF, prepend=0.0)
    held = size > 0
    share = float(size.sum() / passed[-1])
    return AllocationProblem(problem.gain[held], problem.cost[held], problem.members, problem.most * share, size[held])


def _lowered(problem: AllocationProblem, prices: Floats) -> Floats:
    """Return the prices of the lowest bound, found in boxes around prices that are nearly right."""
    reach = REACH * np.sqrt(SAMPLE_OF / len(problem)) * np.maximum(prices, _usual_prices(problem))
    while True:
        low, high = np.maximum(prices - reach, 0.0), prices + reach
        new = _lowest(_unsettled(problem, prices, reach), low, high)
        is_inside = ((new > low) | (new == 0)) & (new < high)
        if is_inside.all() or problem.best(new)[1] >= problem.best(prices)[1]:
            return new
        prices = new


def _usual_prices(problem: AllocationProblem) -> Floats:
    """Return the mean gain for one unit of each limit, as a measure of what its price may be."""
    mean = float(np.maximum(problem.gain, 0.0).mean())
    usual = np.full(len(problem.most), mean)
    if problem.has_budget:
        usual[0] = mean / (float(problem.cost.mean()) or 1.0)
    return usual


def _unsettled(problem: AllocationProblem, prices: Floats, reach: Floats) -> AllocationProblem:
    """Return the groups whose choice may change within reach of the prices, and what the others leave."""
    net = problem.net(prices)
    here, best = np.arange(len(net)), net.argmax(axis=1)
    lead = net[here, best][:, None] - net
    lead[here, best] = np.inf
    for taken, within in zip(_takes(problem), reach, strict=True):
        lead -= within * np.abs(np.broadcast_to(taken, net.shape)[here, best][:, None] - taken)
    is_open = (lead <= 0).any(axis=1)
    left = problem.left(best, problem.size * ~is_open)
    return AllocationProblem(problem.gain[is_open], problem.cost[is_open], problem.members, left, problem.size[is_open])


def _takes(problem: AllocationProblem) -> list[Floats]:
    """Return what each choice takes of each limit, (n, k + 1) or (1, k + 1)."""
    tables = [problem.cost] if problem.has_budget else []
    tables += [member[None, :] for member in problem.members]
    return [np.pad(table, ((0, 0), (1, 0))) for table in tables]


def _lowest(problem: AllocationProblem, low: Floats, high: Floats) -> Floats:
    """Return the prices of the lowest bound in a box, by cutting planes, as near as the final step needs."""
    prices, best, best_bound, gap = (low + high) / 2, low, np.inf, np.inf
    slopes: list[Floats] = []
    heights: list[float] = []
    for _ in range(MOST_CUTS):
        choice, bound = problem.best(prices)
        slope = problem.left(choice, problem.size)
        if bound < best_bound:
            best, best_bound = prices, bound
        slopes.append(slope * (high - low))
        heights.append(bound - float(slope @ (prices - low)))
        step, lower = _lowest_of_planes(np.array(slopes), np.array(heights) - best_bound)
        prices = low + step * (high - low)
        last, gap = gap, -lower
        if gap <= NEAR * abs(best_bound) or gap == last:  # or the solver's precision is reached
            break
    return best


def _lowest_of_planes(slopes: Floats, heights: Floats) -> tuple[Floats, float]:
    """Return where in the unit cube the highest of some planes is lowest, and how high it is there."""
    scale = float(np.abs(slopes).max()) or 1.0
    k = slopes.shape[1]
    found = linprog(
        np.append(np.zeros(k), 1.0),
        A_ub=np.column_stack([slopes / scale, -np.ones(len(slopes))]),
        b_ub=-heights / scale,
        bounds=[*[(0, 1)] * k, (None, None)],
    )
    return found.x[:-1], float(found.fun * scale)
