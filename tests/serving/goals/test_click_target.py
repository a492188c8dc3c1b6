"""A campaign that is after clicks: read from assignments, ranked by the model or the crowd's own rate, measured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import LeftOutError
from penchant.features.outcomes.success import read_outcomes
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.audience.expected_profit import uplift_by_prior
from penchant.serving.candidates.from_shop import candidates_at
from penchant.serving.candidates.values import Score
from penchant.serving.goals.catalogue import goal_named
from penchant.serving.goals.eligible import of_goal
from penchant.serving.measure.campaign import measure
from penchant.serving.measure.settings import MeasureSettings

NOW = datetime(2025, 3, 1)
GOAL = goal_named("retain_for_click")


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Return 200 buyers, a half written to 40 and 10 days ago, of whom 30 clicked the day after, each time."""
    ids = [f"c{place:03}" for place in range(200)]
    orders = pd.DataFrame(
        {"customer_id": ids, "ordered_at": NOW - timedelta(days=50), "order_id": ids, "amount": 2_000}
    )
    waves = []
    for wave, days in ((1, 40), (2, 10)):
        at = NOW - timedelta(days=days)
        sent = pd.DataFrame({"campaign_id": f"mail{wave}", "customer_id": ids, "assigned_at": at, "wave": 1})
        treated = np.arange(200) % 2 == 0
        clicked = treated & (np.arange(200) < 60)
        sent["arm"] = np.where(treated, "reminder", "control")
        sent["contacted_at"] = pd.to_datetime([at if one else None for one in treated])
        sent["clicked_at"] = pd.to_datetime([at + timedelta(days=1) if one else None for one in clicked])
        waves.append(sent.assign(probability=0.5))
    tables = {"orders": orders, "assignments": pd.concat(waves, ignore_index=True)}
    with shop_from_tables(tables, read_config({"shop": {"extract_end": NOW}})) as one:
        yield one


def test_clicks_are_the_success_within_the_horizon(shop: Shop) -> None:
    rows = pd.DataFrame({"customer_id": ["c000", "c001", "c100"], "assigned_at": NOW - timedelta(days=20)})
    assert read_outcomes(shop, rows, GOAL.outcome, 14)["success"].tolist() == [1.0, 0.0, 0.0]
    assert read_outcomes(shop, rows, GOAL.outcome, 10)["success"].tolist() == [0.0, 0.0, 0.0]
    bare = shop_from_tables({"orders": shop.tables["orders"].to_pandas()})
    with bare, pytest.raises(LeftOutError, match="clicked_at"):
        read_outcomes(bare, rows, GOAL.outcome, 14)


def test_the_crowds_own_rate_stands_where_the_model_says_nothing(shop: Shop) -> None:
    alone = of_goal(candidates_at(shop, NOW, [GOAL]).frame, GOAL.name)["propensity"]
    assert 0 < alone.mean() < 0.3
    score = pd.DataFrame({"customer_id": ["c000"], "score": [0.9]})
    scores = [Score("click", score, GOAL.horizon_days, version="click 1")]
    found = of_goal(candidates_at(shop, NOW, [GOAL], scores).frame, GOAL.name).set_index("customer_id")["propensity"]
    assert found["c000"] == pytest.approx(0.9)
    assert found.drop("c000").to_numpy() == pytest.approx(alone.iloc[1:].to_numpy())


def test_all_clicks_are_the_messages_own() -> None:
    assert GOAL.prior is not None
    assert uplift_by_prior(np.array([0.0, 0.2, 1.0]), GOAL.prior, 1.0, 14).tolist() == [0.0, 0.2, 1.0]
    assert "nobody clicks" in GOAL.prior.words


def test_a_campaign_is_measured_by_its_clicks(shop: Shop) -> None:
    response = measure(shop, "mail1", MeasureSettings(outcome="click")).headline.response
    assert response.treated.value == pytest.approx(0.3)
    assert response.control.value == 0.0
