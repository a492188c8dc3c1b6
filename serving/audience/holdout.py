"""Who gets which arm: a stratified draw by keyed hash, with the probability that each arm had.

Within each stratum the customers are ordered by their hash, which is a random permutation fixed by the key, and
the arms are dealt in their shares. Where shares do not come out whole the rounding is drawn too, so that a
customer's probability is exactly the one recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import InputError

from ...models.inputs.arrays import Floats
from .hashing import uniforms

Codes = npt.NDArray[np.intp]

TINY = 1e-9  # sums of shares may fall short of whole numbers by this much
SAFETY = 4.0  # standard deviations: a draw passes its bound less than once in 30,000


@dataclass(frozen=True, eq=False)
class Draw:
    """Arms as they were drawn.

    Attributes
    ----------
    arm
        (n,) 0 is the control, i the i-th treatment.
    probability
        (n,) of the arm that was drawn.
    """

    arm: npt.NDArray[np.intp]
    probability: Floats


def draw_arms(customer_id: pd.Series, stratum: pd.Series, probabilities: Floats, key: str) -> Draw:
    """Return the arm of each customer.

    Parameters
    ----------
    customer_id
        (n,) distinct ids.
    stratum
        (n,) labels; arms are balanced within each of them.
    probabilities
        (n, n_arms + 1) of each arm, the control first; rows sum to 1.
    key
        What the draw is for: seed, campaign and wave.

    Notes
    -----
    In a stratum of n customers the first ``floor(n P_k + u)`` of them, in the order of their hash, get one of the arms
    up to k, with ``P_k`` the cumulated probability and ``u`` uniform and fixed by key and stratum. The
    expected count of each arm is n times its probability, and counts differ from it by less than 1.

    Raises
    ------
    InputError
        If probabilities do not sum to 1.

    References
    ----------
    Imbens & Rubin (2015), Causal Inference for Statistics, Social, and Biomedical Sciences, chapter 9.
    """
    if len(probabilities) and not np.allclose(probabilities.sum(axis=1), 1.0):
        raise InputError("probabilities", "rows that sum to 1", f"{probabilities.sum(axis=1).min():g}")
    codes, names = cells_of(stratum, probabilities)
    order = np.lexsort((uniforms(customer_id, key), codes))
    sizes = np.bincount(codes, minlength=len(names))
    place = np.empty(len(codes), np.intp)
    place[order] = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rounding = np.minimum(uniforms(names, f"{key}|rounding"), 1 - 2 * TINY)[codes]
    upto = np.cumsum(probabilities, axis=1)[:, :-1] * sizes[codes][:, None] + rounding[:, None]
    arm = (place[:, None] >= np.floor(upto + TINY)).sum(axis=1)
    return Draw(arm, probabilities[np.arange(len(arm)), arm])


def cells_of(stratum: pd.Series, probabilities: Floats) -> tuple[Codes, list[str]]:
    """Return (n,) within which customers differ by chance alone: the stratum and the probabilities, and their names.

    Codes count up in the order in which the cells first appear.
    """
    codes, labels = pd.factorize(stratum)
    names = [str(label) for label in labels]
    for column in probabilities.T[:-1]:
        own, values = pd.factorize(column.round(12))
        codes, pairs = pd.factorize(codes * len(values) + own)
        names = [f"{names[pair // len(values)]}|{values[pair % len(values)]:.12g}" for pair in pairs]
    return codes.astype(np.intp), names


def spending_bound(costs: Floats, probabilities: Floats, codes: Codes) -> Floats:
    """Return what the draw may spend on the first m customers, for every m.

    Parameters
    ----------
    costs
        (n, n_arms + 1) of each arm, the control's first; not negative.
    probabilities
        (n, n_arms + 1), as in `draw_arms`.
    codes
        (n,) cells as `cells_of` gives them.

    Returns
    -------
    ndarray of shape (n,)
        The smaller of two bounds: the dearest arm for everyone, which no draw can pass; and the expected cost and
        four standard deviations, which a draw passes less than once in 30,000. It never falls along the list.

    Notes
    -----
    The deviation of a dealt arm comes from the spread of costs within cells and from rounding, of which there is less
    than one customer in each cell; costs that are the same for all leave the rounding alone.
    """
    worst = np.cumsum(np.where(probabilities > 0, costs, 0.0).max(axis=1))
    expected = np.cumsum((costs * probabilities).sum(axis=1))
    n_cells = np.maximum.accumulate(codes) + 1.0
    deviation = np.zeros(len(costs))
    for arm in range(costs.shape[1]):
        p, cost = probabilities[:, arm], np.where(probabilities[:, arm] > 0, costs[:, arm], 0.0)
        spread = np.cumsum(_spread_added(cost, codes) * 2 * p * (1 - p))
        random = np.maximum.accumulate(cost * ((p > 0) & (p < 1)), axis=0)
        deviation += np.sqrt(spread) + 0.5 * np.sqrt(n_cells) * random
    return np.minimum(worst, expected + SAFETY * deviation)


def _spread_added(cost: Floats, codes: Codes) -> Floats:
    """Return by how much each customer raises the sum of squares around the mean of its cell so far (Welford)."""
    group = pd.Series(cost).groupby(codes)
    count = group.cumcount().to_numpy(np.float64)
    before = group.cumsum().to_numpy(np.float64) - cost
    mean = np.divide(before, count, out=cost.copy(), where=count > 0)
    return (cost - mean) ** 2 * count / (count + 1)
