"""The command line, end to end on a small simulated shop: what it prints, writes, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.cli import hoist
from penchant.simulate import SimulationSettings, simulate

from ..command_line import Done, penchant

SMALL_GATE = "\n[gate]\nmin_buyers = 100\nmin_positives = 30\nmin_negatives = 30\n"
SCORING = ("score", "--as-of", "2025-11-01", "--data", "data", "--json")


def process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own."""
    command = [sys.executable, "-c", "from penchant.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)


def answer(done: Done | subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the working directory of a trained shop."""
    folder = tmp_path_factory.mktemp("work")
    simulate(SimulationSettings(n_customers=6_000, campaigns=()), folder / "data")
    tables = "\n".join(f'[tables.{name}]\npath = "{name}.parquet"' for name in ("orders", "customers", "items"))
    settings = '[shop]\nname = "small"\n[features]\ngroups = ["recency", "frequency", "monetary", "rfm"]\n'
    task = "[tasks.churn]\nn_snapshots = 3\n"
    (folder / "penchant.toml").write_text(settings + task + tables + SMALL_GATE)
    (folder / "trained.json").write_text(
        json.dumps(answer(penchant(folder, "train", "churn", "--data", "data", "--json")))
    )
    return folder


@pytest.fixture(scope="module")
def trained(shop: Path) -> dict[str, Any]:
    return json.loads((shop / "trained.json").read_text())


@pytest.fixture(scope="module")
def scored(shop: Path, trained: dict[str, Any]) -> dict[str, Any]:
    """Return what a scoring into the folder "one" says."""
    return answer(penchant(shop, *SCORING, "--out", "one"))


@pytest.mark.slow
def test_training_says_what_it_measured_beside_its_baselines(trained: dict[str, Any]) -> None:
    auc = trained["metrics"]["auc"]
    assert auc["low"] <= auc["value"] <= auc["high"]
    assert {"base_rate", "recency", "rfm_sum", "logistic", "bg_nbd", "pareto_nbd"} <= set(trained["baselines"])
    assert trained["baselines"]["base_rate"]["auc"]["value"] == 0.5
    assert auc["low"] > 0.55
    assert trained["model"] == "small.churn"
    assert trained["aliases"] == ["champion"]
    assert max(trained["schedule"]["train"]) < trained["schedule"]["test"]
    assert {check["code"] for check in trained["checks"]} >= {"train-test-drift", "duplicate-customers"}


@pytest.mark.slow
def test_the_list_names_each_eligible_customer_once_and_is_the_same_again(shop: Path, scored: dict[str, Any]) -> None:
    answer(process(shop, *SCORING, "--out", "two"))
    listed = pd.read_parquet(shop / "one" / "churn.parquet")
    assert len(listed) == scored["n_customers"] == listed["customer_id"].nunique()
    assert listed["churn_probability"].is_monotonic_decreasing
    assert listed["reason_1"].str.len().gt(5).all()
    assert (listed["n_orders"] >= 1).all()
    assert listed.columns.tolist() == pd.read_csv(shop / "one" / "churn.csv").columns.tolist()
    for file in scored["files"]:
        assert (shop / "one" / file).read_bytes() == (shop / "two" / file).read_bytes(), file


@pytest.mark.slow
def test_the_model_scores_alike_where_the_package_is_absent(shop: Path, scored: dict[str, Any]) -> None:
    """MLflow, LightGBM and NumPy are enough: the package is made unimportable."""
    built = answer(penchant(shop, "features", "--as-of", "2025-11-01", "--data", "data", "--out", "matrix", "--json"))
    code = """
import sys
sys.modules["penchant"] = None
import warnings; warnings.simplefilter("ignore")
import mlflow, numpy, pandas
mlflow.set_tracking_uri("sqlite:///mlruns/mlflow.db")
mlflow.set_registry_uri("sqlite:///mlruns/mlflow.db")
rows = pandas.read_parquet(sys.argv[1])
numpy.save("elsewhere.npy", mlflow.pyfunc.load_model("models:/small.churn@champion").predict(rows))
"""
    matrix = next((shop / built["out"]).glob("*.parquet"))
    done = subprocess.run(
        [sys.executable, "-c", code, str(matrix)], cwd=shop, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    here = pd.read_parquet(shop / "one" / "churn.parquet").set_index("customer_id")["churn_probability"]
    there = pd.Series(np.load(shop / "elsewhere.npy"), index=pd.read_parquet(matrix)["customer_id"])
    np.testing.assert_allclose(there.loc[here.index], here, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check",), "Run 'penchant init FOLDER'"),
        (("train", "chrun", "--shop", "penchant.toml"), "Did you mean 'churn'?"),
        (("score", "--as-of", "yesterday", "--shop", "penchant.toml"), "a date such as 2011-09-10"),
        (("score", "--as-of", "2025-01-01", "--shop", "penchant.toml"), "'penchant train' makes one"),
        (("features", "--as-of", "2025-01-01", "--shop", "typo.toml"), "Did you mean 'shop'?"),
        (("audience", "retain", "--as-of", "2025-01-01", "--wave", "9" * 20), "a number of at most 2,147,483,647"),
        (("check", "--shop", "missing.toml"), "no_such.parquet"),
    ],
)
def test_a_fault_of_the_input_is_one_message_and_exit_code_2(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    orders = pd.DataFrame({"customer_id": ["a", "b"], "ordered_at": pd.to_datetime(["2024-01-01", "2024-05-01"])})
    orders.to_parquet(tmp_path / "orders.parquet")
    (tmp_path / "typo.toml").write_text("[shpo]\n")
    (tmp_path / "missing.toml").write_text('[tables.orders]\npath = "no_such.parquet"\n')
    name = "absent" if arguments == ("check",) else "penchant"
    (tmp_path / f"{name}.toml").write_text('[tables.orders]\npath = "orders.parquet"\n')
    done = penchant(tmp_path, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert message in " ".join(done.stderr.split() + done.stdout.split())
    told = penchant(tmp_path, *arguments, "--json")
    assert json.loads(told.stdout)


def test_every_command_logs_as_json_lines_of_one_run(tmp_path: Path) -> None:
    pd.DataFrame({"customer_id": ["a"], "ordered_at": ["2024-01-01"]}).to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "penchant.toml").write_text('[tables.orders]\npath = "orders.csv"\n')
    for arguments, code in ((("check", "--json"), 0), (("features", "--as-of", "2023-01-01"), 2)):
        done = process(tmp_path, *arguments, "--log-format", "json")
        assert done.returncode == code, done.stderr
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        assert len({line["run_id"] for line in lines}) == 1
        assert lines[0]["command"] == arguments[0]
        assert (lines[-1]["level"], lines[-1]["exit_code"]) == ("error" if code else "info", code)
    assert lines[-1]["type"] == "InputError"
    assert "--as-of" in lines[-1]["where"]


@pytest.mark.slow
def test_where_streams_or_the_folder_are_gone_the_exit_code_says_how_it_ended(tmp_path: Path) -> None:
    pd.DataFrame({"customer_id": ["a"], "ordered_at": ["2024-01-01"]}).to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "penchant.toml").write_text('[tables.orders]\npath = "orders.csv"\n')
    (tmp_path / "run").write_text(
        f"#!/bin/sh\nexec '{sys.executable}' -c 'from penchant.cli import main; main()' \"$@\"\n"
    )
    for line, code in (
        ("sh run check >&- 2>&-", 0),
        ("sh run check --json > /dev/full", 2),
        ("mkdir gone; cd gone; rmdir ../gone; sh ../run check --shop ../penchant.toml", 2),
    ):
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == code, (line, done.stderr)
        assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_run_that_is_told_to_end_leaves_no_temporary_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "wait")
    (tmp_path / "mine.py").write_text("open('wait', 'w').write('x')\nimport time\ntime.sleep(60)\n")
    pd.DataFrame({"customer_id": ["a"], "ordered_at": ["2024-01-01"]}).to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "penchant.toml").write_text('modules = ["mine.py"]\n[tables.orders]\npath = "orders.csv"\n')
    command = [sys.executable, "-c", "from penchant.cli import main; main()", "features", "--as-of", "2024-02-01"]
    (tmp_path / "tmp").mkdir()
    run = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")})
    (tmp_path / "wait").read_text()  # now its shop is open
    assert list((tmp_path / "tmp").iterdir())
    run.terminate()
    assert run.wait(30) == 143
    assert list((tmp_path / "tmp").iterdir()) == []


def test_options_that_hold_everywhere_may_stand_anywhere() -> None:
    assert hoist(["train", "churn", "--data", "x", "--json"]) == ["--data", "x", "--json", "train", "churn"]
    assert hoist(["check", "--shop"]) == ["--shop", "check"]
