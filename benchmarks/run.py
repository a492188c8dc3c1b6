"""All benchmarks in one go, and the page that says what came: ``make bench``, ``make bench-quick``.

    python -m benchmarks.run [--quick] [--only features,value] [--page docs/benchmarks.md] [--results out/benchmarks]

Each benchmark runs in a process of its own with the sizes of this file: in a hurry two at a time, but for those that
measure seconds of the wall; what it prints with ``--json`` is kept as it is in the folder of results, with how long it
took. The page is made of these files: machine, versions and date of each run, every aim with what came, met or missed,
and a picture. ``--only`` runs some anew and keeps the results of the others; ``--only none`` writes the page alone.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import IO, Any

from benchmarks.page import page_of, picture_of
from penchant.charts import png
from penchant.output import versions, write_json, write_text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = "pictures/benchmarks.png"
AT_ONCE = 2
RUNNING: set[int] = set()  # process groups, which end with this process
QUICK_MINUTES, FULL_MINUTES = 10, 180  # after which a benchmark is given up: on a busy machine all of them take longer


@dataclass(frozen=True)
class Bench:
    """A benchmark: what it measures, and how it is called in full and in a hurry.

    Parameters
    ----------
    name
        Of its module.
    title
        What it measures, as a heading.
    full, quick
        Arguments beside ``--json``; None: it is left out in a hurry.
    is_alone
        Whether nothing else may run beside it, for it measures seconds of the wall.
    """

    name: str
    title: str
    full: tuple[str, ...] = ()
    quick: tuple[str, ...] | None = ()
    is_alone: bool = False


BENCHES = (
    Bench("features", "Signals, beside SQL by hand, pandas and the scan", (), ("--events", "1000000")),
    Bench(
        "serving",
        "Serving, beside LightGBM's predict and DuckDB's reading and writing",
        ("--customers", "1000000"),
        ("--customers", "20000", "--days", "300"),
        is_alone=True,
    ),
    Bench("growth", "Ten times the customers", (), ("--customers", "2000", "--days", "200"), is_alone=True),
    Bench("nightly", "Two nights: what a new day costs", (), ("--customers", "1000", "--days", "150")),
    Bench("measure", "Measuring a campaign", (), ("--seeds", "6", "--customers", "4000", "--assignments", "100000")),
    Bench("value", "What customers are worth, on CDNOW and Online Retail II"),
    Bench("propensity", "Propensities, on CDNOW and Online Retail II", (), ("--seeds", "1", "--flaml-seconds", "5")),
    Bench(
        "row_groups", "Training from a file", ("--rows", "4000000"), ("--rows", "200000", "--trees", "10", "--beside")
    ),
    Bench("outside", "Beside published numbers and public methods"),
    Bench("uplift", "Uplift, on Hillstrom", (), ("--parts", "hillstrom")),
    Bench("coverage", "How often intervals hold the truth", (), ("--repetitions", "20", "--workers", "1")),
    Bench("roles", "Product roles, beside those that were planted", (), ("--seeds", "2")),
    Bench("loop", "What the second audience earns", (), ("--seeds", "3")),
    Bench("spark", "Commands on Spark, beside DuckDB", ("--slope", "20000,60000"), None),
    Bench("web", "The page under load", is_alone=True),
)


def main() -> None:
    """Run what is asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="sizes that take some minutes in all")
    parser.add_argument("--only", default="", help="benchmarks, by comma; 'none': the page alone")
    parser.add_argument("--results", type=Path, default=ROOT / "out" / "benchmarks")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md")
    args = parser.parse_args()
    only = args.only.split(",") if args.only else [bench.name for bench in BENCHES]
    args.results.mkdir(parents=True, exist_ok=True)
    wanted = [bench for bench in BENCHES if bench.name in only and not (args.quick and bench.quick is None)]

    def kept(bench: Bench) -> None:
        write_json(args.results / f"{bench.name}.json", run(bench, args.quick))

    with ThreadPoolExecutor(AT_ONCE if args.quick else 1) as pool:
        try:
            list(pool.map(kept, [bench for bench in wanted if not bench.is_alone]))
            for bench in wanted:
                if bench.is_alone:
                    kept(bench)
        except BaseException:
            for pid in list(RUNNING):
                os.killpg(pid, signal.SIGKILL)
            raise
    results = read_results(args.results)
    drawn = picture_of(results)
    if drawn:
        (args.page.parent / PICTURE).write_bytes(png(drawn))
    missing = [bench.name for bench in BENCHES if bench.name not in {one["name"] for one in results}]
    write_text(args.page, page_of(results, PICTURE if drawn else "", missing))
    print(f"{args.page}: {sum(map(n_met, results))} of {sum(len(one['aims']) for one in results)} aims met")


def run(bench: Bench, quick: bool) -> dict[str, Any]:
    """Return what a benchmark printed, where and when, and what it took; or why there is nothing."""
    arguments = (bench.quick if quick else bench.full) or ()
    started = time.monotonic()
    facts = {
        "name": bench.name,
        "title": bench.title,
        "command": " ".join(["python -m", f"benchmarks.{bench.name}", *arguments]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "load": round(os.getloadavg()[0], 1),
        "versions": {**versions(), "python": platform.python_version()},
    }
    found: dict[str, Any] = {"aims": [], "why": ""}
    minutes = QUICK_MINUTES if quick else FULL_MINUTES
    code, out, errors, cpu = finished([sys.executable, "-m", f"benchmarks.{bench.name}", "--json", *arguments], minutes)
    if code == -signal.SIGKILL:
        found["why"] = f"it took longer than {minutes:g} minutes"
    elif code:
        found["why"] = _last_line(errors)
    else:
        try:
            found = json.loads(_object(out))
        except ValueError:
            found["why"] = "it printed no JSON object"
    took = {"wall": round(time.monotonic() - started, 1), "cpu": round(cpu, 1)}
    print(
        f"{bench.name} {' '.join(arguments)}: {took['wall']} s, {took['cpu']} CPU s, {len(found['aims'])} aims",
        flush=True,
    )
    return {**facts, "seconds": took, "aims": found["aims"], "why": found.get("why", ""), "found": found}


def finished(words: Sequence[str], minutes: float) -> tuple[int, str, str, float]:
    """Return exit code, output, errors and CPU seconds of a command, which is killed after so many minutes."""
    with TemporaryFile("w+") as errors, _started(words, errors) as process:
        RUNNING.add(process.pid)
        timer = Timer(60 * minutes, lambda: os.killpg(process.pid, signal.SIGKILL))
        timer.start()
        out = process.stdout.read() if process.stdout else ""
        _pid, status, used = os.wait4(process.pid, 0)
        timer.cancel()
        RUNNING.discard(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        return process.returncode, out, errors.read(), used.ru_utime + used.ru_stime


def _started(words: Sequence[str], errors: IO[str]) -> subprocess.Popen[str]:
    """Start a command in a group of its own, so that what it starts can be killed with it."""
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True)


def _object(text: str) -> str:
    """Return what was printed from the first line on that begins an object: servers announce themselves before."""
    lines = text.splitlines()
    return "\n".join(lines[next((place for place, line in enumerate(lines) if line.startswith("{")), 0) :])


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "it failed without a word"


def machine() -> str:
    """Return the processor, its cores and the memory, in words."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        named = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = named[0] if named else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Return the results that are there, in the order of the benchmarks."""
    paths = {bench.name: folder / f"{bench.name}.json" for bench in BENCHES}
    return [json.loads(path.read_text()) for path in paths.values() if path.is_file()]


def n_met(result: Mapping[str, Any]) -> int:
    """Return how many of a benchmark's aims were met."""
    return sum(bool(aim["met"]) for aim in result["aims"])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    main()
