"""The next order of every buyer: judged on what came, blind to the future, refused where the history is short."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.cli.commands.score import width_words
from penchant.config import read_config
from penchant.errors import TooLittleDataError
from penchant.features.shop import Shop, shop_from_tables
from penchant.models.baselines.rate_drift import EarlierPromise, RateDrift, drift_of
from penchant.serving.worth.columns import NEXT_ORDER_COLUMNS
from penchant.serving.worth.next_order import FARTHEST_DAYS, NextOrderForecast, next_orders

BEGINS, AS_OF = datetime(2023, 1, 1), datetime(2025, 1, 1)
N = 300


def orders(n: int = N, days: int = 900, seed: int = 0) -> pd.DataFrame:
    """Return orders of customers who buy at rates of their own and stop after a while."""
    rng = np.random.default_rng(seed)
    found = []
    for customer in range(n):
        day, ends, rate = rng.uniform(0, 300), rng.exponential(600), rng.gamma(1.0, 1 / 60)
        first = day
        while day < min(days, first + ends):
            found.append((f"c{customer:04d}", day, int(rng.gamma(5, 800))))
            day += 1 + rng.exponential(1 / rate)
    frame = pd.DataFrame(found, columns=["customer_id", "day", "amount"])
    at = pd.Timestamp(BEGINS) + pd.to_timedelta(frame["day"], unit="D").dt.round("s")
    items = np.where(np.arange(len(frame)) % 2, "tea", "pot")
    return frame.assign(ordered_at=at, order_id=[f"o{i}" for i in range(len(frame))], item_id=items).drop(columns="day")


def made(rows: pd.DataFrame) -> Shop:
    items = pd.DataFrame({"item_id": ["tea", "pot"], "unit_cost": [700, 900]})
    return shop_from_tables({"orders": rows, "items": items}, read_config({"shop": {"name": "small"}}))


class Planted(RateDrift):
    """A drift that remembers what it was last asked to widen, and what that became."""

    last: tuple[pd.DataFrame, pd.DataFrame]

    def widened(self, promised: pd.DataFrame, age: Any, horizon_days: float, level: float = 0.95) -> pd.DataFrame:
        wide = super().widened(promised, age, horizon_days, level)
        Planted.last = promised, wide
        return wide


def planted(promises: list[EarlierPromise], level: float) -> RateDrift:
    """Return a drift that widens, whatever is found, where there are looks."""
    found = drift_of(promises, level)
    return Planted(dict.fromkeys(found.drift, 3e-4), found.n_looks) if promises else found


@pytest.fixture(scope="module", autouse=True)
def _without_trees() -> Iterator[None]:
    """Let no trees be learned: they take long, and have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("penchant.models.estimators.next_order.FEWEST_EVENTS", 10**9)
        patch.setattr("penchant.serving.worth.next_order.FEWEST_LEARNED", N // 2)
        patch.setattr("penchant.serving.worth.next_order.drift_of", planted)
        yield


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return orders()


@pytest.fixture(scope="module")
def forecast(rows: pd.DataFrame) -> NextOrderForecast:
    with made(rows) as shop:
        return next_orders(shop, AS_OF)


def came(rows: pd.DataFrame, ids: Any, days: int) -> pd.DataFrame:
    after = rows[(rows["ordered_at"] >= AS_OF) & (rows["ordered_at"] < AS_OF + timedelta(days=days))]
    grouped = after.groupby("customer_id")
    first = (grouped["ordered_at"].min() - AS_OF) / pd.Timedelta(days=1)
    return pd.DataFrame({"n": grouped.size(), "first": first}).reindex(ids)


def test_every_buyer_has_a_forecast_that_comes_true(rows: pd.DataFrame, forecast: NextOrderForecast) -> None:
    found = forecast.frame.set_index("customer_id")
    assert list(found) == list(NEXT_ORDER_COLUMNS)
    assert list(found.index) == sorted(rows.loc[rows["ordered_at"] < AS_OF, "customer_id"].unique())
    after = came(rows, found.index, 90)
    ordered = after["n"].notna()
    assert found["p_order_90d"].mean() == pytest.approx(ordered.mean(), rel=0.25)
    assert (found["p_order_30d"] <= found["p_order_90d"]).all()
    inside = ((after["first"] >= found_days(found, "_low")) & (after["first"] <= found_days(found, "_high"))).where(
        ordered, found_days(found, "_high") >= 90
    )
    assert inside.mean() > 0.9
    assert 0.7 < found["expected_margin_12m"].sum() / found["expected_amount_12m"].sum() < 0.9  # costs are a fifth
    assert found["days_to_next_order"].max() <= FARTHEST_DAYS
    pd.testing.assert_series_equal(found["days_to_next_order"].isna(), found["next_order_at"].isna(), check_names=False)


def found_days(found: pd.DataFrame, end: str) -> pd.Series:
    days = (found[f"next_order_at{end}"] - AS_OF) / pd.Timedelta(days=1)
    return days.fillna(np.inf)


def test_what_earlier_promises_came_to_stands_beside(forecast: NextOrderForecast) -> None:
    judged = forecast.facts["judged"]
    assert (judged["as_of"], judged["days"]) == ("2024-01-02T00:00:00", 365)
    assert 0.9 <= judged["inside_interval"]["orders"] <= 1
    assert judged["orders"]["promised"] == pytest.approx(judged["orders"]["came"], rel=0.25)
    assert forecast.facts["left_out"] == {}
    within = forecast.facts["within_90d"]
    assert within["value"] == pytest.approx(forecast.frame["p_order_90d"].mean())
    assert within["low"] < within["value"] < within["high"]
    assert within["n_looks"] >= 4
    widths = forecast.facts["widths"]
    assert widths == {"rate_drift": {"orders": 3e-4, "amount": 3e-4}, "looks_days": [90, 180, 365]}


def test_intervals_are_widened_by_what_earlier_looks_lacked(forecast: NextOrderForecast) -> None:
    alone, wide = Planted.last
    frame = forecast.frame
    assert wide["orders_high"].sum() > 1.1 * alone["orders_high"].sum()
    assert frame["expected_orders_12m_high"].tolist() == wide["orders_high"].tolist()
    assert frame["expected_amount_12m_high"].tolist() == wide["amount_high"].round(2).tolist()
    assert frame["expected_amount_12m"].tolist() == alone["amount"].round(2).tolist()
    margin = frame["expected_margin_12m_high"].sum() / frame["expected_amount_12m_high"].sum()
    assert 0.7 < margin < 0.9


def test_without_an_earlier_look_the_widths_are_said_to_be_unchecked(rows: pd.DataFrame) -> None:
    with made(rows[rows["ordered_at"] < BEGINS + timedelta(days=150)]) as shop:
        widths = next_orders(shop, BEGINS + timedelta(days=150)).facts["widths"]
    assert widths == {"rate_drift": {}, "looks_days": []}
    assert "unchecked" in width_words(widths)
    assert "wider for amount" in width_words({"rate_drift": {"orders": 0.0, "amount": 1e-5}, "looks_days": [90]})


def test_what_comes_later_changes_nothing(rows: pd.DataFrame, forecast: NextOrderForecast) -> None:
    with made(rows[rows["ordered_at"] < AS_OF].sample(frac=1, random_state=1)) as past:
        again = next_orders(past, AS_OF)
    pd.testing.assert_frame_equal(again.frame, forecast.frame)
    assert again.facts == forecast.facts


def test_twelve_months_are_not_told_from_a_few(rows: pd.DataFrame) -> None:
    early = rows[rows["ordered_at"] < BEGINS + timedelta(days=200)]
    with made(early.drop(columns="item_id")) as shop:
        found = next_orders(shop, BEGINS + timedelta(days=200))
    assert not [name for name in found.frame if "12m" in name]
    assert "go back 1" in found.facts["left_out"]["expected_orders_12m"]
    assert {"p_alive", "p_order_90d", "next_order_at"} <= set(found.frame)
    assert not [name for name in found.facts["left_out"] if "margin" in name]  # the shop knows no costs anyway


def test_shops_without_purchases_or_repeats_are_refused() -> None:
    once = orders(30).drop_duplicates("customer_id")
    with made(once) as shop, pytest.raises(TooLittleDataError, match="bought again"):
        next_orders(shop, AS_OF)
    views = pd.DataFrame({"customer_id": ["a"], "occurred_at": [pd.Timestamp(BEGINS)], "kind": ["view"]})
    with shop_from_tables({"interactions": views}) as shop, pytest.raises(TooLittleDataError, match="have bought"):
        next_orders(shop, AS_OF)
