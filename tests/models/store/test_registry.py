from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from socket import gethostname
from subprocess import PIPE

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.utils import environment

from penchant.errors import InputError, NoModelError, OutputError
from penchant.models import plain_scorer
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.inputs.estimate import Estimate
from penchant.models.store import connection, recording, sqlite_folder
from penchant.models.store.artifact import load, save
from penchant.models.store.in_use import models_in_use
from penchant.models.store.recording import running
from penchant.models.store.registry import Record, Registry, TrialRun

NAME = "shop.churn"
INPUTS = {"days": "double", "n_orders": "double", "region": "string"}


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
                INPUTS,
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
    assert (second.params["seed"], second.tags, second.status) == ("2", {"data": "abc"}, "FINISHED")
    assert (second.version, second.aliases) == (2, ("challenger",))
    assert (first.version, first.aliases) == (1, ("champion",))
    assert first.started_at <= second.started_at
    assert Registry(place / "mlruns").runs("nobody") == []


def test_a_version_is_promoted_and_keeps_why(place: Path) -> None:
    registry = Registry(place / "mlruns")
    assert registry.promote(NAME, 2, {"forced": "true"}).aliases == ("champion",)
    assert registry.version(NAME).version == 2
    with pytest.raises(NoModelError, match="The latest is in use already"):
        registry.version(NAME, "challenger")
    assert registry.version(NAME, 2).tags["forced"] == "true"
    assert registry.promote(NAME, 1).aliases == ("champion",)
    assert registry.version(NAME, 2).aliases == ()


def test_what_is_in_use_is_remembered_until_the_store_changes(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(place / "mlruns")
    for number in (2, 1):
        version = registry.promote(NAME, number)
        found = models_in_use(place / "mlruns")
        assert found
        assert found[NAME].version == version
        assert found[NAME].folder == registry.folder(version)
        assert found[NAME].metrics["auc_high"] == 0.9
    with monkeypatch.context() as without:
        without.setattr(Registry, "champions", lambda _: pytest.fail("MLflow was asked"))
        assert models_in_use(place / "mlruns") == found
    MlflowClient(registry.address).set_registered_model_alias(NAME, "champion", "2")  # as on a page of MLflow
    assert (models_in_use(place / "mlruns") or {})[NAME].folder == registry.folder(registry.version(NAME, 2))
    registry.promote(NAME, 1)
    assert models_in_use(tmp_path) is None


def test_a_store_that_is_garbage_or_absent_or_locked_says_so(place: Path, tmp_path: Path) -> None:
    with pytest.raises(NoModelError, match=r"no mlflow\.db there.*penchant train"):
        Registry(tmp_path / "none").version(NAME)
    assert (Registry(tmp_path / "none").names(), Registry(tmp_path / "none").runs(NAME)) == ([], [])
    assert not (tmp_path / "none").exists()
    (tmp_path / "mlflow.db").write_bytes(b"of another kind, and long enough to be read")
    for ask in (
        models_in_use,
        lambda store: Registry(store).names(),
        lambda store: Registry(store).log_run("a", {}, {}),
    ):
        with pytest.raises(OutputError, match=r"a SQLite database.*Bring back a copy"):
            ask(tmp_path)
    (tmp_path / "torn").mkdir()
    whole = (place / "mlruns" / "mlflow.db").read_bytes()
    (tmp_path / "torn" / "mlflow.db").write_bytes(whole[:8192] + bytes(len(whole) - 8192))
    with pytest.raises(OutputError, match="a store that can be read and written"):
        Registry(tmp_path / "torn").names()


def test_a_store_that_another_program_holds_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(tmp_path / "mlruns")
    registry.log_run("a", {}, {})
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0)
    with closing(sqlite3.connect(tmp_path / "mlruns" / "mlflow.db")) as other:
        other.execute("begin immediate")
        with pytest.raises(OutputError, match=r"locked.*Another program holds it"):
            registry.log_run("a", {}, {})


def test_a_store_is_at_home_wherever_it_is_moved(place: Path, tmp_path: Path) -> None:
    moved = tmp_path / "else where" / "runs"
    shutil.copytree(place / "mlruns", moved)
    registry = Registry(moved)
    assert (models_in_use(moved) or {})[NAME].folder == registry.folder(registry.version(NAME))
    for version in registry.versions(NAME):
        for folder in (registry.folder(version), registry.artifacts(version)):
            assert folder.is_dir()
            assert folder.is_relative_to(moved)
    registry.log(Record(NAME, {}, {}, {}, *files_of(place), INPUTS))
    assert registry.folder(registry.versions(NAME)[0]).is_relative_to(moved)
    command = [sys.executable, "-c", SCORE, registry.address, NAME]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    former = Registry(place / "mlruns")
    assert former.folder(former.version(NAME)).is_relative_to(place)


SCORE = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.pyfunc.load_model(f"models:/{sys.argv[2]}@champion")
"""


@pytest.mark.slow
def test_processes_that_open_a_new_store_at_one_instant_do_not_trip(tmp_path: Path) -> None:
    script = tmp_path / "open.py"
    script.write_text(
        "import sys, time\n"
        "import mlflow.store.tracking.sqlalchemy_store, mlflow.store.model_registry.sqlalchemy_store\n"
        "from penchant.models.store.registry import Registry\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(Registry(sys.argv[1]).log_run('a', {}, {}))\n",
        encoding="utf-8",
    )
    command = [sys.executable, script, tmp_path / "mlruns"]
    started = [subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) for _ in range(3)]
    assert [run.stdout.readline() for run in started if run.stdout] == ["ready\n"] * 3
    for run in started:
        assert run.stdin
        run.stdin.write("\n")
        run.stdin.flush()
    told = [run.communicate() for run in started]
    assert [run.returncode for run in started] == [0, 0, 0], told
    assert len(Registry(tmp_path / "mlruns").runs("a")) == 3


@pytest.mark.slow
def test_what_a_killed_training_left_running_is_ended_by_the_next(place: Path, tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(
        "import os, signal, sys\n"
        "import penchant.models.store.recording as recording\n"
        "from penchant.models.store.registry import Record, Registry\n"
        "recording._log_model = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from pathlib import Path\n"
        "files = [Path(name) for name in sys.argv[2:]]\n"
        "Registry(sys.argv[1]).log(Record('shop.churn', {}, {}, {}, *files, {}))\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, script, tmp_path / "mlruns", *files_of(place)], check=False)
    assert done.returncode == -signal.SIGKILL
    registry = Registry(tmp_path / "mlruns")
    (left,) = registry.runs(NAME)
    assert left.status == "RUNNING"
    client = MlflowClient(registry.address)
    living = client.create_run(client.get_experiment_by_name(NAME).experiment_id, tags={"penchant.host": gethostname()})
    foreign = client.create_run(client.get_experiment_by_name(NAME).experiment_id)
    with running(living.info.run_id):
        registry.log_run(NAME, {}, {})
    status = {run.run_id: run.status for run in registry.runs(NAME)}
    assert status[left.run_id] == "KILLED"
    assert status[living.info.run_id] == status[foreign.info.run_id] == "RUNNING"


def files_of(place: Path) -> tuple[Path, Path, Path]:
    return place / "artifacts", place / "model", Path(plain_scorer.__file__)


def test_the_folder_holds_the_same_model(place: Path) -> None:
    registry, (X, _) = Registry(place / "mlruns"), rows()
    again = load(registry.folder(registry.version(NAME)))
    assert isinstance(again, PropensityModel)
    assert np.array_equal(again.predict_proba(X), load(place / "model").predict_proba(X))  # type: ignore[union-attr]


@pytest.mark.parametrize("fault", ["another model", "a file is gone", "a file more"])
def test_files_that_are_not_those_registered_are_refused_before_anything_reads_them(
    place: Path, tmp_path: Path, fault: str
) -> None:
    shutil.copytree(place / "mlruns", tmp_path / "mlruns")
    registry = Registry(tmp_path / "mlruns")
    version = registry.version(NAME)
    folder = registry.folder(version)
    if fault == "another model":  # whole in itself: its own hashes agree
        X, y = rows()
        save(PropensityModel(n_threads=1, n_trees=5).fit(X, y), folder, {"task": "churn"})
    elif fault == "a file is gone":
        (folder / "part_0.txt").unlink()
    else:
        (folder / "more.txt").write_text("more", encoding="utf-8")
    with pytest.raises(InputError, match=rf"shop\.churn/1'.*registered \(sha256 {version.tags['sha256'][:12]}"):
        registry.folder(version)
    assert registry.folder(registry.version(NAME, 2)).is_dir()


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
    record = Record(NAME, {}, {}, {}, *files_of(place), INPUTS, may_lead=False)
    assert registry.log(record).aliases == ("challenger",)
    assert registry.log(replace(record, may_lead=True)).aliases == ("champion",)


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


def test_a_store_does_not_change_the_variables_that_name_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    Registry(tmp_path / "store").names()
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://elsewhere:5000"
    assert "MLFLOW_REGISTRY_URI" not in os.environ


def test_mlflow_does_not_look_through_every_installed_package_and_does_so_for_others_again() -> None:
    before = environment.warn_dependency_requirement_mismatches
    with recording._no_package_scan():
        assert environment.warn_dependency_requirement_mismatches is not before
        assert environment.warn_dependency_requirement_mismatches(["no-such-package==1"]) is None
    assert environment.warn_dependency_requirement_mismatches is before


WRITES = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as other: other.execute('insert into seen values (1)')"


def test_looking_for_a_store_leaves_the_locks_of_its_connections_alone(tmp_path: Path) -> None:
    """Two write by turns; were the first one's locks lost, the second would remove the log that the first writes to."""
    database = tmp_path / "mlflow.db"
    sqlite_folder.new_database(database)
    with closing(sqlite3.connect(database)) as own:
        own.execute("create table seen (number integer)")
        own.commit()
        assert sqlite_folder.is_there(database)
        subprocess.run([sys.executable, "-c", f"{WRITES}; other.commit()\nother.close()", database], check=True)
        own.execute("insert into seen values (2)")
        own.commit()
        subprocess.run([sys.executable, "-c", f"{WRITES}; other.commit()\nother.close()", database], check=True)
    with closing(sqlite3.connect(database)) as fresh:
        assert fresh.execute("select number from seen order by number").fetchall() == [(1,), (1,), (2,)]
