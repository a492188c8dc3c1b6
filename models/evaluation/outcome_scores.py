"""Each customer's outcome under each arm, doubly robust, and means of such scores with their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs.arrays import Floats, read_by_arm
from ..inputs.estimate import Estimate
from ..uplift.trial import Experiment
from .qini import PER_CUSTOMERS

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


def weighted_mean(scores: Floats, experiment: Experiment) -> Estimate:
    """Return the mean of scores per 1,000 customers, its interval normal and by customer where they repeat."""
    weight = experiment.weight
    mean = float(np.average(scores, weights=weight))
    off = weight * (scores - mean)
    if experiment.customer is not None:
        off = np.bincount(experiment.customer, weights=off).astype(np.float64)
    half = STANDARD_ERRORS * float(np.sqrt(np.sum(off**2))) / float(weight.sum())
    return Estimate(mean, mean - half, mean + half).scaled(PER_CUSTOMERS)
