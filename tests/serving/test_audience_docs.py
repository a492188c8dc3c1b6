"""The page about audiences names what there is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd

from penchant.serving.audience import AudienceSettings, draw_audience
from penchant.serving.exclusions import Wave
from penchant.serving.export import load_destination
from penchant.serving.goals import GOALS
from penchant.serving.plan_file import SEQUENCES, TESTS, TRIGGERS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "audiences.md").read_text(encoding="utf-8")


def test_every_column_of_the_record_is_told_and_no_other(people: Callable[..., pd.DataFrame]) -> None:
    ask = AudienceSettings(Wave("spring", 1, datetime(2025, 3, 1)))
    record = draw_audience(people(100), None, GOALS["retain"], ask).record
    table = PAGE[PAGE.index("| column of") : PAGE.index("## Plans")]
    told = [name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split(" | ")[0])]
    assert sorted(told) == sorted(record.columns)


def test_every_word_of_a_plan_is_told() -> None:
    assert all(f'"{name}"' in PAGE for name in (*SEQUENCES, *TESTS, *TRIGGERS))


def test_the_destination_that_is_shown_is_one(tmp_path: Path) -> None:
    shown = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]
    (tmp_path / "to.toml").write_text(shown)
    assert load_destination(tmp_path / "to.toml").columns["customer_id"] == "kunde"
