"""Campaigns side by side: planted effects, joint intervals, refusals, and forecasts held against what came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import InputError, TooLittleDataError
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.measure import several
from penchant.serving.measure.campaign import measure
from penchant.serving.measure.settings import MeasureSettings
from penchant.serving.measure.several import campaigns_page

EFFECTS = {"mail": 0.0, "text": 0.12, "push": 0.12}


@pytest.fixture(scope="module")
def shop(trial_tables: Callable[..., Any], make_trial: Any) -> Iterator[Shop]:
    """Return three campaigns, each of other customers: by mail nothing changes, by text and push a lot."""
    parts = []
    for seed, (name, effect) in enumerate(EFFECTS.items()):
        made = trial_tables(make_trial(n=1500, effect=effect, seed=seed))
        for table in ("orders", "assignments"):
            made[table] = made[table].assign(customer_id=name + made[table]["customer_id"])
        made["orders"]["order_id"] = name + made["orders"]["order_id"]
        made["assignments"]["campaign_id"] = name
        channel = {"mail": "email", "text": "sms", "push": "sms"}[name]
        made["campaigns"] = made["campaigns"].assign(campaign_id=name, channel=channel)
        parts.append(made)
    tiny = parts[0]["assignments"].head(30).assign(campaign_id="tiny", customer_id=[f"t{n}" for n in range(30)])
    joined = {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]}
    joined["assignments"] = pd.concat([joined["assignments"], tiny], ignore_index=True)
    joined["items"] = joined["items"].drop_duplicates()
    end = read_config({"shop": {"extract_end": "2025-09-01T00:00:00"}})
    with shop_from_tables(joined, end) as shop:
        yield shop


def test_planted_effects_are_found_side_by_side_and_no_others(shop: Shop) -> None:
    page = campaigns_page(shop).as_dict()
    rows = {row["campaign"]: row for row in page["campaigns"]}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "mail": "cannot be told",
        "text": "surely more",
        "push": "surely more",
    }
    for name, effect in EFFECTS.items():
        assert rows[name]["points"].low < 100 * effect < rows[name]["points"].high
    assert "20 customers or more in each arm" in page["left_out"]["tiny"]
    by_channel = {row["channel"]: row for row in page["by_channel"]}
    assert by_channel["sms"]["n_campaigns"] == 2
    assert by_channel["sms"]["points"].low > 5
    assert by_channel["email"]["points"].low < 0 < by_channel["email"]["points"].high


def test_read_together_or_one_by_one_they_are_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    together = campaigns_page(shop).as_dict()
    monkeypatch.setattr(several, "MOST_TOGETHER", 1)
    assert campaigns_page(shop).as_dict() == together


def test_the_intervals_hold_jointly_and_are_therefore_wider_than_alone(shop: Shop) -> None:
    settings = MeasureSettings(windows_days=(30,), outcome="paid_order")
    alone = measure(shop, "text", settings).headline.difference().scaled(100)
    [row] = [row for row in campaigns_page(shop).as_dict()["campaigns"] if row["campaign"] == "text"]
    assert row["points"].value == pytest.approx(alone.value)
    assert row["points"].low < alone.low
    assert row["points"].high > alone.high


def test_two_campaigns_are_held_against_each_other(shop: Shop) -> None:
    rows = {(row["first"], row["second"]): row for row in campaigns_page(shop).as_dict()["pairs"]}
    assert rows[("mail", "text")]["verdict"] == "the second"
    assert rows[("push", "text")]["verdict"] == "cannot be told"
    assert rows[("mail", "text")]["points"].low < -12 < rows[("mail", "text")]["points"].high


def test_a_forecast_is_held_against_what_came(shop: Shop) -> None:
    rows = shop.tables["assignments"].to_pandas()
    record = rows[rows["campaign_id"].isin(["mail", "text"])].assign(uplift=0.12, uplift_low=0.10, uplift_high=0.14)
    told = {row["campaign"]: row for row in campaigns_page(shop, records=record).as_dict()["forecasts"]}
    n_text = int(((record["campaign_id"] == "text") & (record["arm"] != "control")).sum())
    assert told["text"]["promised"].value == pytest.approx(0.12 * n_text)
    assert told["text"]["verdict"] == "as promised, as far as can be told"
    assert told["mail"]["verdict"] == "less than promised"


def test_an_unknown_campaign_or_goal_is_refused(shop: Shop) -> None:
    with pytest.raises(InputError, match="Did you mean 'text'"):
        campaigns_page(shop, campaigns=["txet"])
    with pytest.raises(InputError, match="option --goal"):
        campaigns_page(shop, goal="seed")
    with pytest.raises(TooLittleDataError, match="one that can be measured"):
        campaigns_page(shop, campaigns=["tiny"])
