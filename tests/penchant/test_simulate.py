"""A simulated shop looks like a shop: the form of its tables, and their distributions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import InputError
from penchant.features.contract import CONTRACT
from penchant.simulate import (
    SimulatedArm,
    SimulatedCampaign,
    SimulatedOffer,
    SimulatedShop,
    SimulationSettings,
    simulate,
)
from penchant.simulate.baskets import OrderLines, redeem
from penchant.simulate.shop import TABLES
from penchant.simulate.streams import Streams

SETTINGS = SimulationSettings(n_customers=6_000, seed=3)
Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SimulatedShop:
    return simulate(SETTINGS, tmp_path_factory.mktemp("shop") / "shop")


@pytest.fixture(scope="module")
def tables(shop: SimulatedShop) -> Tables:
    return {name: pd.read_parquet(path) for name, path in shop.tables.items()}


@pytest.fixture(scope="module")
def paid(tables: Tables) -> pd.DataFrame:
    """One row per paid order."""
    orders = tables["orders"].query("paid_at.notna()").groupby("order_id", as_index=False)
    return orders.agg(customer_id=("customer_id", "first"), at=("ordered_at", "first"), amount=("amount", "sum"))


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_the_columns_types_and_codes_of_the_contract(name: str, tables: Tables) -> None:
    table, frame = CONTRACT[name], tables[name]
    assert [column for column in frame if not column.startswith("consent_")] == list(table.names)
    expected = {"time": "datetime64[us, UTC]", "money": "float64", "id": "str", "code": "str", "flag": "bool"}
    for column in map(table.column, frame.columns):
        values = frame[column.name]
        if column.kind in expected:
            assert str(values.dtype) == expected[column.kind], column.name
        if column.kind == "money":
            assert (values.dropna() * 100).round(6).mod(1).eq(0).all(), column.name
        assert not column.codes or set(values.dropna().unique()) <= set(column.codes), column.name
        assert not (column.required and values.isna().any()), column.name


@pytest.mark.parametrize("name", TABLES)
def test_keys_occur_once_and_references_lead_somewhere(name: str, tables: Tables) -> None:
    table, frame = CONTRACT[name], tables[name]
    if table.key:
        assert not frame.duplicated(list(table.key)).any()
    for reference in table.references:
        known = set(tables[reference.table][reference.key])
        assert set(frame[reference.column].dropna()) <= known


@pytest.mark.parametrize("name", ["orders", "interactions", "customers", "assignments"])
def test_rows_are_sorted_by_customer_and_time(name: str, tables: Tables) -> None:
    by = ["customer_id", CONTRACT[name].time] if CONTRACT[name].time else ["customer_id"]
    keys = tables[name][by]
    pd.testing.assert_frame_equal(keys, keys.sort_values(by, kind="stable"))


def test_nothing_lies_outside_the_shops_days(tables: Tables) -> None:
    start, end = pd.Timestamp(SETTINGS.starts_at), pd.Timestamp(SETTINGS.ends_at)
    for name in ("orders", "interactions", "customers", "assignments"):
        for column in tables[name].select_dtypes("datetimetz"):
            assert tables[name][column].dropna().between(start, end, inclusive="left").all(), (name, column)


def test_orders_are_consistent(tables: Tables) -> None:
    orders = tables["orders"]
    assert not orders.duplicated(["order_id", "item_id"]).any()
    assert (orders.groupby("order_id").customer_id.nunique() == 1).all()
    assert (orders.paid_at.dropna() >= orders.ordered_at[orders.paid_at.notna()]).all()
    assert (orders.refunded_at.dropna() > orders.paid_at[orders.refunded_at.notna()]).all()
    assert (orders.amount > 0).all()
    assert np.allclose(orders.list_amount - orders.discount, orders.amount)
    assert (orders.quantity >= 1).all()
    state = np.select([orders[f"{name}_at"].notna() for name in ("refunded", "cancelled", "paid")],
                      ["refunded", "cancelled", "paid"], "unpaid")  # fmt: skip
    assert (orders.status == state).all()
    listed = orders.item_id.map(tables["items"].set_index("item_id").listed_at)
    assert (orders.ordered_at >= listed).all()
    full = orders.item_id.map(tables["items"].set_index("item_id").list_price) * orders.quantity
    assert np.allclose(full, orders.list_amount)


def test_each_order_and_payment_is_an_interaction_and_visits_begin_with_what_comes_first(tables: Tables) -> None:
    done, orders = tables["interactions"], tables["orders"].drop_duplicates("order_id")
    ordered = done[done.kind == "order"][["customer_id", "occurred_at"]].to_numpy()
    assert {tuple(row) for row in ordered} == set(zip(orders.customer_id, orders.ordered_at, strict=True))
    assert (done.kind == "pay").sum() == orders.paid_at.notna().sum()
    assert done.item_id[done.kind.isin(["view", "cart", "favorite", "order", "pay"])].notna().all()
    registered = tables["customers"].set_index("customer_id").registered_at
    logins = done[done.kind.isin(["login", "order"])]
    assert (logins.occurred_at >= logins.customer_id.map(registered)).all()
    assert (done.dwell_seconds.dropna() > 0).all()


def test_contacts_follow_consent_and_their_own_order(tables: Tables) -> None:
    sent = tables["assignments"].merge(tables["campaigns"], on="campaign_id")
    sent = sent[sent.contacted_at.notna()].merge(tables["customers"], on="customer_id")
    assert (sent.arm != "control").all()
    for channel in ("email", "sms", "push"):
        assert sent.loc[sent.arm.str.startswith(channel), f"consent_{channel}"].all()
    for earlier, later in (("assigned", "contacted"), ("contacted", "opened"), ("opened", "clicked")):
        both = sent[[f"{earlier}_at", f"{later}_at"]].dropna()
        assert (both[f"{later}_at"] > both[f"{earlier}_at"]).all()
    assert sent.loc[sent.clicked_at.notna(), "opened_at"].notna().all()
    assert len(sent.redeemed_at.dropna()) > 10


def test_arms_are_drawn_with_the_recorded_probability(tables: Tables) -> None:
    first = tables["assignments"].query("wave == 1")
    held_out = (first.arm == "control").astype(float)
    expected = np.where(first.arm == "control", first.probability, np.nan)
    by_campaign = pd.DataFrame({"id": first.campaign_id, "out": held_out, "p": expected}).groupby("id")
    excess = by_campaign.out.sum() - by_campaign.size() * by_campaign.p.mean()
    spread = np.sqrt(by_campaign.size() * by_campaign.p.mean() * (1 - by_campaign.p.mean()))
    assert (excess / spread).abs().max() < 4


def test_most_buyers_buy_once_and_a_few_make_the_sales(paid: pd.DataFrame, tables: Tables) -> None:
    n_orders = paid.groupby("customer_id").size()
    assert 0.5 < (n_orders == 1).mean() < 0.7
    assert n_orders.quantile(0.99) > 8 * n_orders.median()
    spent = paid.groupby("customer_id").amount.sum().sort_values(ascending=False)
    assert 0.4 < spent.head(len(spent) // 10).sum() / spent.sum() < 0.7
    assert 0.2 < len(n_orders) / len(tables["customers"]) < 0.5
    seen = tables["interactions"].customer_id.nunique() / len(tables["customers"])
    assert 0.8 < seen < 0.95  # the others are strangers on a list


def test_the_week_the_hour_and_the_calendar_show(tables: Tables) -> None:
    at = tables["interactions"].occurred_at
    by_weekday, by_hour = at.dt.day_of_week.value_counts(), at.dt.hour.value_counts()
    assert by_weekday[5] > 1.1 * by_weekday[1]
    assert by_hour[20] > 5 * by_hour[3]
    orders = tables["orders"].drop_duplicates("order_id").ordered_at
    sales = tables["calendar"].query("kind == 'promotion' and starts_at.dt.year == 2025")
    inside = sum(orders.between(row.starts_at, row.ends_at).sum() for row in sales.itertuples())
    n_days = (sales.ends_at - sales.starts_at).dt.days.sum()
    assert inside / n_days > 1.6 * (orders.dt.year == 2025).sum() / 365


def test_categories_differ_in_cycle_and_price(tables: Tables) -> None:
    orders = tables["orders"].query("paid_at.notna()")
    price = (orders.list_amount / orders.quantity).groupby(orders.category_id).median()
    assert price["electronics"] > 5 * price["grocery"]
    bought = orders.drop_duplicates(["order_id", "category_id"]).sort_values("ordered_at")
    gap = bought.groupby(["customer_id", "category_id"]).ordered_at.diff().dt.days
    slow = bought.category_id.isin(["electronics", "appliances", "home", "sports"])
    assert gap[slow].median() > 1.5 * gap[bought.category_id == "grocery"].median()


def test_the_truth_lies_apart_and_the_files_are_as_long_as_said(shop: SimulatedShop, tables: Tables) -> None:
    hidden = set(pq.read_schema(shop.truth["customers"]).names) - {"customer_id"}
    shown = {column for name, frame in tables.items() if name != "memberships" for column in frame}
    assert not hidden & shown  # the level of a membership is no price level
    rows = {name: len(frame) for name, frame in tables.items()}
    assert rows == {name: n for name, n in shop.n_rows.items() if "/" not in name}
    assert all(pq.read_metadata(path).num_rows == shop.n_rows[f"truth/{name}"] for name, path in shop.truth.items())


def test_the_same_settings_give_the_same_bytes_whatever_the_progress(tmp_path: Path) -> None:
    settings = SimulationSettings(n_customers=800, block_size=300, pace_days=182, ends_at=datetime(2024, 7, 1))
    steps: list[tuple[int, int]] = []
    one = simulate(settings, tmp_path / "one")
    other = simulate(settings, tmp_path / "other", progress=lambda done, of: steps.append((done, of)))
    files = [*one.tables.items(), *one.truth.items()]
    assert files
    assert all(
        (tmp_path / "other" / path.relative_to(one.folder)).read_bytes() == path.read_bytes() for _, path in files
    )
    assert other.n_rows == one.n_rows
    assert steps == [(300, 800), (600, 800), (800, 800)]
    different = simulate(replace(settings, seed=1), tmp_path / "different")
    assert different.n_rows != one.n_rows


def test_a_very_small_shop_and_one_of_a_day_are_shops_too(tmp_path: Path) -> None:
    alone = simulate(SimulationSettings(n_customers=1), tmp_path / "alone")
    assert alone.n_rows["customers"] == 1
    before = simulate(SimulationSettings(n_customers=1, ends_at=datetime(2024, 1, 2, tzinfo=UTC)), tmp_path / "before")
    assert before.n_rows["customers"] == 0
    assert pq.read_schema(before.tables["orders"]) == pq.read_schema(alone.tables["orders"])
    day = SimulationSettings(n_customers=50, ends_at=datetime(2024, 1, 2, tzinfo=UTC), pace_days=1)
    assert simulate(day, tmp_path / "day").n_rows["customers"] == 50


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SimulationSettings(n_customers=0), "n_customers: at least 1"),
        (lambda: SimulationSettings(ends_at=datetime(2023, 1, 1)), "ends_at after starts_at"),
        (lambda: SimulationSettings(starts_at=datetime(2024, 1, 1, 5)), "at midnight UTC"),
        (lambda: SimulatedOffer("cupon"), "Did you mean 'coupon'"),
        (lambda: SimulatedArm("control"), "a treatment's name"),
        (lambda: SimulatedCampaign("x", "retian", datetime(2024, 1, 1), (SimulatedArm("a"),)), "Did you mean 'retain'"),
        (lambda: SimulatedCampaign("x", "retain", datetime(2024, 1, 1), ()), "at least one arm"),
    ],
)
def test_impossible_settings_are_refused(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()  # type: ignore[operator]


@given(
    sizes=st.lists(st.lists(st.integers(1, 50_000), min_size=1, max_size=6), min_size=1, max_size=8),
    value=st.integers(0, 5_000),
    threshold=st.integers(0, 40_000),
)
def test_a_coupon_is_taken_off_to_the_cent_and_only_from_large_enough_orders(
    sizes: list[list[int]], value: int, threshold: int
) -> None:
    order = np.repeat(np.arange(len(sizes)), [len(one) for one in sizes])
    paid = np.concatenate(sizes).astype(np.int64)
    least = max(threshold, 2 * value)  # as offers are
    lines = OrderLines(order, np.arange(len(order)), np.ones_like(order), paid, paid)
    after, fits = redeem(lines, np.full(len(sizes), value), np.full(len(sizes), least))
    before = np.bincount(order, paid)
    assert (fits == (before >= least)).all()
    assert (before - np.bincount(order, after.paid) == np.where(fits, value, 0)).all()
    assert (after.paid >= 0).all()


def test_streams_are_uniform_independent_and_do_not_depend_on_their_company() -> None:
    numbers = np.arange(100_000)
    dice = Streams.of(7, numbers)
    draws = np.stack([dice.uniform("visit", 1), dice.uniform("visit", 2), dice.uniform("order", 1),
                      Streams.of(8, numbers).uniform("visit", 1)])  # fmt: skip
    assert abs(draws.mean() - 0.5) < 0.003
    assert np.abs(np.histogram(draws, 20, (0, 1))[0] / draws.size - 0.05).max() < 0.001
    assert np.abs(np.corrcoef(draws) - np.eye(4)).max() < 0.015
    assert np.abs(np.corrcoef(draws[0][:-1], draws[0][1:])[0, 1]) < 0.015
    some = numbers[::-7]
    assert (Streams.of(7, some).uniform("visit", np.full(len(some), 2)) == draws[1][some]).all()
