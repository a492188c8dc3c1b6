r"""What a policy (who gets which arm) is worth, measured on customers it was not learned from.

Every customer gets, for every arm a, a doubly-robust score: an unbiased guess of the outcome under that arm,

.. math::  \Gamma_a = \mu_a(x) + \frac{1[w = a]}{p_a} (y - \mu_a(x)),

and the value of a policy is the mean score of the arms that it gives. With known probabilities of assignment
this is right whatever the predictions :math:`\mu`; good ones only narrow the interval. They must come from other
customers than those measured (held-out or cross-fitted). Without predictions the arms' means stand in for them.

References
----------
Dudik, Langford & Li (2011), Doubly robust policy evaluation and learning.
Athey & Wager (2021), Policy learning with observational data, Econometrica 89.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import pandas as pd

from penchant.errors import InputError, did_you_mean

from ..evaluation.outcome_scores import outcome_scores, weighted_mean
from ..evaluation.ranking import falling, first_of_ties
from ..inputs.arrays import (
    Floats,
    one_column,
    read_by_arm,
    read_numbers,
    read_weights,
    refuse_lengths,
    refuse_misaligned,
)
from ..inputs.estimate import Estimate
from ..uplift.arms import Arms
from ..uplift.trial import Assignment, Experiment, read_experiment


@dataclass(frozen=True, eq=False)
class Stakes:
    """What an outcome is worth, and what a contact costs.

    Attributes
    ----------
    value
        Of one unit of the outcome: a number, (n,) by customer, or a mapping with one of these for every arm,
        the control's included (an order with a coupon earns less than one without). Default 1.
    cost
        Of putting one customer into an arm, whatever comes of it: a number or (n,) for every treatment, or a
        mapping treatment -> one of these. The control costs nothing. Default 0.
    """

    value: Any = 1.0
    cost: Any = 0.0

    def by_arm(self, names: tuple[str, ...], n: int) -> tuple[Floats, Floats]:
        """Return values and costs as (n, n_arms), columns in the order of ``names``.

        Raises
        ------
        InputError
            An arm without a value or cost, an unknown arm, text, or another length.
        """
        cost = read_by_arm("cost", self.cost, names[1:], n)
        return read_by_arm("value", self.value, names, n), np.column_stack([np.zeros(n), cost])


AS_COUNTED = Stakes()


@dataclass(frozen=True, eq=False)
class PolicyValue(Estimate):
    """Mean outcome (or profit) per 1,000 customers under a policy, with its interval.

    Attributes
    ----------
    over_nobody
        Difference to contacting nobody, per 1,000 customers.
    over_everyone
        By treatment: difference to giving it to everyone, per 1,000 customers.
    share
        By arm: share of customers, by weight, that the policy puts there.
    """

    over_nobody: Estimate
    over_everyone: Mapping[str, Estimate]
    share: Mapping[str, float]

    def __str__(self) -> str:
        """Return value and gain in a sentence."""
        own = Estimate(self.value, self.low, self.high)
        return f"{own:.4g} per 1,000 customers, {self.over_nobody:.4g} more than contacting nobody"


def policy_value(
    y: Any,
    policy: Any,
    treatment: Any,
    *,
    predicted: Any = None,
    stakes: Stakes = AS_COUNTED,
    **assignment: Unpack[Assignment],
) -> PolicyValue:
    """Return the doubly-robust value of a policy on held-out customers, with a 95 % interval.

    Parameters
    ----------
    y
        (n,) outcomes.
    policy
        What each customer would get: (n,) names of arms; or where there is one treatment (n,) booleans or
        shares in 0..1 (see `treat_top`); or (n, n_arms) shares, the control's first.
    treatment
        (n,) the arm each customer was in, as in `read_arms`.
    predicted
        Outcomes predicted by a model that has not seen these customers: a mapping arm -> (n,), a DataFrame
        with the arms as columns, or (n, n_arms), the control's first. Default: the arms' means.
    stakes
        Worth of outcomes and costs of contacts. Default: outcomes are counted as they are.
    **assignment
        Probabilities of assignment, weights, repeated customers: see `Assignment`.

    Raises
    ------
    InputError
        A policy with unknown arms or shares that do not sum to 1, missing values, or columns that do not match.

    Examples
    --------
    >>> y, treated = [1, 0, 0, 0] * 100, [1, 0, 1, 0] * 100
    >>> keen = [True, True, False, False] * 100  # contacting changes these customers, and no others
    >>> found = policy_value(y, keen, treated, stakes=Stakes(value=30, cost=2))
    >>> found.value, found.share
    (14000.0, {'control': 0.5, 'treated': 0.5})
    """
    refuse_misaligned(y=y, policy=policy)
    experiment = read_experiment(y, treatment, **assignment)
    shares = read_policy(policy, experiment.arms)
    profit = profit_scores(experiment, predicted, stakes)
    value = stakes.by_arm(experiment.arms.names, len(experiment))[0]
    names, here = experiment.arms.names, np.arange(len(experiment))

    def gain(of: Floats) -> Estimate:
        return weighted_mean((of * profit).sum(axis=1), experiment, (of * value)[here, experiment.arms.codes])

    everyone = np.eye(len(names))
    total = gain(shares)
    put = np.average(shares, axis=0, weights=experiment.weight).tolist()
    return PolicyValue(
        total.value,
        total.low,
        total.high,
        over_nobody=gain(shares - everyone[0]),
        over_everyone={name: gain(shares - own) for name, own in zip(names[1:], everyone[1:], strict=True)},
        share=dict(zip(names, put, strict=True)),
    )


def profit_scores(experiment: Experiment, predicted: Any = None, stakes: Stakes = AS_COUNTED) -> Floats:
    """Return the doubly-robust profit of each customer and arm, (n, n_arms), in the unit of the stakes."""
    value, cost = stakes.by_arm(experiment.arms.names, len(experiment))
    return value * outcome_scores(experiment, predicted) - cost


def treat_top(score: Any, share: float, sample_weight: Any = None) -> Floats:
    """Return the policy "contact the best-scored share": (n,) shares, 1 = contacted.

    Customers with the score at the cut are contacted in the part that is left for them, so that the order of
    the rows does not matter.

    Parameters
    ----------
    score
        (n,), higher is better.
    share
        Of all customers by weight, in 0..1.
    sample_weight
        (n,) weights; default 1.

    Raises
    ------
    InputError
        A share outside 0..1, or missing scores.

    Examples
    --------
    >>> treat_top([3, 1, 1, 2], 0.75).tolist()
    [1.0, 0.5, 0.5, 1.0]
    """
    if not 0 <= share <= 1:
        raise InputError("share", "a share in 0..1 is needed", f"{share:g}")
    numbers = read_numbers("score", score)
    weight = read_weights(sample_weight, len(numbers))
    order = falling(numbers)
    starts = first_of_ties(numbers[order])
    size = np.add.reduceat(weight[order], starts)
    room = share * size.sum() - (np.cumsum(size) - size)
    part = np.clip(np.divide(room, size, out=np.zeros(len(size)), where=size > 0), 0.0, 1.0)
    policy = np.empty(len(numbers))
    policy[order] = np.repeat(part, np.diff(np.append(starts, len(order))))
    return policy


def read_policy(policy: Any, arms: Arms) -> Floats:
    """Return a policy as the share of each customer that gets each arm: (n, n_arms), rows sum to 1.

    Raises
    ------
    InputError
        Unknown arms, shares outside 0..1 or that do not sum to 1, or another shape.
    """
    n = len(arms)
    if np.ndim(policy) == 2 and np.shape(policy)[1] > 1:
        shares = read_by_arm("policy", policy, arms.names, n)
    else:
        column = one_column("policy", policy)
        refuse_lengths(n, policy=column)
        is_number = pd.api.types.is_numeric_dtype(column)  # booleans are
        shares = _two_shares(column, arms) if is_number else _named_shares(column, arms)
    if (shares < 0).any() or not np.allclose(shares.sum(axis=1), 1.0, atol=1e-9):
        raise InputError("policy", "shares in 0..1 that sum to 1 for every customer are needed", "others")
    return shares


def _two_shares(column: Any, arms: Arms) -> Floats:
    if arms.n_arms > 2:
        raise InputError("policy", "with several treatments, names of arms are needed", "numbers")
    treated = read_numbers("policy", column)
    return np.column_stack([1 - treated, treated])


def _named_shares(column: Any, arms: Arms) -> Floats:
    names = column.astype(str)
    unknown = sorted(set(names) - set(arms.names))
    if unknown:
        raise InputError("policy", "names of arms are needed", f"'{unknown[0]}'", did_you_mean(unknown[0], arms.names))
    return (names[:, None] == np.array(arms.names)).astype(np.float64)
