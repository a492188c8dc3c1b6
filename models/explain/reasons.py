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
    words: dict[tuple[str, str], str] = {}  # many customers share a reason
    for start in range(0, len(X), CHUNK):
        rows = X.iloc[start : start + CHUNK]
        best = top_columns(contributions(model, rows), families, top)
        for picked in values_at(rows, best, names):
            keys = [(name, repr(value)) for name, value in picked]
            for key, (name, value) in zip(keys, picked, strict=True):
                if key not in words:
                    words[key] = reason_in_words(model, name, value, describe.get(name))
            found.append([words[key] for key in keys])
    return found


def values_at(rows: pd.DataFrame, best: Any, names: Sequence[str]) -> list[list[tuple[str, Any]]]:
    """Return for each row the names and values of the columns at given positions; -1 is none."""
    columns = {place: rows[names[place]].to_numpy(dtype=object) for place in np.unique(best[best >= 0])}
    return [[(names[place], columns[place][row]) for place in picked if place >= 0] for row, picked in enumerate(best)]


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
