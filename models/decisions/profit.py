"""How many customers to contact: profit by depth, the best depth, and customers whom a contact puts off.

Built on the doubly-robust scores of `policy`, on customers that the ranking was not learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from ..evaluation.outcome_scores import weighted_mean
from ..evaluation.qini import GRID, PER_CUSTOMERS, UpliftCurve
from ..evaluation.qini_bounds import stretch_of_trial
from ..evaluation.ranking import falling, first_of_ties
from ..inputs.arrays import Floats, Ints, read_by_arm
from ..inputs.bootstrap import LEVEL, N_DRAWS, interval
from ..inputs.estimate import Estimate
from ..uplift.arms import Arms, read_arms
from ..uplift.trial import Experiment, Trial, TrialDesign, draw_customers, read_trial
from .policy import AS_COUNTED, Stakes, treat_top

BOTTOM_SHARES = np.arange(1, 11) / 20  # 5 %, 10 % ... 50 % of the customers, the lowest scored


@dataclass(frozen=True, eq=False)
class ProfitCurve:
    """Profit by the share of customers contacted, best-scored first.

    Attributes
    ----------
    curve
        Profit per 1,000 customers against contacting nobody, at depths 0 to 1, with its 95 % band.
    best_depth
        The share contacted at which the profit is highest. 0: contact nobody.
    best_profit
        Profit there per 1,000 customers. The highest point of a noisy curve lies too high; what the draws show
        of that is taken off.
    over_everyone
        The same less the profit of contacting everyone.
    """

    curve: UpliftCurve
    best_depth: Estimate
    best_profit: Estimate
    over_everyone: Estimate

    def __str__(self) -> str:
        """Return the advice in a sentence."""
        everyone = self.curve.at(1.0)
        if self.best_depth.value == 0 or self.best_profit.high <= 0:
            return f"contact nobody: contacting everyone brings {everyone:.4g} per 1,000 customers"
        sure = "" if self.best_profit.low > 0 else ", not clear of zero"
        return (
            f"contact the best {self.best_depth:.0%}: {self.best_profit:.4g} per 1,000 customers{sure}; "
            f"contacting everyone brings {everyone:.4g}"
        )


@dataclass(frozen=True)
class SleepingDogs:
    """Whether the lowest-scored customers are put off by a contact.

    Attributes
    ----------
    found
        Whether the evidence is beyond noise: the upper bound below zero, all shares looked at together.
    share
        The largest share of customers, from the bottom, of which this can be said; else the one nearest to it.
    score
        Customers with this score or less are meant.
    effect
        What contacting changes among them, per 1,000 of them; the interval holds for all shares together.
    """

    found: bool
    share: float
    score: float
    effect: Estimate

    def __str__(self) -> str:
        """Return the finding in a sentence."""
        if not self.found:
            return "no sleeping dogs beyond noise"
        return (
            f"the lowest-scored {self.share:.0%} are put off: contacting changes {self.effect:.3g} "
            f"per 1,000 of them; leave out scores of {self.score:.4g} or less"
        )


def profit_curve(
    y: Any,
    uplift: Any,
    treatment: Any,
    *,
    predicted: Any = None,
    stakes: Stakes = AS_COUNTED,
    n_draws: int = N_DRAWS,
    seed: int = 0,
    **design: Unpack[TrialDesign],
) -> ProfitCurve:
    """Return the profit of contacting the best-scored customers, by how many, and the best depth.

    Parameters
    ----------
    uplift
        (n,) the score that customers are ranked by. Where worth or cost differ by customer, pass the expected
        profit (``value * uplift - cost``) rather than the uplift.
    y, treatment, predicted, stakes
        As in `policy_value`.
    n_draws, seed
        Bootstrap draws of customers, inside their arm.
    **design
        Probabilities of assignment, the arm that is meant, weights, repeated customers: see `Design`.

    Raises
    ------
    InputError
        As in `policy_value`, or several treatments without ``arm``.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 17 (optimism of a chosen maximum).

    Examples
    --------
    >>> y, treated = [1, 0, 0, 0] * 200, [1, 0, 1, 0] * 200
    >>> found = profit_curve(y, [2, 2, 1, 1] * 200, treated, stakes=Stakes(value=10, cost=1), n_draws=50)
    >>> found.best_depth.value, round(found.curve.at(1.0).value)
    (0.5, 4000)
    """
    trial, effect = _effects(y, uplift, treatment, (predicted, stakes), design)
    curve, draws = _curves(trial, effect, GRID, n_draws, seed)
    best = int(np.argmax(curve))
    drawn_best = draws.argmax(axis=1)
    optimism = float(np.mean(draws.max(axis=1) - curve[drawn_best])) if n_draws else 0.0
    profit = float(curve[best]) - optimism
    stretch = stretch_of_trial(trial)
    band = _band(trial, effect)
    bounds = np.quantile(GRID[drawn_best], [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if n_draws else [np.nan] * 2
    return ProfitCurve(
        UpliftCurve(GRID, curve, *band),
        best_depth=Estimate(float(GRID[best]), float(bounds[0]), float(bounds[1])),
        best_profit=interval(profit, draws[:, best], stretch=stretch.sides),
        over_everyone=interval(profit - float(curve[-1]), draws[:, best] - draws[:, -1], stretch=stretch.even),
    )


def sleeping_dogs(
    y: Any,
    uplift: Any,
    treatment: Any,
    *,
    predicted: Any = None,
    n_draws: int = N_DRAWS,
    seed: int = 0,
    **design: Unpack[TrialDesign],
) -> SleepingDogs:
    """Say whether the lowest-scored customers are put off by a contact, beyond noise.

    Shares of 5 % to 50 % from the bottom are looked at together: with no effect anywhere, one of them is
    named in 2.5 of 100 trials. Parameters and errors as in `profit_curve`.

    References
    ----------
    Romano & Wolf (2005), Stepwise multiple testing as formalized data snooping (bounds by the largest t).
    """
    trial, effect = _effects(y, uplift, treatment, (predicted, AS_COUNTED), design)
    tops = 1 - BOTTOM_SHARES[::-1]
    gains, draws = _curves(trial, effect, np.append(tops, 1.0), n_draws, seed)
    bottom = ((gains[-1:] - gains[:-1]) / (1 - tops))[::-1]
    drawn = ((draws[:, -1:] - draws[:, :-1]) / (1 - tops))[:, ::-1]
    spread = drawn.std(axis=0, ddof=1) if n_draws > 1 else np.full(len(bottom), np.inf)
    moved = np.divide(bottom - drawn, spread, out=np.zeros_like(drawn), where=spread > 0)
    reach = float(np.quantile(moved.max(axis=1), (1 + LEVEL) / 2)) if n_draws > 1 else 1.0
    half = reach * max(stretch_of_trial(trial).sides) * spread
    below = np.flatnonzero(bottom + half < 0)
    chosen = int(below[-1]) if len(below) else int(np.argmin(bottom + half))
    share = float(BOTTOM_SHARES[chosen])
    return SleepingDogs(
        bool(len(below)),
        share,
        _score_at(trial, share),
        Estimate(float(bottom[chosen]), *(float(bottom[chosen] + s * half[chosen]) for s in (-1, 1))),
    )


def _effects(y: Any, uplift: Any, treatment: Any, how: tuple[Any, Stakes], design: TrialDesign) -> tuple[Trial, Floats]:
    """Return the trial and each customer's doubly-robust profit of being contacted, per 1,000."""
    predicted, stakes = how
    arms = read_arms(treatment, design.get("p_treatment"), design.get("control"))
    arm = design.get("arm")
    code = arms.names.index(arm) if arm in arms.names else 1
    value, cost = stakes.by_arm(arms.names, len(arms))
    columns = {"uplift": uplift, "value": value[:, code], "value of control": value[:, 0]}
    columns["cost"] = cost[:, code]
    if predicted is not None:
        mu = read_by_arm("predicted", predicted, arms.names, len(arms))
        columns |= {"treated": mu[:, code], "control": mu[:, 0]}
    trial = read_trial(y, columns, treatment, **design)
    worth, control_worth, price, *means = trial.scores[1:]
    t, p = trial.is_treated, trial.p_treated
    treated, control = trial.weight * t / p, trial.weight * ~t / (1 - p)
    mu_t, mu_c = means or (treated @ trial.y / treated.sum(), control @ trial.y / control.sum())
    effect = worth * (mu_t + t / p * (trial.y - mu_t)) - price
    return trial, PER_CUSTOMERS * (effect - control_worth * (mu_c + ~t / (1 - p) * (trial.y - mu_c)))


def _curves(trial: Trial, effect: Floats, depths: Floats, n_draws: int, seed: int) -> tuple[Floats, Floats]:
    """Return the cumulated effect at some depths, on all customers (k,) and in each draw (n_draws, k)."""
    order = falling(trial.scores[0])
    starts = first_of_ties(trial.scores[0][order])
    parts = trial.weight[order] * np.vstack([np.ones(len(order)), effect[order]])

    def read(counts: Ints | None) -> Floats:
        drawn = parts if counts is None else parts * counts[order]
        passed, gained = np.cumsum(np.add.reduceat(drawn, starts, axis=1), axis=1)
        return np.interp(depths, np.append(0.0, passed / passed[-1]), np.append(0.0, gained / passed[-1]))

    draws = [read(counts) for counts in draw_customers(trial.is_treated, trial.customer, n_draws, seed)]
    return read(None), np.array(draws).reshape(n_draws, len(depths))


def _band(trial: Trial, effect: Floats) -> tuple[Floats, Floats]:
    """Return the bounds of the cumulated effect at each depth of the grid, (101,) each."""
    shares = np.column_stack([1 - trial.p_treated, trial.p_treated])
    arms = Arms(trial.is_treated.astype(np.int8), ("control", "treated"), shares)
    experiment = Experiment(trial.y, arms, trial.weight, trial.customer)
    worth = np.where(trial.is_treated, trial.scores[1], -trial.scores[2])
    bounds = np.zeros((2, len(GRID)))
    for i, depth in enumerate(GRID[1:], start=1):
        part = treat_top(trial.scores[0], float(depth), trial.weight)
        found = weighted_mean(part * effect / PER_CUSTOMERS, experiment, part * worth)
        bounds[:, i] = found.low, found.high
    return bounds[0], bounds[1]


def _score_at(trial: Trial, share: float) -> float:
    """Return the score below which (it included) the lowest share of customers lies."""
    order = falling(trial.scores[0])[::-1]
    passed = np.cumsum(trial.weight[order])
    return float(trial.scores[0][order][np.searchsorted(passed, share * passed[-1] * (1 - 1e-12))])
