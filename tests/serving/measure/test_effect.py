"""Effects against known truth, hand-made sums, and the ways in which rows may hang together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from penchant.models.inputs.two_means import ArmSums, difference_bounds, mean_bounds
from penchant.serving.measure.effect import Effect, Measured, RowSums, Sample, measure_effects, weighted_means

NONE = np.empty((0, 0))


def even(is_treated: np.ndarray, covariates: np.ndarray | None = None, customer: np.ndarray | None = None) -> Sample:
    n = len(is_treated)
    return Sample(is_treated, np.ones(n), np.empty((0, n)) if covariates is None else covariates, customer)


def explored(seed: int, n: int = 1500) -> tuple[Sample, np.ndarray, float, float]:
    """A trial where those below the cut are treated rarely, buy rarely, and are not moved at all."""
    rng = np.random.default_rng(seed)
    habit = rng.normal(size=n)
    p = np.where(rng.random(n) < 0.4, 0.1, 0.8)
    is_treated = rng.random(n) < p
    base = 1 / (1 + np.exp(2.5 - habit - (p > 0.5)))
    effect = np.where(p > 0.5, 0.06, 0.0)
    y = (rng.random(n) < base + effect * is_treated).astype(float)
    truth = float((p * effect).sum() / p.sum())
    relative = float((p * (base + effect)).sum() / (p * base).sum() - 1)
    return Sample(is_treated, np.where(is_treated, 1.0, p / (1 - p)), habit[None]), y[None], truth, relative


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    hits = np.zeros(3)
    for seed in range(300):
        sample, y, truth, relative = explored(seed)
        effect = measure_effects(sample, y)[0]
        found = (effect.plain.interval(), effect.adjusted.interval(), effect.relative())
        hits += [one.low <= t <= one.high for one, t in zip(found, (truth, truth, relative), strict=True)]
    assert (hits >= 300 * 0.92).all()
    assert (hits <= 300 * 0.985).all()


def test_leaving_out_the_odds_would_miss_the_truth() -> None:
    errors = []
    for seed in range(30):
        sample, y, truth, _ = explored(seed)
        unweighted = even(sample.is_treated, sample.covariates)
        errors.append(measure_effects(unweighted, y)[0].plain.value - truth)
    assert np.mean(errors) > 0.03


def test_the_plain_difference_and_its_error_are_welchs() -> None:
    rng = np.random.default_rng(1)
    t, y = rng.random(400) < 0.3, rng.gamma(2, 5, (1, 400))
    effect = measure_effects(even(t), y)[0]
    a, b = y[0, t], y[0, ~t]
    assert effect.plain.value == pytest.approx(a.mean() - b.mean())
    assert effect.plain.error == pytest.approx(np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)))
    assert (effect.n_treated, effect.n_control) == (len(a), len(b))


def test_the_adjusted_difference_has_the_slope_with_the_least_variance() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1, 600))
    t = rng.random(600) < 0.5
    y = 2 * x + rng.normal(size=(1, 600)) + t
    effect = measure_effects(even(t, x), y)[0]
    slopes = np.linspace(1.5, 2.5, 2001)
    spread = [measure_effects(even(t), y - slope * x)[0].plain for slope in slopes]
    best = min(spread, key=lambda one: one.error)
    df = best.df  # a slope that was fitted to the same rows takes a degree of freedom
    assert effect.adjusted.error == pytest.approx(best.error * np.sqrt(df / (df - 1)), rel=1e-4)
    assert effect.adjusted.value == pytest.approx(best.value, abs=1e-3)
    assert effect.variance_removed > 0.7


@given(st.integers(0, 10_000))
def test_swapped_arms_flip_the_sign_and_rows_may_come_in_any_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 120
    t, x, y = np.arange(n) % 3 > 0, rng.normal(size=(1, n)), (rng.random((1, n)) < 0.3).astype(float)
    effect, swapped = measure_effects(even(t, x), y)[0], measure_effects(even(~t, x), y)[0]
    assert swapped.adjusted.value == pytest.approx(-effect.adjusted.value, abs=1e-12)
    assert swapped.adjusted.error == pytest.approx(effect.adjusted.error)
    order = rng.permutation(n)
    again = measure_effects(even(t, x).take(order), y[:, order])[0]
    assert again.adjusted.value == pytest.approx(effect.adjusted.value, abs=1e-12)


def test_rows_of_one_customer_count_once() -> None:
    rng = np.random.default_rng(3)
    n = 300
    t, x, y = rng.random(n) < 0.5, rng.normal(size=(2, n)), rng.normal(size=(1, n))
    twice = np.repeat(np.arange(n), 2)
    single = measure_effects(even(t, x), y)[0]
    double = measure_effects(even(t, x, np.arange(n)).take(twice), y[:, twice])[0]
    assert double.adjusted.value == pytest.approx(single.adjusted.value, abs=1e-4)
    assert double.plain.error == pytest.approx(single.plain.error, rel=0.01)
    blind = measure_effects(even(t, x).take(twice), y[:, twice])[0]
    assert blind.plain.error == pytest.approx(single.plain.error / np.sqrt(2), rel=0.01)


def test_a_customer_in_both_arms_is_one_draw() -> None:
    rng = np.random.default_rng(4)
    n = 2000
    habit = rng.normal(size=n)
    t = np.repeat([True, False], n)
    y = np.concatenate([habit, habit]) + rng.normal(scale=0.1, size=2 * n)
    paired = measure_effects(even(t, customer=np.tile(np.arange(n), 2)), y[None])[0]
    assert paired.plain.error == pytest.approx(0.1 * np.sqrt(2 / n), rel=0.1)


def test_chunks_do_not_change_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    sample, y, _, _ = explored(5)
    whole = weighted_means(sample, y)
    monkeypatch.setattr("penchant.serving.measure.effect.ROWS_AT_ONCE", 7)
    for one, other in zip(whole, weighted_means(sample, y), strict=True):
        assert np.allclose(one, other)


@pytest.mark.parametrize("n_responders", [0, 1, 3])
def test_few_responders_never_give_a_sure_answer(n_responders: int) -> None:
    t = np.arange(400) % 2 == 0
    y = np.zeros((1, 400))
    y[0, np.flatnonzero(t)[:n_responders]] = 1
    effect = measure_effects(even(t), y)[0]
    found = effect.plain.interval()
    assert found.low < 0 < found.high
    assert found.high - found.low > 0.01
    assert np.isnan(effect.relative().value)


def test_rare_outcomes_are_covered_when_nothing_happens() -> None:
    rng, hits = np.random.default_rng(6), 0
    for _ in range(400):
        t, y = rng.random(400) < 0.5, (rng.random((1, 400)) < 0.01).astype(float)
        found = measure_effects(even(t), y)[0].plain.interval()
        hits += found.low <= 0 <= found.high
    assert hits >= 400 * 0.95


def test_amounts_that_never_came_have_no_interval() -> None:
    effect = measure_effects(even(np.arange(100) < 50), np.full((1, 100), 7.5))[0]
    assert effect.plain.value == 0
    assert np.isnan(effect.plain.interval().low)
    assert np.isnan(Measured(0.0, 0.0).p_value)
    assert Measured(1.96, 1.0).p_value == pytest.approx(0.05, abs=1e-4)


SEVEN = np.array([[1.0, 2.0, 3.0, 6.0, 2.0, 4.0, 6.0]])  # four treated of mean 3, three controls of mean 4
FIRST = np.arange(7) < 4


def test_seven_customers_by_hand() -> None:
    """The means' variances are 14/3/4 and 4/3."""
    found = measure_effects(even(FIRST), SEVEN, [True])[0]
    assert (found.n_treated, found.n_control) == (4, 3)
    assert (found.treated.value, found.control.value, found.plain.value) == pytest.approx((3, 4, -1))
    assert (found.treated.error, found.control.error) == pytest.approx((np.sqrt(7 / 6), np.sqrt(4 / 3)))
    assert found.plain.error == pytest.approx(np.sqrt(7 / 6 + 4 / 3))
    welch = stats.ttest_ind(SEVEN[0, :4], SEVEN[0, 4:], equal_var=False)
    assert (found.plain.df, found.plain.p_value) == pytest.approx((welch.df, welch.pvalue))
    error = np.sqrt(7 / 6 / 9 + 4 / 3 / 16)
    assert (found.log_ratio.value, found.log_ratio.error) == pytest.approx((np.log(3 / 4), error))
    relative, reach = found.relative(), stats.t.ppf(0.975, welch.df) * error
    assert relative.value == pytest.approx(-0.25)
    assert (relative.low, relative.high) == pytest.approx((0.75 * np.exp(-reach) - 1, 0.75 * np.exp(reach) - 1))
    assert found.adjusted.value == found.plain.value
    minus = measure_effects(even(FIRST), -SEVEN, [True])[0]
    assert np.isnan([minus.log_ratio.value, minus.relative().value]).all()


def test_controls_stand_for_as_many_as_they_weigh() -> None:
    sample = Sample(FIRST, np.array([1.0, 1, 1, 1, 1, 3, 2]), np.empty((0, 7)))
    found = measure_effects(sample, SEVEN, [True])[0]
    assert found.control.value == pytest.approx(26 / 6)
    squares = 1 * (2 - 26 / 6) ** 2 + 9 * (4 - 26 / 6) ** 2 + 4 * (6 - 26 / 6) ** 2
    assert found.control.error == pytest.approx(np.sqrt(1.5 * squares) / 6)
    assert found.plain.value == pytest.approx(3 - 26 / 6)


def test_few_successes_are_as_unsure_as_one_more_of_each_would_make_them() -> None:
    t = np.arange(20) < 10
    none = measure_effects(even(t), np.zeros((1, 20)))[0]
    assert none.plain.error == pytest.approx(np.sqrt(2 * 1 / 12 * 11 / 12 / 12))
    one = np.zeros((1, 20))
    one[0, 0] = 1.0
    least = 2 / 12 * 10 / 12 / 12 + 1 / 12 * 11 / 12 / 12
    assert measure_effects(even(t), one)[0].plain.error == pytest.approx(np.sqrt(least))
    amount = measure_effects(even(t), one, [True])[0]
    assert amount.plain.error == pytest.approx(np.sqrt(0.1 * 0.9 / 9))
    many = np.tile([[1.0, 0.0]], (1, 10))  # half of each: the variance that was found is above the least
    assert measure_effects(even(t), many)[0].plain.error == pytest.approx(np.sqrt(2 * 0.25 / 9))


def test_a_slope_wants_twenty_customers_in_each_arm_for_itself_and_the_mean() -> None:
    rng = np.random.default_rng(0)
    for n_control, is_adjusted in ((39, False), (40, True)):
        t = np.arange(60 + n_control) < 60
        x = rng.normal(size=(1, len(t)))
        found = measure_effects(even(t, x), x + rng.normal(size=(1, len(t))))[0]
        assert (found.adjusted.value != found.plain.value) == is_adjusted
        assert found.adjusted.df == pytest.approx(found.plain.df - 1 if is_adjusted else found.plain.df)
        assert (found.variance_removed > 0) == is_adjusted


def test_what_an_effect_says_of_itself() -> None:
    known, unsure = Measured(1.0, 1.0), Measured(1.0, 2.0)
    effect = Effect(9, 9, known, known, unsure, known, known, known)
    assert effect.variance_removed == 0.75
    assert effect.smallest_seen == pytest.approx(1.959964 + 0.841621, abs=1e-6)
    assert replace(effect, adjusted=Measured(1.0, 3.0)).variance_removed == 0.0
    assert replace(effect, plain=Measured(1.0, 0.0)).variance_removed == 0.0
    assert unsure.interval().high == pytest.approx(1 + 2 * 1.959964, abs=1e-5)
    assert unsure.interval(0.8).low == pytest.approx(1 - 2 * 1.281552, abs=1e-5)
    assert np.isnan(Measured(1.0, 2.0, 0.0).interval().low)
    assert Measured(1.0, 2.0, 1.0).interval().high == pytest.approx(1 + 2 * 12.7062, abs=1e-3)


def test_an_interval_of_few_rows_is_that_of_their_sums_times_what_else_is_known() -> None:
    arms = tuple(ArmSums.of(SEVEN[0], weight) for weight in even(FIRST).weights)
    both, alone = RowSums(arms, "amount"), RowSums(arms[:1], "amount")
    middle, low, high = difference_bounds(*arms, "amount", 0.95)
    assert both.reach(0.95) == pytest.approx((middle - low, high - middle))
    assert replace(both, factor=2.0).reach(0.95) == pytest.approx((2 * (middle - low), 2 * (high - middle)))
    low, high = mean_bounds(arms[0], "amount", 0.9)
    assert alone.reach(0.9) == pytest.approx((3 - low, high - 3))
    found = Measured(10.0, 1.0, 5.0, alone).interval(0.9)
    assert (found.low, found.high) == pytest.approx((7 + low, 7 + high))
    assert Measured(10.0, 0.0, 5.0, alone).interval().low == 10.0


def test_four_customers_of_two_rows_each_are_four_draws() -> None:
    """Of the treated one has twice 1 and one twice 3, of the controls 2 and 6."""
    rows = np.repeat([[1.0, 3.0, 2.0, 6.0]], 2, axis=1)
    found = measure_effects(even(np.arange(8) < 4, customer=np.repeat(np.arange(4), 2)), rows, [True])[0]
    rows_over_one_less, customers_over_one_less = 4 / 3, 4 / 3
    squares = np.array([2 * 2.0**2, 2 * 4.0**2]) / 4**2  # of a customer's two deviations together
    expected = np.sqrt(squares * rows_over_one_less * customers_over_one_less)
    assert (found.treated.error, found.control.error) == pytest.approx(tuple(expected))
