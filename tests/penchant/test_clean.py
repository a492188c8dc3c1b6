"""What was found clean is not held against the rules again: for the same files and configuration alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from penchant.cli.clean import known_clean, place_of, remember, state_of
from penchant.cli.work import Work

TOML = """
[shop]
name = "tea"

[tables.orders]
path = "orders.parquet"

[tables.customers]
path = "customers.parquet"
"""


def write_shop(folder: Path, amounts: tuple[float, ...] = (5.0, 7.5)) -> Work:
    ids = [f"c{number}" for number in range(len(amounts))]
    at = pd.to_datetime("2025-03-01") + pd.to_timedelta(range(len(ids)), unit="D")
    pd.DataFrame({"customer_id": ids, "ordered_at": at, "amount": amounts}).to_parquet(folder / "orders.parquet")
    pd.DataFrame({"customer_id": ids}).to_parquet(folder / "customers.parquet")
    (folder / "penchant.toml").write_text(TOML)
    return Work(folder / "penchant.toml", None, as_json=True)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.chdir(tmp_path)
    return write_shop(tmp_path)


def test_clean_tables_are_remembered_and_give_the_same_shop(work: Work) -> None:
    with work.shop() as first:
        report, rows = first.report, first.tables["orders"].to_pandas()
    assert known_clean(work, state_of(work)) == {"orders": 2, "customers": 2}
    with work.shop() as again:
        assert again.report == report
        pd.testing.assert_frame_equal(again.tables["orders"].to_pandas(), rows)


def test_another_file_is_looked_at_anew(work: Work, tmp_path: Path) -> None:
    with work.shop():
        pass
    before = state_of(work)
    later = write_shop(tmp_path, (5.0, -7.5))
    assert state_of(later) != before
    with later.shop() as shop:
        assert {found.rule for found in shop.report.tables["orders"].findings} == {"negative_amount"}
        assert "orders" not in shop.clean
    assert "orders" not in known_clean(later, state_of(later))


def test_another_rule_is_another_state(work: Work, tmp_path: Path) -> None:
    before = state_of(work)
    (tmp_path / "penchant.toml").write_text(TOML + "\n[rules]\nnegative_amount = 'ignore'\n")
    assert state_of(Work(tmp_path / "penchant.toml", None, as_json=True)) != before


def test_what_a_query_gives_is_never_remembered(work: Work, tmp_path: Path) -> None:
    query = TOML.replace('path = "orders.parquet"', "query = \"from 'orders.parquet'\"")
    (tmp_path / "penchant.toml").write_text(query)
    asked = Work(tmp_path / "penchant.toml", None, as_json=True)
    assert state_of(asked) is None
    with asked.shop():
        pass
    assert not place_of(asked).exists()


def test_a_damaged_memory_is_none(work: Work) -> None:
    place_of(work).parent.mkdir(parents=True)
    place_of(work).write_text("{")
    assert known_clean(work, state_of(work)) == {}
    remember(work, state_of(work), {"orders": 2})
    assert known_clean(work, state_of(work)) == {"orders": 2}


def test_where_nothing_can_be_written_nothing_is_remembered(work: Work, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder would be")
    with work.shop() as shop:
        assert shop.clean
    assert known_clean(work, state_of(work)) == {}
