"""Amounts with giants among them: found, capped alike in all arms, and no longer in the way."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.models.uplift import UpliftStack
from penchant.models.uplift.giants import giants_in


def amounts(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    treated = rng.integers(0, 2, n)
    chance = 0.3 + 0.3 * treated * (X[:, 0] > 0)
    y = (rng.random(n) < chance) * np.exp(3 + 0.5 * rng.normal(size=n))
    return X, y, treated, X[:, 0] > 0


def test_the_bound_is_the_hundredth_of_what_is_paid_and_the_mean_stays() -> None:
    y = np.r_[np.zeros(700), np.arange(1.0, 300.0), 150_000.0]
    found = giants_in(y)
    assert found is not None
    assert (found.low, found.high, found.n) == (0.0, 297.0, 3)  # 297 of 300 are at most 297
    assert found.scale == 1.0  # one amount carries three quarters of the sum: it is not spread over all others
    y[-1] = 10_000.0
    found = giants_in(y)
    assert found is not None
    assert (found.scale * found.capped(y)).mean() == pytest.approx(y.mean())
    assert found.words == "amounts above 297.00 (3 rows) counted as just that"


def test_more_than_a_hundredth_are_capped_where_there_are_more_giants() -> None:
    y = np.r_[np.zeros(700), np.arange(1.0, 297.0), 9e4, 9e4, 9e4, 9e4]
    found = giants_in(y)
    assert found is not None
    assert (found.high, found.n) == (294.0, 6)  # two in a hundred


def test_losses_have_their_own_bound() -> None:
    found = giants_in(np.r_[np.zeros(100), np.arange(-100.0, 101.0), -90_000.0, 90_000.0])
    assert found is not None
    assert found.low < 0 < found.high
    assert "or below" in found.words


def test_amounts_of_one_size_and_few_amounts_have_no_giants() -> None:
    rng = np.random.default_rng(1)
    assert giants_in(np.exp(0.8 * rng.normal(size=5000))) is None
    assert giants_in(rng.normal(size=5000)) is None
    assert giants_in(np.r_[np.zeros(1000), np.ones(50), 1e6]) is None


def test_giants_do_not_hide_whom_a_contact_changes() -> None:
    X, y, treated, gains = amounts(3000)
    giants = np.random.default_rng(3).choice(np.flatnonzero(y), 12, replace=False)
    y[giants] *= 300
    stack = UpliftStack().fit(X, y, treated)
    uplift = stack.predict_uplift(X)
    assert stack.findings_["treated"].tells_apart
    assert uplift[gains].mean() - uplift[~gains].mean() > 2
    assert "counted as just that" in stack.describe()
