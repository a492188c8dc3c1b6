"""Each customer's outcome under each arm, doubly robust, and means of such scores with their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..inputs.arrays import Floats, Ints, read_by_arm
from ..inputs.estimate import Estimate
from ..inputs.two_means import ArmSums, OutcomeKind, Sizes, design_effect, kind_of_outcome, mean_bounds, sizes_of
from ..uplift.trial import Experiment
from .qini import LEAST_IN_ARM, PER_CUSTOMERS

STANDARD_ERRORS = 1.959964  # half width of a normal 95 % interval


def outcome_scores(experiment: Experiment, predicted: Any = None) -> Floats:
    """Return the doubly-robust score of each customer and arm, (n, n_arms), in the unit of the outcome.

    Parameters
    ----------
    predicted
        As in `policy_value`.
    """
    arms, y = experiment.arms, experiment.y
    here = np.arange(arms.n_arms) == arms.codes[:, None]
    share: Floats = here / arms.probability
    mu: Floats
    if predicted is None:
        held = share * experiment.weight[:, None]
        mu = np.tile(y @ held / held.sum(axis=0), (len(y), 1))
    else:
        mu = read_by_arm("predicted", predicted, arms.names, len(y))
    return mu + share * (y[:, None] - mu)


def weighted_mean(scores: Floats, experiment: Experiment, factor: Floats) -> Estimate:
    """Return the mean of scores per 1,000 customers with its 95 % interval, by customer where they repeat.

    Parameters
    ----------
    scores
        (n,) sums of doubly-robust scores, by what they are of.
    factor
        (n,) how often a row's own outcome counts in them, before it is divided by its probability. What an arm adds to
        the interval is what its rows that count allow to say (`two_means`), be they few.
    """
    weight = experiment.weight
    mean = float(np.average(scores, weights=weight))
    off = weight * (scores - mean)
    if experiment.customer is not None:
        off = np.bincount(experiment.customer, weights=off).astype(np.float64)
    variance = float(np.sum(off**2))
    more = few_rows(experiment, factor)
    low, high = STANDARD_ERRORS * np.sqrt(np.maximum(variance + more, 0.0)) / float(weight.sum())
    return Estimate(mean, mean - float(low), mean + float(high)).scaled(PER_CUSTOMERS)


def few_rows(experiment: Experiment, factor: Floats) -> Floats:
    """Return (2,) by how much a sum's variance is off below and above it, for what few rows of an arm allow to say.

    Parameters
    ----------
    experiment
        The rows.
    factor
        (n,) how often a row's own outcome counts; of rows that count not at all nothing need be known.
    """
    arms, kind = experiment.arms, kind_of_outcome(experiment.y)
    pull = experiment.weight * factor / arms.own_probability
    sizes = sizes_of(ArmSums.of(experiment.y, experiment.weight / arms.own_probability))
    if pull.any() and np.bincount(arms.codes, minlength=arms.n_arms).min() < LEAST_IN_ARM:
        return np.full(2, np.nan)
    more = np.zeros(2)
    for code in range(arms.n_arms):
        rows = (arms.codes == code) & (pull != 0)
        if rows.any():
            more += _of_arm(pull[rows], experiment.y[rows], _customers(experiment, rows), kind, sizes)
    return more


def _customers(experiment: Experiment, rows: npt.NDArray[np.bool_]) -> Ints | None:
    return None if experiment.customer is None else experiment.customer[rows]


def _of_arm(pull: Floats, y: Floats, customer: Ints | None, kind: OutcomeKind, sizes: Sizes) -> Floats:
    """Return (2,) the square of what an arm's interval reaches below and above, less the variance that was seen."""
    own = ArmSums.of(y, np.abs(pull))
    off = pull * (y - own.mean)
    design = design_effect(off, customer)
    least, most = mean_bounds(own.clustered(design), kind, pooled=sizes)
    reach = np.array([own.mean - least, most - own.mean]) * float(own.weight) / STANDARD_ERRORS
    if (pull < 0).all():
        reach = reach[::-1]
    elif (pull < 0).any():
        reach = np.full(2, reach.max())
    return np.asarray(reach**2 - design * float(off @ off))
