"""Why a row got its score: each column's contribution, and the columns that raised it most."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from ..estimators.propensity import PropensityModel
from ..estimators.sklearn_model import SklearnModel
from ..estimators.value import ValueModel
from ..inputs.arrays import Floats
from ..inputs.frames import read_new_table
from ..plain_parts import LinearPart, TreesPart, threads_for
from ..plain_scorer import Scorer

ExplainedModel = PropensityModel | ValueModel | SklearnModel
CHUNK = 20_000  # rows explained at a time: contributions take (columns + 1) x 8 bytes a row
STRANGE_CHUNK = 1_250  # of rows with unknown values, each of which is explained 16 times


def contributions(model: ExplainedModel, X: Any) -> Floats:
    """Return what each column adds to each row's log-odds, shape (n, columns + 1); the last is the base.

    A row's contributions add up to the model's log-odds, before calibration. Of a value model they add up to the log of
    the amount, and with two parts to that and the log-odds of buying. Where a value is unknown, its column gets what is
    left of the mean over its usual values. Those of a foreign estimator do not add up (`SklearnModel.contributions`).

    References
    ----------
    Lundberg et al. (2020), From local explanations to global understanding with explainable AI for trees
    (TreeSHAP, as LightGBM computes it).
    """
    if isinstance(model, SklearnModel):
        return model.contributions(X)
    check_is_fitted(model)
    matrix = read_new_table(model, X, model.columns_)
    scorer = model.scorer_
    added = np.empty((len(matrix), matrix.shape[1] + 1))
    for start in range(0, len(matrix), CHUNK):
        rows = slice(start, start + CHUNK)
        added[rows] = added_by(scorer, matrix[rows])
    unknown = scorer.inputs.unknown(matrix)
    strange = np.flatnonzero(np.logical_or.reduce([*unknown.values(), np.zeros(len(matrix), dtype=bool)]))
    for start in range(0, len(strange), STRANGE_CHUNK):
        rows_of = strange[start : start + STRANGE_CHUNK]
        added[rows_of] = mean_added(scorer, matrix[rows_of])
    return added


def added_by(scorer: Scorer, matrix: Floats) -> Floats:
    """Return the contributions of rows, whatever is known of them."""
    added = np.zeros((len(matrix), matrix.shape[1] + 1))
    for output in scorer.outputs:
        added[:, -1] += output.constant
        for term in output.terms:
            part = scorer.parts[term.part]
            if isinstance(part, TreesPart):
                n_threads = threads_for(matrix, part.n_threads)
                found = np.asarray(part.booster.predict(matrix, pred_contrib=True, num_threads=n_threads))
                added += term.weight * found
            elif isinstance(part, LinearPart):
                added[:, -1] += term.weight * part.intercept
                for place, effect in part.effects(matrix):
                    added[:, place] += term.weight * effect
    return added


def mean_added(scorer: Scorer, matrix: Floats) -> Floats:
    """Return the contributions of rows with unknown values: means over usual ones, and to these what is left."""
    filled = list(scorer.filled(matrix))
    whole = np.asfortranarray(np.vstack(filled))
    added, drawn = (np.split(of(whole), len(filled)) for of in (partial(added_by, scorer), scorer.sums))
    found = np.asarray(sum(added)) / len(filled)
    left = scorer.pooled(drawn).sum(axis=1) - found.sum(axis=1)
    unknown = scorer.inputs.unknown(matrix)
    share = left / np.sum(list(unknown.values()), axis=0)
    for place, rows in unknown.items():
        found[rows, place] += share[rows]
    return found


def top_columns(added: Floats, families: Sequence[str], n_top: int = 3) -> npt.NDArray[np.intp]:
    """Return the positions of the columns that raised each row's score most, shape (n, n_top); -1: none did.

    Columns of one family say nearly the same: only the strongest of each is named.

    Parameters
    ----------
    added
        As `contributions` returns it.
    families
        The family of each column.

    Examples
    --------
    >>> added = np.array([[0.3, 0.2, 0.1, -0.4, 0.0]])
    >>> top_columns(added, ["rfm", "rfm", "days", "n"]).tolist()
    [[0, 2, -1]]
    """
    own = added[:, :-1]
    names = list(dict.fromkeys(families))
    members = [np.flatnonzero([family == name for family in families]) for name in names]
    strongest = np.column_stack([columns[own[:, columns].argmax(axis=1)] for columns in members])
    raised = np.take_along_axis(own, strongest, axis=1)
    order = np.argsort(-raised, axis=1, kind="stable")[:, :n_top]
    found = np.where(np.take_along_axis(raised, order, axis=1) > 0, np.take_along_axis(strongest, order, axis=1), -1)
    return np.pad(found, ((0, 0), (0, n_top - found.shape[1])), constant_values=-1)
