"""What was found clean is not held against the rules again: for the same files and configuration alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from penchant.config import load_config
from penchant.features.intake.clean import known_clean, remember, state_of
from penchant.features.workspace import Workspace

TOML = """
[shop]
name = "tea"

[tables.orders]
path = "orders.parquet"

[tables.customers]
path = "customers.parquet"
"""


def opened(folder: Path) -> Workspace:
    return Workspace(load_config(folder / "penchant.toml"), folder)


def state(workspace: Workspace) -> str | None:
    return state_of(workspace.config, workspace.sources())


def known(workspace: Workspace) -> dict[str, int]:
    return dict(known_clean(workspace.clean_tables, state(workspace)))


def write_shop(folder: Path, amounts: tuple[float, ...] = (5.0, 7.5)) -> Workspace:
    ids = [f"c{number}" for number in range(len(amounts))]
    at = pd.to_datetime("2025-03-01") + pd.to_timedelta(range(len(ids)), unit="D")
    pd.DataFrame({"customer_id": ids, "ordered_at": at, "amount": amounts}).to_parquet(folder / "orders.parquet")
    pd.DataFrame({"customer_id": ids}).to_parquet(folder / "customers.parquet")
    (folder / "penchant.toml").write_text(TOML)
    return opened(folder)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    return write_shop(tmp_path)


def test_clean_tables_are_remembered_and_give_the_same_shop(work: Workspace) -> None:
    with work.shop() as first:
        report, rows = first.report, first.tables["orders"].to_pandas()
    assert known(work) == {"orders": 2, "customers": 2}
    with work.shop() as again:
        assert again.report == report
        pd.testing.assert_frame_equal(again.tables["orders"].to_pandas(), rows)


def test_another_file_is_looked_at_anew(work: Workspace, tmp_path: Path) -> None:
    with work.shop():
        pass
    before = state(work)
    later = write_shop(tmp_path, (5.0, -7.5))
    assert state(later) != before
    with later.shop() as shop:
        assert {found.rule for found in shop.report.tables["orders"].findings} == {"negative_amount"}
        assert "orders" not in shop.clean
    assert "orders" not in known(later)


def test_another_rule_is_another_state(work: Workspace, tmp_path: Path) -> None:
    before = state(work)
    (tmp_path / "penchant.toml").write_text(TOML + "\n[rules]\nnegative_amount = 'ignore'\n")
    assert state(opened(tmp_path)) != before


def test_what_a_query_gives_is_never_remembered(work: Workspace, tmp_path: Path) -> None:
    query = TOML.replace('path = "orders.parquet"', "query = \"from 'orders.parquet'\"")
    (tmp_path / "penchant.toml").write_text(query)
    workspace = opened(tmp_path)
    assert state(workspace) is None
    with workspace.shop():
        pass
    assert not workspace.clean_tables.exists()


def test_a_damaged_memory_is_none(work: Workspace) -> None:
    work.clean_tables.parent.mkdir(parents=True)
    work.clean_tables.write_text("{")
    assert known(work) == {}
    remember(work.clean_tables, state(work), {"orders": 2})
    assert known(work) == {"orders": 2}


def test_where_nothing_can_be_written_nothing_is_remembered(work: Workspace, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder would be")
    with work.shop() as shop:
        assert shop.clean
    assert known(work) == {}
