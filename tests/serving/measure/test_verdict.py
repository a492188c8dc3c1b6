"""Verdicts: what an interval allows to say, and how many customers it would take."""

from __future__ import annotations

import doctest
from dataclasses import replace

import numpy as np
import pytest

from penchant.serving.measure import compare as measure_compare
from penchant.serving.measure import settings as measure_settings
from penchant.serving.measure import verdict as measure_words
from penchant.serving.measure.effect import Effect, Measured, Sample, measure_effects
from penchant.serving.measure.result import Result
from penchant.serving.measure.verdict import needed, verdict_on


def result_of(difference: float, error: float, natural: float = 0.1, n: int = 5000) -> Result:
    control, treated = Measured(natural, error / 2), Measured(natural + difference, error / 2)
    change, ratio = Measured(difference, error), Measured(np.log1p(difference / natural), error / natural)
    effect = Effect(n, n, treated, control, change, change, ratio, ratio)
    return Result("within 30 days", 30, {"response": effect}, 0.95)


@pytest.mark.parametrize(
    ("difference", "word"), [(0.03, "worked"), (-0.03, "did harm"), (0.015, "can't be told"), (0.0, "can't be told")]
)
def test_the_word_follows_the_interval(difference: float, word: str) -> None:
    assert verdict_on(result_of(difference, 0.01), "within 30 days", 0.1).word == word


def test_so_many_customers_would_have_shown_it() -> None:
    """Four in five campaigns of the size that is asked for find the effect; of the size there was, far fewer."""
    natural, effect, n = 0.2, 0.03, 1500
    error = np.sqrt(natural * (1 - natural) * 4 / n)
    asked = needed(result_of(effect, error, natural, n // 2), effect)
    assert asked is not None
    rng = np.random.default_rng(0)

    def found(size: int) -> bool:
        t = np.arange(size) % 2 == 0
        y = (rng.random(size) < natural + effect * t).astype(float)
        return measure_effects(Sample(t, np.ones(size), np.empty((0, size))), y[None])[0].plain.interval().low > 0

    assert 0.72 <= np.mean([found(asked) for _ in range(200)]) <= 0.90
    assert np.mean([found(n) for _ in range(200)]) < 0.5


def test_a_difference_near_zero_names_no_number_but_that_of_what_matters() -> None:
    verdict = verdict_on(result_of(0.0005, 0.01), "within 30 days", 0.1)
    assert verdict.n_needed is None
    assert verdict.n_needed_relevant == pytest.approx(10_000 * (2.8016 * 0.01 / 0.01) ** 2, rel=0.001)
    assert "To show a difference of 1.00% (10% of the natural rate) it would take about 78,000" in verdict.text


def test_where_nobody_responded_no_share_is_spoken_of() -> None:
    nobody = result_of(0.0, 0.01)
    effect = replace(nobody.response, control=Measured(0.0, 0.001), treated=Measured(0.0, 0.001))
    verdict = verdict_on(replace(nobody, effects={"response": effect}), "within 30 days", 0.1)
    assert "Nobody in the control responded" in verdict.text
    assert verdict.n_needed_relevant is None


def test_a_large_campaign_says_that_it_would_have_seen_it() -> None:
    verdict = verdict_on(result_of(0.0002, 0.002), "within 30 days", 0.1)
    assert "would most likely have been detected" in verdict.text
    assert verdict.n_needed_relevant is None


def test_broken_checks_forbid_a_verdict() -> None:
    verdict = verdict_on(result_of(0.05, 0.01), "within 30 days", 0.1, broken="Customers were lost.")
    assert verdict.word == "can't be told"
    assert verdict.text.startswith("Customers were lost.")


def test_the_cost_of_an_order_has_no_upper_bound_where_orders_may_be_none() -> None:
    unsure = result_of(0.01, 0.01)
    orders, cost = Measured(0.01, 0.01), Measured(0.5, 0.0)
    effect = unsure.response
    both = {
        "response": effect,
        "orders": Effect(5000, 5000, orders, orders, orders, orders, orders, orders),
        "cost": Effect(5000, 5000, cost, cost, cost, cost, cost, cost),
    }
    found = Result("within 30 days", 30, both, 0.95).cost_per_order
    assert found is not None
    assert (found.value, found.high) == (pytest.approx(50), np.inf)
    assert found.as_dict()["high"] is None


@pytest.mark.parametrize("module", [measure_compare, measure_settings, measure_words])
def test_the_examples_run(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
