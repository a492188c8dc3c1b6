"""Rows of a Parquet file as numbers, read a row group at a time: training on more rows than memory holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_feature_names, _check_n_features

from penchant.errors import InputError, NotThereError, quoted

from .arrays import Floats, Ints
from .categories import Columns, learn_columns

MOST_ROWS_AT_ONCE = 200_000


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file in place of a frame, for `fit` of the estimators.

    Parameters
    ----------
    path
        The file. Its row groups are held one at a time: of some 100,000 rows each.
    names
        The columns to learn from, in order; default: all.
    """

    path: Path
    names: tuple[str, ...] | None = None

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns to learn from.

        Raises
        ------
        NotThereError
            If there is no such file.
        InputError
            If the file has no rows, or not the columns.
        """
        if not self.path.is_file():
            raise NotThereError(f"'{self.path}'", "a Parquet file", "nothing there")
        head = pq.ParquetFile(self.path)
        there = head.schema_arrow.names
        chosen = tuple(there) if self.names is None else self.names
        missing = [name for name in chosen if name not in there]
        if missing or not head.metadata.num_rows:
            raise InputError(
                f"'{self.path}'", "rows with the columns", f"no {quoted(missing)}" if missing else "no row"
            )
        return chosen

    def empty(self) -> pd.DataFrame:
        """Return a frame of its columns without rows."""
        names = list(self.columns)
        return pq.read_schema(self.path).empty_table().select(names).to_pandas()

    def learned(self) -> tuple[ParquetRows, Columns]:
        """Return the rows as numbers, and the columns with what their rows say of them, a column at a time."""
        found = [learn_columns(self._column(name)) for name in self.columns]
        categories = {name: values for one in found for name, values in one.categories.items()}
        typical = {name: value for one in found for name, value in one.typical.items()}
        columns = Columns(self.columns, categories, typical=typical)
        rows = ParquetRows(self.path, columns)
        return rows, columns.usual(cast("Floats", rows))

    def _column(self, name: str) -> pd.DataFrame:
        return pq.read_table(self.path, columns=[name]).to_pandas()


def read_parquet(estimator: BaseEstimator, table: ParquetTable) -> tuple[ParquetRows, Columns]:
    """Return a file's rows as numbers, and their columns; the estimator remembers names and number."""
    frame = table.empty()
    _check_feature_names(estimator, frame, reset=True)
    _check_n_features(estimator, frame, reset=True)
    return table.learned()


class ParquetRows:
    """The encoded rows of a Parquet file, to be indexed like a matrix of shape (n, columns).

    Parameters
    ----------
    path
        The file.
    columns
        How its columns become numbers.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path, self._file, self._columns = path, pq.ParquetFile(path), columns
        sizes = [self._file.metadata.row_group(number).num_rows for number in range(self._file.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self.shape = (int(self._starts[-1]), len(columns.names))
        self._group = lru_cache(maxsize=2)(self._encoded)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    @property
    def size(self) -> int:
        """The number of cells."""
        return self.shape[0] * self.shape[1]

    def _encoded(self, number: int) -> Floats:
        names = list(self._columns.names)
        return self._columns.encode(self._file.read_row_group(number, columns=names).to_pandas()[names])

    def __getitem__(self, index: Any) -> Floats:
        """Return rows by a number, a slice, numbers or flags, or a column by ``[:, place]``."""
        if isinstance(index, tuple):
            return self._column(index[1])
        if isinstance(index, int | np.integer):
            return self._rows(np.array([index]))[0]
        if isinstance(index, slice):
            return self._rows(np.arange(*index.indices(len(self))))
        chosen = np.asarray(index)
        return self._rows(np.flatnonzero(chosen) if chosen.dtype == bool else chosen)

    def _rows(self, places: Any) -> Floats:
        """Return rows by their numbers, reading each row group once where the numbers rise."""
        found = np.empty((len(places), self.shape[1]))
        groups = np.searchsorted(self._starts, places, side="right") - 1
        for number in np.unique(groups):
            own = groups == number
            found[own] = self._group(int(number))[places[own] - self._starts[number]]
        return found

    def _column(self, place: int) -> Floats:
        name = self._columns.names[place]
        alone = Columns((name,), {name: kept} if (kept := self._columns.categories.get(name)) else {})
        return alone.encode(pq.read_table(self._path, columns=[name]).to_pandas())[:, 0]


def said_by_fold(matrix: Floats | ParquetRows, folds: Ints, asks: Mapping[int, Callable[[Floats], Floats]]) -> Floats:
    """Return a number for each row by its fold's function; the rows of a file are read once, some at a time.

    Parameters
    ----------
    matrix
        The rows.
    folds
        Fold of each row, shape (n,).
    asks
        By fold, a function from rows to a number for each.
    """
    said = np.empty(len(folds))
    at_once = len(folds) if isinstance(matrix, np.ndarray) else MOST_ROWS_AT_ONCE
    for start in range(0, len(folds), at_once):
        piece = slice(start, min(start + at_once, len(folds)))
        rows = matrix[piece]
        for fold, ask in asks.items():
            own = folds[piece] == fold
            if own.any():
                said[piece][own] = ask(rows[own])
    return said
