"""Plant small faults where a silent one costs most, and see whether the tests notice: python tests/mutants.py.

Each mutant is a process of its own, forked from one that has loaded every library the tests need; it reads the mutated
source in the file's place and runs the tests that `mutants.toml` names for the file until the first one fails. Of each
file a sample is tried; it depends on the seed and on the mutants themselves, so that an edit elsewhere in the file
changes little of it. What survives is printed with its line: a test is missing, or the mutant is equivalent, and then
`mutants.toml` says why and it is not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import importlib.machinery
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")

import pytest  # noqa: E402
from mutations import Mutant, mutants_of  # noqa: E402

PLAN = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
PLUGINS = ("-p", "no:cacheprovider")


@dataclass
class Tried:
    """What became of a file's sample."""

    file: str
    killed: int = 0
    equivalent: int = 0
    survivors: list[Mutant] = field(default_factory=list)

    @property
    def counted(self) -> int:
        """How many were tried that are not equivalent."""
        return self.killed + len(self.survivors)


def main() -> int:
    """Try a sample of mutants; the exit code is 1 where fewer than nine in ten are killed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--per-file", type=int, default=20, help="how many mutants of each file are tried")
    options.add_argument("--minutes", type=float, default=40.0, help="after which the run ends with what it has")
    options.add_argument("--seed", type=int, default=0, help="another seed, another sample")
    options.add_argument("--file", action="append", choices=sorted(PLAN["tests"]), help="only this; may be repeated")
    given = options.parse_args()
    os.chdir(ROOT)
    ends_at = time.monotonic() + 60 * given.minutes
    done: list[Tried] = []
    for file in given.file or PLAN["tests"]:
        if time.monotonic() > ends_at:
            print(f"{file}: no time left")
            continue
        done.append(tried(file, given.per_file, given.seed, ends_at))
    return told(done)


def tried(file: str, per_file: int, seed: int, ends_at: float) -> Tried:
    """Return what became of a sample of a file's mutants."""
    source = (ROOT / file).read_text(encoding="utf-8")
    tests = shlex.split(PLAN["tests"][file])
    codes = [in_fork(lambda: run(tests, None, None), 600.0, warm=True)]
    start = time.monotonic()
    codes.append(in_fork(lambda: run(tests, file, source), 600.0))
    seconds = time.monotonic() - start
    if any(codes):
        sys.exit(f"{file}: its tests fail without any mutant (pytest's exit codes {codes}): {' '.join(tests)}")
    result, harmless = Tried(file), {one["becomes"] for one in PLAN.get("equivalent", []) if one["file"] == file}
    for mutant in sample(mutants_of(source), per_file, seed):
        if time.monotonic() > ends_at:
            break
        if mutant.after in harmless:
            result.equivalent += 1
            continue
        code = in_fork(lambda one=mutant: run(tests, file, one.source), 20.0 + 4.0 * seconds)
        if code == 0:
            result.survivors.append(mutant)
            print(f"survived: {file}:{mutant.number}\n  - {mutant.before}\n  + {mutant.after}", flush=True)
        else:
            result.killed += 1
    spent = time.monotonic() - start
    print(f"{result.killed:4d} of {result.counted:4d} killed, {seconds:.1f} s whole, {spent:.0f} s  {file}", flush=True)
    return result


def sample(mutants: list[Mutant], n: int, seed: int) -> list[Mutant]:
    """Return n mutants, drawn by a hash of each: an edit elsewhere in the file moves few in or out."""
    drawn = sorted(mutants, key=lambda one: hashlib.sha256(f"{seed}|{one.before}|{one.after}".encode()).digest())
    return sorted(drawn[:n], key=lambda one: one.number)


def run(tests: list[str], file: str | None, source: str | None) -> int:
    """Run tests with one file's source replaced; return pytest's exit code."""
    if file is not None and source is not None:
        replace_source(ROOT / file, source)
    place = tempfile.mkdtemp(prefix="mutant-")
    from hypothesis import Phase, settings

    settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate], database=None)
    settings.load_profile("mutants")
    try:
        arguments = ["-q", "-x", *PLUGINS, "-m", "not spark", f"--basetemp={place}/t", *tests]
        return int(pytest.main(arguments))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def replace_source(path: Path, source: str) -> None:
    """Let the next import of a file read another source."""
    read = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: Any, name: str) -> Any:
        if Path(self.path).resolve() == path:
            return compile(source, self.path, "exec", dont_inherit=True)
        return read(self, name)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def in_fork(work: Callable[[], int], seconds: float, warm: bool = False) -> int:
    """Return the exit code of work done in a process of its own; one that takes too long is ended and counts as failed.

    With ``warm`` the libraries that the work loaded are then loaded here, for the next ones to find.
    """
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.close(readable)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        code = 3
        with contextlib.suppress(BaseException):
            code = work()
        with os.fdopen(writable, "w") as pipe:
            pipe.write(" ".join(sys.modules) if warm else "")
        os._exit(code)
    os.close(writable)
    ends_at, status = time.monotonic() + seconds, 0
    names = os.fdopen(readable)
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done or warm:
            break
        if time.monotonic() > ends_at:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            names.close()
            return 1
        time.sleep(0.02)
    with names:
        loaded = names.read().split() if warm else []
    if not done:
        _pid, status = os.waitpid(pid, 0)
    load(loaded)
    return os.waitstatus_to_exitcode(status)


def load(names: list[str]) -> None:
    """Load modules of libraries; what is this project's own must be read by each mutant anew."""
    for name in names:
        path = name.split(".")[0]
        if path in ("penchant", "conftest", "__main__", "_hypothesis_pytestplugin") or path.startswith("test"):
            continue
        with contextlib.suppress(Exception):
            spec = importlib.util.find_spec(path)
            if spec is not None and spec.origin is not None and not spec.origin.startswith(str(ROOT)):
                importlib.import_module(name)


def told(done: list[Tried]) -> int:
    """Print the table of docs/design.md: how many were killed of each file."""
    print("\n| file | tried | equivalent | killed | survived |\n|---|---|---|---|---|")
    for one in done:
        print(
            f"| {one.file} | {one.counted + one.equivalent} | {one.equivalent} | {one.killed} | {len(one.survivors)} |"
        )
    killed, counted = sum(one.killed for one in done), sum(one.counted for one in done)
    share = killed / max(counted, 1)
    print(f"\n{killed} of {counted} that are not equivalent were killed ({share:.1%})")
    return int(share < 0.9)


if __name__ == "__main__":
    sys.exit(main())
