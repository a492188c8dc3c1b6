"""Cohorts by hand: who bought again at which age, what it brought, and which periods are not over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from penchant.config import Config
from penchant.errors import InputError, LeftOutError
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.insight.cohorts import cohorts_page
from penchant.serving.insight.page import InsightPage

# customer, day of 2024, amount in cents, category, coupon
ORDERS = [
    ("ann", "01-05", 1000, "tea", None),
    ("ann", "02-10", 2000, "pot", None),
    ("ann", "02-20", 1000, "tea", None),
    ("bob", "01-31", 3000, "pot", "c1"),
    ("cat", "02-01", 500, "tea", None),
    ("cat", "04-02", 700, "tea", None),
    ("dan", "01-20", 400, "tea", None),
    ("eve", "04-10", 900, "pot", "c1"),
]
AS_OF = datetime(2024, 4, 15)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    orders = pd.DataFrame(ORDERS, columns=["customer_id", "day", "amount", "category_id", "coupon_id"])
    orders["ordered_at"] = pd.to_datetime("2024-" + orders.pop("day")).astype("datetime64[us]") + pd.Timedelta("30min")
    people = pd.DataFrame({"customer_id": ["ann", "bob"], "acquisition_channel": ["search", "mail"]})
    late = pd.DataFrame({"customer_id": ["zed"], "occurred_at": [datetime(2024, 5, 1)], "kind": ["view"]})
    with shop_from_tables({"orders": orders, "customers": people, "interactions": late}) as made:
        yield made


def cells(page: InsightPage) -> dict[tuple[str, int], dict[str, Any]]:
    [table] = [table for table in page.tables if table.name == "cells"]
    return {(row["cohort"], row["age"]): dict(row) for row in table.rows}


def test_months_by_hand(shop: Shop) -> None:
    found = cells(cohorts_page(shop, AS_OF))
    active = {key: (row["n_active"], row["n_customers"]) for key, row in found.items()}
    assert active == {
        ("2024-01", 0): (3, 3),
        ("2024-01", 1): (1, 3),
        ("2024-01", 2): (0, 3),
        ("2024-01", 3): (0, 3),
        ("2024-02", 0): (1, 1),
        ("2024-02", 1): (0, 1),
        ("2024-02", 2): (1, 1),
        ("2024-04", 0): (1, 1),
    }
    assert [found[key]["is_finished"] for key in (("2024-01", 2), ("2024-01", 3), ("2024-04", 0))] == [
        True,
        False,
        False,
    ]
    first, second = found[("2024-01", 0)], found[("2024-01", 1)]
    assert first["revenue_each"].value == pytest.approx((10 + 30 + 4) / 3)
    assert second["n_orders"] == 2
    assert second["revenue_each"].value == pytest.approx(10.0)
    assert second["revenue_each"].low < 10.0 < second["revenue_each"].high
    assert second["revenue_each"].high > 10.0 + 1.959964 * pd.Series([30.0, 0.0, 0.0]).std() / 3**0.5
    assert first["revenue_each"].low > 0  # no sum of amounts is below it
    assert second["revenue_cumulative"] == pytest.approx((10 + 30 + 4 + 30) / 3)
    assert second["retention"].low < 1 / 3 < second["retention"].high


def test_months_are_the_shops_own() -> None:
    orders = pd.DataFrame({"customer_id": ["a"], "ordered_at": [datetime(2024, 1, 31, 23, 30)], "amount": [100]})
    later = pd.DataFrame({"customer_id": ["z"], "occurred_at": [datetime(2024, 5, 1)], "kind": ["view"]})
    config = Config.model_validate({"shop": {"name": "here", "timezone": "Europe/Berlin"}, "tables": {}})
    with shop_from_tables({"orders": orders, "interactions": later}, config) as shop:
        assert ("2024-02", 0) in cells(cohorts_page(shop, AS_OF))


def test_other_cohorts_count_customers_whose_period_is_over(shop: Shop) -> None:
    by_category = cells(cohorts_page(shop, AS_OF, "category"))
    assert [(by_category[("tea", age)]["n_active"], by_category[("tea", age)]["n_customers"]) for age in (0, 1, 2)] == [
        (3, 3),  # ann, dan and cat
        (1, 3),
        (0, 2),  # April is not over, so cat does not count
    ]
    assert ("pot", 2) in by_category
    by_offer = cells(cohorts_page(shop, AS_OF, "offer"))
    assert by_offer[("with an offer", 0)]["n_customers"] == 1  # bob; eve's month is not over
    by_channel = cells(cohorts_page(shop, AS_OF, "channel"))
    assert {cohort for cohort, _age in by_channel} == {"search", "mail", "not known"}


def test_weeks_and_files(shop: Shop, tmp_path: Path) -> None:
    page = cohorts_page(shop, AS_OF, "week")
    assert ("2024-01-01", 6) in cells(page)
    page.write(tmp_path)
    read = pd.read_csv(tmp_path / "retention.csv")
    assert read["cohort"].iloc[0] == "2024-01-01"
    assert any(str(text).endswith("*") for text in read.iloc[-1])
    assert pd.read_parquet(tmp_path / "cells.parquet")["retention_low"].notna().all()
    page_text = (tmp_path / "cohorts.html").read_text()
    for told in ("share that bought by weeks since", "revenue per customer so far by weeks since", "2024-01-01 (1)"):
        assert told in page_text


def test_a_heat_map_has_a_cell_for_each_age_and_hatches_what_is_not_over(shop: Shop) -> None:
    page = cohorts_page(shop, AS_OF)
    [table] = [table for table in page.tables if table.name == "retention"]
    drawn = table.charts[0]()
    assert drawn.count("<text") >= len(cells(page))
    assert drawn.count("<pattern") == 2  # the hatch, on two colours
    assert "33%" in drawn
    [curve] = [table for table in page.tables if table.name == "curve"]
    assert "2024-01" in curve.charts[0]()


def test_cohorts_without_a_finished_age_are_drawn_too() -> None:
    orders = pd.DataFrame({"customer_id": ["a", "b"], "ordered_at": [datetime(2024, 4, 2)] * 2, "amount": [100, 200]})
    seen = pd.DataFrame({"customer_id": ["z"], "occurred_at": [AS_OF], "kind": ["view"]})
    with shop_from_tables({"orders": orders, "interactions": seen}) as small:
        page = cohorts_page(small, AS_OF)
        assert "2024-04 (2)" in page.html()


def test_what_cannot_be_told_is_refused(shop: Shop) -> None:
    with pytest.raises(InputError, match="Did you mean 'month'"):
        cohorts_page(shop, AS_OF, "mnth")
    orders = pd.DataFrame({"customer_id": ["a"], "ordered_at": [AS_OF], "amount": [100]})
    with shop_from_tables({"orders": orders}) as small, pytest.raises(LeftOutError, match="acquisition_channel"):
        cohorts_page(small, None, "channel")
