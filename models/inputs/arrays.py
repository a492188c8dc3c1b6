"""Reading columns that belong to the same customers: numbers, weights, groups, checked with clear errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import InputError, quoted

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def read_numbers(name: str, values: Any) -> Floats:
    """Return a column as finite float64 of shape (n,).

    Parameters
    ----------
    name
        What the caller calls the column; it stands in the error.
    values
        Series, array or list of numbers or booleans, shape (n,) or (n, 1).

    Raises
    ------
    InputError
        Text, missing or infinite values, more than one column, or no row at all.
    """
    array = one_column(name, values)
    if not len(array):
        raise InputError(name, "at least one customer is needed", "no rows")
    if array.dtype.kind in "mMc":  # numpy would take them for numbers: dates for nanoseconds
        raise InputError(name, "numbers are needed", _shown(array), f"Convert '{name}' to numbers.")
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(name, "numbers are needed", _shown(array), f"Convert '{name}' to numbers.") from None
    _refuse_missing(name, numbers)
    return numbers


def one_column(name: str, values: Any) -> npt.NDArray[Any]:
    """Return values of shape (n,) or (n, 1) as an array of shape (n,), whatever their type.

    Raises
    ------
    InputError
        More than one column, or a single value.
    """
    array = np.asarray(values, dtype=object) if isinstance(values, pd.Categorical) else np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InputError(name, "one value per customer is needed, shape (n,)", f"shape {array.shape}")
    return array


def _shown(array: npt.NDArray[Any]) -> str:
    """Return a few values that are no numbers, in quotes."""
    if array.dtype.kind in "mMc":
        return f"values such as {quoted(np.unique(array), most=3)}"
    as_number = pd.to_numeric(pd.Series(array, dtype=object), errors="coerce")
    strange = pd.unique(pd.Series(array, dtype=object)[as_number.isna().to_numpy()])
    return f"values such as {quoted(strange, most=3)}"


def _refuse_missing(name: str, numbers: Floats) -> None:
    strange = ~np.isfinite(numbers)
    if strange.any():
        first = quoted(np.flatnonzero(strange), most=3)
        raise InputError(
            name,
            "every customer needs a finite number",
            f"{int(strange.sum()):,} missing or infinite values of {len(numbers):,} (rows {first})",
            "Leave these customers out, or fill the value in, and say so in the report",
        )


def read_weights(values: Any, n: int) -> Floats:
    """Return sample weights of shape (n,): ones where None, else finite and not negative.

    Raises
    ------
    InputError
        Another length, a missing or negative weight, or weights that are all zero.
    """
    if values is None:
        return np.ones(n)
    weights = read_numbers("sample_weight", values)
    refuse_lengths(n, sample_weight=weights)
    if (weights < 0).any() or not weights.any():
        raise InputError(
            "sample_weight",
            "weights must be zero or more, and some above zero",
            f"{int((weights < 0).sum()):,} negative ones, sum {weights.sum():g}",
        )
    return weights


def read_groups(values: Any, n: int) -> Ints | None:
    """Return one integer per row that says which customer it belongs to; None stays None.

    Raises
    ------
    InputError
        Another length, or a missing id.
    """
    if values is None:
        return None
    codes = pd.factorize(one_column("groups", values), sort=True)[0]
    refuse_lengths(n, groups=codes)
    if (codes < 0).any():
        raise InputError("groups", "every row needs a customer's id", f"{int((codes < 0).sum()):,} missing")
    return codes.astype(np.int64)


def read_by_arm(name: str, given: Any, arms: tuple[str, ...], n: int) -> Floats:
    """Return one finite number per customer and arm: (n, len(arms)).

    Parameters
    ----------
    name
        What the caller calls it; it stands in the error.
    given
        A number or (n,) column for all arms alike; a mapping arm -> one of these, or a DataFrame with the arms
        as columns; or an array (n, len(arms)).

    Raises
    ------
    InputError
        An arm left out, an unknown one, text, missing values, or another shape.
    """
    if isinstance(given, Mapping | pd.DataFrame):
        columns = {str(arm): given[arm] for arm in given}
        odd = set(columns) ^ set(arms)
        if odd:
            raise InputError(
                name,
                f"one entry for each of {quoted(arms, most=20)} is needed",
                f"{'unknown' if odd - set(arms) else 'none for'} {quoted(sorted(odd))}",
            )
        return np.column_stack([_full(name, columns[arm], n) for arm in arms])
    if np.ndim(given) < 2:
        return np.repeat(_full(name, given, n)[:, None], len(arms), axis=1)
    if np.shape(given) != (n, len(arms)):
        raise InputError(name, f"shape ({n:,}, {len(arms)}) is needed", f"shape {np.shape(given)}")
    return np.column_stack([read_numbers(name, column) for column in np.asarray(given).T])


def _full(name: str, given: Any, n: int) -> Floats:
    if np.ndim(given) == 0:
        return np.full(n, read_numbers(name, [given])[0])
    numbers = read_numbers(name, given)
    refuse_lengths(n, **{name: numbers})
    return numbers


def refuse_lengths(n: int, **columns: Any) -> None:
    """Raise InputError where a column has not n rows; None is passed over."""
    for name, column in columns.items():
        if column is not None and len(column) != n:
            raise InputError(name, f"{n:,} rows are needed, one per customer", f"{len(column):,} rows")


def refuse_misaligned(**columns: Any) -> None:
    """Raise InputError where pandas columns do not carry the same index in the same order.

    Arrays and lists have no index and are taken in the order they come in.

    Raises
    ------
    InputError
        Lengths differ, or two pandas objects have different indexes.
    """
    given = {name: column for name, column in columns.items() if column is not None}
    for name, single in given.items():
        if not hasattr(single, "__len__") or isinstance(single, str):
            raise InputError(name, "one value per customer is needed, shape (n,)", f"{single!r}")
    labelled = {name: c for name, c in given.items() if isinstance(c, pd.Series | pd.DataFrame)}
    if not given:
        return
    first, column = next(iter(given.items()))
    for name, other in given.items():
        if len(other) != len(column):
            raise InputError(name, f"as many rows as '{first}' are needed ({len(column):,})", f"{len(other):,} rows")
    _refuse_indexes(labelled)


def _refuse_indexes(labelled: dict[str, pd.Series | pd.DataFrame]) -> None:
    names = list(labelled)
    for name in names[1:]:
        one, other = labelled[names[0]].index, labelled[name].index
        if not one.equals(other):
            same = "the same labels in another order" if set(one) == set(other) else "other labels"
            raise InputError(
                name,
                f"its index must equal that of '{names[0]}'",
                same,
                "Align both (reindex) or pass arrays (.to_numpy()) where the order is known to be the same",
            )
