"""PLAN.toml: what it may say, and what is answered to what it may not."""

from __future__ import annotations

import copy
import tomllib
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from penchant.config import Config
from penchant.errors import ConfigError, NotThereError
from penchant.serving.audience.exclusions import Cap, Protection, protection_of
from penchant.serving.plan.file import load_plan, read_plan
from penchant.serving.plan.options import costed

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "double_eleven.toml"
SMALL: dict[str, Any] = {
    "plan": {"name": "small", "timezone": "Asia/Shanghai"},
    "channels": {"email": {}},
    "offers": {"hello": {"kind": "reminder"}, "ten": {"kind": "coupon", "value": 10, "threshold": 80}},
    "campaigns": [{"id": "a", "goal": "retain", "starts_at": "2025-11-11", "offers": ["ten"], "channels": ["email"]}],
}


def small(**campaign: Any) -> dict[str, Any]:
    values = copy.deepcopy(SMALL)
    values["campaigns"][0] |= campaign
    return values


def test_the_example_is_a_plan() -> None:
    plan = load_plan(EXAMPLE)
    assert {campaign.phase for campaign in plan.campaigns} == {"build-up", "warm-up", "peak", "after-peak", None}
    assert plan.arms_of(plan.campaigns[2])[2].offer.threshold == 80


def test_a_plan_protects_as_the_shop_does_where_it_says_nothing() -> None:
    shop = Config.model_validate(
        {
            "seed": 5,
            "protection": {
                "caps": [{"days": 14, "most": 1, "channel": "sms"}],
                "universal_control": 0.1,
                "consent": "assumed",
            },
        }
    )
    usual = protection_of(shop)
    assert usual == Protection((Cap(14, 1, "sms"),), 0.1, 30, "assumed", 5)
    assert read_plan(SMALL).within(usual).protection == usual
    own = read_plan({**small(), "caps": [], "plan": {**SMALL["plan"], "universal_control": 0.0, "seed": 9}})
    assert own.within(usual).protection == replace(usual, caps=(), universal_control=0.0)


def test_conditions_are_tables_or_as_they_are_typed() -> None:
    typed = read_plan(small(only_if=["tier=high,middle", "n_orders_90d>=2"], unless=["crowd:carts:item:i1"]))
    tables = [{"column": "tier", "is_in": ["high", "middle"]}, {"column": "n_orders_90d", "at_least": 2}]
    told = read_plan(small(only_if=tables, unless=[{"column": "crowd:carts:item:i1"}]))
    assert typed.campaigns[0].conditions == told.campaigns[0].conditions
    with pytest.raises(ConfigError, match="a number after '>='"):
        read_plan(small(only_if=["n_orders_90d>=many"]))


def test_a_campaign_has_an_objective_of_its_own() -> None:
    [campaign] = read_plan(small(objective="visit")).campaigns
    assert campaign.goal == "retain_for_visit"
    assert read_plan(small(goal="retain_for_visit", objective="visit")).campaigns[0].goal == "retain_for_visit"
    for wrong, told in (({"objective": "visits"}, "Did you mean 'visit'"),
                        ({"objective": "deal", "goal": "retain_for_visit"}, "has an objective already")):  # fmt: skip
        with pytest.raises(ConfigError, match=told):
            read_plan(small(**wrong))


def test_dates_are_read_in_the_plans_zone() -> None:
    plan = read_plan(small(starts_at=tomllib.loads("x = 2025-11-11")["x"]))
    assert plan.sends(plan.campaigns[0]) == (datetime(2025, 11, 10, 16),)
    assert plan.day(datetime(2025, 11, 10, 16)).isoformat() == "2025-11-11"


def test_waves_keep_their_hour_when_the_clocks_change() -> None:
    values = small(starts_at=datetime(2025, 10, 25, 9), stimulus={"cycles": 2, "every_days": 7})
    values["plan"]["timezone"] = "Europe/Berlin"
    plan = read_plan(values)
    assert plan.sends(plan.campaigns[0]) == (datetime(2025, 10, 25, 7), datetime(2025, 11, 1, 8))


def test_care_is_thanks_then_a_coupon_then_care() -> None:
    plan = read_plan(small(sequence="care"))
    campaign = plan.campaigns[0]
    assert [at.day for at in plan.sends(campaign)] == [10, 17, 1]
    kinds = [plan.arms_at(campaign, wave)[0].offer.kind for wave in (1, 2, 3)]
    assert kinds == ["reminder", "coupon", "reminder"]
    assert len({plan.arms_at(campaign, wave)[0].name for wave in (1, 2, 3)}) == 1


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (small(fase="peak"), "fase: not a key here"),
        (small(phase="warmup"), "Did you mean 'warm-up'"),
        (small(offers=["tenn"]), "Did you mean 'ten'"),
        (small(channels=["emial"]), "Did you mean 'email'"),
        (small(steps=[{"offer": "helo"}]), "Did you mean 'hello'"),
        (small(trigger="price_drop"), "Did you mean 'price_dropped'"),
        (small(stimulus={"cycles": 6}), "less than or equal to 5"),
        (small(sequence="care", stimulus={}), "one of steps, sequence and stimulus"),
        (small(steps=[{"after_days": 3}]), "begin after 0 days"),
        (small(arms=[{"name": "x", "offer": "ten", "channel": "email"}]), "either offers and channels, or arms"),
        (small(test="freight", assign="split"), "of kind 'free_freight'"),
        (SMALL | {"splits": [{"name": "s", "campaigns": ["a", "b"]}]}, "campaign 'b' is not known"),
        (SMALL | {"campaigns": SMALL["campaigns"] * 2}, "campaign 'a' stands twice"),
        (SMALL | {"offers": {"ten": {"kind": "coupon", "value": 10}}}, "a threshold"),
    ],
)
def test_what_does_not_fit_is_named(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_plan(values)


def test_all_faults_are_told_at_once() -> None:
    values = small(fase="peak") | {"planned": {}}
    with pytest.raises(ConfigError, match=r"(?s)3 fault\(s\).*fase.*planned"):
        read_plan(values)


def test_a_freight_test_may_differ_in_freight_alone() -> None:
    values = small(
        assign="split",
        test="freight",
        offers=(),
        channels=(),
        arms=[{"name": n, "offer": n, "channel": c} for n, c in (("pays", "email"), ("free", "email"))],
    )
    values["offers"] |= {"pays": {"kind": "free_freight"}, "free": {"kind": "free_freight", "value": 4}}
    assert read_plan(values).campaigns[0].test == "freight"
    values["channels"]["sms"] = {}
    values["campaigns"][0]["arms"][1]["channel"] = "sms"
    with pytest.raises(ConfigError, match="differ in their value alone"):
        read_plan(values)


def test_a_plan_that_is_not_there_or_not_toml_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotThereError, match="nothing there"):
        load_plan(tmp_path / "no.toml")
    (tmp_path / "bad.toml").write_text("[plan")
    with pytest.raises(ConfigError, match="a TOML file"):
        load_plan(tmp_path / "bad.toml")


STEPS = """
[plan]
name = "care"
timezone = "Europe/Berlin"
[channels.email]
unit_cost = 0.02
[channels.phone]
unit_cost = 2.0
[offers.hello]
kind = "reminder"
[[campaigns]]
id = "wake"
goal = "reactivate"
starts_at = 2025-03-03
ends_at = 2025-04-15
offers = ["hello"]
channels = ["email"]
steps = [
  { hour = 8 },
  { after_days = 14, hour = 20, channel = "phone", best = 0.1 },
  { after_days = 60 },
]
"""


def test_steps_have_their_own_channel_hour_and_share_and_end_with_the_campaign() -> None:
    plan = read_plan(tomllib.loads(STEPS))
    [campaign] = plan.campaigns
    assert plan.sends(campaign) == (datetime(2025, 3, 3, 7), datetime(2025, 3, 17, 19))  # the third comes too late
    assert [arm.channel for arm in plan.arms_at(campaign, 1)] == ["email"]
    [call] = plan.arms_at(campaign, 2)
    assert (call.channel, call.unit_cost) == ("phone", 2.0)
    [arm] = costed(plan, campaign)
    assert arm.unit_cost == pytest.approx(0.02 + 0.1 * 2.0)  # only the best tenth is called


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('channel = "phone"', 'channel = "fone"'), "channel of a step 'fone' is not known. Did you mean 'phone'"),
        (("{ hour = 8 }", "{ hour = 8, best = 0.5 }"), "the first step goes to the whole list"),
        (("ends_at = 2025-04-15", "ends_at = 2025-03-01"), "ends before its first wave"),
        (("hour = 20", "hour = 25"), "hour"),
    ],
)
def test_steps_that_do_not_fit_are_refused(change: tuple[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_plan(tomllib.loads(STEPS.replace(*change)))
