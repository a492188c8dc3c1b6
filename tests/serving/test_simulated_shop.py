"""All goals, and the example of a plan, on a simulated shop: from its files to the lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
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
from penchant.serving.candidates.rates import goal_rates
from penchant.serving.candidates.values import Candidates, Score
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.goals.eligible import of_goal
from penchant.serving.goals.offers import CONTROL
from penchant.serving.plan.draw import draw_due, write_plan
from penchant.serving.plan.file import load_plan
from penchant.serving.plan.solve import allocate_plan
from penchant.simulate import SimulationSettings, simulate
from penchant.simulate.chances import chances, paid_within
from penchant.simulate.contacts import SimulatedAssignments
from penchant.simulate.history import lived
from penchant.simulate.traits import n_appearing
from penchant.simulate.world import World

pytestmark = pytest.mark.slow

SETTINGS = SimulationSettings(n_customers=2500, seed=3)
AS_OF = datetime(2025, 11, 10, 12)  # the evening of the example's peak, in Shanghai
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "double_eleven.toml"
TASKS = ("visit", "engagement", "conversion", "payment", "second_purchase", "repurchase", "churn")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = simulate(SETTINGS, tmp_path_factory.mktemp("simulated") / "shop")
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


def test_the_worth_of_a_strangers_visit_is_the_planted_one(shop: Shop) -> None:
    """Of strangers who come within a fortnight, as many buy as the simulator lets; of all who ever came, many more."""
    rate = goal_rates(shop, AS_OF, [GOALS["seed"]])["seed"]
    come, buy = np.sum([planted(AS_OF - timedelta(days=14 * window)) for window in range(1, 5)], axis=0)
    sure = 3 * np.sqrt(buy / come * (1 - buy / come) / (rate.success * rate.n))
    assert abs(rate.bought - buy / come) < sure
    customers = shop.tables["orders"].customer_id.nunique().execute()
    visitors = shop.tables["interactions"].customer_id.nunique().execute()
    assert customers / visitors > buy / come + 3 * sure


def planted(at: datetime) -> tuple[float, float]:
    """Return how many strangers the simulator lets come within the fortnight from a midnight on, and how many buy."""
    world, day = World.of(SETTINGS), (at - datetime(2024, 1, 1)).days
    life, _ = lived(np.arange(n_appearing(SETTINGS)), world, SimulatedAssignments.joined([]), day)
    is_stranger = (life.state.arrived < day) & (life.state.last_visit < day - 90)
    who, state = life.who.take(np.flatnonzero(is_stranger)), life.state.take(np.flatnonzero(is_stranger))
    in_time = paid_within(who, 14)[::-1]
    days = [chances(who, state, day + ahead, world.season) for ahead in range(14)]
    come = 1 - np.prod([1 - one.visit for one in days], axis=0)
    buy = 1 - np.prod([1 - one.visit * one.order * in_time[ahead] for ahead, one in enumerate(days)], axis=0)
    return float(come.sum()), float(buy.sum())
