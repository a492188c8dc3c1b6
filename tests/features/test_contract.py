"""Every feature group keeps its promises: the contract tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.features.catalogue import GROUPS, groups_of
from penchant.features.matrix import build
from penchant.features.shop import Shop, shop_from_tables
from penchant.features.signals.group import FeatureGroup
from penchant.features.spine import Spine

AS_OF = datetime(2023, 10, 15, 13, 37, 11)  # not at midnight: a day's boundary is not a moment's
TIMES = {"orders": "ordered_at", "interactions": "occurred_at", "assignments": "assigned_at"}
TIMES |= {"feedback": "at", "memberships": "starts_at", "points": "at", "referrals": "at"}
STATES = {
    "orders": ["paid_at", "cancelled_at", "refunded_at"],
    "assignments": ["contacted_at", "opened_at", "clicked_at", "redeemed_at"],
    "feedback": ["closed_at"],
    "memberships": ["ends_at"],
}
Tables = dict[str, pd.DataFrame]


def built(tables: Tables, who: list[str]) -> pd.DataFrame:
    with shop_from_tables(tables) as shop:
        return build(shop, Spine.at(shop, AS_OF, who)).frame


def another_future(tables: Tables) -> Tables:
    """Change all that is not known before AS_OF: drop, add and rewrite rows, and edit states of earlier rows."""
    rng = np.random.default_rng(1)
    changed = {}
    for name, rows in tables.items():
        rows = rows.copy()
        for state in STATES.get(name, []):
            later = rows[state].isna() | (rows[state] >= AS_OF)
            edited = pd.Timestamp(AS_OF) + pd.to_timedelta(rng.integers(0, 10**13, len(rows)), unit="us")
            edited = pd.Series(edited, index=rows.index).where(rng.random(len(rows)) < 0.5)
            rows[state] = rows[state].where(~later, edited).astype("datetime64[us]")
        if name in TIMES:
            late = rows[TIMES[name]] >= AS_OF
            garbage = rows[~late].assign(**{TIMES[name]: pd.Timestamp(AS_OF)}).astype(rows.dtypes)
            rows = pd.concat([rows[~late], rows[late].sample(frac=0.3, random_state=1), garbage], ignore_index=True)
        changed[name] = with_other_registrations(rows) if name == "customers" else rows
    return changed


def with_other_registrations(rows: pd.DataFrame) -> pd.DataFrame:
    """Let others register after AS_OF, at another time, as somebody else: nothing is known of them before."""
    late = rows["registered_at"] >= AS_OF
    assert late.sum() > 5
    others = rows[late].iloc[::2].assign(registered_at=pd.Timestamp(AS_OF), gender="m", birth_year=1900, shoe_size=99)
    return pd.concat([rows[~late], others.astype(rows.dtypes)], ignore_index=True)


@pytest.fixture(scope="module")
def who(world_tables: Tables) -> list[str]:
    return sorted(world_tables["customers"]["customer_id"])[::2]


@pytest.fixture(scope="module")
def base(world_tables: Tables, who: list[str]) -> pd.DataFrame:
    return built(world_tables, who)


@pytest.fixture(scope="module")
def with_another_future(world_tables: Tables, who: list[str]) -> pd.DataFrame:
    return built(another_future(world_tables), who)


@pytest.fixture(scope="module")
def in_another_order(world_tables: Tables, who: list[str]) -> pd.DataFrame:
    return built({name: rows.sample(frac=1, random_state=3) for name, rows in world_tables.items()}, who)


@pytest.fixture(scope="module")
def without_others(world_tables: Tables, who: list[str]) -> pd.DataFrame:
    mine = {
        name: rows[rows["customer_id"].isin(who)] if "customer_id" in rows else rows
        for name, rows in world_tables.items()
    }
    return built(mine, who)


def columns(shop: Shop, group: FeatureGroup) -> list[Any]:
    return [column for one in groups_of(shop) if one.name == group.name for column in one.columns()]


@pytest.fixture(params=GROUPS, ids=lambda group: group.name)
def declared(request: pytest.FixtureRequest, world_shop: Shop) -> list[Any]:
    """Return the declared columns of a group, those that the shop's own attributes add included."""
    return columns(world_shop, request.param)


def names(declared: list[Any]) -> list[str]:
    return [column.name for column in declared]


def test_future_changes_nothing(declared: list[Any], base: pd.DataFrame, with_another_future: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(base[names(declared)], with_another_future[names(declared)])


def test_row_order_changes_nothing(declared: list[Any], base: pd.DataFrame, in_another_order: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(base[names(declared)], in_another_order[names(declared)])


def test_other_customers_change_nothing(declared: list[Any], base: pd.DataFrame, without_others: pd.DataFrame) -> None:
    own = [column.name for column in declared if not column.population]
    pd.testing.assert_frame_equal(base[own], without_others[own])


def test_population_columns_do_depend_on_others(base: pd.DataFrame, without_others: pd.DataFrame) -> None:
    population = [column.name for group in GROUPS for column in group.columns() if column.population]
    depends = [name for name in population if not base[name].equals(without_others[name])]
    assert len(depends) > len(population) * 0.7


def test_declared_is_built(declared: list[Any], base: pd.DataFrame) -> None:
    for column in declared:
        values = base[column.name]
        dtype = "str" if column.dtype == "string" else column.dtype
        assert values.dtype == dtype, column.name
        assert column.missing or values.notna().all(), column.name
        if column.dtype != "string" and values.notna().any():
            assert column.low is None or values.min() >= column.low, column.name
            assert column.high is None or values.max() <= column.high, column.name


def test_no_column_is_all_the_same(declared: list[Any], base: pd.DataFrame) -> None:
    """A signal that never varies in a shop with every table tests nothing."""
    dead = [name for name in names(declared) if base[name].nunique(dropna=False) == 1]
    unused = {name for name in dead if "_push_" in name or "_phone_" in name}  # its campaigns have two channels
    assert set(dead) - unused <= {"days_to_next_holiday", "days_to_next_promotion"}  # one as_of


def test_one_row_per_spine_row(base: pd.DataFrame, who: list[str]) -> None:
    assert base["customer_id"].tolist() == who
    assert (base["as_of"] == pd.Timestamp(AS_OF)).all()


def test_all_columns_are_built_in_order(world_shop: Shop, base: pd.DataFrame) -> None:
    declared = [column.name for group in GROUPS for column in columns(world_shop, group)]
    assert list(base.columns) == ["customer_id", "as_of", *declared]


@pytest.fixture(scope="module")
def empty_shop(world_tables: Tables) -> Iterator[Shop]:
    with shop_from_tables({name: rows.head(0) for name, rows in world_tables.items()}, config()) as shop:
        yield shop


def config() -> Any:
    from penchant.config import Config

    return Config.model_validate({"shop": {"extract_end": AS_OF}})


def test_no_history_at_all(declared: list[Any], empty_shop: Shop) -> None:
    group = next(one for one in GROUPS if set(names(list(one.columns()))) & set(names(declared)))
    frame = build(empty_shop, Spine.at(empty_shop, AS_OF, ["nobody"]), [group]).frame
    assert len(frame) == 1
    counts = [column.name for column in group.columns() if column.dtype == "int64"]
    assert (frame[counts] == 0).all(axis=None)
