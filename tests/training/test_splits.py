"""Snapshots in time: nothing of the test is known to the training."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.config import TaskSection
from penchant.errors import TooLittleDataError
from penchant.training.splits import schedule

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
