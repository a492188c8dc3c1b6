"""The tables behind the pictures: deciles (lift and gains) and the calibration curve, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..inputs.arrays import Floats, read_weights
from ..inputs.bootstrap import N_DRAWS, bootstrap, interval
from .metrics import N_BINS, Kind, ScoredRows, calibration_bins, checked
from .ranking import first_of_ties, gains, ratio


def decile_table(
    y: ArrayLike,
    score: ArrayLike,
    *,
    kind: Kind = "binary",
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return lift and gains by decile of the score; decile 1 holds the highest scores.

    Parameters
    ----------
    y, score, kind, groups, sample_weight, n_draws, seed
        As in `evaluate`. For counts and amounts, rate means mean outcome and gains the share of the sum.

    Returns
    -------
    DataFrame
        Ten rows: decile, n (weight in it), mean_score, rate, and with their bounds (``_low``, ``_high``)
        lift (the decile's rate / the overall rate) and gains (share of all outcomes up to this decile, 0..1).
        Equal scores are shared between the deciles that they straddle, as a random order would on average.
    """
    scored = checked(y, score, kind, None)
    weights = read_weights(sample_weight, len(scored.y))
    estimated = estimates(deciles_of(scored), weights, groups, n_draws, seed)
    n_held = weights.sum() / N_BINS
    ranked = weights[np.newaxis, scored.order]
    up_to = cumulative_gains(scored, ranked, scored.score)[0] * float((ranked @ scored.score)[0])
    rate = estimated["lift"] * float((ranked @ scored.y)[0] / weights.sum())
    table = pd.DataFrame({"decile": np.arange(1, N_BINS + 1), "n": n_held})
    return table.assign(mean_score=np.diff(up_to, prepend=0) / n_held, rate=rate).join(estimated)


def calibration_curve(
    y: ArrayLike,
    score: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return mean predicted probability and observed rate in bins of about equal size, lowest scores first.

    Parameters
    ----------
    y, score, groups, sample_weight, n_draws, seed
        As in `evaluate` with ``kind="binary"``.

    Returns
    -------
    DataFrame
        At most ten rows (equal scores share a bin): n, mean_score, rate, rate_low, rate_high.
    """
    scored = checked(y, score, "binary", None)
    weights = read_weights(sample_weight, len(scored.y))
    ranked = weights[scored.order]
    bin_of_row = calibration_bins(scored.score, np.maximum(ranked, np.finfo(float).tiny))
    first = first_of_ties(bin_of_row.astype(np.float64))

    def statistic(drawn: Floats) -> dict[str, Floats]:
        own = drawn.take(scored.order, axis=1)
        held = np.add.reduceat(own, first, axis=1)
        rate = ratio(np.add.reduceat(own * scored.y, first, axis=1), held)
        return {f"rate:{i}": rate[:, i] for i in reversed(range(len(first)))}

    held, score_sum = (np.add.reduceat(x, first)[::-1] for x in (ranked, ranked * scored.score))
    table = pd.DataFrame({"n": held, "mean_score": ratio(score_sum, held)})
    found = table.join(estimates(statistic, weights, groups, n_draws, seed))
    return found[found["n"] > 0].reset_index(drop=True)


def deciles_of(scored: ScoredRows) -> Callable[[Floats], Mapping[str, Floats]]:
    """Return the function that computes lift and gains of the ten deciles from weights (draws, rows)."""

    def statistic(weights: Floats) -> dict[str, Floats]:
        held = cumulative_gains(scored, weights.take(scored.order, axis=1), scored.y)
        lift = N_BINS * np.diff(held, axis=1, prepend=0.0)
        named = {f"lift:{i}": lift[:, i] for i in range(N_BINS)}
        return named | {f"gains:{i}": held[:, i] for i in range(N_BINS)}

    return statistic


def cumulative_gains(scored: ScoredRows, weights: Floats, amount: Floats) -> Floats:
    """Return the share of an amount that the top one to ten tenths hold: (draws, 10).

    Weights come in the order of the scores.
    """
    cuts = np.arange(1, N_BINS + 1) / N_BINS
    weight = scored.by_score(weights)
    return gains(weight, np.cumsum(weight, axis=1), scored.by_score(weights * amount), cuts)


def estimates(
    statistic: Callable[[Floats], Mapping[str, Floats]],
    weights: Floats,
    groups: ArrayLike | None,
    n_draws: int,
    seed: int,
) -> pd.DataFrame:
    """Return statistics named ``column:row`` as a table with a column and its two bounds for each."""
    values, draws = bootstrap(statistic, weights, groups, n_draws, seed)
    columns: dict[str, list[float]] = {}
    for name, value in values.items():
        column = name.split(":")[0]
        found = interval(value, draws[name])
        for ending, number in (("", found.value), ("_low", found.low), ("_high", found.high)):
            columns.setdefault(column + ending, []).append(number)
    return pd.DataFrame(columns)
