"""A model beside its baselines, on the same rows: the leaderboard and what it allows to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..models.evaluation.comparison import Comparison, comparisons
from ..models.evaluation.metrics import Drawn, Kind, drawn, drawn_estimates
from ..models.inputs.bootstrap import N_DRAWS
from ..models.inputs.estimate import Estimate

Floats = npt.NDArray[np.float64]
Numbers = Mapping[str, Estimate]


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
        Of the outcome, as in `penchant.models.evaluation.metrics.evaluate`.
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
        Baseline -> metric -> number.
    comparisons
        Baseline -> metric -> comparison of the model with it on the same rows.
    left_out
        Baseline -> why it is not there.
    """

    metrics: Numbers
    baselines: Mapping[str, Numbers]
    comparisons: Mapping[str, Mapping[str, Comparison]]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def as_numbers(self) -> dict[str, Any]:
        """Return the metrics of the model and of each baseline in types that JSON knows."""
        return numbers_as_dict(self.metrics, self.baselines)

    def by_name(self, ours: str) -> dict[str, Numbers]:
        """Return the metrics of the model, under a name for it, and of each baseline."""
        return {ours: self.metrics, **self.baselines}

    def compared(self) -> dict[str, Any]:
        """Return the comparisons, and which baselines are not there, in types that JSON knows."""
        return {
            "comparisons": {
                baseline: {metric: found.as_dict() for metric, found in by_metric.items()}
                for baseline, by_metric in self.comparisons.items()
            },
            "baselines_left_out": dict(self.left_out),
        }


def numbers_as_dict(metrics: Numbers, baselines: Mapping[str, Numbers]) -> dict[str, Any]:
    """Return the metrics of a model and of each baseline in types that JSON knows."""
    return {
        "metrics": {name: number.as_dict() for name, number in metrics.items()},
        "baselines": {
            baseline: {name: number.as_dict() for name, number in numbers.items()}
            for baseline, numbers in baselines.items()
        },
    }


def leaderboard(
    outcomes: Outcomes,
    model: Floats,
    baselines: Mapping[str, Floats],
    left_out: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Leaderboard:
    """Return the model's metrics beside those of each baseline, with paired verdicts.

    Parameters
    ----------
    outcomes
        What came.
    model, baselines
        Predictions of the same rows: probabilities, or amounts.
    left_out
        Baselines that the rows do not allow, and why.
    seed
        Of the bootstrap.
    """

    def of(score: Floats) -> Drawn:
        return drawn(outcomes.y, score, outcomes.kind, outcomes.amount, outcomes.customer_id, None, N_DRAWS, seed)

    mine, others = of(model), {name: of(score) for name, score in baselines.items()}
    return Leaderboard(
        drawn_estimates(mine),
        {name: drawn_estimates(other) for name, other in others.items()},
        {name: comparisons(mine, other) for name, other in others.items()},
        left_out or {},
    )
