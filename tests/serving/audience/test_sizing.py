"""What two arms of given sizes see, against many simulated campaigns."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from penchant.serving.audience import sizing
from penchant.serving.audience.sizing import customers_needed, smallest_difference


def test_the_examples_hold() -> None:
    assert doctest.testmod(sizing).failed == 0


@pytest.mark.parametrize(("rate", "n_one", "n_other"), [(0.05, 400, 3600), (0.3, 1000, 1000), (0.5, 300, 900)])
def test_the_smallest_difference_is_seen_in_four_of_five_campaigns(rate: float, n_one: int, n_other: int) -> None:
    rng, n_campaigns = np.random.default_rng(0), 4000
    difference = smallest_difference(rate, n_one, n_other)
    one = rng.binomial(n_one, rate, n_campaigns) / n_one
    other = rng.binomial(n_other, rate + difference, n_campaigns) / n_other
    error = np.sqrt(one * (1 - one) / n_one + other * (1 - other) / n_other)
    assert abs(np.mean(np.abs(other - one) > 1.96 * error) - 0.8) < 0.04


def test_customers_and_differences_are_each_others_answer() -> None:
    n = customers_needed(0.1, 0.03, 0.1)
    assert smallest_difference(0.1, 0.1 * n, 0.9 * n) == pytest.approx(0.03, rel=1e-3)


def test_arms_that_can_see_nothing_say_so() -> None:
    assert smallest_difference(0.1, 0, 100) == np.inf
    assert smallest_difference(0.9, 2, 2) == np.inf
