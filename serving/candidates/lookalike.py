"""Who resembles the best customers, by the attributes that are known of everyone on the list."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import LeftOutError

from ...models.estimators.likeness import learn_likeness
from ...models.inputs.arrays import Floats


def lookalike(profile: pd.DataFrame, is_best: npt.NDArray[np.bool_], is_stranger: npt.NDArray[np.bool_]) -> Floats:
    """Return how much likelier each row is to be one of the best than a stranger is on average.

    Parameters
    ----------
    profile
        (n, attributes) of everyone: texts, numbers or flags; a missing value says nothing.
    is_best
        (n,) who is one of the best customers.
    is_stranger
        (n,) of whom it is not known yet whether they will be.

    Returns
    -------
    ndarray of shape (n,)
        Ratio of the row's share among the best to that among strangers; its mean over the strangers is 1.

    Notes
    -----
    The best are learned against the strangers themselves (`learn_likeness`: positive and unlabelled), not against
    customers who are not among the best: on the simulator's strangers of two shops that ranks better who comes within
    60 days (AUC 0.65 and 0.66 against 0.58 and 0.57) and who orders within 180 (0.65 and 0.65 against 0.60 and 0.52).

    Raises
    ------
    LeftOutError
        If there is no attribute, nobody is best, or nobody is a stranger.

    Examples
    --------
    >>> region = pd.DataFrame({"region": ["north"] * 40 + ["south"] * 60})
    >>> best = np.array([True] * 20 + [False] * 80)
    >>> lookalike(region, best, ~best)[[0, -1]].round(2).tolist()
    [2.67, 0.44]
    """
    n_best, n_strangers = int(is_best.sum()), int(is_stranger.sum())
    if profile.shape[1] == 0 or not n_best or not n_strangers:
        raise LeftOutError(
            "look-alikes of the best customers",
            "attributes of customers, best customers, and others to be likened to them",
            f"{profile.shape[1]} attributes, {n_best:,} best customers, {n_strangers:,} without an order",
        )
    learned = learn_likeness(profile[is_best], profile[is_stranger])
    ratio = np.exp(learned.log_ratio(profile))
    return np.asarray(ratio / ratio[is_stranger].mean())
