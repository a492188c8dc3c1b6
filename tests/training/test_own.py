"""Estimators of a shop's own stand beside the model, on the same splits and by the same verdicts."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from penchant.config import read_config
from penchant.errors import ConfigError, InputError
from penchant.models.evaluation.metrics import evaluate
from penchant.models.store.artifact import load
from penchant.models.store.in_use import models_in_use
from penchant.models.store.registry import Registry
from penchant.training.baselines import predicted
from penchant.training.fit import Recipe
from penchant.training.own import OwnEstimator, chosen_estimator, own_estimators, own_scores
from penchant.training.record import write_training
from penchant.training.train import judge, learn
from penchant.training.versions.compare import Entrant, standings
from penchant.training.versions.promote import gates


def pipeline() -> Any:
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())


def histogram() -> Any:
    return HistGradientBoostingClassifier(max_iter=30, random_state=0)


def no_step(_: str) -> Any:
    return nullcontext()


def test_a_pipeline_is_judged_beside_the_model_on_rows_that_it_has_not_seen(planted: ModuleType) -> None:
    data = planted.material(200)
    scores = own_scores(data, (OwnEstimator("pipeline", pipeline),), no_step)
    trained = learn(data, Recipe({"num_leaves": 5}, 1), beside=scores)
    by_hand = pipeline().fit(data.past.features, data.past.label).predict_proba(data.test.features)[:, 1]
    expected = evaluate(data.test.label, by_hand, groups=data.test.customer_id)["auc"].value
    assert trained.board.baselines["pipeline"]["auc"].value == pytest.approx(expected)
    assert trained.board.comparisons["pipeline"]["auc"].verdict == "better"  # of the model: no line finds |weak|


def test_amounts_are_predicted_by_predict(planted: ModuleType) -> None:
    data = planted.material(100, is_value=True)
    scores = own_scores(data, (OwnEstimator("line", LinearRegression),), no_step)
    assert scores["line"].shape == (len(data.test),)


def test_one_that_is_chosen_is_judged_refitted_and_registered_like_our_model(
    planted: ModuleType, tmp_path: Path
) -> None:
    data, config = planted.material(200), read_config({"shop": {"name": "tea"}})
    chosen = OwnEstimator("histogram", histogram)
    trained = learn(data, Recipe(estimator=chosen), beside={"default_model": data.test.label * 0.0 + 0.5})
    by_hand = histogram().fit(data.past.features, data.past.label).predict_proba(data.test.features)[:, 1]
    expected = evaluate(data.test.label, by_hand, groups=data.test.customer_id)["auc"].value
    assert trained.board.metrics["auc"].value == pytest.approx(expected)
    (tmp_path / "files").mkdir()
    record = write_training(trained, config, tmp_path / "files", {"orders": "abc"})
    assert record.params["estimator"] == "histogram"
    assert record.params["estimator_max_iter"] == 30
    assert "estimator histogram" in record.story.run
    assert "scikit-learn" in " ".join(record.requirements)
    assert "lightgbm" not in " ".join(record.requirements)
    made = Registry(tmp_path / "mlruns").log(record)
    in_use = models_in_use(tmp_path / "mlruns")
    assert in_use is not None
    folder = in_use["tea.repurchase"].folder
    assert made.aliases == ("champion",)
    every = histogram().fit(data.every.features, data.every.label).predict_proba(data.test.features)[:, 1]
    assert predicted(load(folder), data.test.features) == pytest.approx(every)
    judged = tmp_path / "files" / "artifacts" / "judged"
    found = standings(data, [Entrant(1, ("champion",), {"in use": folder, "judged": judged})])
    assert found.scores["version 1"] == pytest.approx(by_hand)
    assert gates(found, "version 1", None, json.loads((record.artifacts / "metrics.json").read_text("utf-8")))


@pytest.mark.parametrize("name", ["logistic", "base_rate"])
def test_a_baseline_is_chosen_by_its_name_and_does_not_stand_beside_itself(planted: ModuleType, name: str) -> None:
    data = planted.material(100)
    trained = learn(data, Recipe(estimator=chosen_estimator((), data, name)))
    assert name not in trained.board.baselines
    assert (
        trained.board.metrics["auc"].value
        == judge(data, trained.judged.predict(data.test.features), {}).baselines[name]["auc"].value
    )
    with pytest.raises(InputError, match="Did you mean 'logistic'"):
        chosen_estimator((), data, "logistics")
    with pytest.raises(InputError, match=r"baseline 'bg_nbd': rows that allow it.*lacks n_purchases"):
        chosen_estimator((), data, "bg_nbd")


class Broken:
    def fit(self, X: Any, y: Any) -> None:
        raise ValueError("no strings here\nand a traceback")


class Wild(Broken):
    def fit(self, X: Any, y: Any) -> None:
        return None

    def predict(self, X: Any) -> Any:
        return np.full(len(X), 7.0)


@pytest.mark.parametrize(
    ("made", "message"), [(Broken, "ValueError: no strings here"), (Wild, "within 0 and 1.*7 to 7")]
)
def test_what_cannot_be_used_is_named(planted: ModuleType, made: Any, message: str) -> None:
    with pytest.raises(InputError, match=rf"estimator 'mine'.*{message}"):
        own_scores(planted.material(60), (OwnEstimator("mine", made),), no_step)


def test_they_come_from_the_modules_of_the_configuration(tmp_path: Path) -> None:
    module = tmp_path / "mine.py"
    module.write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "from penchant.training.own import OwnEstimator\n"
        "ESTIMATORS = (OwnEstimator('line', LogisticRegression, ('churn',)), OwnEstimator('any', dict))\n",
        encoding="utf-8",
    )
    config = read_config({"modules": [str(module)]})
    assert [one.name for one in own_estimators(config, "churn")] == ["line", "any"]
    assert [one.name for one in own_estimators(config, "repurchase")] == ["any"]
    module.with_name("odd.py").write_text("ESTIMATORS = (3,)", encoding="utf-8")
    with pytest.raises(ConfigError, match="ESTIMATORS to list values of OwnEstimator"):
        own_estimators(read_config({"modules": [str(tmp_path / "odd.py")]}), "churn")
