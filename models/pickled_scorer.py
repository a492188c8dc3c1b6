"""Score rows with an estimator that was pickled, and say why, without this package: travels as code with the model.

Our own models are plain files. Whatever else has ``fit`` and ``predict`` can only be kept as a pickle, which runs code
when it is read: read it only from a store that nobody else writes to.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

try:
    from .plain_inputs import MOST_CODES, Floats, Inputs
    from .plain_reasons import ServedModel
except ImportError:  # shipped with a model, the files lie side by side
    from plain_inputs import *  # type: ignore[import-not-found]  # noqa: F403
    from plain_reasons import *  # type: ignore[import-not-found]  # noqa: F403

FORMAT = 3  # of model.json, as `plain_scorer` has it
MODEL_FILE, PICKLE_FILE, HASHES_FILE = "model.json", "estimator.pkl", "SHA256SUMS"
SHIPPED = ("pickled_scorer", "plain_inputs", "plain_reasons")
PICKLED_CODE = tuple(Path(__file__).with_name(f"{name}.py") for name in SHIPPED)
LEAST_CHANCE = 1e-6  # bounds the log-odds of estimators that are sure
PROPENSITY = "propensity"  # the form whose score is a probability; the other's is an amount


@dataclass(frozen=True)
class PickledScorer:
    """An estimator with the columns that it learned from.

    Parameters
    ----------
    form
        ``"propensity"`` or ``"amount"``.
    inputs
        The columns, in order.
    typical
        By column, what most rows hold: the median, or the most frequent category. A column of numbers
        without was never known in training, and is 0.
    telling
        The columns that move its score, the strongest first: reasons are sought among them.
    estimator
        Whatever has ``predict_proba`` or ``predict``.
    """

    form: str
    inputs: Inputs
    typical: Mapping[str, Any]
    telling: Sequence[str]
    estimator: Any = field(repr=False)

    def predict(self, table: Any, params: Mapping[str, Any] | None = None) -> Floats:
        """Return the probability of the outcome, or the expected amount, of each row of a table, shape (n,)."""
        return self.score(self.frame(table))

    def frame(self, table: Any) -> pd.DataFrame:
        """Return a table as the estimator takes it: floats, and categories of those known in training.

        Raises
        ------
        ValueError
            The table lacks a column, or numbers are none.
        """
        matrix, _ = self.inputs.read(table)
        return pd.DataFrame({name: self._column(name, matrix[:, at]) for at, name in enumerate(self.inputs.names)})

    def _column(self, name: str, values: Floats) -> Any:
        if name not in self.inputs.categories:
            is_known = name in self.typical  # else training never had a value, which many estimators do not take
            return np.array(values) if is_known else np.zeros(len(values))
        codes: Any = np.where(np.isnan(values), -1, values).astype(np.intp)
        known: Any = list(self.inputs.categories[name])[: MOST_CODES + 1]  # the rarest share the last one
        return pd.Categorical.from_codes(codes, known)

    def score(self, rows: pd.DataFrame) -> Floats:
        """Return `predict` of rows as `frame` makes them."""
        if self.form == PROPENSITY and hasattr(self.estimator, "predict_proba"):
            return np.asarray(self.estimator.predict_proba(rows), dtype=np.float64)[:, 1]
        return np.asarray(self.estimator.predict(rows), dtype=np.float64).reshape(len(rows), -1)[:, 0]

    def added(self, table: Any) -> Floats:
        """Return how far each score would move were one column typical, shape (n, columns).

        Of probabilities in log-odds. What two columns do together counts for neither or for both: these are answers to
        "what if this alone were as usual", not shares that add up.
        """
        rows = self.frame(table)
        found, score = np.zeros(rows.shape), self._scale(self.score(rows))
        for name in self.telling:
            usual = rows.assign(**{name: self._usual(rows[name])})
            found[:, self.inputs.names.index(name)] = score - self._scale(self.score(usual))
        return found

    def _usual(self, column: pd.Series[Any]) -> Any:
        value = self.typical.get(str(column.name))
        if isinstance(column.dtype, pd.CategoricalDtype):
            return pd.Categorical([value] * len(column), dtype=column.dtype)
        return np.full(len(column), np.nan if value is None else value)

    def _scale(self, score: Floats) -> Floats:
        if self.form != PROPENSITY:
            return score
        chance = np.clip(score, LEAST_CHANCE, 1 - LEAST_CHANCE)
        return np.asarray(np.log(chance) - np.log1p(-chance))


def read_pickled(folder: str | Path) -> PickledScorer:
    """Return the model in a folder, once its files are what was written and this Python can read them.

    Raises
    ------
    ValueError
        The model is of another format or Python, or a file is damaged.
    """
    place = Path(folder)
    _refuse_damaged(place)
    spec = json.loads((place / MODEL_FILE).read_text(encoding="utf-8"))
    if spec.get("format") != FORMAT:
        raise ValueError(f"{place}: written in format {spec.get('format')}, this scorer reads format {FORMAT}")
    mine = f"{sys.version_info.major}.{sys.version_info.minor}"
    if spec["python"] != mine:
        raise ValueError(f"{place}: pickled by Python {spec['python']}, which Python {mine} cannot read")
    with (place / PICKLE_FILE).open("rb") as file:
        estimator = pickle.load(file)  # its hash is right; see the head of this file
    read = spec["inputs"]
    inputs = Inputs(tuple(read["names"]), read["categories"])
    return PickledScorer(spec["form"], inputs, read["typical"], spec["telling"], estimator)


def _refuse_damaged(folder: Path) -> None:
    lines = (folder / HASHES_FILE).read_text(encoding="utf-8").splitlines()
    hashes = {name: expected for expected, _, name in (line.partition("  ") for line in lines)}
    if set(hashes) != {MODEL_FILE, PICKLE_FILE}:
        raise ValueError(f"{folder / HASHES_FILE}: not the hashes of a model's two files; get the model again")
    for name, expected in hashes.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected:
            raise ValueError(f"{folder / name}: changed or damaged since it was written; get the model again")


def _load_pyfunc(data_path: str, model_config: Mapping[str, Any] | None = None) -> ServedModel:
    """Return the model in a folder, which says why where it is asked; MLflow calls this."""
    spec = json.loads((Path(data_path) / MODEL_FILE).read_text(encoding="utf-8"))
    return ServedModel(read_pickled(data_path), spec, model_config)
