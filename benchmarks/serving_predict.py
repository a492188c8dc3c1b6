"""`score`'s predictions beside LightGBM's own, for `benchmarks.serving`.

Both give the raw scores of the same boosters for the same eligible rows of the matrix that `score` has written. Ours
begins with the rows as they were read and ends with a table of calibrated probabilities: it finds the codes of
categories, answers 16 times for rows with unknown values, and adds the champion's linear part. LightGBM begins once
with a matrix in memory, as it likes best, and once with the same numbers as a pandas frame, as most people call it. A
small shop's rows are repeated until they fill a batch, so that what a call costs weighs as little as in a large one.
With reasons the contributions of each signal stand beside LightGBM's `pred_contrib`; ours end in words.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.served import TASKS

RUNS = 3  # of each, in turns
MOST_BATCHES = 2  # of the matrix that are scored
ROWS = 20_000  # of each champion in a batch, at least
MOST_EXPLAINED = 2_000  # rows of each champion


def predict(_step: str, folder: Path, _options: argparse.Namespace) -> dict[str, Any]:
    """Return CPU seconds of all champions together, of several runs the least, and their ratios."""
    import numpy as np
    import pyarrow.parquet as pq

    from penchant.models.store.registry import CHAMPION, Registry
    from penchant.serving.score.champion import Champion

    registry, seconds = Registry(folder / "mlruns"), dict[str, float]()
    models = [registry.folder(registry.version(f"big.{name}", CHAMPION)) for name in TASKS]
    champions = [Champion.load(place, place.name) for place in models]
    people = pq.read_table(folder / "eligible.parquet").to_pandas()
    texts = [field.name for field in pq.read_schema(folder / "features.parquet") if str(field.type) == "string"]
    texts.remove("customer_id")
    with pq.ParquetFile(folder / "features.parquet", read_dictionary=texts) as file:  # as `score` reads it
        for number in range(min(file.num_row_groups, MOST_BATCHES)):
            frame = file.read_row_group(number).to_pandas()
            eligible = frame[["customer_id"]].merge(people, how="left")
            for one in champions:
                mine = np.flatnonzero(eligible[one.name].to_numpy(bool))
                rows = frame.iloc[np.tile(mine, -(-ROWS // len(mine))) if len(mine) else mine]
                for name, least in _seconds(one, rows, explained=number == 0).items() if len(rows) else ():
                    seconds[name] = seconds.get(name, 0.0) + least
    return {
        **seconds,
        "ratio": seconds["score"] / seconds["lightgbm"],
        "ratio_of_frame": seconds["score"] / seconds["lightgbm_of_frame"],
        "ratio_with_reasons": seconds["with_reasons"] / seconds["lightgbm_contributions"],
    }


def _seconds(champion: Any, rows: Any, *, explained: bool) -> dict[str, float]:
    """Return the least CPU seconds of a champion and of LightGBM, taken in turns."""
    work = {"score": lambda: champion.scored(rows, with_reasons=False), **lightgbm_alone(champion, rows)}
    if explained:
        some = rows.head(MOST_EXPLAINED)
        work["with_reasons"] = lambda: champion.scored(some, with_reasons=True)
        work["lightgbm_contributions"] = lightgbm_alone(champion, some, pred_contrib=True)["lightgbm"]
    runs = [{name: _cpu(one) for name, one in work.items()} for _ in range(RUNS)]
    return {name: min(run[name] for run in runs) for name in work}


def lightgbm_alone(champion: Any, rows: Any, **asked: Any) -> dict[str, Callable[[], Any]]:
    """Return what LightGBM does with a champion's columns as a matrix, and as a frame of the same numbers."""
    import pandas as pd

    from penchant.models.inputs.frames import read_new_table
    from penchant.models.plain_parts import threads_for

    signals = rows[[column.name for column in champion.columns]]
    matrix = read_new_table(champion.model, signals, champion.model.columns_)
    n_threads = threads_for(matrix, champion.model.n_threads)
    boosters, asked = champion.model.boosters_.values(), asked or {"raw_score": True}

    def of(table: Any) -> Callable[[], Any]:
        return lambda: [one.predict(table, num_threads=n_threads, validate_features=False, **asked) for one in boosters]

    return {"lightgbm": of(matrix), "lightgbm_of_frame": of(pd.DataFrame(matrix, columns=signals.columns))}


def _cpu(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
