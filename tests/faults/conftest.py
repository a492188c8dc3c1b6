"""Faults of machines, tried for real: they take minutes, and run with `make faults` alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from penchant.output import MANIFEST, file_facts, read_json

from ..trained_shop import penchant, train, write_orders

collect_ignore_glob = [] if os.environ.get("FAULTS") else ["test_*.py"]

DAYS = tuple(f"2024-09-0{day}" for day in range(1, 6))
PLAN = """
[plan]
name = "day{day}"
[channels.email]
unit_cost = 0.02
[offers.hello]
kind = "reminder"
[[campaigns]]
id = "hello-{day}"
goal = "second"
starts_at = {day}T00:00:00
offers = ["hello"]
channels = ["email"]
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a shop with a model in use, plans for five days, and a table that contacts go to."""
    folder = tmp_path_factory.mktemp("trained")
    write_orders(folder)
    train(folder)
    for day in DAYS:
        (folder / f"{day}.toml").write_text(PLAN.format(day=day))
    (folder / "crm.toml").write_text('address = "duckdb://crm.duckdb"\ntable = "sends"\n')
    assert penchant(folder, "score", "--as-of", "2024-08-01").code == 0
    return folder


@pytest.fixture
def shop(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the shop, with a folder of its own for temporary files beside it."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return shutil.copytree(trained, tmp_path / "shop")


def results_in(out: Path) -> dict[str, dict[str, str]]:
    """Return each result below a folder with the hashes of its files, which are those that its manifest names."""
    found = {}
    for page in out.rglob(MANIFEST):
        folder = page.parent
        if any(part.startswith(".") for part in folder.relative_to(out).parts):
            continue
        told = {facts["name"]: facts["sha256"] for facts in read_json(page)["files"]}
        assert {name: file_facts(folder / name)["sha256"] for name in told} == told, folder
        found[folder.relative_to(out).as_posix()] = told
    return found


def leftovers(shop: Path) -> list[str]:
    """Return what killed runs left among the results, in the store and among temporary files."""
    hidden = [path for part in ("out", "mlruns") for path in (shop / part).rglob(".*")]
    return [str(path) for path in (*hidden, *(shop.parent / "tmp").glob("penchant-*"))]
