"""What a holdout can show is said before anything is sent, and a holdout is found for what is to be shown."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from datetime import datetime

import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.serving.audience import holdout_sight
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Wave
from penchant.serving.audience.holdout_sight import draw_to_detect, read_difference, sight_of
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.audience.sizing import smallest_difference
from penchant.serving.goals.catalogue import GOALS

ASK = AudienceSettings(Wave("stay", 1, datetime(2025, 3, 1)), exploring=0.0)
People = Callable[..., pd.DataFrame]


def steady(people: People, n: int) -> pd.DataFrame:
    crowd = people(n, stage="regular", consent_email=True, propensity=0.2, uplift=0.05, margin=20.0)
    return crowd.assign(uplift_low=0.04, uplift_high=0.06)


def test_the_examples_hold() -> None:
    assert doctest.testmod(holdout_sight).failed == 0


def test_an_audience_says_what_its_holdout_sees_and_costs(people: People) -> None:
    drawn = draw_audience(steady(people, 2000), None, GOALS["retain"], ASK)
    sight, record = sight_of(drawn), drawn.record
    n_control = int((record["arm"] == "control").sum())
    assert sight.smallest == pytest.approx(smallest_difference(0.2, n_control, len(record) - n_control))
    assert sight.expected == pytest.approx(0.05)
    assert sight.control_cost == pytest.approx(n_control * (0.05 * 20.0 - 0.02))
    # two rates of 20 % and 25 %, a tenth held out: 7.849 (0.16 / 0.1 + 0.1875 / 0.9) / 0.05^2
    assert sight.n_needed == pytest.approx(5678, abs=15)
    assert "points are expected" in sight.words


def test_the_least_holdout_that_sees_a_difference_is_found(people: People) -> None:
    drawn = draw_to_detect(steady(people, 3000), None, GOALS["retain"], ASK, 0.06)
    share = drawn.settings.holdout
    assert share is not None
    n = len(drawn.record)
    assert smallest_difference(0.2, share * n, (1 - share) * n) <= 0.06
    assert smallest_difference(0.2, (share - 0.01) * n, (1.01 - share) * n) > 0.06
    with pytest.raises(InputError, match="customers or more, half of them held out"):
        draw_to_detect(steady(people, 300), None, GOALS["retain"], ASK, 0.01)


@pytest.mark.parametrize("text", ["two", "0", "200pp", "1.2.3", ""])
def test_what_is_no_difference_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="such as 2pp"):
        read_difference(text)
