"""Snapshots in time: nothing of the test is known to the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.config import TaskSection
from penchant.errors import TooLittleDataError
from penchant.training.dataset import Dataset, UpliftRows
from penchant.training.splits import schedule, split_rows

FIRST = datetime(2023, 1, 3, 8, 15)
END = datetime(2024, 12, 30, 21, 40)


def test_the_test_stands_at_the_latest_midnight_with_a_finished_horizon() -> None:
    made = schedule(FIRST, END, 90, TaskSection(n_snapshots=3))
    assert made.test == datetime(2024, 10, 1)
    assert made.train == (datetime(2024, 5, 4), datetime(2024, 6, 3), datetime(2024, 7, 3))
    assert made.recent == (datetime(2024, 8, 2), datetime(2024, 9, 1))


@given(
    horizon=st.integers(7, 200),
    gap=st.integers(0, 14),
    step=st.integers(1, 60),
    minutes=st.integers(0, 100_000),
    zone=st.sampled_from(["UTC", "Europe/London", "America/New_York", "Asia/Shanghai"]),
)
def test_every_training_label_is_over_before_the_test(
    horizon: int, gap: int, step: int, minutes: int, zone: str
) -> None:
    end = END + timedelta(minutes=minutes)
    made = schedule(FIRST, end, horizon, TaskSection(gap_days=gap, every_days=step), zone)
    reach = timedelta(days=gap + horizon)
    assert max(made.train) + reach <= made.test
    assert made.test + reach <= end
    assert all(at + reach <= end for at in made.every)
    assert min(made.every) >= FIRST + timedelta(days=horizon)
    assert list(made.every) == sorted(set(made.every))
    for past, later in made.folds(3):
        assert later in made.train
        assert 0 < len(past) <= len(made.train)
        assert max(past) + reach <= later
        assert min(past) >= FIRST + timedelta(days=horizon)


def test_a_search_reaches_back_before_the_first_training_snapshot() -> None:
    made = schedule(FIRST, END, 90, TaskSection(n_snapshots=3))
    assert [later for _, later in made.folds(3)] == list(made.train)
    assert made.folds(1) == ((made.earlier[-3:], made.train[-1]),)
    assert not set(made.earlier) & set(made.every)
    assert schedule(FIRST, FIRST + timedelta(days=300), 90, TaskSection()).folds(3) == ()


def test_a_fixed_test_stands_in_the_shops_zone_unless_it_names_one() -> None:
    local = TaskSection(test_as_of=datetime(2024, 9, 1))
    assert schedule(FIRST, END, 90, local, "Asia/Shanghai").test == datetime(2024, 8, 31, 16)
    elsewhere = TaskSection(test_as_of=datetime(2024, 9, 1, tzinfo=ZoneInfo("America/New_York")))
    assert schedule(FIRST, END, 90, elsewhere, "Asia/Shanghai").test == datetime(2024, 9, 1, 4)


def test_a_schedule_is_written_down_with_all_that_makes_it() -> None:
    made = schedule(FIRST, END, 90, TaskSection(n_snapshots=1, gap_days=3, every_days=50))
    assert made.as_dict() == {
        "train": ["2024-06-27T00:00:00"],
        "recent": ["2024-08-09T00:00:00"],
        "test": "2024-09-28T00:00:00",
        "gap_days": 3,
        "horizon_days": 90,
    }
    assert made.labels_end(made.every) == datetime(2024, 12, 30)


def test_a_fixed_test_without_a_finished_horizon_is_refused() -> None:
    with pytest.raises(TooLittleDataError, match="whose 90 days of gap and horizon are over"):
        schedule(FIRST, END, 90, TaskSection(test_as_of=datetime(2024, 12, 1)))


def test_a_person_is_told_the_days_of_the_shops_calendar() -> None:
    made = schedule(FIRST, datetime(2024, 9, 30), 90, TaskSection(), "Asia/Shanghai")
    assert made.test == datetime(2024, 7, 1, 16)
    assert made.day(made.test) == "2024-07-02"
    fixed = TaskSection(test_as_of=datetime(2024, 12, 1))
    said = r"test at 2024-12-01: .* over by 2025-01-01 04:00 \+08:00.*The latest is 2024-10-03"
    with pytest.raises(TooLittleDataError, match=said):
        schedule(FIRST, datetime(2024, 12, 31, 20), 90, fixed, "Asia/Shanghai")
    evening = datetime(2024, 1, 1, 20)
    with pytest.raises(TooLittleDataError, match=r"from 2024-01-02 to the test's end on 2024-10-28"):
        schedule(evening, evening + timedelta(days=300), 200, TaskSection(), "Asia/Shanghai")


def test_too_short_a_history_says_how_much_is_needed() -> None:
    with pytest.raises(TooLittleDataError, match="600 days of data"):
        schedule(FIRST, FIRST + timedelta(days=300), 200, TaskSection())
    early = TaskSection(test_as_of=datetime(1990, 1, 1))
    with pytest.raises(TooLittleDataError, match=r"0 days, from .* to the test's end on 1990-01-31"):
        schedule(FIRST, FIRST + timedelta(days=900), 30, early)


def waves(sizes: Sequence[int], days: int = 20, outcomes: int = 100) -> UpliftRows:
    """Return waves so many days apart, half of each held out, with so many outcomes in each arm of each."""
    wave = np.repeat([f"w{number}" for number in range(len(sizes))], sizes).astype(object)
    place = np.concatenate([np.arange(size) for size in sizes])
    at = pd.Series(
        pd.Timestamp("2025-01-01") + pd.to_timedelta(np.repeat(np.arange(len(sizes)), sizes) * days, unit="D")
    )
    arm = np.where(place % 2, "mail", "control").astype(object)
    return UpliftRows(pd.DataFrame({"a": place}), (place < 2 * outcomes) * 1.0, arm, as_of=at, wave=wave)


def test_waves_whose_horizon_was_not_over_do_not_teach_the_judged_model() -> None:
    split = split_rows(waves([500] * 8), 30)
    assert split.fold is None
    assert split.test.sum() == 1500
    assert split.train.sum() == 2000  # the wave 20 days before the test's first is left out


def test_the_split_names_the_day_of_the_shops_calendar() -> None:
    rows = waves([500] * 8)
    assert rows.as_of is not None
    late = replace(rows, as_of=rows.as_of + pd.Timedelta(hours=20))
    days = {
        zone: split_rows(late, 30, timezone=zone).words.split(" waves from ")[1][:10]
        for zone in ("UTC", "Asia/Shanghai")
    }
    assert pd.Timestamp(days["Asia/Shanghai"]) - pd.Timestamp(days["UTC"]) == pd.Timedelta(days=1)


def test_a_wave_whose_horizon_ends_as_the_test_begins_teaches() -> None:
    split = split_rows(waves([500] * 8), 20)
    assert (split.n_train, split.n_test, split.n_used) == (2500, 1500, 4000)
    assert split.counts() == {"train": 2500, "test": 1500, "in_use": 4000}
    assert not (split.train & split.test).any()
    assert split.words == (
        "Models that learned from 2,500 rows of 5 waves were judged on the 1,500 rows of the 3 waves from 2025-04-11 "
        "on, when those horizons were over."
    )


def test_the_last_waves_judge_once_they_hold_three_tenths_of_the_rows() -> None:
    assert split_rows(waves([700, 300, 400, 600]), 20).n_test == 600
    assert split_rows(waves([700, 300, 401, 599]), 20).n_test == 1000


@pytest.mark.parametrize(("size", "outcomes", "in_time"), [(400, 30, True), (398, 30, False), (400, 29, False)])
def test_folds_judge_where_an_arm_of_the_waves_holds_too_little(size: int, outcomes: int, in_time: bool) -> None:
    rows = waves([size, size], outcomes=outcomes)
    split = split_rows(rows, 20, seed=3)
    assert (split.fold is None) == in_time
    if split.fold is not None:
        assert sorted(set(split.fold)) == [0, 1, 2, 3, 4]
        assert (split.test == (split.fold >= 2)).all()
        assert (split.train == (split.fold < 4)).all()
        assert split.words.endswith("The last waves alone had too few rows for a test.")


def test_without_waves_or_a_horizon_customers_are_dealt_into_folds() -> None:
    rows = waves([500] * 8)
    for split in (split_rows(rows, None), split_rows(replace(rows, wave=None), 20)):
        assert split.fold is not None
        n_test = int((split.fold >= 2).sum())
        assert split.words.startswith(
            "Customers were split at random into 5 folds; models that learned from the folds before judged each from "
            f"the third on, {n_test:,} rows in all."
        )
    assert not split.words.endswith("for a test.")


def test_a_schedule_says_which_rows_teach_and_which_judge() -> None:
    made = schedule(FIRST, END, 90, TaskSection(n_snapshots=2))
    as_of = pd.Series([at for at in made.every for _ in range(2)])
    n = len(as_of)
    rows = Dataset(pd.DataFrame({"a": range(n)}), np.zeros(n), np.array(["x", "y"] * (n // 2), object), as_of, None)
    split = made.split(rows)
    assert split.train.tolist() == [True] * 4 + [False] * (n - 4)
    assert split.test.tolist() == [False] * (n - 2) + [True] * 2
