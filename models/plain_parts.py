"""The parts of models: trees, linear models and one-column rules, each of which gives one number for each row.

This file imports nothing of penchant: it travels with `plain_scorer` as the code of every model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import lightgbm as lgb
import numpy as np

try:
    from .plain_inputs import Floats, signed_log
except ImportError:  # shipped with a model, the files lie side by side
    from plain_inputs import Floats, signed_log  # type: ignore[import-not-found, no-redef]

CELLS_WORTH_THREADS = 10_000_000  # below, threads that wait for each other cost more than they bring


class ScorerPart(Protocol):
    """Something that predicts one number for each row of a matrix."""

    def predict(self, matrix: Floats) -> Floats:
        """Return predictions of shape (n,)."""

    def positions(self) -> list[int]:
        """Return the positions of the columns that it reads."""


@dataclass(frozen=True)
class TreesPart:
    """A LightGBM model.

    Parameters
    ----------
    booster
        As read from its text.
    raw
        Whether it gives the sums of its trees, not probabilities, counts or amounts.
    n_threads
        Threads for scoring, 0 for all; None: one for small tables, all for large ones. Not saved.
    """

    booster: lgb.Booster
    raw: bool = False
    n_threads: int | None = 1

    def predict(self, matrix: Floats) -> Floats:
        """Return predictions of shape (n,)."""
        n_threads = threads_for(matrix, self.n_threads)
        return np.asarray(self.booster.predict(matrix, raw_score=self.raw, num_threads=n_threads))

    def positions(self) -> list[int]:
        """Return the positions of the columns that trees split."""
        return [int(place) for place in np.flatnonzero(self.booster.feature_importance("split"))]


def threads_for(matrix: Any, n_threads: int | None) -> int:
    """Return the number of threads for a matrix, 0 for all; None asks for what is worth its start."""
    if n_threads is not None:
        return n_threads
    return 0 if matrix.size >= CELLS_WORTH_THREADS else 1


@dataclass(frozen=True)
class LinearPart:
    """A linear or logistic model over numbers, flags of missing values and categories.

    Parameters
    ----------
    intercept
        Prediction (or log-odds) on average: over the rows of training each column adds 0.
    columns
        For each column in use its ``position``. For a number: ``low`` and ``high`` to which values are clipped,
        ``log``, whether their logarithms (of 1 + size, with the sign) are, ``slope`` per unit, ``offset``, and what a
        ``missing`` value adds instead. For categories: ``steps``, what each code adds, ``other``, what all other codes
        add, and ``missing``. For a logarithm: ``prior``, added to the value first, ``slope`` and ``offset``.
    link
        "identity" or "logistic".
    """

    intercept: float
    columns: Sequence[Mapping[str, Any]]
    link: str = "identity"

    def predict(self, matrix: Floats) -> Floats:
        """Return predictions of shape (n,)."""
        total = np.full(len(matrix), self.intercept, dtype=np.float64)
        for _, added in self.effects(matrix):
            total += added
        return sigmoid(total) if self.link == "logistic" else total

    def positions(self) -> list[int]:
        """Return the positions of its columns."""
        return [column["position"] for column in self.columns]

    def effects(self, matrix: Floats) -> Iterator[tuple[int, Floats]]:
        """Yield the position of each column, and what it adds to each row."""
        for column in self.columns:
            yield column["position"], effect_of(matrix[:, column["position"]], column)


def effect_of(values: Floats, column: Mapping[str, Any]) -> Floats:
    """Return what a column of a `LinearPart` adds to each row."""
    if "steps" in column:
        own = column["steps"]
        steps = np.array([*own, column["other"], column["missing"]], dtype=np.float64)
        is_missing = np.isnan(values) | (values < 0)
        return np.asarray(steps[np.where(is_missing, len(own) + 1, np.minimum(values, len(own))).astype(np.intp)])
    if "prior" in column:
        known = np.maximum(np.nan_to_num(values), 0.0)
        return np.asarray(column["slope"] * np.log(known + column["prior"]) + column["offset"])
    held = np.clip(signed_log(values) if column["log"] else values, column["low"], column["high"])
    held *= column["slope"]
    held += column["offset"]
    held[np.isnan(held)] = column["missing"]
    return held


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

    def positions(self) -> list[int]:
        """Return the position of its column."""
        return [self.position]


def with_treatment(matrix: Floats, treated: float | None) -> Floats:
    """Return a matrix with the treatment as its last column, or as it is where that is None."""
    if treated is None:
        return matrix
    return np.column_stack([matrix, np.full(len(matrix), treated, dtype=matrix.dtype)])


def sigmoid(log_odds: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -log_odds)))
