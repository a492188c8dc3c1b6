"""Versions on one common test: who may be judged, who leads, and what keeps a challenger out."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.config import Config
from penchant.features.outcomes.tasks import CHURN, REPURCHASE
from penchant.models.store.artifact import save
from penchant.training.fit import Recipe, fitted
from penchant.training.report.versions import profit_by_cost, versions_page
from penchant.training.versions.compare import Entrant, Standings, standings
from penchant.training.versions.promote import gates, same_horizon_as_configured

CHAMPION, CHALLENGER = ("champion",), ("challenger",)
CLEAN = {"checks": [{"code": "too-good", "outcome": "passed", "explanation": "AUC 0.8."}]}


class Shelf:
    """Models that were trained on chosen columns, saved as the registry keeps them."""

    def __init__(self, folder: Path, material: Any) -> None:
        self.folder, self.material = folder, material

    def kept(self, name: str, *columns: str, **facts: Any) -> Path:
        past = self.material.past
        chosen = replace(past, features=past.features[list(columns)])
        plan = self.material.schedule
        stated = {"gap_days": 0, "horizon_days": 60, "labels_end": plan.labels_end(plan.train).isoformat(), **facts}
        model = fitted(self.material.task, chosen, 0, Recipe({"n_trees": 30}, n_threads=1))
        return save(model, self.folder / name, {k: v for k, v in stated.items() if v is not None})


@pytest.fixture(scope="module")
def shelf(planted: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"), planted.material())


@pytest.fixture(scope="module")
def found(shelf: Shelf) -> Standings:
    """Return a good champion, a challenger like it, one of noise, and four that may not be judged."""
    plan = shelf.material.schedule
    after = (plan.test + timedelta(days=60)).isoformat()
    good = shelf.kept("good", "strong", "weak")
    refitted = shelf.kept("refitted", "weak", "strong", labels_end=after)
    before = shelf.kept("before", "weak", "strong")
    noise = shelf.kept("noise", "noise")
    return standings(
        shelf.material,
        [
            Entrant(1, CHAMPION, {"in use": good}),
            Entrant(2, CHALLENGER, {"in use": refitted, "judged": before}),
            Entrant(3, (), {"in use": noise}),
            Entrant(4, (), {"in use": refitted}),
            Entrant(5, (), {"in use": shelf.kept("other", "strong", horizon_days=90)}),
            Entrant(6, (), {"in use": shelf.kept("old", "strong", labels_end=None)}),
            Entrant(7, (), {}),
        ],
    )


def test_only_models_whose_labels_were_over_are_ranked(found: Standings) -> None:
    assert {name for name in found.scores if name.startswith("version")} == {"version 1", "version 2", "version 3"}
    assert "it saw the test" in found.not_ranked["version 4"]
    assert "another horizon" in found.not_ranked["version 5"]
    assert "does not say when" in found.not_ranked["version 6"]
    assert "files are gone" in found.not_ranked["version 7"]
    what = {place.name: place.what for place in found.places}
    assert (what["version 1"], what["version 2"], what["logistic"]) == ("in use", "judged", "baseline")


def test_a_label_that_ends_as_the_test_begins_is_over(shelf: Shelf) -> None:
    at = shelf.material.schedule.test
    edge = shelf.kept("edge", "strong", labels_end=at.isoformat())
    late = shelf.kept("late", "strong", labels_end=(at + timedelta(microseconds=1)).isoformat())
    two = standings(shelf.material, [Entrant(1, (), {"in use": edge}), Entrant(2, (), {"in use": late})])
    assert list(two.not_ranked) == ["version 2"]


def test_all_are_compared_with_the_champion_on_the_same_rows(found: Standings) -> None:
    assert found.reference == "version 1"
    by_name = {place.name: place for place in found.places}
    assert by_name["version 1"].against == {}
    assert by_name["version 2"].against["auc"].verdict == "not separable"
    assert by_name["version 2"].against["auc"].smallest_difference > 0
    assert by_name["version 3"].against["auc"].verdict == "worse"
    values = [place.metrics["auc"].value for place in found.places]
    assert values == sorted(values, reverse=True)
    gained = by_name["version 2"].metrics["auc"].value - by_name["version 1"].metrics["auc"].value
    assert by_name["version 2"].against["auc"].difference.value == pytest.approx(gained)
    assert found.against("version 1", "version 3")["auc"].verdict == "better"


def test_without_a_champion_that_may_be_judged_the_best_version_is_the_reference(shelf: Shelf) -> None:
    good, noise = shelf.folder / "good", shelf.folder / "noise"
    entrants = [Entrant(1, (), {"in use": noise}), Entrant(2, (), {"in use": good}), Entrant(3, CHAMPION, {})]
    assert standings(shelf.material, entrants).reference == "version 2"
    assert standings(shelf.material, []).reference is None


def test_a_model_whose_signals_are_gone_is_told_so(shelf: Shelf) -> None:
    fewer = replace(shelf.material.rows, features=shelf.material.rows.features.drop(columns="strong"))
    now = replace(shelf.material, rows=fewer)
    told = standings(now, [Entrant(1, (), {"in use": shelf.folder / "good"})]).not_ranked["version 1"]
    assert "'strong'" in told


def test_the_table_has_a_row_for_each_place(found: Standings) -> None:
    table = found.frame()
    assert table["name"].tolist() == [place.name for place in found.places]
    assert (table["auc_low"] <= table["auc"]).all()
    assert found.as_dict()["leaderboard"][0]["metrics"]["auc"]["value"] == table["auc"].max()


def failed(found: Standings, challenger: str, champion: str | None = "version 1", **record: Any) -> list[str]:
    return [gate.code for gate in gates(found, challenger, champion, {**CLEAN, **record}) if gate.is_issue]


def test_gates_hold_for_one_as_good_and_not_for_one_of_noise(found: Standings) -> None:
    assert failed(found, "version 2") == []
    assert failed(found, "version 3") == ["worse-than-champion", "worse-than-baseline"]
    assert failed(found, "version 3", None) == ["worse-than-baseline"]


def test_one_that_cannot_be_judged_is_not_let_in(found: Standings) -> None:
    assert failed(found, "version 4") == ["worse-than-champion", "worse-than-baseline"]
    assert failed(found, "version 2", "version 4") == []  # a champion that cannot be judged keeps nobody out


@pytest.mark.parametrize(
    ("code", "is_kept_out"), [("label-leakage", True), ("worse-than-baseline", True), ("column-drift", False)]
)
def test_recorded_checks_keep_out_what_makes_numbers_meaningless(
    found: Standings, code: str, is_kept_out: bool
) -> None:
    check = {"code": code, "outcome": "issue", "explanation": "It is so."}
    assert failed(found, "version 2", checks=[check]) == (["recorded-checks"] if is_kept_out else [])
    assert failed(found, "version 2", checks=[{**check, "outcome": "passed"}]) == []
    assert failed(found, "version 2", checks=[]) == ["recorded-checks"]


@pytest.mark.parametrize("metric", ["auc", "log_loss"])
def test_a_tuned_model_that_was_worse_than_the_defaults_is_kept_out(found: Standings, metric: str) -> None:
    verdicts = {name: {"verdict": "not separable"} for name in ("auc", "log_loss")}
    better = {"default_parameters": {**verdicts, metric: {"verdict": "better"}}}
    worse = {"default_parameters": {**verdicts, metric: {"verdict": "worse"}}}
    assert failed(found, "version 2", comparisons=better) == []
    assert failed(found, "version 2", comparisons=worse) == ["worse-than-default"]


def test_a_horizon_other_than_the_configured_one_is_a_mismatch() -> None:
    facts = {"gap_days": 0, "horizon_days": 60}
    config = Config().with_task("repurchase", horizon_days=60)
    assert same_horizon_as_configured(config, REPURCHASE, facts).outcome == "passed"
    assert same_horizon_as_configured(Config(), REPURCHASE, facts).is_issue
    assert same_horizon_as_configured(Config(), CHURN, facts).outcome == "passed"  # the cycle's: any
    assert same_horizon_as_configured(Config().with_task("churn", gap_days=7), CHURN, facts).is_issue


def test_scores_are_those_of_the_saved_model(found: Standings, shelf: Shelf) -> None:
    from penchant.models.store.artifact import load

    features = shelf.material.test.features[["strong", "weak"]]
    model: Any = load(shelf.folder / "good")
    assert np.array_equal(found.scores["version 1"], model.predict_proba(features)[:, 1])


def test_the_two_best_disagree_where_their_percentiles_lie_furthest_apart(found: Standings, shelf: Shelf) -> None:
    best = [place.name for place in found.places if place.what != "baseline"][:2]
    assert list(found.compared) == best
    ranks = [pd.Series(np.asarray(found.scores[name])).rank(pct=True) for name in best]
    apart = (ranks[0] - ranks[1]).abs().sort_values(ascending=False)
    assert len(found.disagreements) == 15
    shown = [abs(one.percentiles[0] - one.percentiles[1]) for one in found.disagreements]
    assert shown == pytest.approx(list(100 * apart.iloc[:15]), abs=1e-9)
    first = found.disagreements[0]
    assert 100 * apart.iloc[0] == pytest.approx(abs(first.percentiles[0] - first.percentiles[1]), abs=1e-9)
    told = " ".join(text for one in found.disagreements for text in one.reasons)
    assert "the signal strong" in told


def test_profit_is_what_contacting_whoever_promises_more_than_the_cost_brings(found: Standings) -> None:
    cost, curves = profit_by_cost(found, ["version 1", "version 3"])
    y, score = np.asarray(found.outcomes.y), found.scores["version 1"]
    at = 40
    by_hand = 1000 * sum(y[i] - cost[at] for i in range(len(y)) if score[i] > cost[at]) / len(y)
    assert curves["version 1"][at] == pytest.approx(by_hand)
    assert curves["version 1"].mean() > curves["version 3"].mean()  # of noise
    assert curves["version 1"][0] == pytest.approx(1000 * y.mean())  # for nothing everyone is contacted


def test_the_page_lays_them_over_each_other_and_shows_whom_they_rank_apart(found: Standings) -> None:
    stage = np.where(np.arange(len(found.outcomes.y)) % 2, "loyal", "new").astype(object)
    html = versions_page(replace(found, groups={"stage": stage, "segment": stage}), "tea", {"data": "abc"}).html()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<body")[2]))
    for words in ("Who leads", "ROC", "Gains", "Profit", "Calibration", "By stage", "By segment", "saw the test"):
        assert words in text
    assert "Whom they rank apart" in text
    assert "Raised by, version" in text
    assert html.count("<svg") == 4
    assert "By stage" not in versions_page(found, "tea", {}).html()
