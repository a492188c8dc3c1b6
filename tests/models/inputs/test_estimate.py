import json
import math

import pytest

from penchant.models.inputs.estimate import Estimate


@pytest.mark.parametrize(
    ("low", "high", "excludes"), [(0.1, 0.3, True), (-0.3, -0.1, True), (-0.1, 0.3, False), (0.0, 1.0, False)]
)
def test_an_interval_excludes_zero_only_where_zero_lies_outside(low: float, high: float, excludes: bool) -> None:
    assert Estimate(0.2, low, high).excludes_zero is excludes


def test_an_unknown_interval_excludes_nothing_and_is_null_in_json() -> None:
    unknown = Estimate(0.2, math.nan, math.nan)
    assert not unknown.excludes_zero
    assert json.loads(json.dumps(unknown.as_dict())) == {"value": 0.2, "low": None, "high": None}


def test_a_negative_factor_swaps_the_bounds() -> None:
    assert Estimate(1.0, 0.5, 2.0).scaled(-10) == Estimate(-10.0, -20.0, -5.0)


def test_one_format_serves_all_three_numbers() -> None:
    assert format(Estimate(0.25, 0.125, 0.5), ".0%") == "25% [12%, 50%]"
