"""The statistics of a ranking, of few rows counted by hand: of three scores the middle one is a tie."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.models.evaluation.ranking import (
    auc,
    average_precision,
    falling,
    first_of_ties,
    gains,
    middle_ranks,
    ratio,
    sums_of_ties,
    without_dust,
)

WEIGHT, POSITIVE = np.array([[1.0, 2.0, 1.0]]), np.array([[1.0, 1.0, 0.0]])
PASSED, FOUND = np.cumsum(WEIGHT, axis=1), np.cumsum(POSITIVE, axis=1)


def test_equal_values_keep_their_order() -> None:
    assert falling(np.array([1.0, 3.0, 3.0, 2.0])).tolist() == [1, 2, 3, 0]
    assert falling(np.tile([1.0, 2.0], 50)).tolist() == [*range(1, 100, 2), *range(0, 100, 2)]


@pytest.mark.parametrize(
    ("ranked", "first"),
    [
        ([5.0, 5.0, 3.0, 3.0, 1.0], [0, 2, 4]),
        ([1e10, 1e10 - 1, 1e10 - 2.5], [0, 2]),  # a ten-thousand-millionth of the largest is dust, more is not
        ([1.0, 1e-9, -1e10], [0, 2]),  # the largest is so by its size
        ([np.inf, np.inf, 2.0, -np.inf], [0, 2, 3]),
        ([np.inf, -np.inf], [0, 1]),
        ([5.0, -np.inf, -np.inf], [0, 1]),
        ([0.0, 0.0], [0]),
    ],
)
def test_values_that_only_rounding_tells_apart_are_one(ranked: list[float], first: list[int]) -> None:
    assert first_of_ties(np.array(ranked)).tolist() == first


def test_without_dust_each_has_the_value_of_the_first_of_its_tie() -> None:
    assert without_dust(np.array([1.0, 1e10, 1e10 - 1])).tolist() == [1.0, 1e10, 1e10]


def test_sums_are_of_each_tie() -> None:
    weights = np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 0.0, 0.0]])
    assert sums_of_ties(weights, np.array([0, 1, 3])).tolist() == [[1, 5, 4], [1, 0, 0]]
    assert sums_of_ties(weights, np.arange(4)).tolist() == weights.tolist()


def test_three_and_a_half_of_four_pairs_are_in_order() -> None:
    assert auc(POSITIVE, FOUND, PASSED).tolist() == [3.5 / 4]
    assert np.isnan(auc(WEIGHT, PASSED, PASSED)).all()  # without a negative there is no pair


def test_precision_is_one_at_the_first_and_two_thirds_at_the_second() -> None:
    assert average_precision(POSITIVE, FOUND, PASSED).tolist() == pytest.approx([(1 + 2 / 3) / 2])
    nothing = np.zeros((1, 3))
    late, first_has_none = np.array([[0.0, 1.0, 1.0]]), np.array([[0.0, 2.0, 3.0]])
    found = average_precision(late, np.cumsum(late, axis=1), first_has_none)
    assert found.tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2])
    assert np.isnan(average_precision(nothing, nothing, PASSED)).all()


def test_a_cut_through_a_tie_takes_its_part() -> None:
    amount = np.array([[10.0, 4.0, 6.0], [0.0, 0.0, 0.0]])
    weight, passed = np.repeat(WEIGHT, 2, axis=0), np.repeat(PASSED, 2, axis=0)
    found = gains(weight, passed, amount, np.array([0.0, 0.125, 0.25, 0.5, 0.75, 0.875, 1.0]))
    assert found[0].tolist() == pytest.approx([0, 5 / 20, 10 / 20, 12 / 20, 14 / 20, 17 / 20, 1])
    assert np.isnan(found[1]).all()


def test_tied_rows_stand_in_the_middle_of_their_tie() -> None:
    weights, values = np.array([[1.0, 1.0, 2.0, 1.0]]), np.array([5.0, 7.0, 5.0, 1.0])
    assert middle_ranks(weights, values).tolist() == [[2.5, 0.5, 2.5, 4.5]]


def test_a_ratio_over_nothing_is_what_is_said() -> None:
    part, whole = np.array([3.0, 3.0]), np.array([2.0, 0.0])
    assert ratio(part, whole, otherwise=7.0).tolist() == [1.5, 7.0]
    assert np.isnan(ratio(part, whole)[1])
    assert ratio(np.array([-3.0]), np.array([-2.0])).tolist() == [1.5]
