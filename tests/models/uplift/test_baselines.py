"""What an uplift model must beat."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from penchant.models.uplift.baselines import AverageEffect, ByLot, OneColumnRule, ResponseModel, uplift_baselines


def trial(n: int = 2000) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return a trial: b makes customers respond, a makes the contact work."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    arm = rng.choice(["control", "mail"], n)
    y = 2 * X["b"] + (arm == "mail") * (X["a"] > 0) + rng.normal(size=n)
    return X, y.to_numpy(), arm


def test_the_rule_finds_the_column_that_makes_the_contact_work() -> None:
    X, y, arm = trial()
    (part,) = OneColumnRule().fit(X, y, arm).scorer_.parts
    assert part.position == 0
    assert part.threshold == pytest.approx(0, abs=0.15)


def test_the_response_model_ranks_by_what_customers_do_anyway() -> None:
    X, y, arm = trial()
    score = ResponseModel().fit(X, y, arm).predict_uplift(X)
    assert np.corrcoef(score, X["b"])[0, 1] > 0.9


def test_the_average_effect_is_the_difference_of_the_arms_for_everyone() -> None:
    X, y, arm = trial()
    score = AverageEffect().fit(X, y, arm).predict_uplift(X)
    difference = y[arm == "mail"].mean() - y[arm == "control"].mean()
    np.testing.assert_allclose(score, difference, atol=0.02)


def test_each_gives_one_column_for_each_treatment() -> None:
    X, y, _ = trial(300)
    arms = np.array(["control", "call", "mail"])[np.arange(300) % 3]
    for name, baseline in uplift_baselines().items():
        assert baseline.fit(X, y, arms).predict_uplift(X).shape == (300, 2), name
    assert np.ptp(ByLot().fit(X, y, arms).predict_uplift(X)) == 0
