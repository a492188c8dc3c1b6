"""Clean and forget from the command line, on the results of a shop."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from penchant.cli import app, hoist
from penchant.output import replaced_folder

PEOPLE = pd.DataFrame({"customer_id": ["anna", "bert"], "probability": [0.1, 0.2]})
TASKS = {"churn": {"horizon_days": 7}}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "penchant.toml").write_text('[shop]\nname = "tea"\n[keep]\nscore = "30d"\n')
    for day in ("2025-01-01", "2025-02-01", "2025-06-01"):
        folder = tmp_path / "out" / "tea" / "score" / day
        with replaced_folder(folder, {"step": "score", "key": day, "as_of": day, "tasks": TASKS}) as place:
            PEOPLE.to_parquet(place / "churn.parquet")
    return tmp_path


def answer(folder: Path, *words: str) -> dict[str, Any]:
    with chdir(folder):
        done = CliRunner().invoke(app, hoist([*words, "--json"]), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def days(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "out" / "tea" / "score").iterdir())


def test_clean_removes_by_the_rules_of_the_configuration_and_a_dry_run_nothing(shop: Path) -> None:
    dry = answer(shop, "clean", "--dry-run")
    assert [Path(path).name for path in dry["expired"]] == ["2025-01-01"]
    assert (dry["freed_bytes"], len(days(shop))) == (0, 3)
    done = answer(shop, "clean")
    assert done["expired"] == dry["expired"]
    assert done["freed_bytes"] == done["steps"]["score"]["bytes_expired"] > 0
    assert days(shop) == ["2025-02-01", "2025-06-01"]
    assert answer(shop, "clean")["expired"] == []


def test_clean_counts_back_from_the_moment_it_is_given(shop: Path) -> None:
    assert answer(shop, "clean", "--dry-run", "--as-of", "2025-01-20")["expired"] == []


def test_forget_removes_customers_and_says_what_it_cannot_reach(shop: Path) -> None:
    done = answer(shop, "forget", "bert", "nobody")
    assert list(done["rows"].values()) == [1, 1, 1]
    assert any("models" in what for what in done["not_reached"])
    for day in days(shop):
        kept = pd.read_parquet(shop / "out" / "tea" / "score" / day / "churn.parquet")
        assert kept["customer_id"].tolist() == ["anna"]


def test_a_night_of_a_shop_that_is_refused_ends_with_the_check(tmp_path: Path) -> None:
    (tmp_path / "penchant.toml").write_text('[shop]\nname = "tea"\n[tables.orders]\npath = "orders.csv"\n')
    (tmp_path / "orders.csv").write_text("customer_id,when\na,2025-01-01\n")
    with chdir(tmp_path):
        done = CliRunner().invoke(app, hoist(["nightly", "--json"]), catch_exceptions=False)
    told = json.loads(done.stdout)
    assert (done.exit_code, told["exit_code"], told["as_of"]) == (2, 2, None)
    assert [step["name"] for step in told["steps"]] == ["check"]
    assert not list((tmp_path / "out" / "tea" / "nightly").iterdir())
