"""How often the intervals that penchant prints hold the truth, from large samples down to the size where it refuses.

    python -m benchmarks.coverage [--json] [--repetitions 200] [--only WORD]

Each case draws a sample whose true numbers are known, asks penchant, and counts the intervals that hold them. Closed
forms are repeated five times as often as what needs draws. An interval that is not known (NaN) is counted as refused,
beside the others. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from .coverage_cases import CASES, Case

AIM = (0.93, 0.97)
SURE = 2.0  # standard errors of the counting that a share may lie outside the aim


def main() -> None:
    """Run the cases that were asked for and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    wanted = [case for case in CASES if options.only in case.name]
    with ProcessPoolExecutor(options.workers) as pool:
        rows = [row for found in pool.map(run, wanted, [options.repetitions] * len(wanted)) for row in found]
    result = {"rows": rows, "aims": [aim_of(row) for row in rows]}
    print(json.dumps(result) if options.json else told(rows))


def run(case: Case, repetitions: int) -> list[dict[str, Any]]:
    """Return how often each number of a case was held."""
    held: dict[str, list[float]] = defaultdict(list)
    wide: dict[str, list[float]] = defaultdict(list)
    for seed in range(max(1, int(repetitions * case.times))):
        for name, (found, truth) in case.sample(np.random.default_rng(seed)).items():
            is_known = not (math.isnan(found.low) or math.isnan(found.high))
            held[name].append(float(found.low <= truth <= found.high) if is_known else math.nan)
            wide[name].append(found.high - found.low)
    return [_row(case, name, np.array(values), np.array(wide[name])) for name, values in held.items()]


def _row(case: Case, name: str, held: np.ndarray, width: np.ndarray) -> dict[str, Any]:
    known = held[~np.isnan(held)]
    share = float(known.mean()) if len(known) else math.nan
    return {
        "case": case.name,
        "number": name,
        "is_joint": case.is_joint,
        "n": len(known),
        "held": share,
        "refused": 1 - len(known) / len(held),
        "median_width": float(np.nanmedian(width)) if len(known) else math.nan,
    }


def aim_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as an aim: met where the share lies in the aim, give or take what so many repetitions tell."""
    low, high = AIM
    off = SURE * math.sqrt(0.95 * 0.05 / max(row["n"], 1))
    is_met = not row["n"] or (low - off <= row["held"] and (row["is_joint"] or row["held"] <= high + off))
    aim = f"{low:.0%} and more" if row["is_joint"] else f"{low:.0%} to {high:.0%}, or refused"
    name = f"{row['case']}: {row['number']}"
    return {"name": name, "value": row["held"], "aim": f"{aim}, give or take {off:.1%}", "met": bool(is_met)}


def told(rows: list[dict[str, Any]]) -> str:
    """Return the rows as lines for a person, the missed ones marked."""
    lines = []
    for row in rows:
        mark = " " if aim_of(row)["met"] else "!"
        refused = f", refused in {row['refused']:.0%}" if row["refused"] else ""
        lines.append(
            f"{mark} {row['case']:<46} {row['number']:<26} held in {row['held']:6.1%} of {row['n']:,}{refused}"
        )
    met = sum(aim_of(row)["met"] for row in rows)
    return "\n".join([*lines, f"{met} of {len(rows)} aims met"])


if __name__ == "__main__":
    main()
