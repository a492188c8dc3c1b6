"""A real tracking server on PostgreSQL: what works with a folder works with it, and while it is away."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.config import MlflowSection
from penchant.errors import NoModelError, OutputError
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.inputs.estimate import Estimate
from penchant.models.store.address import Store, store_of
from penchant.models.store.artifact import CODE, load, save
from penchant.models.store.in_use import models_in_use
from penchant.models.store.records import DataUsed, Story
from penchant.models.store.registry import Record, Registry

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres")]
NAME = "shop.churn"


@dataclass
class Tracking:
    """MLflow's server, which can go away and come back."""

    backend: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", self.backend, "--workers", "1"]
        command += ["--artifacts-destination", str(self.folder), "--host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=quiet, start_new_session=True)
        for _ in range(900):
            try:
                with urllib.request.urlopen(f"{self.address}/health", timeout=1):
                    return
            except OSError:
                time.sleep(0.2)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        assert self.process
        os.killpg(self.process.pid, 15)
        self.process.wait()


@pytest.fixture(scope="module")
def tracking(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracking]:
    postgres.run("create database mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = postgres.address.replace("/postgres?", "/mlflow?")
    server = Tracking(backend, tmp_path_factory.mktemp("server"), port)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of this machine's copies."""
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    return tmp_path


def record(place: Path, **story: Any) -> Record:
    rng, n = np.random.default_rng(0), 300
    X = pd.DataFrame({"days": rng.gamma(2, 40, n), "region": rng.choice(["a", "b"], n)})
    y = (rng.random(n) < 1 / (1 + np.exp(X["days"] / 40 - 1))).astype(int)
    save(PropensityModel(n_threads=1, n_trees=20).fit(X, y), place / "model", {"task": "churn"})
    (place / "artifacts").mkdir(exist_ok=True)
    (place / "artifacts" / "report.html").write_text("<p>report</p>", encoding="utf-8")
    files = (place / "artifacts", place / "model", CODE)
    metrics = {"auc": Estimate(0.8, 0.7, 0.9)}
    inputs = {"days": "double", "region": "string"}
    told = Story(example=X.head(3), data=(DataUsed("rows", "abc", "test", {}, n),), **story)
    return Record(NAME, {"seed": 0}, metrics, {"data": "abc"}, *files, inputs, story=told)


def test_a_server_keeps_runs_and_models_and_may_be_away(
    tracking: Tracking, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(tracking.address)
    assert registry.names() == []
    with pytest.raises(NoModelError, match="penchant train churn"):
        registry.version(NAME)
    first = registry.log(record(here))
    second = registry.log(record(here, run="churn", baselines={"rfm_sum": {"auc": 0.7}}))
    assert (first.aliases, second.aliases) == (("champion",), ("challenger",))
    folder = registry.folder(second)
    assert folder.is_relative_to(here / "cache")
    assert load(folder).get_params() == load(here / "model").get_params()
    assert (registry.artifacts(second) / "report.html").read_text(encoding="utf-8") == "<p>report</p>"
    assert next(run.name for run in registry.runs(NAME)) == "churn, version 2"
    assert registry.promote(NAME, 2).aliases == ("champion",)
    asked = models_in_use(tracking.address)
    assert asked
    assert asked[NAME].version.version == 2
    tracking.stop()
    try:
        with pytest.warns(UserWarning, match=r"does not answer.*champions of 20.* are used"):
            away = models_in_use(tracking.address)
        assert away == asked
        with pytest.raises(OutputError, match="Is the server running"):
            registry.names()
        monkeypatch.setenv("PENCHANT_CACHE", str(here / "empty"))
        with pytest.raises(OutputError, match="Is the server running"):
            models_in_use(tracking.address)
    finally:
        tracking.start()


def test_a_database_without_a_server_works_too(postgres: Any, here: Path) -> None:
    postgres.run("create database direct")
    address = postgres.address.replace("/postgres?", "/direct?")
    section = MlflowSection(tracking_uri=address, artifact_uri=str(here / "files"))
    registry = Registry(store_of(None, section, {}))
    made = registry.log(record(here))
    assert load(registry.folder(made)).get_params() == load(here / "model").get_params()
    assert any((here / "files").rglob("report.html"))
    assert models_in_use(registry.store) is not None


def test_where_the_store_is_comes_from_the_option_then_the_file_then_the_variable() -> None:
    section = MlflowSection(tracking_uri="http://configured:5000", registry_uri="http://models:5000")
    variables = {"MLFLOW_TRACKING_URI": "http://variable:5000"}
    assert store_of("http://asked:5000", section, variables) == Store(
        "http://asked:5000", "http://asked:5000", None, None
    )
    found = store_of(None, section, variables)
    assert (found.tracking, found.registry) == ("http://configured:5000", "http://models:5000")
    assert store_of(None, MlflowSection(), variables).tracking == "http://variable:5000"
    assert store_of(None, MlflowSection(), {}).folder == Path("mlruns").absolute()
    secret = "postgresql://shop:se/cret@db/runs?password=other&sslmode=require"
    assert str(Store.of(secret)) == "postgresql://db/runs?sslmode=require"
    assert "cret" not in str(MlflowSection(tracking_uri=secret).model_dump())
