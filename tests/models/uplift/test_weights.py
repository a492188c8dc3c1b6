"""The stack's weights: least squares where the data speak, the average effect where they do not."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.models.uplift.outcomes import Scores
from penchant.models.uplift.weights import fit_weights

N = 4000
FOLD = np.arange(N) % 5


def noise(seed: int, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


def test_members_that_hold_the_truth_get_the_weight() -> None:
    right, wrong = noise(0), noise(1)
    scores = Scores(0.3 + right + noise(2), np.ones(N))
    found = fit_weights([wrong, right + 5], scores, FOLD, None)
    assert found.level == pytest.approx(0.3, abs=0.05)
    assert found.weights[1] == pytest.approx(1.0, abs=0.05)
    assert found.weights[0] < 0.05
    assert found.tells_apart
    assert found.average.low < 0.3 < found.average.high


def test_noise_costs_little_more_than_the_average_effect() -> None:
    """Over trials with nothing to find and members that are all noise, the error stays near the constant's."""
    costs, constants, said = [], [], []
    for seed in range(200):
        common = noise([seed, 8], 500)
        members = [noise([seed, i], 500) + common for i in range(6)]
        found = fit_weights(members, Scores(noise([seed, 9], 500), np.ones(500)), FOLD[:500], None)
        spread = np.column_stack(members) @ found.weights - found.weights @ found.means
        constants.append(found.level**2)
        costs.append(found.level**2 + spread.var())
        said.append(found.tells_apart)
    assert np.sqrt(np.mean(costs) / np.mean(constants)) < 1.06
    assert np.mean(said) < 0.05


def test_weights_are_never_negative_and_a_contrary_member_gets_none() -> None:
    truth = noise(0)
    found = fit_weights([noise(5), -truth], Scores(truth + noise(2), np.ones(N)), FOLD, None)
    assert found.weights.min() >= 0
    assert found.weights[1] == 0.0


def test_the_scale_of_outcomes_changes_nothing_but_the_scale() -> None:
    members, value = [noise(0), noise(1)], noise(0) + noise(2)
    one = fit_weights(members, Scores(value, np.ones(N)), FOLD, None)
    thousand = fit_weights([1000 * m for m in members], Scores(1000 * value, np.ones(N)), FOLD, None)
    np.testing.assert_allclose(one.weights, thousand.weights, rtol=1e-6)
    assert thousand.level == pytest.approx(1000 * one.level)


def test_repeated_customers_are_one_witness() -> None:
    """The same 40 customers, 100 times over: rows would swear, customers cannot."""
    member, value = np.repeat(noise(0, 40), 100), np.repeat(noise(1, 40) + 0.4 * noise(0, 40), 100)
    scores = Scores(value, np.ones(N))
    fold = np.repeat(np.arange(40) % 5, 100)
    rows = fit_weights([member], scores, fold, None)
    customers = fit_weights([member], scores, fold, np.repeat(np.arange(40), 100))
    assert rows.tells_apart
    assert not customers.tells_apart
    assert np.ptp([customers.average.low, customers.average.high]) > 5 * np.ptp([rows.average.low, rows.average.high])


def test_members_without_any_spread_are_no_trouble() -> None:
    found = fit_weights([np.zeros(N), np.ones(N)], Scores(noise(0), np.ones(N)), FOLD, None)
    assert found.believed < 1e-9
    assert np.isfinite(found.weights).all()
