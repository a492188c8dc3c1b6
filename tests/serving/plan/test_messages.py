"""Messages of a plan by what was bought: written by hand, or chosen by what buyers of each category worry about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from penchant.serving.insight.concern import Concern
from penchant.serving.plan.draw import draw_due
from penchant.serving.plan.file import Plan, read_plan

NOW = datetime(2025, 11, 1)
CONCERNS = (Concern("baby", "size", 20, 2, 18), Concern("baby", "safety", 9, 8, 1), Concern("tea", "taste", 6, 0, 6))


def a_plan(**more: Any) -> Plan:
    steps = [{"message": "hello"}, {"after_days": 9}]
    campaigns = [
        {"id": "stay", "goal": "retain", "starts_at": NOW, "offers": ["hi"], "channels": ["email"], **more},
        {"id": "steps", "goal": "reactivate", "starts_at": NOW, "offers": ["hi"], "channels": ["email"],
         "steps": steps, **more},
    ]  # fmt: skip
    shared = {"plan": {"name": "x", "universal_control": 0.0}, "channels": {"email": {}}, "caps": []}
    return read_plan({**shared, "offers": {"hi": {"kind": "reminder"}}, "campaigns": campaigns})


def buyers(people: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    frame = people(200)
    places = np.arange(len(frame))
    return frame.assign(bought_category=np.where(places % 2, "baby", "tea"), n_orders=np.where(places % 4 < 2, 1, 3))


def test_concerns_choose_the_message_of_new_and_returning_buyers(people: Callable[..., pd.DataFrame]) -> None:
    crowd = buyers(people)
    plan = a_plan(messages="concerns", messages_to_new={"tea": "brewing"}).with_concerns(CONCERNS)
    due = draw_due(crowd, None, plan, NOW)
    record = pd.concat([audience.record for audience in due.audiences]).query("arm != 'control'")
    record = record.merge(crowd[["customer_id", "bought_category", "n_orders"]], on="customer_id")
    stay = record[record["campaign_id"] == "stay"].groupby(["bought_category", "n_orders"])["message_key"].agg(set)
    assert stay.to_dict() == {
        ("baby", 1): {"safety"},
        ("baby", 3): {"size"},
        ("tea", 1): {"brewing"},
        ("tea", 3): {"taste"},
    }
    later = record.loc[record["campaign_id"] == "steps", "message_key"]
    assert set(later) <= {"safety.hello", "size.hello", "brewing.hello", "taste.hello"}
    assert len(set(later)) > 1


def test_the_plan_tells_the_copywriter(people: Callable[..., pd.DataFrame]) -> None:
    result = draw_due(buyers(people), None, a_plan(messages="concerns").with_concerns(CONCERNS), NOW).result
    told = result.as_dict()
    assert told["messages"]["stay"] == {"to_all": {"baby": "size", "tea": "taste"}, "to_new": {"baby": "safety"}}
    assert told["concerns"][0] == {"category": "baby", "topic": "size", "n": 20, "n_new": 2, "n_returning": 18}
    console = Console(file=StringIO(), width=140)
    console.print(result.render())
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "what messages speak to: stay, steps" in said
    assert "new buyers" in said
    assert "returning buyers" in said
    assert "all buyers" in said


def test_without_concerns_the_plan_says_so(people: Callable[..., pd.DataFrame]) -> None:
    assert a_plan(messages="concerns").speaks_to_concerns
    assert not a_plan().speaks_to_concerns
    due = draw_due(buyers(people), None, a_plan(messages="concerns"), NOW)
    assert any("five times" in note for note in due.as_dict()["notes"])
    assert due.audiences[0].record["message_key"].isna().all()
