"""The clocks' SQL against zoneinfo, hour by hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest

from penchant.features.intake.clocks import clock

ZONES = ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai", "Africa/Casablanca"]


def read(sql: str, locals_: list[datetime]) -> list[datetime]:
    engine = duckdb.connect()
    engine.register("times", pa.table({"x": pa.array(locals_, pa.timestamp("us"))}))
    return [row[0] for row in engine.execute(f"select {sql} from times").fetchall()]


@pytest.mark.parametrize("zone", ZONES)
def test_every_local_half_hour_of_two_years_is_the_instant_that_zoneinfo_says(zone: str) -> None:
    start = datetime(2018, 1, 1)
    locals_ = [start + timedelta(minutes=30 * step) for step in range(2 * 365 * 48)]
    found = read(clock(zone, date(2018, 1, 1), date(2019, 12, 31)).in_utc("x"), locals_)
    place = ZoneInfo(zone)
    for local, instant in zip(locals_, found, strict=True):
        first = local.replace(tzinfo=place, fold=0).astimezone(UTC).replace(tzinfo=None)
        second = local.replace(tzinfo=place, fold=1).astimezone(UTC).replace(tzinfo=None)
        assert instant == max(first, second)  # the later of two; one that never was is moved forward


@pytest.mark.parametrize("zone", ZONES)
def test_a_local_time_is_unclear_if_its_two_readings_differ(zone: str) -> None:
    locals_ = [datetime(2018, 1, 1) + timedelta(minutes=30 * step) for step in range(365 * 48)]
    found = read(clock(zone, date(2018, 1, 1), date(2018, 12, 31)).unclear("x"), locals_)
    place = ZoneInfo(zone)
    expected = [
        local.replace(tzinfo=place, fold=0).utcoffset() != local.replace(tzinfo=place, fold=1).utcoffset()
        for local in locals_
    ]
    assert found == expected
    assert any(expected) == (zone != "Asia/Shanghai")


def test_utc_leaves_a_time_as_it_is() -> None:
    assert clock("UTC", date(2018, 1, 1), date(2018, 12, 31)).in_utc("x") == "x"
