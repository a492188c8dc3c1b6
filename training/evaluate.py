"""A model beside its baselines, on the same rows: the leaderboard and what it allows to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..models.comparison import Comparison, compare
from ..models.estimate import Estimate
from ..models.metrics import Kind, evaluate

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """What came, on the rows of a test.

    Parameters
    ----------
    y
        Outcome of each row.
    customer_id
        The customer of each row; customers, not rows, are drawn for the intervals.
    amount
        What each row spent within the horizon, in the major unit, or None where the shop does not know.
    kind
        Of the outcome, as in `penchant.models.metrics.evaluate`.
    """

    y: Floats
    customer_id: npt.NDArray[np.object_]
    amount: Floats | None = None
    kind: Kind = "binary"


@dataclass(frozen=True)
class Leaderboard:
    """Metrics of the model and of each baseline, and the paired comparisons of the model with each.

    Parameters
    ----------
    metrics
        Of the model, by name.
    baselines
        Baseline -> metric -> number. A baseline that gives an order but no probability has ranking metrics only.
    comparisons
        Baseline -> metric -> comparison of the model with it on the same rows.
    """

    metrics: Mapping[str, Estimate]
    baselines: Mapping[str, Mapping[str, Estimate]]
    comparisons: Mapping[str, Mapping[str, Comparison]]

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers in types that JSON knows."""
        return {
            "metrics": {name: number.as_dict() for name, number in self.metrics.items()},
            "baselines": {
                baseline: {name: number.as_dict() for name, number in numbers.items()}
                for baseline, numbers in self.baselines.items()
            },
            "comparisons": {
                baseline: {metric: found.as_dict() for metric, found in by_metric.items()}
                for baseline, by_metric in self.comparisons.items()
            },
        }


RANKING_ONLY = (
    "auc",
    "average_precision",
    "lift_top_tenth",
    "captured_top_tenth",
    "spend_top_tenth",
    "base_rate",
)


@dataclass(frozen=True)
class Scores:
    """The scores of one model or baseline on the rows of a test; not all are probabilities."""

    values: Floats
    is_calibrated: bool = True

    def on_unit_scale(self) -> Floats:
        """Return the scores, or their ranks in 0..1 where they are not probabilities; ties stay ties."""
        if self.is_calibrated:
            return self.values
        _, place = np.unique(self.values, return_inverse=True)
        return place / max(place.max(), 1)


def leaderboard(
    outcomes: Outcomes, model: Scores, baselines: Mapping[str, Scores], seed: int = 0
) -> Leaderboard:
    """Return the model's metrics beside those of each baseline, with paired verdicts.

    Parameters
    ----------
    outcomes
        What came.
    model, baselines
        The scores of the same rows. Of scores that are no probabilities only the order is judged.
    seed
        Of the bootstrap.
    """
    metrics = _measured(outcomes, model, seed)
    beside = {name: _measured(outcomes, scores, seed) for name, scores in baselines.items()}
    verdicts = {name: _compared(outcomes, model, scores, seed) for name, scores in baselines.items()}
    return Leaderboard(metrics, beside, verdicts)


def _measured(outcomes: Outcomes, scores: Scores, seed: int) -> dict[str, Estimate]:
    found = evaluate(
        outcomes.y,
        scores.on_unit_scale(),
        kind=outcomes.kind,
        amount=outcomes.amount,
        groups=outcomes.customer_id,
        seed=seed,
    )
    return {name: number for name, number in found.items() if scores.is_calibrated or name in RANKING_ONLY}


def _compared(outcomes: Outcomes, model: Scores, other: Scores, seed: int) -> dict[str, Comparison]:
    both = {"model": model.on_unit_scale(), "baseline": other.on_unit_scale()}
    found = compare(
        outcomes.y,
        both,
        "baseline",
        kind=outcomes.kind,
        amount=outcomes.amount,
        groups=outcomes.customer_id,
        seed=seed,
    )["model"]
    return {name: verdict for name, verdict in found.items() if other.is_calibrated or name in RANKING_ONLY}
