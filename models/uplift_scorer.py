"""Score customers by uplift, given numpy and LightGBM alone.

Every uplift learner ends as the same plain thing: **parts** (boosters, linear models, one-column rules) and,
for each treatment, a constant and weights over the parts' predictions. The learners predict through this file,
so that a served model gives the very same numbers. It imports nothing of penchant and travels with a model,
together with `plain_scorer`, which reads the columns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

try:
    from .plain_scorer import encode, sigmoid
except ImportError:  # shipped with a model, the two files lie side by side
    from plain_scorer import encode, sigmoid  # type: ignore[import-not-found, no-redef]

FORMAT = 1
MODEL_FILE = "uplift.json"
ROWS_AT_ONCE = 65_536  # bounds the memory of scoring, whatever the number of rows

Floats = npt.NDArray[np.float64]


class Part(Protocol):
    """Something that predicts one number for each row of a matrix."""

    def predict(self, matrix: Floats) -> Floats:
        """Return predictions of shape (n,)."""


@dataclass(frozen=True)
class TreesPart:
    """A LightGBM model.

    Parameters
    ----------
    booster
        As read from its text; it gives probabilities, counts or amounts, not raw scores.
    n_threads
        Threads for scoring, 0 for all. Not saved.
    """

    booster: lgb.Booster
    n_threads: int = 1

    def predict(self, matrix: Floats) -> Floats:
        """Return predictions of shape (n,)."""
        return np.asarray(self.booster.predict(matrix, num_threads=self.n_threads))


@dataclass(frozen=True)
class LinearPart:
    """A linear or logistic model over numbers, flags of missing values and categories.

    Parameters
    ----------
    intercept
        Prediction (or log-odds) where all columns stand at their centres.
    columns
        For each column in use its ``position``. For a number: ``low`` and ``high`` to which values are clipped,
        ``centre``, ``slope`` per unit, and ``missing``, what a missing value adds. For categories: ``steps``,
        what each code adds, and ``missing``.
    link
        "identity" or "logistic".
    """

    intercept: float
    columns: Sequence[Mapping[str, Any]]
    link: str = "identity"

    def predict(self, matrix: Floats) -> Floats:
        """Return predictions of shape (n,)."""
        total = np.full(len(matrix), self.intercept)
        for column in self.columns:
            values = matrix[:, column["position"]]
            total += _steps(values, column) if "steps" in column else _line(values, column)
        return sigmoid(total) if self.link == "logistic" else total


@dataclass(frozen=True)
class RulePart:
    """One column cut in two.

    Parameters
    ----------
    position
        The column's position.
    threshold
        Numbers above it are inside; None for a column of categories.
    codes
        Categories that are inside.
    inside, outside
        What is predicted on either side. Missing values are outside.
    """

    position: int
    threshold: float | None
    codes: Sequence[float]
    inside: float
    outside: float

    def predict(self, matrix: Floats) -> Floats:
        """Return predictions of shape (n,)."""
        values = matrix[:, self.position]
        is_in = np.isin(values, self.codes) if self.threshold is None else values > self.threshold
        return np.where(is_in, self.inside, self.outside)


@dataclass(frozen=True)
class Term:
    """A part's share in one treatment's uplift.

    Parameters
    ----------
    part
        Position in `UpliftScorer.parts`.
    weight
        Factor of its prediction.
    treated
        For a part that was trained with the treatment as its last column: the value put there, 1 or 0.
    """

    part: int
    weight: float
    treated: float | None = None


@dataclass(frozen=True)
class ArmScore:
    """The uplift of one treatment: ``constant`` plus the weighted predictions of ``terms``."""

    name: str
    constant: float
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True)
class UpliftScorer:
    """What is needed to score: the columns, the parts, and what each treatment takes of them.

    Parameters
    ----------
    columns
        Names of the columns in the order of training.
    categories
        By column, its categories in the order of their codes.
    parts
        The models.
    arms
        One for each treatment, in the order of the output's columns.
    about
        Facts for people: the learner, the outcome, the verdict. JSON values only.
    """

    columns: tuple[str, ...]
    categories: Mapping[str, Sequence[str]]
    parts: tuple[Part, ...]
    arms: tuple[ArmScore, ...]
    about: Mapping[str, Any]

    def predict_uplift(self, X: Any) -> Floats:
        """Return what each treatment changes for each row, in units of the outcome.

        Parameters
        ----------
        X
            DataFrame or mapping of columns, or an array of shape (n, columns).

        Returns
        -------
        ndarray
            (n,) for one treatment, (n, treatments) for several.
        """
        matrix = as_matrix(X, self.columns, self.categories)
        chunks = [self._score(matrix[start : start + ROWS_AT_ONCE]) for start in range(0, len(matrix), ROWS_AT_ONCE)]
        uplift = np.concatenate(chunks) if chunks else np.empty((0, len(self.arms)))
        return uplift[:, 0] if len(self.arms) == 1 else uplift

    def predict(self, table: Any, params: Mapping[str, Any] | None = None) -> Floats:
        """Return `predict_uplift`; MLflow calls this and passes parameters that are not used."""
        return self.predict_uplift(table)

    def _score(self, matrix: Floats) -> Floats:
        """Return (n, treatments) for one piece; no part is asked twice for the same."""
        known: dict[tuple[int, float | None], Floats] = {}
        uplift = np.empty((len(matrix), len(self.arms)))
        for position, arm in enumerate(self.arms):
            uplift[:, position] = arm.constant
            for term in arm.terms:
                key = (term.part, term.treated)
                if key not in known:
                    known[key] = self.parts[term.part].predict(with_treatment(matrix, term.treated))
                uplift[:, position] += term.weight * known[key]
        return uplift


def as_matrix(X: Any, columns: Sequence[str], categories: Mapping[str, Sequence[str]]) -> Floats:
    """Return rows as numbers, (n, columns); categories that training has not seen count as missing."""
    if hasattr(X, "columns") or isinstance(X, Mapping):
        return encode(X, columns, categories)[0]
    matrix = np.asarray(X)
    if matrix.ndim != 2 or matrix.shape[1] != len(columns):
        raise ValueError(f"rows of {len(columns)} columns are needed, got shape {matrix.shape}")
    return matrix if matrix.dtype in (np.float32, np.float64) else matrix.astype(np.float64)


def with_treatment(matrix: Floats, treated: float | None) -> Floats:
    """Return a matrix with the treatment as its last column, or as it is where that is None."""
    if treated is None:
        return matrix
    return np.column_stack([matrix, np.full(len(matrix), treated, dtype=matrix.dtype)])


def read_scorer(folder: str | Path) -> UpliftScorer:
    """Return the scorer that `penchant.models.uplift.artifact.save` wrote into a folder."""
    spec = json.loads((Path(folder) / MODEL_FILE).read_text(encoding="utf-8"))
    if spec["format"] != FORMAT:
        raise ValueError(f"{folder}: written in format {spec['format']}, this scorer reads {FORMAT}")
    return UpliftScorer(
        tuple(spec["columns"]),
        spec["categories"],
        tuple(_read_part(part, Path(folder)) for part in spec["parts"]),
        tuple(_read_arm(arm) for arm in spec["arms"]),
        spec["about"],
    )


def _load_pyfunc(data_path: str) -> UpliftScorer:
    """Return the model in a folder; MLflow calls this."""
    return read_scorer(data_path)


def _read_part(spec: Mapping[str, Any], folder: Path) -> Part:
    facts = {name: value for name, value in spec.items() if name != "kind"}
    if spec["kind"] == "trees":
        return TreesPart(lgb.Booster(model_file=str(folder / facts["file"])))
    return LinearPart(**facts) if spec["kind"] == "linear" else RulePart(**facts)


def _read_arm(spec: Mapping[str, Any]) -> ArmScore:
    return ArmScore(spec["name"], spec["constant"], tuple(Term(**term) for term in spec["terms"]))


def _line(values: Floats, column: Mapping[str, Any]) -> Floats:
    held = np.clip(values, column["low"], column["high"]) - column["centre"]
    return np.where(np.isnan(held), column["missing"], column["slope"] * held)


def _steps(values: Floats, column: Mapping[str, Any]) -> Floats:
    own = column["steps"]
    steps = np.array([*own, 0.0, column["missing"]])  # categories too rare for a step of their own add nothing
    codes = np.where(np.isnan(values), len(own) + 1, np.minimum(values, len(own))).astype(np.intp)
    return np.asarray(steps[codes])
