"""Plant small faults where a silent one costs most, and see whether the tests notice: python tests/mutants.py.

mutmut makes the mutants and runs, for each, the tests that reach it. It wants real folders where the checkout has
links, so a copy is made below ``build/``. The time is bounded: of each file a seeded sample is tried, not all. A
survivor is printed with its difference: a test is missing, or the mutant is equivalent and docs/design.md says why.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = (
    "features/history/facts.py",
    "features/history/past.py",
    "features/history/rows.py",
    "features/outcomes/labels.py",
    "features/outcomes/success.py",
    "features/signals/cycle.py",
    "features/signals/price.py",
    "features/signals/rfm.py",
    "features/signals/stage.py",
    "models/decisions/allocation.py",
    "models/decisions/allocation_steps.py",
    "models/decisions/policy.py",
    "models/decisions/profit.py",
    "models/estimators/calibration.py",
    "models/evaluation/qini_curves.py",
    "models/evaluation/ranking.py",
    "models/uplift/arms.py",
    "models/uplift/trial.py",
    "models/uplift/x_learner.py",
    "serving/audience/cut.py",
    "serving/audience/exclusions.py",
    "serving/audience/hashing.py",
    "serving/audience/holdout.py",
    "serving/measure/effect.py",
    "training/splits.py",
)
TESTS = (
    *("tests/features/history", "tests/features/outcomes", "tests/features/signals"),
    *("tests/models/decisions", "tests/models/estimators/test_calibration.py", "tests/models/evaluation"),
    *("tests/models/uplift/test_arms.py", "tests/models/uplift/test_trial.py", "tests/models/uplift/test_learners.py"),
    *("tests/serving/audience", "tests/serving/measure", "tests/training/test_splits.py"),
)
COPIED = ("docs", "examples", "benchmarks", "README.md", "CHANGELOG.md")
STATES = re.compile(r"^\s*(\S+__mutmut_\d+): ([\w ]+)$", re.MULTILINE)


def main() -> int:
    """Try a sample of mutants; the exit code is 1 where fewer than nine in ten are killed."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--per-file", type=int, default=12, help="how many mutants of each file are tried")
    asked.add_argument("--minutes", type=float, default=40.0, help="after which the run ends with what it has")
    asked.add_argument("--seed", type=int, default=0, help="another seed, another sample")
    asked.add_argument("--file", action="append", choices=FILES, help="only this file; may be repeated")
    given = asked.parse_args()
    place = prepared(given.file or FILES)
    chosen = sample(names_of(place, given.minutes), given.per_file, given.seed)
    run(place, ["run", "--max-children", "2", *chosen], given.minutes)
    return told(place, states(place), chosen)


def prepared(files: list[str] | tuple[str, ...]) -> Path:
    """Return a copy of the project with folders where the checkout has links, and mutmut's configuration."""
    place = ROOT / "build" / "mutants"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    skipped = shutil.ignore_patterns("__pycache__", ".*_cache")
    for name in ("penchant", "tests", *COPIED):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, place / name, **({"ignore": skipped} if source.is_dir() else {}))  # type: ignore[operator]
    settings = {
        "source_paths": ["penchant"],
        "only_mutate": [f"penchant/{name}" for name in files],
        "also_copy": list(COPIED),
        "pytest_add_cli_args": ["-q", "-x", "-p", "no:cacheprovider", "-m", "not spark"],
        "pytest_add_cli_args_test_selection": list(TESTS),
    }
    lines = "\n".join(f"{key} = {value!r}" for key, value in settings.items())
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (place / "pyproject.toml").write_text(f"{text}\n[tool.mutmut]\n{lines}\n", encoding="utf-8")
    return place


def run(place: Path, arguments: list[str], minutes: float) -> str:
    """Run mutmut in the copy, and return what it printed; past its time it is ended, and what it found stays."""
    command = [sys.executable, "-m", "mutmut", *arguments]
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=60 * minutes)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout + done.stderr


def names_of(place: Path, minutes: float) -> list[str]:
    """Return the names of all mutants; the first run also finds out which tests reach which function."""
    said = run(place, ["run", "--max-children", "2", "no.such.mutant"], minutes)
    found = list(states(place))
    if not found:
        sys.exit(f"no mutants were made:\n{said[-3000:]}")
    return found


def states(place: Path) -> dict[str, str]:
    """Return mutant -> killed, survived, no tests, timeout, not checked ..."""
    return dict(STATES.findall(run(place, ["results", "--all", "true"], 5.0)))


def sample(names: list[str], per_file: int, seed: int) -> list[str]:
    """Return so many mutants of each file, drawn by the seed."""
    by_file: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_file[file_of(name)].append(name)
    dice = random.Random(seed)
    return [one for file in sorted(by_file) for one in dice.sample(by_file[file], min(per_file, len(by_file[file])))]


def file_of(name: str) -> str:
    """Return the module that a mutant is of."""
    return re.sub(r"\.(x_|xǁ)[^.]*$", "", name)


def told(place: Path, found: dict[str, str], chosen: list[str]) -> int:
    """Print how many were killed of each file, and the survivors."""
    tried = {name: found[name] for name in chosen if found.get(name, "not checked") != "not checked"}
    killed = [name for name, state in tried.items() if state in ("killed", "timeout", "caught by type check")]
    for file in sorted({file_of(name) for name in tried}):
        there = [name for name in tried if file_of(name) == file]
        print(f"{sum(name in killed for name in there):4d} of {len(there):4d} killed  {file}")
    for name, state in tried.items():
        if name not in killed:
            print(f"\n{state}: {name}\n{run(place, ['show', name], 1.0)}")
    share = len(killed) / max(len(tried), 1)
    print(f"\n{len(killed)} of {len(tried)} killed ({share:.0%}); {len(chosen) - len(tried)} not tried")
    return int(share < 0.9)


if __name__ == "__main__":
    sys.exit(main())
