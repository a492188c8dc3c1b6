"""A notebook starts from the rows that a training learns from and is judged on."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pandas as pd

from penchant.training.rows_file import write_rows


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
