from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from penchant.models.estimators.calibration import fit_calibration, fit_isotonic, fit_platt
from penchant.models.inputs.folds import grouped_folds


def rows(n: int, stretch: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return log-odds that are ``stretch`` times too bold, and outcomes."""
    rng = np.random.default_rng(seed)
    true = rng.normal(-1, 1.2, n)
    return stretch * true, (rng.random(n) < 1 / (1 + np.exp(-true))).astype(float)


def chosen(log_odds: np.ndarray, y: np.ndarray) -> str:
    return fit_calibration(log_odds, y, np.ones(len(y)), grouped_folds(y)).method


def test_what_comes_true_is_left_alone_and_what_does_not_is_mended() -> None:
    assert chosen(*rows(3000)) == "none"
    assert chosen(*rows(3000, stretch=2.5)) == "platt"
    log_odds, y = rows(20_000)
    assert chosen(np.sign(log_odds) * log_odds**4, y) == "isotonic"


def test_platt_is_logistic_regression() -> None:
    log_odds, y = rows(5000, stretch=2.0)
    weight = np.random.default_rng(1).integers(1, 4, 5000).astype(float)
    line = fit_platt(log_odds, y, weight)
    peer = LogisticRegression(C=np.inf, tol=1e-10).fit(log_odds[:, None], y, sample_weight=weight)
    assert line.slope == pytest.approx(peer.coef_[0, 0], abs=2e-3)
    assert line.intercept == pytest.approx(peer.intercept_[0], abs=2e-3)


def test_isotonic_is_isotonic_at_its_knots() -> None:
    log_odds, y = rows(2000)
    curve = fit_isotonic(log_odds, y, np.ones(2000))
    peer = IsotonicRegression(out_of_bounds="clip").fit(log_odds, y)
    assert curve.knots[0] > 0
    assert curve.knots[-1] < 1
    assert curve.knots[1:-1] == pytest.approx(peer.predict(np.array(curve.knots_at))[1:-1])


@given(st.integers(0, 1000), st.sampled_from(["none", "platt", "isotonic"]))
@settings(deadline=None, max_examples=30)
def test_every_calibration_rises_strictly_and_stays_inside_0_and_1(seed: int, method: str) -> None:
    log_odds, y = rows(150, seed=seed)
    curve = fit_calibration(log_odds, y, np.ones(150), grouped_folds(y), method)  # type: ignore[arg-type]
    p = curve(np.linspace(-8, 8, 500))
    assert (np.diff(p) > 0).all()
    assert p[0] > 0
    assert p[-1] < 1


def test_a_score_that_points_the_wrong_way_keeps_its_order() -> None:
    log_odds, y = rows(500)
    assert fit_platt(-log_odds, y, np.ones(500)).slope > 0


def test_folds_keep_customers_whole_and_share_out_the_positives() -> None:
    rng = np.random.default_rng(0)
    customer = rng.integers(0, 300, 1000)
    y = (rng.random(1000) < 0.05).astype(float)
    fold = grouped_folds(y, customer, 5)
    assert all(len(np.unique(fold[customer == c])) == 1 for c in np.unique(customer))
    assert set(fold) == {0, 1, 2, 3, 4}
    rates = [y[fold == f].sum() for f in range(5)]
    assert max(rates) - min(rates) < 12
    assert np.array_equal(fold, grouped_folds(y, customer, 5))
    assert not np.array_equal(fold, grouped_folds(y, customer, 5, seed=1))


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_outcomes_that_are_all_alike_are_not_taken_for_certain(outcome: float) -> None:
    log_odds = np.linspace(-1, 1, 40)
    p = fit_isotonic(log_odds, np.full(40, outcome), np.ones(40))(log_odds)
    assert (p > 0).all()
    assert (p < 1).all()
    assert abs(p.mean() - outcome) < 0.1
