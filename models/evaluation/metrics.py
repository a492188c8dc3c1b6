"""What a score is worth: ranking, calibration and error, each with its interval.

Every metric is a function of the rows' weights, so that the value (the rows' own weights) and its draws
(the weights times how often a customer was drawn) come from one definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypedDict, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from penchant.errors import InputError, did_you_mean, quoted

from ..inputs.arrays import Floats, Ints, read_groups, read_numbers, read_weights, refuse_lengths, refuse_misaligned
from ..inputs.bootstrap import LEVEL, N_DRAWS, Statistic, bootstrap, interval
from ..inputs.estimate import Estimate
from ..inputs.two_means import bounds_of
from .ranking import Positions, auc, average_precision, falling, first_of_ties, gains, middle_ranks, ratio, sums_of_ties

Kind = Literal["binary", "value", "count"]
KINDS: tuple[Kind, ...] = get_args(Kind)

TOP_SHARE = 0.1
TOP = np.array([TOP_SHARE])
N_BINS = 10
ANY, FROM_ZERO = (-np.inf, np.inf), (0.0, np.inf)
RANGES = {  # where not 0..1
    "resolution": (-1.0, 1.0),
    "log_loss": FROM_ZERO,
    "bias_percent": ANY,
    "lift_top_tenth": (0.0, 1 / TOP_SHARE),
    "rmse": FROM_ZERO,
    "rmse_all_zero": FROM_ZERO,
    "mae": FROM_ZERO,
    "mae_all_zero": FROM_ZERO,
    "spearman": (-1.0, 1.0),
    "mean": ANY,
    "mean_score": ANY,
}
LEAST_WITH_OUTCOME = 10  # customers with an outcome, and without: below it, no interval but the outcome's own mean's
SMALLEST_PROBABILITY = 1e-15  # a certain prediction that fails costs 34.5 nats, not infinity


class Judging(TypedDict, total=False):
    """How the rows of a test are judged, as `evaluate` takes it."""

    kind: Kind
    amount: ArrayLike | None
    groups: ArrayLike | None
    sample_weight: ArrayLike | None
    n_draws: int
    seed: int


@dataclass(frozen=True)
class ScoredRows:
    """Outcomes and scores of the same rows, checked, from the highest score to the lowest.

    Parameters
    ----------
    y
        Outcome of each row: 0 or 1, or a count or an amount.
    score
        Prediction of each row: a probability, or in the unit of ``y``.
    amount
        What each row spent within the horizon, or None.
    order
        Where each row stood in what the caller gave.
    """

    y: Floats
    score: Floats
    amount: Floats | None
    order: Positions

    @cached_property
    def first(self) -> Positions:
        """Where each distinct score starts."""
        return first_of_ties(self.score)

    def by_score(self, values: Floats) -> Floats:
        """Return the sum over each distinct score, (draws, rows) -> (draws, scores)."""
        return sums_of_ties(values, self.first)

    @cached_property
    def probability_columns(self) -> Floats:
        """Outcome, score, squared error and log loss of each row, (rows, 4)."""
        y, score = self.y, self.score
        safe = np.clip(score, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        log_loss = -(y * np.log(safe) + (1 - y) * np.log1p(-safe))
        return np.column_stack([y, score, (score - y) ** 2, log_loss])

    @cached_property
    def error_columns(self) -> Floats:
        """Outcome, score, squared and absolute error, and those of predicting zero, (rows, 6)."""
        y, error = self.y, self.score - self.y
        return np.column_stack([y, self.score, error**2, np.abs(error), y**2, np.abs(y)])

    @cached_property
    def bins(self) -> Positions:
        """Where each calibration bin starts; the bins follow the rows' number, not a draw's."""
        bin_of_row = calibration_bins(self.score, np.ones(len(self.score)))
        return first_of_ties(bin_of_row.astype(np.float64))


def evaluate(
    y: ArrayLike,
    score: ArrayLike,
    *,
    kind: Kind = "binary",
    amount: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Return all metrics of a score, by name, each with its 95 % interval.

    Parameters
    ----------
    y
        Outcomes, shape (n,): 0/1 (or booleans) for ``kind="binary"``, counts or amounts otherwise.
    score
        Predictions, shape (n,): probabilities in 0..1 for ``kind="binary"``, in the unit of ``y`` otherwise.
    kind
        ``"binary"``: auc, average_precision, brier (= reliability - resolution + uncertainty), log_loss,
        calibration_error, base_rate, mean_score, bias_percent, lift_top_tenth, captured_top_tenth.
        ``"value"`` and ``"count"``: rmse, rmse_all_zero, mae, mae_all_zero, bias_percent, spearman, mean,
        mean_score, and for values spend_top_tenth.
    amount
        What each row spent within the horizon, not negative: adds spend_top_tenth, the share of all spending
        by the tenth with the highest scores. For ``kind="value"`` this is ``y`` unless given.
    groups
        The customer of each row: customers, not rows, are drawn for the intervals. None: a row each.
    sample_weight
        Weight of each row, not negative. None: one each.
    n_draws
        Bootstrap draws.
    seed
        Seed of the draws.

    Returns
    -------
    dict of str to Estimate
        A metric that does not exist for these rows (an AUC without a positive) is nan.

    Raises
    ------
    InputError
        Shapes differ, values are not finite, or outcomes and scores do not fit the kind.

    References
    ----------
    Murphy (1973), J. Appl. Meteorology 12, the decomposition of the Brier score; Stephenson, Coelho &
    Jolliffe (2008), Weather and Forecasting 23, the resolution that makes it exact with binned scores.

    Examples
    --------
    >>> found = evaluate([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.9], n_draws=20)
    >>> found["auc"].value
    0.875
    """
    return drawn_estimates(drawn(y, score, kind, amount, groups, sample_weight, n_draws, seed))


@dataclass(frozen=True, eq=False)
class Drawn:
    """A score's metrics on all rows, and in each draw of customers.

    Parameters
    ----------
    scored
        The rows.
    weights, customer
        Of each row, in the order in which they came; no customers: a row each.
    values, draws
        By metric: its value, and its values in the draws.
    """

    scored: ScoredRows
    weights: Floats
    customer: Ints | None
    values: Mapping[str, float]
    draws: Mapping[str, Floats]

    @cached_property
    def stretch(self) -> float:
        """How much further than the draws the metrics are taken to spread: see `stretch_of_few`."""
        return stretch_of_few(self.scored, self.customer)


def drawn(
    y: ArrayLike,
    score: ArrayLike,
    kind: Kind = "binary",
    amount: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> Drawn:
    """Return the metrics of a score in each draw of customers; arguments as in `evaluate`."""
    scored = checked(y, score, kind, amount)
    weights = read_weights(sample_weight, len(scored.y))
    values, draws = bootstrap(metrics_of(scored, kind), weights, groups, n_draws, seed)
    return Drawn(scored, weights, read_groups(groups, len(weights)), values, draws)


def drawn_estimates(of_score: Drawn) -> dict[str, Estimate]:
    """Return all metrics of a score, by name, each with its 95 % interval."""
    one = of_score
    found = {name: interval(value, one.draws[name], stretch=one.stretch) for name, value in one.values.items()}
    if any(len(draws) for draws in one.draws.values()):
        found |= {
            name: Estimate(found[name].value, *bounds)
            for name, bounds in closed(one.scored, one.weights, one.customer).items()
        }
    return {name: within_range(name, estimate) for name, estimate in found.items()}


def metrics_of(scored: ScoredRows, kind: Kind) -> Statistic:
    """Return the function that computes all metrics of a kind from the rows' weights, (draws, rows)."""
    parts = (ranking_metrics, probability_metrics) if kind == "binary" else (error_metrics,)

    def statistic(weights: Floats) -> dict[str, Floats]:
        ranked = weights.take(scored.order, axis=1)
        found: dict[str, Floats] = {}
        for part in (*parts, spend_metrics):
            found |= part(scored, ranked)
        return found

    return statistic


def stretch_of_few(scored: ScoredRows, customer: Ints | None) -> float:
    """Return how much further than draws metrics are to be taken to spread where few customers have an outcome.

    That is Student's t of as many customers as there are with an outcome, or without one where these are fewer, and
    unknown (nan) below ten of them: what so few have in common says little of others.
    """
    has = scored.y != 0
    rows = [has, ~has] if has.any() and not has.all() else [np.ones(len(has), dtype=bool)]
    who = None if customer is None else customer[scored.order]
    fewest = min(int(own.sum()) if who is None else len(np.unique(who[own])) for own in rows)
    if fewest < LEAST_WITH_OUTCOME:
        return float("nan")
    return (
        float(stats.t.ppf((1 + LEVEL) / 2, fewest - 1) / stats.norm.ppf((1 + LEVEL) / 2))
        * fewest**0.5
        / (fewest - 1) ** 0.5
    )


def closed(scored: ScoredRows, weights: Floats, customer: Ints | None) -> dict[str, tuple[float, float]]:
    """Return the bounds of means of the outcome and of errors, which need no draws (`two_means`)."""
    ranked = weights[scored.order]
    who = None if customer is None else customer[scored.order]

    mean = bounds_of(scored.y, ranked, who)
    if np.isin(scored.y, (0.0, 1.0)).all():
        return {"base_rate": mean}
    some, off = (scored.y != 0 if scored.y.any() else None), np.abs(scored.score - scored.y)
    low, high = bounds_of(off**2, ranked, who, some=some)
    return {"mean": mean, "rmse": (low**0.5, high**0.5), "mae": bounds_of(off, ranked, who, some=some)}


def ranking_metrics(scored: ScoredRows, weights: Floats) -> dict[str, Floats]:
    """Return AUC, average precision, and what the top tenth holds of the positives."""
    weight, positive = scored.by_score(weights), scored.by_score(weights * scored.y)
    passed, found = np.cumsum(weight, axis=1), np.cumsum(positive, axis=1)
    captured = gains(weight, passed, positive, TOP)[:, 0]
    return {
        "auc": auc(positive, found, passed),
        "average_precision": average_precision(positive, found, passed),
        "lift_top_tenth": captured / TOP_SHARE,
        "captured_top_tenth": captured,
    }


def spend_metrics(scored: ScoredRows, weights: Floats) -> dict[str, Floats]:
    """Return the share of all spending by the top tenth, where amounts are known."""
    if scored.amount is None:
        return {}
    weight, spent = scored.by_score(weights), scored.by_score(weights * scored.amount)
    return {"spend_top_tenth": gains(weight, np.cumsum(weight, axis=1), spent, TOP)[:, 0]}


def probability_metrics(scored: ScoredRows, weights: Floats) -> dict[str, Floats]:
    """Return Brier score and its parts, log loss, calibration error, and the bias of the mean."""
    base_rate, mean_score, brier, log_loss = means(weights, scored.probability_columns)
    share, gap = calibration_gaps(scored, weights)
    reliability = (share * gap**2).sum(axis=1)
    uncertainty = base_rate * (1 - base_rate)
    return {
        "brier": brier,
        "reliability": reliability,
        "resolution": reliability + uncertainty - brier,
        "uncertainty": uncertainty,
        "log_loss": log_loss,
        "calibration_error": (share * np.abs(gap)).sum(axis=1),
        "base_rate": base_rate,
        "mean_score": mean_score,
        "bias_percent": 100 * ratio(mean_score - base_rate, base_rate),
    }


def error_metrics(scored: ScoredRows, weights: Floats) -> dict[str, Floats]:
    """Return the errors of a predicted count or amount, with those of predicting nothing for everyone."""
    mean, mean_score, squared, mae, squared_zero, mae_zero = means(weights, scored.error_columns)
    return {
        "rmse": np.sqrt(squared),
        "rmse_all_zero": np.sqrt(squared_zero),
        "mae": mae,
        "mae_all_zero": mae_zero,
        "bias_percent": 100 * ratio(mean_score - mean, mean),
        "spearman": spearman(scored, weights),
        "mean": mean,
        "mean_score": mean_score,
    }


def spearman(scored: ScoredRows, weights: Floats) -> Floats:
    """Return the rank correlation of scores and outcomes, ties at their middle rank."""
    total = weights.sum(axis=1, keepdims=True)
    ranks = (middle_ranks(weights, values) for values in (scored.score, scored.y))
    x, y = (r - ratio((weights * r).sum(axis=1, keepdims=True), total) for r in ranks)
    spread = np.sqrt((weights * x * x).sum(axis=1) * (weights * y * y).sum(axis=1))
    return ratio((weights * x * y).sum(axis=1), spread)


def within_range(name: str, estimate: Estimate) -> Estimate:
    """Return an estimate whose bounds are values that the metric can take."""
    lowest, highest = RANGES.get(name, (0.0, 1.0))
    low, high = (float(np.clip(bound, lowest, highest)) for bound in (estimate.low, estimate.high))
    return Estimate(estimate.value, low, high)


def calibration_bins(score: Floats, weight: Floats, n_bins: int = N_BINS) -> Positions:
    """Return each row's bin, 0 for the lowest scores: about equal weight in each, equal scores together."""
    share_above = middle_ranks(weight[np.newaxis, :], score)[0] / weight.sum()
    return np.clip(((1 - share_above) * n_bins).astype(np.intp), 0, n_bins - 1)


def calibration_gaps(scored: ScoredRows, weights: Floats) -> tuple[Floats, Floats]:
    """Return each bin's share of the weight, and its mean score less its rate: two (draws, bins)."""
    weight = np.add.reduceat(weights, scored.bins, axis=1)
    gap = np.add.reduceat(weights * (scored.score - scored.y), scored.bins, axis=1)
    return ratio(weight, weights.sum(axis=1, keepdims=True)), ratio(gap, weight, otherwise=0.0)


def means(weights: Floats, columns: Floats) -> Floats:
    """Return the weighted mean of each column, shape (columns, draws)."""
    return ratio(weights @ columns, weights.sum(axis=1, keepdims=True)).T


def checked(y: ArrayLike, score: ArrayLike, kind: Kind, amount: ArrayLike | None) -> ScoredRows:
    """Return outcomes and scores as arrays of floats, or say what is wrong with them."""
    if kind not in KINDS:
        raise InputError("kind", "one of the known kinds", f"'{kind}'", did_you_mean(str(kind), KINDS))
    refuse_misaligned(y=y, score=score, amount=amount)
    outcomes, scores = read_numbers("y", y), read_numbers("score", score)
    refuse_lengths(len(outcomes), score=scores, amount=amount)
    if kind == "binary":
        refuse_improbable(outcomes, scores)
    if amount is None and kind == "value":
        amount = y
    amounts = None if amount is None else read_spending("amount", amount)
    order = falling(scores)
    ranked = None if amounts is None else amounts[order]
    return ScoredRows(outcomes[order], scores[order], ranked, order)


def refuse_improbable(y: Floats, score: Floats) -> None:
    """Raise InputError where outcomes are not 0 or 1, or scores are no probabilities."""
    strange = y[(y != 0) & (y != 1)]
    if len(strange):
        raise InputError("y", "outcomes are 0 or 1", f"values such as {quoted(np.unique(strange), most=3)}")
    if score.min() < 0 or score.max() > 1:
        got = f"scores from {score.min():g} to {score.max():g}"
        raise InputError("score", "probabilities lie in 0..1", got, "Calibrate the score first")


def read_spending(name: str, values: ArrayLike) -> Floats:
    """Return amounts, none of which may be negative."""
    amounts = read_numbers(name, values)
    if amounts.min() < 0:
        got = f"{int((amounts < 0).sum()):,} negative amounts, the lowest {amounts.min():g}"
        raise InputError(name, "what customers spent is 0 or more", got, "Use kind='count' for net amounts")
    return amounts
