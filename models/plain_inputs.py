"""Read the columns of a model as numbers: what a value is, and what stands for one of which training says nothing.

This file imports nothing of penchant: it travels with `plain_scorer` as the code of every model.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_CODES = 254  # rarer categories share the last code; LightGBM bins no more
UNSEEN = -1.0  # the code of a category that training has not seen

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class UnknownValueWarning(UserWarning):
    """Rows hold values of which training says nothing; they score as the mean over the column's usual values."""


class UnseenCategoryWarning(UnknownValueWarning):
    """Rows hold categories that training has not seen."""


class MissingValueWarning(UnknownValueWarning):
    """Rows lack values of columns that training (nearly) always knew."""


@dataclass(frozen=True)
class Inputs:
    """The columns that a model reads.

    Parameters
    ----------
    names
        In the order of training.
    categories
        By column, its categories in the order of their codes.
    fills
        By column, values spread evenly over those of training: what stands for a value of which training says nothing.
    learned_missing
        Columns of which training has seen enough missing values to learn what they mean.
    rarely_missing
        By column of which it has seen some, too few to learn from, their share.
    """

    names: tuple[str, ...]
    categories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    fills: Mapping[str, Sequence[float]] = field(default_factory=dict)
    learned_missing: tuple[str, ...] = ()
    rarely_missing: Mapping[str, float] = field(default_factory=dict)

    def read(self, table: Any) -> tuple[Floats, dict[str, list[str]]]:
        """Return a table as numbers, and by column the categories that training has not seen.

        Parameters
        ----------
        table
            DataFrame (pandas, Polars), Arrow table or mapping of columns.

        Returns
        -------
        matrix, unseen
            (n, columns) column by column in memory, nan where missing, -1 for an unseen category; and a list of
            categories with one entry for each row that holds one.
        """
        if hasattr(table, "column_names"):  # an Arrow table, whose columns are not asked for by `in`
            table = {name: table[name] for name in table.column_names}
        absent = [name for name in self.names if name not in table]
        if absent:
            raise ValueError(f"the table lacks {len(absent)} columns of the model: {absent[:5]}")
        found = {name: category_codes(table[name], known) for name, known in self.categories.items()}
        unseen = {name: strange for name, (_, strange) in found.items() if strange}
        codes = {name: own for name, (own, _) in found.items()}
        if holds_plain_numbers(table, set(self.names) - set(codes)):  # then pandas does it at once
            matrix = np.asfortranarray(table[list(self.names)].assign(**codes).to_numpy(dtype=np.float64, copy=True))
        else:
            matrix = np.empty((len(table[self.names[0]]), len(self.names)), order="F")
            for position, name in enumerate(self.names):
                matrix[:, position] = codes[name] if name in codes else numbers(table[name], name)
        for place in np.flatnonzero(np.isinf(matrix.sum(axis=0))).tolist():
            if np.isinf(matrix[:, place]).any():
                raise ValueError(f"column '{self.names[place]}' holds infinite values")
        return matrix, unseen

    def unknown(self, matrix: Floats) -> dict[int, Bools]:
        """Return by position the rows whose value training says nothing of; columns without any are left out."""
        found = {}
        for position, name in enumerate(self.names):
            if name not in self.fills:
                continue
            values = matrix[:, position]
            strange = values == UNSEEN if name in self.categories else np.zeros(len(values), dtype=bool)
            if name not in self.learned_missing and np.isnan(values.sum()):
                strange |= np.isnan(values)
            if strange.any():
                found[position] = strange
        return found


def holds_plain_numbers(table: Any, names: Collection[str]) -> bool:
    """Return whether a table is a pandas frame in which these columns are NumPy's numbers and booleans."""
    if not hasattr(table, "iloc"):
        return False
    kinds = [kind for name, kind in zip(table.columns, table.dtypes, strict=True) if name in names]
    return all(isinstance(kind, np.dtype) and kind.kind in "biuf" for kind in kinds)


def numbers(column: Any, name: str) -> Floats:
    """Return a column of numbers or booleans as floats, missing ones as nan."""
    try:
        if hasattr(column, "iloc"):  # a pandas column, whichever of its kinds of numbers
            return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
        return np.asarray(column.to_numpy() if hasattr(column, "to_numpy") else column, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"column '{name}' held numbers in training; it now holds something else") from None


def signed_log(values: Any) -> Floats:
    """Return the logarithm of 1 + size, with the sign kept: counts and amounts have long tails."""
    numbers = np.asarray(values, dtype=np.float64)
    return np.asarray(np.copysign(np.log1p(np.abs(numbers)), numbers))


def category_codes(column: Any, categories: Sequence[str]) -> tuple[Floats, list[str]]:
    """Return each row's code, nan where missing, -1 where unseen, and the unseen category of each such row."""
    codes, distinct = column.factorize() if hasattr(column, "factorize") else codes_by_appearance(column)
    code_of = {category: float(min(code, MOST_CODES)) for code, category in enumerate(categories)}
    keys = [category_key(value) for value in distinct]
    lookup = np.array([code_of.get(key, UNSEEN) for key in keys] + [np.nan])  # code -1, missing, is the last
    found = lookup[codes]
    return found, [keys[codes[row]] for row in np.flatnonzero(found == UNSEEN)]


def codes_by_appearance(column: Any) -> tuple[npt.NDArray[np.intp], list[Any]]:
    """Return the code of each value in order of appearance, -1 for missing ones, and the values."""
    distinct: dict[Any, int] = {}
    codes = [
        -1 if value is None or value != value else distinct.setdefault(value, len(distinct))
        for value in np.asarray(column, dtype=object)
    ]
    return np.array(codes, dtype=np.intp), list(distinct)


def category_key(value: Any) -> str:
    """Return a category as text: 3 and 3.0 are one, for a missing value turns a column of ints to floats.

    Examples
    --------
    >>> category_key(3.0), category_key("north")
    ('3', 'north')
    """
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def unseen_message(unseen: Mapping[str, Sequence[str]]) -> str:
    """Return one sentence for each column with categories that training has not seen."""
    return " ".join(
        f"Column '{name}': {len(strange):,} rows hold categories that training has not seen "
        f"({', '.join(repr(one) for one in sorted(set(strange))[:5])}); they score as the mean over the known ones."
        for name, strange in unseen.items()
    )


def missing_message(inputs: Inputs, matrix: Floats, unknown: Mapping[int, Bools]) -> str:
    """Return a sentence about missing values that training (nearly) always knew; empty where it lacked as many."""
    counts = {inputs.names[place]: int(np.isnan(matrix[rows, place]).sum()) for place, rows in unknown.items()}
    usual = {name: 3 * (1 + share * len(matrix)) for name, share in inputs.rarely_missing.items()}
    told = [
        f"'{name}' in {count:,} of {len(matrix):,} rows" for name, count in counts.items() if count > usual.get(name, 0)
    ]
    if not told:
        return ""
    more = f" and {len(told) - 5} more columns" if len(told) > 5 else ""
    return (
        f"Values are missing that training (nearly) always knew: {', '.join(told[:5])}{more}. "
        "These rows score as the mean over the usual values of the column."
    )
