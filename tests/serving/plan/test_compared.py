"""What a plan lays out to be compared, measured: two targets of one crowd, two crowds by one, roles' offers beside one.

Responses are planted; the records that the plan wrote are the assignments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.config import read_config
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.goals.offers import CONTROL
from penchant.serving.measure.campaign import measure
from penchant.serving.measure.several import campaigns_page
from penchant.serving.plan.draw import draw_due
from penchant.serving.plan.file import Plan, read_plan

NOW, END = datetime(2025, 6, 1), datetime(2025, 8, 1)
BASE = 0.1
# campaign -> what its contacts add to the share who visit, and who order
PLANTED = {
    "visits": (0.5, 0.0),
    "deals": (0.0, 0.2),
    "holders": (0.0, 0.3),
    "others": (0.0, 0.0),
    "roles": (0.0, 0.25),
    "flat": (0.0, 0.0),
}
PAIRS = (("visits", "deals"), ("holders", "others"), ("roles", "flat"))


def campaign(name: str, goal: str, phase: str, **more: Any) -> dict[str, Any]:
    means = {} if "arms" in more else {"offers": ["hello"], "channels": ["email"]}
    return {"id": name, "goal": goal, "starts_at": NOW, "phase": phase, "holdout": 0.5, **means, **more}


def a_plan() -> Plan:
    by_role = [{"name": name, "offer": name, "channel": "email"} for name in ("hello", "five_off")]
    return read_plan(
        {
            "plan": {"name": "compare", "universal_control": 0.0, "consent": "assumed"},
            "caps": [],
            "channels": {"email": {"unit_cost": 0.01}},
            "offers": {"hello": {"kind": "reminder"}, "five_off": {"kind": "cash_coupon", "value": 5.0}},
            "campaigns": [
                campaign("visits", "retain", "peak", objective="visit"),
                campaign("deals", "retain", "peak", objective="deal"),
                campaign("holders", "reactivate", "warm-up", only_if=["in_interest"]),
                campaign("others", "reactivate", "warm-up", unless=["in_interest"]),
                campaign("roles", "second", "after-peak", assign="recommended", arms=by_role),
                campaign("flat", "second", "after-peak"),
            ],
            "splits": [
                {"name": "target", "campaigns": ["visits", "deals"]},
                {"name": "offer", "campaigns": ["roles", "flat"]},
            ],
        }
    )


@pytest.fixture(scope="module")
def drawn(people: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    crowd = people(9_000).drop(columns=["uplift", "uplift_low", "uplift_high"])
    crowd = crowd.assign(margin=60.0, propensity=0.1, in_interest=np.arange(len(crowd)) % 2 == 0)
    crowd["price_sensitivity"] = np.where(np.arange(len(crowd)) % 3, 0.1, 0.9)
    crowd["category_role"] = np.where(np.arange(len(crowd)) % 2, "traffic", "profit")
    crowd["n_orders"] = np.where(crowd["stage"].isin(["new", "semi_active"]), 1, crowd["n_orders"])
    due = draw_due(crowd, None, a_plan(), NOW)
    assert not due.result.left_out
    return pd.concat([audience.record for audience in due.audiences], ignore_index=True)


@pytest.fixture(scope="module")
def shop(drawn: pd.DataFrame) -> Iterator[Shop]:
    rng = np.random.default_rng(5)
    treated = (drawn["arm"] != CONTROL).to_numpy()
    after = NOW + timedelta(days=3)
    tables: dict[str, pd.DataFrame] = {}
    for place, kind in enumerate(("visit", "order")):
        added = drawn["campaign_id"].map({name: planted[place] for name, planted in PLANTED.items()}).to_numpy()
        does = rng.random(len(drawn)) < BASE + treated * added
        who = drawn.loc[does, ["customer_id"]].assign(order_id=[f"{kind}{n}" for n in range(does.sum())])
        if kind == "visit":
            tables["interactions"] = who[["customer_id"]].assign(occurred_at=after, kind="view")
        else:
            tables["orders"] = who.assign(ordered_at=after, amount=100)
    campaigns = drawn.drop_duplicates("campaign_id")[["campaign_id", "goal"]]
    tables["assignments"] = drawn[["campaign_id", "customer_id", "arm", "wave", "assigned_at", "probability"]]
    config = read_config({"shop": {"extract_end": END}})
    with shop_from_tables({**tables, "campaigns": campaigns}, config) as one:
        yield one


def test_splits_part_one_crowd_and_conditions_make_two(drawn: pd.DataFrame) -> None:
    members = drawn.groupby("campaign_id")["customer_id"].agg(set)
    assert all(members[one].isdisjoint(members[other]) for one, other in PAIRS)
    shares = drawn.groupby("campaign_id")["split_probability"].agg(["first", "size"])
    assert shares.loc[["visits", "deals", "roles", "flat"], "first"].eq(0.5).all()
    assert shares.loc[["holders", "others"], "first"].isna().all()
    planned = drawn[drawn["campaign_id"] == "roles"]["planned_arm"].value_counts(normalize=True)
    assert planned["five_off"] == pytest.approx(1 / 6, abs=0.04)  # sensitive to price, and of traffic goods


def test_measure_answers_by_each_campaigns_own_objective(shop: Shop, drawn: pd.DataFrame) -> None:
    visits, deals = (measure(shop, name, record=drawn[drawn["campaign_id"] == name]) for name in ("visits", "deals"))
    assert (visits.outcome, deals.outcome) == ("visit", "paid_order")
    for found, planted in ((visits, 0.5), (deals, 0.2)):
        effect = found.headline.difference()
        assert effect.low < planted < effect.high
        assert effect.low > 0


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_campaigns_answers_each_comparison(shop: Shop, drawn: pd.DataFrame, first: str, second: str) -> None:
    [pair] = campaigns_page(shop, campaigns=[first, second], records=drawn).as_dict()["pairs"]
    planted = 100 * (PLANTED[first][1] - PLANTED[second][1])
    assert (pair["first"], pair["second"]) == (first, second)
    assert pair["points"].low < planted < pair["points"].high
    assert pair["verdict"] == ("the second" if planted < 0 else "the first")


def test_two_targets_differ_by_the_response_that_counts(shop: Shop, drawn: pd.DataFrame) -> None:
    page = campaigns_page(shop, campaigns=["visits", "deals"], outcome="visit", records=drawn)
    [pair] = page.as_dict()["pairs"]
    assert pair["verdict"] == "the first"
