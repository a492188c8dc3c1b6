"""Zones, days and step functions of time, against the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.features.engine.times import days_between, instant, local_time, offsets, step
from penchant.features.matrix import build
from penchant.features.spine import Spine, as_utc

ZONES = ("UTC", "Europe/London", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Asia/Kolkata")
MOMENTS = st.datetimes(datetime(1995, 1, 1), datetime(2035, 12, 31))


@pytest.fixture(scope="module")
def engine() -> Any:
    return ibis.duckdb.connect()


@pytest.mark.parametrize("zone", ZONES)
def test_local_time_is_that_of_the_zone(engine: Any, zone: str) -> None:
    moments = [until + timedelta(seconds=shift) for until, _seconds in offsets(zone)[10:40] for shift in (-1, 0, 1)]
    moments += [datetime(2024, 3, 31, 0, 59, 59), datetime(2024, 10, 27, 1), datetime(2024, 7, 1, 22, 30)]
    table = ibis.memtable({"at": moments})
    shown = engine.to_pandas(table.select(local=local_time(table["at"], zone)))["local"]
    expected = [at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for at in moments]
    assert shown.dt.to_pydatetime().tolist() == expected


@given(st.lists(MOMENTS, max_size=9, unique=True).map(sorted), MOMENTS)
@settings(max_examples=25, deadline=None)
def test_step_counts_bounds_that_are_not_after(bounds: list[datetime], at: datetime) -> None:
    value = step(instant(at), bounds, [ibis.literal(place) for place in range(len(bounds) + 1)])
    assert ibis.duckdb.connect().execute(value) == sum(bound <= at for bound in bounds)


@given(MOMENTS, MOMENTS)
@settings(max_examples=25, deadline=None)
def test_days_between_keeps_microseconds(one: datetime, other: datetime) -> None:
    value = ibis.duckdb.connect().execute(days_between(instant(one), instant(other)))
    assert value == ((one - other) / timedelta(microseconds=1)) / 86_400_000_000


def test_an_instant_with_a_zone_is_brought_to_utc() -> None:
    assert as_utc(datetime(2024, 3, 1, tzinfo=ZoneInfo("Asia/Shanghai"))) == datetime(2024, 2, 29, 16)
    assert as_utc(datetime(2024, 3, 1)) == datetime(2024, 3, 1)


@pytest.mark.parametrize(
    ("zone", "times", "gap_days"),
    [
        ("UTC", ("2024-01-01T23:30", "2024-01-02T00:30"), 1),
        ("Asia/Shanghai", ("2024-01-01T23:30", "2024-01-02T00:30"), None),  # both on the 2nd
        ("Asia/Shanghai", ("2024-01-01T15:30", "2024-01-01T16:30"), 1),
        ("America/New_York", ("2024-01-01T04:30", "2024-01-03T05:30"), 3),
        ("Europe/London", ("2024-03-31T00:30", "2024-03-31T23:30"), 1),  # the clock went forward meanwhile
        ("UTC", ("2024-03-31T00:30", "2024-03-31T23:30"), None),
    ],
)
def test_days_begin_in_the_shops_zone(shop_of: Any, zone: str, times: tuple[str, str], gap_days: int | None) -> None:
    rows = [{"customer_id": "a", "ordered_at": at} for at in times]
    shop = shop_of(orders=rows, config={"shop": {"timezone": zone}})
    gap = build(shop, Spine.at(shop, datetime(2024, 6, 1)), ["frequency"]).frame["gap_mean_days"].iloc[0]
    assert (None if gap != gap else gap) == gap_days
