"""Propensity models on real data: beside every baseline, beside FLAML and beside LightGBM as it comes.

    python -m benchmarks.propensity [--data ../shared/data] [--json] [--seeds 5] [--flaml-seconds 60]

First how long a training takes, in seconds of the wall and of the processor (`benchmarks.propensity_speed`).
Everything with the defaults that penchant ships, one after the other in one process. FLAML comes with the ``bench``
extra; where it is missing its row is left out, and the output says so.

CDNOW: all 23,570 customers at week 39, asked for a purchase in the following 39 weeks, by models that know only what
was known then. No label of 39 weeks is over by that time, so the model learns 90 days, and
`penchant.models.baselines.pace` carries its probabilities to 273 days, with the pace learned from the first half of
the same labels. BG/NBD and Pareto/NBD need no labels: they are fitted to the histories of week 39. As reference a
model that learned from other customers' answers of the hold-out itself, which no shop can have.

Online Retail II: 90 days from 2011-09-10 (which hold Christmas), repurchase of all customers and churn of the active
ones; everyone learns from the same rows of the same six snapshots.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from benchmarks.propensity_speed import speed, speed_aims
from penchant.config import TaskSection, load_config
from penchant.features.catalogue import task_of
from penchant.features.outcomes.labels import label
from penchant.features.outcomes.tasks import Span, Task
from penchant.features.shop import Shop, open_shop
from penchant.models.baselines.btyd_estimators import PurchaseChance
from penchant.models.baselines.leaderboard import baselines_for
from penchant.models.baselines.pace import fit_pace
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.evaluation.comparison import Comparison, compare
from penchant.models.evaluation.metrics import evaluate
from penchant.models.inputs.folds import grouped_folds
from penchant.training.dataset import Dataset, snapshot_rows

ROOT = Path(__file__).resolve().parent.parent
DEFAULTS = TaskSection()
HORIZON_DAYS = 90
WEEK_39, LAST_DAY, HOLD_OUT_DAYS = datetime(1997, 10, 1), datetime(1998, 7, 1), 273
RETAIL_AT = datetime(2011, 9, 9, 23)  # midnight of the tenth in London
AIMED_AUC, AIMED_BRIER, AIMED_BIAS = 0.770, 0.160, 10.0
SHOWN = ("auc", "brier", "log_loss", "bias_percent", "spend_top_tenth")
BEFORE_CHRISTMAS = "the model learned from spring and summer, and is judged on the weeks before Christmas"


@dataclass(frozen=True)
class Judged:
    """Predictions of one test by name, and which of them is ours."""

    test: Dataset
    scores: Mapping[str, np.ndarray]
    seconds: Mapping[str, float]

    def table(self) -> dict[str, dict[str, Any]]:
        """Return the metrics of each with intervals, by customers drawn anew."""
        same: dict[str, Any] = {"groups": self.test.customer_id, "amount": self.test.amount}
        found = {name: evaluate(self.test.label, score, **same) for name, score in self.scores.items()}
        return {
            name: {metric: numbers[metric].as_dict() for metric in SHOWN if metric in numbers}
            | {"seconds": round(self.seconds.get(name, float("nan")), 1)}
            for name, numbers in found.items()
        }

    def against(self, metric: str = "auc") -> dict[str, Comparison]:
        """Return our model against each other one, on the same draws."""
        others = {name: score for name, score in self.scores.items() if name != "penchant"}
        return {
            name: compare(
                self.test.label,
                {"penchant": self.scores["penchant"], name: score},
                name,
                groups=self.test.customer_id,
                amount=self.test.amount,
            )["penchant"][metric]
            for name, score in others.items()
        }


def note(text: str) -> None:
    """Tell a person what is going on."""
    print(text, file=sys.stderr, flush=True)


def snapshots(last: datetime, first: datetime, horizon_days: int) -> list[datetime]:
    """Return the training snapshots that the defaults choose before a moment."""
    latest = last - timedelta(days=horizon_days)
    found = [latest - timedelta(days=DEFAULTS.every_days * back) for back in range(DEFAULTS.n_snapshots)]
    return sorted(at for at in found if at >= first + timedelta(days=horizon_days))


def ours(task: Task, rows: Dataset, seed: int) -> PropensityModel:
    """Return our model with its defaults, fitted."""
    monotone = {column.name: task.buying * column.buying for column in rows.columns if column.buying}
    return PropensityModel(monotone=monotone, seed=seed).fit(rows.features, rows.label, groups=rows.customer_id)


def chance(model: Any, rows: Dataset) -> np.ndarray:
    """Return the probability of the outcome of each row."""
    return np.asarray(model.predict_proba(rows.features)[:, 1], dtype=np.float64)


def timed(fit: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    """Return what a function gives, and its CPU seconds."""
    start = time.process_time()
    found = fit()
    return np.clip(found, 1e-9, 1 - 1e-9), time.process_time() - start


def cdnow(data: Path, n_seeds: int) -> dict[str, Any]:
    """Return how well a purchase within 39 weeks is told at week 39."""
    config = load_config(ROOT / "examples" / "cdnow.toml")
    config = config.model_copy(
        update={"shop": config.shop.model_copy(update={"extract_end": LAST_DAY})}
    )  # days only: the last of them is whole
    note("CDNOW: signals and labels")
    with open_shop(config, data / "cdnow") as shop:
        task = task_of(shop.config, "repurchase")
        test = snapshot_rows(shop, task, [WEEK_39], Span(0, HOLD_OUT_DAYS))
        instants = snapshots(WEEK_39, datetime(1997, 1, 1), HORIZON_DAYS)
        rows = snapshot_rows(shop, task, instants, Span(0, HORIZON_DAYS))
        half = _labels_of(shop, task, rows, HORIZON_DAYS // 2)
    scores, seconds = _cdnow_baselines(rows, test, half)
    by_seed, powers = [], []
    for seed in range(n_seeds):
        note(f"CDNOW: our model, seed {seed}")
        start = time.process_time()
        model = ours(task, rows, seed)
        pace = fit_pace(model.left_out_, half, HORIZON_DAYS, HORIZON_DAYS // 2)
        by_seed.append(pace.within(chance(model, test), HORIZON_DAYS, HOLD_OUT_DAYS))
        seconds["penchant"] = time.process_time() - start
        powers.append(pace.power)
    scores = {"penchant": by_seed[0], **scores}
    note("CDNOW: the reference that has seen the answers")
    scores["learned from the hold-out"] = _from_the_answers(task, test)
    judged = Judged(test, scores, seconds)
    return {
        "n_test": len(test),
        "base_rate": float(test.label.mean()),
        "snapshots": [at.isoformat() for at in instants],
        "pace": powers,
        "by_seed": [_plain(test, score) for score in by_seed],
        "table": judged.table(),
        "against": {name: found.as_dict() for name, found in judged.against().items()},
    }


def _labels_of(shop: Shop, task: Task, rows: Dataset, days: int) -> np.ndarray:
    """Return the outcome of the same rows within other days."""
    found = label(shop, task, sorted(rows.as_of.unique()), 0, days).frame
    keys = pd.DataFrame({"customer_id": rows.customer_id, "as_of": rows.as_of.to_numpy()})
    found = found.astype({"as_of": keys["as_of"].dtype})
    joined = keys.merge(found, on=["customer_id", "as_of"], how="left", validate="one_to_one")
    return joined["label"].to_numpy(np.float64)


def _cdnow_baselines(rows: Dataset, test: Dataset, half: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Return the baselines' probabilities within 39 weeks: those that learn labels carried like ours."""
    scores, seconds = {}, {}
    last = rows.at([rows.as_of.max()])
    is_last = (rows.as_of == rows.as_of.max()).to_numpy()
    estimators, _ = baselines_for("binary", test.features.columns, HOLD_OUT_DAYS)
    for name, estimator in estimators.items():
        if isinstance(estimator, PurchaseChance):
            scores[name], seconds[name] = timed(lambda: chance(estimator.fit(test.features), test))  # noqa: B023
            continue
        learned = rows if name == "logistic" else last
        known = half if name == "logistic" else half[is_last]

        def carried(estimator: Any = estimator, learned: Dataset = learned, known: Any = known) -> np.ndarray:
            estimator.fit(learned.features, learned.label)
            pace = fit_pace(chance(estimator, learned), known, HORIZON_DAYS, HORIZON_DAYS // 2)
            return pace.within(chance(estimator, test), HORIZON_DAYS, HOLD_OUT_DAYS)

        scores[name], seconds[name] = timed(carried)
    return scores, seconds


def _from_the_answers(task: Task, test: Dataset) -> np.ndarray:
    fold = grouped_folds(test.label, test.customer_id, 5, 0)
    found = np.empty(len(test))
    for number in np.unique(fold):
        found[fold == number] = chance(ours(task, test.where(fold != number), 0), test.where(fold == number))
    return found


def _plain(test: Dataset, p: np.ndarray) -> dict[str, float]:
    numbers = evaluate(test.label, p, n_draws=2)
    return {metric: numbers[metric].value for metric in ("auc", "brier", "bias_percent")}


def retail(data: Path, name: str, n_seeds: int, flaml_seconds: int) -> dict[str, Any]:
    """Return how well a task of Online Retail II is told on 2011-09-10."""
    config = load_config(ROOT / "examples" / "online_retail.toml")
    note(f"Online Retail II, {name}: signals and labels")
    with open_shop(config, data / "online_retail_ii") as shop:
        task = task_of(shop.config, name)
        span = Span(0, HORIZON_DAYS)
        instants = snapshots(RETAIL_AT, datetime(2009, 12, 1), HORIZON_DAYS)
        both = snapshot_rows(shop, task, [*instants, RETAIL_AT], span)
    rows, test = both.at(instants), both.at([RETAIL_AT])
    scores, seconds = _retail_baselines(task, rows, test)
    by_seed = []
    for seed in range(n_seeds):
        note(f"Online Retail II, {name}: our model, seed {seed}")
        p, took = timed(lambda: chance(ours(task, rows, seed), test))  # noqa: B023
        by_seed.append(p)
        seconds["penchant"] = took
    peers, left_out = _peers(rows, test, flaml_seconds)
    scores = {"penchant": by_seed[0], **scores, **{peer: p for peer, (p, _) in peers.items()}}
    judged = Judged(test, scores, seconds | {peer: took for peer, (_, took) in peers.items()})
    return {
        "n_train": len(rows),
        "n_test": len(test),
        "base_rates": {"train": float(rows.label.mean()), "test": float(test.label.mean())},
        "note": BEFORE_CHRISTMAS,
        "by_seed": [_plain(test, p) for p in by_seed],
        "table": judged.table(),
        "against": {other: found.as_dict() for other, found in judged.against().items()},
        "left_out": left_out,
    }


def _retail_baselines(task: Task, rows: Dataset, test: Dataset) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    outcome = "none" if task.name == "churn" else "purchase"
    estimators, _ = baselines_for("binary", test.features.columns, HORIZON_DAYS, outcome)
    scores, seconds = {}, {}
    last = rows.at([rows.as_of.max()])
    for name, estimator in estimators.items():
        learned = last if isinstance(estimator, PurchaseChance) else rows

        def fit(estimator: Any = estimator, learned: Dataset = learned) -> np.ndarray:
            return chance(estimator.fit(learned.features, learned.label, groups=learned.customer_id), test)

        scores[name], seconds[name] = timed(fit)
    return scores, seconds


def _peers(rows: Dataset, test: Dataset, flaml_seconds: int) -> tuple[dict[str, tuple[np.ndarray, float]], list[str]]:
    """Return the peers' probabilities and CPU seconds, from the same matrix with categories as pandas has them."""
    X, X_test = _categories(rows.features, test.features)
    note("LightGBM as it comes")
    plain = lgb.LGBMClassifier(n_jobs=1, verbose=-1, random_state=0)
    found = {"LightGBM, untuned": timed(lambda: plain.fit(X, rows.label).predict_proba(X_test)[:, 1])}
    try:
        from flaml import AutoML
    except ImportError:
        return found, ["FLAML: not installed; it comes with penchant[bench]"]
    note(f"FLAML, {flaml_seconds} s")

    def search() -> np.ndarray:
        automl = AutoML()
        groups = pd.factorize(rows.customer_id)[0]
        given: dict[str, Any] = {"time_budget": flaml_seconds, "metric": "roc_auc", "task": "classification"}
        learners = ["lgbm", "rf", "extra_tree", "lrl1"]
        automl.fit(
            X,
            rows.label.astype(int),
            **given,
            estimator_list=learners,
            split_type="group",
            groups=groups,
            n_jobs=1,
            verbose=0,
            seed=0,
        )
        return np.asarray(automl.predict_proba(X_test)[:, 1])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found[f"FLAML, {flaml_seconds} s"] = timed(search)
    return found, []


def _categories(features: pd.DataFrame, later: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    texts = [name for name in features if not pd.api.types.is_numeric_dtype(features[name])]
    kinds = {name: pd.CategoricalDtype(sorted(features[name].dropna().unique())) for name in texts}
    return features.astype(kinds), later.astype(kinds)


def aims_of(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each aim, what came, and whether it is met."""
    seeds = pd.DataFrame(found["cdnow"]["by_seed"])
    auc, brier, bias = (float(seeds[name].mean()) for name in ("auc", "brier", "bias_percent"))
    aims = [
        {"name": "CDNOW: AUC at week 39", "value": auc, "aim": f">= {AIMED_AUC}", "met": auc >= AIMED_AUC},
        {"name": "CDNOW: Brier", "value": brier, "aim": f"<= {AIMED_BRIER}", "met": brier <= AIMED_BRIER},
        {
            "name": "CDNOW: bias of the mean, per cent",
            "value": bias,
            "aim": f"within {AIMED_BIAS:g}",
            "met": abs(bias) <= AIMED_BIAS,
        },
    ]
    for task in ("repurchase", "churn"):
        for other, comparison in found[task]["against"].items():
            is_peer = other.startswith(("FLAML", "LightGBM"))
            verdict = comparison["verdict"]
            aims.append(
                {
                    "name": f"Online Retail II, {task}: AUC against {other}",
                    "value": comparison["difference"]["value"],
                    "aim": "not worse" if is_peer else "better, interval clear of zero",
                    "met": verdict != "worse" if is_peer else verdict == "better",
                }
            )
    return aims


def show(found: Mapping[str, Any]) -> None:
    """Print the tables."""
    for title in ("cdnow", "repurchase", "churn"):
        part = found[title]
        print(f"\n{title}: {part['n_test']:,} customers\n")
        rows = {
            name: {
                metric: f"{value['value']:.4f} [{value['low']:.4f}, {value['high']:.4f}]"
                if isinstance(value, dict)
                else value
                for metric, value in numbers.items()
            }
            for name, numbers in part["table"].items()
        }
        print(pd.DataFrame(rows).T.to_string())
        for other, comparison in part["against"].items():
            difference = comparison["difference"]
            print(f"  AUC against {other}: {difference['value']:+.4f}, {comparison['verdict']}")
        for reason in part.get("left_out", []):
            print(f"  left out: {reason}")
    print()
    for aim in found["aims"]:
        print(f"{'met   ' if aim['met'] else 'MISSED'}  {aim['name']}: {aim['value']:.4f} (aim {aim['aim']})")


def main() -> None:
    """Run everything, print tables or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--flaml-seconds", type=int, default=60)
    given = parser.parse_args()
    start = time.monotonic()
    note("Online Retail II: how long a training takes")
    shop = (ROOT / "examples" / "online_retail.toml", given.data / "online_retail_ii")
    found: dict[str, Any] = {"speed": speed(*shop), "cdnow": cdnow(given.data, given.seeds)}
    for name in ("repurchase", "churn"):
        found[name] = retail(given.data, name, given.seeds, given.flaml_seconds)
    found["aims"] = [*aims_of(found), *speed_aims(found["speed"])]
    found["seconds"] = round(time.monotonic() - start, 1)
    if given.json:
        print(json.dumps(found, default=float))
    else:
        show(found)


if __name__ == "__main__":
    main()
