"""The loop of a campaign on the simulated shop: contact, measure, learn, and contact whom it changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from penchant.cli.commands.audience import run_audience
from penchant.cli.commands.measure import run_measure
from penchant.cli.commands.score import run_score
from penchant.cli.commands.train import run_train
from penchant.cli.options.campaigns import AudienceOptions, MeasureOptions
from penchant.cli.options.models import ScoreOptions, TrainOptions
from penchant.cli.work import Work
from penchant.serving.audience.cut import ListLimits
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Wave
from penchant.serving.audience.files import RECORD
from penchant.serving.audience.past import joined_assignments
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.candidates.gather import candidates_for
from penchant.serving.candidates.values import Known
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.goals.eligible import of_goal
from penchant.serving.score.files import read_scores, read_signals
from penchant.serving.score.read import read_known
from penchant.simulate import simulate, true_effects
from penchant.simulate.schedule import own_campaigns
from penchant.simulate.settings import SimulatedArm, SimulatedCampaign, SimulatedOffer, SimulationSettings

from .configuration import write_config
from .earned import Earned, earned

STARTS_AT, FIRST_AT = datetime(2024, 6, 1, tzinfo=UTC), datetime(2025, 11, 1, tzinfo=UTC)
SECOND_AT = FIRST_AT + timedelta(days=40)
DAYS = 30
GOAL, ARM = "second", "coupon"
FIRST, NEXT = (
    SimulatedCampaign(name, GOAL, at, (SimulatedArm(ARM, "email", SimulatedOffer("coupon", 5, 30, valid_days=10)),))
    for name, at in (("welcome-1", FIRST_AT), ("welcome-2", SECOND_AT))
)
FREIGHT_TEST = (
    SimulatedCampaign(  # penchant insight elasticity freight-2025-07-02 --freight --off pays=0 --off half=2.95
        "freight-2025-07-02",
        "retain",
        datetime(2025, 7, 2, tzinfo=UTC),
        (
            SimulatedArm("pays", "email", SimulatedOffer("free_freight", 0.0)),
            SimulatedArm("half", "email", SimulatedOffer("free_freight", 2.95, valid_days=30)),
        ),
        holdout=0.1,
        reach=1.0,
        phase="peak",
    )
)
HELD_OUT = 0.5  # a first campaign is there to learn from
TRIED = 0.9  # as many again as are worth it by the prior: lists by propensity alone teach about the likely alone
LIST_SHARE = 0.2  # of the one-time buyers, in each of the lists that are compared
APP_LIFT = 1.0  # who comes through the app is a better customer: what look-alikes find
EFFECT_SIZE = 3.0  # of the simulator's usual: one trial of two thousand customers can then tell


def demo_settings(n_customers: int, seed: int) -> SimulationSettings:
    """Return the shop up to the first wave: with campaigns of its own, but none for one-time buyers yet."""
    pace_days = (SECOND_AT - STARTS_AT).days
    settings = SimulationSettings(
        n_customers, seed, STARTS_AT, FIRST_AT, effect_size=EFFECT_SIZE, app_lift=APP_LIFT, pace_days=pace_days
    )
    others = tuple(campaign for campaign in own_campaigns(settings) if campaign.goal != GOAL)
    return replace(settings, campaigns=tuple(sorted((*others, FREIGHT_TEST), key=lambda one: one.starts_at)))


def first_wave(work: Work, out: Path, store: Path) -> pd.DataFrame:
    """Draw the first audience, ranked by propensity, and return its record."""
    run_audience(
        work,
        AudienceOptions(
            GOAL,
            FIRST_AT.isoformat(),
            holdout=HELD_OUT,
            exploring=TRIED,
            arm=[ARM],
            campaign=FIRST.campaign_id,
            scores=out / "score",
            replace=True,
            out=_wave_folder(out, FIRST),
            store=str(store),
        ),
    )
    return _record(out, FIRST)


def respond(work: Work, settings: SimulationSettings, given: pd.DataFrame, out: Path) -> Work:
    """Let the customers respond, measure what the first wave changed, and return a run on the shop as it is then."""
    with work.step(f"letting customers respond, until {SECOND_AT:%Y-%m-%d}"):
        simulate(replace(settings, ends_at=SECOND_AT), work.data_folder, given, [FIRST])
    write_config(work.config_file, SECOND_AT, work.data_folder.name)
    work = Work(work.shop_file, work.data, work.as_json, is_part=True)
    run_measure(work, MeasureOptions(FIRST.campaign_id, past=[out / "audience"], out=out / "measure"))
    return work


def second_wave(work: Work, settings: SimulationSettings, given: pd.DataFrame, out: Path, store: Path) -> Earned:
    """Learn from the first wave, draw the next audience, and return what it is truly worth."""
    learned = [FIRST.campaign_id]
    run_train(work, TrainOptions("uplift", out / "train-uplift", str(store), horizon=DAYS, goal=GOAL, campaign=learned))
    scored = out / "score-next"
    tasks = ["second_purchase", f"uplift.{GOAL}"]
    run_score(work, ScoreOptions(SECOND_AT.isoformat(), tasks, scored, str(store), reasons=False))
    others = rival_lists(work, scored, out)
    _next_audience(work, len(others["random"]), scored, out, store)
    with work.step("asking the simulator what each contact truly changes"):
        truth = true_effects(replace(settings, ends_at=SECOND_AT), SECOND_AT, NEXT, given, [FIRST])
    return earned(truth, {**others, "uplift": _record(out, NEXT)})


def _next_audience(work: Work, size: int, scored: Path, out: Path, store: Path) -> None:
    """Draw the audience that the uplift ranks."""
    run_audience(
        work,
        AudienceOptions(
            GOAL,
            SECOND_AT.isoformat(),
            size=size,
            arm=[ARM],
            campaign=NEXT.campaign_id,
            scores=scored,
            past=[out / "audience"],
            replace=True,
            out=_wave_folder(out, NEXT),
            store=str(store),
        ),
    )


def rival_lists(work: Work, scored: Path, out: Path) -> dict[str, pd.DataFrame]:
    """Return the records of the lists that the uplift's competes with: by lot, and as the first was ranked."""
    goal, at = GOALS[GOAL], SECOND_AT.replace(tzinfo=None)
    arms = tuple(arm for arm in goal.arms if arm.name == ARM)
    with work.step("drawing rival lists, by propensity and at random"):
        scores = read_scores(scored, ["second_purchase"])
        known, of_shop = cast("tuple[Known, pd.DataFrame | None]", read_known(scored))  # written a moment ago
        people = of_goal(candidates_for(known, [goal], scores, read_signals(scored)).frame, GOAL)
        past, _ = joined_assignments(lambda: of_shop, at, [_wave_folder(out, FIRST)], work)
    size = int(LIST_SHARE * goal.eligible.holds(people, GOAL).sum())
    settings = AudienceSettings(Wave(NEXT.campaign_id, 1, at, work.config.seed), arms, limits=ListLimits(size=size))
    lot = people.assign(uplift=np.random.default_rng(work.config.seed).random(len(people)), margin=1e6)
    lists = {"random": lot, "propensity": people}
    return {way: draw_audience(frame, past, goal, settings).record for way, frame in lists.items()}


def _wave_folder(out: Path, campaign: SimulatedCampaign) -> Path:
    return out / "audience" / campaign.campaign_id / "wave-1"


def _record(out: Path, campaign: SimulatedCampaign) -> pd.DataFrame:
    return pd.read_parquet(_wave_folder(out, campaign) / RECORD)
