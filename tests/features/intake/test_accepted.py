"""Accepted rows are opened from where they were stored: for the same files and configuration alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from penchant.config import load_config
from penchant.features.intake import ingest
from penchant.features.intake.accepted import UNUSED_SECONDS, state_of
from penchant.features.intake.check import check
from penchant.features.shop import Shop
from penchant.features.workspace import Workspace

TOML = """
[shop]
name = "tea"

[tables.orders]
path = "orders.csv"

[tables.interactions]
path = "visits.parquet"

[tables.customers]
path = "customers.csv"
"""
ORDERS = """customer_id,ordered_at,amount,status
b,2025-03-02 10:00:00,7.5,paid
 a ,2025-03-01 09:00:00,5,paid
a,2025-03-01 09:00:00,5,paid
a,2025-03-03,-1,paid
c,2025-03-09,abc,paid
d,2025-03-04,3,refunded
"""


def opened(folder: Path) -> Workspace:
    return Workspace(load_config(folder / "penchant.toml"), folder)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "customers.csv").write_text("customer_id,birth_year,vip\na,1980,yes\na,1981,no\nb,1800,\n")
    visits = {"customer_id": [7.0, float("nan")], "occurred_at": pd.to_datetime(["2025-01-01"] * 2), "kind": "view"}
    pd.DataFrame(visits).to_parquet(tmp_path / "visits.parquet")
    (tmp_path / "penchant.toml").write_text(TOML)
    return opened(tmp_path)


def rows_of(shop: Shop) -> dict[str, Any]:
    return {
        name: sorted(map(str, table.to_pyarrow().select(sorted(table.columns)).to_pylist()))
        for name, table in shop.tables.items()
    }


def unread(*_: object) -> None:
    raise AssertionError("the files were read again")


def test_rows_at_fault_or_not_the_next_opening_reads_none_of_the_files(
    work: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with work.shop() as first:
        rows, schema = rows_of(first), {name: table.schema() for name, table in first.tables.items()}
    assert len(rows["orders"]) == 4
    monkeypatch.setattr(ingest, "plan_table", unread)
    with opened(work.data_folder).shop() as again:
        assert again.report == first.report
        assert again.extract_end == first.extract_end
        assert rows_of(again) == rows
        assert {name: table.schema() for name, table in again.tables.items()} == schema
    stored = pq.read_table(work.accepted.place / "orders.parquet").to_pydict()
    assert stored["customer_id"] == ["a", "a", "b", "d"]
    assert stored["amount"] == [500, 500, 750, 300]


def test_check_writes_what_was_set_aside_and_stores_rows_for_the_commands_that_follow(
    work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with work.shop():
        pass
    report = check(work.config, tmp_path, tmp_path / "aside", work.accepted)
    assert len(report.quarantine) == 6
    monkeypatch.setattr(ingest, "plan_table", unread)
    with work.shop() as shop:
        assert shop.report.quarantine == ()
        assert shop.report.tables == report.tables


def test_another_content_or_rule_is_another_state(work: Workspace, tmp_path: Path) -> None:
    states = {work.accepted.state}
    (tmp_path / "orders.csv").write_text(ORDERS.replace("7.5", "7.6"))
    states.add(opened(tmp_path).accepted.state)
    for more in ("[rules]\nnegative_amount = 'warn'\n", "[ids]\nmerge = ['customer_id']\n"):
        (tmp_path / "penchant.toml").write_text(TOML + more)
        states.add(opened(tmp_path).accepted.state)
    assert len(states) == 4
    (tmp_path / "penchant.toml").write_text(TOML + "[score]\nbands = { high = 0.5 }\n")
    assert opened(tmp_path).accepted.state == state_of(work.config, opened(tmp_path).sources())


def test_rows_of_other_files_are_read_anew_and_those_unused_are_removed(work: Workspace, tmp_path: Path) -> None:
    with work.shop():
        pass
    former = work.accepted.place
    (tmp_path / "orders.csv").write_text(ORDERS.replace("7.5", "7.6"))
    with opened(tmp_path).shop() as shop:
        assert 760 in list(shop.tables["orders"].amount.execute())
    assert former.is_dir()  # another command may be reading it
    old = former.stat().st_mtime - 2 * UNUSED_SECONDS
    os.utime(former, (old, old))
    (tmp_path / "orders.csv").write_text(ORDERS.replace("7.5", "7.7"))
    with opened(tmp_path).shop():
        pass
    assert not former.exists()


def test_what_a_database_gives_is_never_stored(work: Workspace, tmp_path: Path) -> None:
    import duckdb

    with duckdb.connect(str(tmp_path / "shop.db")) as database:
        database.execute("create table o as from read_csv('orders.csv')")
    toml = TOML.replace('path = "orders.csv"', "query = \"select * from query('select 1')\"")
    (tmp_path / "penchant.toml").write_text(toml)
    assert opened(tmp_path).accepted.state is None
    query = TOML.replace('path = "orders.csv"', "query = \"select *, now() as at from 'orders.csv'\"")
    (tmp_path / "penchant.toml").write_text(query)
    assert opened(tmp_path).accepted.state is None


@pytest.mark.parametrize("damage", ["manifest.json", "report.json", "orders.parquet", "nothing written"])
def test_what_is_damaged_or_cannot_be_written_is_read_from_the_files(
    work: Workspace, tmp_path: Path, damage: str
) -> None:
    if damage == "nothing written":
        (tmp_path / "out").write_text("a file where the folder would be")
    else:
        with work.shop():
            pass
        (work.accepted.place / damage).write_text("{")
    for _ in range(2):
        with opened(tmp_path).shop() as shop:
            assert len(rows_of(shop)["orders"]) == 4
