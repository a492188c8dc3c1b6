"""Anything with scikit-learn's ``fit`` and ``predict_proba`` or ``predict``, used in the place of our own models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from penchant.errors import InputError, PenchantError, quoted

from ..inputs.arrays import Floats
from ..inputs.categories import learn_columns
from ..inputs.frames import as_frame
from ..pickled_scorer import PROPENSITY, PickledScorer

MOST_TELLING = 40  # columns among which reasons are sought: each costs a prediction of all rows
MOST_TRIED = 400  # training rows on which these are chosen
PLAIN = str | int | float | bool | None


class SklearnModel:
    """A foreign estimator as a model: the same columns in training and in use, reasons, faults in words.

    It is given floats, and pandas categories of those known in training; a value that is missing, or a category that
    training has not seen, is missing.

    Parameters
    ----------
    name
        How reports call it.
    make
        Returns a new, unfitted estimator.
    kind
        ``"binary"``: a probability of 1 is wanted; ``"value"``: an amount.

    Attributes
    ----------
    columns_ : Columns
        Names, categories and medians of the training columns.
    scorer_ : PickledScorer
        The fitted estimator and what it reads.
    """

    def __init__(self, name: str, make: Callable[[], Any], kind: Literal["binary", "value"] = "binary") -> None:
        self.name = name
        self.make = make
        self.kind = kind

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Learn from signals and outcomes; ``groups``, the customers, go to estimators whose ``fit`` takes them.

        Raises
        ------
        InputError
            If the estimator cannot be fitted, or does not give a probability or amount for each row.
        """
        X = as_frame(X)
        self.columns_ = learn_columns(X)
        with self._in_words():
            estimator = self.make()
            form = PROPENSITY if self.kind == "binary" else "amount"
            found = PickledScorer(form, self.columns_, _typical(X, self.columns_.typical), (), estimator)
            rows = found.frame(X)
            takes_groups = groups is not None and "groups" in signature(estimator.fit).parameters
            estimator.fit(rows, np.asarray(y), **({"groups": groups} if takes_groups else {}))
        self.scorer_ = found
        few = X.sample(min(len(X), MOST_TRIED), random_state=0)
        self.predict(few)  # refused before anything is built on it
        self.scorer_ = self._with_telling(few)
        return self

    def predict(self, X: Any) -> Floats:
        """Return the probability of the outcome, or the expected amount, of each row; raises as `fit`."""
        with self._in_words():
            score = self.scorer_.predict(as_frame(X))
        where = f"estimator '{self.name}'"
        if score.shape != (len(X),) or not np.isfinite(score).all():
            got = f"shape {score.shape}" if score.shape != (len(X),) else "values that are missing or infinite"
            raise InputError(where, f"a number for each of {len(X):,} rows", got)
        if self.kind == "binary" and (score.min(initial=0) < 0 or score.max(initial=0) > 1):
            got = f"{score.min():.3g} to {score.max():.3g}"
            raise InputError(where, "probabilities within 0 and 1", got, _methods(self.scorer_.estimator))
        return score

    def contributions(self, X: Any) -> Floats:
        """Return how far each score would move were one column as usual, shape (n, columns + 1); the last is the rest.

        Of probabilities in log-odds, of amounts in their unit.
        """
        with self._in_words():
            added = self.scorer_.added(as_frame(X))
        return np.column_stack([added, np.zeros(len(added))])

    def parameters(self) -> dict[str, PLAIN]:
        """Return the estimator's parameters, those that are numbers or texts."""
        found: dict[str, Any] = getattr(self.scorer_.estimator, "get_params", dict)()
        return {str(name): value for name, value in found.items() if isinstance(value, PLAIN)}

    def _with_telling(self, few: pd.DataFrame) -> PickledScorer:
        """Return the scorer with the columns that move its scores, the strongest first."""
        scorer = self.scorer_
        names = scorer.inputs.names
        with self._in_words():
            every = PickledScorer(scorer.form, scorer.inputs, scorer.typical, names, scorer.estimator)
            moved = np.abs(every.added(few)).mean(axis=0)
        order = [names[at] for at in np.argsort(-moved, kind="stable") if moved[at] > 0]
        return PickledScorer(scorer.form, scorer.inputs, scorer.typical, order[:MOST_TELLING], scorer.estimator)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Raise InputError with the estimator's name, whatever the code of others raises; our own errors say enough."""
        try:
            yield
        except PenchantError:
            raise
        except Exception as fault:
            told = f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}"
            do = "Signals come as floats and pandas categories, with missing values"
            raise InputError(
                f"estimator '{self.name}'", "one that can be fitted on the signals and predicts", told, do
            ) from fault


def _typical(X: pd.DataFrame, medians: Any) -> dict[str, Any]:
    """Return by column what most rows hold; columns of which nothing is known are left out."""
    found: dict[str, Any] = dict(medians)
    for name in X.columns:
        if name not in found and len(values := X[name].dropna()):
            found[str(name)] = str(values.mode().iloc[0])
    return found


def _methods(estimator: Any) -> str:
    there = [name for name in ("predict_proba", "predict") if hasattr(estimator, name)]
    return f"It has {quoted(there)}: predict_proba gives probabilities"
