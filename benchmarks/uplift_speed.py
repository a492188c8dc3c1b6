"""Speed of the uplift learners: CPU seconds of fitting and scoring on one thread, peak memory, error of the effect.

    python -m benchmarks.uplift_speed T DATA.npz

fits one learner in a process of its own and prints its numbers; `benchmarks.uplift` runs them all, the peers' too.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.uplift_data import make_large

ROOT = Path(__file__).resolve().parent.parent
OURS = ("T", "X", "DR", "stack")
PEERS = ("T", "X", "DR")


def aim(name: str, value: float, bound: float, at_most: bool = True) -> dict[str, Any]:
    """Return one aim: what was wanted, what came."""
    met = value <= bound if at_most else value >= bound
    return {"name": name, "value": round(value, 4), "aim": bound, "met": bool(met)}


def fit_large(name: str, data: Path) -> dict[str, float]:
    """Return what fitting and scoring take with 100 trees of 31 leaves; the stack has settings of its own."""
    from penchant.models.uplift import DRLearner, TLearner, Trees, UpliftStack, XLearner

    before = peak_mb()
    with np.load(data) as held:
        X, treated, y, effect = (held[key] for key in ("X", "treated", "y", "effect"))
    p = np.full(len(X), 0.5)
    trees = Trees(n_trees=100, n_leaves=31, effect_share=1.0)
    kinds = {"T": TLearner, "X": XLearner, "DR": DRLearner}
    model = UpliftStack() if name == "stack" else kinds[name](trees)
    start = time.process_time()
    model.fit(X, y, treated, p_treatment=p)
    fitted = time.process_time()
    uplift = model.predict_uplift(X)
    scored = time.process_time()
    given_mb = (X.nbytes + treated.nbytes + y.nbytes + p.nbytes) / 1e6
    return {
        "fit": fitted - start,
        "predict": scored - fitted,
        "error": float(np.sqrt(np.mean((uplift - effect) ** 2))),
        "memory": (peak_mb() - before) / given_mb,
        "evaluations_per_arm": float(len(model.scorer_.outputs[0].terms)),
    }


def peak_mb() -> float:
    """Return the most memory that this process has held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss outlives exec: it would be the parent's peak
        held = dict(line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines())
        return float(held["VmHWM"].split()[0]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def speed(rows: int, python: str | None, folder: Path, runs: int) -> dict[str, Any]:
    """Return medians of CPU seconds, each learner in a process of its own."""
    X, treated, y, effect = make_large(rows, 30)
    data = folder / "large.npz"
    np.savez(data, X=X, treated=treated, y=y, effect=effect)
    del X
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(runs):
        for name in OURS:
            found[name].append(_run([sys.executable, "-m", "benchmarks.uplift_speed", name, str(data)]))
        for name in PEERS if python else ():
            spec = folder / "speed.json"
            spec.write_text(json.dumps({"peer": name, "data": str(data)}), encoding="utf-8")
            found[f"CausalML {name}"].append(_run([str(python), "-m", "benchmarks.uplift_peers", str(spec)]))
    return {
        name: {key: float(np.median([run[key] for run in several])) for key in several[0]}
        for name, several in found.items()
    }


def _run(command: list[str]) -> dict[str, float]:
    done = subprocess.run(
        command, check=True, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    numbers: dict[str, float] = json.loads(done.stdout.decode().strip().splitlines()[-1])
    return numbers


def speed_aims(costs: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the aims on speed that can be judged by what was run."""
    wanted = (("T", "T", 0.8), ("X", "X", 0.6), ("DR", "DR", 0.6), ("stack", "DR", 1.5))
    aims = [
        aim(f"fit: {ours} / CausalML {peer}", costs[ours]["fit"] / costs[f"CausalML {peer}"]["fit"], bound)
        for ours, peer, bound in wanted
        if f"CausalML {peer}" in costs
    ]
    aims += [
        aim(f"error of the effect: {name} / CausalML {name}", costs[name]["error"] / costs[peer]["error"], 1.05)
        for name in PEERS
        if (peer := f"CausalML {name}") in costs
    ]
    most = max(costs[name]["evaluations_per_arm"] for name in PEERS)
    aims.append(aim("model evaluations per arm and prediction, learners", most, 2))
    memory = max(costs[name]["memory"] for name in OURS)
    return [*aims, aim("peak memory / data", memory, 1.5)]


if __name__ == "__main__":
    print(json.dumps(fit_large(sys.argv[1], Path(sys.argv[2]))))
