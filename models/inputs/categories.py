"""The columns that a model is trained on: numbers as they are, categories by a stored list."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from penchant.errors import InputError, quoted

from ..plain_inputs import (
    Inputs,
    MissingValueWarning,
    UnknownValueWarning,
    UnseenCategoryWarning,
    category_key,
    unseen_message,
)
from .arrays import Floats

__all__ = ["Columns", "MissingValueWarning", "UnknownValueWarning", "UnseenCategoryWarning", "learn_columns"]

FEWEST_MISSING = 20  # rows from which trees learn what a missing value means; their leaves hold no fewer
N_FILLS = 16  # values that stand for an unknown one
SAMPLE = 100_000  # rows that usual values are read from


@dataclass(frozen=True)
class Columns(Inputs):
    """Names of the columns in order, the categories of those that hold categories, and what is usual in each.

    LightGBM's own reading of pandas categories follows the frame at hand, which plain files cannot carry along: here
    a category's place in a stored list, the most frequent first, is its code.

    Parameters
    ----------
    names, categories, fills, learned_missing, rarely_missing
        As in `Inputs`.
    typical
        By column of numbers, the median of the training rows: what high and low are measured against.
    """

    typical: Mapping[str, float] = field(default_factory=dict)

    @property
    def category_positions(self) -> list[int]:
        """Positions of the columns that hold categories."""
        return [position for position, name in enumerate(self.names) if name in self.categories]

    def positions_of(self, names: Mapping[str, int]) -> list[int]:
        """Return the value given for each column by its name, 0 where none is."""
        return [names.get(name, 0) for name in self.names]

    def encode(self, X: pd.DataFrame) -> Floats:
        """Return a frame as numbers, (n, columns); warns once of all categories that training has not seen.

        Raises
        ------
        InputError
            A column is absent, or numbers were expected and something else came.
        """
        try:
            matrix, unseen = self.read(X)
        except ValueError as error:
            raise InputError("X", "the columns that the model was trained on", str(error)) from None
        if unseen:
            warnings.warn(unseen_message(unseen), UnseenCategoryWarning, stacklevel=4)
        return matrix

    def usual(self, matrix: Floats) -> Columns:
        """Return the columns with what the rows of training say of them: their usual values, and what is missing."""
        step = max(1, len(matrix) // SAMPLE)
        fills, learned, rarely = {}, [], {}
        for place, name in enumerate(self.names):
            values = matrix[:, place]
            n_missing = int(np.isnan(values).sum())
            if n_missing >= FEWEST_MISSING:
                learned.append(name)
                if name not in self.categories:
                    continue
            elif n_missing:
                rarely[name] = n_missing / len(values)
            known = np.sort(values[::step][~np.isnan(values[::step])])
            if len(known):
                fills[name] = spread_evenly(known, place)
        return replace(self, fills=fills, learned_missing=tuple(learned), rarely_missing=rarely)


def spread_evenly(rising: Floats, seed: int) -> tuple[float, ...]:
    """Return 16 values of a column, one from the middle of each sixteenth of its rows, shuffled.

    Each column has an order of its own, so that the values of two columns are not tied to each other.

    References
    ----------
    McKay, Beckman & Conover (1979), A comparison of three methods for selecting values of input variables
    (latin hypercube sampling), Technometrics 21.
    """
    middles = (np.arange(N_FILLS) + 0.5) / N_FILLS * len(rising)
    chosen = rising[middles.astype(np.intp)]
    return tuple(np.random.default_rng(seed).permutation(chosen).tolist())


def learn_columns(X: pd.DataFrame) -> Columns:
    """Return the columns of a training frame.

    Parameters
    ----------
    X
        Numbers and booleans stay numbers; text, pandas categories and other objects are categories.

    Raises
    ------
    InputError
        A column holds dates or intervals, or two columns have one name.
    """
    refuse_duplicate_columns(X)
    names = tuple(str(name) for name in X.columns)
    dates = [name for name in names if X[name].dtype.kind in "mM" or isinstance(X[name].dtype, pd.PeriodDtype)]
    if dates:
        raise InputError("X", "numbers, booleans or categories", f"dates in {quoted(dates)}", "Give ages in days")
    categories = {name: category_list(X[name]) for name in names if holds_categories(X[name])}
    numbers = X[[name for name in names if name not in categories]]
    medians = numbers.astype(np.float64).median() if numbers.shape[1] else pd.Series(dtype=np.float64)
    return Columns(names, categories, typical={str(n): float(m) for n, m in medians.items() if m == m})


def refuse_duplicate_columns(X: pd.DataFrame) -> None:
    """Raise InputError where two columns have one name."""
    twice = [name for name, count in Counter(str(name) for name in X.columns).items() if count > 1]
    if twice:
        raise InputError("X", "column names that occur once", quoted(twice))


def holds_categories(column: pd.Series[Any]) -> bool:
    """Return whether a column is read as categories rather than as numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype):
        return True  # of texts that are all missing so far, too: what comes later is a category not seen
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return False
    present = column.dropna()
    return not all(isinstance(value, bool | int | float | np.number | np.bool_) for value in present.array)


def category_list(column: pd.Series[Any]) -> tuple[str, ...]:
    """Return a column's categories as text, the most frequent first, equally frequent ones by name."""
    counts: Counter[str] = Counter()
    if not all(map(pd.api.types.is_hashable, column.array[:1000])):
        raise InputError(f"column '{column.name}'", "single values", "lists or other collections")
    for value, count in column.value_counts(dropna=True).items():
        if count:
            counts[category_key(value)] += count
    return tuple(sorted(counts, key=lambda category: (-counts[category], category)))
