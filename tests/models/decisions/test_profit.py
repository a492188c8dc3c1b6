from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from penchant.errors import InputError
from penchant.models.decisions.policy import Stakes, policy_value, treat_top
from penchant.models.decisions.profit import profit_curve, sleeping_dogs
from penchant.models.inputs.estimate import Estimate


def trial(
    seed: int, n: int, low: float = -0.1, high: float = 0.3
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return outcomes, the true effect (evenly between low and high), treatment and base rates."""
    rng = np.random.default_rng(seed)
    effect, base = rng.uniform(low, high, n), rng.uniform(0.2, 0.5, n)
    treated = rng.random(n) < 0.5
    return (rng.random(n) < base + treated * effect).astype(float), effect, treated, base


def test_the_best_depth_is_where_the_marginal_profit_turns() -> None:
    y, effect, treated, _ = trial(0, 100_000)
    found = profit_curve(y, effect, treated, stakes=Stakes(value=10, cost=1), n_draws=200)
    # profitable where the effect exceeds 0.1: the upper half; mean effect there 0.2
    assert found.best_depth.value == pytest.approx(0.5, abs=0.12)
    assert found.best_depth.low < 0.5 < found.best_depth.high
    half = found.curve.at(0.5)
    assert half.low < 1000 * 0.5 * (10 * 0.2 - 1) < half.high
    assert half.low < half.value - 20 < half.value + 20 < half.high
    assert found.best_profit.low < 1000 * 0.5 * (10 * 0.2 - 1) < found.best_profit.high
    assert found.over_everyone.excludes_zero
    assert str(found).startswith("contact the best ")


def test_the_curve_equals_the_value_of_the_policy_at_each_depth() -> None:
    y, effect, treated, base = trial(1, 3000)
    stakes, mu = (Stakes(value={"control": 9, "treated": 8}, cost=0.5), {"control": base, "treated": base + effect})
    score = effect.round(1)
    curve = profit_curve(y, score, treated, predicted=mu, stakes=stakes, n_draws=0, p_treatment=0.5).curve
    for depth in (0.1, 0.37, 1.0):
        policy = policy_value(y, treat_top(score, depth), treated, predicted=mu, stakes=stakes, p_treatment=0.5)
        assert curve.at(depth).value == pytest.approx(policy.over_nobody.value, abs=1e-9)


def test_the_promised_profit_is_not_the_luck_of_the_maximum() -> None:
    promised, lucky = [], []
    for seed in range(60):
        y, _, treated, _ = trial(seed, 400, 0.0, 0.0)
        noise = np.random.default_rng(seed).normal(size=400)
        found = profit_curve(y, noise, treated, n_draws=100)
        promised.append(found.best_profit.value)
        lucky.append(found.curve.gain.max())
    assert np.mean(lucky) > 20  # nothing is to be had, yet the highest points say this
    assert abs(np.mean(promised)) < 0.5 * np.mean(lucky)


def test_where_nothing_pays_nobody_is_contacted() -> None:
    y, effect, treated, _ = trial(2, 5000)
    found = profit_curve(y, effect, treated, stakes=Stakes(value=1, cost=5), n_draws=50)
    assert found.best_depth.value == 0
    assert str(found).startswith("contact nobody")


def test_the_order_of_the_rows_changes_nothing_at_all() -> None:
    y, effect, treated, _ = trial(3, 500)
    shuffled = np.random.default_rng(0).permutation(500)
    one, other = (profit_curve(y[r], effect[r].round(2), treated[r], n_draws=30) for r in (np.arange(500), shuffled))
    assert one.best_profit == other.best_profit
    assert one.curve.low.tolist() == other.curve.low.tolist()


def test_sleeping_dogs_are_found_where_they_lie() -> None:
    y, effect, treated, _ = trial(4, 20_000, -0.3, 0.3)
    found = sleeping_dogs(y, effect, treated, n_draws=200)
    assert found.found
    assert found.share >= 0.4
    assert found.score == pytest.approx(np.quantile(effect, found.share), abs=1e-3)
    mean_below = 1000 * effect[effect <= found.score].mean()
    assert found.effect.low < mean_below < found.effect.high < 0
    assert "are put off" in str(found)


@pytest.mark.slow
def test_sleeping_dogs_are_not_invented() -> None:
    named = 0
    for seed in range(200):
        y, _, treated, _ = trial(seed, 400, 0.0, 0.0)
        noise = np.random.default_rng(seed).normal(size=400)
        named += sleeping_dogs(y, noise, treated, n_draws=150, seed=seed).found
    assert named <= 12


def test_one_of_several_arms_is_looked_at() -> None:
    y, effect, treated, _ = trial(5, 3000)
    arm = np.where(treated, np.where(np.arange(3000) % 2, "mail", "call"), "control")
    rows = arm != "call"
    stakes = Stakes(cost={"mail": 0.1, "call": 9.0})
    one = profit_curve(y, effect, arm, arm="mail", stakes=stakes, n_draws=20)
    alone = profit_curve(y[rows], effect[rows], treated[rows], stakes=Stakes(cost=0.1), n_draws=20)
    assert one.curve.gain == pytest.approx(alone.curve.gain)
    with pytest.raises(InputError, match="Say which with arm="):
        profit_curve(y, effect, arm, stakes=stakes)


FOUR: dict[str, Any] = {"y": [4.0, 2.0, 3.0, 1.0], "uplift": [4, 3, 2, 1], "treatment": [1, 1, 0, 0]}
# A contact changes 3, -1, -1 and 3 by the doubly-robust scores: 5 - 2, 1 - 2, 3 - 4, 3 - 0.


def test_four_customers_bring_what_was_counted_by_hand() -> None:
    found = profit_curve(n_draws=0, **FOUR)
    assert [found.curve.at(q).value for q in (0.0, 0.25, 0.5, 0.75, 1.0)] == pytest.approx([0, 750, 500, 250, 1000])
    assert (found.best_depth.value, found.best_profit.value, found.over_everyone.value) == (1.0, 1000.0, 0.0)
    assert np.isnan([found.best_depth.low, found.best_depth.high]).all()
    dear = profit_curve(n_draws=0, stakes=Stakes(cost=1), **FOUR)
    assert [dear.curve.at(q).value for q in (0.25, 0.5, 0.75, 1.0)] == pytest.approx([500, 0, -500, 0])
    assert (dear.best_depth.value, dear.best_profit.value, dear.over_everyone.value) == (0.25, 500.0, 500.0)
    unlike = profit_curve(n_draws=0, stakes=Stakes(value={"control": 1.0, "treated": 2.0}), **FOUR)
    assert unlike.curve.at(1.0).value == pytest.approx(1000 * (8 + 0 + 2 + 6) / 4)


def test_equal_scores_come_together_and_weights_count_as_customers() -> None:
    tied = profit_curve(FOUR["y"], [4, 4, 2, 1], FOUR["treatment"], n_draws=0)
    assert tied.curve.at(0.25).value == pytest.approx(250)  # half of 3 - 1
    weight = [3, 1, 1, 1]  # the treated's mean is 14 / 4; changes of 2.5, -1.5, -0.5 and 3.5, the first three times
    heavy = profit_curve(n_draws=0, sample_weight=weight, **FOUR)
    assert heavy.curve.at(0.5).value == pytest.approx(1000 * 3 * 2.5 / 6)
    assert heavy.curve.at(1.0).value == pytest.approx(1000 * (7.5 - 1.5 - 0.5 + 3.5) / 6)


def test_the_lowest_half_is_put_off_where_the_predictions_know_it() -> None:
    """Of forty the twenty of the lowest scores lose one by a contact, the others gain one, all as predicted."""
    score, base = np.arange(40) + 1.0, np.full(40, 2.0)
    effect, treated = np.where(score <= 20, -1.0, 1.0), np.arange(40) % 2 == 0
    predicted = {"control": base, "treated": base + effect}
    found = sleeping_dogs(base + treated * effect, score, treated, predicted=predicted, n_draws=200)
    assert found.found
    assert 0.3 <= found.share <= 0.5
    assert found.effect.value == pytest.approx(-1000)
    assert found.effect.low < -1000 < found.effect.high < 0
    assert found.score == round(40 * found.share)
    liked = sleeping_dogs(base - treated * effect, -score, treated, predicted=None, n_draws=0)
    assert not liked.found
    assert str(liked) == "no sleeping dogs beyond noise"


def test_where_depth_means_nothing_the_best_one_is_anywhere() -> None:
    y, _, treated, _ = trial(7, 2000, 0.0, 0.0)
    noise = np.random.default_rng(7).normal(size=2000)
    found = profit_curve(y, noise, treated, n_draws=300)
    assert found.best_depth.low < 0.05
    assert found.best_depth.high > 0.95


def test_a_profit_that_is_at_most_nothing_is_none() -> None:
    y, effect, treated, _ = trial(6, 500)
    found = profit_curve(y, effect, treated, n_draws=0)
    assert str(replace(found, best_profit=Estimate(-1.0, -2.0, 0.0))).startswith("contact nobody")
    assert str(replace(found, best_profit=Estimate(-1.0, -2.0, 0.1))).startswith("contact the best")


def test_outcomes_without_any_spread_put_nobody_off() -> None:
    _, effect, treated, _ = trial(7, 400)
    found = sleeping_dogs(np.full(400, 7.0), effect, treated, n_draws=20)
    assert not found.found
    assert [found.effect.value, found.effect.low, found.effect.high] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)
