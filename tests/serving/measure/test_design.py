"""How campaigns were drawn, and which windows that allows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError, UnfinishedHorizonError
from penchant.serving.measure.design import SECONDS_A_DAY, Assigned, control_weights, kind_of, read_design

FIRST = np.datetime64("2025-06-01", "us")
END = datetime(2026, 1, 1)


def assigned(
    customer: Any, wave: Any, arm: Any, probability: Any = None, days: Any = None, n_arms: int = 2
) -> Assigned:
    """Assignments whose waves are 14 days apart, unless days from the first are given."""
    wave, arm = np.asarray(wave, np.int64), np.asarray(arm, np.int64)
    days = 14 * (wave - 1) if days is None else np.asarray(days)
    p = np.full(len(wave), np.nan) if probability is None else np.asarray(probability, np.float64)
    names = ("control", *(f"t{i}" for i in range(1, n_arms)))
    start = FIRST + (days * SECONDS_A_DAY).astype("timedelta64[s]")
    return Assigned(
        np.asarray(customer, np.int64), wave, arm, names, p, start, None, None, pd.DataFrame(index=range(len(wave)))
    )


def two_waves(kind: str, n: int = 400, seed: int = 0) -> Assigned:
    """Two waves of the same customers, a third of whom has left before the second."""
    rng = np.random.default_rng(seed)
    arm, stays = rng.integers(0, 2, n), rng.random(n) < 0.67
    second = arm if kind == "carried" else rng.integers(0, 2, n)
    who = np.arange(n)
    return assigned(
        np.concatenate([who, who[stays]]), np.repeat([1, 2], [n, stays.sum()]), np.concatenate([arm, second[stays]])
    )


@pytest.mark.parametrize("kind", ["carried", "redrawn"])
def test_carried_arms_are_told_from_fresh_draws(kind: str) -> None:
    assert kind_of(two_waves(kind)) == kind


def test_one_wave_and_waves_of_different_customers() -> None:
    assert kind_of(assigned([1, 2, 3, 4], [1] * 4, [0, 1, 0, 1])) == "one wave"
    assert kind_of(assigned([1, 2, 3, 4], [1, 1, 2, 2], [0, 1, 0, 1])) == "separate"


def test_arms_that_were_kept_are_compared_by_the_first_whoever_left() -> None:
    given = two_waves("carried")
    design = read_design(given, (2, 10), END)
    assert len(design.rows) == 400
    assert (given.wave[design.rows] == 1).all()
    spans = {view.name: view.spans[1] for view in design.views}
    day = SECONDS_A_DAY
    assert spans["by 10 days after the last wave"] == (0, 24 * day)
    assert spans["within 10 days after wave 1"] == (0, 10 * day)
    assert spans["within 2 days after wave 2"] == (14 * day, 16 * day)


def test_fresh_draws_are_trials_of_their_own() -> None:
    given = two_waves("redrawn")
    design = read_design(given, (10,), END)
    assert len(design.rows) == len(given)
    overall, first, second = design.views
    assert overall.spans == {1: (0, 10 * SECONDS_A_DAY), 2: (0, 10 * SECONDS_A_DAY)}
    assert len(design.rows_of(first, given)) == 400
    assert (given.wave[design.rows_of(second, given)] == 2).all()


def test_windows_that_are_not_over_are_refused_by_name_and_the_others_given() -> None:
    given = two_waves("carried")
    design = read_design(given, (2, 10), datetime(2025, 6, 20))
    assert [view.name for view in design.views] == [
        "by 2 days after the last wave",
        "within 2 days after wave 1",
        "within 10 days after wave 1",
        "within 2 days after wave 2",
    ]
    assert design.refused["by 10 days after the last wave"] == datetime(2025, 6, 25)


def test_a_window_is_over_at_the_very_instant_it_ends() -> None:
    given = assigned([1, 2, 3, 4], [1] * 4, [0, 1, 0, 1])
    assert len(read_design(given, (2,), datetime(2025, 6, 3)).views) == 1
    with pytest.raises(UnfinishedHorizonError, match="'within 2 days' is over at 2025-06-03 00:00"):
        read_design(given, (2,), datetime(2025, 6, 2, 23, 59, 59))


def test_instants_are_those_of_the_shops_clock() -> None:
    given = assigned([1, 2, 3, 4], [1] * 4, [0, 1, 0, 1])
    told = r"up to 2025-06-03 01:59 \+02:00; the window 'within 2 days' is over at 2025-06-03 02:00 \+02:00"
    with pytest.raises(UnfinishedHorizonError, match=told):
        read_design(given, (2,), datetime(2025, 6, 2, 23, 59, 59), "Europe/Berlin")


def test_customers_who_enter_one_by_one_are_read_while_the_campaign_goes_on() -> None:
    given = assigned(range(100), [1] * 100, np.arange(100) % 2, days=np.arange(100))
    design = read_design(given, (10,), datetime(2025, 6, 1) + pd.Timedelta(days=80).to_pytimedelta())
    assert len(design.rows_of(design.views[0], given)) == 71


def test_many_waves_are_given_all_together() -> None:
    n = 30 * 20
    given = assigned(range(n), np.repeat(np.arange(1, 31), 20), np.arange(n) % 2)
    assert [view.wave for view in read_design(given, (2, 10), datetime(2027, 1, 1)).views] == [None, None]


def test_weights_are_the_odds_and_the_certain_are_left_out() -> None:
    given = assigned(range(6), [1] * 6, [0, 1, 0, 1, 1, 0], [0.2, 0.8, 0.5, 0.5, 1.0, np.nan])
    weight, left_out = control_weights(given)
    assert weight[:4].tolist() == pytest.approx([4.0, 1.0, 1.0, 1.0])
    assert np.isnan(weight[4:]).all()
    assert list(left_out.values()) == [1, 1]


def test_without_probabilities_each_waves_shares_are_taken() -> None:
    given = assigned(range(10), [1] * 5 + [2] * 5, [0, 1, 1, 1, 1, 0, 0, 0, 1, 1])
    weight, _ = control_weights(given)
    assert weight[0] == pytest.approx(4.0)
    assert weight[5] == pytest.approx(2 / 3)


@pytest.mark.parametrize("p", [0.0, -0.1, 1.5])
def test_impossible_probabilities_are_refused(p: float) -> None:
    with pytest.raises(InputError, match=r"values in \(0, 1\]"):
        control_weights(assigned(range(4), [1] * 4, [0, 1, 0, 1], [0.5, 0.5, p, 0.5]))


def test_an_arm_without_customers_is_refused() -> None:
    with pytest.raises(InputError, match="1 control of 4"):
        control_weights(assigned(range(4), [1] * 4, [0, 1, 1, 1]))
