"""Uplift learners beside CausalML, EconML, scikit-uplift and metalearners: speed, Hillstrom, known effects.

    python -m benchmarks.uplift [--json] [--rows 1000000] [--sizes 5000,50000] [--seeds 3] [--parts speed,known]
                                [--peers-python PEERS/bin/python]

The peers live in an environment of their own:

    python -m venv PEERS && PEERS/bin/pip install causalml econml scikit-uplift metalearners

Without it only penchant's learners run, and aims that name a peer are left out. Speed is CPU seconds on one thread,
each learner in a process of its own. Known effects: error of the effect (root mean square over 20,000 other customers)
and value of contacting whoever is predicted to gain more than a contact costs, on trials that no setting was chosen on
(seeds from 1,000 on; four of the ten shapes). The full run takes hours; what was run is in the result.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from benchmarks.uplift_data import (
    MAILS,
    SHAPES,
    Case,
    Floats,
    Trial,
    hillstrom_trial,
    make_large,
    make_trial,
)
from benchmarks.uplift_peers import PEERS, file_of

ROOT = Path(__file__).resolve().parent.parent
FIRST_SEED = 1000
COST = 0.01  # of a contact, in responders
DEFAULT, CONSTANT = "stack (the default)", "constant"
SPEED_OURS = ("T", "X", "DR", "stack")
SPEED_PEERS = ("T", "X", "DR")
N_SPLITS = 5


def learners() -> dict[str, Any]:
    """Return penchant's learners by name."""
    from penchant.models.uplift import DRLearner, Linear, RLearner, SLearner, TLearner, UpliftStack, XLearner

    kinds = {"S": SLearner, "T": TLearner, "X": XLearner, "R": RLearner, "DR": DRLearner}
    ours: dict[str, Any] = {f"{name}": kind() for name, kind in kinds.items()}
    ours |= {f"ridge {name}": kinds[name](Linear()) for name in ("T", "DR")}
    return {DEFAULT: UpliftStack(), **ours}


def predictions(trial: Trial) -> tuple[dict[str, Floats], Any]:
    """Return all learners' uplift of the test rows, and what the default found."""
    found: dict[str, Floats] = {}
    finding = None
    for name, learner in learners().items():
        learner.fit(trial.X, trial.y, trial.treated, p_treatment=trial.p)
        found[name] = learner.predict_uplift(trial.X_test)
        if name == DEFAULT:
            finding = learner.findings_["treated"]
            found[CONSTANT] = np.full(len(trial.X_test), finding.average_effect.value)
    return found, finding


class Peers:
    """Predictions of the peers, made in their own environment and kept in a folder."""

    def __init__(self, python: str | None, folder: Path, names: Sequence[str]) -> None:
        self.python, self.folder, self.names = python, folder, list(names)

    def run(self, trials: dict[str, dict[str, Any]]) -> None:
        """Run all peers on trials that are not in the folder yet."""
        if not self.python:
            return
        folder = str(self.folder.resolve())
        jobs = [
            {"trial": spec, "key": key, "peers": self.names, "folder": folder} for key, spec in trials.items()
        ]
        listed = self.folder / "jobs.json"
        listed.write_text(json.dumps(jobs), encoding="utf-8")
        subprocess.run(
            [self.python, "-m", "benchmarks.uplift_peers", str(listed.resolve())], check=True, cwd=ROOT
        )

    def predictions(self, key: str) -> dict[str, Floats]:
        """Return the peers' uplift of a trial's test rows."""
        files = {name: file_of(self.folder, key, name) for name in self.names}
        return {name: np.load(file).astype(np.float64) for name, file in files.items() if file.is_file()}


def known_effects(cases: Sequence[Case], seeds: Sequence[int], peers: Peers) -> dict[str, Any]:
    """Return errors, values and ranks of all learners on trials with known effects."""
    keys = {
        (case, seed): f"{case.shape}_{case.rows}_{case.share}_{case.confounded}_{seed}"
        for case in cases
        for seed in seeds
    }
    peers.run({key: {"case": asdict(case), "seed": seed} for (case, seed), key in keys.items()})
    cells, calm = [], []
    for case in cases:
        errors: dict[str, list[float]] = defaultdict(list)
        values: dict[str, list[float]] = defaultdict(list)
        for seed in seeds:
            trial = make_trial(case, seed)
            ours, finding = predictions(trial)
            effect = np.asarray(trial.effect_test)
            for name, uplift in (ours | peers.predictions(keys[case, seed])).items():
                errors[name].append(float(np.mean((uplift - effect) ** 2)))
                values[name].append(1000 * float(np.mean(np.where(uplift > COST, effect - COST, 0.0))))
            if case.shape == "none":
                calm.append(not finding.average_effect.excludes_zero and not finding.tells_apart)
        best = 1000 * float(np.mean(np.maximum(effect - COST, 0.0)))
        cells.append(cell_of(case, errors, values, best))
        print(
            case, {name: round(e, 4) for name, e in cells[-1]["error"].items()}, file=sys.stderr, flush=True
        )
    return {"cells": cells, "ranks": ranks_of(cells), "no_effect_said": calm, "seeds": list(seeds)}


def cell_of(
    case: Case, errors: dict[str, list[float]], values: dict[str, list[float]], best: float
) -> dict[str, Any]:
    """Return one kind of trial's numbers: mean over seeds."""
    return {
        **asdict(case),
        "error": {name: float(np.sqrt(np.mean(found))) for name, found in errors.items()},
        "value_per_1000": {name: float(np.mean(found)) for name, found in values.items()},
        "best_value_per_1000": best,
    }


def ranks_of(cells: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return each learner's mean rank over the cells, 1 = best, by error, by value and in the mean of both."""
    names = [name for name in cells[0]["error"] if all(name in cell["error"] for cell in cells)]
    by_error = np.mean([rankdata([cell["error"][n] for n in names]) for cell in cells], axis=0)
    by_value = np.mean(
        [rankdata([-round(cell["value_per_1000"][n], 6) for n in names]) for cell in cells], axis=0
    )
    table = {
        name: {"error": float(e), "value": float(v), "mean": float((e + v) / 2)}
        for name, e, v in zip(names, by_error, by_value, strict=True)
    }
    return dict(sorted(table.items(), key=lambda item: item[1]["mean"]))


def hillstrom(path: Path, peers: Peers) -> dict[str, Any]:
    """Return scikit-uplift's qini_auc of all learners and baselines, by mail, mean over five splits."""
    from penchant.models.propensity import PropensityModel
    from penchant.models.qini_peers import sklift_qini_auc_score

    specs = {
        f"hillstrom_{mail.split()[0]}_{split}": {
            "mail": mail,
            "seed": split,
            "hillstrom": str(path.resolve()),
        }
        for mail in MAILS
        for split in range(N_SPLITS)
    }
    peers.run(specs)
    result: dict[str, Any] = {}
    for mail in MAILS:
        scores: dict[str, list[float]] = defaultdict(list)
        for split in range(N_SPLITS):
            trial = hillstrom_trial(path, mail, split)
            found = predictions(trial)[0] | peers.predictions(f"hillstrom_{mail.split()[0]}_{split}")
            del found[CONSTANT]
            found["rule: bought women's goods"] = trial.X_test["womens"].to_numpy(dtype=np.float64)
            response = PropensityModel().fit(trial.X, trial.y)
            found["response model"] = response.predict_proba(trial.X_test)[:, 1]
            for name, uplift in found.items():
                scores[name].append(sklift_qini_auc_score(trial.y_test, uplift, trial.treated_test))
        table = {name: {"mean": float(np.mean(s)), "splits": s} for name, s in scores.items()}
        result[mail] = dict(sorted(table.items(), key=lambda item: -item[1]["mean"]))
    return result


def fit_large(name: str, data: Path) -> dict[str, float]:
    """Return what fitting and scoring take with 100 trees of 31 leaves; the stack has settings of its own."""
    from penchant.models.uplift import DRLearner, TLearner, Trees, UpliftStack, XLearner

    before = _peak_mb()
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
        "memory": (_peak_mb() - before) / given_mb,
        "evaluations_per_arm": float(len(model.scorer_.arms[0].terms)),
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def speed(rows: int, python: str | None, folder: Path, runs: int) -> dict[str, Any]:
    """Return medians of CPU seconds, each learner in a process of its own."""
    X, treated, y, effect = make_large(rows, 30)
    data = folder / "large.npz"
    np.savez(data, X=X, treated=treated, y=y, effect=effect)
    del X
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(runs):
        for name in SPEED_OURS:
            found[name].append(_run([sys.executable, "-m", "benchmarks.uplift", "--one", name, str(data)]))
        for name in SPEED_PEERS if python else ():
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


def aim(name: str, value: float, bound: float, at_most: bool = True) -> dict[str, Any]:
    """Return one aim: what was wanted, what came."""
    met = value <= bound if at_most else value >= bound
    return {"name": name, "value": round(value, 4), "aim": bound, "met": bool(met)}


def speed_aims(costs: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the aims on speed that can be judged by what was run."""
    wanted = (("T", "T", 0.8), ("X", "X", 0.6), ("DR", "DR", 0.6), ("stack", "DR", 1.5))
    aims = [
        aim(f"fit: {ours} / CausalML {peer}", costs[ours]["fit"] / costs[f"CausalML {peer}"]["fit"], bound)
        for ours, peer, bound in wanted
        if f"CausalML {peer}" in costs
    ]
    aims += [
        aim(
            f"error of the effect: {name} / CausalML {name}",
            costs[name]["error"] / costs[peer]["error"],
            1.05,
        )
        for name in SPEED_PEERS
        if (peer := f"CausalML {name}") in costs
    ]
    most = max(costs[name]["evaluations_per_arm"] for name in SPEED_PEERS)
    aims.append(aim("model evaluations per arm and prediction, learners", most, 2))
    memory = max(costs[name]["memory"] for name in SPEED_OURS)
    return [*aims, aim("peak memory / data", memory, 1.5)]


def hillstrom_aims(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the aims on Hillstrom's mails."""
    return [
        aim(f"{mail}: the default's qini_auc", table[mail][DEFAULT]["mean"], bound, at_most=False)
        for mail, bound in zip(MAILS, (0.057, 0.016), strict=True)
    ]


def known_aims(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the aims on known effects."""
    ranks = [name for name in result["ranks"] if name != CONSTANT]
    worst = max(cell["error"][DEFAULT] / cell["error"][CONSTANT] for cell in result["cells"])
    aims = [
        aim(f"place of the default by mean rank among {len(ranks)}", ranks.index(DEFAULT) + 1, 1),
        aim("largest error of the default / the constant's", worst, 1.05),
    ]
    if calm := result["no_effect_said"]:
        aims.append(aim("no effect: interval covers zero and it says so", float(np.mean(calm)), 0.9, False))
    return aims


def cases_of(sizes: Sequence[int], shapes: Sequence[str]) -> list[Case]:
    """Return the kinds of trials: even, nine in ten treated, and confounded with known probabilities."""
    arms = [(0.5, False), (0.9, False), (0.5, True)]
    return [Case(shape, size, *arm) for size in sizes for arm in arms for shape in shapes]


def run(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run the parts that were asked for."""
    peers = Peers(args.peers_python, folder, args.peers.split(",") if args.peers else list(PEERS))
    result: dict[str, Any] = {"peers": bool(args.peers_python), "aims": []}
    if "hillstrom" in args.parts:
        path = Path(args.hillstrom)
        result["hillstrom"] = hillstrom(path, peers)
        result["aims"] += hillstrom_aims(result["hillstrom"])
    if "known" in args.parts:
        sizes = [int(size) for size in args.sizes.split(",")]
        shapes = args.shapes.split(",") if args.shapes else list(SHAPES)
        seeds = range(args.first_seed, args.first_seed + args.seeds)
        result["known"] = known_effects(cases_of(sizes, shapes), seeds, peers)
        result["aims"] += known_aims(result["known"])
    if "speed" in args.parts:
        result["rows"] = args.rows
        result["speed"] = speed(args.rows, args.peers_python, folder, args.runs)
        result["aims"] += speed_aims(result["speed"])
    return result


def told(result: dict[str, Any]) -> str:
    """Return the result as lines for a person."""
    lines = []
    for mail, table in result.get("hillstrom", {}).items():
        lines += [mail, *(f"  {row['mean']:8.4f}  {name}" for name, row in table.items())]
    if "known" in result:
        lines.append("mean rank (error, value) over known effects")
        for name, rank in result["known"]["ranks"].items():
            lines.append(f"  {rank['mean']:6.2f}  ({rank['error']:.2f}, {rank['value']:.2f})  {name}")
    for name, cost in result.get("speed", {}).items():
        lines.append(f"  {name:14} " + ", ".join(f"{key} {value:.3g}" for key, value in cost.items()))
    lines += [
        f"{'met' if one['met'] else 'MISSED'}: {one['name']}: {one['value']:.4g} (aim {one['aim']})"
        for one in result["aims"]
    ]
    return "\n".join(lines)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("PENCHANT_DATA", "../shared/data"))
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--parts", default="hillstrom,known,speed")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the table for speed")
    parser.add_argument("--runs", type=int, default=1, help="of each speed, of which the median is taken")
    parser.add_argument("--sizes", default="5000", help="training rows of trials with known effects")
    parser.add_argument("--seeds", type=int, default=1, help="trials of each kind")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--shapes", help=f"default: all of {', '.join(SHAPES)}")
    parser.add_argument("--hillstrom", default=str(data / "hillstrom_email" / "hillstrom.parquet"))
    parser.add_argument("--peers-python", help="the peers' interpreter")
    parser.add_argument("--peers", help=f"default: all of {', '.join(PEERS)}")
    parser.add_argument(
        "--folder", help="where the peers' predictions are kept, so that a long run can go on"
    )
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(fit_large(args.one[0], Path(args.one[1]))))
        return
    with tempfile.TemporaryDirectory() as own:
        folder = Path(args.folder or own)
        folder.mkdir(parents=True, exist_ok=True)
        result = run(args, folder)
    print(json.dumps(result) if args.json else told(result))


if __name__ == "__main__":
    main()
