"""Outcome models by arm, and the scores of single customers that effects are learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..inputs.arrays import Floats
from .models import Bench, Model, cross_fit
from .problem import Pair, Rows, UpliftProblem

MOST_FOR_EXPECTATIONS = 200_000  # rows: an expectation takes noise off scores, and more rows take hardly more of it


class OutcomeModels:
    """One model of the mean outcome for each arm; the control's serves all treatments.

    Parameters
    ----------
    problem, bench
        What is learned, and where.
    """

    def __init__(self, problem: UpliftProblem, bench: Bench) -> None:
        self.problem, self.bench = problem, bench
        self._known: dict[tuple[int, int | None], Model] = {}

    def model(self, code: int, left_out: int | None = None) -> Model:
        """Return the model of an arm, trained on all its rows or without one fold."""
        p = self.problem
        if (code, left_out) not in self._known:
            rows = np.flatnonzero((p.arms.codes == code) & (p.fold != (-1 if left_out is None else left_out)))
            self._known[code, left_out] = self.bench.fit_mean(rows, p.y[rows], p.weight[rows], p.outcome)
        return self._known[code, left_out]

    def left_out(self, code: int, rows: Rows) -> Floats:
        """Return what an arm's models say of some rows that they have not seen."""
        p = self.problem
        said = np.empty(len(rows))
        for fold in range(p.n_folds):
            own = np.flatnonzero(p.fold[rows] == fold)
            if len(own):
                said[own] = self.model(code, fold).predict(p.matrix, rows[own])
        return said


@dataclass(frozen=True, eq=False)
class Scores:
    """A number for each customer whose mean, among customers alike, is their uplift.

    Attributes
    ----------
    value
        (n,) scores, in units of the outcome; far noisier than the uplift itself.
    weight
        (n,) weights with which they are to be averaged.
    """

    value: Floats
    weight: Floats

    @property
    def mean(self) -> float:
        """The average effect."""
        return float(np.average(self.value, weights=self.weight))


def response(problem: UpliftProblem, pair: Pair, bench: Bench) -> Floats:
    """Return the mean outcome given the features, treated or not, for rows that the models have not seen."""

    def fit(train: Rows) -> list[Model]:
        if len(train) > MOST_FOR_EXPECTATIONS:
            train = np.sort(np.random.default_rng(0).choice(train, MOST_FOR_EXPECTATIONS, replace=False))
        rows, y, weight = pair.rows[train], pair.y[train], pair.weight[train]
        return [bench.fit_mean(rows, y, weight, pair.outcome)]

    return cross_fit(fit, problem.matrix, pair.rows, pair.fold).left_out[0]


def doubly_robust(pair: Pair, at_control: Floats, at_treatment: Floats) -> Scores:
    """Return doubly robust scores: unbiased if the probabilities or the outcome models are right.

    Parameters
    ----------
    pair
        The two-armed problem.
    at_control, at_treatment
        (n,) expected outcomes by models that have not seen the row.

    References
    ----------
    Robins, Rotnitzky & Zhao (1994), JASA 89; Kennedy (2023), Towards optimal doubly robust estimation of
    heterogeneous causal effects, Electronic Journal of Statistics 17.
    """
    expected = (1 - pair.p) * at_treatment + pair.p * at_control
    factor = (pair.is_treated - pair.p) / (pair.p * (1 - pair.p))
    # the same as the usual form mu1 - mu0 + residual / probability, for each arm
    return Scores(factor * (pair.y - expected), pair.weight)


def residual_scores(pair: Pair, expected: Floats) -> Scores:
    """Return the scores whose weighted mean solves the R-loss.

    Parameters
    ----------
    pair
        The two-armed problem.
    expected
        (n,) mean outcome given the features, treated or not, by models that have not seen the row.

    References
    ----------
    Robinson (1988), Econometrica 56; Nie & Wager (2021), Quasi-oracle estimation of heterogeneous treatment
    effects, Biometrika 108.
    """
    surprise = pair.is_treated - pair.p
    return Scores((pair.y - expected) / surprise, pair.weight * surprise**2)
