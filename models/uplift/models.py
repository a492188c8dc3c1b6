"""A fitted model as the learners handle it, and predictions for the rows that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..inputs.arrays import Floats
from ..plain_parts import ScorerPart, with_treatment
from .problem import Folds, Rows, UpliftProblem

PIECE = 16_384  # rows that are predicted at once: what is copied of the matrix is small beside it


@dataclass(frozen=True)
class Model:
    """A part, and the value of the treatment at which it is read.

    Parameters
    ----------
    part
        What predicts.
    treated
        1 or 0 where the part was trained with the treatment as its last column, else None.
    """

    part: ScorerPart
    treated: float | None = None

    def predict(self, matrix: Floats, rows: Rows) -> Floats:
        """Return predictions for some rows of a matrix, without copying more than a piece of it."""
        pieces = [rows[i : i + PIECE] for i in range(0, len(rows), PIECE)]
        return np.concatenate([self.part.predict(with_treatment(matrix[piece], self.treated)) for piece in pieces])


class Bench(Protocol):
    """Where models of one problem are fitted; made by the ``bench`` of `Trees` or `Linear`."""

    def fit_mean(self, rows: Rows, target: Floats, weight: Floats, kind: str) -> Model:
        """Return a model of the target's mean, given the features."""

    def fit_by_arm(self, rows: Rows, target: Floats, weight: Floats, kind: str, treated: Floats) -> tuple[Model, Model]:
        """Return one model of the target's mean, given features and treatment, read at 0 and at 1."""


class Base(Protocol):
    """What a learner is built over: `Trees` or `Linear`."""

    def bench(self, problem: UpliftProblem, seed: int, n_threads: int) -> Bench:
        """Return the place where models of a problem are fitted."""


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """Models trained without a fold, and what they say of that fold.

    Attributes
    ----------
    left_out
        (n_models, n) predictions for each row by models that have not seen it.
    models
        By fold, the models.
    """

    left_out: Floats
    models: Sequence[Sequence[Model]]


def cross_fit(fit: Callable[[Rows], Sequence[Model]], matrix: Floats, rows: Rows, fold: Folds) -> CrossFitted:
    """Return predictions for each row by models that were trained on the other folds.

    Parameters
    ----------
    fit
        From positions among ``rows`` to one or more models.
    matrix
        (N, columns) features.
    rows
        (n,) positions in the matrix.
    fold
        (n,) fold of each row.

    References
    ----------
    Chernozhukov et al. (2018), Double/debiased machine learning, Econometrics Journal 21.
    """
    models, out = [], np.empty((0, len(rows)))
    for left in range(int(fold.max()) + 1):
        fitted = fit(np.flatnonzero(fold != left))
        unseen = np.flatnonzero(fold == left)
        if not len(out):
            out = np.empty((len(fitted), len(rows)))
        for position, model in enumerate(fitted):
            out[position, unseen] = model.predict(matrix, rows[unseen])
        models.append(fitted)
    return CrossFitted(out, models)
