"""Intervals hold what they promise, and an index is marked only where the crowd differs from the rest."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.serving.insight import intervals as insight_intervals
from penchant.serving.insight.intervals import index_of, mean_of, wilson


def test_examples() -> None:
    assert doctest.testmod(insight_intervals).failed == 0


@pytest.mark.parametrize(
    ("p_in", "p_rest", "n_in", "n_rest"),
    [(0.3, 0.3, 50, 200), (0.02, 0.1, 80, 300), (0.5, 0.01, 20, 500), (0.9, 0.8, 40, 60)],
)
def test_the_index_is_covered_as_often_as_promised(p_in: float, p_rest: float, n_in: int, n_rest: int) -> None:
    rng = np.random.default_rng(0)
    truth = 100 * p_in / ((n_in * p_in + n_rest * p_rest) / (n_in + n_rest))
    covered = []
    for _draw in range(2_000):
        mine, others = int(rng.binomial(n_in, p_in)), int(rng.binomial(n_rest, p_rest))
        found = index_of((mine, n_in), (mine + others, n_in + n_rest))
        covered.append(found.low <= truth <= found.high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)


@given(st.data())
def test_an_index_lies_in_its_interval_and_never_beyond_what_can_be(data: st.DataObject) -> None:
    n_in, n_rest = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 60))
    mine, others = data.draw(st.integers(0, n_in)), data.draw(st.integers(0, n_rest))
    found = index_of((mine, n_in), (mine + others, n_in + n_rest))
    if mine + others == 0:
        assert np.isnan(found.value)
        return
    assert 0 <= found.low <= found.value <= found.high <= 100 * (n_in + n_rest) / n_in * (1 + 1e-9)
    mirrored = index_of((others, n_rest), (mine + others, n_in + n_rest))
    assert (found.low > 100) <= (mirrored.high < 100)  # who is above leaves the rest below


def test_the_whole_base_is_as_the_base() -> None:
    found = index_of((3, 10), (3, 10))
    assert (found.value, found.low, found.high) == (100, 100, 100)


def test_nothing_is_known_of_nobody() -> None:
    assert np.isnan(wilson(0, 0).value)
    assert np.isnan(mean_of(np.array([])).value)
    assert np.isnan(mean_of(np.array([1.0])).low)
