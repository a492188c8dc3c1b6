"""Promises of groups that keep them, and of groups that break one each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import ibis
import pytest
from ibis import _

from penchant.config import Config, load_config
from penchant.errors import ConfigError, InputError, LeftOutError, TooLittleDataError
from penchant.features.catalogue import groups_of
from penchant.features.changed_shops import as_it_stood
from penchant.features.engine.temporary import Keep
from penchant.features.engine.times import instant
from penchant.features.history.past import Past
from penchant.features.matrix import build
from penchant.features.prove import DECLARED, FUTURE, ONE_ROW, ORDER, OTHERS, PROMISES, SPINE, prove
from penchant.features.shop import Shop, open_shop
from penchant.features.signals.group import Column, FeatureGroup, Signal
from penchant.features.spine import Spine

ROOT = Path(__file__).resolve().parents[2]


def group(value: Callable[[Past], Any], name: str = "mine", **declared: Any) -> FeatureGroup:
    column = Column(f"{name}_value", "something", low=0, **{"missing": "unknown", **declared})
    return FeatureGroup(name, "Mine.", lambda windows: [Signal(column, value)])


def broken(shop: Shop, value: Callable[[Past], Any], **declared: Any) -> dict[str, str]:
    proof = prove(shop, [group(value, **declared)])
    return {finding.promise: finding.counterexample for finding in proof.broken}


def orders_until(past: Past, shift: timedelta) -> Any:
    """Count orders, as if each had happened earlier: those soon after as_of count too."""
    lines = past.history.lines
    return past.rows(f"until {shift}", lambda: past.seen(lines, _.ordered_at - ibis.interval(shift))).count()


def raw(past: Past) -> Any:
    """Return the shop's own rows of all times, by the back door."""
    coded = past.history.coded(past.history.shop.tables["interactions"])
    return past.rows("raw", lambda: coded.mutate(row=coded.code))


@pytest.mark.slow
def test_our_groups_keep_every_promise(world_shop: Shop) -> None:
    """All groups are proved in test_contract; here are three, of orders, interactions and assignments."""
    names = ["monetary", "contact", "frequency"]
    proof = prove(replace(world_shop, config=Config.model_validate({"features": {"windows": [30]}})), names)
    assert proof.broken == ()
    assert [(one.group, one.promise) for one in proof.findings] == list(product(names, PROMISES))
    assert (proof.left_out, proof.as_dict()["all_kept"]) == ({}, True)


def at_or_before(past: Past) -> Any:
    """Take the moment itself for past: ``<=`` in place of ``<``."""
    rows = past.history.interactions
    return past.rows("le", lambda: rows.filter(rows.occurred_at <= instant(past.moment.at)).mutate(row=_.code)).count()


def first_in_the_file(past: Past) -> Any:
    rows = past.history.shop.tables["interactions"].mutate(place=ibis.row_number())
    coded = past.history.coded(rows.filter(rows.occurred_at < instant(past.moment.at)))
    return past.rows("placed", lambda: coded.mutate(row=coded.code)).min(_.place)


def customers(past: Past) -> Any:
    def counted(everyone: Past) -> Any:
        rows = everyone.interactions.relation
        return rows.group_by(day=rows.as_of).aggregate(n=rows["row"].nunique())

    return past.share("all", counted)["n"]


def test_a_group_that_breaks_a_promise_is_named_among_others(world_shop: Shop) -> None:
    leaks = {
        "a_day_too_far": lambda past: orders_until(past, timedelta(days=1)),
        "a_moment_too_far": lambda past: orders_until(past, timedelta(microseconds=1)),
        "at_or_before": at_or_before,
        "by_the_back_door": lambda past: raw(past).count(),
        "first_in_the_file": first_in_the_file,
        "customers": customers,
    }
    groups = [group(value, name) for name, value in leaks.items()]
    proof = prove(world_shop, [*groups, group(customers, "declared", population=True)])
    found = {(one.group, one.promise): one.counterexample for one in proof.broken}
    assert {("a_day_too_far", FUTURE), ("a_moment_too_far", FUTURE), ("at_or_before", FUTURE)} <= set(found)
    assert {("by_the_back_door", FUTURE), ("first_in_the_file", ORDER), ("customers", OTHERS)} <= set(found)
    assert {name for name, _promise in found} == set(leaks)  # who declares to depend on others may
    assert {promise for name, promise in found if name.startswith(("a", "customers"))} == {FUTURE, OTHERS}
    assert "a_day_too_far_value of customer 'c" in found["a_day_too_far", FUTURE]
    assert "if something else had happened from then on" in found["a_day_too_far", FUTURE]


def test_a_group_that_is_not_what_it_declares_is_named(world_shop: Shop) -> None:
    cases: dict[str, tuple[Callable[[Past], Any], dict[str, Any], str]] = {
        "high": (lambda past: past.interactions.count(), {"high": 1}, "above the declared 1"),
        "low": (lambda past: -past.interactions.count(), {}, "below the declared 0"),
        "missing": (lambda past: past.days_since(past.purchases.last()), {"missing": ""}, "does not declare when"),
        "never": (lambda past: past.gaps.max(_.gap_days), {"dtype": "int64"}, "int64, which is never missing"),
        "infinite": (lambda past: 1 / (past.purchases.count() * 0), {}, "infinite in"),
    }
    found = prove(world_shop, [group(value, name, **declared) for name, (value, declared, _told) in cases.items()])
    assert [(one.group, one.promise) for one in found.broken] == [(name, DECLARED) for name in cases]
    for one in found.broken:
        assert cases[one.group][2] in one.counterexample


@pytest.mark.parametrize(
    ("value", "declared", "told"),
    [
        (lambda past: past.interactions.sum(_.no_such), {}, "it cannot be built"),
        (lambda past: past.purchases.count() / 2, {"dtype": "int64"}, "declares int64 and is float64"),
        (lambda past: past.purchases.last(), {}, "declares float64 and is timestamp(6)"),
    ],
)
def test_a_group_that_cannot_be_built_is_named(
    world_shop: Shop, value: Callable[[Past], Any], declared: dict[str, Any], told: str
) -> None:
    found = broken(world_shop, value, **declared)
    assert list(found) == [DECLARED]
    assert told in found[DECLARED]


def test_one_group_that_cannot_be_built_does_not_hide_the_others(world_shop: Shop) -> None:
    bad = group(lambda past: past.interactions.sum(_.no_such), "bad")
    good = group(lambda past: past.interactions.count(), "good")
    late = group(lambda past: orders_until(past, timedelta(days=1)), "late")
    assert {(one.group, one.promise) for one in prove(world_shop, [bad, good, late]).broken} == {
        ("bad", DECLARED),
        ("late", FUTURE),
    }


def test_one_group_that_multiplies_rows_does_not_spoil_the_others(world_shop: Shop) -> None:
    def by_kind(past: Past) -> Any:
        def counted(everyone: Past) -> Any:
            return everyone.interactions.relation.group_by(day=_.as_of, kind="kind").aggregate(n=_.count())

        return past.share("kinds", counted)["n"]

    many = group(by_kind, "many", population=True)
    good = group(lambda past: past.interactions.count(), "good")
    found = prove(world_shop, [good, many]).broken
    assert {one.group for one in found} == {"many"}
    assert ONE_ROW in {one.promise for one in found}


def test_what_cannot_be_proved_is_refused(world_shop: Shop, shop_of: Callable[..., Shop]) -> None:
    with pytest.raises(InputError, match="Did you mean 'recency'"):
        prove(world_shop, ["recencey"])
    with pytest.raises(InputError, match="'mine_value' declared twice"):
        prove(world_shop, [group(raw), group(raw)])
    bare = shop_of(orders=[{"customer_id": "a", "ordered_at": "2024-01-01"}])
    with pytest.raises(TooLittleDataError, match="customers known before 1999"):
        prove(bare, ["recency"], datetime(1999, 1, 1))
    with pytest.raises(InputError, match="the data reaches"):
        prove(bare, ["recency"], datetime(2024, 1, 2))
    with pytest.raises(LeftOutError, match="the shop has no assignments"):
        prove(bare, ["contact"])


MINE = """
from ibis import _, interval
from penchant.features.signals.group import Column, FeatureGroup, Signal

def tomorrow(past):
    lines = past.history.lines
    return past.rows("tomorrow", lambda: past.seen(lines, _.ordered_at - interval(days=1))).count()

GROUPS = [FeatureGroup("mine", "Orders until tomorrow.", lambda windows: [
    Signal(Column("n_orders_tomorrow", "orders until tomorrow", "count", "int64", low=0), tomorrow)])]
"""


def test_a_module_is_looked_for_where_the_configuration_is(
    tmp_path: Path, world_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "my_groups.py").write_text(MINE)
    (tmp_path / "penchant.toml").write_text('modules = ["mine/my_groups.py"]')
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    shop = replace(world_shop, config=load_config(Path("../penchant.toml")))
    assert groups_of(shop)[-1].name == "mine"
    assert [one.group for one in prove(shop, ["mine"]).broken] == ["mine"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("GROUPS = [1]", "GROUPS to list values of FeatureGroup. Got a int"),
        ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing'"),
        (None, "FileNotFoundError"),
    ],
)
def test_a_module_that_cannot_be_used_is_named(tmp_path: Path, world_shop: Shop, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / "bad_groups.py").write_text(text)
    (tmp_path / "penchant.toml").write_text('modules = ["bad_groups.py"]')
    shop = replace(world_shop, config=load_config(tmp_path / "penchant.toml"))
    with pytest.raises(ConfigError, match=r"module 'bad_groups\.py'") as caught:
        groups_of(shop)
    assert told in str(caught.value)


def test_a_module_that_fails_while_it_is_asked_is_named(tmp_path: Path, world_shop: Shop) -> None:
    (tmp_path / "failing_groups.py").write_text(MINE.replace("past.history.lines", "past.history.linse"))
    (tmp_path / "penchant.toml").write_text('modules = ["failing_groups.py"]')
    shop = replace(world_shop, config=load_config(tmp_path / "penchant.toml"))
    with pytest.raises(ConfigError, match=r"module 'failing_groups\.py'.*'n_orders_tomorrow'.*AttributeError"):
        build(shop, Spine.at(shop, datetime(2024, 6, 1)), ["mine"])


@pytest.mark.slow
def test_our_groups_keep_every_promise_on_real_rows(shared_data: Path) -> None:
    config = load_config(ROOT / "examples" / "online_retail.toml")
    with open_shop(config, shared_data / "online_retail_ii") as shop:
        proof = prove(shop)
    assert proof.broken == ()
    assert proof.n_customers == 991
    assert {finding.group for finding in proof.findings} >= {"recency", "rfm", "lifecycle"}


def seen(past: Past, table: str, time: str, **more: Any) -> Any:
    """Return a table's past rows, coded, with all of their columns as they are today."""
    rows = past.history.coded(past.history.shop.tables[table].mutate(**more))
    return rows.filter(rows[time] < instant(past.moment.at)).mutate(row=rows.code)


def lines_where(condition: Any, table: str = "orders", time: str = "ordered_at") -> Callable[[Past], Any]:
    return lambda past: past.rows("lines", lambda: seen(past, table, time, hit=condition.cast("int64"))).sum(_.hit)


def days_of_data(past: Past) -> Any:
    return past.interactions.count() * 0 + (past.history.shop.extract_end - datetime(2023, 1, 1)).days


def orders_beside_the_most(past: Past) -> Any:
    n = past.interactions.count()
    return n / n.max().over(ibis.window())


LEAKS: dict[str, tuple[Callable[[Past], Any], str]] = {
    "an order is refunded later": (lines_where(_.refunded_at.notnull()), FUTURE),
    "an order is cancelled later": (lines_where(_.cancelled_at.notnull()), FUTURE),
    "an order is paid later": (lines_where(_.paid_at.notnull()), FUTURE),
    "a message is opened later": (lines_where(_.opened_at.notnull(), "assignments", "assigned_at"), FUTURE),
    "a coupon is redeemed later": (lines_where(_.redeemed_at.notnull(), "assignments", "assigned_at"), FUTURE),
    "a complaint is closed later": (lines_where(_.closed_at.notnull(), "feedback", "at"), FUTURE),
    "where the data ends": (days_of_data, FUTURE),
    "the spine's other rows": (orders_beside_the_most, SPINE),
}


def test_planted_leaks_are_found_though_nothing_of_the_shops_own_comes_later(world_shop: Shop) -> None:
    """The shop ends at the moment, so that only another future can tell."""
    leaks = {f"leak{number}": leak for number, leak in enumerate(LEAKS.values())}
    with Keep(world_shop.backend) as keep:
        moment = datetime(2023, 12, 1)
        ended = replace(as_it_stood(world_shop, moment, keep), extract_end=moment)
        proof = prove(ended, [group(value, name) for name, (value, _promise) in leaks.items()], moment)
    found = {(one.group, one.promise) for one in proof.broken}
    assert found == {(name, promise) for name, (_value, promise) in leaks.items()}


def test_groups_that_read_items_or_customers_without_a_time_are_named_and_break_nothing(world_shop: Shop) -> None:
    def price_today(past: Past) -> Any:
        prices = past.history.shop.tables["items"].select("item_id", price_now="list_price")
        views = past.rows("dear", lambda: seen(past, "interactions", "occurred_at").join(prices, "item_id"))
        return views.max(_.price_now)

    dear, plain = group(price_today, "dear"), group(lambda past: past.interactions.count(), "plain")
    proof = prove(world_shop, [dear, plain, "profile"])
    assert not proof.broken
    assert set(proof.undated) == {"dear", "profile"}
    assert proof.undated["dear"] == ["dear_value"]
    assert {"region", "age_years"} <= set(proof.undated["profile"])
    assert proof.as_dict()["undated"]["dear"] == ["dear_value"]


SIDE_FILE = "c010,buys tomorrow\nc012,buys tomorrow"  # of a module's own


def test_what_a_group_reads_from_a_file_of_its_own_cannot_be_seen(world_shop: Shop) -> None:
    """The page of the command says so; here it is shown that it is so."""
    buyers = [line.split(",")[0] for line in SIDE_FILE.splitlines()]
    leak = group(lambda past: past.interactions.count() * 0 + _.customer_id.isin(buyers).cast("int64"))
    assert not prove(world_shop, [leak]).broken
