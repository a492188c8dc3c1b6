"""A small shop with models of several kinds in use, quick to make and to score."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from penchant.config import read_config
from penchant.features.catalogue import task_of
from penchant.features.matrix import build
from penchant.features.outcomes.labels import eligible
from penchant.features.shop import Shop, shop_from_tables
from penchant.features.spine import Spine
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.estimators.value import ValueModel
from penchant.models.plain_parts import RulePart
from penchant.models.plain_scorer import Inputs, Output, Scorer, Term
from penchant.models.store.artifact import save
from penchant.progress import Done
from penchant.serving.score.champion import Champion
from penchant.serving.score.run import score, work_folder

AS_OF = datetime(2025, 3, 1)
TASKS = ("churn", "repurchase", "value", "conversion")


def shop(n: int = 240, seed: int = 0, backend: Any = None) -> Shop:
    """Return a shop of customers with none to five orders."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"c{i:04d}" for i in range(n)])
    bought = np.repeat(ids, rng.integers(0, 6, n))
    days = rng.uniform(0, 400, len(bought))
    orders = pd.DataFrame(
        {
            "customer_id": bought,
            "ordered_at": pd.Timestamp(AS_OF) - pd.to_timedelta(days, unit="D").round("s"),
            "order_id": [f"o{i}" for i in range(len(bought))],
            "amount": rng.integers(500, 9000, len(bought)),
        }
    )
    seen = rng.uniform(0, 120, n)
    visits = pd.DataFrame(
        {
            "customer_id": ids,
            "occurred_at": pd.Timestamp(AS_OF) - pd.to_timedelta(seen, unit="D").round("s"),
            "kind": rng.choice(["view", "cart"], n),
        }
    )
    people = pd.DataFrame({"customer_id": ids, "consent_email": True})
    config = read_config(
        {"shop": {"name": "small"}, "features": {"groups": ["recency", "frequency", "monetary"], "windows": [90, 365]}}
    )
    tables = {"orders": orders, "interactions": visits, "customers": people}
    return shop_from_tables(tables, config, backend)


def write_champions(shop: Shop, folder: Path) -> dict[str, Path]:
    """Write a model of each task, and an uplift of `retain`, and return their folders by name."""
    places = {}
    for name in TASKS:
        rows = eligible(shop, task_of(shop.config, name), Spine.at(shop, AS_OF))
        matrix = build(shop, Spine.of(shop, rows))
        signals = matrix.frame[[column.name for column in matrix.columns]]
        drawn = np.random.default_rng(1).random(len(signals))
        model = ValueModel(n_trees=5, n_folds=2) if name == "value" else PropensityModel(n_trees=5, n_folds=2)
        amount = np.where(drawn < 0.4, 0.0, drawn * 50)
        model.fit(signals, amount if name == "value" else (drawn < 0.4).astype(int))
        facts = {"task": name, "horizon_days": 60, "signals": [asdict(column) for column in matrix.columns]}
        places[name] = save(model, folder / name, facts)
    columns = [column for column in matrix.columns if column.name == "n_purchases"]
    scorer = Scorer(
        "uplift", Inputs(("n_purchases",)), (RulePart(0, 2.0, (), 0.05, 0.01),), (Output("email", 0.0, (Term(0),)),)
    )
    places["uplift.retain"] = folder / "uplift.retain"
    told = {"task": "uplift", "goal": "retain", "horizon_days": 30, "arms": ["email"]}
    save(scorer, places["uplift.retain"], told | {"signals": [asdict(one) for one in columns]})
    return places


def champions(places: dict[str, Path]) -> list[Champion]:
    """Return the champions in folders by name."""
    return [Champion.load(place, f"small.{name}/1") for name, place in places.items()]


def score_into(shop: Shop, champions: list[Champion], place: Path, done: Done = lambda _n, _of: None) -> None:
    """Write what champions say of the shop into a folder."""
    with work_folder(place / "out", "key") as work:
        score(shop, champions, AS_OF, place, work, done=done)
