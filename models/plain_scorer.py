"""Score rows with a saved model, given numpy and LightGBM alone.

This file imports nothing of penchant: it travels as code with every model, so that whoever has mlflow,
lightgbm and numpy can use the model. The estimators score through the same functions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

FORMAT = 2  # what is written; a scorer of format 1 does not add the line of an amount, and refuses
READABLE = (1, 2)
MODEL_FILE = "model.json"
MOST_CODES = 254  # rarer categories share the last code; LightGBM bins no more

Floats = npt.NDArray[np.float64]


class PlainModel:
    """A saved model that scores tables.

    Parameters
    ----------
    folder
        Where `penchant.models.store.artifact.save` wrote the model.
    """

    def __init__(self, folder: str | Path) -> None:
        self.spec = json.loads((Path(folder) / MODEL_FILE).read_text(encoding="utf-8"))
        if self.spec["format"] not in READABLE:
            raise ValueError(f"{folder}: written in format {self.spec['format']}, this scorer reads up to {FORMAT}.")
        self.boosters = {
            name: lgb.Booster(model_file=str(Path(folder) / file)) for name, file in self.spec["boosters"].items()
        }

    def predict(self, table: Any, params: Mapping[str, Any] | None = None) -> Floats:
        """Return the probability of the outcome, or the expected amount, of each row, shape (n,).

        Parameters
        ----------
        table
            DataFrame or mapping of columns, at least those that the model was trained on, in any order.
        params
            Not used; MLflow passes it.
        """
        matrix, _ = encode(table, self.spec["columns"], self.spec["categories"])
        raw = {name: np.asarray(b.predict(matrix, raw_score=True)) for name, b in self.boosters.items()}
        return prediction(raw, self.spec)


def _load_pyfunc(data_path: str) -> PlainModel:
    """Return the model in a folder; MLflow calls this."""
    return PlainModel(data_path)


def prediction(raw: Mapping[str, Floats], spec: Mapping[str, Any]) -> Floats:
    """Return what a model predicts, from the sums of its trees.

    Parameters
    ----------
    raw
        By the booster's name (``"propensity"``, ``"amount"``, and a ``"line"`` that adds to the amount or, alone with
        it, to the propensity), the raw score of each row.
    spec
        ``form`` (``"propensity"``, ``"two_part"``, ``"tweedie"``, ``"squared_error"``), ``calibration`` of
        the probability, ``factor`` that levels predicted amounts.
    """
    form = spec["form"]
    if form == "propensity":
        return calibrated(np.asarray(sum(raw.values())), spec["calibration"])
    amount = raw["amount"] + raw.get("line", 0.0)
    if form == "two_part":
        buys = calibrated(raw["propensity"], spec["calibration"])
        return np.asarray(spec["factor"] * buys * np.exp(amount))
    if form == "tweedie":
        return np.asarray(spec["factor"] * np.exp(amount))
    return np.asarray(amount)


def calibrated(raw: Floats, calibration: Mapping[str, Any]) -> Floats:
    """Return probabilities from log-odds; every calibration rises strictly, so ranks stay as they are.

    Parameters
    ----------
    raw
        Log-odds, shape (n,).
    calibration
        ``slope`` and ``intercept`` on the log-odds; ``knots_at`` and ``knots`` of a rising step curve, or
        None, and ``knots_share``, its share in the result.
    """
    straight = sigmoid(calibration["slope"] * raw + calibration["intercept"])
    share = calibration["knots_share"]
    if not share:
        return straight
    return share * np.interp(raw, calibration["knots_at"], calibration["knots"]) + (1 - share) * straight


def sigmoid(log_odds: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -log_odds)))


def encode(
    table: Any, columns: Sequence[str], categories: Mapping[str, Sequence[str]]
) -> tuple[Floats, dict[str, list[str]]]:
    """Return a table as numbers, and by column the categories that training has not seen.

    Parameters
    ----------
    table
        DataFrame or mapping of columns.
    columns
        Names in the order of training.
    categories
        By column, the categories in the order of their codes. What is missing or unseen becomes nan.

    Returns
    -------
    matrix, unseen
        (n, len(columns)) column by column in memory, and a list of categories with one entry for each row
        that holds one.
    """
    absent = [name for name in columns if name not in table]
    if absent:
        raise ValueError(f"the table lacks {len(absent)} columns of the model: {absent[:5]}")
    matrix = np.empty((len(table[columns[0]]), len(columns)), order="F")
    unseen: dict[str, list[str]] = {}
    for position, name in enumerate(columns):
        if name in categories:
            matrix[:, position], strange = category_codes(table[name], categories[name])
            if strange:
                unseen[name] = strange
        else:
            matrix[:, position] = numbers(table[name], name)
    return matrix, unseen


def numbers(column: Any, name: str) -> Floats:
    """Return a column of numbers or booleans as floats, missing ones as nan."""
    try:
        if hasattr(column, "to_numpy"):  # a pandas column, whichever of its kinds of numbers
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            values = np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"column '{name}' held numbers in training; it now holds something else") from None
    if np.isinf(values.sum()) and np.isinf(values).any():
        raise ValueError(f"column '{name}' holds infinite values")
    return np.asarray(values)


def category_codes(column: Any, categories: Sequence[str]) -> tuple[Floats, list[str]]:
    """Return each row's code, nan where missing or unseen, and the unseen category of each such row."""
    if hasattr(column, "factorize"):
        codes, distinct = column.factorize()
    else:
        codes, distinct = first_seen(column)
    code_of = {category: float(min(code, MOST_CODES)) for code, category in enumerate(categories)}
    keys = [category_key(value) for value in distinct]
    lookup = np.array([code_of.get(key, np.nan) for key in keys] + [np.nan])  # code -1, missing, is the last
    strange = np.array([key not in code_of for key in keys] + [False])
    rows = np.flatnonzero(strange[codes])
    return lookup[codes], [keys[codes[row]] for row in rows]


def first_seen(column: Any) -> tuple[npt.NDArray[np.intp], list[Any]]:
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
