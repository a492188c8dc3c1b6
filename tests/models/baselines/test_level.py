"""A shop's level: exact shifts, and intervals that hold as far as earlier promises were off."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from penchant.models.baselines.level import FARTHEST, level_of, level_shift


def test_a_shift_brings_the_mean_to_the_share() -> None:
    p = np.random.default_rng(0).beta(1, 4, 500)
    for share in (0.05, 0.3, 0.8):
        assert expit(logit(p) + level_shift(p, share)).mean() == pytest.approx(share, abs=1e-6)
    assert level_shift(p, float(p.mean())) == pytest.approx(0.0, abs=1e-6)
    assert abs(level_shift(p, 0.0)) <= FARTHEST


def test_levels_that_move_lie_inside_in_about_95_per_cent() -> None:
    rng = np.random.default_rng(1)
    p = rng.beta(1, 4, 200)
    held = []
    for _ in range(400):
        shifts = rng.normal(0, 0.4, 5)
        found = level_of(p, shifts[:4])
        held.append(found.low <= expit(logit(p) + shifts[4]).mean() <= found.high)
    assert 0.92 <= np.mean(held) <= 0.98


def test_few_earlier_promises_leave_wide_intervals_and_none_leaves_nothing() -> None:
    p = np.array([0.2, 0.4])
    found = level_of(p, [])
    assert found.value == pytest.approx(0.3)
    assert np.isnan([found.low, found.high]).all()
    one, many = level_of(p, [0.0]), level_of(p, [0.0] * 8)
    assert one.low < 0.2 < 0.45 < one.high
    assert many.low > one.low + 0.1
