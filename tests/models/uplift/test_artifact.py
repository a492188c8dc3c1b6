"""Uplift models as plain files: the same numbers, without this package."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from penchant.errors import NotThereError
from penchant.models.inputs.categories import UnseenCategoryWarning
from penchant.models.store import artifact as uplift_artifact
from penchant.models.uplift import DRLearner, Linear, SLearner, TLearner, Trees, UpliftLearner, UpliftStack

SCORE_ALONE = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from plain_scorer import _load_pyfunc
table = {name: column for name, column in np.load(sys.argv[3], allow_pickle=True).items()}
np.save(sys.argv[4], _load_pyfunc(sys.argv[2]).predict(table))
foreign = [name for name in ("penchant", "pandas", "sklearn", "scipy.optimize") if name in sys.modules]
print(",".join(foreign))
"""


def customers(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.exponential(size=n)})
    frame["city"] = np.array(["Rome", "Oslo", "Bonn"])[rng.integers(0, 3, n)]
    frame.loc[rng.random(n) < 0.1, "a"] = np.nan
    return frame


def fitted(learner: UpliftLearner) -> UpliftLearner:
    rng = np.random.default_rng(1)
    X, arm = customers(1500, 0), rng.choice(["control", "call", "mail"], 1500)
    y = (rng.random(1500) < 0.2 + 0.3 * (arm == "mail") * (X.city == "Oslo")) * 1.0
    return learner.fit(X, y, arm)


@pytest.mark.parametrize(
    "learner", [SLearner(Trees(n_trees=20)), TLearner(Linear()), DRLearner(Linear()), UpliftStack()], ids=repr
)
def test_a_saved_model_gives_the_same_numbers(learner: UpliftLearner, tmp_path: Path) -> None:
    model, new = fitted(learner), customers(300, 5)
    uplift_artifact.save(model, tmp_path / "model")
    loaded = uplift_artifact.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.predict_uplift(new), model.predict_uplift(new), rtol=0, atol=1e-12)
    assert {path.suffix for path in (tmp_path / "model").iterdir()} <= {".json", ".txt", ""}
    uplift_artifact.save(loaded, tmp_path / "again")
    for path in (tmp_path / "model").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_it_scores_without_this_package(tmp_path: Path) -> None:
    model, new = fitted(UpliftStack()), customers(300, 5)
    new.loc[3, "city"] = "Bern"  # never seen
    uplift_artifact.save(model, tmp_path / "model")
    for file in uplift_artifact.CODE:
        shutil.copy(file, tmp_path)
    np.savez(tmp_path / "table.npz", **{name: new[name].to_numpy(dtype=object) for name in new})
    paths = [str(tmp_path / name) for name in ("", "model", "table.npz", "out.npy")]
    done = subprocess.run(
        [sys.executable, "-c", SCORE_ALONE, *paths], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert "penchant" not in done.stdout
    with pytest.warns(UnseenCategoryWarning, match="Bern"):
        expected = uplift_artifact.load(tmp_path / "model").predict_uplift(new)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, rtol=0, atol=1e-12)


def test_what_was_found_travels_with_the_model(tmp_path: Path) -> None:
    model = fitted(UpliftStack())
    uplift_artifact.save(model, tmp_path / "model")
    about = json.loads((tmp_path / "model" / "model.json").read_text(encoding="utf-8"))["about"]
    assert about["findings"]["mail"]["words"] == model.findings_["mail"].words
    assert about["control"] == "control"


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotThereError, match=r"model\.json"):
        uplift_artifact.load(tmp_path)


def test_facts_are_kept_beside_the_model(tmp_path: Path) -> None:
    uplift_artifact.save(fitted(TLearner(Linear())), tmp_path / "m", {"goal": "second", "horizon_days": 60})
    assert uplift_artifact.read_facts(tmp_path / "m") == {"goal": "second", "horizon_days": 60}
    with pytest.raises(NotThereError, match=r"model\.json"):
        uplift_artifact.read_facts(tmp_path / "elsewhere")


def test_a_category_too_rare_for_a_step_of_its_own_adds_nothing() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"id": [f"u{i:03}" for i in range(300)]})
    model = TLearner(Linear()).fit(X, rng.normal(size=300), np.arange(300) % 2)
    assert np.isfinite(model.predict_uplift(X)).all()
