"""Crowds of one's own: conditions in penchant.toml on crowds, tags and signals."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from penchant.config import load_config, read_config
from penchant.errors import ConfigError, InputError, LeftOutError
from penchant.features.criteria import all_crowds, criterion_named, criterion_names, own_crowds
from penchant.features.engine.temporary import Keep
from penchant.features.history.evaluate import evaluated
from penchant.features.shop import Shop
from penchant.features.spine import Spine
from penchant.serving.insight.crowds import crowds_page

AS_OF = datetime(2024, 6, 1)
CALENDAR = [{"name": "11.11", "starts_at": "2023-11-11", "ends_at": "2023-11-12", "kind": "promotion"}]


def order(who: str, days: float, amount: int) -> dict[str, Any]:
    return {"customer_id": who, "ordered_at": str(AS_OF - timedelta(days=days)), "amount": amount}


ORDERS = [
    order("rich", 5, 40_000), order("rich", 40, 19_000), order("once", 5, 60_000), order("poor", 5, 100),
    {"customer_id": "sale", "ordered_at": "2023-11-11", "amount": 30_000}, order("last", 0, 1),
]  # fmt: skip


def shop_with(shop_of: Any, **crowds: str) -> Shop:
    own = {name: {"who": who} for name, who in crowds.items()}
    shop: Shop = shop_of(orders=ORDERS, calendar=CALENDAR, config={"crowds": own})
    return shop


def members(shop: Shop, name: str) -> set[str]:
    ask = criterion_named(shop, name, AS_OF).ask
    with Keep(shop.backend) as keep:
        found = evaluated(shop, Spine.at(shop, AS_OF), {"inside": ask}, keep)[0].to_pandas()
    assert found["inside"].notna().all()
    return set(found["customer_id"][found["inside"]])


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("amount_365d >= 500", {"rich", "once"}),
        ("500 <= amount_365d and stage = 'regular'", {"rich"}),
        ("amount_365d >= 500 and not stage in ('regular', 'loyal')", {"once"}),
        ("amount_365d < 500 or new_customer", {"once", "poor", "sale"}),
        ('"bought:11.11>=299"', {"sale"}),
        ('amount_365d > 1 and not "bought:11.11"', {"rich", "once"}),
        ("gap_mean_days > 1", {"rich"}),  # what is not known does not hold
        ("not gap_mean_days > 1", {"once", "poor", "sale"}),
        ("gap_mean_days is null and in_new_customer", {"once", "poor"}),
        ("tier = 'high'", {"once"}),
        ('n_orders_45d >= 2 or "stage:lead"', {"rich"}),
        ("amount_365d > -1 and new_customer = false", {"rich", "sale"}),
    ],
)
def test_a_condition_makes_a_crowd(shop_of: Any, who: str, expected: set[str]) -> None:
    assert members(shop_with(shop_of, mine=who), "mine") == expected


def test_crowds_stand_in_all_lists_and_may_name_those_above(shop_of: Any) -> None:
    shop = shop_with(shop_of, rich="amount_365d >= 500", rich_again='"crowd:rich" and n_orders_90d >= 2')
    assert members(shop, "crowd:rich_again") == {"rich"}
    assert [crowd.name for crowd in all_crowds(shop, AS_OF)][-2:] == ["rich", "rich_again"]
    assert {"crowd:rich", "crowd:rich_again"} <= set(criterion_names(shop, AS_OF))
    page = crowds_page(shop, AS_OF)
    sizes = {row["crowd"]: row["n_customers"] for row in page.tables[0].rows}
    assert (sizes["rich"], sizes["rich_again"]) == (2, 1)


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("amount_365 >= 5", "Did you mean 'amount_365d'"),
        ("stage = 'loyall'", "Did you mean 'loyal'"),
        ("stage >= 'loyal'", "= or in for 'stage'"),
        ("stage", "a comparison of 'stage'"),
        ("amount_365d = 'much'", "a number beside 'amount_365d'"),
        ("amount_365d >=", "comparisons such as"),
        ("amount_365d + 1 > 5", "a name on one side"),
        ("amount_365d > n_orders_90d", "a number, a text"),
        ("lower(stage) = 'loyal'", "a name on one side"),
        ('"crowd:mine"', "crowd"),
    ],
)
def test_what_is_no_condition_is_refused_before_anything_is_asked(shop_of: Any, who: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        own_crowds(shop_with(shop_of, mine=who), AS_OF)


def test_what_the_shop_cannot_tell_is_refused_by_name(shop_of: Any) -> None:
    with pytest.raises(LeftOutError, match="n_view_30d"):
        own_crowds(shop_with(shop_of, mine="n_view_30d > 3"), AS_OF)


def test_crowds_are_tables_below_the_section(tmp_path: Path) -> None:
    file = tmp_path / "penchant.toml"
    file.write_text("[crowds]\ncoupon_days = 9\n[crowds.vip]\nwho = 'amount_365d > 5'\nmeaning = 'spent much'\n")
    crowds = load_config(file).crowds
    assert (crowds.coupon_days, crowds.own["vip"].who, crowds.own["vip"].meaning) == (
        9,
        "amount_365d > 5",
        "spent much",
    )
    with pytest.raises(ConfigError, match="coupon_dais"):
        read_config({"crowds": {"coupon_dais": 9}})
    with pytest.raises(ConfigError, match="who"):
        read_config({"crowds": {"vip": {"meaning": "nobody"}}})
