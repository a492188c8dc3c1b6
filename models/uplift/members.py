"""What the stack may be made of, each with predictions for customers that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ..inputs.arrays import Floats, Ints
from ..plain_parts import TreesPart
from .doubt import leaves_of
from .linear import LinearBench
from .models import Model
from .outcomes import OutcomeModels, Scores, residual_scores
from .problem import Rows
from .rules import best_rule
from .trees import Growth, TreeBench, Trees, least_rows

S_TREES = Trees(n_trees=120, n_leaves=4, min_leaf_share=0.005)
FOREST_TREES, FOREST_LEAVES, FOREST_LEAF_SHARE = 60, 12, 0.01  # at most 256 leaves: one is kept in a byte
ADDITIVE_TREES, ADDITIVE_LEAF_SHARE = 60, 0.05
# How much harder weights are held back than those of the members that learn effects: who responds, or one column, is a
# good guess where little is known, and noise where much is.
PRIOR = {"response": 10.0, "control-side twin": 10.0, "one-column rule": 3.0}

Fitted = TypeVar("Fitted")
Terms = Sequence[tuple[float, Model]]  # weights and models whose sum predicts


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
        What predicts new rows: the same models, trained on all rows.
    """

    name: str
    left_out: Floats
    terms: Terms

    @property
    def held(self) -> float:
        """How much harder than others its weight is held back."""
        return PRIOR.get(self.name, 1.0)


class Maker:
    """Makes the members of one treatment's stack: for each fold without it, and once of all rows.

    Parameters
    ----------
    code
        The treatment.
    outcomes
        Outcome models by arm over `Trees`; the control's serve all treatments.
    linear
        Where ridge is fitted.
    """

    def __init__(self, code: int, outcomes: OutcomeModels, linear: LinearBench) -> None:
        self.code, self.outcomes, self.linear = code, outcomes, linear
        self.bench: TreeBench = outcomes.bench  # type: ignore[assignment]  # the stack stands on trees
        self.problem, self.pair = outcomes.problem, outcomes.problem.pair(code)
        self.folds = range(self.problem.n_folds)

    def members(self) -> tuple[list[Member], Scores, Ints]:
        """Return the members, S first, the scores on which they are weighed, and who is alike.

        Customers are alike who share a leaf of the forest: the leaf of each row of the pair in each tree of the one
        that has not seen it, (n, trees).
        """
        s, response = self._by_arm()
        expected = response.left_out + (self.pair.p - self.pair.share) * s.left_out
        scores = residual_scores(self.pair, expected)
        forests = self._each(lambda fold: self._forest(scores, fold))
        members = [
            s,
            response,
            *self._by_outcome(),
            self._member("X", self._each(self._imputed)),
            self._member("forest", forests),
            self._member("additive trees", self._each(lambda fold: self._additive(scores, fold))),
            self._ridge(scores),
            self._member("one-column rule", self._each(lambda fold: self._rule(scores, fold))),
        ]
        return members, scores, self._leaves(forests)

    def _leaves(self, forests: Sequence[Terms]) -> Ints:
        models = [terms[0][1] for terms in forests[:-1]]  # the last has seen all rows
        n_trees = min(model.part.booster.num_trees() if isinstance(model.part, TreesPart) else 0 for model in models)
        leaves = np.zeros((len(self.pair), n_trees), dtype=np.uint8, order="F")
        for fold, model in zip(self.folds, models, strict=True):
            unseen = np.flatnonzero(self.pair.fold == fold)
            for at, own in leaves_of(model.part, self.problem.matrix, self.pair.rows[unseen]):
                leaves[unseen[at]] = own[:, :n_trees]
        return leaves

    def _each(self, fit: Callable[[int | None], Fitted]) -> list[Fitted]:
        """Return what is fitted without each fold, and last on all rows."""
        return [fit(fold) for fold in (*self.folds, None)]

    def _train(self, fold: int | None) -> Rows:
        return np.flatnonzero(self.pair.fold != (-1 if fold is None else fold))

    def _by_arm(self) -> tuple[Member, Member]:
        """Return what one model of both arms says the treatment changes, and its outcome whatever the treatment."""
        fitted, share = self._each(self._of_both_arms), self.pair.share
        off, on = (self._left_out([models[side] for models in fitted]) for side in (0, 1))
        at_control, at_treatment = fitted[-1]
        return (
            Member("S", on - off, [(1.0, at_treatment), (-1.0, at_control)]),
            Member("response", share * on + (1 - share) * off, [(share, at_treatment), (1 - share, at_control)]),
        )

    def _of_both_arms(self, fold: int | None) -> tuple[Model, Model]:
        train, pair = self._train(fold), self.pair
        treated = pair.is_treated[train].astype(np.float64)
        bench = self.bench.growing(S_TREES)
        return bench.fit_by_arm(pair.rows[train], pair.y[train], pair.weight[train], "continuous", treated)

    def _by_outcome(self) -> list[Member]:
        """Return the control's outcome model, and what the treatment's says beyond it."""
        control = self._each(lambda fold: self.outcomes.model(0, fold))
        treated = self._each(lambda fold: self.outcomes.model(self.code, fold))
        at_control = self._left_out(control)
        return [
            Member("control-side twin", at_control, [(1.0, control[-1])]),
            Member("T", self._left_out(treated) - at_control, [(1.0, treated[-1]), (-1.0, control[-1])]),
        ]

    def _imputed(self, fold: int | None) -> Terms:
        """Return the effects imputed with the other arm's outcome model, as `XLearner` mixes them."""
        train, pair, share = self._train(fold), self.pair, self.pair.share
        terms = []
        for own, other, sign, part in ((self.code, 0, 1.0, 1 - share), (0, self.code, -1.0, share)):
            at = train[pair.is_treated[train] == (own == self.code)]
            rows = pair.rows[at]
            imputed = sign * (pair.y[at] - self.outcomes.model(other, fold).predict(self.problem.matrix, rows))
            terms.append((part, self.bench.fit_mean(rows, imputed, pair.weight[at], "difference")))
        return terms

    def _forest(self, scores: Scores, fold: int | None) -> Terms:
        """Return trees that split on the effect, each on half of the rows and with all scores at its leaves' mean."""
        train = self._train(fold)
        least = least_rows(len(train), FOREST_LEAF_SHARE)
        return self._grown(train, scores, Growth(FOREST_TREES, FOREST_LEAVES, least, is_forest=True))

    def _additive(self, scores: Scores, fold: int | None) -> Terms:
        train = self._train(fold)
        return self._grown(train, scores, Growth(ADDITIVE_TREES, 2, least_rows(len(train), ADDITIVE_LEAF_SHARE)))

    def _grown(self, train: Rows, scores: Scores, growth: Growth) -> Terms:
        value, weight = scores.value[train], scores.weight[train]
        return [(1.0, self.bench.grow(self.pair.rows[train], value, weight, growth))]

    def _ridge(self, scores: Scores) -> Member:
        rows = self.pair.rows
        left_out, _ = self.linear.left_out(rows, scores.value, scores.weight, self.pair.fold)
        whole = self.linear.fit_mean(rows, scores.value, scores.weight, "difference")
        return Member("ridge DR", left_out, [(1.0, whole)])

    def _rule(self, scores: Scores, fold: int | None) -> Terms:
        train = self._train(fold)
        own = Scores(scores.value[train], scores.weight[train])
        return [(1.0, Model(best_rule(self.problem, self.pair.rows[train], own)))]

    def _member(self, name: str, fitted: Sequence[Terms]) -> Member:
        """Return a member from its models without each fold and, last, of all rows."""
        left_out = np.zeros(len(self.pair))
        for place, (weight, _) in enumerate(fitted[-1]):
            left_out += weight * self._left_out([terms[place][1] for terms in fitted])
        return Member(name, left_out, fitted[-1])

    def _left_out(self, models: Sequence[Model]) -> Floats:
        """Return what the models without each fold say of its rows."""
        said = np.empty(len(self.pair))
        for fold in self.folds:
            unseen = np.flatnonzero(self.pair.fold == fold)
            said[unseen] = models[fold].predict(self.problem.matrix, self.pair.rows[unseen])
        return said
