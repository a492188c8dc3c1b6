"""The list of a retention team: who is likely to leave, what is at stake, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...models.evaluation.ranking import without_dust

FACTS = ("n_orders", "days_since_last_order", "amount_365d")
N_REASONS = 3
DAYS_A_YEAR = 365


def risk_list(
    scored: pd.DataFrame, bands: Mapping[str, float], horizon_days: int, as_of: datetime, version: str
) -> pd.DataFrame:
    """Return the churn-risk list, riskiest customer first.

    Parameters
    ----------
    scored
        One row per eligible customer: customer_id, probability (0..1), reason_1 to reason_3 (words), n_orders,
        days_since_last_order (days), amount_365d (the currency's major unit).
    bands
        Band -> the least probability that belongs to it, highest first; below the last: "low".
    horizon_days
        The horizon within which a customer without a paid order counts as churned.
    as_of
        The instant at which the customers were looked at, UTC without a zone.
    version
        The model's name and version.

    Returns
    -------
    DataFrame
        customer_id, churn_probability, percentile (100 = riskiest; the share of the list with a lower score, ties
        averaged), band, expected_value_at_risk (probability x what the customer would spend within the horizon at
        last year's rate, major unit), the reasons, the facts, as_of, model_version. Sorted by probability, then
        value at risk, both falling, then customer_id.
    """
    probability = without_dust(scored["probability"].to_numpy(np.float64))  # ties are ties, whatever the batches
    spent = scored["amount_365d"].fillna(0.0).clip(lower=0).to_numpy(np.float64)
    reasons = [f"reason_{place}" for place in range(1, N_REASONS + 1)]
    listed = pd.DataFrame(
        {
            "customer_id": scored["customer_id"],
            "churn_probability": probability,
            "percentile": percentile(probability),
            "band": band_of(probability, bands),
            "expected_value_at_risk": np.round(probability * spent * horizon_days / DAYS_A_YEAR, 2),
            **{name: scored[name] for name in reasons if name in scored},
            **{name: scored[name] for name in FACTS},
            "as_of": as_of,
            "model_version": version,
        }
    )
    order = ["churn_probability", "expected_value_at_risk", "customer_id"]
    return listed.sort_values(order, ascending=[False, False, True], kind="stable", ignore_index=True)


def percentile(score: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the share of the others with a lower score, ties counted half, in 0..100.

    Examples
    --------
    >>> percentile(np.array([0.1, 0.4, 0.4, 0.9])).tolist()
    [0.0, 50.0, 50.0, 100.0]
    """
    rank = pd.Series(score).rank(method="average").to_numpy()
    return np.round(100 * (rank - 1) / max(len(score) - 1, 1), 2)


def band_of(probability: npt.NDArray[np.float64], bands: Mapping[str, float]) -> npt.NDArray[np.object_]:
    """Return the first band whose least probability is reached, else "low".

    Examples
    --------
    >>> band_of(np.array([0.9, 0.5, 0.1]), {"high": 0.6, "medium": 0.3}).tolist()
    ['high', 'medium', 'low']
    """
    named = np.full(len(probability), "low", dtype=object)
    for name, least in sorted(bands.items(), key=lambda band: band[1]):
        named[probability >= least] = name
    return named
