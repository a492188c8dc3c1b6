"""Probabilities of assignment, learned where the caller asks for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .arms import Arms
from .models import Bench
from .problem import UpliftProblem

SURE = 0.01  # probabilities are kept this far from 0 and 1: beyond, a few rows would outweigh the rest


def estimate_assignment(problem: UpliftProblem, bench: Bench) -> Arms:
    """Return the arms with probabilities that were learned from the features, on other folds.

    Each treatment is told from the control, and the odds give the shares of all arms.

    References
    ----------
    Begg & Gray (1984), Calculation of polychotomous logistic regression parameters, Biometrika 71.
    """
    odds = np.ones((len(problem), problem.arms.n_arms))
    everyone = np.arange(len(problem))
    for code in range(1, problem.arms.n_arms):
        pair = problem.pair(code)
        treated = pair.is_treated.astype(np.float64)
        for fold in range(problem.n_folds):
            train = np.flatnonzero(pair.fold != fold)
            model = bench.fit_mean(pair.rows[train], treated[train], pair.weight[train], "binary")
            unseen = everyone[problem.fold == fold]
            p = np.clip(model.predict(problem.matrix, unseen), SURE, 1 - SURE)
            odds[unseen, code] = p / (1 - p)
    probability = odds / odds.sum(axis=1, keepdims=True)
    probability.setflags(write=False)
    return replace(problem.arms, probability=probability)
