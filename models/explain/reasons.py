"""Why a customer got a score, in words: the columns that raised it most, each told by its own template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..inputs.frames import as_frame
from .contributions import CHUNK, ExplainedModel, contributions, top_columns

Describe = str | tuple[str, str] | Callable[[Any, bool], str]


def reasons(
    model: ExplainedModel,
    X: pd.DataFrame,
    describe: Mapping[str, Describe],
    top: int = 3,
    families: Sequence[str] | None = None,
) -> list[list[str]]:
    """Return for each row up to ``top`` reasons in words, the strongest first.

    Rows are explained some thousands at a time, so that memory does not grow with them.

    Parameters
    ----------
    model
        A fitted model.
    X
        Rows as the model takes them.
    describe
        By column, how a value is told: a template with ``{value}`` ("no order for {value:.0f} days"); a pair, for
        a value that raises the score by being high, and by being low; or a function of the value and of whether
        it is high. Columns that are absent are told as ``name: value``. Missing values go to functions as nan, and
        are told as ``name: unknown`` otherwise.
    top
        Most reasons of a row; fewer are given where fewer columns raised its score.
    families
        The family of each column, of which only the strongest is named; None: each column is its own.

    Returns
    -------
    list of list of str
        One list for each row, in the rows' order.
    """
    names, X = list(model.columns_.names), as_frame(X)
    families = names if families is None else families
    found: list[list[str]] = []
    for start in range(0, len(X), CHUNK):
        rows = X.iloc[start : start + CHUNK]
        best = top_columns(contributions(model, rows), families, top)
        told = np.full(best.shape, None, dtype=object)
        for place in np.unique(best[best >= 0]).tolist():
            name, is_this = names[place], best == place
            values = rows[name].iloc[np.nonzero(is_this)[0]]
            told[is_this] = values_in_words(model, name, values, describe.get(name))
        found += [[one for one in row if one is not None] for row in told.tolist()]
    return found


def values_in_words(model: ExplainedModel, name: str, column: pd.Series[Any], describe: Describe | None) -> Any:
    """Return the values of a column as reasons in words; what many customers share is put into words once."""
    values = column.to_numpy() if column.dtype == np.float64 else column.to_numpy(dtype=object)
    is_float = values.dtype == np.float64
    keys = values.view(np.int64) if is_float else np.array([repr(one) for one in values], dtype=object)
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    words = [reason_in_words(model, name, value, describe) for value in values[first].tolist()]
    return np.array(words, dtype=object)[which]


def reason_in_words(model: ExplainedModel, name: str, value: Any, describe: Describe | None) -> str:
    """Return one reason in words.

    What is high is high against the median of the training rows, so that a customer's reasons do not depend on who
    else is scored.
    """
    is_missing = value is None or value is pd.NA or value != value
    is_high = not is_missing and name in model.columns_.typical and value >= model.columns_.typical[name]
    if callable(describe):
        return describe(float("nan") if is_missing else value, is_high)
    if is_missing:
        return f"{name}: unknown"
    if describe is None:
        return f"{name}: {value if isinstance(value, str) else f'{value:,.4g}'}"
    template = describe if isinstance(describe, str) else describe[0 if is_high else 1]
    return template.format(value=value)
