"""Counts, sums and days since, recomputed in plain SQL and by loops."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from penchant.features.matrix import build
from penchant.features.shop import Shop
from penchant.features.spine import Spine

WINDOWS = (7, 30, 90, 365)
ORACLE = """
with bought as (
    select customer_id, order_id, min(paid_at) as bought_at, sum(amount) as amount, sum(quantity) as quantity,
           count(*) as n_lines, sum(amount - cast(round(unit_cost * quantity) as bigint)) as margin
    from orders join items using (item_id)
    where paid_at < $as_of and (cancelled_at is null or cancelled_at >= $as_of)
      and (refunded_at is null or refunded_at >= $as_of)
    group by all
),
refunds as (
    select customer_id, count(distinct order_id) as n_refunds, sum(amount) / 100 as amount_refunded
    from orders where refunded_at < $as_of group by all
),
placed as (
    select distinct customer_id, order_id, ordered_at as placed_at from orders
    where ordered_at < $as_of and (cancelled_at is null or cancelled_at >= $as_of)
)
select spine.customer_id,
    date_diff('us', max(bought.bought_at), $as_of) / 86400e6 as days_since_last_purchase,
    date_diff('us', min(bought.bought_at), $as_of) / 86400e6 as days_since_first_purchase,
    (select date_diff('us', max(placed_at), $as_of) / 86400e6 from placed p where p.customer_id = spine.customer_id)
        as days_since_last_order,
    (select date_diff('us', max(occurred_at), $as_of) / 86400e6 from interactions i
        where i.customer_id = spine.customer_id and occurred_at < $as_of and kind = 'cart') as days_since_last_cart,
    coalesce(any_value(n_refunds), 0) as n_refunds,
    coalesce(any_value(amount_refunded), 0) as amount_refunded,
    count(bought.bought_at) as n_purchases,
    coalesce(sum(bought.amount), 0) / 100 as amount_total,
    avg(bought.n_lines) as basket_lines_mean,
    avg(bought.quantity) as basket_quantity_mean,
    {windowed}
from spine left join bought using (customer_id) left join refunds using (customer_id) group by 1 order by 1
"""
WINDOWED = """
    count(case when bought.bought_at >= {since} then 1 end) as n_purchases_{days}d,
    coalesce(sum(case when bought.bought_at >= {since} then bought.amount end), 0) / 100 as amount_{days}d,
    avg(case when bought.bought_at >= {since} then bought.amount end) / 100 as amount_mean_{days}d,
    max(case when bought.bought_at >= {since} then bought.amount end) / 100 as amount_max_{days}d,
    coalesce(sum(case when bought.bought_at >= {since} then bought.margin end), 0) / 100 as margin_{days}d,
    (select count(*) from placed p where p.customer_id = spine.customer_id
        and p.placed_at >= {since}) as n_orders_{days}d,
    (select count(*) from interactions i where i.customer_id = spine.customer_id
        and occurred_at >= {since} and occurred_at < $as_of) as n_visits_{days}d,
    (select count(*) from interactions i where i.customer_id = spine.customer_id and kind = 'view'
        and occurred_at >= {since} and occurred_at < $as_of) as n_view_{days}d,
    (select count(distinct date_trunc('day', occurred_at)) from interactions i
        where i.customer_id = spine.customer_id and occurred_at >= {since} and occurred_at < $as_of)
        as n_active_days_{days}d
"""


def oracle(tables: dict[str, pd.DataFrame], spine: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    with duckdb.connect() as connection:
        for name, rows in {**tables, "spine": spine}.items():
            connection.register(name, rows)
        windowed = ", ".join(WINDOWED.format(since=f"$as_of - to_days({days})", days=days) for days in WINDOWS)
        return connection.execute(ORACLE.format(windowed=windowed), {"as_of": as_of}).df()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_recency_frequency_monetary_against_sql(
    world: ModuleType, world_shop: Shop, world_tables: dict[str, pd.DataFrame], place: int
) -> None:
    as_of = world.MOMENTS[place]
    groups = ["recency", "frequency", "monetary"]
    frame = build(world_shop, Spine.at(world_shop, as_of), groups, windows=WINDOWS).frame
    expected = oracle(world_tables, frame[["customer_id"]], as_of)
    assert frame["customer_id"].tolist() == expected["customer_id"].tolist()
    names = list(expected.columns[1:])
    if as_of.hour:  # a day counts in the window in which it began to be active: at midnight that is the day itself
        names = [name for name in names if not name.startswith("n_active_days")]
    pd.testing.assert_frame_equal(frame[names], expected[names], check_dtype=False, rtol=1e-12)


def test_gaps_against_a_loop(world: ModuleType, world_shop: Shop, world_tables: dict[str, pd.DataFrame]) -> None:
    as_of = pd.Timestamp(world.MOMENTS[2])
    frame = build(world_shop, Spine.at(world_shop, world.MOMENTS[2]), ["frequency"]).frame.set_index("customer_id")
    orders = world_tables["orders"]
    stands = orders["paid_at"].lt(as_of) & ~orders["cancelled_at"].lt(as_of) & ~orders["refunded_at"].lt(as_of)
    for customer, mine in orders[stands].groupby("customer_id"):
        days = sorted(set(mine["paid_at"].dt.normalize()))
        gaps = np.diff(pd.DatetimeIndex(days)) / pd.Timedelta(days=1)
        row = frame.loc[customer]
        if len(gaps):
            assert row["gap_mean_days"] == pytest.approx(gaps.mean())
            assert row["gap_median_days"] == pytest.approx(np.median(gaps))
            assert row["gap_max_days"] == gaps.max()
        else:
            assert np.isnan(row["gap_mean_days"])
        if len(gaps) > 1:
            assert row["gap_deviation_days"] == pytest.approx(gaps.std(ddof=1), abs=1e-9)
        else:
            assert np.isnan(row["gap_deviation_days"])


AS_OF = datetime(2024, 3, 1, 12)


def one_order(shop_of: Any, at: datetime, windows: tuple[int, ...] = (1, 7)) -> pd.Series:
    known = {"customer_id": "b", "ordered_at": "2020-01-01", "amount": 1}
    shop = shop_of(orders=[{"customer_id": "a", "ordered_at": str(at), "amount": 1234}, known])
    return build(shop, Spine.at(shop, AS_OF, ["a"]), ["recency", "frequency", "monetary"], windows=windows).frame.iloc[
        0
    ]


@pytest.mark.parametrize(
    ("before", "n_in_a_day", "n_in_a_week"),
    [
        (timedelta(0), 0, 0),
        (timedelta(microseconds=1), 1, 1),
        (timedelta(days=1), 1, 1),
        (timedelta(days=1, microseconds=1), 0, 1),
        (timedelta(days=7), 0, 1),
        (timedelta(days=7, microseconds=1), 0, 0),
    ],
)
def test_windows_are_half_open(shop_of: Any, before: timedelta, n_in_a_day: int, n_in_a_week: int) -> None:
    row = one_order(shop_of, AS_OF - before)
    assert (row["n_purchases_1d"], row["n_purchases_7d"]) == (n_in_a_day, n_in_a_week)
    assert row["amount_7d"] == pytest.approx(12.34 * n_in_a_week)


def test_days_since_is_exact_to_the_microsecond(shop_of: Any) -> None:
    row = one_order(shop_of, AS_OF - timedelta(days=3, hours=6, microseconds=1))
    assert row["days_since_last_purchase"] == (3.25 * 86_400_000_000 + 1) / 86_400_000_000


def test_an_order_counts_as_it_stood(shop_of: Any) -> None:
    """Ordered on the 1st, paid on the 3rd, refunded on the 9th: three facts, each with its own time."""
    shop = shop_of(
        orders=[
            {
                "customer_id": "a",
                "order_id": "o",
                "ordered_at": "2024-01-01",
                "paid_at": "2024-01-03",
                "refunded_at": "2024-01-09",
                "amount": 500,
            }
        ]
    )
    days = [datetime(2024, 1, day) for day in (2, 3, 4, 9, 10)]
    frame = build(shop, Spine.at(shop, days), ["frequency", "monetary", "funnel"]).frame
    assert frame["n_orders_365d"].tolist() == [1, 1, 1, 1, 1]
    assert frame["n_unpaid_orders"].tolist() == [1, 1, 0, 0, 0]
    assert frame["n_purchases"].tolist() == [0, 0, 1, 1, 0]
    assert frame["amount_refunded"].tolist() == [0, 0, 0, 0, 5]


@pytest.mark.parametrize("times", [(), ("paid_at",), ("paid_at", "cancelled_at", "refunded_at")], ids=str)
@pytest.mark.parametrize("untimed_refunds", ["never count", "count"])
def test_final_status_without_its_time(shop_of: Any, times: tuple[str, ...], untimed_refunds: str) -> None:
    """Paid from ordered_at on; cancelled or refunded never, unless the configuration counts what was refunded."""
    orders = []
    for status in ("cancelled", "paid", "refunded", "unpaid"):
        row = {"customer_id": status, "ordered_at": "2024-01-01", "status": status, "amount": 100}
        was_paid = status in ("paid", "refunded")
        orders.append({**row, **{time: "2024-01-01" if time == "paid_at" and was_paid else None for time in times}})
    config = {"shop": {"untimed_refunds": untimed_refunds}}
    shop = shop_of(orders=orders, config=config)
    frame = build(shop, Spine.at(shop, datetime(2024, 1, 2)), ["frequency", "monetary", "funnel"]).frame
    frame = frame.set_index("customer_id")
    kept = int(untimed_refunds == "count")
    assert frame["n_purchases"].to_dict() == {"cancelled": 0, "paid": 1, "refunded": kept, "unpaid": 0}
    assert frame["amount_total"].sum() == 1 + kept
    assert frame["n_unpaid_orders"].to_dict() == {"cancelled": 0, "paid": 0, "refunded": 0, "unpaid": 1}
    assert frame["n_orders_30d"].to_dict() == {"cancelled": 0, "paid": 1, "refunded": kept, "unpaid": 1}
    if "refunded_at" in times:
        assert frame["n_refunds"].sum() == 0  # when it came back is not known


def test_lines_without_an_order_id_are_one_order_per_instant(shop_of: Any) -> None:
    rows = [{"customer_id": "a", "ordered_at": f"2024-01-0{day}", "amount": 100} for day in (1, 1, 2)]
    shop = shop_of(orders=rows)
    row = build(shop, Spine.at(shop, datetime(2024, 2, 1)), ["frequency", "monetary"]).frame.iloc[0]
    assert (row["n_purchases"], row["basket_lines_mean"], row["amount_total"]) == (2, 1.5, 3)


def test_pay_interactions_are_purchases_where_there_are_no_orders(shop_of: Any) -> None:
    rows = [
        {"customer_id": "a", "occurred_at": "2024-01-01", "kind": "view"},
        {"customer_id": "a", "occurred_at": "2024-01-02", "kind": "pay"},
        {"customer_id": "b", "occurred_at": "2024-01-02", "kind": "view"},
    ]
    shop = shop_of(interactions=rows)
    matrix = build(shop, Spine.at(shop, datetime(2024, 2, 1)), ["frequency", "monetary", "rfm"])
    assert matrix.frame["n_purchases"].tolist() == [1, 0]
    assert matrix.left_out["amount_total"] == "the shop has no orders.amount"
    assert "rfm_monetary" in matrix.left_out
    assert "rfm_frequency" in matrix.frame
