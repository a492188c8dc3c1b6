"""Focus crowds, read from rows written by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from penchant.config import load_config
from penchant.errors import InputError
from penchant.features.engine.temporary import Keep
from penchant.features.history.evaluate import evaluated
from penchant.features.shop import Shop, open_shop
from penchant.features.signals.crowd import Crowd
from penchant.features.signals.crowds import CROWDS, crowd_named, crowds_of
from penchant.features.signals.promotions import PARTS, promotion_buyers, promotion_names
from penchant.features.spine import Spine

AS_OF = datetime(2024, 6, 1)


def ago(days: float) -> str:
    return str(AS_OF - timedelta(days=days))


def act(who: str, kind: str, days: float, item: str = "i1") -> dict[str, Any]:
    return {"customer_id": who, "kind": kind, "occurred_at": ago(days), "item_id": item}


def order(who: str, days: float, category: str = "tea", paid_after: float | None = 0.0) -> dict[str, Any]:
    paid_at = None if paid_after is None else ago(days - paid_after)
    return {
        "customer_id": who,
        "ordered_at": ago(days),
        "paid_at": paid_at,
        "item_id": f"bought in {category}",
        "category_id": category,
        "amount": 100,
    }


def members(shop: Shop, crowd: Crowd, as_of: datetime = AS_OF) -> set[str]:
    with Keep(shop.backend) as keep:
        parts = evaluated(shop, Spine.at(shop, as_of), {"inside": crowd.holds}, keep)
        found = parts[0].select("customer_id", "inside").to_pandas()
    assert found["inside"].notna().all()
    return set(found["customer_id"][found["inside"].astype(bool)])


def test_interest_is_left_by_whoever_bought_what_was_of_interest(shop_of: Any) -> None:
    """Other purchases, carts and favourites do not matter, nor what is younger or older than the window."""
    acts = [
        act("cart", "cart", 3),
        act("younger", "cart", 3.001),
        act("oldest", "favorite", 10),
        act("too old", "favorite", 10.001),
        act("again", "cart", 5),
        act("again", "favorite", 1),
        act("bought", "cart", 5),
        act("bought and again", "cart", 5),
        act("bought and again", "cart", 3.5),
        act("another", "cart", 5),
        act("one of two", "cart", 5),
        act("one of two", "favorite", 6, "i2"),
        act("before", "cart", 5),
        act("unpaid", "cart", 5),
        act("view", "view", 5),
        act("nameless", "cart", 5, ""),
        act("nameless buyer", "cart", 5, ""),
        act("tomorrow", "cart", 5),
        act("tomorrow", "cart", -1),
    ]
    acts = [{**one, "item_id": one["item_id"] or None} for one in acts]
    bought = [("bought", 4), ("bought and again", 4), ("one of two", 4), ("before", 6), ("tomorrow", -0.5)]
    orders = [{**order(who, days), "item_id": "i1"} for who, days in bought]
    orders.append({**order("unpaid", 4, paid_after=None), "item_id": "i1"})
    orders += [order("another", 4), order("nameless buyer", 4)]
    expected = {"younger", "oldest", "again", "bought and again", "another", "one of two", "before", "unpaid"}
    expected |= {"nameless", "tomorrow"}
    assert members(shop_of(interactions=acts, orders=orders), crowd_named("interest")) == expected


def test_interest_in_categories_and_in_nothing_that_has_a_name(shop_of: Any) -> None:
    acts = [{**act(who, "cart", 5), "category_id": "tea"} for who in ("tea", "cups", "nothing")]
    orders = [order("tea", 4), order("cups", 4, "cups")]
    whole = [{name: value for name, value in row.items() if name != "item_id"} for row in acts + orders]
    by_category = shop_of(interactions=whole[:3], orders=whole[3:])
    assert members(by_category, crowd_named("interest")) == {"cups", "nothing"}
    plain = [{name: value for name, value in row.items() if name != "category_id"} for row in whole]
    assert members(shop_of(interactions=plain[:3], orders=plain[3:]), crowd_named("interest")) == {"nothing"}


def test_new_customers_have_one_purchase_of_late(shop_of: Any) -> None:
    orders = [order("fresh", 180), order("stale", 181), order("twice", 5), order("twice", 9)]
    orders += [order("back", 5), order("back", 721), order("unpaid", 5, paid_after=None)]
    assert members(shop_of(orders=orders), crowd_named("new_customer")) == {"fresh", "back"}


def test_coupons_are_held_until_redeemed_or_expired(shop_of: Any) -> None:
    acts = [
        act("holds", "coupon_claim", 15),
        act("expired", "coupon_claim", 15.001),
        act("used", "coupon_claim", 9),
        act("used", "coupon_redeem", 2),
        act("second", "coupon_claim", 9),
        act("second", "coupon_redeem", 8),
        act("second", "coupon_claim", 1),
    ]
    shop = shop_of(interactions=acts)
    assert members(shop, crowd_named("coupon_holders")) == {"holds", "second"}


def test_coupons_may_be_redeemed_by_orders(shop_of: Any) -> None:
    """Told by orders alone, by interactions alone, or by both, which is one redemption."""
    acts = [act(who, "coupon_claim", 9) for who in ("holds", "ordered", "both", "both")]
    acts.append(act("both", "coupon_redeem", 2))
    orders = [{**order(who, 2), "coupon_id": "q"} for who in ("ordered", "both")]
    orders.append({**order("holds", 2), "coupon_id": None})
    shop = shop_of(interactions=acts, orders=orders)
    assert members(shop, crowd_named("coupon_holders")) == {"holds", "both"}


def test_favourites_carts_and_interest_of_an_item_and_of_a_category(shop_of: Any) -> None:
    items = [{"item_id": "i1", "category_id": "tea"}, {"item_id": "i2", "category_id": "cups"}]
    acts = [
        act("tea", "favorite", 30),
        act("cups", "favorite", 5, "i2"),
        act("old", "favorite", 30.001),
        act("ordered", "favorite", 5),
        {**order("ordered", 4), "item_id": "i1"},
        act("cart", "cart", 5),
        act("cups in cart", "cart", 29, "i2"),
        act("cart ordered", "cart", 5),
        {**order("cart ordered", 4), "item_id": "i1"},
        act("back in cart", "cart", 2),
        {**order("back in cart", 4), "item_id": "i1"},
    ]
    orders = [row for row in acts if "ordered_at" in row]
    shop = shop_of(items=items, interactions=[row for row in acts if "kind" in row], orders=orders)
    assert members(shop, crowd_named("favorites")) == {"tea", "cups"}
    assert members(shop, crowd_named("favorites:item:i2")) == {"cups"}
    assert members(shop, crowd_named("favorites:category:tea")) == {"tea"}
    assert members(shop, crowd_named("favorites:category:no such")) == set()
    assert members(shop, crowd_named("carts")) == {"cart", "cups in cart", "back in cart"}
    assert members(shop, crowd_named("carts:item:i1")) == {"cart", "back in cart"}
    assert members(shop, crowd_named("carts:category:cups")) == {"cups in cart"}
    assert members(shop, crowd_named("interest:item:i2")) == {"cups"}
    assert members(shop, crowd_named("interest:category:tea")) == {"cart"}


@pytest.mark.parametrize(
    ("days", "inside"),
    [(0.9, None), (1, "unpaid_1d"), (6.9, "unpaid_1d"), (7, "unpaid_7d"), (29.9, "unpaid_7d"), (30, "unpaid_30d")],
)
def test_unpaid_orders_climb_the_ladder(shop_of: Any, days: float, inside: str | None) -> None:
    orders = [
        order("owes", days, paid_after=None),
        order("pays tomorrow", days, paid_after=days + 1),
        order("paid", days, paid_after=days / 2),
    ]
    shop = shop_of(orders=orders)
    for name in ("unpaid_1d", "unpaid_7d", "unpaid_30d"):
        expected = {"owes", "pays tomorrow"} if name == inside else set()
        assert members(shop, crowd_named(name)) == expected


def test_repurchase_is_due_inside_the_window_of_categories_that_buyers_come_back_to(shop_of: Any) -> None:
    # tea is bought every 40 days by everyone; cups were bought again by one buyer in five
    orders = [order(f"habit{i}", 300 - 40 * j) for i in range(40) for j in range(4)]
    orders += [order(f"cup{i}", 200, "cups") for i in range(5)] + [order("cup0", 160, "cups")]
    orders += [order("early", 39.9), order("open", 40), order("closed", 40.1), order("cups only", 40, "cups")]
    shop = shop_of(orders=orders)
    assert members(shop, crowd_named("repurchase_due")) == {"open"}


CALENDAR = [
    {"name": "sale", "starts_at": "2023-11-01", "ends_at": "2023-11-12", "kind": "promotion"},
    {"name": "sale", "starts_at": "2024-05-01", "ends_at": "2024-05-12", "kind": "promotion"},
    {"name": "new year", "starts_at": "2024-01-01", "ends_at": "2024-01-02", "kind": "holiday"},
    {"name": "summer", "starts_at": "2024-06-10", "ends_at": "2024-06-30", "kind": "promotion"},
]
BUYERS = {
    "alone": ["2023-11-01", "2023-11-11"],
    "late": ["2023-11-12"],
    "before": ["2023-10-01", "2023-11-05"],
    "came back": ["2023-11-05", "2023-12-24"],
    "before and back": ["2023-10-01", "2023-11-05", "2023-12-24"],
    "every edition": ["2023-11-05", "2024-05-05"],
    "future": ["2023-11-05", "2024-06-01"],
}


def test_buyers_of_a_promotion_part_into_new_with_it_and_returning(shop_of: Any) -> None:
    orders = [
        {"customer_id": who, "ordered_at": at, "amount": 100 * (1 + place)}
        for who, moments in BUYERS.items()
        for place, at in enumerate(moments)
    ]
    shop = shop_of(orders=orders, calendar=CALENDAR)
    parts = {part: members(shop, promotion_buyers("sale", part)) for part in PARTS}
    assert parts["bought"] == set(BUYERS) - {"late"}
    assert parts["returning"] == {"before", "before and back"}
    assert parts["new_with"] == parts["bought"] - parts["returning"]
    assert parts["came_back"] == {"came back", "before and back", "every edition"}
    assert parts["not_back"] == parts["bought"] - parts["came_back"]
    assert parts["once"] == {"alone", "future"}
    assert members(shop, crowd_named("bought:sale>=3", ["sale"])) == {"alone"}  # 1 and 2 in one edition
    assert members(shop, crowd_named("returning:sale>=2", ["sale"])) == {"before", "before and back"}
    assert members(shop, crowd_named("came_back:sale>=2", ["sale"])) == {"before and back"}
    assert promotion_names(shop, AS_OF) == ("sale",)
    named = [f"{part}:sale" for part in PARTS if part != "bought"]
    assert [crowd.name for crowd in crowds_of(shop, AS_OF)][-len(named) :] == named


def test_names_that_are_no_crowds_are_refused() -> None:
    with pytest.raises(InputError, match="Did you mean 'interest'"):
        crowd_named("intrest")
    with pytest.raises(InputError, match="Did you mean 'sale'"):
        crowd_named("once:sal", ["sale"])
    with pytest.raises(InputError, match=r"an amount after '>='.*'much'"):
        crowd_named("bought:sale>=much", ["sale"])


@pytest.mark.parametrize("crowd", CROWDS, ids=lambda crowd: crowd.name)
def test_the_future_changes_no_crowd(shop_of: Any, crowd: Crowd) -> None:
    kinds = ("cart", "favorite", "coupon_claim", "coupon_redeem", "view")
    acts = [act(f"c{i % 7}", kinds[i % 5], i * 0.7 - 12, f"i{i % 3}") for i in range(60)]
    orders = [order(f"c{i % 7}", i * 2.3 - 9, "tea", None if i % 3 else i % 4) for i in range(40)]
    cut = pd.Timestamp(AS_OF)
    before = [row for row in acts if pd.Timestamp(row["occurred_at"]) < cut]
    orders_before = [
        {**row, "paid_at": row["paid_at"] if row["paid_at"] and pd.Timestamp(row["paid_at"]) < cut else None}
        for row in orders
        if pd.Timestamp(row["ordered_at"]) < cut
    ]
    whole, cropped = (shop_of(interactions=acts, orders=orders), shop_of(interactions=before, orders=orders_before))
    assert members(whole, crowd) == members(cropped, crowd)


@pytest.mark.slow
def test_who_is_due_on_taobao_is_who_plain_sql_finds(shared_data: Path) -> None:
    folder = shared_data / "taobao_userbehavior_100k"
    config = load_config(Path(__file__).resolve().parents[3] / "examples" / "taobao.toml")
    with open_shop(config, folder) as shop:
        found = members(shop, crowd_named("repurchase_due"), shop.extract_end)
        end = round((shop.extract_end - datetime(1970, 1, 1)).total_seconds())
    query = f"""
    with bought as (
        select user_id as u, category_id as c, "timestamp" as t, ("timestamp" + 8 * 3600) // 86400 as day
        from '{folder / "user_behavior.parquet"}'
        where behavior_type = 'buy' and "timestamp" >= 1511539200 and "timestamp" < {end}
    ),
    seen as (select * from bought where t < {end} // 86400 * 86400),
    shop as (
        select quantile_cont(gap, 0.25) as opens, quantile_cont(gap, 0.9) as closes
        from (select day - lag(day) over (partition by u order by day) as gap from (select distinct u, day from seen))
    ),
    categories as (
        select c, count(distinct u) as n, count(distinct case when gap is not null then u end) as n_again,
               count(gap) as n_gaps, quantile_cont(gap, 0.25) as opens, quantile_cont(gap, 0.9) as closes
        from (
            select u, c, day - lag(day) over (partition by u, c order by day) as gap
            from (select distinct u, c, day from seen)
        )
        group by c
    ),
    habits as (
        select c, (n_gaps * coalesce(g.opens, 0) + 30 * shop.opens) / (n_gaps + 30) as opens,
               (n_gaps * coalesce(g.closes, 0) + 30 * shop.closes) / (n_gaps + 30) as closes
        from categories g, shop
        where n_again > 0 and n_again * (select sum(n) from categories) >= n * (select sum(n_again) from categories)
    )
    select distinct u::varchar from (select u, c, max(t) as t from bought group by all) join habits using (c)
    where ({end} - t) / 86400.0 between opens and closes
    """
    expected = {who for (who,) in duckdb.connect().sql(query).fetchall()}
    assert len(expected) > 50
    assert found == expected
