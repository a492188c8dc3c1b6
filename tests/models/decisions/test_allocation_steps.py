"""The steps of few customers along their own hulls, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.models.decisions.allocation_steps import best_steps

Step = tuple[int, int, int, float, float]


def steps(gain: list[list[float]], cost: list[list[float]]) -> list[Step]:
    found = best_steps(np.array(gain), np.array(cost))
    columns = (found.customer, found.before, found.after, found.gain, found.cost)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize(
    ("gain", "cost", "expected"),
    [
        ([4, 6], [2, 4], [(0, 0, 1, 4, 2), (0, 1, 2, 2, 2)]),
        ([6, 4], [4, 2], [(0, 0, 2, 4, 2), (0, 2, 1, 2, 2)]),
        ([1, 4], [1, 2], [(0, 0, 2, 4, 2)]),  # the first arm lies below the hull
        ([2, 4], [1, 2], [(0, 0, 2, 4, 2)]),  # and here on it: of equals the farthest
        ([4, 3], [1, 2], [(0, 0, 1, 4, 1)]),
        ([4, 4], [1, 2], [(0, 0, 1, 4, 1)]),  # what gains nothing more is no step
        ([np.nan, 3], [1, 1], [(0, 0, 2, 3, 1)]),
        ([1, 2], [0, 0], [(0, 0, 2, 2, 0)]),
        ([1, 5], [0, 2], [(0, 0, 1, 1, 0), (0, 1, 2, 4, 2)]),
        ([0, -1], [1, 0], []),
        ([np.nan, np.nan], [1, 1], []),
    ],
)
def test_one_customers_steps(gain: list[float], cost: list[float], expected: list[Step]) -> None:
    assert steps([gain], [cost]) == expected


def test_all_customers_steps_come_by_falling_gain_per_cost() -> None:
    found = best_steps(
        np.array([[4.0, 6.0], [3.0, np.nan], [-1.0, 1.0]]), np.array([[2.0, 4.0], [1.0, 1.0], [1.0, 0.0]])
    )
    assert found.customer.tolist() == [2, 1, 0, 0]
    assert found.after.tolist() == [2, 1, 1, 2]
    assert found.worth.tolist() == [np.inf, 3.0, 2.0, 1.0]
