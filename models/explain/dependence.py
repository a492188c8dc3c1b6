"""What a model makes of its columns over many rows: which matter, and how the score moves with one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from penchant.errors import InputError, did_you_mean

from ..inputs.arrays import Floats
from ..inputs.categories import holds_categories
from ..inputs.frames import as_frame
from .contributions import CHUNK, ExplainedModel, contributions

N_BINS = 20
MOST_CATEGORIES = 20
MISSING = "missing"


def importance(model: ExplainedModel, X: pd.DataFrame) -> pd.Series[float]:
    """Return each column's mean absolute contribution over the rows, highest first; in the unit of `contributions`.

    Parameters
    ----------
    model
        A fitted model.
    X
        Rows as the model takes them, at least one; they are explained some thousands at a time.
    """
    X = as_frame(X)
    if not len(X):
        raise InputError("X", "rows to explain", "none")
    total = sum(np.abs(added[:, :-1]).sum(axis=0) for _, added in explained(model, X))
    found = pd.Series(np.asarray(total) / len(X), index=list(model.columns_.names))
    return found.sort_values(ascending=False, kind="stable")


def dependence(model: ExplainedModel, X: pd.DataFrame, column: str, n_bins: int = N_BINS) -> pd.DataFrame:
    """Return how one column moves the score: its contribution by value.

    Parameters
    ----------
    model
        A fitted model.
    X
        Rows as the model takes them.
    column
        Name of the column.
    n_bins
        Most bins of a column of numbers, of about equal size; equal values share one.

    Returns
    -------
    DataFrame
        A row for each bin or category (the most frequent 20), missing values last: value (the bin's median, the
        category, or ``"missing"``), n, contribution (mean, in log-odds), contribution_low, contribution_high (5 % and
        95 % of the rows: how much the other columns change it).

    Raises
    ------
    InputError
        The model has no such column.
    """
    names = list(model.columns_.names)
    if column not in names:
        raise InputError("column", "a column of the model", f"'{column}'", did_you_mean(column, names))
    place, X = names.index(column), as_frame(X)
    added = np.concatenate([chunk[:, place] for _, chunk in explained(model, X)] or [np.empty(0)])
    return by_value(X[column], added, n_bins)


def by_value(column: pd.Series[Any], added: Floats, n_bins: int = N_BINS) -> pd.DataFrame:
    """Return the contributions of a column's values as `dependence` does, given each row's."""
    rows = pd.DataFrame({"value": column.to_numpy(dtype=object), "added": added})
    bins = bins_of(column, n_bins)
    grouped = rows.groupby(bins, sort=True)
    columns = {
        "value": grouped["value"].agg(typical_of),
        "n": grouped.size(),
        "contribution": grouped["added"].mean(),
        "contribution_low": grouped["added"].quantile(0.05),
        "contribution_high": grouped["added"].quantile(0.95),
    }
    return pd.DataFrame(columns).reset_index(drop=True)


def explained(model: ExplainedModel, X: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, Floats]]:
    """Yield rows and their contributions, some thousands at a time."""
    for start in range(0, len(X), CHUNK):
        rows = X.iloc[start : start + CHUNK]
        yield rows, contributions(model, rows)


def bins_of(column: pd.Series[Any], n_bins: int) -> Any:
    """Return each row's bin, rising with the value; categories by falling frequency; missing values last."""
    if holds_categories(column):
        text = column.astype(object)
        order = {value: place for place, value in enumerate(text.value_counts().index[:MOST_CATEGORIES])}
        return text.map(order).fillna(MOST_CATEGORIES).where(text.notna(), MOST_CATEGORIES + 1).to_numpy()
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, n_bins + 1)[1:-1])) if len(known) else np.empty(0)
    return np.where(np.isnan(values), n_bins + 1, np.searchsorted(edges, values, side="left"))


def typical_of(values: pd.Series[Any]) -> Any:
    """Return what stands for a bin: its median, its only category, ``"missing"`` or ``"others"``."""
    known = values.dropna()
    if known.empty:
        return MISSING
    if isinstance(known.iloc[0], str):
        return known.iloc[0] if known.nunique() == 1 else "others"
    return float(known.astype(float).median())
