"""The page about audiences names what there is."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd

from penchant.config import load_config
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Wave, protection_of
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.export.files import load_destination
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.plan.sections import SEQUENCES, TESTS, TRIGGERS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "audiences.md").read_text(encoding="utf-8")


def test_every_column_of_the_record_is_told_and_no_other(people: Callable[..., pd.DataFrame]) -> None:
    ask = AudienceSettings(Wave("spring", 1, datetime(2025, 3, 1)))
    ahead = {"p_alive": 0.5, "expected_amount_12m": 9.0, "expected_margin_12m": 3.0}
    known = people(100, **ahead, next_order_at=pd.Timestamp("2025-04-01"))
    record = draw_audience(known, None, GOALS["retain"], ask).record
    table = PAGE[PAGE.index("| column of `assignments") : PAGE.index("## Standing programmes")]
    told = [name for line in table.splitlines()[2:] for name in re.findall(r"`([a-z]\w+)`", line.split(" | ")[0])]
    assert sorted(told) == sorted(record.columns)


def test_every_word_of_a_plan_is_told() -> None:
    assert all(f'"{name}"' in PAGE for name in (*SEQUENCES, *TESTS, *TRIGGERS))


def test_the_destination_and_the_protection_that_are_shown_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "to.toml").write_text(shown("address = "))
    assert load_destination(tmp_path / "to.toml").columns["customer_id"] == "kunde"
    (tmp_path / "penchant.toml").write_text(shown("[protection]"))
    protection = protection_of(load_config(tmp_path / "penchant.toml"))
    assert [cap.channel for cap in protection.caps] == [None, None, "sms"]


def shown(beginning: str) -> str:
    """Return the example of the page that begins so."""
    blocks = (textwrap.dedent(block) for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
    return next(block for block in blocks if block.startswith(beginning))
