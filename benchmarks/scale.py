"""How cost grows with events: penchant's signals on DuckDB, and a point or two on a local Spark, as a picture.

    python -m benchmarks.scale [--sizes 1000000,3000000,10000000,30000000,100000000] [--spark 1000000] [--draw] [--json]

Runs `benchmarks.features` for each size (one thread; 40 signals, six snapshots of them, the full catalogue; of 100 M
events the 40 signals alone, with a limit of 6 GB: half an hour in all, 30 GB of disk) and the 40
signals on Spark (``local[2]``), keeps what came in ``out/benchmarks/scale.json``, and draws
``docs/pictures/scale.png``, which docs/scale.md shows. ``--draw`` draws what was kept, and runs nothing.

CPU seconds of Spark are those of its Java process and of Python. The log has 20 events a customer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.features_log import AS_OF, LogSize, write_log

ROOT = Path(__file__).resolve().parent.parent
KEPT, PICTURE = ROOT / "out" / "benchmarks" / "scale.json", ROOT / "docs" / "pictures" / "scale.png"
EVENTS_A_CUSTOMER = 20
NAMES = {
    "penchant": "40 signals, DuckDB",
    "penchant_six": "six snapshots of them, DuckDB",
    "penchant_full": "full catalogue, DuckDB",
    "spark": "40 signals, Spark local[2]",
}
LARGE, LIMIT = 100_000_000, "6GB"  # from so many events on, the 40 signals alone, with so much memory
COLOURS = ("#0f766e", "#b45309", "#1d4ed8", "#be123c")


def on_duckdb(n_events: int) -> dict[str, dict[str, float]]:
    """Return what each contestant of the features benchmark took at a size."""
    command = [sys.executable, "-m", "benchmarks.features", "--events", str(n_events), "--json"]
    every = ",".join(name for name in NAMES if name != "spark")
    ours = ["--only", "penchant", "--memory", LIMIT] if n_events >= LARGE else ["--only", every]
    ran = subprocess.run([*command, *ours], check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(ran.stdout)["costs"])


def on_spark(n_events: int) -> dict[str, float]:
    """Return what the 40 signals took on Spark, in a process of its own, its start included."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", "--one", str(n_events)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def run_one(n_events: int) -> None:
    """Build the signals on Spark in this process, and print what it took."""
    from benchmarks.features_signals import penchant

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.parquet")
        write_log(log, LogSize(n_events, n_events // EVENTS_A_CUSTOMER, 20_000, 100))
        started, before = time.monotonic(), time.process_time()
        penchant(log, Path(folder, "out.parquet"), (AS_OF,), 2, "4GB", on_spark=True)
        wall, cpu = time.monotonic() - started, time.process_time() - before
    cpu_java, peak = of_java()
    print(json.dumps({"cpu": round(cpu + cpu_java, 2), "wall": round(wall, 2), "memory_mb": round(peak)}))


def of_java() -> tuple[float, float]:
    """Return the CPU seconds and the peak megabytes of Spark's Java process, as Linux counts them."""
    import os

    from pyspark import SparkContext

    process = Path("/proc", str(SparkContext._gateway.proc.pid))
    ticks = (process / "stat").read_text().rsplit(")", 1)[1].split()[11:13]
    peak = next(line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM"))
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) / 1024


def draw(points: list[dict[str, Any]], path: Path) -> None:
    """Draw seconds and memory over events, a line for each contestant."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
    for (name, label), colour in zip(NAMES.items(), COLOURS, strict=True):
        mine = sorted((one for one in points if one["name"] == name), key=lambda one: one["events"])
        events = [one["events"] / 1e6 for one in mine]
        for axes, key, per in ((left, "cpu", 1), (right, "memory_mb", 1000)):
            if mine:
                axes.plot(events, [one[key] / per for one in mine], "o-", color=colour, label=label, markersize=4)
    for axes, what in ((left, "CPU seconds"), (right, "peak memory, GB")):
        axes.set(xscale="log", yscale="log", xlabel="events, millions", ylabel=what)
        sizes = sorted({one["events"] / 1e6 for one in points})
        axes.set_xticks(sizes, [f"{size:g}" for size in sizes], minor=False)
        axes.set_xticks([], minor=True)
        for place in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            place(mpl.ticker.FuncFormatter(lambda value, _at: f"{value:g}" if f"{value:e}"[0] in "125" else ""))
        axes.grid(alpha=0.25, which="both")
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=140)


def kept(points: list[dict[str, Any]], costs: dict[str, dict[str, float]], n_events: int) -> list[dict[str, Any]]:
    """Return points with those of another size, which stand for earlier ones of it, and keep them all."""
    new = [{"name": name, "events": n_events, **cost} for name, cost in costs.items()]
    every = list({(one["name"], one["events"]): one for one in [*points, *new]}.values())
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps(every, indent=1))
    return every


def main() -> None:
    """Read the command line, run and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000000,3000000,10000000,30000000,100000000")
    parser.add_argument("--spark", default="1000000")
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        run_one(args.one)
        return
    points: list[dict[str, Any]] = json.loads(KEPT.read_text()) if KEPT.is_file() else []
    if not args.draw:
        for size in filter(None, args.sizes.split(",")):
            points = kept(points, on_duckdb(int(size)), int(size))
        for size in filter(None, args.spark.split(",")):
            points = kept(points, {"spark": on_spark(int(size))}, int(size))
    draw(points, PICTURE)
    if args.json:
        print(json.dumps({"points": points, "aims": []}))
        return
    for one in points:
        print(f"{NAMES[one['name']]:32} {one['events']:>11,} events {one['cpu']:8.1f} s CPU {one['wall']:8.1f} s wall "
              f"{one['memory_mb']:8,.0f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
