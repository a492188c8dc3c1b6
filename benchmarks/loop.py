"""The loop on the simulator: what the second audience earns on the planted truth, once the first has been measured.

    python -m benchmarks.loop [--json] [--seeds 10] [--customers 30000]

A shop that has run no campaign ranks its buyers by propensity, contacts half of them by lot, measures what it
changed, learns from it whom a contact changes, and ranks again. Lists of one size, of the same day and the same
customers, are then compared on what the simulator knows and no shop can: the expected effect on each customer.
Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from penchant.config import read_config
from penchant.features.matrix import build
from penchant.features.outcomes.tasks import REPURCHASE, Span
from penchant.features.shop import Shop, open_shop
from penchant.features.spine import Spine
from penchant.serving.audience.cut import ListLimits
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Wave
from penchant.serving.audience.result import Audience
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.candidates.from_shop import known_at
from penchant.serving.candidates.gather import candidates_for, past_of
from penchant.serving.candidates.values import Score
from penchant.serving.goals.catalogue import SECOND
from penchant.serving.goals.eligible import Eligible, Where, of_goal
from penchant.serving.goals.offers import Arm, Offer
from penchant.serving.measure.campaign import measure
from penchant.serving.measure.verdict import Verdict
from penchant.simulate import SimulatedArm as SentArm
from penchant.simulate import SimulatedCampaign, SimulationSettings, simulate, true_effects
from penchant.simulate import SimulatedOffer as SentOffer
from penchant.simulate.shop import SimulatedShop
from penchant.training.baselines import predicted
from penchant.training.dataset import UpliftRows, snapshot_rows
from penchant.training.fit import Model, Recipe, fitted
from penchant.training.uplift.dataset import CampaignQuestion, collect
from penchant.training.uplift.evaluate import STACK
from penchant.training.uplift.fit import fit_on, makers

DAYS = 30
BUYERS = Eligible(all_of=(Where("n_orders", at_least=1),))
GOAL = replace(SECOND, horizon_days=DAYS, eligible=BUYERS)  # the next order, of whoever has bought
FIRST_AT, SECOND_AT = datetime(2024, 10, 1, tzinfo=UTC), datetime(2024, 11, 10, tzinfo=UTC)
ARM = Arm("cash_coupon", offer=Offer("cash_coupon", value=5.0))
SENT = SentArm("cash_coupon", "email", SentOffer("cash_coupon", 5.0))
FIRST, NEXT = (
    SimulatedCampaign(name, GOAL.name, at, (SENT,)) for name, at in (("first", FIRST_AT), ("next", SECOND_AT))
)
EFFECT_SIZE = 2.0  # twice the simulator's: a trial of some thousand customers can then tell them apart
CHOSEN_SHARE = 0.2  # of the eligible, in each of the lists that are compared
GIVEN = ["campaign_id", "customer_id", "arm", "wave", "assigned_at", "probability"]
GROUPS = ["recency", "frequency", "monetary", "price", "lifecycle", "category", "profile"]
ONE_WORTH = ", one worth"  # lists for which an order of every customer is taken to earn the same
MEASURES = {"orders": "effect_probability", "profit": "effect_profit"}

RIVALS = ("random", "propensity", "propensity" + ONE_WORTH)

Mangle = Callable[[UpliftRows], UpliftRows]


@dataclass(frozen=True)
class Played:
    """One turn of the loop.

    Attributes
    ----------
    verdict
        What measuring the first audience said.
    earned
        How the second list came about (random, propensity, uplift, the latter two also with ``ONE_WORTH``) -> the
        expected orders and profit that contacting its customers adds, per 1,000 of them; nothing where it is empty.
    """

    verdict: Verdict
    earned: Mapping[str, Mapping[str, float]]


def play(
    seed: int,
    n_customers: int,
    folder: Path,
    mangles: Mapping[str, Mangle] | None = None,
    effect_size: float = EFFECT_SIZE,
) -> Played:
    """Return what one turn of the loop earned, in a shop of its own.

    Parameters
    ----------
    seed, n_customers
        Of the simulated shop.
    folder
        Where its files go.
    mangles
        Further lists by name: what is done to the rows of the trial before the uplift learns from them.
    effect_size
        Factor on what a contact truly changes.
    """
    settings = SimulationSettings(
        n_customers, seed, ends_at=FIRST_AT, campaigns=(), pace_days=274, effect_size=effect_size
    )
    with opened(simulate(settings, folder / "before"), FIRST_AT) as shop:
        model = learn_propensity(shop, seed)
        first = first_audience(shop, model, seed)
    given, later = first.record[GIVEN], replace(settings, ends_at=SECOND_AT)
    with opened(simulate(later, folder / "after", given, [FIRST]), SECOND_AT) as shop:
        verdict = measure(shop, FIRST.campaign_id).verdict
        rows = collect(shop, CampaignQuestion(GOAL.name, GOAL.outcome, DAYS))
        taught = {"uplift": rows} | {name: mangle(rows) for name, mangle in (mangles or {}).items()}
        uplifts = {name: fit_on(makers(seed)[STACK](), own) for name, own in taught.items()}
        lists = second_lists(shop, model, uplifts, seed)
    truth = true_effects(later, SECOND_AT, NEXT, given, [FIRST])
    return Played(verdict, {name: earned(truth, one) for name, one in lists.items()})


@contextmanager
def opened(made: SimulatedShop, ends_at: datetime) -> Iterator[Shop]:
    """Open a simulated shop; without the tables of campaigns where none was run."""
    names = [name for name in made.tables if made.n_rows[name]]
    tables = {name: {"path": f"{name}.parquet"} for name in names}
    features = {"groups": GROUPS, "windows": [90]}
    config = read_config({"tables": tables, "features": features, "shop": {"extract_end": ends_at}})
    with open_shop(config, made.folder, checked=False) as shop:
        yield shop


def learn_propensity(shop: Shop, seed: int) -> Model:
    """Return a model of who buys again, of itself."""
    before = FIRST_AT.replace(tzinfo=None) - timedelta(days=DAYS)
    rows = snapshot_rows(shop, REPURCHASE, [before], Span(0, DAYS))
    return fitted(REPURCHASE, rows, seed, Recipe({"n_trees": 60}, n_folds=2))


def first_audience(shop: Shop, model: Model, seed: int) -> Audience:
    """Return the first audience: ranked by propensity, half of it held out, as many again tried out below the cut."""
    at = FIRST_AT.replace(tzinfo=None)
    signals = build(shop, Spine.at(shop, at)).frame
    people = candidates_for(known_at(shop, at), [GOAL], [propensities(model, signals)]).frame
    settings = AudienceSettings(Wave(FIRST.campaign_id, 1, at, seed), (ARM,), holdout=0.5, exploring=0.9)
    return draw_audience(of_goal(people, GOAL.name), None, GOAL, settings)


def propensities(model: Model, signals: pd.DataFrame) -> Score:
    """Return the chance to buy again of everyone who has bought."""
    bought = signals[signals["n_purchases"] > 0]
    scores = predicted(model, bought[model.feature_names_in_])
    return Score(REPURCHASE.name, pd.DataFrame({"customer_id": bought["customer_id"], "score": scores}), DAYS)


def second_lists(shop: Shop, model: Model, uplifts: Mapping[str, Any], seed: int) -> dict[str, Audience]:
    """Return the lists of the second day, of one size: by propensity, by lot, and by each of the uplifts."""
    at = SECOND_AT.replace(tzinfo=None)
    known, signals, past = known_at(shop, at), build(shop, Spine.at(shop, at)).frame, past_of(shop, at)
    alone = propensities(model, signals)
    people = {"propensity": of_goal(candidates_for(known, [GOAL], [alone]).frame, GOAL.name)}
    for name, uplift in uplifts.items():
        scores = [alone, _uplifts(uplift, signals)]
        people[name] = of_goal(candidates_for(known, [GOAL], scores).frame, GOAL.name)
    for name, own in list(people.items()):
        people[name + ONE_WORTH] = own.assign(margin=own["margin"].mean())
    lot = np.random.default_rng(seed).random(len(known.frame))
    people["random"] = people["propensity"].assign(uplift=lot, margin=1e6)
    size = int(CHOSEN_SHARE * GOAL.eligible.holds(known.frame, GOAL.name).sum())
    settings = AudienceSettings(
        Wave(NEXT.campaign_id, 1, at, seed), (ARM,), limits=ListLimits(size=size), exploring=0.0
    )
    return {name: draw_audience(own, past, GOAL, settings) for name, own in people.items()}


def _uplifts(model: Any, signals: pd.DataFrame) -> Score:
    """Return the uplift of whoever has bought; the churned are left alone, so that no campaign teaches of them."""
    bought = signals[(signals["n_purchases"] > 0) & (signals["stage"] != "churned")]
    uplift = np.asarray(model.predict_uplift(bought[list(model.feature_names_in_)])).ravel()
    scored = pd.DataFrame({"customer_id": bought["customer_id"], "uplift": uplift})
    return Score("uplift", scored, DAYS, GOAL.name)


def earned(truth: pd.DataFrame, audience: Audience) -> dict[str, float]:
    """Return what contacting all of an audience is truly expected to add, per 1,000 customers."""
    chosen = truth.set_index("customer_id").loc[audience.record["customer_id"]]
    n = max(1, len(chosen))
    return {name: 1000 * float(chosen[column].sum()) / n for name, column in MEASURES.items()}


def difference(turns: Sequence[Played], measure: str, of: str, against: str, level: float = 0.95) -> dict[str, float]:
    """Return the mean difference between two ways to choose over seeds, with its interval (Student's t)."""
    apart = np.array([turn.earned[of][measure] - turn.earned[against][measure] for turn in turns])
    half = stats.t.ppf((1 + level) / 2, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart))
    mean = float(apart.mean())
    return {"value": mean, "low": mean - float(half), "high": mean + float(half)}


def run(n_seeds: int, n_customers: int) -> dict[str, Any]:
    """Return means over seeds, differences with intervals, and the aims."""
    started, turns = process_time(), []
    for seed in range(n_seeds):
        with tempfile.TemporaryDirectory() as folder:
            turns.append(play(seed, n_customers, Path(folder)))
    ways = tuple(turns[0].earned)
    means = {
        way: {name: float(np.mean([turn.earned[way][name] for turn in turns])) for name in MEASURES} for way in ways
    }
    pairs = [("uplift", "random"), ("uplift", "propensity"), *((f"uplift{ONE_WORTH}", way) for way in RIVALS)]
    apart = {
        f"{name}: {of} less {against}": difference(turns, name, of, against)
        for name in MEASURES
        for of, against in pairs
    }
    aims = [
        {"name": f"{name}, lower bound", "value": found["low"], "aim": "> 0", "met": found["low"] > 0}
        for name, found in apart.items()
        if name.startswith("profit")  # what lists are ranked by
    ]
    return {
        "seeds": n_seeds,
        "customers": n_customers,
        "per_1000": means,
        "differences": apart,
        "seconds_cpu_each": (process_time() - started) / n_seeds,
        "aims": aims,
    }


def main() -> None:
    """Run it and print what it found."""
    parser = argparse.ArgumentParser(description="What the second audience earns, on the planted truth.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--customers", type=int, default=30_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = run(asked.seeds, asked.customers)
    if asked.json:
        print(json.dumps(found))
        return
    print(f"{asked.seeds} shops of {asked.customers:,} customers, {found['seconds_cpu_each']:.0f} CPU s each")
    print(pd.DataFrame(found["per_1000"]).T.round(1).to_string())
    for name, one in found["differences"].items():
        print(f"{name:<60}{one['value']:>9,.1f} [{one['low']:,.1f}, {one['high']:,.1f}]")


if __name__ == "__main__":
    main()
