r"""The one definition of the uplift curve, and the numbers read off it.

Customers are sorted by falling score. For the best-scored share :math:`q` of all customers (by weight),

.. math::
    G(q) = q \left( \frac{\sum_{top} v_i w_i y_i / p_i}{\sum_{top} v_i w_i / p_i}
         - \frac{\sum_{top} v_i (1 - w_i) y_i / (1 - p_i)}{\sum_{top} v_i (1 - w_i) / (1 - p_i)} \right)

with outcome y, treated w (0/1), probability of treatment p by row, and sample weight v: the outcome that is
gained, per customer of the whole population, when the best share q is contacted and nobody else. Both means
are weighted by inverse probability and normalised in the top itself (Hajek's estimator, not
Horvitz-Thompson's: adding a constant to every outcome changes nothing, and its variance is smaller).

Customers of equal score enter together, as a straight line. So do the first ones until both arms are there.
A ranking that says nothing gives the straight line from (0, 0) to (1, G(1)); a constant score gives exactly
that line.

- cumulative uplift: G; AUUC: its area; Qini coefficient: the area between G and the straight line;
- uplift at k: G(k) / k; AUTOC: the area of G(q) / q - G(1).

References
----------
Radcliffe (2007), Using control groups to target on predicted lift.
Hajek (1971), comment in Godambe & Sprott, Foundations of Statistical Inference.
Yadlowsky, Fleming, Shah, Brunskill & Wager (2021), arXiv:2111.07966 (RATE: AUTOC and the Qini coefficient).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..inputs.arrays import Floats, Ints
from ..uplift.trial import Trial
from .ranking import Positions, falling, first_of_ties

Knots = tuple[Floats, Floats]


@dataclass(frozen=True, eq=False)
class Ranked:
    """The sums behind a curve, sorted once by falling score; a draw only reweights them.

    Attributes
    ----------
    order
        (n,) positions in the trial, best score first.
    starts
        Where each distinct score starts; None where no two are equal.
    parts
        (5, n): weight; treated weight / p, the same times y; control weight / (1 - p), the same times y.
    """

    order: Positions
    starts: Positions | None
    parts: Floats


def rank(trial: Trial, score: Floats) -> Ranked:
    """Return the sums of a trial in the order of one score, shape (n,)."""
    order = falling(score)
    starts = first_of_ties(score[order])
    w, p, v = trial.is_treated[order], trial.p_treated[order], trial.weight[order]
    y = trial.y[order] - np.median(trial.y)  # the curve is the same; equal outcomes give exact zeros
    treated, control = v * w / p, v * ~w / (1 - p)
    parts = np.vstack([v, treated, treated * y, control, control * y])
    return Ranked(order, None if len(starts) == len(order) else starts, parts)


def thinned(ranked: Ranked, most: int = 5000) -> Ranked:
    """Return sums with neighbouring scores pooled into at most ``most`` steps, for draws in large trials.

    The spread of the draws stays the same to a fraction of a per cent; their cost halves.
    """
    starts = np.arange(len(ranked.order)) if ranked.starts is None else ranked.starts
    if len(starts) <= 2 * most:
        return ranked
    return Ranked(ranked.order, pooled(starts, len(ranked.order), most), ranked.parts)


def pooled(starts: Positions, n: int, most: int) -> Positions:
    """Return at most ``most`` of the starts of steps in n rows, evenly over the rows."""
    near = np.searchsorted(starts, np.linspace(0, n, most, endpoint=False))
    return starts[np.unique(near[near < len(starts)])]


def knots(ranked: Ranked, counts: Ints | None = None) -> Knots:
    """Return the corners of the curve: depths from 0 to 1, and G there.

    Parameters
    ----------
    counts
        (n,) how often each row of the trial was drawn; None: once.
    """
    parts = ranked.parts if counts is None else ranked.parts * counts[ranked.order]
    if ranked.starts is not None:
        parts = np.add.reduceat(parts, ranked.starts, axis=1)
    passed, treated, treated_y, control, control_y = np.cumsum(parts, axis=1)
    depth = passed / passed[-1]
    first = int(np.argmax((treated > 0) & (control > 0)))  # before it, one arm is still missing
    gain = np.empty_like(depth)
    gain[first:] = depth[first:] * (treated_y[first:] / treated[first:] - control_y[first:] / control[first:])
    gain[:first] = gain[first] * (depth[:first] / depth[first])
    return np.concatenate([[0.0], depth]), np.concatenate([[0.0], gain])


def unseen_share(ranked: Ranked) -> float:
    """Return the share of customers, the best-scored, up to which one of the arms has nobody at all."""
    treated, control = (np.cumsum(ranked.parts[i]) > 0 for i in (1, 3))
    first = int(np.argmax(treated & control))
    if ranked.starts is not None:  # equal scores enter together
        first = int(ranked.starts[np.searchsorted(ranked.starts, first, side="right") - 1])
    return float(ranked.parts[0][:first].sum() / ranked.parts[0].sum())


def area(depth: Floats, gain: Floats) -> float:
    """Return the area under the curve (AUUC), outcome per customer at a depth drawn at random."""
    return float(np.sum(np.diff(depth) * (gain[1:] + gain[:-1])) / 2)


def coefficient(depth: Floats, gain: Floats) -> float:
    """Return the Qini coefficient: the area between the curve and the straight line to its end."""
    return area(depth, gain) - float(gain[-1]) / 2


def autoc(depth: Floats, gain: Floats) -> float:
    """Return the area under G(q) / q - G(1), exact on the straight pieces.

    A piece G = a + b q has the integral a log(q1 / q0) + b (q1 - q0) of G / q.
    """
    step = np.diff(depth)
    moved = step > 0  # weight 0 moves nothing
    q0, q1, slope = depth[:-1][moved], depth[1:][moved], np.diff(gain)[moved] / step[moved]
    level = (gain[:-1][moved] - slope * q0)[1:]  # the first piece goes through the origin
    return float(np.sum(level * np.log(q1[1:] / q0[1:])) + np.sum(slope * (q1 - q0)) - gain[-1])


def at(depth: Floats, gain: Floats, where: Floats) -> Floats:
    """Return G at some depths."""
    return np.interp(where, depth, gain)
