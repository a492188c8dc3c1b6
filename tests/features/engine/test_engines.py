"""Two engines, same numbers: every group on DuckDB and on Spark, compared by key."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.features.catalogue import GROUPS, TASKS
from penchant.features.changed_shops import with_another_future
from penchant.features.engine.temporary import Keep
from penchant.features.history import prepare
from penchant.features.history.evaluate import evaluated
from penchant.features.matrix import build
from penchant.features.outcomes.labels import label
from penchant.features.outcomes.tasks import VALUE, Task
from penchant.features.shop import Shop, shop_from_tables
from penchant.features.signals.crowds import crowd_named, crowds_of
from penchant.features.signals.cycle import churn_horizon
from penchant.features.spine import FEW_INSTANTS, Spine

pytestmark = pytest.mark.spark
KEY = ["as_of", "customer_id"]


@pytest.fixture(scope="module")
def on_spark(spark: Any, world_tables: dict[str, pd.DataFrame]) -> Iterator[Shop]:
    with shop_from_tables(world_tables, backend=spark) as shop:
        yield shop


@pytest.fixture(scope="module")
def frames(world: ModuleType, world_shop: Shop, on_spark: Shop) -> tuple[pd.DataFrame, pd.DataFrame]:
    moment = world.MOMENTS[1]
    return tuple(build(shop, Spine.at(shop, moment)).frame for shop in (world_shop, on_spark))  # type: ignore[return-value]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_engines_agree(frames: tuple[pd.DataFrame, pd.DataFrame], group: Any) -> None:
    one, other = frames
    assert one[KEY].equals(other[KEY])
    for column in group.columns():
        if column.dtype == "float64":
            pd.testing.assert_series_equal(one[column.name], other[column.name], rtol=1e-9, atol=1e-12)
        else:
            pd.testing.assert_series_equal(one[column.name], other[column.name])


def test_the_number_of_partitions_changes_no_number(world: ModuleType, on_spark: Shop, frames: Any, spark: Any) -> None:
    """To the last bit."""
    session, name = spark._session, "spark.sql.shuffle.partitions"
    before = session.conf.get(name)
    session.conf.set(name, "5")
    try:
        again = build(on_spark, Spine.at(on_spark, world.MOMENTS[1]), ["rfm", "category", "holiday", "lifecycle"]).frame
    finally:
        session.conf.set(name, before)
    pd.testing.assert_frame_equal(again, frames[1][list(again)], check_exact=True)


def test_engines_agree_row_by_row(world: ModuleType, world_shop: Shop, on_spark: Shop) -> None:
    """Each row with its own as_of: the other plan, on the other engine. All groups follow both plans in test_spine."""
    days = pd.date_range("2023-06-01 06:30", periods=FEW_INSTANTS + 1, freq="17D")
    own = pd.DataFrame({"customer_id": [f"c{n:03}" for n in range(60)], "as_of": np.resize(days, 60)})
    names = ["recency", "rfm", "funnel", "contact"]
    one, other = (build(shop, Spine.of(shop, own), names).frame for shop in (world_shop, on_spark))
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_labels_agree(world: ModuleType, world_shop: Shop, on_spark: Shop, task: Task) -> None:
    """Each moment with its end of the horizon; several of them for one task."""
    moments = list(world.MOMENTS[:2] if task is VALUE else world.MOMENTS[1:2])
    one, other = (label(shop, task, moments, horizon_days=60) for shop in (world_shop, on_spark))
    assert one.basis == other.basis
    assert len(one.frame)
    pd.testing.assert_frame_equal(one.frame, other.frame)


def test_crowds_agree(world: ModuleType, world_shop: Shop, on_spark: Shop) -> None:
    """Also those of an item, a category and a promotion, which are no columns."""
    moment = world.MOMENTS[1]
    named = ("favorites:item:i07", "favorites:category:tea", "carts:category:tea", "interest:category:tea")
    found = []
    for shop in (world_shop, on_spark):
        crowds = [*crowds_of(shop, moment), *map(crowd_named, named)]
        with Keep(shop.backend) as keep:
            asked = {crowd.name: crowd.holds for crowd in crowds}
            [people] = evaluated(shop, Spine.at(shop, moment), asked, keep)
            found.append(people.order_by("customer_id").to_pandas().set_index("customer_id")[list(asked)])
    assert found[0].any().sum() > 8
    pd.testing.assert_frame_equal(*found)


def test_many_customers_at_several_moments_agree(
    world: ModuleType, world_shop: Shop, on_spark: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of everyone at each moment are numbered beyond 32 bits: here by moments, in a shop by customers."""
    monkeypatch.setattr(prepare, "MOST_MOMENTS", 10**9)
    own = pd.DataFrame({"customer_id": ["c001"] * 13, "as_of": pd.date_range("2023-06-01", periods=13, freq="9D")})
    one, other = (build(shop, Spine.of(shop, own), ["rfm"], windows=[33]).frame for shop in (world_shop, on_spark))
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)


def test_samples_agree(world: ModuleType, world_shop: Shop, on_spark: Shop) -> None:
    one, other = (
        set(Spine.at(shop, world.MOMENTS[1]).sampled(20, 3).table.customer_id.execute())
        for shop in (world_shop, on_spark)
    )
    assert len(one) > 5
    assert one == other


def test_churn_horizons_agree(world: ModuleType, world_shop: Shop, on_spark: Shop) -> None:
    assert churn_horizon(world_shop, world.MOMENTS[1]) == churn_horizon(on_spark, world.MOMENTS[1])


def test_another_future_can_be_made(world: ModuleType, on_spark: Shop) -> None:
    """Of times read from files and times of a moment, which Spark gives other precisions: prove asks for it."""
    with Keep(on_spark.backend) as keep:
        orders = with_another_future(on_spark, world.MOMENTS[1], keep).tables["orders"]
        assert orders.count().execute() > 0
