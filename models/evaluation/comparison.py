"""Which of several scores is better on the same rows, said in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from penchant.errors import InputError, did_you_mean

from ..inputs.arrays import Floats
from ..inputs.bootstrap import interval
from ..inputs.estimate import Estimate
from .metrics import Drawn, Judging, drawn

Verdict = Literal["better", "worse", "not separable"]

HIGHER_IS_BETTER = (
    "auc",
    "average_precision",
    "resolution",
    "lift_top_tenth",
    "captured_top_tenth",
    "spend_top_tenth",
    "spearman",
)
LOWER_IS_BETTER = ("brier", "reliability", "log_loss", "calibration_error", "rmse", "mae")
NEARER_TO_ZERO_IS_BETTER = ("bias_percent",)
COMPARABLE = (*HIGHER_IS_BETTER, *LOWER_IS_BETTER, *NEARER_TO_ZERO_IS_BETTER)

# A two-sided test at 5 % sees a true difference of this many standard errors in 80 of 100 repetitions.
STANDARD_ERRORS_SEEN = 1.959964 + 0.841621


@dataclass(frozen=True)
class Comparison:
    """One score against another, on one metric and the same rows.

    Parameters
    ----------
    metric
        Name of the metric, as in `evaluate`.
    difference
        How much better the score is than the reference, in the metric's unit, positive = better (for errors:
        how much lower; for the bias: how much nearer to zero), with its 95 % interval.
    verdict
        ``"better"`` or ``"worse"`` where the interval excludes zero, else ``"not separable"``.
    smallest_difference
        The smallest true difference that this test would have seen in four of five repetitions. A verdict
        "not separable" says that the difference is likely smaller than this, not that there is none.
    """

    metric: str
    difference: Estimate
    verdict: Verdict
    smallest_difference: float

    def as_dict(self) -> dict[str, Any]:
        """Return the parts by name, as JSON takes them."""
        smallest = self.smallest_difference if np.isfinite(self.smallest_difference) else None
        return {
            "metric": self.metric,
            "difference": self.difference.as_dict(),
            "verdict": self.verdict,
            "smallest_difference": smallest,
        }

    def __str__(self) -> str:
        """Return the verdict with its evidence."""
        evidence = f"{self.metric} {self.difference:+.4f}"
        if self.verdict != "not separable":
            return f"{self.verdict}: {evidence}"
        return f"not separable: {evidence}; a difference of {self.smallest_difference:.4f} would have been detected"


def compare(
    y: ArrayLike, scores: Mapping[str, ArrayLike], reference: str, **judging: Unpack[Judging]
) -> dict[str, dict[str, Comparison]]:
    """Compare each score with the reference, draw by draw of the same customers.

    Parameters
    ----------
    y
        Outcomes, shape (n,).
    scores
        By name, the predictions for the same n rows.
    reference
        The name in ``scores`` that the others are compared with.
    **judging
        kind, amount, groups, sample_weight, n_draws and seed, as in `evaluate`.

    Returns
    -------
    dict
        For each other score, by metric, a `Comparison`. What describes the rows rather than the score
        (base rate, uncertainty) is left out.

    Raises
    ------
    InputError
        The reference is not among the scores, or as in `evaluate`.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 16 (paired resampling).

    Examples
    --------
    >>> y, good = [0, 1] * 100, [0.2, 0.8] * 100
    >>> found = compare(y, {"good": good, "flat": [0.5] * 200}, "flat", n_draws=50)
    >>> found["good"]["auc"].verdict
    'better'
    """
    if reference not in scores:
        raise InputError("reference", "one of the scores", f"'{reference}'", did_you_mean(reference, scores))
    found = {name: drawn(y, score, **judging) for name, score in scores.items()}
    against = found.pop(reference)
    return {name: comparisons(own, against) for name, own in found.items()}


def comparisons(own: Drawn, reference: Drawn) -> dict[str, Comparison]:
    """Return by metric how a score compares with a reference, draw by draw of the same customers of the same rows."""
    return {
        metric: compared(
            metric,
            (own.values[metric], reference.values[metric]),
            (own.draws[metric], reference.draws[metric]),
            reference.stretch,
        )
        for metric in own.values
        if metric in COMPARABLE
    }


def compared(
    metric: str, values: tuple[float, float], draws: tuple[Floats, Floats], stretch: float = 1.0
) -> Comparison:
    """Return the comparison of a score's values with the reference's, given in this order; as `interval` stretched."""
    gained = float(goodness(metric, np.array(values[0])) - goodness(metric, np.array(values[1])))
    drawn = goodness(metric, draws[0]) - goodness(metric, draws[1])
    known = drawn[np.isfinite(drawn)]
    spread = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
    difference = interval(gained, drawn, stretch=stretch)
    return Comparison(metric, difference, verdict_of(difference), STANDARD_ERRORS_SEEN * stretch * spread)


def goodness(metric: str, values: Floats) -> Floats:
    """Return a metric turned so that more is better."""
    if metric in NEARER_TO_ZERO_IS_BETTER:
        return -np.abs(values)
    return -values if metric in LOWER_IS_BETTER else values


def verdict_of(difference: Estimate) -> Verdict:
    """Return what an interval of a difference (positive = better) allows to say."""
    if not difference.excludes_zero:
        return "not separable"
    return "better" if difference.value > 0 else "worse"
