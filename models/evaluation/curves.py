"""The tables behind the pictures: deciles (lift and gains) and the calibration curve, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..inputs.arrays import Floats, Ints, read_groups, read_weights
from ..inputs.bootstrap import N_DRAWS, bootstrap, interval
from ..inputs.estimate import Estimate
from ..inputs.two_means import bounds_of, index_bounds, share_bounds
from .metrics import N_BINS, Kind, ScoredRows, calibration_bins, checked, stretch_of_few
from .ranking import first_of_ties, gains

CUTS = np.arange(1, N_BINS + 1) / N_BINS


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
        Equal scores are shared between the deciles that they straddle, as a random order would on average. Bounds of
        outcomes of 0 and 1 come from the rates in the part and in the rest, in closed form; others are drawn.
    """
    scored = checked(y, score, kind, None)
    weights = read_weights(sample_weight, len(scored.y))
    is_share = bool(np.isin(scored.y, (0.0, 1.0)).all())
    estimated = estimates(scored, weights, groups, 0 if is_share else n_draws, seed)
    if is_share and n_draws:
        estimated = estimated.assign(**part_bounds(scored, weights, groups, estimated))
    n_held = weights.sum() / N_BINS
    ranked = weights[np.newaxis, scored.order]
    up_to = cumulative_gains(scored, ranked, scored.score)[0] * float((ranked @ scored.score)[0])
    rate = estimated["lift"] * float((ranked @ scored.y)[0] / weights.sum())
    table = pd.DataFrame({"decile": np.arange(1, N_BINS + 1), "n": n_held})
    return table.assign(mean_score=np.diff(up_to, prepend=0) / n_held, rate=rate).join(estimated)


def calibration_curve(
    y: ArrayLike, score: ArrayLike, *, groups: ArrayLike | None = None, sample_weight: ArrayLike | None = None
) -> pd.DataFrame:
    """Return mean predicted probability and observed rate in bins of about equal size, lowest scores first.

    Parameters
    ----------
    y, score, groups, sample_weight
        As in `evaluate` with ``kind="binary"``.

    Returns
    -------
    DataFrame
        At most ten rows (equal scores share a bin): n, mean_score, rate, rate_low, rate_high; the bounds are Wilson's.
    """
    scored = checked(y, score, "binary", None)
    weights = read_weights(sample_weight, len(scored.y))
    ranked = weights[scored.order]
    bin_of_row = calibration_bins(scored.score, np.maximum(ranked, np.finfo(float).tiny))
    first = first_of_ties(bin_of_row.astype(np.float64))

    ends = np.append(first[1:], len(ranked))
    customer = read_groups(groups, len(ranked))
    who = None if customer is None else customer[scored.order]
    bins = [slice(*ends_of) for ends_of in zip(first[::-1], ends[::-1], strict=True)]
    table = pd.DataFrame([_bin(scored, ranked, who, rows) for rows in bins])
    return table[table["n"] > 0].reset_index(drop=True)


def _bin(scored: ScoredRows, weight: Floats, customer: Ints | None, rows: slice) -> dict[str, float]:
    """Return a bin's weight, its mean score, and its rate with bounds."""
    y, own = scored.y[rows], weight[rows]
    n = float(own.sum())
    if not n:
        return {"n": 0.0}
    low, high = bounds_of(y, own, None if customer is None else customer[rows])
    means = {"mean_score": float(own @ scored.score[rows]) / n, "rate": float(own @ y) / n}
    return {"n": n, **means, "rate_low": low, "rate_high": high}


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
    weight = scored.by_score(weights)
    return gains(weight, np.cumsum(weight, axis=1), scored.by_score(weights * amount), CUTS)


def estimates(scored: ScoredRows, weights: Floats, groups: ArrayLike | None, n_draws: int, seed: int) -> pd.DataFrame:
    """Return lift and gains of each decile with two bounds, as far as draws of customers spread."""
    values, draws = bootstrap(deciles_of(scored), weights, groups, n_draws, seed)
    stretch = stretch_of_few(scored, read_groups(groups, len(weights)))
    columns: dict[str, list[float]] = {}
    for name, value in values.items():
        column = name.split(":")[0]
        found = interval(value, draws[name], stretch=stretch)
        for ending, number in (("", found.value), ("_low", found.low), ("_high", found.high)):
            columns.setdefault(column + ending, []).append(number)
    return pd.DataFrame(columns)


def part_bounds(
    scored: ScoredRows, weights: Floats, groups: ArrayLike | None, table: pd.DataFrame
) -> dict[str, list[float]]:
    """Return the bounds of lift and gains, from the rates up to a decile, or in it, and in the rest."""
    customer = read_groups(groups, len(weights))
    rows = weights if customer is None else np.bincount(customer, weights)
    n, rate = float(rows.sum() ** 2 / (rows @ rows)), float(weights[scored.order] @ scored.y / weights.sum())
    found: dict[str, list[float]] = {}
    for name, most, parts in (("lift", N_BINS, np.full(N_BINS, 1 / N_BINS)), ("gains", 1, CUTS)):
        held = table[name].to_numpy() / most
        bounds = [_of_part(share, part, n, rate) for share, part in zip(held.tolist(), parts.tolist(), strict=True)]
        found |= {f"{name}_{end}": [most * pair[place] for pair in bounds] for place, end in enumerate(("low", "high"))}
    return found


def _of_part(share: float, part: float, n: float, rate: float) -> tuple[float, float]:
    """Return the bounds of the share of the outcome that a part of n rows holds."""
    if part >= 1 or not rate:
        return (share, share) if rate else (float("nan"), float("nan"))
    inside, rest = (
        _rate(rate * held / size, n * size) for held, size in ((share, part), (max(1 - share, 0.0), 1 - part))
    )
    low, high = index_bounds(inside, rest, part)
    return min(part * low, share), max(part * high, share)


def _rate(rate: float, n: float) -> Estimate:
    return Estimate(rate, *share_bounds(rate, n))
