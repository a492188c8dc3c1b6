from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from penchant.errors import NoModelError, OutputError
from penchant.models import plain_scorer
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.inputs.estimate import Estimate
from penchant.models.store.artifact import load, save
from penchant.models.store.in_use import models_in_use
from penchant.models.store.registry import Record, Registry, TrialRun

NAME = "shop.churn"


def rows(n: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"days": rng.gamma(2, 40, n), "n_orders": rng.integers(1, 9, n), "region": rng.choice(["a", "b"], n)}
    )
    return X, (rng.random(n) < 1 / (1 + np.exp(X["days"] / 40 - 1))).astype(int)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store in which two trainings, a run and a trial were recorded."""
    folder = tmp_path_factory.mktemp("registry")
    X, y = rows()
    save(PropensityModel(n_threads=1, n_trees=20).fit(X, y), folder / "model", {"task": "churn"})
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / "report.html").write_text("<p>report</p>", encoding="utf-8")
    registry = Registry(folder / "mlruns")
    metrics = {"auc": Estimate(0.8, 0.7, 0.9), "n": 3.0, "none": float("nan")}
    for seed in (1, 2):
        registry.log(
            Record(
                NAME,
                {"seed": seed},
                metrics,
                {"data": "abc"},
                folder / "artifacts",
                folder / "model",
                Path(plain_scorer.__file__),
                {"days": "double", "n_orders": "long", "region": "string"},
            )
        )
    search = registry.log_run(NAME, {"sampler": "tpe"}, {"log_loss": 0.4}, {"kind": "search"})
    registry.log_run(NAME, {"num_leaves": 8}, {"log_loss": 0.41}, parent=search)
    return folder


def test_the_first_is_in_use_and_the_latest_on_trial(place: Path) -> None:
    registry = Registry(place / "mlruns")
    assert registry.version(NAME).version == 1
    assert registry.version(NAME, "challenger").version == 2
    assert registry.names() == [NAME]


def test_runs_are_listed_with_what_they_logged_and_trials_stay_below_theirs(place: Path) -> None:
    search, second, first = Registry(place / "mlruns").runs(NAME)
    assert (search.params, search.metrics, search.version) == ({"sampler": "tpe"}, {"log_loss": 0.4}, None)
    assert second.metrics == {"auc": 0.8, "auc_low": 0.7, "auc_high": 0.9, "n": 3.0}
    assert (second.params, second.tags, second.status) == ({"seed": "2"}, {"data": "abc"}, "FINISHED")
    assert (second.version, second.aliases) == (2, ("challenger",))
    assert (first.version, first.aliases) == (1, ("champion",))
    assert first.started_at <= second.started_at
    assert Registry(place / "mlruns").runs("nobody") == []


def test_a_version_is_promoted_and_keeps_why(place: Path) -> None:
    registry = Registry(place / "mlruns")
    assert registry.promote(NAME, 2, {"forced": "true"}).aliases == ("challenger", "champion")
    assert registry.version(NAME).version == 2
    registry.promote(NAME, 1)
    assert registry.version(NAME, 2).aliases == ("challenger",)


def test_what_is_in_use_is_read_without_mlflow_as_with_it(place: Path, tmp_path: Path) -> None:
    registry = Registry(place / "mlruns")
    for number in (2, 1):
        version = registry.promote(NAME, number)
        assert models_in_use(place / "mlruns") == {NAME: (number, registry.folder(version))}
    assert models_in_use(tmp_path) is None
    (tmp_path / "mlflow.db").write_bytes(b"of another kind")
    assert models_in_use(tmp_path) is None
    with closing(sqlite3.connect(tmp_path / "empty.db")) as database:
        database.execute("create table t (x)")
    (tmp_path / "empty.db").replace(tmp_path / "mlflow.db")
    assert models_in_use(tmp_path) is None


def test_the_folder_holds_the_same_model(place: Path) -> None:
    registry, (X, _) = Registry(place / "mlruns"), rows()
    again = load(registry.folder(registry.version(NAME)))
    assert isinstance(again, PropensityModel)
    assert np.array_equal(again.predict_proba(X), load(place / "model").predict_proba(X))  # type: ignore[union-attr]


def test_what_is_not_there_is_named_with_what_to_do(place: Path) -> None:
    registry = Registry(place / "mlruns")
    with pytest.raises(NoModelError, match=r"penchant train chrun.*Did you mean 'shop\.churn'"):
        registry.version("shop.chrun")
    with pytest.raises(NoModelError, match="version 9"):
        registry.version(NAME, 9)


def test_a_store_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="can be written"):
        Registry(tmp_path / "file" / "mlruns").names()


@pytest.mark.slow
def test_mlflow_scores_it_where_penchant_and_scikit_learn_do_not_exist(place: Path, tmp_path: Path) -> None:
    X, _ = rows()
    X.to_parquet(tmp_path / "rows.parquet")
    address = f"sqlite:///{place / 'mlruns' / 'mlflow.db'}"
    script = tmp_path / "score.py"
    script.write_text(
        "import sys, json\n"
        "for name in ('penchant', 'sklearn', 'optuna', 'duckdb', 'ibis', 'matplotlib'):\n"
        "    sys.modules[name] = None\n"
        "import mlflow, pandas as pd\n"
        "mlflow.set_tracking_uri(sys.argv[1])\n"
        f"model = mlflow.pyfunc.load_model('models:/{NAME}@champion')\n"
        "print(json.dumps(model.predict(pd.read_parquet(sys.argv[2])).tolist()))\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-I", script, address, tmp_path / "rows.parquet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = np.array(json.loads(done.stdout.splitlines()[-1]))
    expected = load(place / "model").predict_proba(X)[:, 1]  # type: ignore[union-attr]
    assert found == pytest.approx(expected, abs=1e-12)


def test_versions_are_listed_with_their_artifacts(place: Path) -> None:
    registry = Registry(place / "mlruns")
    assert [version.version for version in registry.versions(NAME)] == [2, 1]
    for version in registry.versions(NAME):
        assert (registry.artifacts(version) / "report.html").read_text(encoding="utf-8") == "<p>report</p>"
    with pytest.raises(NoModelError, match="a version"):
        registry.versions("nobody")


def test_one_that_may_not_lead_is_on_trial_though_there_is_no_champion(place: Path, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "mlruns")
    inputs = {"days": "double", "n_orders": "long", "region": "string"}
    files = (place / "artifacts", place / "model", Path(plain_scorer.__file__))
    record = Record(NAME, {}, {}, {}, *files, inputs, may_lead=False)
    assert registry.log(record).aliases == ("challenger",)
    assert registry.log(replace(record, may_lead=True)).aliases == ("challenger", "champion")


def test_a_run_keeps_a_table_as_artifact(place: Path, tmp_path: Path) -> None:
    registry = Registry(place / "mlruns")
    (tmp_path / "table.csv").write_text("a,b", encoding="utf-8")
    run_id = registry.log_run("shop.other", {}, {}, artifacts=tmp_path)
    found = list((place / "mlruns" / "artifacts" / "shop.other" / run_id).rglob("table.csv"))
    assert [path.read_text(encoding="utf-8") for path in found] == ["a,b"]


@pytest.mark.slow
def test_twenty_trials_cost_next_to_nothing(place: Path) -> None:
    registry = Registry(place / "mlruns")
    parent = registry.log_run(NAME, {}, {})
    n_runs = len(registry.runs(NAME))
    trials = [TrialRun({"num_leaves": number}, {"log_loss": 0.4}, "FINISHED", 1_000, 2_000) for number in range(20)]
    start = time.process_time()
    registry.log_trials(NAME, trials, parent)
    assert time.process_time() - start < 2
    assert len(registry.runs(NAME)) == n_runs  # they stand below theirs
