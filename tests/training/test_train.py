"""What a training gives: two fits, one to judge and one to use, of any kind of outcome."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from penchant.config import Config
from penchant.models.store.artifact import load, read_facts
from penchant.training.baselines import baseline_scores, predicted
from penchant.training.fit import Recipe
from penchant.training.record import write_training
from penchant.training.train import learn


@pytest.fixture(scope="module")
def made(planted: ModuleType) -> Any:
    return planted.material(200)


@pytest.fixture(scope="module")
def trained(made: Any) -> Any:
    return learn(made, Recipe({"num_leaves": 5}, n_threads=1))


def test_a_trained_model_shows_its_leaderboard(trained: Any) -> None:
    text = repr(trained)
    assert text.startswith(f"Model of '{trained.task.name}'")
    assert f"{trained.board.metrics['auc']:.3f}" in text
    assert all(name.replace("_", " ") in text for name in trained.board.baselines)
    assert "<table>" in trained._repr_html_()


def test_the_judged_model_had_not_seen_the_test_and_all_numbers_are_its(made: Any, trained: Any) -> None:
    plan = trained.schedule
    facts = trained.facts()
    assert datetime.fromisoformat(facts["judged_labels_end"]) <= plan.test
    assert datetime.fromisoformat(facts["labels_end"]) == plan.test + plan.reach
    score = predicted(trained.judged, made.test.features)
    assert trained.board.metrics["brier"].value == pytest.approx(np.mean((score - made.test.label) ** 2))
    other = replace(made, rows=replace(made.rows, label=np.where(is_test(made), 0.0, made.rows.label)))
    assert np.array_equal(predicted(learn_judged(other), made.test.features), score)


def is_test(made: Any) -> Any:
    return (made.rows.as_of == made.schedule.test).to_numpy()


def learn_judged(made: Any) -> Any:
    from penchant.training.fit import fitted

    return fitted(made.task, made.past, made.seed, Recipe({"num_leaves": 5}, n_threads=1))


def test_both_models_are_kept_as_plain_files(made: Any, trained: Any, tmp_path: Path) -> None:
    record = write_training(trained, Config(), tmp_path, {"orders.parquet": "abc"})
    kept = {"in use": record.model, "judged": record.artifacts / "judged"}
    for folder, model in zip(kept.values(), (trained.model, trained.judged), strict=True):
        again = predicted(load(folder), made.test.features)
        assert np.array_equal(again, predicted(model, made.test.features))
    ends = [read_facts(folder)["labels_end"] for folder in kept.values()]
    assert ends == [trained.facts()["labels_end"], trained.facts()["judged_labels_end"]]
    written = json.loads((record.artifacts / "metrics.json").read_text(encoding="utf-8"))
    assert "horizon-mismatch" in {check["code"] for check in written["checks"]}
    assert record.params["lightgbm_num_leaves"] == 5


def test_a_baseline_that_stopped_early_is_named(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.models.baselines.regressions.MOST_STEPS", 1)
    with pytest.warns(UserWarning, match="Baseline 'logistic' stopped before it had converged"):
        found, _ = baseline_scores(made)
    assert "logistic" in found


def test_an_outcome_that_can_be_negative_is_trained_and_judged(planted: ModuleType) -> None:
    value = planted.material(150, is_value=True)
    signed = replace(value, rows=replace(value.rows, label=value.rows.label - 0.5))
    trained = learn(signed, Recipe(n_threads=1))
    assert trained.model.form_ == "squared_error"
    assert trained.deciles["rate"].iloc[0] > trained.deciles["rate"].iloc[-1]
    assert {"poisson", "gamma"} <= set(trained.board.left_out)
