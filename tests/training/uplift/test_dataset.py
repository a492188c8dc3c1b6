"""Rows of past campaigns: as of each customer's own assignment, finished waves only, refusals by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from penchant.config import Config, FeaturesSection
from penchant.errors import CheckFailedError, InputError, LeftOutError, UnfinishedHorizonError
from penchant.features.shop import Shop, shop_from_tables
from penchant.training.uplift.dataset import CampaignQuestion, assignments_of, collect

FIRST, SECOND = pd.Timestamp("2025-03-01 10:00"), pd.Timestamp("2025-05-01 10:00")
QUESTION = CampaignQuestion("retain", "paid_order", 30)
N = 60


def orders_at(*days: str) -> pd.DataFrame:
    at = pd.to_datetime(np.repeat(list(days), N), format="ISO8601").astype("datetime64[us]")
    who = [f"c{i}" for i in range(N)] * len(days)
    return pd.DataFrame({"customer_id": who, "ordered_at": at, "amount": 1000})


def campaign(name: str, at: pd.Timestamp, seed: int) -> pd.DataFrame:
    arm = np.random.default_rng(seed).choice(["control", "mail"], N)
    columns = {"campaign_id": name, "customer_id": [f"c{i}" for i in range(N)], "arm": arm}
    return pd.DataFrame({**columns, "assigned_at": at, "wave": 1, "probability": 0.5}).astype(
        {"assigned_at": "datetime64[us]"}
    )


def shop_of(assignments: pd.DataFrame, orders: pd.DataFrame, goal: str = "retain") -> Shop:
    ids = sorted(set(assignments["campaign_id"]))
    campaigns = pd.DataFrame({"campaign_id": ids, "goal": goal, "unit_cost": 20})
    config = Config(features=FeaturesSection(groups=("recency", "frequency"), windows=(90,)))
    return shop_from_tables({"orders": orders, "assignments": assignments, "campaigns": campaigns}, config)


@pytest.fixture
def two_waves() -> pd.DataFrame:
    return pd.concat([campaign("spring", FIRST, 0), campaign("may", SECOND, 1)], ignore_index=True)


def test_signals_are_those_of_the_own_assignment_and_outcomes_come_after(two_waves: pd.DataFrame) -> None:
    orders = orders_at("2025-02-01", "2025-03-01 10:00", "2025-07-01")
    rows = collect(shop_of(two_waves, orders), QUESTION)
    signals = rows.features.assign(wave=rows.wave)
    days = signals.groupby("wave")["days_since_last_purchase"].agg(["min", "max"]).T.to_dict("list")
    assert days["spring, wave 1"] == [28.0 + 10 / 24] * 2  # the order at the very instant is not seen
    assert days["may, wave 1"] == [61.0] * 2
    rate = rows.by_wave().groupby("wave")["rate"].max().to_dict()
    assert rate == {"spring, wave 1": 1.0, "may, wave 1": 0.0}
    np.testing.assert_array_equal(rows.p_treatment, np.full(2 * N, 0.5))
    assert rows.is_planned
    assert rows.money_is == "amount"


def test_later_orders_change_no_signal(two_waves: pd.DataFrame) -> None:
    before = collect(shop_of(two_waves, orders_at("2025-02-01", "2025-07-01")), QUESTION)
    after = collect(shop_of(two_waves, orders_at("2025-02-01", "2025-05-01 10:00", "2025-07-01")), QUESTION)
    pd.testing.assert_frame_equal(before.features, after.features)
    assert after.label.sum() == before.label.sum() + N


def test_a_wave_whose_horizon_is_not_over_is_left_out_by_name(two_waves: pd.DataFrame) -> None:
    shop = shop_of(two_waves, orders_at("2025-02-01", "2025-05-20"))
    found, said = assignments_of(shop, QUESTION)
    assert set(found["wave"]) == {"spring, wave 1"}
    assert said == ("Horizons of 30 days that are not over by 2025-05-20: 'may, wave 1' (over on 2025-05-31).",)
    with pytest.raises(UnfinishedHorizonError, match="'may, wave 1'"):
        assignments_of(shop, CampaignQuestion("retain", "paid_order", 30, ("may",)))


def test_campaigns_without_a_control_are_refused_with_how_they_chose(two_waves: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    frequent = np.repeat([f"c{i}" for i in range(200)], np.where(np.arange(200) < 100, 8, 1))
    at = pd.to_datetime("2025-01-01") + pd.to_timedelta(rng.integers(0, 50, len(frequent)), unit="D")
    orders = pd.DataFrame({"customer_id": frequent, "ordered_at": at.astype("datetime64[us]"), "amount": 1000})
    late = orders_at("2025-07-01")
    sent = campaign("spring", FIRST, 0).assign(customer_id=[f"c{i}" for i in range(N)], arm="contacted")
    more = sent.assign(customer_id=[f"c{i}" for i in range(N, 2 * N)]).head(40)
    shop = shop_of(pd.concat([sent, more], ignore_index=True), pd.concat([orders, late], ignore_index=True))
    with pytest.raises(CheckFailedError, match="was not randomised: its 100 customers can be told from the 100 others"):
        collect(shop, QUESTION)


def test_goals_and_campaigns_that_are_not_there_are_refused(two_waves: pd.DataFrame) -> None:
    shop = shop_of(two_waves, orders_at("2025-02-01", "2025-07-01"))
    with pytest.raises(InputError, match="campaigns of 'retain'"):
        assignments_of(shop, CampaignQuestion("second", "paid_order", 30))
    with pytest.raises(InputError, match="Did you mean 'spring'"):
        assignments_of(shop, CampaignQuestion("retain", "paid_order", 30, ("sprng",)))
    without = shop_from_tables({"orders": orders_at("2025-02-01")})
    with pytest.raises(LeftOutError, match="the table 'assignments'"):
        assignments_of(without, QUESTION)
