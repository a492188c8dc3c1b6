"""The loop of a campaign on the simulated shop: contact, measure, learn, and what the next list earns on the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from penchant.cli.work import Work
from penchant.simulate.settings import SimulatedArm, SimulatedCampaign, SimulatedOffer, SimulationSettings

if TYPE_CHECKING:
    import pandas as pd

    from penchant.models.inputs.estimate import Estimate

STARTS_AT, FIRST_AT = datetime(2024, 6, 1, tzinfo=UTC), datetime(2025, 11, 1, tzinfo=UTC)
SECOND_AT = FIRST_AT + timedelta(days=40)
DAYS = 30
GOAL, ARM = "second", "coupon"
FIRST, NEXT = (
    SimulatedCampaign(name, GOAL, at, (SimulatedArm(ARM, "email", SimulatedOffer("coupon", 5, 30, valid_days=10)),))
    for name, at in (("welcome-1", FIRST_AT), ("welcome-2", SECOND_AT))
)
HELD_OUT = 0.5  # a first campaign is there to learn from
TRIED = 0.9  # as many again as are worth it by the prior: lists by propensity alone teach about the likely alone
LIST_SHARE = 0.2  # of the one-time buyers, in each of the lists that are compared
EFFECT_SIZE = 3.0  # of the simulator's usual: one trial of two thousand customers can then tell
PER = 1000
MEASURES = {"orders": "effect_probability", "profit": "effect_profit"}


@dataclass(frozen=True)
class Earned:
    """What lists of one size would truly add, per 1,000 customers contacted.

    Attributes
    ----------
    lists
        How a list was ranked -> expected orders and profit, with intervals over its customers.
    better
        The uplift's list less each other: the same differences.
    n
        How a list was ranked -> its customers.
    """

    lists: Mapping[str, Mapping[str, Estimate]]
    better: Mapping[str, Mapping[str, Estimate]]
    n: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers by name."""

        def plain(found: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Any]:
            return {way: {name: one.as_dict() for name, one in numbers.items()} for way, numbers in found.items()}

        return {"per": PER, "n": dict(self.n), **plain(self.lists), "uplift_less": plain(self.better)}


def settings_of(n_customers: int, seed: int) -> SimulationSettings:
    """Return the shop up to the first wave: with campaigns of its own, but none for one-time buyers yet."""
    from penchant.simulate.schedule import own_campaigns

    pace_days = (SECOND_AT - STARTS_AT).days
    settings = SimulationSettings(n_customers, seed, STARTS_AT, FIRST_AT, effect_size=EFFECT_SIZE, pace_days=pace_days)
    others = tuple(one for one in own_campaigns(settings) if one.goal != GOAL)
    return replace(settings, campaigns=others)


def first_wave(context: typer.Context, out: Path, store: Path) -> pd.DataFrame:
    """Draw the first audience, ranked by propensity, and return its record."""
    from penchant.cli.campaign_commands import audience

    audience(
        context,
        GOAL,
        FIRST_AT.isoformat(),
        holdout=HELD_OUT,
        exploring=TRIED,
        arm=[ARM],
        campaign=FIRST.campaign_id,
        scores=out / "score",
        again=True,
        out=out / "audience" / FIRST.campaign_id / "wave-1",
        store=store,
    )
    return _record(out, FIRST)


def second_wave(
    context: typer.Context, settings: SimulationSettings, given: pd.DataFrame, out: Path, store: Path
) -> Earned:
    """Let the customers respond, measure, learn, draw the next audience, and return what it is truly worth."""
    from penchant.cli.campaign_commands import audience
    from penchant.cli.demo import write_config
    from penchant.cli.measure_commands import measure
    from penchant.cli.model_commands import train
    from penchant.cli.score_commands import score
    from penchant.simulate import simulate, true_effects

    work: Work = context.obj
    later = replace(settings, ends_at=SECOND_AT)
    with work.step(f"letting customers respond, until {SECOND_AT:%Y-%m-%d}"):
        simulate(later, work.data_folder, given, [FIRST])
    write_config(work.config_file, SECOND_AT, work.data_folder.name)
    context.obj = work = Work(work.shop_file, work.data, work.as_json, is_part=True)
    measure(context, FIRST.campaign_id, past=[out / "audience"], out=out / "measure")
    learned = [FIRST.campaign_id]
    train(context, "uplift", out / "train-uplift", store, horizon=DAYS, goal=GOAL, campaign=learned)
    tasks, scored, as_of = ["second_purchase", f"uplift.{GOAL}"], out / "score-next", SECOND_AT.isoformat()
    score(context, as_of, tasks, scored, store, reasons=False)
    others = rival_lists(work, scored, out)
    audience(
        context,
        GOAL,
        as_of,
        size=len(others["random"]),
        arm=[ARM],
        campaign=NEXT.campaign_id,
        scores=scored,
        past=[out / "audience"],
        again=True,
        out=out / "audience" / NEXT.campaign_id / "wave-1",
        store=store,
    )
    with work.step("asking the simulator what each contact truly changes"):
        truth = true_effects(later, SECOND_AT, NEXT, given, [FIRST])
    return earned(truth, {**others, "uplift": _record(out, NEXT)})


def rival_lists(work: Work, scored: Path, out: Path) -> dict[str, pd.DataFrame]:
    """Return the records of the lists that the uplift's competes with: by lot, and as the first was ranked."""
    import numpy as np

    from penchant.cli.gathering import past_of_shop
    from penchant.serving.audience.cut import Limits
    from penchant.serving.audience.draw import AudienceSettings, draw_audience
    from penchant.serving.audience.exclusions import Wave
    from penchant.serving.candidates.gather import gather
    from penchant.serving.goals.catalogue import GOALS
    from penchant.serving.goals.eligible import of_goal
    from penchant.serving.score.files import read_scores, read_signals

    goal, at = GOALS[GOAL], SECOND_AT.replace(tzinfo=None)
    arms = tuple(arm for arm in goal.arms if arm.name == ARM)
    with work.shop() as shop, work.step("drawing lists by propensity and by lot beside it"):
        scores = read_scores(scored, ["second_purchase"])
        people = of_goal(gather(shop, at, [goal], scores, read_signals(scored)).frame, GOAL)
        past, _ = past_of_shop(work, shop, at, [out / "audience" / FIRST.campaign_id / "wave-1"])
    size = int(LIST_SHARE * goal.eligible.holds(people, GOAL).sum())
    settings = AudienceSettings(Wave(NEXT.campaign_id, 1, at, work.config.seed), arms, limits=Limits(size=size))
    lot = people.assign(uplift=np.random.default_rng(work.config.seed).random(len(people)), margin=1e6)
    drawn = {"random": lot, "propensity": people}
    return {way: draw_audience(own, past, goal, settings).record for way, own in drawn.items()}


def earned(truth: pd.DataFrame, lists: Mapping[str, pd.DataFrame]) -> Earned:
    """Return what contacting everyone on each list would truly add."""
    by_customer = truth.set_index("customer_id")
    effects = {way: by_customer.loc[record["customer_id"]] for way, record in lists.items()}
    means = {way: {name: _mean(own[column]) for name, column in MEASURES.items()} for way, own in effects.items()}
    better = {
        way: {name: _difference(effects["uplift"][column], effects[way][column]) for name, column in MEASURES.items()}
        for way in lists
        if way != "uplift"
    }
    return Earned(means, better, {way: len(record) for way, record in lists.items()})


def _mean(effect: pd.Series[float]) -> Estimate:
    values = effect.to_numpy(float)
    return _around(PER * float(values.mean()), PER * float(values.std(ddof=1)) / len(values) ** 0.5)


def _difference(mine: pd.Series[float], other: pd.Series[float]) -> Estimate:
    """Return the difference of two lists' means; customers who are on both add nothing to its uncertainty."""
    value = PER * float(mine.to_numpy(float).mean() - other.to_numpy(float).mean())
    alone = [mine[~mine.index.isin(other.index)], other[~other.index.isin(mine.index)]]
    parts = [
        len(own) * float(own.to_numpy(float).var(ddof=1)) / len(whole) ** 2 if len(own) > 1 else 0.0
        for own, whole in zip(alone, (mine, other), strict=True)
    ]
    return _around(value, PER * sum(parts) ** 0.5)


def _around(value: float, error: float) -> Estimate:
    from penchant.models.inputs.estimate import Estimate

    return Estimate(value, value - 1.96 * error, value + 1.96 * error)


def _record(out: Path, campaign: SimulatedCampaign) -> pd.DataFrame:
    import pandas as pd

    from penchant.serving.audience.files import RECORD

    return pd.read_parquet(out / "audience" / campaign.campaign_id / "wave-1" / RECORD)


def show_earned(work: Work, found: Earned) -> None:
    """Show the lists beside each other."""
    from rich.table import Table

    title = f"What the next list truly adds, per {PER:,} customers contacted (the simulator's truth)"
    grid = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    for name in ("ranked by", "customers", "orders", "profit, EUR", "uplift's list against it, profit"):
        grid.add_column(name, justify="left" if name == "ranked by" else "right", no_wrap=True)
    for way in ("random", "propensity", "uplift"):
        numbers = found.lists[way]
        against = found.better[way]["profit"] if way in found.better else None
        cells = (_told(numbers["orders"], 1), _told(numbers["profit"], 0))
        grid.add_row(way, f"{found.n[way]:,}", *cells, "" if against is None else _told(against, 0, "+"))
    work.show_wide("", grid)


def _told(number: Estimate, digits: int, sign: str = "") -> str:
    shown = [f"{end:,.{digits}f}" for end in (number.low, number.high)]
    return f"{number.value:{sign},.{digits}f} [dim]{shown[0]}..{shown[1]}[/]"
