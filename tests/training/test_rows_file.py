"""A notebook starts from the rows that a training learns from and is judged on."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.models.evaluation.metrics import evaluate
from penchant.training.rows_file import scores_of_rows, write_rows
from penchant.training.versions.compare import standings


def test_the_rows_are_those_of_a_training_split_as_it_splits_them(planted: ModuleType, tmp_path: Path) -> None:
    data = planted.material(50)
    counts = write_rows(data, tmp_path)
    frame = pd.read_parquet(tmp_path / "rows.parquet")
    assert counts == {"train": len(data.past), "test": len(data.test), "refit": 50}
    train = frame[frame["split"] == "train"]
    assert set(train["as_of"]) == set(pd.to_datetime(list(data.schedule.train)))
    assert (train["as_of"] + data.schedule.reach <= data.schedule.test).all()
    assert (frame.loc[frame["split"] == "test", "as_of"] == data.schedule.test).all()
    signals = list(data.rows.features.columns)
    pd.testing.assert_frame_equal(frame[signals], data.rows.features)
    assert frame["label"].tolist() == data.rows.label.tolist()
    told = json.loads((tmp_path / "columns.json").read_text(encoding="utf-8"))
    assert [column["name"] for column in told["columns"]] == signals


def test_scores_made_elsewhere_are_judged_on_the_same_rows(planted: ModuleType, tmp_path: Path) -> None:
    data = planted.material(50)
    write_rows(data, tmp_path)
    frame = pd.read_parquet(tmp_path / "rows.parquet").sample(frac=1, random_state=0)
    chance = frame["strong"].rank(pct=True)
    frame.assign(score=chance)[["customer_id", "as_of", "score"]].to_parquet(tmp_path / "mine.parquet")
    score = scores_of_rows(tmp_path / "mine.parquet", data)
    assert score == pytest.approx(chance[frame["split"] == "test"].sort_index().to_numpy())
    found = standings(data, [], {"notebook": score})
    place = next(place for place in found.places if place.name == "notebook")
    assert place.what == "elsewhere"
    expected = evaluate(data.test.label, score, groups=data.test.customer_id)["auc"].value
    assert place.metrics["auc"].value == pytest.approx(expected)
    assert "notebook" not in [baseline.name for baseline in found.baselines]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="score"), "none called 'score'"),
        (lambda f: f[1:], r"none for 1 of 50: 'c0'"),
        (lambda f: pd.concat([f, f[:1]]), "several for 'c0'"),
        (lambda f: f.assign(score=3.0), r"within 0 and 1.*3 to 3"),
        (lambda f: f.assign(score="x"), r"none for 50 of 50"),
    ],
)
def test_scores_that_do_not_fit_are_refused_in_words(
    planted: ModuleType, tmp_path: Path, change: Any, message: str
) -> None:
    data = planted.material(50)
    change(pd.DataFrame({"customer_id": data.test.customer_id, "score": 0.5})).to_csv(tmp_path / "s.csv", index=False)
    with pytest.raises(InputError, match=message):
        scores_of_rows(tmp_path / "s.csv", data)
