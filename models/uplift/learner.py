"""What all uplift learners share: reading, the loop over treatments, scoring."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from penchant.errors import InputError

from ..inputs.arrays import refuse_misaligned
from ..inputs.categories import Columns
from ..inputs.frames import read_new_table, read_training_table
from ..plain_parts import ScorerPart
from ..plain_scorer import EffectError, Output, Scorer, Term
from .assignment import estimate_assignment
from .models import Base, Model
from .outcomes import OutcomeModels, residual_scores
from .problem import Given, Outcome, ProblemReading, UpliftProblem, read_problem
from .trees import Trees


@dataclass(frozen=True)
class LearnedEffect:
    """One treatment's uplift as a weighted sum of models.

    Parameters
    ----------
    constant
        Added for everyone, in units of the outcome.
    terms
        (weight, model) pairs.
    finding
        What a learner has to say about the treatment beside the scores.
    error
        How far single effects may lie from the sum, where the learner knows.
    """

    constant: float
    terms: Sequence[tuple[float, Model]] = ()
    finding: Any = None
    error: EffectError | None = None


class UpliftLearner(BaseEstimator, metaclass=ABCMeta):
    """Base of the learners: estimates what a treatment changes in the mean outcome, for whom.

    Parameters
    ----------
    base
        `Trees` (LightGBM) or `Linear` (ridge, logistic). None: ``Trees()``.
    outcome
        "binary", "count" or "continuous"; "auto" looks at y.
    control
        Which value of the treatment is the control. None: "control", else 0 or False.
    n_folds
        Folds for cross-fitting, at least 2. None: 5, from 20,000 rows on 3, from 100,000 on 2.
    seed
        The same rows and seed give the same scores.
    n_threads
        Threads of LightGBM, 0 for all.

    Attributes
    ----------
    scorer_ : Scorer
        The fitted model in plain parts, as it is saved.
    treatments_ : tuple of str
        Names of the treatments, in the order of the columns of `predict_uplift`.
    n_features_in_, feature_names_in_
        As in scikit-learn.
    """

    def __init__(
        self,
        base: Base | None = None,
        *,
        outcome: Outcome | Literal["auto"] = "auto",
        control: Any = None,
        n_folds: int | None = None,
        seed: int = 0,
        n_threads: int = 1,
    ) -> None:
        self.base, self.outcome, self.control = base, outcome, control
        self.n_folds, self.seed, self.n_threads = n_folds, seed, n_threads

    def fit(
        self, X: Any, y: Any, treatment: Any, *, p_treatment: Any = None, sample_weight: Any = None, groups: Any = None
    ) -> Self:
        """Learn what each treatment changes.

        Parameters
        ----------
        X
            DataFrame (numbers, booleans, text or categories, missing values) or array, shape (n, columns), as
            known before the assignment.
        y
            (n,) outcomes: 0 and 1, counts or amounts.
        treatment
            (n,) arms: strings, booleans or numbers, one of them the control.
        p_treatment
            Probability of the treatment: a number, (n,) values, or one column per treatment, as in
            `penchant.models.uplift.arms.read_arms`. None: a randomised trial with the observed shares. "estimate":
            learned from X, for want of anything better; hidden reasons for a treatment stay hidden.
        sample_weight
            (n,) how many customers a row stands for.
        groups
            (n,) the customer of each row where customers repeat; a customer is never in two folds.

        Raises
        ------
        InputError
            What is given does not fit together, misses values, or has one arm only.
        TooLittleDataError
            An arm has fewer than 10 customers.
        """
        refuse_misaligned(X=X if hasattr(X, "index") else None, y=y, treatment=treatment)
        matrix, columns = read_training_table(self, X)
        given = Given(y, treatment, p_treatment, sample_weight, groups)
        reading = ProblemReading(self.control, self.outcome, self.n_folds, self.seed)
        problem = read_problem(matrix, columns, given, reading)
        bench = self._base().bench(problem, self.seed, self.n_threads)
        if problem.p_is_estimated:
            problem = replace(problem, arms=estimate_assignment(problem, bench))
        self.columns_, self.treatments_ = columns, problem.arms.names[1:]
        outcomes = OutcomeModels(problem, bench)
        effects = [self._effect(code, outcomes) for code in range(1, problem.arms.n_arms)]
        self._remember(effects)
        self.scorer_ = assemble(problem, effects, self._about(problem))
        return self

    def predict_uplift(self, X: Any, *, interval: bool = False) -> Any:
        """Return what each treatment changes for each customer, in units of the outcome.

        Parameters
        ----------
        X
            The columns of training.
        interval
            Whether to return the 95 % interval of each customer's own effect as well; `UpliftStack` knows it.

        Returns
        -------
        ndarray or UpliftInterval
            (n,) for one treatment, (n, treatments) for several, in the order of ``treatments_``; no missing values.
            With ``interval`` three of them: ``uplift``, ``low``, ``high``.

        Raises
        ------
        InputError
            The columns are not those of training, or the learner knows no intervals.
        """
        check_is_fitted(self)
        if interval and not self.scorer_.knows_intervals:
            raise InputError("interval", "an UpliftStack is needed", type(self).__name__, "Leave intervals out")
        uplift = self.scorer_.score(read_new_table(self, X, self.columns_))
        return self.scorer_.with_interval(uplift) if interval else uplift

    def score(self, X: Any, y: Any, treatment: Any, p_treatment: Any = None, sample_weight: Any = None) -> float:
        """Return how much better than the average effect the predicted uplift explains who responded.

        The share of the R-loss that is gone: 0 for a model that tells nobody apart, at most 1, and far below it even
        for the truth, because outcomes are noisy. For grid searches, where scikit-learn's metadata routing hands over
        the treatment; the verdict on a model is `penchant.models.evaluation.qini`.

        Parameters
        ----------
        X, y, treatment, p_treatment, sample_weight
            As in `fit`, of customers that the model has not seen.

        References
        ----------
        Nie & Wager (2021), Quasi-oracle estimation of heterogeneous treatment effects, Biometrika 108.
        """
        given = Given(y, treatment, p_treatment, sample_weight, None)
        columns = np.empty((len(X), 0))
        problem = read_problem(columns, Columns(()), given, ProblemReading(self.control, self.outcome, 2, self.seed))
        uplift = np.asarray(self.predict_uplift(X)).reshape(len(problem), -1)
        loss = floor = 0.0
        for code, name in enumerate(problem.arms.names[1:], start=1):
            pair = problem.pair(code)
            scores = residual_scores(pair, np.full(len(pair), np.average(pair.y, weights=pair.weight)))
            predicted = uplift[pair.rows, self.treatments_.index(name)]
            loss += float(scores.weight @ (scores.value - predicted) ** 2)
            floor += float(scores.weight @ (scores.value - scores.mean) ** 2)
        return 1 - loss / floor if floor else 0.0

    @abstractmethod
    def _effect(self, code: int, outcomes: OutcomeModels) -> LearnedEffect:
        """Return the effect of one treatment, by its code in the arms."""

    def __sklearn_tags__(self) -> Tags:
        """Say that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _remember(self, effects: Sequence[LearnedEffect]) -> None:
        """Keep what was found about the treatments, in the order of ``treatments_``."""

    def _base(self) -> Base:
        return Trees() if self.base is None else self.base

    def _about(self, problem: UpliftProblem) -> dict[str, Any]:
        """Return facts that travel with the saved model."""
        return {
            "learner": type(self).__name__,
            "base": repr(self._base()),
            "outcome": problem.outcome,
            "control": problem.arms.names[0],
            "rows": len(problem),
        }


def assemble(problem: UpliftProblem, effects: Sequence[LearnedEffect], about: dict[str, Any]) -> Scorer:
    """Return the scorer of all treatments; a part that is used more than once is kept once."""
    parts: list[ScorerPart] = []
    arms = []
    for name, effect in zip(problem.arms.names[1:], effects, strict=True):
        weights: dict[tuple[int, float | None], float] = {}
        for weight, model in effect.terms:
            key = (_place(model.part, parts), model.treated)
            weights[key] = weights.get(key, 0.0) + float(weight)
        terms = tuple(Term(part, weight, treated) for (part, treated), weight in weights.items())
        arms.append(Output(name, float(effect.constant), terms, effect.error))
    return Scorer("uplift", problem.columns, tuple(parts), tuple(arms), about=about)


def _place(part: ScorerPart, parts: list[ScorerPart]) -> int:
    """Return a part's position, appending it where it is new."""
    for position, known in enumerate(parts):
        if known is part:
            return position
    parts.append(part)
    return len(parts) - 1
