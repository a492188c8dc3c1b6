"""Serving a shop: its files taken in, signals, scores, an audience, its export and a measurement, beside the floor.

    python -m benchmarks.serving [--customers 100000] [--days 400] [--threads 2] [--memory 4GB] [--reasons]
        [--folder FOLDER] [--json]

Simulates a shop (400 days are about 20 events a customer), teaches three propensities and an uplift on a small one,
and runs the commands themselves, each in a process of its own: check, which takes the files in, then score, audience,
export, measure, which find the accepted rows stored. Told are wall and CPU seconds and peak memory of each, interpreter
and imports included. Within score the signals (who is eligible, what goals ask, what models read), the champions'
predictions, and the forecasts that are fitted to the shop's own histories every night (next orders, next categories,
value by stage) are told apart. The floor is LightGBM's own predict (`benchmarks.serving_predict`), and DuckDB reading
the shop's files and writing those of score and audience again.

The start of a command (interpreter, imports, opening, compiled queries) is what it takes for a shop of 500 customers,
and is told by itself. Seconds of a million customers are the start and what each further customer adds; a run of a
million measures them, smaller ones extend the line. They are CPU seconds, which a busy machine leaves alone; of two
threads the clock shows fewer.

Measured on a busy machine with 300,000 customers and 6.6 M events: score starts with 10 CPU s (compiling SQL, fitting
histories), measure with 2.6, audience and export with 1. A million customers take 5.1 CPU s for an audience of ready
scores and 5.9 to be measured (aims 10); the peak is 2.2 GB. Everything but signals and predict is 47 % (aim 20 %): the
forecasts 34, the rest 13. Score's predict is 1.35 of LightGBM's own (aim 1.1; at 100,000 it was 1.5 and is 1.33), with
boosters of 84 to 191 trees over 245 columns. Beside the trees, a third each, are reading the columns, the linear part,
and up to 16 answers for one row in 150, which holds an unknown value. In a shop of 200 days champions learn from 97,
in which nobody lacks the amounts of 90 days; later one row in five does, and predict is several times LightGBM's own.
Taking the files in is 3.3 CPU s a million events, once. An own SQL for what was looked at, zeros for columns that no
tree splits and sums shared between checks were tried and gained nothing.

``--reasons`` scores once more with reasons in words. ``--folder`` keeps the shop, so that a later run begins with it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from benchmarks.served import AS_OF, CAMPAIGN, GOAL

MAKING = ("shop", "champions")
COMMANDS = ("score", "audience", "export", "measure")
STEPS = ("check", *COMMANDS, "predict", "read", "write")
MOST_GB = 6.0
SECONDS_PER_MILLION = 10.0
MOST_BESIDE = 0.2
MOST_PREDICT = 1.1
FEW = 500  # customers of the shop that the start is measured by
MILLION = 1_000_000
FORECASTS = ("next_orders", "next_categories", "stage_values")


@dataclass
class Clock:
    """Seconds of parts of a process, by name: of the wall and of the processor."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add what the body takes to a part."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - wall
            self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - cpu

    def timed(self, owner: Any, name: str, part: str) -> None:
        """Have each call of a function of a module or class counted as a part."""
        inner = getattr(owner, name)

        def counted(*values: Any, **named: Any) -> Any:
            with self.part(part):
                return inner(*values, **named)

        setattr(owner, name, counted)


def make(step: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Make the shop, the champions, or the shop of a few customers with the same, where they are not there yet."""
    from benchmarks import serving_shop

    size = (options.days, options.threads, options.memory)
    if step == "shop" and not (folder / "crm.toml").is_file():
        serving_shop.write_shop(folder, options.customers, *size)
    if step == "champions" and not (folder / "mlruns").is_dir():
        serving_shop.write_champions(folder, *size)
    if step == "few" and not (folder / "few").is_dir():
        serving_shop.write_shop(folder / "few", FEW, *size)
        (folder / "few" / "mlruns").symlink_to(folder / "mlruns")
    return {}


def command(step: str, folder: Path, _options: argparse.Namespace) -> dict[str, Any]:
    """Run a command in this process and return its answer."""
    day = f"{AS_OF:%Y-%m-%d}"
    drawn = f"out/big/audience/{GOAL}-{day}/wave-1"
    words = {
        "check": ("check",),
        "score": ("score", "--as-of", day, "--again", "--no-reasons"),
        "reasons": ("score", "--as-of", day, "--again", "--out", "out/big/reasons"),
        "audience": ("audience", GOAL, "--as-of", day, "--replace"),
        "export": ("export", drawn, "--to", "crm.toml"),
        "measure": ("measure", CAMPAIGN),
    }[step]
    clock = Clock()
    _time_parts(clock, folder, words[0])
    told = answer([*words, "--data", "data", "--json"], folder)
    kept = ("n_customers", "n_candidates", "n_eligible", "n_treated", "n_control", "basis", "models")
    return {"parts_wall": clock.wall, "parts_cpu": clock.cpu} | {k: told[k] for k in kept if k in told}


def answer(words: list[str], folder: Path) -> dict[str, Any]:
    """Return the JSON object that a command prints."""
    import typer

    from penchant.cli import app, hoist

    out = StringIO()
    with chdir(folder), redirect_stdout(out):
        try:
            app(hoist(words), prog_name="penchant", standalone_mode=False)
        except typer.Exit as end:  # 3: measured, but a check failed
            if end.exit_code not in (0, 3):
                raise
    return dict(json.loads(out.getvalue()))


def _time_parts(clock: Clock, folder: Path, step: str) -> None:
    """Have the parts of a command counted: the shop opened and checked, and the work itself."""
    if step == "score":
        from penchant.features import shop

        clock.timed(shop, "open_shop", "open")
        _time_parts_of_score(clock, folder)
    elif step == "measure":
        from penchant.cli.commands import measure
        from penchant.features import shop

        clock.timed(shop, "open_shop", "open")
        clock.timed(measure, "measure", "measure")


def _time_parts_of_score(clock: Clock, folder: Path) -> None:
    """Have signals and predictions of a scoring counted, and its matrix kept for the floor."""
    from penchant.cli.commands import score as command
    from penchant.serving.score import run as score
    from penchant.serving.score.champion import Champion

    clock.timed(command, "inputs_of", "champions")  # MLflow's import and its questions, and the files' hashes
    for name in ("everyone", "with_roles_shown", "_keep_features"):
        clock.timed(score, name, "signals")
    for name in FORECASTS:
        clock.timed(score, name, "forecasts")
    clock.timed(Champion, "scored", "predict")
    write = score.write_signals

    def kept(features: Path, place: Path) -> None:
        for path in (features, features.with_name(score.ELIGIBLE)):
            (folder / path.name).unlink(missing_ok=True)
            os.link(path, folder / path.name)
        write(features, place)

    score.write_signals = kept


def predict(step: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Score the ready matrix as `score` does, and with LightGBM alone."""
    from benchmarks import serving_predict

    return serving_predict.predict(step, folder, options)


def read(_step: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Have DuckDB read every column of the shop's files."""
    with _duckdb(options) as connection:
        for path in sorted((folder / "data").glob("*.parquet")):
            connection.execute(f"create or replace temp table seen as select max(columns(*)) from '{path}'")
        files = [str(folder / "data" / f"{name}.parquet") for name in ("orders", "interactions")]
        found = connection.execute(f"select count(*) from read_parquet({files}, union_by_name = true)")
        return {"n_events": int(found.fetchall()[0][0])}


def write(_step: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Have DuckDB read the files of score and audience and write them again."""
    with _duckdb(options) as connection, tempfile.TemporaryDirectory() as scratch:
        found = [folder / "features.parquet", *sorted((folder / "out" / "big").rglob("*.parquet"))]
        found = [path for path in found if "reasons" not in path.parts]
        for number, path in enumerate(found):
            connection.execute(f"copy (from '{path}') to '{scratch}/{number}.parquet' (format parquet)")
        return {"files": len(found), "mb": sum(path.stat().st_size for path in found) / 1e6}


def _duckdb(options: argparse.Namespace) -> Any:
    import duckdb

    limits = {"threads": options.threads, "memory_limit": options.memory}
    return duckdb.connect(config={name: str(value) for name, value in limits.items()})


WORK: dict[str, Callable[[str, Path, argparse.Namespace], dict[str, Any]]] = {
    **dict.fromkeys((*MAKING, "few"), make),
    **dict.fromkeys(("check", *COMMANDS, "reasons"), command),
    "predict": predict,
    "read": read,
    "write": write,
}


def measured(
    step: str, folder: Path, options: argparse.Namespace, module: str = "benchmarks.serving"
) -> dict[str, Any]:
    """Run a step of a benchmark in a process of its own, and return what it took and told."""
    words = [sys.executable, "-W", "ignore", "-m", module, "--one", step]
    words += ["--folder", str(folder)]
    for name in ("customers", "days", "threads", "memory"):
        words += [f"--{name}", str(getattr(options, name))]
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(options.threads))
    started = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, env={**os.environ, **limits}, text=True)
    told = process.stdout.read() if process.stdout else ""
    _pid, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"'{step}' failed")
    cost = {"wall": time.monotonic() - started, "cpu": usage.ru_utime + usage.ru_stime}
    cost |= {"peak_gb": usage.ru_maxrss * 1024 / 1e9, **json.loads(told)}
    print("\n".join(_told(step, cost)), file=sys.stderr, flush=True)
    return cost


def compare(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run all steps, and return what they took and the aims."""
    made = {step: measured(step, folder, options) for step in (*MAKING, "few")}
    with redirect_stderr(StringIO()):
        starts = {step: measured(step, folder / "few", options) for step in ("check", *COMMANDS)}
    reasons = ["reasons"] if options.reasons else []
    costs = {step: measured(step, folder, options) for step in ("check", "score", *reasons, *STEPS[2:])}
    n, size = options.customers, {"customers": options.customers, "events": costs["read"]["n_events"]}
    steps = {"steps": {**made, **costs}, "starts": starts}
    return {**size, "threads": options.threads, **steps, "aims": aims_of(n, costs, starts)}


def of_a_million(n: int, whole: float, start: float) -> float:
    """Return what a million customers take: the start, and what each further customer adds."""
    return start + max(whole - start, 0.0) * (MILLION - FEW) / (n - FEW)


def aims_of(n: int, costs: dict[str, Any], starts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the aims, in CPU seconds of a million customers."""

    def command_of(step: str) -> float:
        return of_a_million(n, costs[step]["cpu"], starts[step]["cpu"])

    def part_of(step: str, part: str) -> float:
        return of_a_million(n, *(each[step]["parts_cpu"].get(part, 0.0) for each in (costs, starts)))

    total = sum(map(command_of, COMMANDS))
    models = part_of("score", "signals") + part_of("score", "predict")
    found = [
        ("share of everything but signals and predict", 1 - models / total, MOST_BESIDE),
        (
            "share of everything but signals, forecasts and predict",
            1 - (models + part_of("score", "forecasts")) / total,
            MOST_BESIDE,
        ),
        ("peak memory of any step, GB", max(costs[step]["peak_gb"] for step in COMMANDS), MOST_GB),
        ("CPU seconds of an audience of a million customers", command_of("audience"), SECONDS_PER_MILLION),
        ("CPU seconds of measuring a million assignments", part_of("measure", "measure"), SECONDS_PER_MILLION),
        ("CPU seconds of the command measure for a million", command_of("measure"), SECONDS_PER_MILLION),
        ("score's predict / LightGBM's own on a ready matrix", costs["predict"]["ratio"], MOST_PREDICT),
        ("score's predict / LightGBM's own on a frame", costs["predict"]["ratio_of_frame"], MOST_PREDICT),
    ]
    return [{"name": name, "value": round(value, 3), "aim": aim, "met": value <= aim} for name, value, aim in found]


def _told(step: str, cost: dict[str, Any]) -> list[str]:
    """Return what a step took as lines, and what parts of it took."""
    return [
        f"  {step:12} {cost['wall']:8.1f} s wall {cost['cpu']:8.1f} s CPU {cost['peak_gb']:6.2f} GB",
        *(
            f"    {part:10} {cost['parts_wall'][part]:8.1f} s wall {seconds:8.1f} s CPU"
            for part, seconds in cost.get("parts_cpu", {}).items()
        ),
    ]


def show(result: dict[str, Any]) -> None:
    """Print what the steps took, and the aims."""
    print(f"{result['customers']:,} customers, {result['events']:,} events, {result['threads']} threads")
    for name, cost in result["steps"].items():
        print("\n".join(_told(name, cost)))
    ours = result["steps"]["predict"]
    print(
        f"  predict: {ours['ratio']:.2f} of LightGBM's own on a ready matrix, {ours['ratio_of_frame']:.2f} on a frame; "
        f"with reasons {ours['ratio_with_reasons']:.2f} of its contributions"
    )
    for name, cost in result["starts"].items():
        print(f"  start of {name:8} {cost['wall']:8.1f} s wall {cost['cpu']:8.1f} s CPU")
    show_aims(result)


def show_aims(result: dict[str, Any]) -> None:
    """Print the aims, and whether they are met."""
    for aim in result["aims"]:
        print(f"  {'met   ' if aim['met'] else 'missed'} {aim['name']}: {aim['value']:.3g} (aim {aim['aim']})")


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """Return the options of a benchmark that runs the steps of a shop apart."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=400, help="how long the shop ran; more days, more events")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="4GB", help="of DuckDB")
    parser.add_argument("--folder", type=Path, help="where the shop is, or is to be kept")
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    return parser


def main() -> None:
    """Read the command line and run."""
    parser = parser_of(__doc__)
    parser.add_argument("--reasons", action="store_true", help="score once more with reasons")
    options = parser.parse_args()
    if options.customers <= FEW:
        parser.error(f"more than {FEW} customers are needed: so many have the shop that the start is measured by")
    if options.one:
        print(json.dumps(WORK[options.one](options.one, options.folder, options)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        result = compare(folder, options)
    if options.json:
        print(json.dumps(result))
    else:
        show(result)


if __name__ == "__main__":
    main()
