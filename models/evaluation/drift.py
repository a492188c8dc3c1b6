"""How far two sets of rows lie apart: column by column, and as a classifier sees them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from penchant.errors import InputError

from ..estimators.propensity import PropensityModel
from ..inputs.arrays import Floats
from ..inputs.categories import holds_categories
from ..inputs.estimate import Estimate
from .metrics import evaluate

N_BINS = 10
SMALLEST_SHARE = 1e-4  # of a bin: an empty one would make the index infinite
MOST_ROWS = 10_000  # of each side, for the classifier
N_TREES = 60


def population_stability(before: pd.DataFrame, after: pd.DataFrame) -> pd.Series[float]:
    """Return each column's population stability index (PSI), highest first.

    Numbers are cut at the deciles of ``before``, categories taken as they are, missing values are a bin of their
    own. By custom, below 0.1 nothing happened, and above 0.25 the column is no longer what it was.

    Parameters
    ----------
    before, after
        Frames with the same columns.

    Raises
    ------
    InputError
        A frame is empty, or lacks a column of the other.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards; Yurdakul & Naranjo (2020), Statistical properties of the population
    stability index, J. Risk Model Validation 14(4).
    """
    refuse_other_columns(before, after)
    found = {str(name): stability_of(before[name], after[name]) for name in before.columns}
    return pd.Series(found, dtype=np.float64).sort_values(ascending=False, kind="stable")


def stability_of(before: pd.Series[Any], after: pd.Series[Any]) -> float:
    """Return one column's population stability index."""
    if holds_categories(before) or holds_categories(after):
        shares = (column.astype(object).value_counts(normalize=True, dropna=False) for column in (before, after))
        p, q = pd.concat(list(shares), axis=1).fillna(0.0).to_numpy(dtype=np.float64).T
    else:
        p, q = binned_shares(*(c.to_numpy(dtype=np.float64, na_value=np.nan) for c in (before, after)))
    p, q = np.maximum(p, SMALLEST_SHARE), np.maximum(q, SMALLEST_SHARE)
    return float(((q - p) * np.log(q / p)).sum())


def binned_shares(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    """Return the shares of two columns in the deciles of the first, missing values last."""
    known = before[~np.isnan(before)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, N_BINS + 1)[1:-1])) if len(known) else np.empty(0)

    def shares(values: Floats) -> Floats:
        place = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="left"))
        return np.bincount(place, minlength=len(edges) + 2) / len(values)

    return shares(before), shares(after)


def adversarial_auc(
    before: pd.DataFrame, after: pd.DataFrame, groups: tuple[Any, Any] | None = None, n_draws: int = 200, seed: int = 0
) -> Estimate:
    """Return how well a classifier tells two sets of rows apart, on customers that it was not trained on.

    Parameters
    ----------
    before, after
        Frames with the same columns; of each at most 10,000 rows are drawn.
    groups
        The customers of each; a customer in both stays in one fold.
    n_draws, seed
        Bootstrap draws of the interval; seed of draws and trees.

    Returns
    -------
    Estimate
        AUC: 0.5 where the two cannot be told apart, 1 where each row gives itself away; nan with too few rows.
    """
    refuse_other_columns(before, after)
    rng = np.random.default_rng(seed)
    kept = [np.sort(rng.permutation(len(frame))[:MOST_ROWS]) for frame in (before, after)]
    rows = pd.concat([before.iloc[kept[0]], after.iloc[kept[1]]], ignore_index=True)
    is_after = np.repeat([0, 1], [len(k) for k in kept])
    customers = None
    if groups is not None:
        customers = np.concatenate([np.asarray(g)[k] for g, k in zip(groups, kept, strict=True)])
    model = PropensityModel(n_trees=N_TREES, calibration="none", n_folds=3, seed=seed)
    model.fit(rows, is_after, groups=customers)
    if model.left_out_ is None:
        return Estimate(float("nan"), float("nan"), float("nan"))
    return evaluate(is_after, model.left_out_, groups=customers, n_draws=n_draws, seed=seed)["auc"]


def one_column_aucs(X: pd.DataFrame, y: Any) -> pd.Series[float]:
    """Return how well each column alone ranks the outcome, either way round, highest first.

    A number ranks by its size, a category by its own rate of the outcome, and a missing value counts as a value of
    its own: below all others for numbers, a category for categories. 0.5 means not at all.

    Parameters
    ----------
    X
        Features.
    y
        Outcomes of 0 or 1.
    """
    outcome = np.asarray(y, dtype=np.float64)
    found = {str(name): one_column_auc(X[name], outcome) for name in X.columns}
    return pd.Series(found, dtype=np.float64).sort_values(ascending=False, kind="stable")


def one_column_auc(column: pd.Series[Any], y: Floats) -> float:
    """Return how well one column alone ranks the outcome, from 0.5."""
    if holds_categories(column):
        score = rates_from_the_other_half(pd.factorize(column.astype(object), use_na_sentinel=False)[0], y)
    else:
        score = column.to_numpy(dtype=np.float64, na_value=np.nan)
        lowest = np.nanmin(score, initial=np.inf)
        score = np.where(np.isnan(score), (lowest if np.isfinite(lowest) else 0.0) - 1, score)
    rank = pd.Series(score).rank().to_numpy()
    n_positive, n_negative = y.sum(), (1 - y).sum()
    if not n_positive or not n_negative:
        return 0.5
    auc = (rank @ y - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
    return float(max(auc, 1 - auc))


def rates_from_the_other_half(code: Any, y: Floats) -> Floats:
    """Return the outcome's rate in each row's category, from rows of the other half: no row tells of itself."""
    score = np.full(len(y), y.mean())
    n_codes = int(code.max(initial=-1)) + 1
    for half in (slice(0, None, 2), slice(1, None, 2)):
        other = slice(1 - (half.start or 0), None, 2)
        n = np.bincount(code[other], minlength=n_codes)
        rate = (np.bincount(code[other], weights=y[other], minlength=n_codes) + y.mean()) / (n + 1)
        score[half] = rate[code[half]]
    return score


def refuse_other_columns(before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Raise InputError where two frames cannot be compared."""
    if not len(before) or not len(after):
        raise InputError("before, after", "rows on both sides", f"{len(before):,} and {len(after):,}")
    odd = sorted(set(map(str, before.columns)) ^ set(map(str, after.columns)))
    if odd:
        raise InputError("after", "the columns of before", f"{len(odd)} on one side only: {odd[:5]}")
