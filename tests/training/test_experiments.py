"""Train, compare and promote through the command line, for a task of the shop's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from penchant.cli import app
from penchant.models.store.registry import Registry
from penchant.simulate import SimulationSettings, simulate

OWN = """
from ibis import _
from penchant.features.outcomes.tasks import Task

def bought(past):
    return past.purchases.count() > 0

def buys_again_twice(past, span):
    return past.purchases.within(span.horizon_days).count() > 1

TASKS = (Task("twice", "two more paid orders", bought, buys_again_twice, horizon_days=120),)
"""
SHOP = """
modules = ["own.py"]
[shop]
name = "small"
[tables.orders]
path = "orders.parquet"
[features]
groups = ["recency", "rfm"]
windows = [90]
[tasks.twice]
n_snapshots = 1
[tasks.visit]
n_snapshots = 1
[gate]
min_buyers = 100
min_positives = 20
min_negatives = 20
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small simulated shop with a task of its own, trained twice: well, and badly."""
    place = tmp_path_factory.mktemp("shop")
    simulate(SimulationSettings(n_customers=5_000, campaigns=()), place)
    (place / "own.py").write_text(OWN, encoding="utf-8")
    (place / "penchant.toml").write_text(SHOP, encoding="utf-8")
    (place / "bad.json").write_text(
        json.dumps({"n_trees": 1, "learning_rate": 1e-6, "line_share": 0}), encoding="utf-8"
    )
    done(place, "train", "twice", "--threads", "1", "--out", str(place / "one"))
    done(place, "train", "twice", "--threads", "1", "--params", str(place / "bad.json"), "--out", str(place / "two"))
    return place


def run(place: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    given = ["--shop", str(place / "penchant.toml"), "--json", *arguments, "--store", str(place / "mlruns")]
    found = CliRunner().invoke(app, given)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, json.loads(found.stdout)


def done(place: Path, *arguments: str) -> dict[str, Any]:
    code, told = run(place, *arguments)
    assert code == 0
    return told


@pytest.mark.slow
def test_a_challenger_is_compared_refused_and_forced(folder: Path) -> None:
    found = done(folder, "compare", "twice", "--out", str(folder / "compared"))
    by_name = {place["name"]: place for place in found["leaderboard"]}
    assert found["reference"] == "version 1"
    assert by_name["version 1"]["what"] == by_name["version 2"]["what"] == "judged"  # those in use saw the test
    assert by_name["version 2"]["against_reference"]["auc"]["verdict"] == "worse"
    assert (folder / "compared" / "leaderboard.csv").is_file()

    code, refused = run(folder, "promote", "twice")
    assert (code, refused["promoted"], refused["version"]) == (3, False, 2)
    failed = {gate["code"] for gate in refused["gates"] if gate["outcome"] == "issue"}
    assert "worse-than-champion" in failed
    assert Registry(folder / "mlruns").version("small.twice").version == 1

    code, forced = run(folder, "promote", "twice", "--force")
    assert (code, forced["promoted"], forced["forced"]) == (0, True, True)
    assert Registry(folder / "mlruns").version("small.twice").version == 2
    registry = Registry(folder / "mlruns")
    place = registry.artifacts(registry.version("small.twice", 2))
    card = json.loads((place / "model_card.json").read_text(encoding="utf-8"))
    assert card["promotion"]["forced"]
    assert {gate["code"] for gate in card["promotion"]["gates"]} == {gate["code"] for gate in forced["gates"]}
    page = (place / "model_card.html").read_text(encoding="utf-8")
    assert f"Promoted by {card['promotion']['by']}" in page
    assert "It is not worse than the champion" in page
    assert kept_with(folder, 2) == {"gates": "overruled by --force", "gates_failed": ", ".join(sorted(failed))}


def kept_with(place: Path, version: int) -> dict[str, str]:
    """Return what stands with a version in the registry; the gates' codes sorted."""
    from mlflow import MlflowClient

    tags = dict(MlflowClient(Registry(place / "mlruns").address).get_model_version("small.twice", str(version)).tags)
    assert len(tags.pop("sha256")) == 64
    assert tags.pop("promoted_by")
    assert tags.pop("promoted_at").endswith("UTC")
    return tags | {"gates_failed": ", ".join(sorted(tags["gates_failed"].split(", ")))}


@pytest.mark.slow
def test_the_error_names_the_tables_that_a_task_needs(folder: Path) -> None:
    from penchant.errors import InputError, LeftOutError

    with pytest.raises(LeftOutError, match="task 'visit': a shop with interactions"):
        run(folder, "train", "visit")
    (folder / "list.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(InputError, match="num_leaves"):
        run(folder, "train", "twice", "--params", str(folder / "list.json"))


@pytest.mark.slow
def test_a_search_by_a_chosen_metric_is_recorded_with_its_trials(folder: Path) -> None:
    space = folder / "space.toml"
    space.write_text("num_leaves = { low = 4, high = 8 }\n", encoding="utf-8")
    asked = ("--trials", "2", "--metric", "brier", "--timeout", "300", "--threads", "1", "--space", str(space))
    found = done(folder, "tune", "twice", *asked, "--out", str(folder / "tuned"))
    assert set(found["search"]["params"]) == {"num_leaves"}
    assert found["search"]["score"] == "brier"
    assert "default_parameters" in found["baselines"]
    from mlflow import MlflowClient

    client = MlflowClient(Registry(folder / "mlruns").address)
    experiment = client.get_experiment_by_name("small.twice").experiment_id
    below = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{found['run_id']}' and tags.kind = 'trial'")
    assert sorted(run.info.run_name for run in below) == ["trial 0", "trial 1"]
    assert all("num_leaves" in run.data.params for run in below)
    again = done(folder, "tune", "twice", *asked, "--out", str(folder / "again"))  # both trials are there already
    assert again["search"]["value"] == found["search"]["value"]
