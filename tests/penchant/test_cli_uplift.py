"""`penchant train uplift`, end to end: a simulated shop with planted effects, a matrix, and campaigns that chose."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.models.store.artifact import load, read_facts
from penchant.simulate import SimulationSettings, simulate
from penchant.simulate.settings import SimulatedArm, SimulatedCampaign, SimulatedOffer

from ..command_line import penchant

TABLES = ("orders", "interactions", "customers", "items", "campaigns", "assignments")
TOML = '[shop]\nname = "small"\n[features]\nwindows = [90]\ngroups = ["recency", "frequency", "monetary", "price"]\n'
STARTS = datetime(2025, 3, 1, tzinfo=UTC)
FOREIGN = """
import sys
sys.modules["penchant"] = None
import warnings; warnings.simplefilter("ignore")
import mlflow, numpy, pandas
mlflow.set_tracking_uri("sqlite:///mlruns/mlflow.db")
mlflow.set_registry_uri("sqlite:///mlruns/mlflow.db")
model = mlflow.pyfunc.load_model("models:/small.uplift.reactivate@champion")
numpy.save("elsewhere.npy", model.predict(pandas.read_parquet("matrix.parquet")))
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the working directory of a shop whose reactivation campaigns taught an uplift."""
    folder = tmp_path_factory.mktemp("work")
    mail = SimulatedArm("mail", "email", SimulatedOffer("coupon", 8, 40))
    waves = [STARTS + timedelta(days=70 * i) for i in range(4)]
    campaigns = tuple(
        SimulatedCampaign(f"back-{i}", "reactivate", at, (mail,), holdout=0.5, reach=1.0) for i, at in enumerate(waves)
    )
    settings = SimulationSettings(n_customers=8_000, campaigns=campaigns, effect_size=2.0)
    simulate(settings, folder / "data")
    tables = "\n".join(f'[tables.{name}]\npath = "{name}.parquet"' for name in TABLES)
    (folder / "penchant.toml").write_text(TOML + tables)
    done = penchant(folder, "train", "uplift", "--goal", "reactivate", "--data", "data", "--json")
    assert done.returncode == 0, done.stderr
    (folder / "trained.json").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def trained(shop: Path) -> dict[str, Any]:
    return json.loads((shop / "trained.json").read_text())


@pytest.mark.slow
def test_past_campaigns_teach_what_a_contact_changes(trained: dict[str, Any]) -> None:
    assert trained["model"] == "small.uplift.reactivate"
    assert trained["aliases"] == ["champion"]
    assert trained["metrics"]["average_effect"]["low"] > 0
    assert {"random", "response_model", "one_column_rule", "ridge_dr"} <= set(trained["baselines"])
    checks = {check["code"]: check["outcome"] for check in trained["checks"]}
    assert checks["assignment-random"] == checks["sample-ratio"] == "passed"
    assert checks["outcome-after-assignment"] == checks["features-before-assignment"] == "passed"


@pytest.mark.slow
def test_the_uplift_is_near_the_true_effects(shop: Path, trained: dict[str, Any]) -> None:
    truth = pd.read_parquet(shop / "data" / "truth" / "effects.parquet")
    low, high = (trained["metrics"]["average_effect"][bound] for bound in ("low", "high"))
    assert low - 15 < 1000 * truth["effect_probability"].mean() < high + 15
    at = truth["assigned_at"].max()
    as_of = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    done = penchant(shop, "features", "--as-of", as_of, "--data", "data", "--out", "matrix", "--json")
    assert done.returncode == 0, done.stderr
    matrix = pd.read_parquet(shop / "matrix" / "features.parquet").set_index("customer_id")
    last = truth[truth["assigned_at"] == at].set_index("customer_id")
    uplift = load(Path(shop / trained["out"]) / "model").predict_uplift(matrix.loc[last.index])
    assert np.corrcoef(uplift, last["effect_probability"])[0, 1] > 0.1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::penchant.models.plain_inputs.UnknownValueWarning")  # rows of chance
def test_the_model_scores_alike_where_the_package_is_absent(shop: Path, trained: dict[str, Any]) -> None:
    model = shop / trained["out"] / "model"
    signals = read_facts(model)["signals"]
    rng = np.random.default_rng(0)
    kinds = {"int64": rng.integers(0, 9, 200), "float64": rng.gamma(1, 30, 200), "string": ["email"] * 200}
    matrix = pd.DataFrame({signal["name"]: kinds[signal["dtype"]] for signal in signals})
    matrix.to_parquet(shop / "matrix.parquet")
    done = subprocess.run([sys.executable, "-c", FOREIGN], cwd=shop, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    here = load(model).predict_uplift(matrix)
    np.testing.assert_allclose(np.load(shop / "elsewhere.npy").ravel(), here, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_campaigns_that_chose_their_customers_are_refused(shared_data: Path, tmp_path: Path) -> None:
    """The Complete Journey's campaigns went to good customers: the guard speaks, and no number is given."""
    example = Path(__file__).resolve().parents[2] / "examples" / "complete_journey.toml"
    groups = '\n[features]\nwindows = [90]\ngroups = ["recency", "frequency", "monetary"]\n'
    (tmp_path / "shop.toml").write_text(example.read_text(encoding="utf-8") + groups, encoding="utf-8")
    data = shared_data / "complete_journey" / "r_package_2017"
    options = ("--shop", "shop.toml", "--data", str(data), "--out", "trained")
    done = penchant(tmp_path, "train", "uplift", "--goal", "retain", *options)
    told = " ".join(done.stderr.split())
    assert done.returncode == 3
    assert "no arm 'control'" in told
    assert "was not randomised" in told
    assert not (tmp_path / "trained").exists()


@pytest.mark.slow
def test_a_bare_matrix_needs_no_shop(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=800), "treatment": rng.choice(["control", "mail"], 800)})
    X["outcome"] = (rng.random(800) < 0.3 + 0.4 * (X.treatment == "mail") * (X.a > 0)) * 1
    X.to_csv(tmp_path / "trial.csv", index=False)
    done = penchant(tmp_path, "train", "uplift", "--matrix", "trial.csv", "--goal", "spring")
    assert done.returncode == 0, done.stderr
    assert "Who is influenced can be predicted" in " ".join(done.stdout.split())
    assert (tmp_path / "out" / "shop" / "train" / "uplift" / "spring" / "artifacts" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--goal with the goal of past campaigns, or --matrix with a file"),
        (("--goal", "a/b"), "letters, digits"),
        (("--matrix", "none.csv"), "no such file"),
        (("--goal", "second", "--without", "spend"), "--matrix with the file that it speaks of"),
        (("--matrix", "none.csv", "--column", "treatment"), "PART=NAME"),
        (("--matrix", "none.csv", "--column", "outcom=visit"), "Did you mean 'outcome'"),
    ],
)
def test_a_request_at_fault_ends_with_exit_code_2(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = penchant(tmp_path, "train", "uplift", *arguments)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
