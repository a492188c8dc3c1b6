"""What ten times the customers cost.

    python -m benchmarks.growth [--customers 20000] [--times 10] [--days 400] [--json]

The commands of `benchmarks.serving` (score, audience, export, measure), each in a process of its own, on two simulated
shops that differ in their number of customers alone, with the same models and the same memory limit. Ratios are of CPU
seconds and of the largest step's peak memory, interpreter and imports included; so is the start of a command, which
makes the ratios of small shops look better than those of large ones: the seconds that come with each further customer
stand beside them, as the larger shop less the smaller one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from argparse import Namespace
from pathlib import Path
from shutil import copytree
from typing import Any

from benchmarks.serving import COMMANDS, MAKING, measured

MOST_TIME_PER_TEN, MOST_MEMORY = 11.0, 2.0


def costs(customers: int, given: Namespace, folder: Path) -> dict[str, dict[str, Any]]:
    """Return CPU seconds and peak memory of each command on a shop of so many customers."""
    options = Namespace(**{**vars(given), "customers": customers})
    folder.mkdir(exist_ok=True)
    found = {step: measured(step, folder, options) for step in (*MAKING, *COMMANDS)}
    return {step: found[step] for step in COMMANDS}


def compare(given: Namespace) -> dict[str, Any]:
    """Return what both shops cost, and the aims."""
    with tempfile.TemporaryDirectory() as place:
        few = costs(given.customers, given, Path(place) / "few")
        copytree(Path(place) / "few" / "mlruns", Path(place) / "many" / "mlruns")  # the same models
        many = costs(given.customers * given.times, given, Path(place) / "many")
    most = MOST_TIME_PER_TEN * given.times / 10
    told = [
        (f"{step}: CPU seconds, {given.times} times", many[step]["cpu"] / few[step]["cpu"], most) for step in COMMANDS
    ]
    whole = [sum(each[step]["cpu"] for step in COMMANDS) for each in (few, many)]
    peak = [max(each[step]["peak_gb"] for step in COMMANDS) for each in (few, many)]
    told += [
        (f"all commands: CPU seconds, {given.times} times", whole[1] / whole[0], most),
        (f"peak memory of any command, {given.times} times", peak[1] / peak[0], MOST_MEMORY),
    ]
    aims = [{"name": name, "value": round(value, 3), "aim": aim, "met": value <= aim} for name, value, aim in told]
    further = given.customers * (given.times - 1) / 1e6
    return {
        "customers": [given.customers, given.customers * given.times],
        "steps": [few, many],
        "seconds_per_further_million": (whole[1] - whole[0]) / further,
        "aims": aims,
    }


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=20_000, help="of the smaller shop")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="4GB", help="of DuckDB")
    parser.add_argument("--json", action="store_true", help="print one object")
    given = parser.parse_args()
    found = compare(given)
    if given.json:
        print(json.dumps(found))
        return
    for aim in found["aims"]:
        print(f"{'met   ' if aim['met'] else 'MISSED'} {aim['name']}: {aim['value']:.3g} (aim {aim['aim']:g})")
    print(f"{found['seconds_per_further_million']:,.0f} CPU s with each further million customers")


if __name__ == "__main__":
    main()
