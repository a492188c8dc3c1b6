from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError, NotThereError, OutputError
from penchant.models import plain_scorer
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.estimators.value import ValueModel
from penchant.models.store.artifact import load, read_facts, save

FACTS = {"task": "churn", "horizon_days": 91}


def frame(n: int = 900, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "days": rng.gamma(2, 40, n),
            "n_orders": rng.integers(1, 9, n),
            "region": rng.choice(["nord", "süd", 'we"st'], n),
            "gap": np.where(rng.random(n) < 0.3, np.nan, rng.random(n)),
            "has_coupon": rng.random(n) < 0.4,
        }
    )


def models() -> dict[str, PropensityModel | ValueModel]:
    X, rng = frame(), np.random.default_rng(1)
    buys = (rng.random(len(X)) < 1 / (1 + np.exp(X["days"] / 40 - 1))).astype(int)
    amount = buys * rng.gamma(2, 20, len(X)) * X["n_orders"]
    options: dict[str, Any] = {"n_threads": 1, "n_trees": 30}
    found: dict[str, PropensityModel | ValueModel] = {
        f"propensity {c}": PropensityModel(calibration=c, **options).fit(X, buys)  # type: ignore[arg-type]
        for c in ("none", "platt", "isotonic")
    }
    for form, y in (("two_part", amount), ("tweedie", amount), ("squared_error", amount - 30)):
        found[f"value {form}"] = ValueModel(form=form, **options).fit(X, y)  # type: ignore[arg-type]
    return found


MODELS = models()


def predicted(model: PropensityModel | ValueModel, X: pd.DataFrame) -> np.ndarray:
    return model.predict(X) if isinstance(model, ValueModel) else model.predict_proba(X)[:, 1]


@pytest.mark.parametrize("name", MODELS)
def test_reloaded_and_plainly_scored_it_gives_the_same(name: str, tmp_path: Path) -> None:
    model, X = MODELS[name], frame(200, seed=2)
    folder = save(model, tmp_path / "model", FACTS)
    again = load(folder)
    assert np.array_equal(predicted(again, X), predicted(model, X))
    assert again.get_params() == model.get_params()
    assert np.array_equal(plain_scorer.read_model(folder).predict(X), predicted(model, X))
    assert read_facts(folder) == FACTS


def test_the_scorer_works_where_penchant_pandas_and_sklearn_do_not_exist(tmp_path: Path) -> None:
    model, X = MODELS["propensity isotonic"], frame(200, seed=3)
    folder = save(model, tmp_path / "model")
    (tmp_path / "rows.json").write_text(json.dumps(X.to_dict("list")), encoding="utf-8")
    script = tmp_path / "score.py"
    script.write_text(
        "import sys, json\n"
        "for name in ('penchant', 'pandas', 'sklearn', 'pyarrow', 'mlflow'):\n"
        "    sys.modules[name] = None\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from plain_scorer import _load_pyfunc\n"
        "table = json.load(open(sys.argv[3]))\n"
        "print(json.dumps(_load_pyfunc(sys.argv[2]).predict(table).tolist()))\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-I", script, Path(plain_scorer.__file__).parent, folder, tmp_path / "rows.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert np.array(json.loads(done.stdout)) == pytest.approx(predicted(model, X), abs=1e-12)


def test_no_file_is_a_pickle_and_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = (save(MODELS["value two_part"], tmp_path / name, FACTS) for name in ("a", "b"))
    files = sorted(path.name for path in one.iterdir())
    assert files == ["SHA256SUMS", "model.json", "part_0.txt", "part_1.txt"]
    for name in files:
        assert (one / name).read_bytes() == (two / name).read_bytes()
        (one / name).read_text(encoding="utf-8")


def test_saving_again_replaces_what_stood_there(tmp_path: Path) -> None:
    save(MODELS["value two_part"], tmp_path / "m")
    save(MODELS["propensity none"], tmp_path / "m")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["SHA256SUMS", "m", "model.json", "part_0.txt"]


def edited(page: Path, before: str, after: str) -> None:
    text = page.read_text(encoding="utf-8")
    assert before in text
    page.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotThereError, match=r"model\.json"):
        load(tmp_path / "nowhere")
    folder = save(MODELS["propensity none"], tmp_path / "m")
    (folder / "part_0.txt").unlink()
    with pytest.raises(NotThereError, match=r"part_0\.txt"):
        load(folder)
    (folder / "model.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="page of JSON"):
        load(folder)


@pytest.mark.parametrize("old", [1, 2, 9])
def test_other_formats_are_refused_in_words(old: int, tmp_path: Path) -> None:
    folder = save(MODELS["propensity none"], tmp_path / "m")
    edited(folder / "model.json", '"format": 3', f'"format": {old}')
    with pytest.raises(InputError, match=f"a model in format 3.*format {old}.*Train it again"):
        load(folder)
    with pytest.raises(ValueError, match=f"written in format {old}"):
        plain_scorer.read_model(folder)


def test_an_uplift_model_of_an_earlier_format_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "uplift.json").write_text('{"format": 1}', encoding="utf-8")
    with pytest.raises(InputError, match="an earlier format"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ('"slope": 1.0', '"slope": -1.0', "calibration.slope"),
        ('"form": "propensity"', '"form": "tweedie"', "form 'tweedie'"),
        ('"factor"', '"level"', "level: Extra inputs are not permitted"),
        ('"n_folds"', '"n_fold"', "'n_fold' are none of a PropensityModel"),
        ('"n_threads": 1', '"n_threads": 1e300', "options.n_threads"),
        ('"name": "propensity"', '"name": "chance"', "outputs of 'propensity'"),
        ('"part": 0', '"part": 7', "a part that is not there"),
        ('"intercept": 0.0', '"intercept": "none"', "calibration.intercept"),
    ],
)
def test_another_schema_is_refused_with_the_difference(before: str, after: str, named: str, tmp_path: Path) -> None:
    model = PropensityModel(calibration="none", line_share=0.0, n_threads=1, n_trees=5)
    folder = save(model.fit(frame(), np.arange(900) % 2), tmp_path / "m")
    edited(folder / "model.json", before, after)
    with pytest.raises(InputError, match=named):
        load(folder)


@pytest.mark.parametrize("file", ["part_0.txt", "part_1.txt", "model.json"])
def test_a_damaged_file_is_refused_before_lightgbm_reads_it(file: str, tmp_path: Path) -> None:
    folder = save(MODELS["value two_part"], tmp_path / "m", FACTS)
    content = bytearray((folder / file).read_bytes())
    place = content.index(b"leaf_value") + 15 if file.startswith("part") else content.index(b"churn")
    content[place] ^= 1
    (folder / file).write_bytes(bytes(content))
    with pytest.raises(InputError, match=f"{file}: changed or damaged"):
        load(folder)
    with pytest.raises(ValueError, match=f"{file}: changed or damaged"):
        plain_scorer.read_model(folder)


def test_facts_must_be_json_and_a_file_in_the_way_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="JSON"):
        save(MODELS["propensity none"], tmp_path / "m", {"at": object()})
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="can be written"):
        save(MODELS["propensity none"], tmp_path / "file" / "m")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_scorer_names_the_columns_it_lacks(tmp_path: Path) -> None:
    scorer = plain_scorer.read_model(save(MODELS["propensity none"], tmp_path / "m"))
    with pytest.raises(ValueError, match=r"lacks 1 columns of the model: \['region'\]"):
        scorer.predict(frame(5).drop(columns="region"))
