"""Bounds of the effect among the best-scored customers that hold with a handful of controls as well."""

from __future__ import annotations

import numpy as np

from ..inputs.arrays import Floats
from ..inputs.bootstrap import LEVEL
from ..inputs.two_means import ArmSums, Stretch, design_effect, difference_bounds, kind_of_outcome, stretch_of
from ..uplift.trial import Trial
from .qini_curves import Ranked
from .ranking import Positions


def gain_bounds(trial: Trial, ranked: Ranked, depths: Floats, level: float = LEVEL) -> tuple[Floats, Floats, Floats]:
    """Return the curve at some depths with its bounds, outcome per customer of all; NaN where an arm is missing.

    Parameters
    ----------
    trial, ranked
        The customers, and their order by one score.
    depths
        (k,) shares of all customers, 0 to 1.
    """
    ends = _ends(ranked)
    passed = np.cumsum(ranked.parts[0])[ends - 1]
    share = passed / passed[-1]
    after = np.minimum(np.searchsorted(share, depths * (1 - 1e-12)), len(ends) - 1)
    wanted, place = np.unique(np.concatenate([after, np.maximum(after - 1, 0)]), return_inverse=True)
    treated, control = sums_between(trial, ranked, np.zeros(len(wanted), dtype=np.intp), ends[wanted])
    found = np.array(difference_bounds(treated, control, kind_of_outcome(trial.y), level)) * share[wanted]
    at, before = found[:, place[: len(depths)]], found[:, place[len(depths) :]].copy()
    starts = np.where(after > 0, share[np.maximum(after - 1, 0)], 0.0)
    from_nothing = (after == 0) | np.isnan(before[0])
    before[:, from_nothing], starts[from_nothing] = 0.0, 0.0
    step = share[after] - starts
    part = np.divide(depths - starts, step, out=np.ones(len(depths)), where=step > 0)
    value, low, high = np.where(depths > 0, before + np.clip(part, 0.0, 1.0) * (at - before), 0.0)
    return value, low, high


def stretch_of_trial(trial: Trial) -> Stretch:
    """Return how much further than draws of a trial's customers its numbers are to be taken to spread."""
    y = _outcome(trial)
    treated, control = (
        ArmSums.of(y[rows], trial.weight[rows] / p[rows])
        for rows, p in ((trial.is_treated, trial.p_treated), (~trial.is_treated, 1 - trial.p_treated))
    )
    return stretch_of(treated, control, kind_of_outcome(trial.y))


def _outcome(trial: Trial) -> Floats:
    """Return the outcomes; zeros where all are alike, so that rounding makes no effect of them."""
    y = trial.y
    return y - y[0] if kind_of_outcome(y) == "number" and (y == y[0]).all() else y


def _ends(ranked: Ranked) -> Positions:
    """Return how many rows there are up to the end of each distinct score."""
    n = len(ranked.order)
    return np.arange(1, n + 1) if ranked.starts is None else np.append(ranked.starts[1:], n)


def sums_between(trial: Trial, ranked: Ranked, starts: Positions, ends: Positions) -> tuple[ArmSums, ArmSums]:
    """Return the sums of each arm over rows in the order of the score, from each start up to each end."""
    y = _outcome(trial)[ranked.order]
    arms = []
    for weight in (ranked.parts[1], ranked.parts[3]):
        rows = np.vstack([weight, weight**2, weight * (y != 0), weight * y, weight * y**2])
        passed = np.cumsum(np.hstack([np.zeros((len(rows), 1)), rows]), axis=1)
        sums = ArmSums(*(passed[:, ends] - passed[:, starts]))
        if trial.customer is not None:
            sums = sums.clustered(_designs(trial, ranked, (starts, ends), weight, sums.mean))
        arms.append(sums)
    return arms[0], arms[1]


def _designs(trial: Trial, ranked: Ranked, spans: tuple[Positions, Positions], weight: Floats, means: Floats) -> Floats:
    """Return by how much customers with several rows raise the variance of each mean."""
    y, customer = _outcome(trial)[ranked.order], np.asarray(trial.customer)[ranked.order]
    return np.array([
        design_effect(weight[a:b] * (y[a:b] - mean), customer[a:b]) for a, b, mean in zip(*spans, means, strict=True)
    ])  # fmt: skip
