"""What MLflow does with a logged model where this package does not exist: predict, explain, evaluate, Spark."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from penchant.models.estimators.propensity import PropensityModel
from penchant.models.explain.contributions import contributions
from penchant.models.store.artifact import CODE, load, save
from penchant.models.store.records import Story
from penchant.models.store.registry import Record, Registry

pytestmark = pytest.mark.slow
NAME = "shop.churn"
ALONE = (
    "import sys\n"
    "for name in ('penchant', 'optuna', 'duckdb', 'ibis'):\n"
    "    sys.modules[name] = None\n"
    "import json, os, warnings\n"
    "warnings.simplefilter('ignore')\n"
    "os.environ['MLFLOW_DISABLE_TELEMETRY'] = 'true'\n"
    "import mlflow, pandas as pd\n"
    "mlflow.set_tracking_uri(sys.argv[1])\n"
    "rows = pd.read_parquet(sys.argv[2])\n"
    f"uri = 'models:/{NAME}@champion'\n"
)


def rows(n: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"days": rng.gamma(2, 40, n), "n_orders": rng.integers(1, 9, n), "region": rng.choice(["a", "b"], n)}
    )
    return X, (rng.random(n) < 1 / (1 + np.exp(X["days"] / 40 - 1))).astype(int)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store whose champion knows how its signals are told."""
    folder = tmp_path_factory.mktemp("served")
    X, y = rows()
    signals = [
        {"name": "days", "meaning": "days since", "reason": ["no order for {value:.0f} days", "ordered recently"]},
        {"name": "n_orders", "meaning": "orders", "reason": ""},
        {"name": "region", "meaning": "region", "reason": "", "missing": "region not known"},
    ]
    save(PropensityModel(n_threads=1, n_trees=20).fit(X, y), folder / "model", {"task": "churn", "signals": signals})
    (folder / "artifacts").mkdir()
    inputs = {"days": "double", "n_orders": "long", "region": "string"}
    story = Story(example=X.head(3))
    Registry(folder / "mlruns").log(
        Record(NAME, {}, {}, {}, folder / "artifacts", folder / "model", CODE, inputs, story=story)
    )
    X.assign(y=y).to_parquet(folder / "rows.parquet")
    return folder


def alone(place: Path, tmp_path: Path, code: str) -> str:
    script = tmp_path / "alone.py"
    script.write_text(ALONE + code, encoding="utf-8")
    address = Registry(place / "mlruns").address
    command = [sys.executable, "-I", str(script), address, str(place / "rows.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


def test_reasons_come_with_the_score_where_they_are_asked_for(place: Path, tmp_path: Path) -> None:
    code = (
        "model = mlflow.pyfunc.load_model(uri)\n"
        "found = model.predict(rows[['days', 'n_orders', 'region']], params={'reasons': 2})\n"
        "print(json.dumps(found.to_dict('list')))\n"
    )
    found = json.loads(alone(place, tmp_path, code))
    X, _ = rows()
    model = load(place / "model")
    assert isinstance(model, PropensityModel)
    assert found["probability"] == pytest.approx(model.predict_proba(X)[:, 1].tolist(), abs=1e-12)
    added = contributions(model, X)[:, :-1]
    first = added.argmax(axis=1)
    starts = {0: ("no order for ", "ordered recently"), 1: ("orders: ",), 2: ("region: ",)}
    for told, place_of, most in zip(found["reason_1"], first, added.max(axis=1), strict=True):
        assert told.startswith(starts[int(place_of)]) if most > 0 else told == ""
    assert len(set(found["reason_1"])) > 3


def test_ints_floats_missing_values_and_the_serving_form_are_taken(place: Path, tmp_path: Path) -> None:
    code = (
        "from mlflow.models import convert_input_example_to_serving_input, validate_serving_input\n"
        "model, X = mlflow.pyfunc.load_model(uri), rows[['days', 'n_orders', 'region']].head(4)\n"
        "merged = X.astype({'n_orders': float})\n"
        "merged.loc[0, 'n_orders'] = None\n"
        "merged.loc[1, 'region'] = None\n"
        "whole = X.assign(days=[1, 2, 3, 4])\n"
        "served = validate_serving_input(uri, convert_input_example_to_serving_input(X))\n"
        "told = [list(map(float, model.predict(frame))) for frame in (X, merged, whole)]\n"
        "print(json.dumps([*told, list(map(float, served))]))\n"
    )
    plain, merged, whole, served = json.loads(alone(place, tmp_path, code))
    assert served == pytest.approx(plain)
    assert merged[2:] == pytest.approx(plain[2:])
    assert all(0 < value < 1 for value in (*merged, *whole))


def evaluated(place: Path, tmp_path: Path, asked: str) -> dict[str, float]:
    """Return the metrics of MLflow's own evaluation."""
    code = (
        f"found = mlflow.models.evaluate(uri, rows, targets='y', {asked}, evaluators='default',\n"
        "    evaluator_config={'log_explainer': False, 'log_model_explainability': False})\n"
        "print(json.dumps({name: float(value) for name, value in found.metrics.items()}))\n"
    )
    found: dict[str, float] = json.loads(alone(place, tmp_path, code))
    return found


def test_mlflow_evaluates_it(place: Path, tmp_path: Path) -> None:
    metrics = evaluated(place, tmp_path, "model_type='regressor'")
    X, y = rows()
    model = load(place / "model")
    assert isinstance(model, PropensityModel)
    error = float(np.mean((model.predict_proba(X)[:, 1] - y) ** 2))
    assert metrics["mean_squared_error"] == pytest.approx(error)


def test_mlflow_evaluates_it_as_a_classifier(place: Path, tmp_path: Path) -> None:
    metrics = evaluated(place, tmp_path, "model_type='classifier', model_config={'threshold': 0.4}")
    X, y = rows()
    model = load(place / "model")
    assert isinstance(model, PropensityModel)
    predicted = (model.predict_proba(X)[:, 1] > 0.4).astype(int)
    assert metrics["accuracy_score"] == pytest.approx(float(np.mean(predicted == y)))
    assert metrics["recall_score"] == pytest.approx(float(predicted[y == 1].mean()))


def test_it_is_served_over_http_and_says_why(place: Path, tmp_path: Path) -> None:
    """MLflow's own server, in a process that cannot import this package."""
    (tmp_path / "penchant.py").write_text("raise ImportError('not here')", encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{NAME}@champion", "-p", str(port)]
    told = {"MLFLOW_TRACKING_URI": Registry(place / "mlruns").address, "MLFLOW_DISABLE_TELEMETRY": "true"}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    quiet = {**os.environ, **told, "PYTHONPATH": str(tmp_path), "PATH": programs}
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [*serve, "--env-manager", "local", "-w", "1"], stdout=log, stderr=log, env=quiet, start_new_session=True
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/ping", tmp_path / "log")
        X, _ = rows()
        asked = {"dataframe_split": X.head(5).to_dict("split"), "params": {"reasons": 2}}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", json.dumps(asked).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            found = pd.DataFrame(json.load(reply)["predictions"])
    finally:
        os.killpg(server.pid, 15)
        server.wait()
    model = load(place / "model")
    assert isinstance(model, PropensityModel)
    assert found["probability"].tolist() == pytest.approx(model.predict_proba(X.head(5))[:, 1].tolist())
    assert found["reason_1"].str.len().gt(0).any()


def wait_for(address: str, log: Path) -> None:
    for _ in range(400):
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text(encoding="utf-8"))


@pytest.mark.spark
def test_spark_scores_it_row_by_row(place: Path, tmp_path: Path) -> None:
    code = (
        "from pyspark.sql import SparkSession\n"
        "spark = SparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false').getOrCreate()\n"
        "score = mlflow.pyfunc.spark_udf(spark, uri, result_type='double', env_manager='local')\n"
        "X = rows[['days', 'n_orders', 'region']].head(40)\n"
        "frame = spark.createDataFrame(X).withColumn('score', score(*X.columns)).toPandas()\n"
        "print(json.dumps(frame['score'].tolist()))\n"
    )
    found = json.loads(alone(place, tmp_path, code))
    X, _ = rows()
    model = load(place / "model")
    assert isinstance(model, PropensityModel)
    assert found == pytest.approx(model.predict_proba(X.head(40))[:, 1].tolist(), abs=1e-12)
