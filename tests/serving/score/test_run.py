"""Scoring: everyone eligible, each with the score of each model, whatever the batches and whenever a run was killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from penchant.errors import NoModelError, TooLittleDataError
from penchant.features.catalogue import task_of
from penchant.features.matrix import build
from penchant.features.outcomes.labels import eligible
from penchant.features.shop import Shop
from penchant.features.spine import Spine
from penchant.models.estimators.sklearn_model import SklearnModel
from penchant.models.store.artifact import save
from penchant.output import files_in, replaced_folder
from penchant.serving.candidates.conditions import is_known
from penchant.serving.candidates.from_shop import known_at
from penchant.serving.candidates.gather import candidates_for
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.goals.eligible import of_goal
from penchant.serving.score import ready
from penchant.serving.score import run as scoring
from penchant.serving.score.champion import Champion
from penchant.serving.score.files import decile_of, is_whole, read_scores, read_signals

pytestmark = pytest.mark.filterwarnings("ignore:.*did not converge")


@pytest.fixture(scope="module")
def shop(small: ModuleType) -> Iterator[Shop]:
    with small.shop() as shop:
        yield shop


@pytest.fixture(scope="module")
def champions(small: ModuleType, shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> list[Champion]:
    return small.champions(small.write_champions(shop, tmp_path_factory.mktemp("models")))


Run = Callable[..., Path]


def test_an_estimator_of_others_scores_in_the_same_batch(
    small: ModuleType, shop: Shop, champions: list[Champion], run: Run, tmp_path: Path
) -> None:
    ours = next(one for one in champions if one.name == "repurchase")
    rows = eligible(shop, task_of(shop.config, "repurchase"), Spine.at(shop, small.AS_OF))
    signals = build(shop, Spine.of(shop, rows)).frame[[column.name for column in ours.columns]]
    model = SklearnModel("histogram", lambda: HistGradientBoostingClassifier(max_iter=5, random_state=0))
    model.fit(signals, np.random.default_rng(1).random(len(signals)) < 0.4)
    declared = [asdict(column) for column in ours.columns]
    facts = {"task": "repurchase", "horizon_days": 60, "signals": declared}
    theirs = Champion.load(save(model, tmp_path / "model", facts), "small.repurchase/2")
    assert theirs.kind == "probability"
    found = pq.read_table(run(tmp_path / "out", use=[theirs]) / "repurchase.parquet").to_pandas()
    assert found["customer_id"].tolist() == sorted(rows["customer_id"])
    by_id = pd.Series(model.predict(signals), index=rows["customer_id"].to_numpy())
    assert np.array_equal(found["probability"], by_id.loc[found["customer_id"]])
    assert found["reason_1"].notna().mean() > 0.5


@pytest.fixture(scope="module")
def run(small: ModuleType, shop: Shop, champions: list[Champion]) -> Run:
    """Return a function that scores into a folder, as the command does."""

    def made(folder: Path, key: str = "key", use: list[Champion] | None = None, **more: Any) -> Path:
        manifest: dict[str, Any] = {"step": "score", "key": key, "as_of": small.AS_OF.isoformat()}
        with replaced_folder(folder, manifest) as place:
            with scoring.work_folder(folder, key) as work:
                found = scoring.score(shop, use or champions, small.AS_OF, place, work, **more)
            manifest |= found.as_dict()
        return folder

    return made


@pytest.fixture(scope="module")
def out(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of scores, in batches of 64."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "BATCH", 64)
        return run(tmp_path_factory.mktemp("scores") / "out")


def test_everyone_eligible_has_the_models_own_score_under_their_own_id(
    small: ModuleType, shop: Shop, champions: list[Champion], out: Path
) -> None:
    for one in champions:
        if one.goal is not None:
            continue
        rows = eligible(shop, task_of(shop.config, one.task), Spine.at(shop, small.AS_OF))
        frame = build(shop, Spine.of(shop, rows)).frame.set_index("customer_id")
        signals = frame[[column.name for column in one.columns]]
        wanted = one.model.predict(signals) if one.kind == "amount" else one.model.predict_proba(signals)[:, 1]
        found = pd.read_parquet(out / f"{one.name}.parquet").set_index("customer_id")
        name = {"churn": "churn_probability", "value": "expected_amount"}.get(one.name, "probability")
        assert set(found.index) == set(rows["customer_id"])
        pd.testing.assert_series_equal(
            found[name].reindex(signals.index), pd.Series(wanted, signals.index), check_names=False
        )


def test_an_uplift_is_of_whoever_is_eligible_for_its_goal(small: ModuleType, shop: Shop, out: Path) -> None:
    known = known_at(shop, small.AS_OF).frame.set_index("customer_id")
    found = pd.read_parquet(out / "uplift.retain.parquet").set_index("customer_id")
    assert set(found.index) == set(known.index[known["stage"].isin(["new", "regular", "loyal"])])
    often = known["n_orders"].reindex(found.index) > 2
    assert found["uplift"].tolist() == np.where(often, 0.05, 0.01).tolist()
    assert found.loc[often.to_numpy(), "decile"].max() <= found.loc[~often.to_numpy(), "decile"].min()


def test_the_risk_list_is_for_people_and_all_other_files_are_by_customer(out: Path) -> None:
    listed = pd.read_parquet(out / "churn.parquet")
    assert listed["churn_probability"].is_monotonic_decreasing
    for_people = pd.read_csv(out / "churn.csv", dtype=str)
    assert for_people["customer_id"].tolist() == listed["customer_id"].tolist()
    assert for_people["churn_probability"].str.len().max() <= len("0.1234")
    assert for_people["days_since_last_order"].astype(float).to_numpy() == pytest.approx(
        listed["days_since_last_order"].to_numpy(), abs=0.05
    )
    for name in ("repurchase", "value", "conversion"):
        rows = pd.read_parquet(out / f"{name}.parquet")
        assert rows["customer_id"].is_monotonic_increasing
        assert set(rows["decile"]) <= set(range(1, 11))
        assert rows["reason_1"].notna().any() or name == "conversion"  # too few customers for a tree
    told = json.loads((out / "manifest.json").read_text())
    assert told["tasks"]["churn"]["n_customers"] == len(listed) == sum(told["tasks"]["churn"]["bands"].values())


def test_the_next_order_of_every_buyer_stands_beside_and_on_the_lists(small: ModuleType, shop: Shop, out: Path) -> None:
    found = pd.read_parquet(out / "next_order.parquet").set_index("customer_id")
    known = known_at(shop, small.AS_OF).frame.set_index("customer_id")
    assert set(found.index) == set(known.index[known["n_orders"] > 0])
    told = json.loads((out / "manifest.json").read_text())["next_order"]
    assert told["n_customers"] == len(found)
    listed = pd.read_csv(out / "churn.csv", dtype={"customer_id": str}).set_index("customer_id")
    assert listed["p_alive"].to_numpy() == pytest.approx(found["p_alive"].reindex(listed.index).to_numpy(), abs=1e-4)
    goal = GOALS["retain"]
    people = candidates_for(known_at(shop, small.AS_OF), [goal], read_scores(out), read_signals(out)).frame
    chances = people.set_index("customer_id")["p_order_30d"]
    pd.testing.assert_series_equal(chances.dropna(), found["p_order_30d"], check_names=False)
    assert is_known(shop, "p_order_30d")


def test_a_run_that_was_killed_goes_on_and_comes_to_the_same_bytes(
    run: Run, out: Path, champions: list[Champion], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "BATCH", 64)

    def stop(n_rows: int, _all: int) -> None:
        if n_rows > 64:
            raise KeyboardInterrupt("stopped")

    with pytest.raises(KeyboardInterrupt, match="stopped"):
        run(tmp_path / "killed", done=stop)
    left = sorted((tmp_path / ".killed.work" / "key" / "value").iterdir())
    assert len(left) == 2
    seen = []
    scored = Champion.scored

    def counted(one: Champion, features: pd.DataFrame, **options: Any) -> Any:
        seen.append((one.name, len(features)))
        return scored(one, features, **options)

    monkeypatch.setattr(Champion, "scored", counted)
    monkeypatch.setattr(scoring, "build", None)  # the signals are there
    assert files_in(run(tmp_path / "killed")) == files_in(out)
    assert 0 < len(seen) < 2 * len(champions) + 1
    assert not (tmp_path / ".killed.work").exists()


def test_scores_without_reasons_are_the_same_scores(run: Run, out: Path, tmp_path: Path) -> None:
    bare = run(tmp_path / "bare", with_reasons=False)
    for name in ("churn", "value"):
        full, less = (pd.read_parquet(folder / f"{name}.parquet") for folder in (out, bare))
        pd.testing.assert_frame_equal(full[[c for c in full if not c.startswith("reason")]], less)


def test_what_was_left_by_other_inputs_is_not_used(run: Run, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt, match="stopped"):
        run(tmp_path / "out", key="one", done=_interrupt)
    assert (tmp_path / ".out.work" / "one" / "features.parquet").is_file()
    with scoring.work_folder(tmp_path / "out", "two") as work:
        assert not list(work.iterdir())
        assert not (tmp_path / ".out.work" / "one").exists()


def _interrupt(_rows: int, _all: int) -> None:
    raise KeyboardInterrupt("stopped")


def test_a_changed_or_lost_file_is_not_taken_for_the_result(out: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(out, tmp_path / "copy"))
    assert is_whole(copy, "key")
    assert not is_whole(copy, "another")
    (copy / "value.parquet").write_bytes(b"")
    assert not is_whole(copy, "key")


def test_a_model_that_the_shop_cannot_feed_is_left_out_by_name(
    small: ModuleType, shop: Shop, champions: list[Champion], run: Run, tmp_path: Path
) -> None:
    churn = champions[0]
    odd = Champion(churn.model, "margin", 60, churn.columns, "small.margin/1")
    told = json.loads((run(tmp_path / "out", use=[churn, odd]) / "manifest.json").read_text())
    assert list(told["tasks"]) == ["churn"]
    assert "items.unit_cost" in told["left_out"]["margin"]
    nobody = small.AS_OF.replace(year=2020)
    with pytest.raises(TooLittleDataError, match="eligible"):
        scoring.score(shop, [churn], nobody, tmp_path, tmp_path / "work")
    with pytest.raises(NoModelError, match="one champion or more"):
        scoring.score(shop, [], small.AS_OF, tmp_path, tmp_path / "work")


def test_audiences_take_the_scores_as_they_are(small: ModuleType, shop: Shop, out: Path) -> None:
    scores = {score.task: score for score in read_scores(out)}
    assert set(scores) == {"churn", "repurchase", "value", "conversion", "uplift"}
    assert (scores["uplift"].goal, scores["churn"].horizon_days) == ("retain", 60)
    goal = GOALS["retain"]
    found = candidates_for(known_at(shop, small.AS_OF), [goal], list(scores.values()), read_signals(out))
    people = of_goal(found.frame, "retain")
    churn = pd.read_parquet(out / "churn.parquet").set_index("customer_id")["churn_probability"]
    asked = people[people["customer_id"].isin(churn.index)].set_index("customer_id")
    stays = 1 - churn.reindex(asked.index)
    np.testing.assert_allclose(asked["propensity"], 1 - (1 - stays) ** (goal.horizon_days / 60))
    assert found.scores["retain"] == ("small.uplift.retain/1", "small.churn/1", "small.value/1")
    assert [score.task for score in read_scores(out, ["value"])] == ["value"]


@pytest.mark.parametrize(("sources", "is_same"), [({"orders": "1a"}, True), ({"orders": "2b"}, False)])
def test_a_folder_named_by_hand_brings_what_was_known_if_the_data_are_the_same(
    small: ModuleType, out: Path, monkeypatch: pytest.MonkeyPatch, sources: dict[str, str], is_same: bool
) -> None:
    manifest = {**(ready.read_manifest(out) or {}), "sources": {"orders": "1a"}}
    facts = {"as_of": small.AS_OF.isoformat(), "sources": sources, "models": {}}
    monkeypatch.setattr(ready, "read_manifest", lambda _folder: manifest)
    monkeypatch.setattr(ready, "facts_of", lambda *_given: facts)
    found = ready.scores_for(None, None, small.AS_OF, [GOALS["retain"]], None, out, None)
    assert (found.known is not None) == is_same
    assert found.scores


def test_equal_scores_share_a_decile_and_no_score_is_in_none() -> None:
    assert decile_of(np.ones(7)).tolist() == [6] * 7
    assert decile_of(np.array([3.0])).tolist() == [10]
    assert np.bincount(decile_of(np.random.default_rng(0).random(100)))[1:].tolist() == [10] * 10


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_step_of_scoring_a_rerun_comes_to_the_same_bytes(tmp_path: Path) -> None:
    script = Path(__file__).parents[1] / "killed.py"
    for name in ("work", "scratch"):
        (tmp_path / name).mkdir()
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    alone["TMPDIR"] = str(tmp_path / "scratch")
    done = subprocess.run(
        [sys.executable, str(script), "score", str(tmp_path / "work"), "7"],
        capture_output=True,
        text=True,
        env=alone,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    facts = json.loads(done.stdout)
    assert facts["differ"]
    assert facts["steps"] >= 7
    assert facts["kept"] >= 5


def test_the_columns_of_a_file_say_what_is_in_it(out: Path) -> None:
    names = pq.read_schema(out / "repurchase.parquet").names
    wanted = ["customer_id", "probability", "decile", "reason_1", "reason_2", "reason_3", "as_of", "model_version"]
    assert names == wanted
