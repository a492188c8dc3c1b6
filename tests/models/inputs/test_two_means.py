import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from penchant.models.inputs.estimate import Estimate
from penchant.models.inputs.two_means import (
    ArmSums,
    bounds_of,
    difference_bounds,
    index_bounds,
    kind_of_outcome,
    score_bounds,
    share_bounds,
    stretch_of,
)


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


def _misses(draw: Any, truth: float, n: int, some: Any = None) -> list[int]:
    """Return of 200 samples how many have their bounds below the truth, and above it."""
    found = []
    for seed in range(200):
        values = draw(np.random.default_rng(seed), n)
        found.append(bounds_of(values, np.ones(n), some=None if some is None else some(values)))
    low, high = np.array(found).T
    return [int((high < truth).sum()), int((low > truth).sum())]


def test_bounds_of_a_mean_hold_with_giants_that_the_sample_lacks() -> None:
    """Five of 200 is the aim on either side; by the spread of the sample alone it was 14, and 40 of the squares."""
    amounts = _misses(lambda rng, n: rng.lognormal(3, 0.8, n), math.exp(3 + 0.8**2 / 2), 30)
    squares = _misses(lambda rng, n: rng.lognormal(3, 0.8, n) ** 2, math.exp(6 + 2 * 0.8**2), 300)
    assert max(*amounts, *squares) <= 10
    assert max(_misses(lambda rng, n: rng.gamma(1.5, 1.0, n), 1.5, 100)) <= 10


def test_weights_count_as_rows_and_repeated_customers_once() -> None:
    values = np.random.default_rng(0).lognormal(3, 1.0, 60)
    alone, ids = bounds_of(values, np.ones(60)), np.arange(60)
    twice = bounds_of(np.repeat(values, 2), np.ones(120), np.repeat(ids, 2))
    assert twice == pytest.approx(alone, rel=0.02)
    assert bounds_of(values, np.full(60, 3.0)) == pytest.approx(alone)
    assert bounds_of(np.repeat(values, 2), np.ones(120))[1] < alone[1]


@pytest.mark.parametrize("rate", [0.003, 0.05, 0.5, 0.997])
def test_bounds_of_a_share_hold_where_hardly_anybody_or_nearly_everybody_has_it(rate: float) -> None:
    """The chance is exact: the binomial's of every count whose bounds hold the rate. Wilson's hold in 85 % at 0.003."""
    counts = np.arange(61)
    holds = [low <= rate <= high for low, high in (share_bounds(k / 60, 60.0) for k in counts)]
    assert binom.pmf(counts, 60, rate)[holds].sum() >= 0.93


def test_the_bounds_of_an_index_exclude_one_where_part_and_rest_differ() -> None:
    inside, same = Estimate(0.5, 0.4, 0.6), Estimate(0.45, 0.38, 0.52)
    low, high = index_bounds(inside, same, 0.1)
    assert low < 1 < high
    assert index_bounds(inside, Estimate(0.2, 0.15, 0.26), 0.1)[0] > 1
