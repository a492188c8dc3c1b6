"""How far a single customer's effect may lie from its prediction.

A trial shows no customer's own effect, so an interval rests on three things that it does show, and one assumption:

1. the standard error of the average effect;
2. the error that is left among customers alike: the scores' residuals, by models that have not seen them, are noise
   around it, so the product of two customers' residuals in one leaf of the forest is its square, on average;
3. the spread of the predictions: the further they go from the average, the more they may be off;
4. assumed: what these data could not have shown is there. Effects differ among customers as much as they are large on
   average, and by 1.4 standard errors of it; what the predictions do not spread of it is doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.stats import norm

from ..inputs.arrays import Floats, Ints
from ..plain_parts import TreesPart
from ..plain_scorer import EffectError
from .models import PIECE
from .outcomes import Scores
from .problem import Folds
from .weights import Weights

# Chosen on simulated trials of six shapes and two sizes, checked on four other shapes; see benchmarks/uplift.py.
UNSEEN = 2.0  # squared standard errors of the average effect by which effects may differ unseen
SLOPE = 0.25  # squared share of a prediction's distance from the average by which it may be off
N_SIGNS = 12  # draws of random signs that say how much noise is in the products


def effect_error(
    weights: Weights, left_out: Sequence[Floats], scores: Scores, leaves: Ints, fold: Folds, customer: Ints | None
) -> EffectError:
    """Return how far a customer's effect may lie from the stack's prediction.

    Parameters
    ----------
    weights, left_out, scores, fold, customer
        As `fit_weights` gives and takes them.
    leaves
        (n, trees) leaf of each row in trees that have not seen it; no columns: no trees were grown.
    """
    uplift = weights.level + sum(
        w * (member - mean) for w, member, mean in zip(weights.weights, left_out, weights.means, strict=True) if w
    )
    shared = weights.variance
    spread = float(weights.weights @ weights.spread @ weights.weights)
    unseen = max(weights.level**2 + UNSEEN * shared - spread, 0.0)
    own = unseen + _left(scores.weight * (scores.value - uplift), scores.weight, _Alike(leaves, fold, customer))
    return EffectError(weights.level, shared, own, SLOPE)


def leaves_of(part: object, matrix: Floats, rows: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Yield the leaf of some rows in each tree, shape (m, trees), piece by piece with the positions among the rows.

    Of a model without trees the shape is (m, 0).
    """
    for start in range(0, len(rows), PIECE):
        at = np.arange(start, min(start + PIECE, len(rows)))
        if isinstance(part, TreesPart):
            yield at, np.asarray(part.booster.predict(matrix[rows[at]], pred_leaf=True, num_threads=1))
        else:
            yield at, np.empty((len(at), 0), dtype=np.intp)


class _Alike:
    """Rows in groups: one for each leaf of each tree in each fold, and inside it one for each customer.

    One tree after the other: a number for each row and tree would take several times the memory of the data.
    """

    def __init__(self, leaves: Ints, fold: Folds, customer: Ints | None) -> None:
        self.leaves, self.fold = leaves, fold.astype(np.intp)
        self.n_trees = leaves.shape[1]
        self.person = np.arange(len(fold)) if customer is None else customer
        self.wide = int(leaves.max(initial=0)) + 1
        self.n_groups = (int(fold.max(initial=0)) + 1) * self.wide  # of a tree
        self.pairs: list[tuple[Ints, Ints]] = []  # by tree, of each row its customer's place in a group, and the groups
        if customer is not None:
            n_people = int(customer.max()) + 1
            for tree in range(self.n_trees):
                known, single = np.unique(self._group(tree) * n_people + customer, return_inverse=True)
                self.pairs.append((single.astype(np.int32), (known // n_people).astype(np.int32)))

    def _group(self, tree: int) -> Ints:
        return self.fold * self.wide + self.leaves[:, tree]

    def sums(self, values: Floats) -> Floats:
        """Return the sum by group."""
        return self._of_trees(lambda tree: (self._group(tree), values))

    def products(self, values: Floats, squares: Floats | None = None) -> Floats:
        """Return by group the sum of products of two customers, each pair counted twice; ``squares`` if known."""
        return self.sums(values) ** 2 - (self.squares(values) if squares is None else squares)

    def squares(self, values: Floats) -> Floats:
        """Return by group the sum of the customers' squares; no change of a customer's sign changes it."""
        return self._of_trees(lambda tree: self._squares(tree, values))

    def _squares(self, tree: int, values: Floats) -> tuple[Ints, Floats]:
        """Return the group of each customer in a tree, and the square of what the customer's rows add up to."""
        if not self.pairs:  # each row is one
            return self._group(tree), values**2
        single, group = self.pairs[tree]
        return group, np.asarray(np.bincount(single, values), dtype=np.float64) ** 2

    def _of_trees(self, counted: Callable[[int], tuple[Ints, Floats]]) -> Floats:
        sums = [np.bincount(*counted(tree), minlength=self.n_groups) for tree in range(self.n_trees)]
        return np.concatenate(sums) if sums else np.empty(0)


def _left(residual: Floats, weight: Floats, alike: _Alike) -> float:
    """Return the mean squared error that rows alike share, as it is to be expected given how noisily it shows."""
    if not alike.n_trees:
        return 0.0
    pairs, held = alike.products(weight), alike.sums(weight)
    some = pairs > 1e-12 * held**2
    if not some.any():
        return 0.0

    squares = alike.squares(residual)

    def error(values: Floats) -> float:
        return float(np.average(alike.products(values, squares)[some] / pairs[some], weights=held[some]))

    rng = np.random.default_rng(0)
    n_people = int(alike.person.max()) + 1
    noise = np.std([error(residual * rng.choice([-1.0, 1.0], n_people)[alike.person]) for _ in range(N_SIGNS)])
    seen = error(residual)
    if noise == 0:
        return max(seen, 0.0)
    standard = seen / noise
    return float(seen + noise * np.exp(norm.logpdf(standard) - norm.logcdf(standard)))  # cut at zero
