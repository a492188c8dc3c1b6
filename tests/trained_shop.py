"""A small shop with a model in use, and the command line on it: within this process, or as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from penchant.config import load_config
from penchant.features.matrix import build
from penchant.features.shop import open_shop
from penchant.features.spine import Spine
from penchant.models import plain_scorer
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.store.artifact import save
from penchant.models.store.registry import Record, Registry

from . import command_line

QUICK = """
[features]
groups = ["recency", "frequency"]
windows = [90]

[tasks.churn]
n_snapshots = 1

[gate]
min_buyers = 50
min_positives = 10
min_negatives = 10
"""  # of a shop whose models are to be small
AS_OF = "2024-09-01"
CONFIG = """
[shop]
name = "fuzz"
[tables.orders]
path = "orders.parquet"
[features]
groups = ["recency", "frequency", "monetary"]
windows = [90]
[gate]
min_buyers = 50
min_positives = 10
min_negatives = 10
[protection]
consent = "assumed"
"""
COMMAND = (sys.executable, "-c", "from penchant.cli import main; main()")


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, its JSON object, what it said."""

    code: int
    told: dict[str, Any]
    said: str


def penchant(folder: Path, *arguments: str) -> Ended:
    """Run a command in a folder; whatever is no exit goes through, as a traceback would."""
    done = command_line.penchant(folder, *arguments, "--json")
    assert done.returncode in (0, 2, 3), (arguments, done)
    return Ended(done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {}, done.stderr)


def started(folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start a command as a process of its own in a folder."""
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, *arguments], cwd=folder, stdout=pipe, stderr=pipe, text=True, **options)


def run(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own to its end, which is never a traceback."""
    process = started(folder, *arguments, **options)
    out, err = process.communicate(timeout=600)
    assert "Traceback" not in err, err
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def write_orders(folder: Path) -> None:
    """Write three years of orders of 150 customers, and their configuration."""
    rng, n_orders = np.random.default_rng(0), 1_500
    weight = rng.pareto(1.5, 150) + 0.1
    at = pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 1000 * 86_400, n_orders), unit="s")
    who = [f"c{number}" for number in rng.choice(150, n_orders, p=weight / weight.sum())]
    orders = pd.DataFrame({"customer_id": who, "ordered_at": at, "amount": rng.gamma(2, 20, n_orders).round(2)})
    orders.assign(order_id=[f"o{number}" for number in range(n_orders)]).to_parquet(folder / "orders.parquet")
    (folder / "penchant.toml").write_text(CONFIG)


def register_model(folder: Path) -> None:
    """Put a model of few trees in use, in a few seconds: who orders again within 30 days."""
    moment = datetime(2024, 6, 1)
    with open_shop(load_config(folder / "penchant.toml"), folder) as shop:
        matrix = build(shop, Spine.at(shop, moment))
        signals = matrix.frame[[column.name for column in matrix.columns]]
        orders = shop.tables["orders"].to_pandas()
    after = orders[orders["ordered_at"].between(moment, moment + timedelta(days=30), inclusive="left")]
    again = matrix.frame["customer_id"].isin(after["customer_id"]).astype(int).to_numpy()
    facts = {"task": "repurchase", "horizon_days": 30, "signals": [asdict(one) for one in matrix.columns]}
    save(PropensityModel(n_trees=5, n_folds=2).fit(signals, again), folder / "model", facts)
    (folder / "empty").mkdir()
    files = (folder / "empty", folder / "model", Path(plain_scorer.__file__))
    inputs = {column.name: "string" if column.dtype == "string" else "double" for column in matrix.columns}
    Registry(folder / "mlruns").log(Record("fuzz.repurchase", {}, {}, {}, *files, inputs))


def train(folder: Path) -> None:
    """Train who orders again within 30 days; the first version is in use."""
    made = penchant(folder, "train", "repurchase", "--horizon", "30")
    assert made.code == 0, made.said
