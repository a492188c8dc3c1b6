"""Draw customers with replacement, as weights, so that a statistic of sorted rows needs no new sort."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Floats, read_groups
from .estimate import Estimate

Statistic = Callable[[Floats], Mapping[str, Floats]]

N_DRAWS = 500
LEVEL = 0.95
CELLS_AT_ONCE = 2_000_000  # draws x rows held at a time: 16 MB, near the size of a processor's cache


def draw_weights(
    n_rows: int, groups: ArrayLike | None = None, n_draws: int = N_DRAWS, seed: int = 0
) -> Iterator[Floats]:
    """Yield how often each row was drawn, some draws at a time.

    Parameters
    ----------
    n_rows
        Number of rows.
    groups
        The customer of each row; a customer's rows are drawn together. None: each row is a customer.
    n_draws
        Number of draws in all.
    seed
        The same seed gives the same draws whatever the statistic: this is what pairs a comparison.

    Yields
    ------
    ndarray of shape (draws, n_rows)
        Counts, 0 and up.
    """
    rng = np.random.default_rng(seed)
    codes = read_groups(groups, n_rows)
    n_groups = n_rows if codes is None else int(codes.max(initial=-1)) + 1
    at_once = max(1, CELLS_AT_ONCE // max(1, n_rows))
    for first in range(0, n_draws, at_once):
        drawn = min(at_once, n_draws - first)
        counts = np.empty((drawn, n_groups))
        for row in counts:
            row[:] = np.bincount(rng.integers(0, n_groups, n_groups), minlength=n_groups)
        yield counts if codes is None else counts.take(codes, axis=1)


def bootstrap(
    statistic: Statistic, sample_weight: Floats, groups: ArrayLike | None = None, n_draws: int = N_DRAWS, seed: int = 0
) -> tuple[dict[str, float], dict[str, Floats]]:
    """Return a statistic's values, and its values in each draw of customers.

    Parameters
    ----------
    statistic
        Takes weights of shape (draws, rows) and returns, by name, one value for each draw.
    sample_weight
        Weight of each row, not negative.
    groups, n_draws, seed
        As in `draw_weights`.

    Returns
    -------
    values, draws
        By name: the value on all rows, and the array of ``n_draws`` values.
    """
    values = {name: float(value[0]) for name, value in statistic(sample_weight[np.newaxis, :]).items()}
    chunks = [statistic(counts * sample_weight) for counts in draw_weights(len(sample_weight), groups, n_draws, seed)]
    draws = {name: np.concatenate([chunk[name] for chunk in chunks]) if chunks else np.empty(0) for name in values}
    return values, draws


def interval(value: float, draws: Floats, level: float = LEVEL, stretch: float | tuple[float, float] = 1.0) -> Estimate:
    """Return a value with the central ``level`` of its draws around it.

    The draws are moved so that their mean is the value: resampling adds noise to noise, which lifts every
    draw of a statistic like the calibration error above what was observed. Draws in which the statistic
    does not exist (no positive was drawn) are left out; without any draw the interval is unknown (nan).
    Draws of few rows spread too little: ``stretch`` says by what factor, or by which below and above the value
    (see `two_means.stretch_of`).

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapters 10 and 13.
    """
    known = draws[np.isfinite(draws)]
    if not len(known) or not np.isfinite(value):
        return Estimate(value, float("nan"), float("nan"))
    away = np.asarray(stretch) * (np.quantile(known, [(1 - level) / 2, (1 + level) / 2]) - known.mean())
    return Estimate(value, value + float(np.minimum(away[0], 0.0)), value + float(np.maximum(away[1], 0.0)))
