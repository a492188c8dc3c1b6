"""Weights of the stack: as much of each member as left-out customers vouch for, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls

from ..inputs.arrays import Floats, Ints
from ..inputs.estimate import Estimate
from ..plain_scorer import ROWS_AT_ONCE, Z95
from .outcomes import Scores
from .problem import Folds

# Chosen on simulated trials (effects of ten shapes, 5,000 and 50,000 customers, even and 90/10 arms), then checked
# on other seeds, shapes and the Hillstrom trial; see benchmarks/uplift.py.
START = 0.25  # what the first member costs where there is nothing to find, in standard errors of the average effect
HALF_BELIEVED = 12.0  # squared standard errors of the gain on left-out folds at which half of it is believed
STEEPNESS = 3  # how sharply less is believed below, and more above
APART = 7.0  # squared standard errors of the gain from which on it is said that customers differ
HELD = 3.0  # pull of each weight towards the start, in squared standard errors of the average effect


@dataclass(frozen=True, eq=False)
class Weights:
    """What the stack takes of each member.

    Attributes
    ----------
    level
        Uplift where all members stand at their mean: the average effect.
    weights
        (members,) zero or more, of the members' deviations from their means.
    means
        (members,) weighted means of the members.
    believed
        Share of the way from the start to the least squares weights that was gone, 0 to 1.
    evidence
        Squared standard errors by which left-out folds gain from that way; zero where they do not.
    average
        The average effect with its 95 % interval.
    spread
        (members, members) weighted covariance of the members.
    variance
        Of the average effect: its squared standard error.
    """

    level: float
    weights: Floats
    means: Floats
    believed: float
    evidence: float
    average: Estimate
    spread: Floats
    variance: float

    @property
    def shares(self) -> Floats:
        """Each member's share in the variance of the stack over customers; zeros where there is none."""
        carried = self.weights * (self.spread @ self.weights)
        return np.asarray(carried / carried.sum() if carried.sum() > 0 else np.zeros(len(carried)))

    @property
    def tells_apart(self) -> bool:
        """Whether the data tell customers apart by their uplift: 2.6 standard errors or more of gain."""
        return self.evidence >= APART


def fit_weights(
    left_out: Sequence[Floats], scores: Scores, fold: Folds, customer: Ints | None, held: Sequence[float] | None = None
) -> Weights:
    """Return non-negative weights of the members, shrunk as far as noise could have made them.

    The scores are noise around the uplift, so the weighted squared distance to them is the error of the uplift
    plus a constant. Weights start at a little of the first member (nothing else), and move towards the least
    squares fit by a share that depends on how many standard errors such a fit improves on the start, on folds
    that had no part in it: among several members some fit the noise of their own rows. Where the data cannot
    tell customers apart, all are near the average effect.

    Parameters
    ----------
    left_out
        (members)(n,) predictions by models that have not seen the row, in the scores' unit or any other.
    scores
        The customers' scores.
    fold
        (n,) fold of each row; all rows of a customer share one.
    customer
        (n,) codes of customers who repeat, else None; their rows are not independent.
    held
        (members,) how much harder than ``HELD`` each weight is held at its start. Default: 1.

    References
    ----------
    van der Laan, Polley & Hubbard (2007), Super learner, SAGMB 6; Nie & Wager (2021), Biometrika 108 (stacking on
    the R-loss); Breiman (1995), Better subset regression using the nonnegative garrote, Technometrics 37.
    """
    share = scores.weight / scores.weight.sum()
    level = float(share @ scores.value)
    means = np.array([share @ member for member in left_out])
    noise = share * (scores.value - level)
    parts = []
    for left in range(int(fold.max()) + 1):  # tables of a fold at a time: all at once would double the memory
        own = np.flatnonzero(fold == left)
        ids = None if customer is None else np.unique(customer[own], return_inverse=True)[1]
        pieces = [own] if ids is not None else np.array_split(own, -(-len(own) // ROWS_AT_ONCE))
        found = []
        for piece in pieces:
            table = np.column_stack([member[piece] for member in left_out]) - means
            found.append(_Evidence.read(table, share[piece], noise[piece], ids))
        parts.append(_summed(found))
    whole = _summed(parts)
    start, prior = whole.start(), np.ones(len(means)) if held is None else np.asarray(held, dtype=np.float64)
    evidence = _evidence(whole, parts, start, prior)
    believed = evidence**STEEPNESS / (evidence**STEEPNESS + HALF_BELIEVED**STEEPNESS)
    error = Z95 * np.sqrt(whole.variance_of_level)
    average = Estimate(level, level - error, level + error)
    weights = start + believed * (whole.best(start, prior) - start)
    return Weights(level, weights, means, believed, evidence, average, whole.spread, whole.variance_of_level)


@dataclass(frozen=True, eq=False)
class _Evidence:
    """Sums over customers that the weights are read from.

    ``spread`` (q, q) is the members' covariance, ``pull`` (q,) their covariance with the scores, ``doubt``
    (q, q) the sampling covariance of ``pull``, ``variance_of_level`` that of the average effect.
    """

    spread: Floats
    pull: Floats
    doubt: Floats
    variance_of_level: float

    @classmethod
    def read(cls, table: Floats, share: Floats, noise: Floats, customer: Ints | None) -> _Evidence:
        rows = np.column_stack([table * noise[:, None], noise])
        if customer is not None:
            sums = np.zeros((int(customer.max()) + 1, rows.shape[1]))
            np.add.at(sums, customer, rows)
            rows = sums
        doubt = rows.T @ rows
        pull = rows[:, :-1].sum(axis=0)
        return cls((table * share[:, None]).T @ table, pull, doubt[:-1, :-1], float(doubt[-1, -1]))

    @property
    def sums(self) -> tuple[Any, ...]:
        """What adds up over folds."""
        return self.spread, self.pull, self.doubt, self.variance_of_level

    def without(self, part: _Evidence) -> _Evidence:
        """Return the evidence of the other folds, about the same average effect."""
        spread, pull, doubt = self.spread - part.spread, self.pull - part.pull, self.doubt - part.doubt
        return _Evidence(spread, pull, doubt, self.variance_of_level)

    def start(self) -> Floats:
        """Return weights that hold a little of the first member, so that a ranking remains.

        Where there is nothing to find, this adds at most START squared to the squared error of the constant.
        """
        weights = np.zeros(len(self.pull))
        told = self.spread[0, 0] / self.variance_of_level if self.variance_of_level > 0 else 0.0
        if told > 0:
            weights[0] = min(1.0, START / np.sqrt(told)) if told < 1 else START / told
        return weights

    def best(self, start: Floats, prior: Floats) -> Floats:
        """Return the least squares weights, each held towards the start as hard as the prior says."""
        held = HELD * self.variance_of_level * prior + 1e-9 * np.trace(self.spread) + 1e-30
        root = np.linalg.cholesky(self.spread + np.diag(held))
        return np.asarray(nnls(root.T, np.linalg.solve(root, self.pull + held * start))[0])


def _summed(parts: Sequence[_Evidence]) -> _Evidence:
    """Return the evidence of several sets of customers together."""
    return _Evidence(*(sum(sums) for sums in zip(*(part.sums for part in parts), strict=True)))


def _evidence(whole: _Evidence, parts: Sequence[_Evidence], start: Floats, prior: Floats) -> float:
    """Return by how many squared standard errors folds gain from steps that they had no part in."""
    gain = variance = 0.0
    for part in parts:
        step = whole.without(part).best(start, prior) - start
        gain += float(step @ (part.pull - part.spread @ start))
        variance += float(step @ part.doubt @ step)
    return gain**2 / variance if gain > 0 and variance > 0 else 0.0
