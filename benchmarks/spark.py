"""Every command on Spark beside DuckDB: whether the results are equal, and what both cost.

    python -m benchmarks.spark [--customers 2500] [--only REGEX] [--folder FOLDER] [--slope 20000,60000] [--json]

Runs each command twice on the same simulated shop, with ``[engine] kind = "spark"`` (``local[2]``, one session for all)
and with DuckDB, and compares the tables and JSON objects that it leaves and prints: whole numbers and texts exactly,
fractions to 1e-9. What linear baselines of a training reach is compared to 5 %: three signals (category_entropy,
days_in_stage, churn_threshold_days) differ in their last bits, and those fits stop before they have converged. With
``--folder`` the shop and the models serve again.

``--slope`` builds the full matrix of two sizes on both engines, each in a process of its own. A further customer costs
what the larger takes less the smaller, so that neither the start nor compiling counts. CPU seconds of Spark are those
of its Java process, Python's workers, and this process.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from benchmarks.spark_compared import folders_differ, values_differ

ENGINES = ("duckdb", "spark")
STARTS_AT, MATRIX_AT = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 6, 1)
AT, LATER, CAMPAIGN, TEST = "2025-08-01", "2025-10-01", "reactivate-2025-06-01", "freight-2025-07-02"
MOST_TIMES_DUCKDB = 3.0
CONFIG = """
[shop]
name = "shop"
data = "../data"
[features]
windows = [90]
[gate]
min_buyers = 50
min_positives = 10
min_negatives = 10
[protection]
consent = "assumed"
[tasks.churn]
n_snapshots = 2
[tasks.value]
n_snapshots = 1
[scenes.gifts]
categories = ["toys", "books", "fashion"]
price_tiers = ["middle", "high"]
"""
SPARK = '[engine]\nkind = "spark"\nmaster = "local[2]"\n'
PLAN = """
[plan]
name = "autumn"
budget = 200.0
[channels.email]
unit_cost = 0.02
[offers.hello]
kind = "reminder"
[[campaigns]]
id = "autumn-stay"
goal = "retain"
starts_at = 2025-08-01
offers = ["hello"]
channels = ["email"]
[[campaigns]]
id = "autumn-look"
goal = "harvest"
starts_at = 2025-08-01
offers = ["hello"]
channels = ["email"]
"""
INSIGHTS = (
    "stages",
    f"flow --from {AT} --to {LATER}",
    "funnel",
    "crowds --crowd carts:category:toys",
    "profile --crowd loyal",
    "crowd interest",
    "cohorts",
    "cohorts --by channel",
    "value",
    "programme --from 2025-01-01",
    "loyalty",
    "lookalikes --best 0.5",
    "contacts --by-stage",
    "campaigns --goal reactivate",
    "offers",
    f"returned {CAMPAIGN}",
    "concerns",
    "retention",
    "winning",
    f"elasticity {TEST} --freight --off pays=0 --off half=2.95",
    "products",
    "products --by category",
    "demand",
    "joint-price i00091",
    "scene gifts",
)
COMMANDS = (
    "check",
    f"features --as-of {AT} --as-of {LATER}",
    *(f"insight {one}" for one in INSIGHTS),
    f"tags --as-of {AT}",
    "prove --group recency",
    "dataset churn",
    "train churn",
    "train value",
    "train uplift --goal reactivate",
    "tune churn --trials 2",
    "compare churn",
    f"score --as-of {AT}",
    f"audience retain --as-of {AT} --budget 100",
    f"plan plan.toml --as-of {AT}",
    f"export out/shop/audience/retain-{AT} --to crm.toml",
    f"measure {CAMPAIGN} --by tier --by-stage",
    "monitor",
    "prepare",
)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, what it printed and said, its CPU seconds."""

    code: int
    out: str
    err: str
    cpu: float


def make_shop(folder: Path, customers: int) -> None:
    """Write a simulated shop, and a working directory for each engine."""
    from penchant.cli.demo.loop import demo_settings
    from penchant.simulate import simulate
    from penchant.simulate.shop import TABLES

    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "data").is_dir():
        simulate(replace(demo_settings(customers, 0), starts_at=STARTS_AT, pace_days=600), folder / "data")
    tables = "".join(f'[tables.{name}]\npath = "{name}.parquet"\n' for name in TABLES)
    for engine in ENGINES:
        place = folder / engine
        place.mkdir(exist_ok=True)
        (place / "penchant.toml").write_text(CONFIG + (SPARK if engine == "spark" else "") + tables)
        (place / "plan.toml").write_text(PLAN)
        (place / "crm.toml").write_text('address = "duckdb://crm.duckdb"\ntable = "sends"\n')


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of Spark's, as far as it runs and has ended what it started."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    if gateway is None:
        return time.process_time()
    fields = Path("/proc", str(gateway.proc.pid), "stat").read_text().rsplit(")", 1)[1].split()
    return time.process_time() + sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def penchant(folder: Path, arguments: Sequence[str]) -> Ended:
    """Run a command in a folder, within this process, where Spark starts once."""
    from penchant import cli

    out, err, code = StringIO(), StringIO(), 0
    before, argv, environment = cpu_seconds(), sys.argv, dict(os.environ)
    sys.argv = ["penchant", *arguments, "--json"]
    try:
        with chdir(folder), redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cli.main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = argv
        os.environ.clear()
        os.environ.update(environment)
    return Ended(code, out.getvalue(), err.getvalue(), cpu_seconds() - before)


def compared(folder: Path, command: str) -> tuple[dict[str, Ended], list[str]]:
    """Run a command on both engines, and say where what came differs."""
    page = f"pages/{re.sub(r'[^a-z]+', '-', command)}"
    words = [*command.split(), *(["--out", page] if command.startswith("insight") else [])]
    ran = {engine: penchant(folder / engine, words) for engine in ENGINES}
    one, other = ran.values()
    faults = []
    if one.code != other.code:
        faults.append(f"exit code {one.code} and {other.code}: {one.err.strip()[-300:]} / {other.err.strip()[-900:]}")
    if one.out.startswith("{") and other.out.startswith("{"):
        faults += values_differ(json.loads(one.out), json.loads(other.out))
    results = page if command.startswith("insight") else "out"
    return ran, [*faults, *folders_differ(folder / "duckdb" / results, folder / "spark" / results)]


def run_commands(folder: Path, customers: int, only: str, say: Any) -> Iterator[dict[str, Any]]:
    """Yield of each command whether its results are equal, and what both engines took."""
    say(f"simulating {customers:,} customers")
    make_shop(folder, customers)
    wanted = [command for command in COMMANDS if re.search(only, command)]
    for place, command in enumerate(wanted, 1):
        ran, faults = compared(folder, command)
        one, other = ran.values()
        say(f"{place:2} of {len(wanted)} {'UNEQUAL' if faults else 'equal':7} {command:66} exit {one.code}"
            f" {one.cpu:6.1f} {other.cpu:6.1f} s CPU")  # fmt: skip
        if one.code not in (0, 3):
            say(f"      {one.err.strip()[-300:]}")
        for fault in faults[:10]:
            say(f"      {fault[:1200]}")
        yield {"command": command, "code": one.code, "cpu": {name: end.cpu for name, end in ran.items()},
               "differences": faults}  # fmt: skip


def one_matrix(folder: Path, engine: str) -> None:
    """Build the full matrix of a shop in this process, at two moments, and print what each took."""
    from penchant.config import load_config
    from penchant.features.matrix import build
    from penchant.features.shop import open_shop
    from penchant.features.spine import Spine

    config = load_config(folder / engine / "penchant.toml")
    config = config.model_copy(update={"features": type(config.features)()})  # all windows
    steps = [cpu_seconds()]
    with open_shop(config, folder / "data") as shop, tempfile.TemporaryDirectory() as place:
        steps.append(cpu_seconds())
        for month in (6, 5):
            n_rows = build(shop, Spine.at(shop, MATRIX_AT.replace(month=month))).to_parquet(Path(place, "matrix"))
            steps.append(cpu_seconds())
        found = {"open": steps[1] - steps[0], "matrix": steps[2] - steps[1], "second": steps[3] - steps[2]}
        print(json.dumps({**found, "rows": n_rows, "events": shop.n_events}))


def slopes(folder: Path, sizes: Sequence[int], say: Any) -> dict[str, Any]:
    """Return what the matrix of each size took on both engines, and the ratio of what a further customer costs."""
    found: dict[str, dict[int, dict[str, float]]] = {engine: {} for engine in ENGINES}
    for size in sizes:
        say(f"simulating {size:,} customers")
        make_shop(folder / str(size), size)
        for engine in ENGINES:
            command = [sys.executable, "-m", "benchmarks.spark", "--one", engine, "--folder", str(folder / str(size))]
            ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found[engine][size] = json.loads(ran.stdout.splitlines()[-1])
            say(f"{size:>9,} customers on {engine:6}: {ran.stdout.splitlines()[-1]}")
    few, many = min(sizes), max(sizes)
    further = {name: of[many]["second"] - of[few]["second"] for name, of in found.items()}
    return {"matrix": found, "ratio": further["spark"] / further["duckdb"]}


def main() -> None:
    """Read the command line, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=2_500)
    parser.add_argument("--only", default="", help="commands in which this is found")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--slope", default="", help="two numbers of customers; '--only none' runs no command beside")
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--one", choices=ENGINES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one_matrix(given.folder, given.one)
        return

    def say(text: str) -> None:
        print(text, file=sys.stderr if given.json else sys.stdout, flush=True)

    with tempfile.TemporaryDirectory() as place, suppress(BrokenPipeError):
        folder = (given.folder or Path(place)).absolute()
        cost = slopes(folder, [int(size) for size in given.slope.split(",")], say) if given.slope else {}
        ran = list(run_commands(folder, given.customers, given.only, say))
    unequal = [one["command"] for one in ran if one["differences"]]
    aims = [{"name": "commands whose results differ", "value": len(unequal), "aim": 0, "met": not unequal}]
    if cost:
        ratio = round(cost["ratio"], 2)
        name = "CPU seconds of a further customer's signals, Spark / DuckDB"
        aims.append({"name": name, "value": ratio, "aim": MOST_TIMES_DUCKDB, "met": ratio <= MOST_TIMES_DUCKDB})
    if given.json:
        print(json.dumps({"commands": ran, "slope": cost, "aims": aims}))
        return
    for aim in aims:
        print(f"{'met   ' if aim['met'] else 'MISSED'} {aim['name']}: {aim['value']:g} (aim {aim['aim']:g})")


if __name__ == "__main__":
    main()
