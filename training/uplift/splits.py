"""Which rows judge an uplift model: the last waves, or folds of customers, each by models of the folds before it.

Where every fold is judged by models of all others (cross-fitting), chance patterns of the whole sample teach and judge
alike, and the folds' numbers depend on each other: with no effect anywhere, one in five intervals of a learned ranking
missed zero. Judged in sequence, the folds' numbers are a martingale, and an interval over customers holds.

References
----------
Wager (2024), Sequential validation of treatment heterogeneity, arXiv:2405.05534.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.spreadsheet import shop_day

from ...models.inputs.categories import UnknownValueWarning
from ...models.inputs.folds import grouped_folds
from .dataset import UpliftRows

Floats = npt.NDArray[np.float64]
Makers = Mapping[str, Callable[[], Any]]  # name -> an unfitted learner

TEST_SHARE = 0.3  # of the rows, that the last waves must hold to judge alone
FEWEST_ROWS, FEWEST_OUTCOMES = 200, 30  # of each arm, in training and test alike
N_FOLDS = 5
FIRST_JUDGED = 2  # folds before it only teach


@dataclass(frozen=True, eq=False)
class Split:
    """How rows are parted into those that are learned from and those that judge.

    Parameters
    ----------
    fold
        (n,) each row's fold, judged in sequence; None where the last waves judge.
    train, test
        (n,) bool; with folds, most rows are both.
    words
        The same in a sentence.
    """

    fold: npt.NDArray[np.int64] | None
    train: npt.NDArray[np.bool_]
    test: npt.NDArray[np.bool_]
    words: str


def split_rows(rows: UpliftRows, horizon_days: int | None, seed: int = 0, timezone: str = "UTC") -> Split:
    """Return the split: in time where the last waves can carry the numbers, else by customer.

    In time: the latest waves that hold 30 % of the rows judge models that learned from those waves whose horizon was
    over when the first of them was assigned. Otherwise each fold of customers is judged by models of the others.

    Parameters
    ----------
    rows
        The rows.
    horizon_days
        Of the outcome; None: not known, as with a bare matrix.
    seed
        Deals out the customers.
    timezone
        The shop's zone, in which a person is told the days.
    """
    in_time = None if horizon_days is None or rows.wave is None else _in_time(rows, horizon_days, timezone)
    if in_time is not None:
        return in_time
    fold = grouped_folds(rows.label, rows.customer_id, N_FOLDS, seed)
    test = fold >= FIRST_JUDGED
    words = (
        f"Customers were split at random into {N_FOLDS} folds; models that learned from the folds before judged each "
        f"from the third on, {int(test.sum()):,} rows in all."
    )
    if rows.wave is not None:
        words += " The last waves alone had too few rows for a test."
    return Split(fold, fold < N_FOLDS - 1, test, words)


def _in_time(rows: UpliftRows, horizon_days: int, timezone: str) -> Split | None:
    wave, assigned_at = pd.Series(rows.wave), pd.Series(rows.as_of)
    starts = assigned_at.groupby(wave).transform("min")
    for start in sorted(starts.unique(), reverse=True):
        test = (starts >= start).to_numpy()
        if test.mean() < TEST_SHARE:
            continue
        over = assigned_at.groupby(wave).transform("max") + pd.Timedelta(days=horizon_days) <= start
        train = over.to_numpy()
        if not (_is_enough(rows.where(train)) and _is_enough(rows.where(test))):
            return None
        n_train, n_test = wave[train].nunique(), wave[test].nunique()
        day = shop_day(start, timezone)
        words = (
            f"Models that learned from {int(train.sum()):,} rows of {n_train} waves were judged on the "
            f"{int(test.sum()):,} rows of the {n_test} waves from {day} on, when those horizons were over."
        )
        return Split(None, train, test, words)
    return None


def _is_enough(rows: UpliftRows) -> bool:
    arms = pd.Series(rows.arm)
    sizes, outcomes = arms.value_counts(), pd.Series(rows.label != 0).groupby(arms).sum()
    return len(sizes) > 1 and sizes.min() >= FEWEST_ROWS and outcomes.min() >= FEWEST_OUTCOMES


def held_out_scores(rows: UpliftRows, split: Split, makers: Makers) -> dict[str, Floats]:
    """Return scores of the rows that judge, by learners that have not seen them.

    Parameters
    ----------
    rows, split
        The rows, and how they are parted.
    makers
        Name -> a function that returns an unfitted learner.

    Returns
    -------
    dict
        Name -> (n, treatments), a row for each that judges, in their order.
    """
    return {name: _scored(rows, split, make) for name, make in makers.items()}


def _scored(rows: UpliftRows, split: Split, make: Callable[[], Any]) -> Floats:
    if split.fold is None:
        return _predicted(make(), rows.where(split.train), rows.where(split.test))
    scores = np.empty((len(rows), rows.arms().n_arms - 1))
    for fold in range(FIRST_JUDGED, N_FOLDS):
        own = split.fold == fold
        scores[own] = _predicted(make(), rows.where(split.fold < fold), rows.where(own))
    return scores[split.test]


def _predicted(learner: Any, train: UpliftRows, test: UpliftRows) -> Floats:
    """Return (n, treatments) scores of the test rows."""
    fitted = fit_on(learner, train)
    with catch_warnings():
        simplefilter("ignore", UnknownValueWarning)  # rare categories may stand in one fold alone
        scores = np.asarray(fitted.predict_uplift(test.features))
    return scores[:, None] if scores.ndim == 1 else scores


def fit_on(learner: Any, rows: UpliftRows) -> Any:
    """Return a learner, fitted on rows."""
    return learner.fit(rows.features, rows.label, rows.arm, p_treatment=rows.p_treatment, groups=rows.customer_id)
