"""Scenes: whom one fits and what is shown, by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from penchant.config import Config
from penchant.errors import ConfigError, InputError, LeftOutError
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.insight.scene_page import scene_page
from penchant.serving.insight.scenes import SceneMatch, SceneRules, match_scene
from penchant.serving.insight.tags import item_tags

AS_OF = datetime(2024, 6, 1)
ITEMS = pd.DataFrame(
    {
        "item_id": ["cup", "jug", "pan", "pot", "tea", "jam"],
        "category_id": ["home"] * 4 + ["food"] * 2,
        "list_price": [100, 200, 300, 90, 100, 200],
        "stock": [9.0, 9.0, 9.0, 0.0, 9.0, 9.0],
    }
)
OWN_TAGS = pd.DataFrame(
    [("cup", "colour", "blue"), ("pan", "sturdy", None), ("pan", "colour", "red"), ("pot", "colour", "blue")],
    columns=["item_id", "tag", "value"],
)
VIEWS = [
    ("both", "2024-05-20", "view", "cup", 100),
    ("both", "2024-05-20", "view", "tea", 100),
    ("food", "2024-05-20", "view", "jam", 200),
    ("late", "2024-06-01", "view", "cup", 100),  # at as_of: nobody knows yet
]
BOUGHT = [
    ("once", "2024-04-20", "cup", 100),
    ("dear", "2024-04-21", "pan", 300),
    ("dear", "2024-05-21", "tea", 300),
    ("food", "2024-05-10", "jam", 100),
    ("xmas", "2023-12-24", "jug", 200),
    ("xmas", "2024-06-01", "tea", 100),  # at as_of
]
SCENES = {
    "kitchen": {"categories": ["home"]},
    "dear_kitchen": {"categories": ["home"], "price_tiers": ["high"], "stages": ["new", "regular"]},
    "xmas": {"calendar": "xmas", "categories": ["home"]},
    "typo": {"stages": ["loyl"]},
    "easter": {"calendar": "easter"},
    "typo_kitchen": {"categories": ["home", "hime"]},
    "xmas_goods": {"calendar": "xmas"},
    "blue": {"tags": ["colour:blue", "sturdy"]},
    "blau": {"tags": ["colour:blau"]},
    "middle_kitchen": {"categories": ["home"], "price_tiers": ["middle", "low", "high"]},
}
HABIT = [("reg", "2024-03-01", "jug", 200), ("reg", "2024-03-21", "jug", 200)]  # one who comes back to the home goods


def _times(frame: pd.DataFrame) -> pd.DataFrame:
    times = [name for name in frame if name.endswith("_at")]
    return frame.assign(**{name: pd.to_datetime(frame[name]).astype("datetime64[us]") for name in times})


def _shop(bought: list[Any]) -> Shop:
    orders = pd.DataFrame(bought, columns=["customer_id", "ordered_at", "item_id", "amount"])
    acts = pd.DataFrame(VIEWS, columns=["customer_id", "occurred_at", "kind", "item_id", "price"])
    calendar = pd.DataFrame({"name": ["xmas"], "starts_at": ["2023-12-23"], "ends_at": ["2023-12-27"]})
    tables = {"orders": orders, "interactions": acts, "items": ITEMS, "calendar": calendar, "item_tags": OWN_TAGS}
    config = Config.model_validate({"scenes": SCENES})
    return shop_from_tables({name: _times(frame) for name, frame in tables.items()}, config)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Return a shop in which nobody comes back to a category."""
    with _shop(BOUGHT) as made:
        yield made


@pytest.fixture(scope="module")
def habit_shop() -> Iterator[Shop]:
    """Return the same shop with one who does."""
    with _shop([*BOUGHT, *HABIT]) as made:
        yield made


@pytest.fixture(scope="module")
def kitchen(shop: Shop) -> SceneMatch:
    return match_scene(shop, AS_OF, "kitchen")


def _shown(match: SceneMatch) -> dict[str, list[str]]:
    places = [column for column in match.customers if column.startswith("item_")]
    rows = match.customers.set_index("customer_id")[places]
    return {
        name: [item for item in row if isinstance(item, str)]
        for name, row in zip(rows.index, rows.to_numpy(), strict=True)
    }


def test_fit_is_the_share_of_the_interest(kitchen: SceneMatch) -> None:
    fit = kitchen.customers.set_index("customer_id")["fit"]
    assert fit.drop("dear").to_dict() == {"once": 1.0, "xmas": 1.0, "both": 0.5}  # food: 0; late is not known
    weights = 2 ** (-41 / 90), 2 ** (-11 / 90)  # a pan 41 days ago, tea 11 days ago, halved every 90 days
    assert fit["dear"] == pytest.approx(weights[0] / sum(weights), rel=1e-6)
    assert list(fit.index) == ["once", "xmas", "both", "dear"]  # best first, ties by id
    assert kitchen.n_in_stage == 5


def test_goods_are_in_stock_and_not_bought_before(kitchen: SceneMatch) -> None:
    """Nobody comes back to anything: what was bought once is not shown again; the pot is out of stock."""
    assert {name: sorted(items) for name, items in _shown(kitchen).items()} == {
        "once": ["jug", "pan"],
        "dear": ["cup", "jug"],
        "xmas": ["cup", "pan"],
        "both": ["cup", "jug", "pan"],
    }


def test_goods_that_buyers_come_back_to_are_shown_again_the_own_tier_first(habit_shop: Shop) -> None:
    """The jug has two buyers, cup and pan have one; the pan alone is of the high tier, in which the dear one buys."""
    shown = _shown(match_scene(habit_shop, AS_OF, "kitchen"))
    assert shown["both"] == ["jug", "cup", "pan"]  # the middle tier
    assert shown["dear"] == ["pan", "jug", "cup"]
    assert sorted(shown["once"]) == ["cup", "jug", "pan"]


def test_stages_and_tiers_narrow_it(shop: Shop) -> None:
    match = match_scene(shop, AS_OF, "dear_kitchen", SceneRules(least_fit=0.6, n_goods=1, interest_weight=1.0))
    [row] = match.customers.to_dict("records")
    assert (row["customer_id"], row["stage"]) == ("dear", "regular")
    assert row["reasons"] == "stage regular; 44% of the interest is in it; buys in the high price tier"
    assert match.goods["item_id"].tolist() == ["pan"]  # had already
    assert pd.isna(row["item_1"])


def test_calendar_counts_former_purchases(shop: Shop) -> None:
    fit = match_scene(shop, AS_OF, "xmas").customers.set_index("customer_id")["fit"]
    assert fit[["xmas", "once", "both"]].tolist() == pytest.approx([1.0, 2 / 3, 1 / 3])  # the interest counts double


def test_nobody_without_interest_in_the_categories_is_in_it(shop: Shop) -> None:
    """The right tier alone is no reason: 'food' buys in the middle tier and never looked at anything of the home."""
    match = match_scene(shop, AS_OF, "middle_kitchen", SceneRules(least_fit=0.01))
    assert set(match.customers["customer_id"]) == {"once", "dear", "xmas", "both"}
    assert "food" not in set(match.customers["customer_id"])


def test_a_calendar_scene_knows_who_prefers_such_days() -> None:
    """Two of two purchases were in holidays, though not in this one; another bought on plain days."""
    orders = [("festive", "2023-10-01"), ("festive", "2024-01-01"), ("plain", "2023-09-01"), ("plain", "2024-02-01")]
    calendar = [
        ("harvest", "2023-10-01", "2023-10-02"), ("new year", "2024-01-01", "2024-01-02"),
        ("easter", "2024-06-10", "2024-06-12"),
    ]  # fmt: skip
    tables = {
        "orders": pd.DataFrame(orders, columns=["customer_id", "ordered_at"]).assign(item_id="cup", amount=100),
        "calendar": pd.DataFrame(calendar, columns=["name", "starts_at", "ends_at"]).assign(kind="holiday"),
        "items": ITEMS,
    }
    config = Config.model_validate({"scenes": {"easter": {"calendar": "easter"}}})
    with shop_from_tables({name: _times(frame) for name, frame in tables.items()}, config) as made:
        match = match_scene(made, AS_OF, "easter")
    [row] = match.customers.to_dict("records")
    assert (row["customer_id"], row["fit"]) == ("festive", 0.5)
    assert row["reasons"].endswith("prefers such days")
    assert "pot" not in set(match.goods["item_id"])  # out of stock
    assert set(match.goods["item_id"]) == set(ITEMS["item_id"]) - {"pot"}  # nothing sold in an easter before: any


def test_entry_in_which_nothing_sells_beyond_chance_has_what_sold_in_it(shop: Shop) -> None:
    match = match_scene(shop, AS_OF, "xmas_goods")
    assert match.goods["item_id"].tolist() == ["jug"]
    assert match.customers[["customer_id", "fit"]].to_numpy().tolist() == [["xmas", 1.0]]
    assert match.customers["item_1"].isna().all()  # the one of it bought it already


def test_faults_are_told(shop: Shop) -> None:
    with pytest.raises(InputError, match="Did you mean 'kitchen'"):
        match_scene(shop, AS_OF, "kichen")
    with pytest.raises(ConfigError, match="Did you mean 'loyal'"):
        match_scene(shop, AS_OF, "typo")
    with pytest.raises(InputError, match=r"scenes\.typo_kitchen\.categories: .* Got 'hime'\. Did you mean 'home'"):
        match_scene(shop, AS_OF, "typo_kitchen")
    with pytest.raises(InputError, match="an entry of the calendar"):
        match_scene(shop, AS_OF, "easter")


def test_shop_without_categories_is_told() -> None:
    orders = _times(pd.DataFrame({"customer_id": ["a"], "ordered_at": ["2024-01-01"]}))
    with (
        shop_from_tables({"orders": orders}, Config.model_validate({"scenes": SCENES})) as plain,
        pytest.raises(LeftOutError, match="category_id"),
    ):
        match_scene(plain, AS_OF, "kitchen")


def test_page_names_the_goods_of_each(shop: Shop, tmp_path: Path) -> None:
    page = scene_page(shop, "kitchen", datetime(2024, 5, 31), top=1)
    told = page.as_dict()
    assert [row["customer_id"] for row in told["customers"]] == ["once"]
    assert told["customers"][0]["goods"] in ("jug, pan", "pan, jug")
    page.write(tmp_path)
    assert len(pd.read_csv(tmp_path / "customers.csv")) == told["n_customers"] == 4


def test_the_feed_holds_what_each_stage_and_customer_is_shown_and_can_be_looked_at(
    shop: Shop, kitchen: SceneMatch, tmp_path: Path
) -> None:
    scene_page(shop, "kitchen", AS_OF).write(tmp_path)
    feed = json.loads((tmp_path / "feed.json").read_text(encoding="utf-8"))
    assert feed["customers"] == _shown(kitchen)
    goods = {good["item_id"]: good for good in feed["goods"]}
    assert set(goods) == set(kitchen.goods["item_id"])
    stages = kitchen.customers.set_index("customer_id")["stage"]
    for stage, items in feed["stages"].items():
        shown = {item for name, row in _shown(kitchen).items() if stages[name] == stage for item in row}
        assert set(items) == shown
    assert all(f"category:{good['category_id']}" in good["tags"] for good in goods.values())
    assert all(good["stock"] is None or good["stock"] > 0 for good in goods.values())
    assert "For " in (tmp_path / "preview.html").read_text(encoding="utf-8")


def test_the_shops_own_tags_choose_goods_and_stand_in_the_feed(shop: Shop, tmp_path: Path) -> None:
    scene_page(shop, "blue", AS_OF).write(tmp_path)
    feed = json.loads((tmp_path / "feed.json").read_text(encoding="utf-8"))
    tags = {good["item_id"]: good["tags"] for good in feed["goods"]}
    assert set(tags) == {"cup", "pan"}  # the pot is blue as well, and sold out
    assert {"colour:blue", "category:home"} <= set(tags["cup"])
    assert {"colour:red", "sturdy"} <= set(tags["pan"])
    with pytest.raises(InputError, match="colour:blue"):
        match_scene(shop, AS_OF, "blau")


def test_the_shops_own_tags_are_tags_of_items(shop: Shop) -> None:
    found, _left_out = item_tags(shop, AS_OF)
    mine = found[found["id"].isin(["cup", "pan"]) & found["tag"].isin(["colour", "tag"])]
    assert sorted(map(tuple, mine.to_numpy())) == [
        ("cup", "colour", "blue"),
        ("pan", "colour", "red"),
        ("pan", "tag", "sturdy"),
    ]
