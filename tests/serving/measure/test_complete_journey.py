"""Redemptions, purchases after contacts, who came back and cohorts on The Complete Journey, recounted from raw files.

Its campaigns went to good customers and have no control, so that what they changed cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from penchant.config import load_config
from penchant.features.shop import Shop, open_shop
from penchant.serving.insight.cohorts import cohorts_page
from penchant.serving.insight.page import InsightPage
from penchant.serving.measure.contacts import contacts_page
from penchant.serving.measure.returned import returned_page

pytestmark = pytest.mark.slow  # checks and opens a real shop

SHOP = Path(__file__).resolve().parents[3] / "examples" / "complete_journey.toml"
ZONE = "America/New_York"


@pytest.fixture(scope="module")
def raw(shared_data: Path) -> Path:
    return shared_data / "complete_journey" / "r_package_2017"


@pytest.fixture(scope="module")
def shop(raw: Path) -> Iterator[Shop]:
    with open_shop(load_config(SHOP), raw) as one:
        yield one


@pytest.fixture(scope="module")
def sent(raw: Path) -> pd.DataFrame:
    """Return (campaign_id, household_id, since, redeemed): whom each campaign went to, and who redeemed its coupons."""
    told = pd.read_parquet(raw / "campaigns.parquet").merge(pd.read_parquet(raw / "campaign_descriptions.parquet"))
    starts = pd.to_datetime(told["start_date"]).dt.tz_localize(ZONE).dt.tz_convert("UTC").dt.tz_localize(None)
    used = pd.read_parquet(raw / "coupon_redemptions.parquet")[["campaign_id", "household_id"]].drop_duplicates()
    both = told.assign(since=starts).merge(used.assign(redeemed=True), how="left")
    return both.assign(redeemed=both["redeemed"].eq(True))


@pytest.fixture(scope="module")
def lines(raw: Path) -> pd.DataFrame:
    bought = pd.read_parquet(raw / "transactions_sample.parquet").merge(
        pd.read_parquet(raw / "products.parquet")[["product_id", "product_category"]], how="left"
    )
    return bought.assign(at=pd.to_datetime(bought["transaction_timestamp"]))


def rows_of(page: InsightPage, name: str) -> list[dict[str, Any]]:
    """Return all rows of a table, also those that are not shown."""
    return [dict(row) for table in page.tables if table.name == name for row in table.rows]


def bought_within(sent: pd.DataFrame, lines: pd.DataFrame, days: int) -> pd.DataFrame:
    """Return the lines that a contacted household bought within so many days."""
    both = sent.merge(lines[["household_id", "at", "product_category"]], on="household_id")
    return both[(both["at"] >= both["since"]) & (both["at"] < both["since"] + pd.Timedelta(days=days))]


def test_redemptions_and_purchases_of_each_campaign(shop: Shop, sent: pd.DataFrame, lines: pd.DataFrame) -> None:
    rows = {row["campaign"]: row for row in rows_of(contacts_page(shop), "by_campaign")}
    keys = ["campaign_id", "household_id"]
    came = bought_within(sent, lines, 7)[keys].drop_duplicates().assign(bought=True)
    counted = sent.merge(came, how="left").assign(bought=lambda all_: all_["bought"].eq(True))
    whole = counted[counted["since"] < shop.extract_end - pd.Timedelta(days=7)]
    for campaign, mine in whole.groupby("campaign_id"):
        if len(mine) < 30:
            assert str(campaign) not in rows
            continue
        row = rows[str(campaign)]
        assert row["sent"] == len(mine)
        assert row["redeemed"].value == pytest.approx(mine["redeemed"].mean())
        assert row["bought"].value == pytest.approx(mine["bought"].mean())
    assert len(rows) > 10
    assert sum(row["redeemed"].value > 0 for row in rows.values()) > 10


def test_who_came_back(shop: Shop, sent: pd.DataFrame, lines: pd.DataFrame) -> None:
    mine = sent[sent["campaign_id"].astype(str) == "18"]
    bought = bought_within(mine, lines, 30)
    page = returned_page(shop, "18")
    n = bought["household_id"].nunique()
    assert (page.facts["n_contacted"], page.facts["n_returned"]) == (len(mine), n)
    counts = bought.drop_duplicates(["household_id", "product_category"])["product_category"].value_counts()
    rows = page.as_dict()["by_category"]
    assert rows[0]["n"] == counts.iloc[0]
    for row in rows:
        assert row["n"] == counts[row["category"]]
        assert row["share"].value == pytest.approx(counts[row["category"]] / n)


def test_cohorts_by_month(shop: Shop, lines: pd.DataFrame) -> None:
    month = lines["at"].dt.tz_localize("UTC").dt.tz_convert(ZONE).dt.tz_localize(None).dt.to_period("M")
    active = lines.assign(month=month)[["household_id", "month"]].drop_duplicates()
    first = active.groupby("household_id")["month"].min()
    ages = active.assign(first=active["household_id"].map(first))
    ages["age"] = [(now - then).n for now, then in zip(ages["month"], ages["first"], strict=True)]
    counts = ages.groupby(["first", "age"]).size()
    cells = {(row["cohort"], row["age"]): row for row in rows_of(cohorts_page(shop), "cells")}
    for (cohort, age), n in counts.items():
        cell = cells[(str(cohort), age)]
        assert cell["n_customers"] == counts[(cohort, 0)]
        assert cell["n_active"] == n
