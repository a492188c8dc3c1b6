"""Who resembles the best customers, by the attributes that are known of everyone on the list."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import LeftOutError

from ...models.inputs.arrays import Floats

SMOOTHING = 20.0  # customers at the overall rate that every value is mixed with
N_BINS = 5


def lookalike(profile: pd.DataFrame, is_best: npt.NDArray[np.bool_], is_known: npt.NDArray[np.bool_]) -> Floats:
    """Return how much likelier than the average each customer is to be one of the best.

    Parameters
    ----------
    profile
        (n, attributes) of everyone: texts, numbers or flags; a missing value is a value of its own.
    is_best
        (n,) who is one of the best customers.
    is_known
        (n,) of whom it is known whether they are; only these are learned from.

    Returns
    -------
    ndarray of shape (n,)
        Factor on the overall rate of the best among the known; 1 is the average.

    Notes
    -----
    Naive Bayes with rates that are mixed with the overall one: few attributes, most of them codes, and a list that is
    not a sample of the customers ask for a rule that does not go beyond single values.

    Raises
    ------
    LeftOutError
        If there is no attribute, or all of the known are best, or none.

    References
    ----------
    Hand & Yu (2001), Idiot's Bayes: not so stupid after all? International Statistical Review 69.

    Examples
    --------
    >>> region = pd.DataFrame({"region": ["north"] * 40 + ["south"] * 60})
    >>> best = np.array([True] * 20 + [False] * 80)
    >>> lookalike(region, best, np.ones(100, bool))[[0, -1]].round(2).tolist()
    [2.0, 0.25]
    """
    n_best, n_known = int(is_best[is_known].sum()), int(is_known.sum())
    if profile.shape[1] == 0 or not 0 < n_best < n_known:
        raise LeftOutError(
            "look-alikes of the best customers",
            "attributes of customers, and both better and other customers to learn from",
            f"{profile.shape[1]} attributes, {n_best:,} best of {n_known:,}",
        )
    base = n_best / n_known
    log_odds = np.full(len(profile), np.log(base / (1 - base)))
    for name in profile:
        log_odds += _evidence(_codes(profile[name]), is_best, is_known, base)
    return 1.0 / (1.0 + np.exp(-log_odds)) / base


def _codes(values: pd.Series) -> npt.NDArray[np.intp]:
    """Return each value as a number from 0, numbers in bins; missing is a value of its own."""
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > N_BINS:
        values = pd.qcut(values, N_BINS, duplicates="drop")
    return pd.factorize(values, use_na_sentinel=False)[0]


def _evidence(
    codes: npt.NDArray[np.intp], is_best: npt.NDArray[np.bool_], is_known: npt.NDArray[np.bool_], base: float
) -> Floats:
    """Return the log of how much likelier each value is among the best than among the others."""
    size = codes.max(initial=-1) + 1
    best = np.bincount(codes[is_known & is_best], minlength=size)
    other = np.bincount(codes[is_known & ~is_best], minlength=size)
    rate = (best + SMOOTHING * base) / (best + other + SMOOTHING)
    return np.log(rate / (1 - rate) / (base / (1 - base)))[codes]
