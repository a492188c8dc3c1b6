"""Two engines, same numbers: every group on DuckDB and on Spark, compared by key."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from penchant.features.catalogue import GROUPS
from penchant.features.labels import label
from penchant.features.matrix import build
from penchant.features.shop import Shop, shop_from_tables
from penchant.features.spine import Spine
from penchant.features.tasks import VALUE

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


def test_engines_agree_row_by_row(world: ModuleType, world_shop: Shop, on_spark: Shop) -> None:
    """Each row with its own as_of: the other plan, on the other engine."""
    own = pd.DataFrame(
        {
            "customer_id": [f"c{number:03}" for number in range(60)],
            "as_of": pd.date_range("2023-06-01 06:30", periods=60, freq="4D"),
        }
    )
    names = ["recency", "rfm"]
    one, other = (build(shop, Spine.of(shop, own), names).frame for shop in (world_shop, on_spark))
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)


def test_labels_agree(world: ModuleType, world_shop: Shop, on_spark: Shop) -> None:
    """Several moments, each with its end of the horizon."""
    moments = list(world.MOMENTS[:2])
    one, other = (label(shop, VALUE, moments, horizon_days=60) for shop in (world_shop, on_spark))
    assert one.basis == other.basis
    pd.testing.assert_frame_equal(one.frame, other.frame)
