"""Estimators of a shop's own stand beside the model, on the same splits and by the same verdicts."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from penchant.config import read_config
from penchant.errors import ConfigError, InputError
from penchant.models.evaluation.metrics import evaluate
from penchant.training.own import OwnEstimator, own_estimators, own_scores
from penchant.training.train import Recipe, learn


def pipeline() -> Any:
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())


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
