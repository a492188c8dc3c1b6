"""The columns that a model is trained on: numbers as they are, categories by a stored list."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from penchant.errors import InputError, quoted

from ..plain_scorer import category_key, encode
from .arrays import Floats


class UnseenCategoryWarning(UserWarning):
    """Rows hold categories that training has not seen; they count as missing there."""


@dataclass(frozen=True)
class Columns:
    """Names of the columns in order, and the categories of those that hold categories.

    Parameters
    ----------
    names
        In the order of training.
    categories
        By column, its categories, the most frequent first: a category's place is its code. LightGBM's own
        reading of pandas categories follows the frame at hand, which plain files cannot carry along.
    typical
        By column of numbers, the median of the training rows: what high and low are measured against.
    """

    names: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
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
            matrix, unseen = encode(X, self.names, self.categories)
        except ValueError as error:
            raise InputError("X", "the columns that the model was trained on", str(error)) from None
        if unseen:
            warnings.warn(unseen_message(unseen), UnseenCategoryWarning, stacklevel=4)
        return matrix


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
    refuse_same_names(X)
    names = tuple(str(name) for name in X.columns)
    dates = [name for name in names if X[name].dtype.kind in "mM" or isinstance(X[name].dtype, pd.PeriodDtype)]
    if dates:
        raise InputError("X", "numbers, booleans or categories", f"dates in {quoted(dates)}", "Give ages in days")
    categories = {name: category_list(X[name]) for name in names if holds_categories(X[name])}
    numbers = X[[name for name in names if name not in categories]]
    medians = numbers.astype(np.float64).median() if numbers.shape[1] else pd.Series(dtype=np.float64)
    return Columns(names, categories, {str(n): float(m) for n, m in medians.items() if m == m})


def refuse_same_names(X: pd.DataFrame) -> None:
    """Raise InputError where two columns have one name."""
    twice = [name for name, count in Counter(str(name) for name in X.columns).items() if count > 1]
    if twice:
        raise InputError("X", "column names that occur once", quoted(twice))


def holds_categories(column: pd.Series[Any]) -> bool:
    """Return whether a column is read as categories rather than as numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
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


def unseen_message(unseen: Mapping[str, list[str]]) -> str:
    """Return one sentence for each column with categories that training has not seen."""
    return " ".join(
        f"Column '{name}': {len(strange):,} rows hold categories that training has not seen "
        f"({quoted(sorted(set(strange)))}); they count as missing."
        for name, strange in unseen.items()
    )
