"""The next category by planted habits: what follows, what is due; blind to the future, refused without categories."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import LeftOutError, TooLittleDataError
from penchant.features.shop import Shop, shop_from_tables
from penchant.features.signals.cycle import at_one_moment
from penchant.serving.worth.category_pairs import Baskets, baskets_before, followers, pairs_of
from penchant.serving.worth.next_category import NEXT_CATEGORY_COLUMNS, RANKED, NextCategories, next_categories

AS_OF = datetime(2025, 1, 1)
CYCLE = {"pot": "tea", "tea": "cup", "cup": "pot", "toy": "toy"}  # what is bought after what
N = 150


def orders(n: int = N) -> pd.DataFrame:
    """Return orders every thirty days; most go round pot, tea and cup, one in five buys toys alone."""
    rng, found = np.random.default_rng(0), []
    for customer in range(n):
        category = "toy" if customer % 5 == 0 else rng.choice(["pot", "tea", "cup"])
        for place in range(12):
            ago = 365 - 30 * place - rng.uniform(0, 20)
            found.append((f"c{customer:03d}", ago, category))
            category = CYCLE[category]
    rows = pd.DataFrame(found, columns=["customer_id", "ago", "category_id"])
    rows["ordered_at"] = pd.Timestamp(AS_OF) - pd.to_timedelta(rows.pop("ago"), unit="D").dt.round("s")
    return rows.assign(order_id=lambda frame: [f"o{i}" for i in range(len(frame))])


def made(rows: pd.DataFrame) -> Shop:
    return shop_from_tables({"orders": rows}, read_config({"shop": {"name": "small"}}))


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with made(orders()) as one:
        yield one


@pytest.fixture(scope="module")
def found(shop: Shop) -> NextCategories:
    return next_categories(shop, AS_OF)


def test_what_follows_is_found_and_beats_the_last_category(found: NextCategories) -> None:
    assert found.used == RANKED
    assert found.hits[RANKED][0] > 0.95
    assert found.hits["last category"][0] < 0.4  # the toys
    assert found.hits[RANKED][1] >= found.hits[RANKED][0]
    rows = orders().sort_values("ordered_at").groupby("customer_id")["category_id"].last()
    told = found.frame.set_index("customer_id")["next_category"]
    assert (told == rows.map(CYCLE).reindex(told.index)).mean() > 0.95
    assert list(found.frame) == ["customer_id", *NEXT_CATEGORY_COLUMNS]
    assert set(found.as_dict()["hits"]) == {RANKED, "last category", "most bought", "item to item"}
    less = found.differences["last category"][0]
    assert less.value == pytest.approx(found.hits[RANKED][0] - found.hits["last category"][0])
    assert 0 < less.low < less.value < less.high < 1
    assert set(found.as_dict()["ranking_less_rule"]["item to item"]["top_3"]) == {"value", "low", "high"}


def test_what_comes_later_and_the_order_of_rows_change_nothing(found: NextCategories) -> None:
    later = orders().assign(ordered_at=pd.Timestamp(AS_OF), category_id="late", order_id="late").head(20)
    with made(pd.concat([orders(), later]).sample(frac=1, random_state=0)) as more:
        again = next_categories(more, AS_OF)
    pd.testing.assert_frame_equal(again.frame, found.frame)


def test_pairs_by_hand() -> None:
    days = pd.DataFrame(
        [("a", "tea", 40.0), ("a", "tea", 20.0), ("a", "pot", 10.0), ("b", "cup", 5.0)],
        columns=["customer_id", "category_id", "ago"],
    )
    looks = pd.DataFrame(
        {"customer_id": ["a", "b"], "category_id": ["tea", "cup"], "days_since_cart": [2.0, 9.0], "n_looks": [3, 1]}
    )
    pairs = pairs_of(Baskets(days, looks)).set_index(["customer_id", "category_id"])
    tea = pairs.loc[("a", "tea")]
    assert (tea["n_days"], tea["days_since"], tea["gap_elapsed"], tea["own_share"]) == (
        2,
        20.0,
        1.0,
        pytest.approx(2 / 3),
    )
    assert (tea["own_share_90d"], pairs.loc[("b", "tea"), "own_share_90d"]) == (pytest.approx(2 / 3), 0.0)
    assert (tea["is_last"], pairs.loc[("a", "pot"), "is_last"]) == (0.0, 1.0)
    assert tea["days_since_cart"] == 2.0
    assert np.isnan(pairs.loc[("b", "cup"), "days_since_cart"])  # bought since
    assert pairs.loc[("b", "tea"), "popularity"] == pytest.approx(0.5)
    share = followers(days).set_index(["before", "after"])["share"]
    assert share[("tea", "pot")] == pytest.approx((1 + 5 * 0.25) / (2 + 5))


def test_carts_of_a_category_are_seen() -> None:
    acts = pd.DataFrame(
        {"customer_id": ["c001"], "occurred_at": [datetime(2024, 12, 30)], "kind": ["cart"], "category_id": ["toy"]}
    )
    with shop_from_tables({"orders": orders(5), "interactions": acts}) as carts:
        pairs = pairs_of(at_one_moment(carts, AS_OF, lambda everyone: baskets_before(everyone, AS_OF))).set_index(
            ["customer_id", "category_id"]
        )
    assert pairs.loc[("c001", "toy"), "days_since_cart"] == pytest.approx(2.0)


def test_shops_without_categories_or_repeats_are_refused() -> None:
    with made(orders(20).drop(columns="category_id")) as plain, pytest.raises(LeftOutError, match="category"):
        next_categories(plain, AS_OF)
    with made(orders(20)) as small, pytest.raises(TooLittleDataError, match="100 customers"):
        next_categories(small, AS_OF)
