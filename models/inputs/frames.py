"""Read the rows that an estimator is given: frames with named columns, or arrays of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_feature_names, _check_n_features, column_or_1d, validate_data

from penchant.errors import InputError, did_you_mean, quoted

from .arrays import Floats, refuse_misaligned
from .categories import Columns, learn_columns, refuse_duplicate_columns


def read_training_table(estimator: BaseEstimator, X: Any) -> tuple[Floats, Columns]:
    """Return training rows as numbers, and their columns; the estimator remembers names and number.

    Raises
    ------
    InputError
        No rows, columns of dates, infinite values.
    """
    X = as_frame(X)
    if not has_names(X):
        matrix = validate_data(estimator, X, dtype=np.float64, ensure_all_finite="allow-nan")
        refuse_infinite(matrix)
        return matrix, Columns(tuple(f"x{i}" for i in range(matrix.shape[1]))).usual(matrix)
    if not X.shape[0] or not X.shape[1]:
        raise InputError("X", "at least one row and one column", f"shape {X.shape}")
    refuse_duplicate_columns(X)
    _check_feature_names(estimator, X, reset=True)
    _check_n_features(estimator, X, reset=True)
    columns = learn_columns(X)
    matrix = columns.encode(X)
    return matrix, columns.usual(matrix)


def read_new_table(estimator: BaseEstimator, X: Any, columns: Columns) -> Floats:
    """Return rows to predict as numbers, with the columns of training in the order of training.

    Raises
    ------
    InputError
        The columns are not those of training, with the difference.
    """
    X = as_frame(X)
    if not has_names(X):
        matrix = validate_data(estimator, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        refuse_infinite(matrix)
        return np.asarray(matrix)
    try:
        _check_feature_names(estimator, X, reset=False)
        _check_n_features(estimator, X, reset=False)
    except ValueError as error:
        raise InputError("X", "the columns of training, in their order", str(error).rstrip(".\n")) from None
    return columns.encode(X)


def as_frame(X: Any) -> Any:
    """Return a table of any kind as a pandas frame with the same names; what is no table stays as it is.

    Parameters
    ----------
    X
        A frame that narwhals reads (Polars, PyArrow, Modin and others; lazy ones are collected), or whatever hands
        over Arrow by the PyCapsule interface (DuckDB, Ibis and others). pandas frames and arrays come back unchanged.

    Raises
    ------
    InputError
        It is one column of such a library.
    """
    if isinstance(X, pd.DataFrame | np.ndarray | list) or not (hasattr(X, "__arrow_c_stream__") or is_lazy(X)):
        return X
    import narwhals as nw

    native = nw.from_native(X, pass_through=True, allow_series=True)
    if isinstance(native, nw.Series):
        raise InputError("X", "a table", "one column", "Make it a table of one column: column.to_frame()")
    if isinstance(native, nw.LazyFrame):
        native = native.collect()
    if not isinstance(native, nw.DataFrame):
        native = nw.from_arrow(X, backend="pyarrow")
    kinds = native.schema.items()  # pandas has neither dates nor decimals, and would take them for texts
    days = [nw.col(name).cast(nw.Datetime) for name, kind in kinds if isinstance(kind, nw.Date)]
    amounts = [nw.col(name).cast(nw.Float64) for name, kind in kinds if isinstance(kind, nw.Decimal)]
    return native.with_columns(*days, *amounts).to_pandas()


def as_named_frame(X: Any) -> pd.DataFrame:
    """Return a table of any kind as a pandas frame whose columns can be asked for by name.

    Raises
    ------
    InputError
        It has no named columns, such as an array or a list.
    """
    frame = as_frame(X)
    if not isinstance(frame, pd.DataFrame):
        do = "Pass the frame itself, or pandas.DataFrame(array, columns=[...])"
        raise InputError("X", "a frame with named columns", f"{type(X).__name__} without names", do)
    return frame


def is_lazy(X: Any) -> bool:
    """Return whether rows are a query that still has to be run, as of Polars or Dask."""
    return hasattr(type(X), "collect") and hasattr(type(X), "columns")


def has_names(X: Any) -> bool:
    """Return whether rows come as a frame whose columns all have names of text."""
    return isinstance(X, pd.DataFrame) and all(isinstance(name, str) for name in X.columns)


def refuse_infinite(matrix: Floats) -> None:
    """Raise InputError where an array holds infinite values."""
    strange = np.flatnonzero(np.isinf(matrix).any(axis=0))
    if len(strange):
        raise InputError("X", "finite numbers, or nan for missing ones", f"inf in columns {quoted(strange)}")


def read_outcome(y: Any, n_rows: int) -> Any:
    """Return outcomes as a one-dimensional array, one for each row.

    Raises
    ------
    InputError
        No outcomes, more than one column, or another number of rows.
    """
    if y is None:
        raise InputError("y", "y should be a 1d array", "None", "Pass the outcome of each row")
    outcome = column_or_1d(y, warn=True)
    if outcome.dtype.kind == "f" and not np.isfinite(outcome).all():
        raise InputError("y", "finite outcomes", "NaN or inf", "Leave rows without a known outcome out")
    if len(outcome) != n_rows:
        raise InputError("y", f"one outcome for each of the {n_rows:,} rows", f"{len(outcome):,}")
    return outcome


def refuse_other_order(**columns: Any) -> None:
    """Raise InputError where pandas columns of the same rows have different indexes."""
    refuse_misaligned(**{n: c for n, c in columns.items() if isinstance(c, pd.Series | pd.DataFrame)})


def constraints(columns: Columns, monotone: Mapping[str, int] | None) -> dict[str, Any]:
    """Return LightGBM's monotone constraints from those given by column name.

    Raises
    ------
    InputError
        A name is not a column of numbers, or a direction is not -1, 0 or 1.
    """
    if not monotone:
        return {}
    for name, direction in monotone.items():
        if name not in columns.names:
            hint = did_you_mean(name, columns.names)
            raise InputError("monotone", "names of columns", f"'{name}'", hint)
        if name in columns.categories or direction not in (-1, 0, 1):
            got = f"'{name}': {direction}" + (" for categories" if name in columns.categories else "")
            raise InputError("monotone", "-1, 0 or 1 for columns of numbers", got)
    return {"monotone_constraints": columns.positions_of(monotone)}
