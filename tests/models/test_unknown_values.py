"""What training says nothing of, by known truth: such rows score near the average, whatever their name, and say so.

A column decides nearly everything; whoever's value is unknown must get about what everybody gets. Each kind of model is
asked, with and without missing values in training, as fitted, as read from its files, and by the scorer alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.models import plain_scorer
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.estimators.value import ValueModel
from penchant.models.explain.contributions import contributions
from penchant.models.inputs.categories import MissingValueWarning, UnseenCategoryWarning
from penchant.models.store.artifact import load, save
from penchant.models.uplift import DRLearner, Linear, TLearner, Trees, UpliftStack

N = 4000
REGIONS = ["amber", "birch", "maple", "zinc"]


def customers(missing: float = 0.0, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return customers and what their spend and region make of them, of mean 0 and deviation near 2."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"spend": rng.normal(100, 10, N), "region": rng.choice(REGIONS, N), "other": rng.normal(size=N)})
    strength = (X["spend"] - 100) / 7 + X["region"].map(dict(zip(REGIONS, (-2, 2, -2, 2), strict=True)))
    if missing:
        X = X.mask(pd.DataFrame({name: rng.random(N) < missing for name in X}))
    return X, strength.to_numpy()


def propensity(missing: float = 0.0, **options: Any) -> tuple[Any, float]:
    X, strength = customers(missing)
    y = (np.random.default_rng(1).random(N) < 1 / (1 + np.exp(-strength))).astype(int)
    return PropensityModel(n_threads=1, n_trees=80, **options).fit(X, y), float(y.mean())


def value(missing: float = 0.0, form: Any = "two_part") -> tuple[Any, float]:
    X, strength = customers(missing)
    rng = np.random.default_rng(1)
    y = (rng.random(N) < 1 / (1 + np.exp(-strength))) * np.exp(3 + strength / 3) * rng.gamma(4, 1 / 4, N)
    return ValueModel(n_threads=1, n_trees=80, form=form).fit(X, y), float(y.mean())


def uplift(learner: Any, missing: float = 0.0) -> tuple[Any, float]:
    X, strength = customers(missing)
    rng = np.random.default_rng(1)
    arm = rng.integers(0, 2, N)
    y = rng.normal(size=N) / 2 + arm * (1 + strength)
    return learner.fit(X, y, arm), float(y[arm == 1].mean() - y[arm == 0].mean())


CASES = {
    "propensity": (lambda missing: propensity(missing), 0.1),
    "trees alone": (lambda missing: propensity(missing, line_share=0.0), 0.1),
    "isotonic": (lambda missing: propensity(missing, calibration="isotonic"), 0.1),
    "two_part": (lambda missing: value(missing, "two_part"), 4.0),
    "tweedie": (lambda missing: value(missing, "tweedie"), 4.0),
    "stack": (lambda missing: uplift(UpliftStack(), missing), 0.35),
    "T over trees": (lambda missing: uplift(TLearner(Trees()), missing), 0.35),
    "DR over ridge": (lambda missing: uplift(DRLearner(Linear()), missing), 0.35),
}


@pytest.fixture(scope="module", params=[(name, share) for name in CASES for share in (0.0, 0.1)], ids=str)
def case(request: pytest.FixtureRequest) -> tuple[Any, float, float, float]:
    name, share = request.param
    make, tolerance = CASES[name]
    return *make(share), tolerance, share


def scores(model: Any, X: pd.DataFrame) -> np.ndarray:
    if isinstance(model, PropensityModel):
        return model.predict_proba(X)[:, 1]
    return model.predict(X) if isinstance(model, ValueModel) else model.predict_uplift(X)


def strangers(region: str | None = None, spend: float | None = None) -> pd.DataFrame:
    X, _ = customers(seed=7)
    X = X[:1000]
    X = X if region is None else X.assign(region=region)
    return X if spend is None else X.assign(spend=spend)


def quietly(model: Any, X: pd.DataFrame) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return scores(model, X)


def test_an_unseen_category_scores_near_the_average_whatever_its_name(case: tuple[Any, float, float, float]) -> None:
    model, average, tolerance, _ = case
    with pytest.warns(UnseenCategoryWarning, match="'region': 1,000 rows"):
        found = scores(model, strangers("aaa"))
    assert found.mean() == pytest.approx(average, abs=tolerance)
    for name in ("birches", "zzz", "ambér", "7"):
        assert np.array_equal(quietly(model, strangers(name)), found)


def test_a_missing_value_scores_near_the_average(case: tuple[Any, float, float, float]) -> None:
    model, average, tolerance, share = case
    unknown = strangers(spend=np.nan)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = scores(model, unknown)
    assert found.mean() == pytest.approx(average, abs=tolerance)
    is_told = any(
        one.category is MissingValueWarning and "'spend' in 1,000 of 1,000" in str(one.message) for one in told
    )
    assert is_told == (share == 0)  # training has seen what missing means where it was there


def test_who_knows_nothing_of_anything_scores_near_the_average(case: tuple[Any, float, float, float]) -> None:
    model, average, tolerance, _ = case
    found = quietly(model, strangers("aaa", np.nan).assign(other=np.nan))
    assert found.mean() == pytest.approx(average, abs=1.5 * tolerance)


def test_other_rows_score_as_they_do_alone(
    case: tuple[Any, float, float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _, _, _ = case
    known = strangers()
    mixed = pd.concat([known[:20], strangers("aaa", np.nan)[:5], known[20:40]])
    found = quietly(model, mixed)
    assert np.array_equal(np.delete(found, range(20, 25)), scores(model, known[:40]))
    assert np.array_equal(found[20:25], quietly(model, mixed[20:25]))
    monkeypatch.setattr(plain_scorer, "STRANGE_AT_ONCE", 3)
    assert np.array_equal(found, quietly(model, mixed))


def test_alike_answers_are_asked_once_and_change_nothing(
    case: tuple[Any, float, float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _, _, _ = case
    strange = pd.concat([strangers("aaa")[:9], strangers(None, np.nan)[:9], strangers("aaa", np.nan)[:9]])
    found = quietly(model, strange)
    monkeypatch.setattr(plain_scorer, "MOST_PATTERNS", 0)  # then each row is asked with each of the values
    assert np.array_equal(found, quietly(model, strange))


def test_files_score_as_the_model_did_and_say_so(case: tuple[Any, float, float, float], tmp_path: Path) -> None:
    model, _, _, _ = case
    folder = save(model, tmp_path / "m")
    X = strangers("aaa", np.nan)
    expected = quietly(model, X)
    assert np.array_equal(quietly(load(folder), X), expected)
    plain = plain_scorer.read_model(folder)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert np.array_equal(plain.predict(X), expected)
    assert any(one.category is UnseenCategoryWarning and "'aaa'" in str(one.message) for one in told)


def test_the_scorer_alone_does_it_too(tmp_path: Path) -> None:
    model, average = propensity()
    folder = save(model, tmp_path / "m")
    X = strangers("aaa")
    (tmp_path / "rows.json").write_text(json.dumps(X.assign(spend=None).to_dict("list")), encoding="utf-8")
    script = (
        "import sys, json\n"
        "for name in ('penchant', 'pandas', 'sklearn', 'pydantic'):\n"
        "    sys.modules[name] = None\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from plain_scorer import _load_pyfunc\n"
        "print(_load_pyfunc(sys.argv[2]).predict(json.load(open(sys.argv[3]))).mean())\n"
    )
    command = [sys.executable, "-I", "-c", script, plain_scorer.CODE[0].parent, folder, tmp_path / "rows.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(average, abs=0.1)
    assert "UnseenCategoryWarning: Column 'region': 1,000 rows" in done.stderr
    assert "MissingValueWarning: Values are missing" in done.stderr


@pytest.mark.parametrize("kind", ["propensity", "trees alone", "two_part", "tweedie"])
def test_contributions_of_the_unknown_still_add_up(kind: str) -> None:
    model, _ = CASES[kind][0](0.0)
    X = strangers("aaa", np.nan)[:50]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        added = contributions(model, X)
        raw = model.scorer_.raw(model.columns_.encode(X))
    assert added.sum(axis=1) == pytest.approx(raw.sum(axis=1), abs=1e-9)
    assert np.abs(added[:, :2]).mean() < 0.5  # what is unknown tells little


def test_a_handful_of_missing_values_teaches_nothing() -> None:
    X, strength = customers()
    y = (np.random.default_rng(1).random(N) < 1 / (1 + np.exp(-strength))).astype(int)
    X.loc[np.flatnonzero(y)[:10], "spend"] = np.nan  # all of them bought
    model = PropensityModel(n_threads=1, n_trees=80).fit(X, y)
    assert "spend" not in model.columns_.learned_missing
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict_proba(customers()[0].assign(spend=X["spend"]))  # as many as in training
    with pytest.warns(MissingValueWarning, match="'spend'"):
        found = model.predict_proba(strangers(spend=np.nan))[:, 1]
    assert found.mean() == pytest.approx(y.mean(), abs=0.1)


def test_what_missing_means_is_learned_where_training_shows_it() -> None:
    X, strength = customers()
    is_missing = np.random.default_rng(2).random(N) < 0.2
    y = (np.random.default_rng(1).random(N) < np.where(is_missing, 0.95, 1 / (1 + np.exp(-strength)))).astype(int)
    model = PropensityModel(n_threads=1, n_trees=200).fit(X.assign(spend=X["spend"].mask(is_missing)), y)
    assert model.predict_proba(strangers(spend=np.nan))[:, 1].mean() > 0.85


@pytest.mark.parametrize("learner", [UpliftStack(), TLearner(Trees(n_trees=10)), DRLearner(Linear()), None], ids=str)
def test_texts_that_training_lacked_altogether_are_categories_not_seen(learner: Any, tmp_path: Path) -> None:
    """Such as a level of membership, before the shop had members."""
    X, strength = (part[:600] for part in customers())
    X = X.assign(level=pd.Series([None] * len(X), dtype="str"))
    y = (strength > 0).astype(float)
    fitted = learner.fit(X, y, np.arange(600) % 2) if learner else PropensityModel(n_threads=1, n_trees=10).fit(X, y)
    model, ask = (fitted.scorer_, "predict_uplift") if learner else (fitted, "predict_proba")
    later = X.assign(level=pd.Series(["gold", None] * 300, dtype="str"))
    with pytest.warns(UnseenCategoryWarning, match="'level': 300 rows hold categories that training has not seen"):
        found = getattr(model, ask)(later)
    assert found == pytest.approx(getattr(model, ask)(X))
    save(model, tmp_path / "model")
    with pytest.warns(UnseenCategoryWarning, match="'level'"):
        assert getattr(load(tmp_path / "model"), ask)(later) == pytest.approx(found)
