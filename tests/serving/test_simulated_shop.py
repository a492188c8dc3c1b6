"""All goals, and the example of a plan, on a simulated shop: from its files to the lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from penchant.config import read_config
from penchant.features.shop import Shop, open_shop
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Wave
from penchant.serving.audience.files import read_records
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.candidates.from_shop import known_at
from penchant.serving.candidates.gather import candidates_for, past_of
from penchant.serving.candidates.values import Candidates, Score
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.goals.eligible import of_goal
from penchant.serving.goals.offers import CONTROL
from penchant.serving.plan.draw import draw_due, write_plan
from penchant.serving.plan.file import load_plan
from penchant.serving.plan.solve import allocate_plan
from penchant.simulate import SimulationSettings, simulate

pytestmark = pytest.mark.slow

AS_OF = datetime(2025, 11, 10, 12)  # the evening of the example's peak, in Shanghai
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "double_eleven.toml"
TASKS = ("visit", "engagement", "conversion", "payment", "second_purchase", "repurchase", "churn")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = simulate(SimulationSettings(n_customers=2500, seed=3), tmp_path_factory.mktemp("simulated") / "shop")
    config = read_config({"tables": {name: {"path": f"{name}.parquet"} for name in made.tables}})
    with open_shop(config, made.folder) as shop:
        yield shop


@pytest.fixture(scope="module")
def candidates(shop: Shop) -> Candidates:
    known, rng = known_at(shop, AS_OF, list(GOALS.values())), np.random.default_rng(0)
    ids = known.frame["customer_id"]
    scores = [Score(task, pd.DataFrame({"customer_id": ids, "score": rng.beta(1, 9, len(ids))}), 30) for task in TASKS]
    return candidates_for(known, list(GOALS.values()), scores)


@pytest.mark.parametrize("name", sorted(set(GOALS) - {"winback"}))
def test_every_goal_runs_on_a_simulated_shop(shop: Shop, candidates: Candidates, name: str) -> None:
    goal = GOALS[name]
    ask = AudienceSettings(Wave(f"{name}-11", 1, AS_OF))
    audience = draw_audience(of_goal(candidates.frame, name), past_of(shop, AS_OF), goal, ask)
    assert 0 < audience.n_eligible < audience.n_candidates
    assert len(audience.treated)
    assert audience.record["recommended_category"].notna().any() or name in ("seed", "acquire")
    assert np.isfinite(audience.expected.profit.value)


def test_the_example_of_a_plan_runs_on_a_simulated_shop(shop: Shop, candidates: Candidates, tmp_path: Path) -> None:
    plan, past = load_plan(EXAMPLE), past_of(shop, AS_OF)
    dry = allocate_plan(candidates.frame, past, plan, AS_OF)
    assert {"d11-seed", "d11-interest", "d11-wake"} == set(dry.left_out)  # their days are over
    assert dry.expected.cost <= 3000
    assert dry.render() is not None
    due = draw_due(candidates.frame, past, plan, AS_OF)
    assert [each.settings.wave.campaign_id for each in due.audiences] == ["d11-harvest", "d11-regulars"]
    write_plan(due, tmp_path / "plan", {})
    record = read_records([tmp_path / "plan"])
    assert record is not None
    assert not record["customer_id"].duplicated().any()  # one campaign in a phase
    assert 0.05 < (record["arm"] == CONTROL).mean() < 0.15
