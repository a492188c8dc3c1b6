from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from penchant.errors import InputError
from penchant.models.estimators import calibration
from penchant.models.estimators.calibration import (
    Calibration,
    fit_calibration,
    fit_isotonic,
    fit_platt,
    gains_surely,
    left_out_loss,
    less_certain,
)
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


def test_the_steps_of_four_rows_are_those_counted_by_hand() -> None:
    """Of two at -2 one came, of one at 0 none: together a third of three, whose middle is -4/3."""
    log_odds, y = np.array([1.0, -2.0, 0.0, -2.0, 5.0]), np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    curve = fit_isotonic(log_odds, y, np.array([1.0, 1.0, 1.0, 1.0, 0.0]))  # the last has no weight
    assert curve.knots_at == pytest.approx((-4 / 3, 1.0))
    assert curve.knots == pytest.approx((1 / 3, 0.75))  # of one row that came, half a row more is taken for none
    assert curve.knots_share == 0.98
    line = fit_platt(log_odds[:4], y[:4], np.ones(4))  # what is left to it keeps those apart whom a step ties
    assert (curve.slope, curve.intercept) == pytest.approx((line.slope, line.intercept), abs=1e-5)
    heavier = fit_isotonic(log_odds, y, np.array([1.0, 1.0, 4.0, 3.0, 0.0]))
    assert heavier.knots_at == pytest.approx((-1.0, 1.0))
    assert heavier.knots == pytest.approx((3 / 8, 0.75))


def test_ends_are_never_certain_and_less_so_the_less_they_weigh() -> None:
    def ends(steps: list[float], weight: list[float]) -> list[float]:
        return less_certain(np.array(steps), np.array(weight)).tolist()

    assert ends([0.0, 0.5, 1.0], [9.0, 5.0, 4.0]) == pytest.approx([0.05, 0.5, 0.9])
    assert ends([0.0, 0.02, 0.98, 1.0], [1.0] * 4) == pytest.approx([0.01, 0.02, 0.98, 0.99])  # half-way to the next
    assert ends([0.0], [3.0]) == pytest.approx([0.125])
    assert ends([1.0], [3.0]) == pytest.approx([0.875])
    assert ends([0.2, 0.8], [1.0, 1.0]) == [0.2, 0.8]


def test_a_gain_is_sure_above_twice_its_standard_error() -> None:
    def sure(gain: list[float], weight: list[float]) -> bool:
        return gains_surely(np.array(gain), np.array(weight))

    assert sure([1.0, 3.0], [1.0, 1.0])  # 2 over an error of 0.71
    assert not sure([0.0, 2.0], [1.0, 1.0])  # 1 over the same
    assert not sure([0.0, 0.0], [1.0, 1.0])
    assert not sure([1.0, 5.0], [3.0, 1.0])  # 2 over 18 ** 0.5 / 4 = 1.06
    assert sure([2.0, 4.0], [3.0, 1.0])  # 2.5 over 4.5 ** 0.5 / 4


def test_a_left_out_loss_is_that_of_the_other_folds() -> None:
    log_odds, y, weight = np.array([0.0, np.log(3.0)]), np.array([1.0, 0.0]), np.ones(2)
    fold = np.array([0, 1])
    assert left_out_loss("none", log_odds, y, weight, fold) == pytest.approx([np.log(2), np.log(4)])
    log_odds, y = rows(60)
    fold, other = np.arange(60) % 2, y.copy()
    other[0] = 1 - other[0]
    before, after = (left_out_loss("platt", log_odds, outcome, np.ones(60), fold) for outcome in (y, other))
    assert (before[fold == 0][1:] == after[fold == 0][1:]).all()  # a row's own fold teaches nothing about it
    assert (before[fold == 1] != after[fold == 1]).all()


def test_a_row_of_weight_three_is_three_rows() -> None:
    log_odds, y = rows(200, stretch=2.0)
    weight = np.tile([3.0, 1.0], 100)
    repeated = np.repeat(np.arange(200), weight.astype(int))
    one, three = fit_platt(log_odds, y, weight), fit_platt(log_odds[repeated], y[repeated], np.ones(400))
    assert (one.slope, one.intercept) == pytest.approx((three.slope, three.intercept), rel=1e-6)


def test_platt_tells_apart_what_is_told_apart_as_a_row_more_of_each_would() -> None:
    """Two at -1 that did not come and two at 1 that did: softened to a quarter and three quarters."""
    line = fit_platt(np.array([-1.0, -1.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4))
    assert (line.slope, line.intercept) == pytest.approx((np.log(3.0), 0.0), abs=1e-6)
    uneven = fit_platt(np.array([-1.0, -1.0, 1.0]), np.array([0.0, 0.0, 1.0]), np.ones(3))
    # of the two 1 in 4 comes, of the one 2 in 3: log-odds -log 3 and log 2
    assert (uneven.intercept - uneven.slope, uneven.intercept + uneven.slope) == pytest.approx((-np.log(3), np.log(2)))


def test_a_calibration_is_read_back_and_an_unknown_one_refused() -> None:
    log_odds, y = rows(200)
    curve = fit_isotonic(log_odds, y, np.ones(200))
    assert Calibration.from_dict(json.loads(json.dumps(curve.as_dict()))) == curve
    for typed, meant in (("plat", "platt"), ("atuo", "auto")):
        with pytest.raises(InputError, match=f"Did you mean '{meant}'"):
            fit_calibration(log_odds, y, np.ones(200), grouped_folds(y), typed)  # type: ignore[arg-type]


def test_a_line_is_fitted_once_without_each_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    log_odds, y = rows(300)
    weight, folds = np.ones(300), grouped_folds(y)
    alone = [left_out_loss(method, log_odds, y, weight, folds) for method in ("platt", "isotonic")]  # type: ignore[arg-type]
    lines: dict[int, Calibration] = {}
    assert (left_out_loss("platt", log_odds, y, weight, folds, lines) == alone[0]).all()
    assert sorted(lines) == np.unique(folds).tolist()
    monkeypatch.setattr(calibration, "fit_platt", None)
    assert (left_out_loss("isotonic", log_odds, y, weight, folds, lines) == alone[1]).all()
