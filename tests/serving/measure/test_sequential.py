"""Daily looks: no false alarms, and the shares that a plain count gives."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from penchant.serving.measure import sequential as measure_looks
from penchant.serving.measure.effect import Sample
from penchant.serving.measure.sequential import Looks, look_daily


def looks_of(seed: int, rates: tuple[float, float], entered: np.ndarray | None = None, n: int = 3000) -> Looks:
    """Looks at a campaign whose control and treatment respond at these rates within 30 days."""
    rng = np.random.default_rng(seed)
    t = rng.random(n) < 0.6
    waits = rng.gamma(1.2, 8.0, n)
    responded = np.where((rng.random(n) < np.where(t, rates[1], rates[0])) & (waits < 30), waits, np.inf)
    entered = np.zeros(n) if entered is None else entered
    sample = Sample(t, np.where(t, 1.0, 1.5), np.empty((0, n)))
    return look_daily(sample, entered, responded, 30.0 + entered.max())


@pytest.mark.parametrize(("rate", "in_waves"), [(0.1, False), (0.1, True), (0.7, False)])
def test_looking_daily_raises_no_false_alarms(rate: float, in_waves: bool) -> None:
    entered = np.repeat([0.0, 10.0, 20.0], 1000) if in_waves else None
    alarms = naive = 0
    for seed in range(200):
        found = looks_of(seed, (rate, rate), entered)
        alarms += found.first_clear_day is not None
        naive += bool(((found.table["naive_low"] > 0) | (found.table["naive_high"] < 0)).any())
    assert alarms <= 200 * 0.05
    assert naive >= 200 * 0.15  # what the always-valid intervals guard against


def test_all_intervals_hold_the_growing_truth_together() -> None:
    from scipy import stats

    held = 0
    for seed in range(100):
        table = looks_of(seed, (0.1, 0.25)).table
        truth = 0.15 * stats.gamma(1.2, scale=8.0).cdf(table["day"])
        held += bool(((table["low"] <= truth) & (truth <= table["high"])).all())
    assert held >= 95


def test_a_strong_effect_is_seen_long_before_the_end() -> None:
    day = looks_of(1, (0.05, 0.25)).first_clear_day
    assert day is not None
    assert day <= 8


def test_each_look_counts_who_had_entered_and_responded_by_then() -> None:
    rng = np.random.default_rng(2)
    n = 500
    t, weight = rng.random(n) < 0.5, rng.uniform(0.5, 2.0, n)
    entered, waits = (rng.integers(0, 12, n).astype(float), np.where(rng.random(n) < 0.5, rng.gamma(2, 5, n), np.inf))
    table = look_daily(Sample(t, weight, np.empty((0, n))), entered, waits, 20.0).table
    row = table[table["day"] == 13].iloc[0]
    here, seen = entered <= 13, entered + waits <= 13
    shares, variances = [], []
    for arm in (t, ~t):
        w, y = weight[here & arm], seen[here & arm]
        shares.append(np.average(y, weights=w))
        variances.append((w**2 * (y - shares[-1]) ** 2).sum() / w.sum() ** 2)
    assert row["n"] == here.sum()
    assert row["difference"] == pytest.approx(shares[0] - shares[1])
    assert row["naive_high"] - row["difference"] == pytest.approx(1.96 * np.sqrt(sum(variances)), rel=0.01)


def test_too_few_responders_are_not_looked_at() -> None:
    found = looks_of(3, (0.0, 0.001), n=500)
    assert len(found.table) == 0
    assert found.first_clear_day is None
    assert found.as_dict()["days"] == []


def test_long_campaigns_are_looked_at_in_even_steps() -> None:
    days = measure_looks.look_days(365.0)
    assert len(days) <= measure_looks.MOST_LOOKS
    assert days[-1] == 365
    assert len(set(np.diff(days))) == 1


def test_the_examples_run() -> None:
    assert doctest.testmod(measure_looks).failed == 0
