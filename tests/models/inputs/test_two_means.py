import numpy as np
import pytest

from penchant.models.inputs.two_means import ArmSums, difference_bounds, kind_of_outcome, score_bounds, stretch_of


def outcomes(rng: np.random.Generator, kind: str, rate: float, shape: tuple[int, int]) -> np.ndarray:
    size = {"share": 1.0, "amount": rng.lognormal(3, 0.8, shape), "number": rng.normal(20, 10, shape)}[kind]
    return (rng.random(shape) < rate) * size if kind != "number" else size + rate


@pytest.mark.parametrize("n_control", [5, 10, 20, 50])
@pytest.mark.parametrize("kind", ["share", "amount", "number"])
def test_intervals_of_few_controls_hold_the_truth(kind: str, n_control: int) -> None:
    rng = np.random.default_rng(0)
    treated, control = outcomes(rng, kind, 0.24, (1500, 1000)), outcomes(rng, kind, 0.2, (1500, n_control))
    truth = 0.04 * {"share": 1.0, "amount": np.exp(3 + 0.32), "number": 1.0}[kind]
    assert kind_of_outcome(treated[0]) == kind
    arms = (ArmSums.of(y, np.ones_like(y)) for y in (treated, control))
    _, low, high = difference_bounds(*arms, kind)  # type: ignore[arg-type]
    assert 0.93 <= ((low <= truth) & (truth <= high)).mean() <= 0.985


def test_a_single_row_says_nothing_and_a_missing_arm_has_no_difference() -> None:
    many, one, none = (ArmSums.of(np.ones(n), np.ones(n)) for n in (50, 1, 0))
    assert np.isnan(difference_bounds(many, one, "share")[1:]).all()
    assert np.isnan(difference_bounds(many, none, "share")).all()
    assert np.isnan(stretch_of(many, one, "share").even)


def test_weights_that_differ_count_as_fewer_rows() -> None:
    y = np.tile([0.0, 1.0], 50)
    even, uneven = ArmSums.of(y, np.ones(100)), ArmSums.of(y, np.repeat([1.0, 9.0], 50))
    assert even.rows == 100
    assert uneven.rows == pytest.approx(500**2 / (50 + 50 * 81))
    assert np.ptp(score_bounds(uneven.mean, uneven.rows)) > np.ptp(score_bounds(even.mean, even.rows))


def test_large_arms_get_the_normal_interval() -> None:
    rng = np.random.default_rng(1)
    treated, control = (rng.binomial(1, p, 100_000).astype(float) for p in (0.3, 0.25))
    arms = [ArmSums.of(y, np.ones_like(y)) for y in (treated, control)]
    value, low, high = difference_bounds(arms[0], arms[1], "share")
    half = 1.959964 * np.sqrt(treated.var() / 1e5 + control.var() / 1e5)
    assert (low, high) == pytest.approx((value - half, value + half), rel=1e-3)
    assert stretch_of(arms[0], arms[1], "share").even == pytest.approx(1, abs=1e-3)
