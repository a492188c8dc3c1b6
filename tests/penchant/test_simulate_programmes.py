"""What the simulator plants in feedback, memberships, points, referrals and hours shows in its files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from penchant.simulate import SimulatedShop, SimulationSettings, simulate
from penchant.simulate.programmes import COMPLAINS, COMPLAINS_LEAVING, LEAVING_DAYS
from penchant.simulate.response import HOURS

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimulatedShop:
    return simulate(SimulationSettings(3_000, seed=5, pace_days=365), Path(tmp_path_factory.mktemp("shop")) / "shop")


@pytest.fixture(scope="module")
def tables(made: SimulatedShop) -> Tables:
    found = {name: pd.read_parquet(path) for name, path in made.tables.items()}
    return {**found, "truth": pd.read_parquet(made.truth["customers"])}


def test_a_customer_about_to_leave_complains_more_often(tables: Tables) -> None:
    orders = tables["orders"].dropna(subset="paid_at").drop_duplicates("order_id")
    first = orders.groupby("customer_id")["ordered_at"].min().rename("first_at")
    orders = orders.join(first, on="customer_id").merge(tables["truth"][["customer_id", "lifetime_days"]])
    age = (orders["ordered_at"].dt.floor("D") - orders["first_at"].dt.floor("D")).dt.days
    is_leaving = orders["lifetime_days"] - age < LEAVING_DAYS
    old = orders["paid_at"] < pd.Timestamp(datetime(2025, 12, 1, tzinfo=UTC))  # whatever is said of it was said
    n = is_leaving[old].value_counts()
    complaints = tables["feedback"].query("kind == 'complaint'")
    expected = COMPLAINS * n[False] + COMPLAINS_LEAVING * n[True]
    assert abs(len(complaints) - expected) < 4 * expected**0.5
    leavers = set(orders.loc[is_leaving, "customer_id"])
    assert complaints["customer_id"].isin(leavers).mean() > 0.8


def test_messages_of_the_best_hour_are_opened_most(tables: Tables) -> None:
    sent = tables["assignments"].dropna(subset="contacted_at")
    rates = sent["opened_at"].notna().groupby(sent["contacted_at"].dt.hour).mean()
    assert set(rates.index) == set(HOURS)
    assert rates.idxmax() == max(HOURS, key=lambda hour: HOURS[hour])
    assert rates.idxmin() == min(HOURS, key=lambda hour: HOURS[hour])


def test_members_bought_three_times_and_points_are_never_below_zero(tables: Tables) -> None:
    orders = tables["orders"].dropna(subset="paid_at").drop_duplicates("order_id")
    joined = tables["memberships"].merge(orders[["customer_id", "paid_at"]])
    bought = joined[joined["paid_at"] <= joined["starts_at"]].groupby(["customer_id", "starts_at"]).size()
    assert (bought >= 3).all()
    assert len(bought) == len(tables["memberships"]) > 30
    points = tables["points"].sort_values(["customer_id", "at"])
    assert (points.groupby("customer_id")["points"].cumsum() >= -1).all()
    assert (points["points"] < 0).sum() > 30


def test_whoever_refers_others_came_before_and_stays_long(tables: Tables) -> None:
    pairs = tables["referrals"].merge(tables["truth"], on="customer_id")
    assert (pairs["lifetime_days"] > 200).all()
    assert not pairs["referred_id"].duplicated().any()
    assert set(pairs["referred_id"]) <= set(tables["customers"]["customer_id"])
