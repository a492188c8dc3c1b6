"""Ridge and logistic models over numbers, flags of missing values and categories, read in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from penchant.errors import InputError

from ..estimators.linear import Spreading, design_of, linear_part, logistic, spreads_of
from ..inputs.arrays import Floats
from .models import Model
from .problem import Folds, Rows, UpliftProblem

ROWS_AT_ONCE = 8_192  # what is copied of them stays in the cache, and small beside the matrix
IDENTITY, LOGISTIC = "identity", "logistic"
SAMPLE = 100_000  # rows that quantiles and means are read from
SPREADING = Spreading(clip=(0.01, 0.99), most_categories=30, keeps_rare=True)
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # per row, for columns of variance 1
N_PARTS = 5  # pieces of the rows on which the penalty is chosen
LEAST_HELD = 1e-3  # of a slope that is not held, beside 1: keeps columns of about one size
INTERACTION_PENALTY = 3.0  # how much harder effects of the treatment are held than those of a feature


@dataclass
class Linear(BaseEstimator):
    """Ridge for amounts and effects, logistic regression for binary outcomes.

    Parameters
    ----------
    penalty
        L2 penalty per row on the slopes of columns of variance 1. None: chosen from 0.003 to 30 by the error
        on left-out rows.
    """

    penalty: float | None = None

    def __post_init__(self) -> None:
        """Refuse a penalty that would reward large slopes."""
        if self.penalty is not None and not self.penalty >= 0:
            raise InputError("penalty", "zero or more", f"{self.penalty:g}")

    def bench(self, problem: UpliftProblem, seed: int, n_threads: int) -> LinearBench:
        """Return the place where models of a problem are fitted."""
        self.__post_init__()  # a search may have set another
        return LinearBench(self, problem)


class LinearBench:
    """The columns' spread, learned once, and the fits over it.

    Parameters
    ----------
    linear
        The penalty.
    problem
        Whose matrix is read, in pieces.
    """

    def __init__(self, linear: Linear, problem: UpliftProblem) -> None:
        self.linear, self.matrix = linear, problem.matrix
        sample = problem.matrix[:: max(1, len(problem) // SAMPLE)]
        positions = problem.columns.category_positions
        self.spreads = spreads_of(sample, positions, np.ones(len(sample)), SPREADING)

    def fit_mean(self, rows: Rows, target: Floats, weight: Floats, kind: str) -> Model:
        """Return a ridge model of the target's mean, logistic where ``kind`` is "binary"."""
        link = _link(target, kind)
        return self._models(self._solve(rows, target, weight, link, None), link)[0]

    def fit_by_arm(self, rows: Rows, target: Floats, weight: Floats, kind: str, treated: Floats) -> tuple[Model, Model]:
        """Return one model with slopes that the treatment may change, read at control and at treatment."""
        link = _link(target, kind)
        control, treatment = self._models(self._solve(rows, target, weight, link, treated), link)
        return control, treatment

    def left_out(self, rows: Rows, target: Floats, weight: Floats, fold: Folds) -> tuple[Floats, list[Model]]:
        """Return ridge predictions for each row by slopes from the other folds, and the model of each.

        The rows are read once for all folds and penalties.
        """
        moments = self._moments(rows, target, weight, fold, None)
        found = [self._ridge(moments.without(left)) for left in range(len(moments.gram))]
        out = np.empty(len(rows))
        for piece, design in self._pieces(rows, None):
            out[piece] = np.einsum("ij,ji->i", design, np.array(found).T[:, fold[piece]])
        return out, [self._models(slopes, IDENTITY)[0] for slopes in found]

    def design(self, rows: Rows, treated: Floats | None) -> Floats:
        """Return (n, 1 + columns): ones, the spread columns and, with a treatment, their products with it."""
        main = np.column_stack([np.ones(len(rows)), design_of(self.spreads, self.matrix[rows])])
        return main if treated is None else np.hstack([main, main * (treated - 0.5)[:, None]])

    def _pieces(self, rows: Rows, treated: Floats | None) -> Iterator[tuple[slice, Floats]]:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            piece = slice(start, start + ROWS_AT_ONCE)
            yield piece, self.design(rows[piece], None if treated is None else treated[piece])

    def _solve(self, rows: Rows, target: Floats, weight: Floats, link: str, treated: Floats | None) -> Floats:
        fold = (np.arange(len(rows)) % N_PARTS).astype(np.int16)
        moments = self._moments(rows, target, weight, fold, treated)
        if link == IDENTITY:
            return self._ridge(moments)
        return self._logistic(rows, target, weight, treated, self._penalty(moments))

    def _moments(self, rows: Rows, target: Floats, weight: Floats, fold: Folds, treated: Floats | None) -> Moments:
        n_folds = int(fold.max()) + 1
        scaled = weight / weight.mean()
        gram: Any = [0.0] * n_folds
        cross: Any = [0.0] * n_folds
        square = np.bincount(fold, weights=scaled * target**2, minlength=n_folds)
        for piece, design in self._pieces(rows, treated):
            for part in range(n_folds):
                own = fold[piece] == part
                held = design[own] * scaled[piece][own, None]
                gram[part] = gram[part] + held.T @ design[own]
                cross[part] = cross[part] + held.T @ target[piece][own]
        return Moments(np.array(gram), np.array(cross), np.asarray(square, dtype=np.float64), self._held(treated))

    def _held(self, treated: Floats | None) -> Floats:
        """Return how hard each slope is held: intercepts not at all."""
        main = np.concatenate([[0.0], np.ones(sum(map(len, self.spreads)))])
        return main if treated is None else np.concatenate([main, main * INTERACTION_PENALTY])

    def _penalty(self, moments: Moments) -> float:
        return moments.best_penalty() if self.linear.penalty is None else self.linear.penalty

    def _ridge(self, moments: Moments) -> Floats:
        return moments.slopes(self._penalty(moments))

    def _logistic(self, rows: Rows, target: Floats, weight: Floats, treated: Floats | None, penalty: float) -> Floats:
        """Return logistic slopes; a ridge's penalty, times the outcome's variance, holds them alike."""
        rate = float(np.clip(np.average(target, weights=weight), 1e-6, 1 - 1e-6))
        shrunk = np.sqrt(np.maximum(self._held(treated)[1:], LEAST_HELD))  # columns made smaller are held harder
        design = self.design(rows, treated)[:, 1:]
        design /= shrunk
        found = logistic(design, target, weight, penalty * rate * (1 - rate) * len(rows))
        return np.append(found[0], found[1:] / shrunk)

    def _models(self, slopes: Floats, link: str) -> list[Model]:
        """Return the slopes as one model, or as two where they hold products with the treatment."""
        n = len(self._held(None))
        if len(slopes) == n:
            return [self._model(slopes, link)]
        return [self._model(slopes[:n] + (value - 0.5) * slopes[n:], link) for value in (0.0, 1.0)]

    def _model(self, slopes: Floats, link: str) -> Model:
        return Model(linear_part(self.spreads, slopes[0], slopes[1:], link))


@dataclass(frozen=True, eq=False)
class Moments:
    """Weighted sums over the rows of each fold: all that a ridge needs to know.

    Parameters
    ----------
    gram
        (folds, q, q) of the design.
    cross
        (folds, q) of the design and the target.
    square
        (folds,) of the target.
    held
        (q,) how hard each slope is held.
    """

    gram: Floats
    cross: Floats
    square: Floats
    held: Floats

    def without(self, fold: int) -> Moments:
        """Return the moments of the other folds; a single fold left is all there is to choose a penalty on."""
        keep = np.arange(len(self.gram)) != fold
        return Moments(self.gram[keep], self.cross[keep], self.square[keep], self.held)

    def slopes(self, penalty: float) -> Floats:
        """Return the ridge's slopes over all folds."""
        return _ridge(self.gram.sum(axis=0), self.cross.sum(axis=0), penalty, self.held)

    def best_penalty(self) -> float:
        """Return the penalty with the least error on left-out folds; the middle one where there is one fold."""
        if len(self.gram) == 1:
            return 1.0
        errors = []
        for penalty in PENALTIES:
            error = 0.0
            for fold in range(len(self.gram)):
                slopes = self.without(fold).slopes(penalty)
                gram, cross = self.gram[fold], self.cross[fold]
                error += self.square[fold] - 2 * slopes @ cross + slopes @ gram @ slopes
            errors.append(error)
        return PENALTIES[int(np.argmin(errors))]


def _ridge(gram: Floats, cross: Floats, penalty: float, held: Floats) -> Floats:
    n_rows = gram[0, 0]  # the first column of the design is ones
    return np.asarray(np.linalg.solve(gram + np.diag(held * penalty * n_rows + 1e-9 * n_rows), cross))


def _link(target: Floats, kind: str) -> str:
    """Return the scale on which slopes add up; outcomes that are all alike have no log-odds."""
    return LOGISTIC if kind in ("binary", "rate") and (target != target[0]).any() else IDENTITY
