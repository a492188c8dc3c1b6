"""How long a training takes from the shop's files to the registry, and how long predicting beside LightGBM's own.

MLflow's part begins with its import and a database that is not there yet. Seconds of the wall and of the processor; a
busy machine stretches the first far more.

What was tried for the trees, on later snapshots of Online Retail II, Complete Journey, CDNOW and the simulated shop:
steps of .1 instead of .05 take half the time, and lose a little nearly everywhere: CDNOW at week 39 .7711 and .7704 of
AUC (three seeds, none of them better), Complete Journey .8026 and .8018, churn of Online Retail II .0006; so that they
were not taken. Steps of .15 lose .001. With them, fewer columns or rows for each tree save nothing, and 63 bins or
histograms by row 8 %. Quantised gradients end with an error where the direction of a column is given. Of MLflow's
seconds its import and that of its store are 1.9, and cannot be chosen from.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from penchant.config import load_config
from penchant.features.shop import open_shop
from penchant.models.store.registry import Registry
from penchant.training.baselines import predicted
from penchant.training.record import write_training
from penchant.training.train import Trained, train

MOST_SECONDS, MOST_MLFLOW, MOST_PREDICT = 60.0, 3.0, 1.1
N_PREDICTIONS, N_ROWS = 9, 50_000


def speed(config: Path, data: Path, task: str = "repurchase") -> dict[str, Any]:
    """Return seconds of each part of a training with all baselines, report and registration; and predict's ratio."""
    parts: dict[str, dict[str, float]] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        wall, cpu = time.monotonic(), time.process_time()
        yield
        parts[name] = {"wall": time.monotonic() - wall, "cpu": time.process_time() - cpu}

    given = load_config(config)
    with tempfile.TemporaryDirectory() as place:
        with timed("train"), open_shop(given, data) as shop:
            trained = train(shop, task)
        with timed("report"):
            record = write_training(trained, given, Path(place), {})
        with timed("mlflow"):
            Registry(Path(place) / "mlruns").log(record)
    whole = {kind: sum(part[kind] for part in parts.values()) for kind in ("wall", "cpu")}
    return {"parts": parts, "whole": whole, "predict_ratio": predict_ratio(trained)}


def predict_ratio(trained: Trained) -> float:
    """Return the processor's seconds of our predict over those of LightGBM's own on the encoded rows."""
    model = trained.model
    times = -(-N_ROWS // len(trained.shown))
    rows = trained.shown.loc[np.tile(trained.shown.index, times)].reset_index(drop=True)
    matrix = model.columns_.encode(rows)

    def floor() -> None:
        for booster in model.boosters_.values():
            booster.predict(matrix, num_threads=1)

    def ours() -> None:
        predicted(model, rows)

    model.set_params(n_threads=1)
    both = [(_seconds(ours), _seconds(floor)) for _ in range(N_PREDICTIONS)]
    return float(np.median([one / other for one, other in both]))


def _seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def speed_aims(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each aim, what came, and whether it is met."""
    whole, mlflow = found["whole"], found["parts"]["mlflow"]
    told = [
        ("training, report and registration, seconds", whole["wall"], MOST_SECONDS),
        ("training, report and registration, CPU seconds (two cores)", whole["cpu"], 2 * MOST_SECONDS),
        ("MLflow's part, seconds", mlflow["wall"], MOST_MLFLOW),
        ("MLflow's part, CPU seconds", mlflow["cpu"], MOST_MLFLOW),
        ("predict / LightGBM's own", found["predict_ratio"], MOST_PREDICT),
    ]
    return [
        {"name": f"Online Retail II: {name}", "value": value, "aim": f"<= {most:g}", "met": value <= most}
        for name, value, most in told
    ]
