"""What the stack may be made of, each with predictions for customers that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..inputs.arrays import Floats
from .linear import LinearBench
from .models import Model
from .outcomes import OutcomeModels, Scores, residual_scores
from .problem import Rows
from .rules import best_rule
from .trees import Growth, TreeBench, Trees, least_rows

S_TREES = Trees(n_trees=120, n_leaves=4, min_leaf_share=0.005)
N_BAGS = 8
BAG_SHARE = 0.5
BAG_TREES, ADDITIVE_TREES = 20, 60
BAG_LEAF_SHARE, ADDITIVE_LEAF_SHARE = 0.025, 0.05


@dataclass(frozen=True, eq=False)
class Member:
    """One candidate of the stack.

    Attributes
    ----------
    name
        What the stack calls it.
    left_out
        (n,) predictions for the rows of the pair by models that have not seen them.
    terms
        (weight, model) pairs whose sum predicts new rows: the mean over the folds' models.
    """

    name: str
    left_out: Floats
    terms: Sequence[tuple[float, Model]]


class Maker:
    """Makes the members of one treatment's stack, fold by fold.

    T- and X-learners were tried as members and left out: beside these they changed neither errors nor ranks.

    Parameters
    ----------
    code
        The treatment.
    outcomes
        Outcome models by arm over `Trees`; the control's serve all treatments.
    linear
        Where ridge is fitted.
    seed
        Decides the bags.
    """

    def __init__(self, code: int, outcomes: OutcomeModels, linear: LinearBench, seed: int) -> None:
        self.code, self.outcomes, self.linear, self.seed = code, outcomes, linear, seed
        self.bench: TreeBench = outcomes.bench  # type: ignore[assignment]  # the stack stands on trees
        self.problem, self.pair = outcomes.problem, outcomes.problem.pair(code)
        self.folds = range(self.problem.n_folds)

    def members(self) -> tuple[list[Member], Scores]:
        """Return the members, S first, and the scores of the customers on which they are weighed."""
        off, on = self._by_arm()
        share = self.pair.share
        s = self._member("S", [(1.0, on), (-1.0, off)])
        response = self._member("response", [(share, on), (1 - share, off)])
        control = [self.outcomes.model(0, fold) for fold in self.folds]
        twin = self._member("control-side twin", [(1.0, control)])
        expected = response.left_out + (self.pair.p - share) * s.left_out
        scores = residual_scores(self.pair, expected)
        rows, fold = self.pair.rows, self.pair.fold
        ridge, models = self.linear.left_out(rows, scores.value, scores.weight, fold)
        return [
            s,
            response,
            twin,
            self._bagged(scores),
            self._member("additive trees", [(1.0, [self._additive(scores, f) for f in self.folds])]),
            Member("ridge DR", ridge, self._mean(1.0, models)),
            self._member("one-column rule", [(1.0, [self._rule(scores, f) for f in self.folds])]),
        ], scores

    def _by_arm(self) -> tuple[list[Model], list[Model]]:
        bench, pair = self.bench.growing(S_TREES), self.pair
        off, on = [], []
        for fold in self.folds:
            train = np.flatnonzero(pair.fold != fold)
            treated = pair.is_treated[train].astype(np.float64)
            models = bench.fit_by_arm(pair.rows[train], pair.y[train], pair.weight[train], "continuous", treated)
            off.append(models[0])
            on.append(models[1])
        return off, on

    def _additive(self, scores: Scores, fold: int) -> Model:
        train = np.flatnonzero(self.pair.fold != fold)
        growth = Growth(ADDITIVE_TREES, 2, least_rows(len(train), ADDITIVE_LEAF_SHARE))
        return self._grown(train, scores, growth)

    def _bagged(self, scores: Scores) -> Member:
        """Return small boosters on half of the training rows each: a forest at the price of a few trees."""
        rng = np.random.default_rng([self.seed, self.code])
        left_out = np.zeros(len(self.pair))
        terms: list[tuple[float, Model]] = []
        for fold in self.folds:
            train = np.flatnonzero(self.pair.fold != fold)
            unseen = np.flatnonzero(self.pair.fold == fold)
            for _ in range(N_BAGS):
                bag = np.sort(rng.choice(train, int(len(train) * BAG_SHARE), replace=False))
                growth = Growth(BAG_TREES, 4, least_rows(len(bag), BAG_LEAF_SHARE))
                model = self._grown(bag, scores, growth)
                left_out[unseen] += model.predict(self.problem.matrix, self.pair.rows[unseen]) / N_BAGS
                terms.append((1 / N_BAGS / len(self.folds), model))
        return Member("forest", left_out, terms)

    def _grown(self, train: Rows, scores: Scores, growth: Growth) -> Model:
        value, weight = scores.value[train], scores.weight[train]
        return self.bench.grow(self.pair.rows[train], value, weight, growth)

    def _rule(self, scores: Scores, fold: int) -> Model:
        train = np.flatnonzero(self.pair.fold != fold)
        own = Scores(scores.value[train], scores.weight[train])
        return Model(best_rule(self.problem, self.pair.rows[train], own))

    def _member(self, name: str, weighted: Sequence[tuple[float, list[Model]]]) -> Member:
        """Return a member that is a weighted sum of models of each fold."""
        left_out = np.zeros(len(self.pair))
        terms: list[tuple[float, Model]] = []
        for weight, models in weighted:
            for fold, model in enumerate(models):
                unseen = np.flatnonzero(self.pair.fold == fold)
                left_out[unseen] += weight * model.predict(self.problem.matrix, self.pair.rows[unseen])
            terms += self._mean(weight, models)
        return Member(name, left_out, terms)

    def _mean(self, weight: float, models: Sequence[Model]) -> list[tuple[float, Model]]:
        return [(weight / len(models), model) for model in models]
