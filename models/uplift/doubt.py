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

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from ..inputs.arrays import Floats, Ints
from ..plain_parts import TreesPart
from ..plain_scorer import EffectError
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


def leaves_of(part: object, matrix: Floats) -> Ints:
    """Return the leaf of each row in each tree, shape (n, trees); of a model without trees (n, 0)."""
    if not isinstance(part, TreesPart):
        return np.empty((len(matrix), 0), dtype=np.int64)
    return np.asarray(part.booster.predict(matrix, pred_leaf=True, num_threads=1), dtype=np.int64)


class _Alike:
    """Rows in groups: one for each leaf of each tree in each fold, and inside it one for each customer."""

    def __init__(self, leaves: Ints, fold: Folds, customer: Ints | None) -> None:
        self.n_trees = leaves.shape[1]
        self.person = np.arange(len(fold)) if customer is None else customer
        wide = int(leaves.max(initial=0)) + 1
        place = (fold[:, None].astype(np.int64) * self.n_trees + np.arange(self.n_trees)) * wide + leaves
        self.group = place.ravel()
        if customer is None:  # each row of a group is one
            self.single, self.group_of_single = np.arange(len(self.group)), self.group
            return
        n_people = int(customer.max()) + 1
        known, self.single = np.unique(self.group * n_people + np.repeat(customer, self.n_trees), return_inverse=True)
        self.group_of_single = known // n_people

    def sums(self, values: Floats) -> Floats:
        """Return the sum by group."""
        return _counted(self.group, np.repeat(values, self.n_trees))

    def squares(self, values: Floats) -> Floats:
        """Return by group the sum of the customers' squared sums."""
        return _counted(self.group_of_single, _counted(self.single, np.repeat(values, self.n_trees)) ** 2)

    def products(self, values: Floats) -> Floats:
        """Return by group the sum of products of two customers, each pair counted twice."""
        return self.sums(values) ** 2 - self.squares(values)


def _counted(place: Ints, values: Floats) -> Floats:
    return np.asarray(np.bincount(place, values), dtype=np.float64)


def _left(residual: Floats, weight: Floats, alike: _Alike) -> float:
    """Return the mean squared error that rows alike share, as it is to be expected given how noisily it shows."""
    if not alike.n_trees:
        return 0.0
    pairs, held = alike.products(weight), alike.sums(weight)
    some = pairs > 1e-12 * held**2
    if not some.any():
        return 0.0

    def error(values: Floats) -> float:
        return float(np.average(alike.products(values)[some] / pairs[some], weights=held[some]))

    rng = np.random.default_rng(0)
    n_people = int(alike.person.max()) + 1
    noise = np.std([error(residual * rng.choice([-1.0, 1.0], n_people)[alike.person]) for _ in range(N_SIGNS)])
    seen = error(residual)
    if noise == 0:
        return max(seen, 0.0)
    standard = seen / noise
    return float(seen + noise * np.exp(norm.logpdf(standard) - norm.logcdf(standard)))  # cut at zero
