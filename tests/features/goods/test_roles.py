"""Product roles: measures counted by hand and by pandas, one role each, nothing from the future."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.config import Config
from penchant.errors import InputError, LeftOutError
from penchant.features.goods.measures import By
from penchant.features.goods.roles import ROLES, RULES, discoveries, index, measures, products, rise_chance, with_roles
from penchant.features.shop import Shop, open_shop, shop_from_tables
from penchant.features.signals.cycle import at_one_moment, category_cycles
from penchant.simulate import SimulationSettings, simulate

AS_OF = datetime(2024, 6, 1)
EVER = replace(RULES, look_back_days=10_000)


def _line(who: str, order: str, at: str, item: str, amount: int = 100) -> dict[str, Any]:
    return {
        "customer_id": who, "order_id": order, "ordered_at": at, "item_id": item, "amount": amount, "quantity": 1.0,
    }  # fmt: skip


LINES = [
    _line("ann", "1", "2024-01-05", "tea", 300),  # the first purchase of ann: tea and cup
    _line("ann", "1", "2024-01-05", "cup", 900),
    _line("ann", "2", "2024-04-01", "tea", 300),  # again, on another day
    _line("ann", "3", "2024-05-01", "tea", 500),
    _line("bob", "4", "2024-05-02", "tea", 300),
    _line("bob", "4", "2024-05-02", "tea", 300),  # two lines of one order count as one
    _line("bob", "5", "2024-05-02T10:00", "cup", 900),  # not bob's first order
    _line("cid", "6", "2024-06-01", "tea", 300),  # at as_of: not yet
]
LOOKS = [
    {"customer_id": who, "kind": kind, "occurred_at": at, "item_id": item}
    for who, kind, at, item in [
        ("ann", "view", "2024-01-01", "cup"),
        ("ann", "view", "2024-01-01T01:00", "tea"),
        ("ann", "cart", "2024-01-01T02:00", "tea"),  # the same day: one visit
        ("ann", "view", "2024-02-01", "tea"),
        ("dora", "view", "2024-03-01", "hat"),
        ("dora", "login", "2024-03-02", None),
        ("eve", "view", "2024-06-01", "hat"),  # at as_of: not yet
    ]
]
ITEMS = [
    {"item_id": "tea", "category_id": "food", "unit_cost": 200, "listed_at": None},
    {"item_id": "cup", "category_id": "home", "unit_cost": None, "listed_at": None},
    {"item_id": "pot", "category_id": "home", "unit_cost": 100, "listed_at": "2024-05-31"},
    {"item_id": "mug", "category_id": "home", "unit_cost": 100, "listed_at": "2024-06-01"},
]


@pytest.fixture
def hand_made(shop_of: Any) -> Shop:
    shop: Shop = shop_of(orders=LINES, interactions=LOOKS, items=ITEMS)
    return shop


def test_measures_by_hand(hand_made: Shop) -> None:
    found = products(hand_made, AS_OF).set_index("item_id")
    assert list(found.index) == ["cup", "hat", "pot", "tea"]  # the mug is listed at as_of
    assert found.loc["tea", "category_id"] == "food"
    counts = ["n_orders", "n_buyers", "n_first_orders", "n_repeat_buyers", "n_visits", "n_first_visits"]
    assert found[counts].to_dict("index") == {
        "cup": dict(zip(counts, (2, 2, 1, 0, 1, 1), strict=True)),
        "hat": dict(zip(counts, (0, 0, 0, 0, 1, 1), strict=True)),
        "pot": dict(zip(counts, (0, 0, 0, 0, 0, 0), strict=True)),
        "tea": dict(zip(counts, (4, 2, 2, 1, 2, 0), strict=True)),
    }
    assert found["amount"].to_dict() == {"cup": 18.0, "hat": 0.0, "pot": 0.0, "tea": 17.0}
    assert found.loc["tea", ["margin", "margin_share"]].tolist() == [7.0, 7 / 17]  # 17.00 paid, 5 pieces of 2.00
    assert found["margin"].isna().to_dict() == {"cup": True, "hat": True, "pot": True, "tea": False}
    assert found.loc["tea", "repeat_share"] == pytest.approx((1 + 10 * 1 / 4) / (2 + 10))
    assert found.loc["tea", ["n_buyers_now", "n_buyers_before"]].tolist() == [2, 1]


BASKETS = {"1": "abc", "2": "abc", "3": "ab", "4": "d", "5": "d", "6": "d"}
PAIRS = [_line("ann", order, f"2024-01-0{order}", item) for order, items in BASKETS.items() for item in items]


def test_association_by_hand(shop_of: Any) -> None:
    """Of 6 orders 3 hold a, 3 hold b, 2 hold c, all with a; chance would bring a and b together in 1.5."""
    found = products(shop_of(orders=PAIRS), AS_OF).set_index("item_id")
    assert found["companion"].dropna().to_dict() == {"a": "b", "b": "a", "c": "a"}  # a and b tie for c: the lesser id
    assert found["association"].dropna().to_dict() == pytest.approx(
        {"a": (3 + 5) / (1.5 + 5), "b": (3 + 5) / (1.5 + 5), "c": (2 + 5) / (1 + 5)}
    )


def test_less_together_than_by_chance_is_no_association(hand_made: Shop) -> None:
    assert products(hand_made, AS_OF)["companion"].isna().all()  # 1 of 5 orders holds tea and cup; chance: 1.6


def test_baskets_too_large_bring_no_pairs(shop_of: Any) -> None:
    found = products(shop_of(orders=PAIRS), AS_OF, rules=replace(RULES, most_in_basket=1))
    assert found["companion"].isna().all()


def test_categories_take_their_items_together(hand_made: Shop) -> None:
    found = products(hand_made, AS_OF, "category").set_index("category_id")
    assert found["n_orders"].to_dict() == {"food": 4, "home": 2}
    assert found["n_visits"].to_dict() == {"food": 2, "home": 1}  # the hat has no category


def _oracle(tables: dict[str, pd.DataFrame], as_of: datetime, days: int) -> pd.DataFrame:
    """Count orders, buyers, first orders, repeat buyers and amounts of items, order by order."""
    lines = tables["orders"]
    lines = lines[lines["paid_at"] < as_of]
    for end in ("cancelled_at", "refunded_at"):
        lines = lines[~(lines[end] < as_of)]
    start = pd.Timestamp(as_of) - pd.Timedelta(days=days)
    first = lines.sort_values(["paid_at", "order_id"]).groupby("customer_id")["order_id"].first()
    rows = []
    for item in sorted(set(tables["items"]["item_id"])):
        mine = lines[(lines["item_id"] == item) & (lines["paid_at"] >= start)]
        orders = set(zip(mine["customer_id"], mine["order_id"], strict=True))
        seen_on = mine.groupby("customer_id")["paid_at"].apply(lambda at: at.dt.date.nunique())
        rows.append(
            {
                "item_id": item,
                "n_orders": len(orders),
                "n_buyers": mine["customer_id"].nunique(),
                "n_first_orders": sum(first[who] == order for who, order in orders),
                "n_repeat_buyers": int((seen_on > 1).sum()),
                "amount": mine["amount"].sum() / 100,
            }
        )
    return pd.DataFrame(rows)


def test_measures_agree_with_counting_one_by_one(
    world: ModuleType, world_tables: dict[str, pd.DataFrame], world_shop: Shop
) -> None:
    moment = world.MOMENTS[2]
    rules = replace(RULES, look_back_days=200)
    expected = _oracle(world_tables, moment, rules.look_back_days)
    found = products(world_shop, moment, rules=rules)[list(expected.columns)]
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_repeat_buyers_are_those_of_the_purchase_cycle(world: ModuleType, world_shop: Shop) -> None:
    """A category's repurchase rate is told in two places: it is the same."""
    moment = world.MOMENTS[2]
    found, cycles = at_one_moment(
        world_shop, moment, lambda all_: (measures(all_, "category", EVER), category_cycles(all_).execute())
    )
    rate = (found["n_repeat_buyers"] / found["n_buyers"]).set_axis(found["category_id"])
    pd.testing.assert_series_equal(
        rate, cycles.set_index("category_id")["repurchase_rate"].sort_index(), check_names=False, check_index_type=False
    )


@pytest.mark.parametrize("by", ["item", "category"])
def test_future_and_order_change_nothing(
    world: ModuleType, world_tables: dict[str, pd.DataFrame], world_shop: Shop, by: By
) -> None:
    moment = world.MOMENTS[1]
    times = {"orders": "ordered_at", "interactions": "occurred_at"}
    cut = {name: rows[rows[at] < moment] for name, at in times.items() for rows in (world_tables[name],)}
    known = {**world_tables, **{name: rows.sample(frac=1, random_state=1) for name, rows in cut.items()}}
    with shop_from_tables(known) as past:
        pd.testing.assert_frame_equal(products(past, moment, by), products(world_shop, moment, by))


BASE = {"n_orders": 20, "n_buyers": 20, "n_first_orders": 5, "n_repeat_buyers": 5}


def _roles(**changed: dict[str, Any]) -> dict[str, str]:
    """Return the roles of a shop of fifty plain products and those that differ."""
    plain = {f"plain{number:02}": {} for number in range(50)}
    rows = [
        {"item_id": name, **BASE, "n_buyers_now": 10, "n_buyers_before": 10, "association": 1.0, **change}
        for name, change in {**plain, **changed}.items()
    ]
    found = with_roles(pd.DataFrame(rows)).set_index("item_id")["role"]
    return {name: found[name] for name in changed}


def test_each_role_by_its_rule() -> None:
    few = {"n_orders": 3, "n_buyers": 3, "n_first_orders": 1, "n_repeat_buyers": 1}
    assert _roles(
        opener={"n_first_orders": 15},
        holder={"n_repeat_buyers": 15},
        riser={"n_buyers_now": 30, "n_buyers_before": 5},
        wobbler={"n_buyers_now": 16, "n_buyers_before": 8},  # twice as many: among 57, noise does that
        loner=few,
        belonging={**few, "association": 2.0},  # few sales, but bought with another
        door={**few, "n_first_orders": 6, "n_orders": 6, "n_buyers": 6, "n_buyers_now": 2, "n_buyers_before": 2},
    ) == {
        "opener": "traffic",
        "holder": "profit",
        "riser": "potential",
        "wobbler": "ordinary",  # average in both
        "loner": "marginal",
        "belonging": "ordinary",
        "door": "traffic",
    }  # fmt: skip


def test_margin_makes_a_product_one_of_profit() -> None:
    cheap = {"amount": 1000, "costed_amount": 1000, "margin": 100}
    rows = [{"item_id": f"i{place}", **BASE, **cheap} for place in range(9)]
    rows.append({"item_id": "rich", **BASE, **cheap, "margin": 500})
    found = with_roles(pd.DataFrame(rows).assign(category_id=None)).set_index("item_id")
    assert found["role"].to_dict() == {**{f"i{place}": "ordinary" for place in range(9)}, "rich": "profit"}
    assert found.loc["rich", "margin_share"] == 0.5


def test_items_are_held_against_their_category() -> None:
    """Eleven per cent are much for electronics, where five are usual, and little for toys, where thirty are."""
    rows = [
        {"item_id": f"{category}{place}", "category_id": category, **BASE, "amount": 1000, "costed_amount": 1000,
         "margin": 110 if place == 0 else usual}
        for category, usual in (("electronics", 50), ("toys", 300)) for place in range(6)
    ]  # fmt: skip
    found = with_roles(pd.DataFrame(rows)).set_index("item_id")["role"]
    assert found[["electronics0", "toys0"]].tolist() == ["profit", "ordinary"]
    few = with_roles(pd.DataFrame(rows[:4] + rows[6:])).set_index("item_id")["role"]
    assert few["electronics0"] == "ordinary"  # four items make no category to compare with: against all


def test_who_is_first_in_first_orders_and_visits_is_traffic() -> None:
    opener = {"n_orders": 200, "n_buyers": 150, "n_first_orders": 120, "n_visits": 900, "n_first_visits": 90}
    looked = {"n_visits": 300, "n_first_visits": 10}
    assert _roles(opener={**opener, "amount": 9000}, plain={**looked, "amount": 500}) == {
        "opener": "traffic", "plain": "ordinary",
    }  # fmt: skip


def test_what_brings_much_money_is_not_marginal() -> None:
    """Few orders at a high price: a category that is third by revenue."""
    rows = [{"category_id": f"c{place}", **BASE, "amount": 2_000} for place in range(9)]
    rows.append(
        {"category_id": "pianos", **BASE, "n_orders": 3, "n_first_orders": 0, "n_repeat_buyers": 0, "amount": 9_000}
    )
    rows.append(
        {"category_id": "picks", **BASE, "n_orders": 3, "n_first_orders": 0, "n_repeat_buyers": 0, "amount": 30}
    )
    found = with_roles(pd.DataFrame(rows)).set_index("category_id")["role"]
    assert (found["pianos"], found["picks"]) == ("ordinary", "marginal")


@pytest.mark.slow
def test_roles_are_the_planted_ones(tmp_path: Path) -> None:
    """Of items with ten orders or more; what grows, of those whose growth is not over and that are looked at.

    `benchmarks.roles` judges more shops together.
    """
    simulate(SimulationSettings(n_customers=40_000, seed=3), tmp_path)
    planted = pq.read_table(tmp_path / "truth" / "items.parquet").to_pandas().rename(columns={"role": "planted"})
    tables = {path.stem: {"path": path.name} for path in tmp_path.glob("*.parquet")}
    with open_shop(Config.model_validate({"tables": tables}), tmp_path, checked=False) as shop:
        late, early = (products(shop, shop.extract_end - timedelta(days=days)) for days in (0, 450))
    late, early = late.merge(planted, on="item_id"), early.merge(planted, on="item_id")
    known = late[late["n_orders"] >= 10]
    for role in ("traffic", "profit"):
        assert min(agreement(known, role)) >= 0.8, role
    grown = early[early["n_lookers_now"] + early["n_lookers_before"] >= 150]
    assert (grown["planted"] == "potential").sum() >= 5
    assert min(agreement(grown, "potential")) >= 0.8
    assert min(agreement(late, "marginal")) >= 0.8


def agreement(found: pd.DataFrame, role: str) -> tuple[float, float]:
    """Return precision and recall of a role against the planted one."""
    is_found, is_planted = found["role"] == role, found["planted"] == role
    both = (is_found & is_planted).sum()
    return both / max(is_found.sum(), 1), both / max(is_planted.sum(), 1)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "n_orders": st.integers(0, 50),
                "n_visits": st.integers(0, 50),
                "margin": st.integers(-500, 500),
                "costed_amount": st.integers(0, 1000),
            }
            | {name: st.integers(0, 20) for name in ("n_buyers", "n_buyers_now", "n_buyers_before")}
        ),
        max_size=12,
    )
)
@settings(max_examples=25, deadline=None)
def test_every_product_has_one_role(rows: list[dict[str, int]]) -> None:
    names = ["n_orders", "n_visits", "margin", "costed_amount", "n_buyers", "n_buyers_now", "n_buyers_before"]
    found = pd.DataFrame(rows, columns=names).assign(
        item_id=[f"i{place}" for place in range(len(rows))],
        n_first_orders=lambda frame: frame["n_orders"] // 2,
        n_first_visits=lambda frame: frame["n_visits"] // 3,
        n_repeat_buyers=lambda frame: frame["n_buyers"] // 4,
    )
    told = with_roles(found.astype(dict.fromkeys(names, "int64")))
    assert len(told) == len(rows)
    assert set(told["role"]) <= set(ROLES)
    assert np.isfinite(told[["traffic_index", "profit_index"]].to_numpy()).all()
    has_trend = bool(found["n_buyers_now"].sum()) and bool(found["n_buyers_before"].sum())
    assert (np.isfinite(told[["growth", "rise_p"]]) == has_trend).all(axis=None)


def test_chance_of_a_rise_is_the_binomial_tail() -> None:
    assert rise_chance(np.array([3.0, 0.0]), np.array([3.0, 5.0]), 0.5).tolist() == pytest.approx([0.125, 1.0])


def test_noise_is_seldom_called_rising() -> None:
    rng = np.random.default_rng(3)
    n = 2_000
    now, before = rng.poisson(8.0, (2, n))
    chance = rise_chance(now.astype(float), (now + before).astype(float), now.sum() / (now.sum() + before.sum()))
    assert discoveries(chance, 0.1).sum() <= 3


def test_index_of_the_average_is_one() -> None:
    assert index(np.array([1.0, 3.0]), np.array([10.0, 30.0]), 10.0).tolist() == pytest.approx([1.0, 1.0])
    assert index(np.array([0.0, 0.0]), np.array([10.0, 0.0]), 10.0).tolist() == [1.0, 1.0]


def test_shop_without_products_is_told(shop_of: Any) -> None:
    shop = shop_of(orders=[{"customer_id": "a", "ordered_at": "2024-01-01"}])
    with pytest.raises(LeftOutError, match="item_id"):
        products(shop, AS_OF)


def test_unknown_key_is_told(hand_made: Shop) -> None:
    with pytest.raises(InputError, match="'item' or 'category'"):
        products(hand_made, AS_OF, "brand")  # type: ignore[arg-type]


def test_shop_of_interactions_alone(shop_of: Any) -> None:
    shop = shop_of(
        interactions=[*LOOKS, {"customer_id": "ann", "kind": "pay", "occurred_at": "2024-05-05", "item_id": "tea"}]
    )
    found = products(shop, AS_OF).set_index("item_id")
    assert found["n_orders"].to_dict() == {"cup": 0, "hat": 0, "tea": 1}
    assert "amount" not in found
