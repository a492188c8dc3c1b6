"""The churn-risk list."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from penchant.serving.score.risk_list import risk_list

BANDS = {"very high": 0.8, "high": 0.6, "medium": 0.4}


def scored() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": ["b", "a", "c", "d"],
            "probability": [0.5, 0.9, 0.5, 0.1],
            "reason_1": ["no order for 90 days", "x", "y", None],
            "reason_2": None,
            "reason_3": None,
            "n_orders": [2, 1, 5, 9],
            "days_since_last_order": [90.0, 300.5, 20.0, 1.0],
            "amount_365d": [365.0, 0.0, 730.0, float("nan")],
        }
    )


def test_the_riskiest_come_first_and_more_at_stake_breaks_ties() -> None:
    made = risk_list(scored(), BANDS, 73, datetime(2025, 1, 1), "tea.churn/3")
    assert made["customer_id"].tolist() == ["a", "c", "b", "d"]
    assert made["band"].tolist() == ["very high", "medium", "medium", "low"]
    assert made["percentile"].tolist() == [100.0, 50.0, 50.0, 0.0]
    assert made["expected_value_at_risk"].tolist() == [0.0, 73.0, 36.5, 0.0]
    assert made["model_version"].unique().tolist() == ["tea.churn/3"]


def test_the_last_bits_of_a_probability_break_no_ties() -> None:
    """Batches of other sizes and other machines add up to other last bits: more at stake still comes first."""
    dusty = scored().assign(probability=[0.1 + 0.2, 0.9, 0.3, 0.1])
    made = risk_list(dusty, BANDS, 73, datetime(2025, 1, 1), "v")
    assert made["customer_id"].tolist() == ["a", "c", "b", "d"]
    assert made["percentile"].tolist() == [100.0, 50.0, 50.0, 0.0]


def test_the_order_of_the_rows_changes_nothing() -> None:
    first = risk_list(scored(), BANDS, 73, datetime(2025, 1, 1), "v")
    again = risk_list(scored().iloc[::-1].reset_index(drop=True), BANDS, 73, datetime(2025, 1, 1), "v")
    pd.testing.assert_frame_equal(first, again)
