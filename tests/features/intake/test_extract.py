"""Where the extract ends, and what ended without a time."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from penchant.config import Config
from penchant.features.intake.check import check
from penchant.features.matrix import build
from penchant.features.shop import open_shop
from penchant.features.spine import Spine


def config_of(tmp_path: Path, rows: list[tuple[Any, ...]], shop: dict[str, Any], **table: Any) -> Config:
    names = ["customer_id", "ordered_at", "amount", "status"]
    pd.DataFrame(rows, columns=names).to_csv(tmp_path / "orders.csv", index=False)
    return Config.model_validate({"shop": shop, "tables": {"orders": {"path": "orders.csv", **table}}})


WINTER = ["2024-01-05", "2024-03-30", "2024-03-31"]


@pytest.mark.parametrize(
    ("days", "zones", "end"),
    [
        (WINTER, ("UTC", "UTC"), datetime(2024, 4, 1)),
        (WINTER, ("Europe/London", "UTC"), datetime(2024, 3, 31, 23)),  # the clocks went forward on the last day
        (WINTER, (None, "Asia/Shanghai"), datetime(2024, 4, 1)),  # read as UTC, whatever the shop's own zone
        (["2024-01-05T16:00Z", "2024-01-06T16:00Z"], (None, "Asia/Shanghai"), datetime(2024, 1, 7, 16)),
        (["2018-11-03", "2018-11-04"], ("America/Sao_Paulo", "UTC"), datetime(2018, 11, 5, 2)),  # no midnight on it
        (["2024-01-05", "2024-01-06 10:00"], ("UTC", "UTC"), datetime(2024, 1, 6, 10)),
        (["2024-01-05", "2024-01-06 06:00"], ("UTC", "UTC"), datetime(2024, 1, 6, 6)),
    ],
)
@pytest.mark.parametrize("checked", [True, False])
def test_dates_alone_end_with_their_last_day(
    tmp_path: Path, days: list[str], zones: tuple[str | None, str], end: datetime, checked: bool
) -> None:
    rows = [(f"c{n}", day, 5, "paid") for n, day in enumerate(days)]
    reading = {} if zones[0] is None else {"timezone": zones[0]}
    with open_shop(config_of(tmp_path, rows, {"timezone": zones[1]}, **reading), tmp_path, checked=checked) as shop:
        assert shop.extract_end == end
        found = build(shop, Spine.at(shop, shop.extract_end), ["frequency"]).frame
    assert found["n_purchases"].sum() == len(days) - (end.hour in (6, 10))  # a last event at as_of is not before it


@pytest.mark.parametrize(
    ("last", "end"),
    [
        ("2024-01-20", datetime(2024, 1, 21)),
        ("2024-02-05", datetime(2024, 2, 6)),
        ("2024-02-06", datetime(2024, 1, 7)),  # further off than 30 days it may be a slip
        ("2099-12-31", datetime(2024, 1, 7)),
    ],
)
def test_excluded_rows_are_of_the_extract(tmp_path: Path, last: str, end: datetime) -> None:
    rows = [("a", "2024-01-05", 5, "paid"), ("b", "2024-01-06", 5, "paid"), ("c", last, 5, "test")]
    config = config_of(tmp_path, rows, {}, exclude="status = 'test'")
    report = check(config, tmp_path)
    assert (report.tables["orders"].n_excluded, report.extract_end) == (1, end)


@pytest.mark.parametrize("keeps", [False, True])
def test_what_ended_without_a_time_is_counted_and_summed(tmp_path: Path, keeps: bool) -> None:
    rows = [(f"c{n}", "2024-01-05 10:00", 10.5, status) for n, status in enumerate(["paid", "refunded", "refunded"])]
    rows += [("d", "2024-01-06 10:00", 3, "cancelled")]
    shop = {"currency": "GBP", **({"untimed_refunds": "count"} if keeps else {})}
    notes = check(config_of(tmp_path, rows, shop), tmp_path).notes
    assert any("1 order lines, 3.00 GBP, are cancelled without a time: they never count." in one for one in notes)
    [told] = [one for one in notes if "refunded" in one]
    assert told.startswith("2 order lines, 21.00 GBP, are refunded without a time")
    assert ("count as purchases" in told.partition("(")[0]) == keeps
