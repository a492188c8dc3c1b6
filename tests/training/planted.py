"""A shop's rows with a known truth, laid out in time; as a script, a search on them that a test can kill.

python planted.py FILE N_TRIALS
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from penchant.features.outcomes.tasks import REPURCHASE, VALUE, Span
from penchant.features.signals.group import Column
from penchant.models.evaluation.checks import DataSize
from penchant.training.dataset import Dataset
from penchant.training.material import TaskData
from penchant.training.search.tuning import Found, Search, search
from penchant.training.splits import Schedule

FIRST = datetime(2024, 1, 1)
SNAPSHOTS = tuple(FIRST + timedelta(days=30 * number) for number in range(6))
PLAN = Schedule(SNAPSHOTS[:5], SNAPSHOTS[4] + timedelta(days=60), (SNAPSHOTS[5],), 0, 60)
COLUMNS = tuple(Column(name, f"the signal {name}") for name in ("strong", "weak", "noise", "more_noise"))


def rows(n_customers: int = 300, seed: int = 0) -> Dataset:
    """Return rows of all snapshots whose outcome follows ``strong``, and the size of ``weak``, which is no line."""
    rng = np.random.default_rng(seed)
    instants = [*PLAN.train, *PLAN.recent, PLAN.test]
    n = n_customers * len(instants)
    X = pd.DataFrame(rng.normal(size=(n, len(COLUMNS))), columns=[column.name for column in COLUMNS])
    chance = 1 / (1 + np.exp(-(1.5 * X["strong"] + 2.5 * (X["weak"].abs() > 1) - 0.8)))
    y = (rng.random(n) < chance).astype(float)
    people = np.array([f"c{number}" for number in range(n_customers)], dtype=object)
    as_of = pd.Series(np.repeat(np.array(instants, dtype="datetime64[us]"), n_customers))
    return Dataset(X, y, np.tile(people, len(instants)), as_of, y * 10, columns=COLUMNS)


def material(n_customers: int = 300, *, is_value: bool = False, seed: int = 0) -> TaskData:
    """Return what a task learns from and is judged on."""
    given = rows(n_customers)
    if is_value:
        given = replace(given, label=given.label * np.exp(given.features["strong"].to_numpy()))
    task, size = VALUE if is_value else REPURCHASE, DataSize(1_000, 100, 100, 3.0)
    return TaskData(task, Span(0, 60), "60 days", PLAN, given, size, seed)


def tuned(file: Path, n_trials: int, **more: Any) -> Found:
    """Return what a search on the planted rows finds."""
    asked: dict[str, Any] = {"data": "planted", "n_threads": 1, **more}
    return search(material(), Search(file, n_trials, **asked))


if __name__ == "__main__":
    tuned(Path(sys.argv[1]), int(sys.argv[2]))
