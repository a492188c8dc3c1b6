"""Estimators of others in the place of ours: fitted on signals as they are, saved, read again, explained."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

from penchant.errors import InputError
from penchant.models.baselines.leaderboard import baselines_for
from penchant.models.estimators.sklearn_model import SklearnModel
from penchant.models.explain.contributions import contributions
from penchant.models.explain.reasons import reasons
from penchant.models.pickled_scorer import PICKLED_CODE
from penchant.models.store.artifact import load, read_facts, read_spec, save
from penchant.models.trust import may_run_code


def rows(n: int = 400, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {"days": rng.gamma(2, 40, n), "n_orders": rng.integers(1, 9, n), "region": rng.choice(["a", "b", "c"], n)}
    )
    y = (rng.random(n) < 1 / (1 + np.exp(X["days"] / 20 - 3 + 2 * (X["region"] == "a")))).astype(float)
    return X.astype({"n_orders": float}).mask(rng.random((n, 3)) < 0.05), np.asarray(y)


def pipeline() -> Any:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    texts = OneHotEncoder(handle_unknown="ignore")
    is_number, is_text = make_column_selector(dtype_include="number"), make_column_selector(dtype_include="category")
    return make_pipeline(make_column_transformer((numbers, is_number), (texts, is_text)), LogisticRegression())


class CatBoost(CatBoostClassifier):
    """Shops write a line of their own around CatBoost, which wants texts named and never missing."""

    def fit(self, X: Any, y: Any) -> Any:
        return super().fit(self._texts(X), y, cat_features=["region"])

    def predict_proba(self, X: Any) -> Any:
        return super().predict_proba(self._texts(X))

    def _texts(self, X: pd.DataFrame) -> pd.DataFrame:
        return X.assign(region=X["region"].astype(object).fillna("missing"))


MADE = {
    "pipeline": pipeline,
    "histogram": lambda: HistGradientBoostingClassifier(max_iter=20, random_state=0),
    "catboost": lambda: CatBoost(iterations=20, depth=3, verbose=False, allow_writing_files=False, thread_count=1),
    "xgboost": lambda: XGBClassifier(n_estimators=20, max_depth=3, enable_categorical=True, n_jobs=1),
}

NEEDED = {"catboost": "catboost", "xgboost": "xgboost-cpu"}


@pytest.fixture(scope="module", params=MADE)
def model(request: pytest.FixtureRequest) -> SklearnModel:
    return SklearnModel(request.param, MADE[request.param]).fit(*rows())


def test_it_ranks_keeps_through_a_file_and_takes_what_it_has_not_seen(model: SklearnModel, tmp_path: Path) -> None:
    X, y = rows(seed=1)
    score = model.predict(X)
    assert score[y == 1].mean() > score[y == 0].mean() + 0.1
    read = load(save(model, tmp_path / "model", {"task": "churn"}))
    assert isinstance(read, SklearnModel)
    assert np.array_equal(read.predict(X[::-1]), score[::-1])
    assert read_facts(tmp_path / "model") == {"task": "churn"}
    strange = X.assign(region="z", n_orders=None)
    assert np.isfinite(read.predict(strange)).all()
    needed = {one.partition("==")[0] for one in read_spec(tmp_path / "model")["requirements"]}
    assert NEEDED.get(model.name, "scikit-learn") in needed
    assert "penchant" not in needed


def test_its_reasons_are_what_would_move_the_score_were_it_usual(model: SklearnModel) -> None:
    X, _ = rows(seed=1)
    added = contributions(model, X)
    at = X.columns.get_loc("days")
    usual = X.assign(days=model.columns_.typical["days"])
    log_odds = [np.log(p / (1 - p)) for p in (model.predict(X), model.predict(usual))]
    assert added[:, at] == pytest.approx(log_odds[0] - log_odds[1], abs=1e-6)
    told = reasons(model, X, {"days": ("no order for {value:.0f} days", "ordered {value:.0f} days ago")}, 1)
    assert sum("ordered" in one for row in told for one in row) > 50


def test_a_column_that_training_never_knew_changes_nothing() -> None:
    X, y = rows()
    with_none = SklearnModel("h", MADE["histogram"]).fit(X.assign(n_orders=None), y)
    assert np.array_equal(with_none.predict(X.assign(n_orders=None)), with_none.predict(X))


def test_amounts_are_those_of_predict(tmp_path: Path) -> None:
    X, y = rows()
    made = SklearnModel("line", HistGradientBoostingRegressor, "value").fit(X, y * 30)
    again = load(save(made, tmp_path / "m"))
    assert isinstance(again, SklearnModel)
    assert again.kind == "value"
    assert np.array_equal(again.predict(X), made.predict(X))
    assert again.predict(X).max() > 1


def test_a_winning_baseline_is_a_model_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    age, rate = rng.uniform(150, 400, 300), rng.gamma(0.8, 1 / 60, 300)
    alive = np.minimum(age, rng.exponential(250, 300))
    repeats = rng.poisson(rate * alive)
    last = np.where(repeats > 0, age - alive * rng.beta(np.maximum(repeats, 1), 1), age)
    X = pd.DataFrame({"n_purchases": repeats + 1, "days_since_first_purchase": age, "days_since_last_purchase": last})
    y = (rng.random(300) < 0.3).astype(float)
    found, _ = baselines_for("binary", X.columns, 60)
    for name in ("base_rate", "recency", "logistic", "bg_nbd"):
        made = SklearnModel(name, lambda name=name: found[name]).fit(X, y, groups=np.arange(300))  # type: ignore[misc]
        again = load(save(made, tmp_path / name))
        assert isinstance(again, SklearnModel)
        assert np.array_equal(again.predict(X), found[name].predict_proba(X)[:, 1])
        assert type(again.scorer_.estimator) is not type(found[name])  # to read it changes no living class
    assert set(made.scorer_.telling) == set(X.columns)


def test_untrusted_runs_read_no_code_of_others(tmp_path: Path) -> None:
    save(SklearnModel("mine", pipeline).fit(*rows()), tmp_path / "m")
    token = may_run_code.set(False)
    try:
        with pytest.raises(InputError, match=r"runs no code of others.*estimator 'mine'.*Leave out --untrusted"):
            load(tmp_path / "m")
    finally:
        may_run_code.reset(token)


@pytest.mark.parametrize(
    ("change", "message"), [({"python": "2.7"}, "pickled by Python 2.7"), ({"telling": 3}, "1 differences: 'telling")]
)
def test_what_cannot_be_read_is_refused_in_words(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    from hashlib import sha256

    folder = save(SklearnModel("mine", pipeline).fit(*rows()), tmp_path / "m")
    page = json.dumps(read_spec(folder) | change).encode()
    old = sha256((folder / "model.json").read_bytes()).hexdigest()
    hashes = (folder / "SHA256SUMS").read_text(encoding="utf-8").replace(old, sha256(page).hexdigest())
    (folder / "model.json").write_bytes(page)
    (folder / "SHA256SUMS").write_text(hashes, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load(folder)
    (folder / "estimator.pkl").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(InputError, match=r"differences|changed or damaged"):
        load(folder)
    (folder / "SHA256SUMS").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"differences|not the hashes"):
        load(folder)


def test_an_estimator_that_cannot_be_pickled_is_named(tmp_path: Path) -> None:
    class Holding(LogisticRegression):
        def fit(self, X: Any, y: Any) -> Any:
            self.file_ = (tmp_path / "open").open("w")
            return super().fit(X.select_dtypes("number").fillna(0), y)

        def predict_proba(self, X: Any) -> Any:
            return super().predict_proba(X.select_dtypes("number").fillna(0))

    made = SklearnModel("mine", Holding).fit(*rows())
    with pytest.raises(InputError, match=r"estimator 'mine': one that can be pickled.*open files"):
        save(made, tmp_path / "m")
    assert not (tmp_path / "m").exists()
    made.scorer_.estimator.file_.close()


@pytest.mark.slow
def test_code_of_the_shops_own_module_travels_with_it(tmp_path: Path) -> None:
    """Neither this package nor the shop's module can be imported where it is served."""
    module = ModuleType("penchant_own_mine")
    module.__file__ = str(tmp_path / "mine.py")
    sys.modules[module.__name__] = module
    source = (
        "from penchant.errors import InputError\n"
        "class Rule:\n"
        "    def fit(self, X, y):\n"
        "        if not len(X): raise InputError('X', 'rows', 'none')\n"
        "        self.classes_ = [0, 1]\n"
        "        return self\n"
        "    def predict_proba(self, X):\n"
        "        import numpy as np\n"
        "        p = np.where(X['days'].to_numpy() > LIMIT, 0.8, 0.3)\n"
        "        return np.column_stack([1 - p, p])\n"
        "LIMIT = 75\n"
    )
    exec(source, module.__dict__)
    try:
        save(SklearnModel("rule", module.Rule).fit(*rows()), tmp_path / "m")
    finally:
        del sys.modules[module.__name__]
    for path in PICKLED_CODE:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    code = (
        "import sys\nsys.modules['penchant'] = None\nsys.path.insert(0, '.')\n"
        "import pickled_scorer, pandas as pd\n"
        "rows = pd.DataFrame({'days': [10, 90], 'n_orders': [1, None], 'region': ['a', 'new']})\n"
        "model = pickled_scorer._load_pyfunc('m')\n"
        "print(model.predict(rows).tolist(), model.predict(rows, {'reasons': 1})['reason_1'].tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[0.3, 0.8] ['', 'days: 90']", done.stderr


def test_a_module_that_stands_under_two_names_is_pickled_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As one that moved does, once it was imported from where it was."""
    monkeypatch.setitem(sys.modules, "tests_of_old", sys.modules[SklearnModel.__module__])
    fitted = SklearnModel("pipeline", pipeline).fit(*rows(100, seed=2))
    read = load(save(fitted, tmp_path / "model", {"task": "churn"}))
    assert np.array_equal(read.predict(rows(20)[0]), fitted.predict(rows(20)[0]))
