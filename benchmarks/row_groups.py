"""Training from a Parquet file that is read a row group at a time: memory by rows, and the scores of rows in memory.

    python -m benchmarks.row_groups [--rows 2000000] [--trees 100] [--beside] [--folder KEPT] [--json]
    python -m benchmarks.row_groups --rows 20000000 --folder KEPT       # 5 GB of file, an hour or more on one thread

Makes rows of 60 columns (numbers, and counts that are mostly zero), trains `PropensityModel` of them in a process of
its own, with folds, line and calibration, and says how far it is each minute. ``--beside`` trains a frame in memory as
well and compares the scores of 100,000 rows: they have to be equal.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.uplift_speed import aim, peak_mb

N_COLUMNS, ROWS_OF_GROUP, N_SCORED = 60, 100_000, 100_000
MOST_GB = 6.0
SAID_EVERY = 60.0  # seconds


def make(path: Path, n_rows: int) -> None:
    """Write rows and, beside them, their outcomes; what is there stays."""
    if path.is_file():
        return
    rng, outcomes, writer = np.random.default_rng(0), [], None
    part = path.with_suffix(".part")
    for start in range(0, n_rows, ROWS_OF_GROUP):
        X = rng.normal(size=(min(ROWS_OF_GROUP, n_rows - start), N_COLUMNS)).astype(np.float32)
        X[:, 40:] = np.where(rng.random((len(X), 20)) < 0.6, 0.0, np.round(3 * np.exp(X[:, 40:])))
        odds = -2.5 + 0.5 * X[:, 0] + 0.3 * X[:, 1] * X[:, 2] + 0.02 * X[:, 45]
        outcomes.append(rng.random(len(X)) < 1 / (1 + np.exp(-odds)))
        table = pa.table({f"column_{i}": X[:, i] for i in range(N_COLUMNS)})
        writer = writer or pq.ParquetWriter(part, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()
    np.save(path.with_suffix(".npy"), np.concatenate(outcomes).astype(np.int8))
    part.rename(path)


def fit(path: Path, n_trees: int, in_memory: bool) -> dict[str, Any]:
    """Return what a training takes, and its scores of the first rows."""
    from penchant.models.estimators.propensity import PropensityModel
    from penchant.models.inputs.row_groups import ParquetTable

    outcome = np.load(path.with_suffix(".npy"))
    start = time.process_time()
    rows = pd.read_parquet(path) if in_memory else ParquetTable(path)
    _say_how_far(start)
    model = PropensityModel(n_trees=n_trees, n_threads=1).fit(rows, outcome)
    spent = time.process_time() - start
    first = next(pq.ParquetFile(path).iter_batches(N_SCORED)).to_pandas()
    scores = model.predict_proba(first)[:, 1]
    return {"cpu": spent, "peak_gb": peak_mb() / 1000, "scores": scores.tolist()}


def _say_how_far(start: float) -> None:
    def say() -> None:
        while True:
            time.sleep(SAID_EVERY)
            print(f"{time.process_time() - start:,.0f} CPU s, {peak_mb() / 1000:.2f} GB", file=sys.stderr, flush=True)

    threading.Thread(target=say, daemon=True).start()


def run(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return memory and CPU seconds, and the aims."""
    path = folder / f"rows_{given.rows}.parquet"
    print(f"{given.rows:,} rows", file=sys.stderr, flush=True)
    make(path, given.rows)
    command = [sys.executable, "-m", "benchmarks.row_groups", "--fit", str(path), "--trees", str(given.trees)]
    kinds = {"file": command, **({"memory": [*command, "--in-memory"]} if given.beside else {})}
    found = {
        kind: json.loads(subprocess.run(own, check=True, stdout=subprocess.PIPE).stdout) for kind, own in kinds.items()
    }
    scores = [np.array(one.pop("scores")) for one in found.values()]
    aims = [aim(f"peak memory of {given.rows:,} rows, GB", found["file"]["peak_gb"], MOST_GB)]
    if given.beside:
        aims.append(aim("largest difference of a score", float(np.abs(scores[0] - scores[1]).max()), 0.0))
    return {"rows": given.rows, "trees": given.trees, **found, "aims": aims}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--fit", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--in-memory", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fit:
        print(json.dumps(fit(given.fit, given.trees, given.in_memory)))
        return
    with tempfile.TemporaryDirectory() as place:
        folder = given.folder or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        result = run(given, folder)
    if given.json:
        print(json.dumps(result, indent=2))
        return
    for kind in ("file", "memory"):
        if kind in result:
            print(f"{kind:8}{result[kind]['cpu']:10,.1f} CPU s{result[kind]['peak_gb']:8.2f} GB")
    for one in result["aims"]:
        print(f"{'met' if one['met'] else 'MISSED':8}{one['name']}: {one['value']} (aim {one['aim']})")


if __name__ == "__main__":
    main()
