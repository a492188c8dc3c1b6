"""What a training leaves in MLflow: a run that reads well, a logged model, a version, and baselines below it."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from penchant.config import Config
from penchant.models.store.registry import Registered, Registry
from penchant.training.card import added_to_card, card_page
from penchant.training.fit import Recipe
from penchant.training.record import write_training
from penchant.training.train import learn

NAME = "shop.repurchase"


@pytest.fixture(scope="module")
def recorded(planted: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Registered]:
    """Return a folder with a store, the training that was recorded in it, and its version."""
    folder = tmp_path_factory.mktemp("recorded")
    trained = learn(planted.material(300), Recipe({"num_leaves": 5}, 1))
    record = write_training(trained, Config(), folder, {"orders": "abc"})
    return folder, trained, Registry(folder / "mlruns").log(record)


@pytest.fixture
def client(recorded: tuple[Path, Any, Registered]) -> MlflowClient:
    mlflow.set_tracking_uri(Registry(recorded[0] / "mlruns").address)
    return MlflowClient()


def test_the_run_says_what_it_is_and_what_came_of_it(
    recorded: tuple[Path, Any, Registered], client: MlflowClient
) -> None:
    _, trained, version = recorded
    run = client.get_run(version.run_id)
    assert run.info.run_name == "repurchase, test 2024-06-29, own parameters, version 1"
    assert run.data.tags["mlflow.note.content"].startswith("No baseline does better")
    assert {name: run.data.tags[name] for name in ("shop", "task")} == {"shop": "shop", "task": "repurchase"}
    experiment = client.get_experiment(run.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert "another paid order within 60 days" in experiment.tags["mlflow.note.content"]
    metrics = run.data.metrics
    assert metrics["auc"] == trained.board.metrics["auc"].value
    assert metrics["auc_low"] == trained.board.metrics["auc"].low
    assert len(metrics) <= 16
    assert not any(name.startswith("rfm") for name in metrics)
    params = run.data.params
    assert params["lightgbm_num_leaves"] == "5"
    assert int(params["propensity_trees"]) == trained.judged.boosters_["propensity"].num_trees()
    assert "None" not in params.values()
    steps = client.get_metric_history(version.run_id, "auc_by_snapshot")
    assert [point.step for point in steps] == list(range(len(trained.schedule.train) + 1))
    curve = client.get_metric_history(version.run_id, "left_out_binary_logloss_by_trees")
    losses = [point.value for point in sorted(curve, key=lambda point: point.step)]
    assert losses == trained.judged.learning_curve_["binary_logloss"]
    assert int(np.argmin(losses)) + 1 == trained.judged.boosters_["propensity"].num_trees()


def test_what_was_learned_from_and_judged_on_are_data_sets(
    recorded: tuple[Path, Any, Registered], client: MlflowClient
) -> None:
    _, trained, version = recorded
    inputs = client.get_run(version.run_id).inputs.dataset_inputs
    found = {given.tags[0].value: given.dataset for given in inputs}
    assert {context: dataset.name for context, dataset in found.items()} == {
        "training": f"{NAME} training",
        "test": f"{NAME} test",
    }
    assert json.loads(found["test"].profile)["num_rows"] == trained.split.n_test
    assert json.loads(found["training"].source)["tables"] == {"orders": "abc"}
    assert found["training"].digest != found["test"].digest


def test_tables_plots_and_the_report_are_there(recorded: tuple[Path, Any, Registered], client: MlflowClient) -> None:
    folder, trained, version = recorded
    place = Registry(folder / "mlruns").artifacts(version)
    tables = {path.stem: pd.read_json(path, orient="split") for path in (place / "tables").iterdir()}
    assert set(tables) == {"leaderboard", "deciles", "calibration", "snapshots", "importance", "checks"}
    assert list(tables["leaderboard"]["model"]) == ["model", *trained.board.baselines]
    assert set(tables["checks"]["code"]) == {check.code for check in trained.checks}
    for name in ("gains", "importance", "calibration"):
        assert (place / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (place / f"{name}.svg").is_file()
    assert (place / "report.html").is_file()


def test_the_card_says_for_whom_how_good_and_what_it_is_not_for(recorded: tuple[Path, Any, Registered]) -> None:
    folder, trained, version = recorded
    place = Registry(folder / "mlruns").artifacts(version)
    card = json.loads((place / "model_card.json").read_text(encoding="utf-8"))
    assert (card["model"], card["predicts"], card["horizon_days"]) == (NAME, "another paid order", 60)
    assert card["quality"]["auc"]["low"] == trained.board.metrics["auc"].low
    assert card["rows"]["test"] == trained.split.n_test
    assert any("what a contact changes" in words for words in card["not_for"])
    assert "on average" in card["calibration"]
    page = (place / "model_card.html").read_text(encoding="utf-8")
    for words in ("What it must not be used for", "legal or similar effects", "on average"):
        assert words in page


def test_the_card_shows_a_number_whose_interval_is_not_known(recorded: tuple[Path, Any, Registered]) -> None:
    card = json.loads((recorded[0] / "artifacts" / "model_card.json").read_text(encoding="utf-8"))
    card["quality"] = {"average_effect": {"value": 11.63, "low": None, "high": None}}  # too few for a bootstrap
    assert "11.63" in card_page(card).html()


def test_the_card_learns_of_drift(recorded: tuple[Path, Any, Registered]) -> None:
    folder, _, version = recorded
    registry = Registry(folder / "mlruns")
    page = registry.artifacts(version) / "model_card.html"
    assert "not monitored yet" in page.read_text(encoding="utf-8")
    added_to_card(
        registry, version, drift={"as_of": "2024-08-01T00:00:00", "faults": ["repurchase: the scores drifted"]}
    )
    assert "as of 2024-08-01: repurchase: the scores drifted" in page.read_text(encoding="utf-8")
    card = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert card["drift"]["faults"] == ["repurchase: the scores drifted"]
    assert card["model"] == NAME


def test_baselines_are_runs_below_with_the_same_metrics(
    recorded: tuple[Path, Any, Registered], client: MlflowClient
) -> None:
    _, trained, version = recorded
    run = client.get_run(version.run_id)
    query = f"tags.mlflow.parentRunId = '{version.run_id}'"
    below = {found.data.params["baseline"]: found for found in client.search_runs([run.info.experiment_id], query)}
    assert set(below) == set(trained.board.baselines)
    for name, found in below.items():
        assert found.data.metrics["auc"] == trained.board.baselines[name]["auc"].value
        assert found.info.status == "FINISHED"


def test_the_version_and_the_logged_model_carry_the_verdict_and_the_numbers(
    recorded: tuple[Path, Any, Registered], client: MlflowClient
) -> None:
    folder, trained, _ = recorded
    found = client.get_model_version(NAME, "1")
    assert found.description.startswith("No baseline does better")
    assert found.tags["sha256"]
    assert found.aliases == ["champion"]
    (logged,) = mlflow.search_logged_models(output_format="list")
    numbers = {metric.key: metric for metric in logged.metrics}
    assert numbers["auc"].value == trained.board.metrics["auc"].value
    assert numbers["auc"].dataset_name == f"{NAME} test"
    assert logged.params["lightgbm_num_leaves"] == "5"
    example = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    assert example.input_example is not None or example.metadata.saved_input_example_info
    assert Registry(folder / "mlruns").runs(NAME)[0].name.endswith("version 1")
