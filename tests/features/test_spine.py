"""Whom to look at, and when: moments in any form, rows with moments of their own, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError, UnfinishedHorizonError
from penchant.features.matrix import build
from penchant.features.outcomes.labels import label
from penchant.features.outcomes.tasks import REPURCHASE
from penchant.features.shop import Shop, shop_from_tables
from penchant.features.spine import FEW_INSTANTS, Spine
from penchant.progress import watching

NOON = datetime(2024, 3, 1, 12)
KEY = ["customer_id", "as_of"]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    at = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01 11:00", "2024-06-01"], format="ISO8601")
    orders = pd.DataFrame({"customer_id": ["7", "7", "b", "b"], "ordered_at": at.astype("datetime64[us]")})
    with shop_from_tables({"orders": orders}) as made:
        yield made


def rows_of(spine: Spine) -> list[tuple[str, datetime]]:
    frame = spine.table.order_by(["as_of", "customer_id"]).to_pandas()
    return [(who, at.to_pydatetime()) for who, at in frame[KEY].itertuples(index=False)]


@pytest.mark.parametrize(
    "moment",
    [
        NOON,
        NOON.replace(tzinfo=UTC),
        datetime(2024, 3, 1, 20, tzinfo=timezone(timedelta(hours=8))),
        pd.Timestamp("2024-03-01 12:00:00.000000999"),
        np.datetime64("2024-03-01T12"),
        "2024-03-01T13:00+01:00",
        [NOON],
        pd.DatetimeIndex(["2024-03-01 12:00"]),
    ],
    ids=str,
)
def test_a_moment_may_come_in_any_form(shop: Shop, moment: Any) -> None:
    assert rows_of(Spine.at(shop, moment, ["b"])) == [("b", NOON)]


def test_a_date_is_its_midnight(shop: Shop) -> None:
    assert rows_of(Spine.at(shop, date(2024, 3, 1), ["b"])) == [("b", datetime(2024, 3, 1))]


@pytest.mark.parametrize(
    "as_of",
    [
        [NOON, NOON],
        ["2024-03-01 12:00", "2024-03-01T20:00:00+08:00"],
        pd.to_datetime([NOON, NOON]).tz_localize("UTC").tz_convert("Asia/Shanghai"),
        [NOON.replace(tzinfo=UTC), pd.Timestamp(NOON) + pd.Timedelta(999, "ns")],
    ],
    ids=["plain", "text", "zoned", "mixed"],
)
def test_rows_bring_moments_in_any_form(shop: Shop, as_of: Any) -> None:
    frame = pd.DataFrame({"customer_id": ["b", "c"], "as_of": as_of})
    assert rows_of(Spine.of(shop, frame)) == [("b", NOON), ("c", NOON)]


def test_ids_that_a_missing_neighbour_made_fractions_are_whole_again(shop: Shop) -> None:
    frame = pd.DataFrame({"customer_id": pd.Series([7.0, None]), "as_of": NOON}).dropna()
    assert rows_of(Spine.of(shop, frame)) == [("7", NOON)]
    assert build(shop, Spine.at(shop, NOON, [7.0]), ["frequency"]).frame["n_purchases"].tolist() == [2]


@pytest.mark.parametrize("moment", [None, pd.NaT, "tomorrow", [], [NOON, None], 20240301], ids=str)
def test_what_is_no_moment_is_refused(shop: Shop, moment: Any) -> None:
    with pytest.raises(InputError, match=r"as_of: (a|at least one) moment"):
        Spine.at(shop, moment)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"customer_id": ["b"]}, "no 'as_of'"),
        ({"customer_id": ["b"], "as_of": ["tomorrow"]}, "moments in 'as_of'"),
        ({"customer_id": ["b"], "as_of": [5]}, "numbers, such as 5"),
        ({"customer_id": ["b", None], "as_of": [NOON, NOON]}, "1 rows without"),
        ({"customer_id": ["b"], "as_of": [None]}, "1 rows without"),
        ({"customer_id": ["b", "b"], "as_of": [NOON, "2024-03-01T12:00Z"]}, "each .* once"),
    ],
)
def test_rows_that_cannot_be_looked_at_are_refused(shop: Shop, columns: Any, told: str) -> None:
    with pytest.raises(InputError, match=f"spine.*{told}"):
        Spine.of(shop, columns)


@pytest.mark.parametrize("who", ["b", pd.DataFrame({"id": ["b"]}), ["b", None]], ids=["text", "frame", "none"])
def test_what_are_no_customers_is_refused(shop: Shop, who: Any) -> None:
    with pytest.raises(InputError, match="who: "):
        Spine.at(shop, NOON, who)


@pytest.mark.parametrize("windows", [[], 30, "30", [0], [True], [2.5], [10**9]], ids=str)
def test_what_are_no_windows_is_refused(shop: Shop, windows: Any) -> None:
    with pytest.raises(InputError, match="windows: whole days"):
        build(shop, Spine.at(shop, NOON), windows=windows)


def test_whoever_watches_is_told_how_many_statements_are_done(shop: Shop) -> None:
    told: list[tuple[int, int]] = []
    with watching(lambda n_done, n_all: told.append((n_done, n_all))):
        build(shop, Spine.at(shop, [NOON, NOON + timedelta(days=9)]), ["recency"])
    assert [n_done for n_done, _n_all in told] == list(range(1, told[0][1] + 1))
    assert len({n_all for _n_done, n_all in told}) == 1


@pytest.mark.slow
def test_each_rows_own_moment_gives_what_one_moment_gives(world: ModuleType, world_shop: Shop) -> None:
    """All groups: many moments, at midnight and not, row by row and moment by moment."""
    days = pd.date_range("2023-06-01", periods=FEW_INSTANTS + 2, freq="16D6h30min")
    own = pd.DataFrame({"customer_id": [f"c{n:03}" for n in range(60)], "as_of": np.resize(days, 60)})
    spine = Spine.of(world_shop, own)
    assert spine.instants is None
    each = [build(world_shop, Spine.of(world_shop, rows)).frame for _at, rows in own.groupby("as_of")]
    pd.testing.assert_frame_equal(
        build(world_shop, spine).frame, pd.concat(each, ignore_index=True), rtol=1e-12, check_exact=False
    )


@pytest.mark.slow
def test_labels_of_rows_with_moments_of_their_own(world: ModuleType, world_shop: Shop) -> None:
    days = pd.date_range("2023-06-01", periods=30, freq="5D1h")
    own = pd.DataFrame({"customer_id": [f"c{n:03}" for n in range(60)], "as_of": np.resize(days, 60)})
    found = label(world_shop, REPURCHASE, Spine.of(world_shop, own), horizon_days=40).frame
    each = [
        label(world_shop, REPURCHASE, Spine.of(world_shop, rows), horizon_days=40).frame
        for _at, rows in own.groupby("as_of")
    ]
    assert found["label"].nunique() == 2
    pd.testing.assert_frame_equal(found, pd.concat(each, ignore_index=True))
    late = pd.concat([own, pd.DataFrame({"customer_id": ["c000"], "as_of": [world.END]})])
    with pytest.raises(UnfinishedHorizonError, match="The latest as_of is"):
        label(world_shop, REPURCHASE, Spine.of(world_shop, late), horizon_days=40)
    with pytest.raises(InputError, match="at least one row"):
        label(world_shop, REPURCHASE, Spine.of(world_shop, own.head(0)), horizon_days=40)
