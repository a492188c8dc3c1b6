"""The benchmarks can be started, and their page says what came of each."""

from __future__ import annotations

import ast
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks import page, run

RESULT: dict[str, Any] = {
    "name": "features",
    "title": "Signals, beside SQL by hand",
    "command": "python -m benchmarks.features --events 1000",
    "date": "2026-11-30",
    "machine": "a machine",
    "versions": {"duckdb": "2.0.0"},
    "seconds": {"wall": 12.3, "cpu": 10.1},
    "why": "",
    "aims": [
        {"name": "penchant / pandas", "value": 0.29, "aim": 0.5, "met": True},
        {"name": "penchant / DuckDB by hand", "value": 1.1, "aim": 1.0, "met": False},
        {"name": "coverage", "value": 0.95, "aim": [0.93, 0.97], "met": True},
    ],
}
LACKING = {**RESULT, "name": "web", "title": "The page", "aims": [], "why": "no browser here"}


@pytest.mark.parametrize("bench", run.BENCHES, ids=lambda bench: bench.name)
def test_every_benchmark_can_be_started(bench: run.Bench) -> None:
    assert callable(import_module(f"benchmarks.{bench.name}").main)


@pytest.mark.parametrize("path", sorted(Path(run.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_what_a_benchmark_imports_on_its_way_is_there(path: Path) -> None:
    """Most of it is imported within functions, where only a long run would find that it has moved."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] in ("penchant", "benchmarks"):
            module = import_module(str(node.module))
            for alias in node.names:
                if not hasattr(module, alias.name):
                    import_module(f"{node.module}.{alias.name}")


def test_the_page_says_of_each_aim_what_came_and_what_did_not_run() -> None:
    text = page.page_of([RESULT, LACKING], "pictures/x.png", ["value"])
    assert "Not run for this page: value." in text
    assert "2 of 3 aims met" in text
    assert "| penchant / DuckDB by hand | 1.1 | 1 | **missed** |" in text
    assert "| coverage | 0.95 | 0.93 to 0.97 | met |" in text
    assert "did not run: no browser here" in text
    assert "`python -m benchmarks.features --events 1000`, 2026-11-30, on a machine; duckdb 2.0.0." in text
    drawn = page.picture_of([RESULT, LACKING])
    assert "features: penchant / pandas" in drawn
    assert "coverage" not in drawn  # it has no one bound


def test_a_benchmark_that_fails_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run, "BENCHES", (run.Bench("none_such", "Nothing"),))
    monkeypatch.setattr(sys, "argv", ["run", "--quick", "--results", str(tmp_path), "--page", str(tmp_path / "b.md")])
    (tmp_path / "pictures").mkdir()
    run.main()
    kept = json.loads((tmp_path / "none_such.json").read_text())
    assert "none_such" in kept["why"]
    assert "did not run" in (tmp_path / "b.md").read_text()


def test_of_many_aims_the_missed_are_shown_each_and_the_met_by_case() -> None:
    met = [
        {"name": f"a case: number {n}", "value": 0.93 + n / 1000, "aim": "93% to 97%", "met": True} for n in range(41)
    ]
    text = page.page_of([{**RESULT, "aims": [*met, {**met[0], "name": "a case: off", "value": 0.5, "met": False}]}], "")
    assert "| a case: off | 0.5 | 93% to 97% | **missed** |" in text
    assert "| a case: 41 numbers | 0.93 to 0.97 | 93% to 97% | met |" in text
    assert "number 7" not in text


def test_a_benchmark_that_takes_too_long_is_killed_with_what_it_started() -> None:
    code, out, _errors, cpu = run.finished([sys.executable, "-c", "print('{}')"], 1)
    assert (code, out.strip()) == (0, "{}")
    assert cpu > 0
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    assert run.finished([sys.executable, "-c", child], 0.3 / 60)[0] == -9
