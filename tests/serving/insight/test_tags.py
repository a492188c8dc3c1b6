"""Tags: one long table, each value where it belongs, the same bytes from the same inputs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

import penchant.serving.insight.tags as tags
from penchant.config import Config
from penchant.config_serving import SceneSection
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.insight.tags import SCHEMA, long_of, tags_of

AS_OF = datetime(2024, 6, 1)
SCENES = {
    "tea_week": {"categories": ["food"], "price_tiers": ["low", "high"], "stages": ["new"]},
    "xmas": {"calendar": "xmas"},
}


def _orders() -> pd.DataFrame:
    """Return orders of forty customers in April; six of them bought geese at Christmas, before which nobody did."""
    rows = [(f"c{place:02}", f"2024-04-{1 + place % 28:02}", "tea", 300) for place in range(40)]
    rows += [(f"g{place}", "2023-12-24", "goose", 4000) for place in range(6)]
    rows += [("g0", "2024-01-30", "tea", 300), ("c00", "2024-06-01", "goose", 4000)]  # the last is at as_of
    return _frame(rows, ["customer_id", "ordered_at", "item_id", "amount"])


def _frame(rows: list[Any], columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=columns)
    times = [name for name in columns if name.endswith("_at")]
    return frame.assign(**{name: pd.to_datetime(frame[name]).astype("datetime64[us]") for name in times})


def _tables() -> dict[str, pd.DataFrame]:
    acts = [("c00", "2024-05-25", "cart", "tea", "app"), ("new", "2024-05-30", "view", "goose", "web")]
    acts.append(("late", "2024-06-01", "view", "goose", "web"))
    return {
        "orders": _orders(),
        "interactions": _frame(acts, ["customer_id", "occurred_at", "kind", "item_id", "channel"]),
        "items": pd.DataFrame({"item_id": ["tea", "goose"], "category_id": ["food", "birds"]}),
        "calendar": _frame([("xmas", "2023-12-23", "2023-12-27", "holiday")], ["name", "starts_at", "ends_at", "kind"]),
    }


@pytest.fixture(scope="module")
def shop() -> Any:
    with shop_from_tables(_tables(), Config.model_validate({"scenes": SCENES})) as made:
        yield made


@pytest.fixture(scope="module")
def found(shop: Shop) -> pd.DataFrame:
    return _read(shop)


def _read(shop: Shop, subject: str | None = None) -> pd.DataFrame:
    return pa.Table.from_batches(tags_of(shop, AS_OF, subject).batches, SCHEMA).to_pandas()


def _of(found: pd.DataFrame, subject: str, name: str) -> list[tuple[str, str]]:
    mine = found[(found["subject"] == subject) & (found["id"] == name)]
    return list(zip(mine["tag"], mine["value"], strict=True))


def test_tags_of_customers_by_hand(found: pd.DataFrame) -> None:
    told = dict(_of(found, "customer", "c00"))
    assert (told["stage"], told["category_1"], told["channel"]) == ("new", "food", "app")
    assert ("crowd", "interest") in _of(found, "customer", "c00")
    assert ("crowd", "new_customer") in _of(found, "customer", "c00")
    assert ("stage", "prospect") in _of(found, "customer", "new")
    assert _of(found, "customer", "late") == []  # came at as_of
    assert dict(_of(found, "customer", "g0"))["tier"] == "high"


def test_when_buyers_order_next_is_a_tag() -> None:
    days = [("often", 7 * n) for n in range(1, 30)] + [(f"twice{n}", d) for n in range(20) for d in (n + 1, n + 90)]
    days += [(f"lost{n}", 700 + n) for n in range(40)]
    rows = pd.DataFrame(days, columns=["customer_id", "ago"])
    rows["ordered_at"] = pd.Timestamp(AS_OF) - pd.to_timedelta(rows.pop("ago"), unit="D")
    with shop_from_tables({"orders": rows}) as repeated:
        found = _read(repeated, "customer")
    told = dict(_of(found, "customer", "often"))
    assert (told["next_order"], told["alive"]) == ("within_30d", "likely")
    assert set(found.loc[found["tag"] == "next_order", "id"]) == set(rows["customer_id"])
    assert dict(_of(found, "customer", "lost1"))["next_order"] == "later"


def test_tags_of_items_by_hand(found: pd.DataFrame) -> None:
    goose = _of(found, "item", "goose")
    assert goose == [("category", "birds"), ("holiday", "xmas"), ("price_tier", "middle"), ("role", "ordinary")]
    assert ("holiday", "xmas") not in _of(found, "item", "tea")


def test_tags_of_scenes(found: pd.DataFrame) -> None:
    week = [("category", "food"), ("price_tier", "high"), ("price_tier", "low"), ("stage", "new")]
    assert _of(found, "scene", "tea_week") == week
    assert _of(found, "scene", "xmas") == [("holiday", "xmas")]


def test_table_is_sorted_and_whole(found: pd.DataFrame) -> None:
    key = ["subject", "id", "tag", "value"]
    pd.testing.assert_frame_equal(found, found.sort_values(key, ignore_index=True))
    assert not found.duplicated(key).any()
    assert (found["as_of"] == pd.Timestamp(AS_OF)).all()
    assert found.notna().all(axis=None)


def test_batches_change_nothing(shop: Shop, found: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "N_CUSTOMERS", 7)
    pd.testing.assert_frame_equal(_read(shop, "customer"), found[found["subject"] == "customer"].reset_index(drop=True))


def test_future_and_order_change_nothing(found: pd.DataFrame) -> None:
    tables = {name: rows.sample(frac=1, random_state=2) for name, rows in _tables().items()}
    for name, at in (("orders", "ordered_at"), ("interactions", "occurred_at")):
        tables[name] = tables[name][tables[name][at] < AS_OF]
    with shop_from_tables(tables, Config.model_validate({"scenes": SCENES})) as past:
        pd.testing.assert_frame_equal(_read(past), found)


def test_what_the_shop_lacks_is_told() -> None:
    with shop_from_tables({"orders": _orders()[["customer_id", "ordered_at"]]}) as plain:
        made = tags_of(plain, AS_OF)
        rows = pa.Table.from_batches(made.batches, SCHEMA).to_pandas()
    assert set(rows["tag"]) == {"stage", "funnel", "crowd"}
    assert {"category_1", "price_tier", "tier", "prefers", "channel", "item", "next_order"} <= set(made.left_out)


def test_what_the_shop_does_not_record_is_told_too() -> None:
    """Of items as of customers, and of the kinds of interactions as of columns."""
    views = pd.DataFrame({"customer_id": ["a"], "occurred_at": [AS_OF - timedelta(days=1)], "item_id": ["i"]})
    views = views.astype({"occurred_at": "datetime64[us]"}).assign(kind="view")
    with shop_from_tables({"interactions": views}) as plain:
        made = tags_of(plain, AS_OF)
        rows = pa.Table.from_batches(made.batches, SCHEMA).to_pandas()
    assert set(rows.loc[rows["subject"] == "item", "tag"]) == {"role"}
    assert {"category of items", "price_tier of items", "holiday of items"} <= set(made.left_out)
    assert made.left_out["crowd:coupon_holders"] == "the shop has no interactions of kind coupon_claim"


def test_missing_values_are_no_tags() -> None:
    wide = pd.DataFrame({"id": ["a"], "stage": [None], "crowd:due": [None]})
    assert long_of(wide).empty


def test_scene_that_says_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="a scene needs"):
        SceneSection()
