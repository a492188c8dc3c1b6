"""The pages about goods: what a person and a script read of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from penchant.errors import InputError, TooLittleDataError
from penchant.features.goods.roles import ProductRules
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.insight.products import demand_page, products_page

AS_OF = datetime(2024, 6, 1)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    at = [pd.Timestamp("2024-03-01") + pd.Timedelta(days=place) for place in range(95)]
    item = ["tea", "cup", "pot"] * 32
    orders = pd.DataFrame(
        {
            "customer_id": [f"c{place % 20:02}" for place in range(95)],
            "ordered_at": pd.Series(at).astype("datetime64[us]"),
            "item_id": item[:95],
            "amount": [100 * (1 + place % 3) for place in range(95)],
        }
    )
    acts = pd.DataFrame(
        {
            "customer_id": [f"c{place:02}" for place in range(7)],
            "occurred_at": pd.Series([pd.Timestamp("2024-05-31 12:00")] * 7).astype("datetime64[us]"),
            "kind": "cart",
            "item_id": ["tea"] * 5 + ["cup"] * 2,
            "price": 120,
        }
    )
    items = pd.DataFrame(
        {"item_id": ["tea", "cup", "pot"], "category_id": ["food", "home", "home"], "list_price": [110, 200, 300]}
    )
    with shop_from_tables({"orders": orders, "interactions": acts, "items": items}) as made:
        yield made


def test_products_page_says_what_was_counted(shop: Shop, tmp_path: Path) -> None:
    page = products_page(shop, AS_OF, top=2)
    told = page.as_dict()
    assert [row["item_id"] for row in told["products"]] == [
        "tea",
        "cup",
    ]  # 31 orders each, 30 of the pot; two are shown
    assert sum(row["n_products"] for row in told["roles"]) == 3
    assert sum(row["share_of_orders"] for row in told["roles"]) == pytest.approx(1)
    held = told["joint_action"]
    assert [(row["item_id"], row["n_customers"], row["trigger"]) for row in held] == [("tea", 5, "price dropped")]
    page.write(tmp_path)
    assert len(pd.read_csv(tmp_path / "products.csv")) == 3  # files hold all
    assert "tea" in (tmp_path / "products.html").read_text(encoding="utf-8")


def test_a_shop_too_young_for_a_trend_says_so(shop: Shop) -> None:
    young = products_page(shop, datetime(2024, 4, 1))
    assert {row["growth"] for row in young.as_dict()["products"]} == {None}
    assert "two windows of 120 days" in young.left_out["potential"]
    assert "potential" not in products_page(shop, AS_OF, rules=ProductRules(trend_days=60)).left_out


def test_a_moment_before_everything_is_refused() -> None:
    line = {"customer_id": ["a"], "ordered_at": [AS_OF], "item_id": ["tea"], "category_id": ["food"]}
    with shop_from_tables({"orders": pd.DataFrame(line).astype({"ordered_at": "datetime64[us]"})}) as new:
        for page in (products_page, demand_page):
            with pytest.raises(TooLittleDataError, match=r"known before .* Look later"):
                page(new, datetime(2020, 1, 1))


def test_candidates_have_a_price_by_category_too(shop: Shop) -> None:
    held = products_page(shop, AS_OF, by="category").as_dict()["joint_action"]
    assert [(row["category_id"], row["held_price"], row["held_value"]) for row in held] == [("food", 1.2, 6.0)]


def test_demand_page_puts_the_most_wanted_first(shop: Shop) -> None:
    page = demand_page(shop, AS_OF, top=1)
    assert [(row["category_id"], row["price_tier"]) for row in page.as_dict()["demand"]] == [
        ("home", "low"),
        ("home", "high"),
    ]
    assert page.tables[0].rows[2]["category_id"] == "food"


def test_shop_without_carts_has_no_joint_action() -> None:
    at = pd.to_datetime(["2024-01-01", "2024-01-02"])
    orders = pd.DataFrame({"customer_id": ["a", "a"], "ordered_at": at, "item_id": ["tea", "tea"]})
    with shop_from_tables({"orders": orders.astype({"ordered_at": "datetime64[us]"})}) as plain:
        page = products_page(plain)
    assert "joint price promotion" in page.left_out
    assert [table.name for table in page.tables] == ["roles", "products"]


def test_mistyped_key_is_told(shop: Shop) -> None:
    with pytest.raises(InputError, match="--by"):
        products_page(shop, AS_OF, "brand")  # type: ignore[arg-type]
