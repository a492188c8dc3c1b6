"""Monitoring a simulated shop: calm where nothing changed, a planted change is named, promises are held to account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import numpy as np
import pandas as pd
import pytest

from penchant.config import Config, read_config
from penchant.features.outcomes.tasks import REPURCHASE, Span
from penchant.features.shop import Shop, open_shop
from penchant.models.evaluation.reference import describe
from penchant.models.inputs.estimate import Estimate
from penchant.models.store.artifact import save
from penchant.output import replaced_folder
from penchant.serving.monitor.drift import InUse, Monitored, Thresholds, monitor
from penchant.serving.monitor.promises import (
    Promise,
    PromiseGroup,
    ScoreFile,
    files_of_scores,
    promise_of,
    promise_verdict,
)
from penchant.serving.score import left
from penchant.serving.score.champion import Champion
from penchant.serving.score.left import leave_matrix, left_matrix
from penchant.serving.score.run import score
from penchant.simulate import SimulationSettings, simulate
from penchant.training.baselines import predicted
from penchant.training.dataset import snapshot_rows
from penchant.training.fit import Recipe, fitted

ENDS_AT = datetime(2025, 8, 1)
LEARNED_AT, SCORED_AT, LATE_AT = datetime(2025, 3, 1), datetime(2025, 5, 1), datetime(2025, 7, 1)
DAYS = 60


@dataclass(frozen=True)
class Made:
    """A shop's files, its configuration, a model in use, and a folder with two earlier folders of scores."""

    data: Path
    config: Config
    in_use: InUse
    scores: Path

    @contextmanager
    def opened(self, data: Path | None = None) -> Iterator[Shop]:
        with open_shop(self.config, data or self.data, checked=False) as shop:
            yield shop

    def look(self, data: Path | None = None, scores: Path | None = None) -> Monitored:
        with self.opened(data) as shop:
            return monitor(shop, [self.in_use], files_of_scores([scores or self.scores]), ENDS_AT)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("watched")
    settings = SimulationSettings(6_000, ends_at=ENDS_AT.replace(tzinfo=UTC), campaigns=(), pace_days=577)
    simulate(settings, folder / "data")
    config = read_config(
        {
            "shop": {"extract_end": ENDS_AT.replace(tzinfo=UTC)},
            "features": {"groups": ["recency", "frequency", "monetary", "profile"], "windows": [90]},
            "tasks": {"repurchase": {"horizon_days": DAYS}},
            "tables": {name: {"path": f"{name}.parquet"} for name in ("orders", "customers", "items")},
        }
    )
    with open_shop(config, folder / "data", checked=False) as shop:
        rows = snapshot_rows(shop, REPURCHASE, [LEARNED_AT], Span(0, DAYS))
        model = fitted(REPURCHASE, rows, 0, Recipe({"n_trees": 30}, n_folds=2))
        facts = {"task": "repurchase", "horizon_days": DAYS, "signals": [asdict(one) for one in rows.columns]}
        champion = Champion.load(save(model, folder / "model", facts), "shop.repurchase/1")
        for at in (SCORED_AT, LATE_AT):
            manifest = {"step": "score", "as_of": at.isoformat(), "config": config.resolved()}
            with replaced_folder(folder / "scores" / f"{at:%Y-%m-%d}", manifest) as place:
                told = score(shop, [champion], at, place, folder / f"work-{at:%m}", with_reasons=False)
                manifest |= told.as_dict()
    reference = json.loads(json.dumps(describe(rows.features, predicted(model, rows.features))))
    return Made(folder / "data", config, InUse(champion, reference, LEARNED_AT), folder / "scores")


@pytest.mark.slow
def test_a_stable_shop_is_left_in_peace_and_its_promises_are_kept(made: Made) -> None:
    found = made.look()
    assert found.faults == ()
    assert [one.scored.as_of for one in found.promises] == [SCORED_AT]
    assert [one.as_of for one in found.open_promises] == [LATE_AT]
    promise = found.promises[0]
    assert promise.word(0.1) == "kept"
    assert [group.name for group in promise.deciles] == [str(place) for place in range(1, 11)]
    assert promise.deciles[0].came.value > 2 * promise.deciles[-1].came.value
    assert sum(now for _then, now in found.stages.values()) == pytest.approx(1)
    page = found.page()
    assert not page.as_dict()["failed"]
    assert page.html().startswith("<!DOCTYPE html>")


@pytest.mark.slow
def test_what_a_scoring_has_left_is_watched_as_what_is_built_anew(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion, facts = made.in_use.champion, {"as_of": SCORED_AT.isoformat()}
    work = copytree(made.data.parent / f"work-{SCORED_AT:%m}", tmp_path / "work")
    leave_matrix(work, facts | {"models": {champion.name: {"model": champion.version}}}, tmp_path)
    assert left_matrix(None, facts) is left_matrix(tmp_path / "work", facts) is None
    assert left_matrix(tmp_path, {"as_of": ENDS_AT.isoformat()}) is None
    matrix = left_matrix(tmp_path, facts | {"models": {}})
    assert matrix is not None
    with made.opened() as shop:
        anew = monitor(shop, [made.in_use], (), SCORED_AT)
        younger = replace(made.in_use, champion=replace(champion, version="shop.repurchase/2"))
        of_another = monitor(shop, [younger], (), SCORED_AT, left=replace(matrix, signals=matrix.signals[:50]))
        monkeypatch.setattr(left, "build", None)
        found = monitor(shop, [made.in_use], (), SCORED_AT, left=matrix)
    assert found.page().as_dict() == anew.page().as_dict()
    assert found.drifts[0].signals == anew.drifts[0].signals == of_another.drifts[0].signals


@pytest.mark.slow
def test_a_planted_change_of_the_shop_is_found_and_named(made: Made, tmp_path: Path) -> None:
    for path in made.data.glob("*.parquet"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    orders = pd.read_parquet(made.data / "orders.parquet")
    orders["amount"] = orders["amount"] * 30  # as if cents were read for euros
    orders = orders[orders["ordered_at"] < pd.Timestamp(ENDS_AT - timedelta(days=60), tz="UTC")]  # the feed has stopped
    orders.to_parquet(tmp_path / "orders.parquet")
    people = pd.read_parquet(made.data / "customers.parquet").assign(region="Atlantis")
    people.to_parquet(tmp_path / "customers.parquet")
    found = made.look(tmp_path)
    told, drift = " ".join(found.faults), found.drifts[0]
    assert "'region' (100%) contain unseen categories" in told
    assert "repurchase: the scores have drifted (PSI" in told
    asked = Thresholds(score_stability=99.0, signal_stability=1.0)
    assert "'amount_total' (PSI" in " ".join(drift.faults(asked))
    moved = {one.name for one in drift.signals if one.is_beyond(1.0)}
    assert any(name.startswith("amount") for name in moved)
    assert "days_since_last_purchase" in moved
    assert not moved & {"gender", "age_years", "consent_email"}


@pytest.mark.slow
def test_a_broken_promise_is_told(made: Made, tmp_path: Path) -> None:
    source = made.scores / f"{SCORED_AT:%Y-%m-%d}"
    rows = pd.read_parquet(source / "repurchase.parquet")
    with made.opened() as shop:
        for factor, word in ((1.6, "promised too much"), (0.6, "promised too little")):
            place = tmp_path / word
            place.mkdir()
            (place / "manifest.json").write_bytes((source / "manifest.json").read_bytes())
            promised = np.minimum(1, rows["probability"] * factor)
            rows.assign(probability=promised).to_parquet(place / "repurchase.parquet")
            found = promise_of(shop, files_of_scores([place])[0])
            assert found.is_broken(0.1)
            assert found.words(0.1).startswith(word)


def test_few_customers_break_no_promise_and_keep_none() -> None:
    few = PromiseGroup("all", 20, 0.5, Estimate(0.1, 0.02, 0.3))
    assert not few.is_missed(0.1)
    wide = PromiseGroup("all", 40, 0.02, Estimate(0.025, 0.004, 0.13))
    assert promise_verdict(wide, 0.1) == "can't be told"
    assert promise_verdict(replace(wide, promised=0.5), 0.1) == "promised too much"


def test_folders_that_hold_no_scores_are_passed_by(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text('{"step": "train"}')
    assert files_of_scores([tmp_path, tmp_path / "absent"]) == list[ScoreFile]()


def test_a_promise_is_over_after_the_gap_that_the_model_learned_with(tmp_path: Path) -> None:
    facts = {"kind": "probability", "model": "small.mine/1", "horizon_days": 30, "gap_days": 3}
    told = {"step": "score", "as_of": "2025-03-01T00:00:00", "config": {"tasks": {}}, "tasks": {"mine": facts}}
    (tmp_path / "manifest.json").write_text(json.dumps(told))
    assert [one.over_at for one in files_of_scores([tmp_path])] == [datetime(2025, 4, 3)]


def test_the_report_speaks_of_days_and_times_by_the_shops_clock(tmp_path: Path) -> None:
    night = datetime(2025, 6, 30, 22)
    scored = ScoreFile(tmp_path, "mine", "probability", "small.mine/1", night, 0, 30)
    kept = Promise(scored, PromiseGroup("all", 100, 0.5, Estimate(0.5, 0.4, 0.6)), (), ())
    found = Monitored(night, None, Thresholds(), (), {}, (kept,), (scored,), "Europe/Berlin")
    page = found.page()
    assert page.lead.startswith("At 2025-07-01 00:00 +02:00.")
    assert "mine of 2025-07-01 until 2025-07-31" in page.notes[1]
    assert [row["scored"] for row in page.tables[0].rows] == ["2025-07-01"]
    assert page.tables[1].title == "mine, scored at 2025-07-01"


def test_what_is_off_without_being_surely_off_is_not_called_kept() -> None:
    group = PromiseGroup("all", 2000, 0.111, Estimate(0.1, 0.0974, 0.1028))  # +11 % (+8 to +14)
    assert promise_verdict(group, 0.1) == "can't be told"
    assert promise_verdict(replace(group, promised=0.105), 0.1) == "kept"
    assert promise_verdict(replace(group, promised=0.12), 0.1) == "promised too much"
