"""How a chance grows with the horizon, on successes that come at a known pace."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.errors import InputError, TooLittleDataError
from penchant.models.baselines.pace import Pace, fit_pace


def test_the_planted_pace_is_found_and_carries_to_a_longer_horizon() -> None:
    rng = np.random.default_rng(0)
    hazard = rng.gamma(1.0, 0.4, 40_000)  # within 90 days

    def came(days: float) -> np.ndarray:
        return (rng.random(len(hazard)) < 1 - np.exp(-hazard * (days / 90) ** 0.7)).astype(float)

    p = 1 - np.exp(-hazard)
    pace = fit_pace(p, came(45), 90, 45)
    assert pace.power == pytest.approx(0.7, abs=0.05)
    later = came(270)
    assert pace.within(p, 90, 270).mean() == pytest.approx(later.mean(), abs=0.015)
    assert Pace().within(p, 90, 270).mean() > later.mean() + 0.05


def test_there_and_back_is_where_it_was_and_order_is_kept() -> None:
    p = np.array([0.0, 0.01, 0.5, 0.99])
    pace = Pace(0.6)
    assert np.allclose(pace.within(pace.within(p, 30, 200), 200, 30), p)
    assert (np.diff(pace.within(p, 30, 200)) > 0).all()


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(InputError, match="another horizon"):
        fit_pace([0.1, 0.2], [0, 1], 30, 30)
    with pytest.raises(TooLittleDataError, match="both outcomes"):
        fit_pace([0.1, 0.2], [0, 0], 30, 15)
    with pytest.raises(InputError, match="one per customer"):
        fit_pace([0.1, 0.2], [0, 1, 1], 30, 15)
