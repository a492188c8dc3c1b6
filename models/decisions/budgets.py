"""What a growing budget brings when several offers compete for each customer: the multi-armed Qini curve.

For every budget, customers get the arms that predicted gains and costs make best (`allocation_steps`); what that
really brings is measured with doubly-robust scores (`policy`) on customers the predictions were not learned from.
With one arm of equal cost this is the uplift curve of `qini`, its budget the share of customers contacted.

References
----------
Sverdrup, Wu, Athey & Wager (2023), Qini curves for multi-armed treatment rules, arXiv:2306.11979.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import pandas as pd

from penchant.errors import InputError, quoted

from ..evaluation.qini import PER_CUSTOMERS
from ..evaluation.qini_curves import pooled
from ..evaluation.ranking import Positions, first_of_ties
from ..inputs.arrays import Floats, Ints, refuse_lengths
from ..inputs.bootstrap import N_DRAWS, interval
from ..inputs.estimate import Estimate
from ..inputs.two_means import ArmSums, Stretch, kind_of_outcome, stretch_of
from ..uplift.trial import Assignment, Experiment, draw_customers, read_experiment
from .allocation import read_costs, read_gains
from .allocation_steps import best_steps
from .policy import AS_COUNTED, Stakes, profit_scores

LEAST_IN_ARM = 50  # customers: below it, draws do not say how far the gains may be off
SHARES = np.linspace(0.0, 1.0, 101)  # of the budget that gives every customer the best arm


@dataclass(frozen=True, eq=False)
class BudgetCurve:
    """What is gained over contacting nobody, by the budget spent.

    Attributes
    ----------
    budget
        (101,) spent per 1,000 customers, from 0 to what the best arm for everyone costs.
    gain
        (101,) outcome (or profit) per 1,000 customers over contacting nobody.
    low, high
        (101,) its 95 % interval at each budget.
    untargeted
        (101,) what the same budget brings when all customers are taken to be alike and the arms' measured average
        effects decide.
    over_untargeted
        Mean of the difference over all budgets: the multi-armed Qini coefficient. 0: targeting brings nothing.
    """

    budget: Floats
    gain: Floats
    low: Floats
    high: Floats
    untargeted: Floats
    over_untargeted: Estimate

    def at(self, budget: float) -> Estimate:
        """Return the gain at a budget per 1,000 customers; more than all can use brings no more.

        Raises
        ------
        InputError
            A negative budget.
        """
        if not budget >= 0:
            raise InputError("budget", "zero or more is needed", f"{budget:g}")
        return Estimate(*(float(np.interp(budget, self.budget, part)) for part in (self.gain, self.low, self.high)))


def budget_curve(
    y: Any,
    gain: Any,
    treatment: Any,
    cost: Any = 1.0,
    *,
    predicted: Any = None,
    stakes: Stakes = AS_COUNTED,
    n_draws: int = N_DRAWS,
    seed: int = 0,
    **assignment: Unpack[Assignment],
) -> BudgetCurve:
    """Return what allocation by predicted gains brings, by budget, with a 95 % band.

    Parameters
    ----------
    y, treatment, predicted, stakes, **assignment
        As in `policy_value`.
    gain
        Predicted gain of each treatment over no contact, as in `allocate`: what customers are ranked by.
    cost
        What giving an arm spends of the budget, as in `allocate`; it is not taken off the outcome (see
        ``stakes`` for that). Default: 1, the budget counts contacts.
    n_draws, seed
        Bootstrap draws of customers, inside their arm.

    Raises
    ------
    InputError
        Gains for other arms than the treatments, or as in `policy_value` and `allocate`.

    Examples
    --------
    >>> y, arm = [1, 0, 0, 3, 0, 0] * 50, ["mail", "call", "control"] * 100
    >>> found = budget_curve(y, {"call": [0, 0, 0, 1, 1, 1] * 50, "mail": [1, 1, 1, 2, 2, 2] * 50}, arm, n_draws=50)
    >>> [round(found.at(b).value) for b in (250, 500, 1000)]
    [750, 1500, 2000]
    """
    experiment = read_experiment(y, treatment, **assignment)
    gains = _read_gains(gain, experiment)
    costs = read_costs(cost, experiment.arms.names[1:], len(experiment))
    scores = profit_scores(experiment, predicted, stakes)
    order = np.lexsort((*scores.T, *gains.T, *costs.T))  # draws then do not depend on the order of the rows
    weight, gains, costs = experiment.weight[order], gains[order], costs[order]
    scores = scores[order]
    effect = weight @ (scores[:, 1:] - scores[:, :1]) / weight.sum()
    mean_cost = weight @ costs / weight.sum()
    effects, mean_costs = (np.tile(row, (len(scores), 1)) for row in (effect, mean_cost))
    paths = [_path(gains, costs, scores, weight), _path(effects, mean_costs, scores, weight)]
    budgets = SHARES * paths[0].parts[0].sum() / weight.sum()

    def read(counts: Ints | None) -> Floats:
        targeted, untargeted = (_gain(path, budgets, weight, counts) for path in paths)
        over = np.trapezoid(targeted - untargeted, SHARES)
        return PER_CUSTOMERS * np.concatenate([targeted, untargeted, [over]])

    customer = None if experiment.customer is None else experiment.customer[order]
    values = read(None)
    paths = [path.thinned() for path in paths]
    draws = [read(c) for c in draw_customers(experiment.arms.codes[order], customer, n_draws, seed)]
    drawn = np.array(draws).reshape(n_draws, len(values))
    stretch = _stretch(experiment)
    sides = [stretch.sides] * (len(values) - 1) + [stretch.even]
    found = [interval(v, d, stretch=side) for v, d, side in zip(values.tolist(), drawn.T, sides, strict=True)]
    low, high = np.array([(e.low, e.high) for e in found[: len(SHARES)]]).T
    return BudgetCurve(
        PER_CUSTOMERS * budgets,
        values[: len(SHARES)],
        low,
        high,
        untargeted=values[len(SHARES) : -1],
        over_untargeted=found[-1],
    )


def _stretch(experiment: Experiment) -> Stretch:
    """Return how much further than draws the numbers are to be taken to spread: as the least known treatment's."""
    kind = kind_of_outcome(experiment.y)
    weight = experiment.weight / experiment.arms.own_probability
    arms = [
        ArmSums.of(experiment.y[rows], weight[rows])
        for rows in (experiment.arms.codes == code for code in range(experiment.arms.n_arms))
    ]
    if min(np.bincount(experiment.arms.codes)) < LEAST_IN_ARM:
        return Stretch(np.nan, np.nan, np.nan)
    found = [stretch_of(arm, arms[0], kind) for arm in arms[1:]]
    return Stretch(*(max(getattr(one, name) for one in found) for name in ("even", "below", "above")))


@dataclass(frozen=True, eq=False)
class _Path:
    """Steps in the order in which a growing budget takes them.

    Attributes
    ----------
    customer
        (m,) whom a step is for.
    parts
        (2, m) what it costs, and what it really gains, both times the customer's weight.
    starts
        Where each distinct gain per cost starts: such steps are taken together.
    """

    customer: Positions
    parts: Floats
    starts: Positions

    def thinned(self, most: int = 5000) -> _Path:
        """Return the path with neighbouring steps pooled, for draws."""
        if len(self.starts) <= 2 * most:
            return self
        return _Path(self.customer, self.parts, pooled(self.starts, len(self.customer), most))


def _read_gains(gain: Any, experiment: Experiment) -> Floats:
    """Return (n, treatments) predicted gains in the order of the experiment's arms."""
    names, gains = read_gains(gain)
    refuse_lengths(len(experiment), gain=gains)
    arms = experiment.arms.names[1:]
    if not isinstance(gain, Mapping | pd.DataFrame):
        names = arms if len(names) == len(arms) else names
    if sorted(names) != sorted(arms):
        raise InputError("gain", f"one column for each of {quoted(arms)} is needed", quoted(names))
    return gains[:, [names.index(arm) for arm in arms]]


def _path(gains: Floats, costs: Floats, scores: Floats, weight: Floats) -> _Path:
    steps = best_steps(gains, costs)
    real = scores[steps.customer, steps.after] - scores[steps.customer, steps.before]
    parts = weight[steps.customer] * np.vstack([steps.cost, real])
    starts = first_of_ties(steps.worth) if len(steps.customer) else np.zeros(0, dtype=np.intp)
    return _Path(steps.customer, parts, starts)


def _gain(path: _Path, budgets: Floats, weight: Floats, counts: Ints | None) -> Floats:
    """Return the real gain per customer at some budgets per customer."""
    if not len(path.starts):
        return np.zeros(len(budgets))
    parts = path.parts if counts is None else path.parts * counts[path.customer]
    n = weight.sum() if counts is None else (weight * counts).sum()  # a dot product would start threads
    spent, gained = np.cumsum(np.add.reduceat(parts, path.starts, axis=1), axis=1) / n
    return np.interp(budgets, np.append(0.0, spent), np.append(0.0, gained))
