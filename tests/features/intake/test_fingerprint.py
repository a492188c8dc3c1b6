"""What a shop is made of is told by content, wherever the configuration finds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penchant.config import Config, load_config, read_config
from penchant.features.intake.fingerprint import is_unknown, module_hashes, source_hashes
from penchant.features.shop import open_shop


def config(**source: Any) -> Config:
    return read_config({"tables": {"orders": source}})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data [2]"
    folder.mkdir()
    for name in ("a.csv", "b.csv", "b[1].csv", "b1.csv"):
        (folder / name).write_text("customer_id,ordered_at,amount\nx,2024-01-01,5\n")
    return folder


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ({"path": "*.csv"}, {"a.csv", "b.csv", "b[1].csv", "b1.csv"}),
        ({"path": "b[1].csv"}, {"b[1].csv"}),
        ({"path": "b[.1]*csv"}, {"b.csv", "b1.csv"}),
        ({"query": "select replace(amount, ',', '.') from 'a.csv' join 'b?.csv' using (x)"}, {"a.csv", "b1.csv"}),
        ({"query": "select 'it is b.csv' as t from 'a.csv'"}, {"a.csv"}),
        ({"query": "with z as (from 'a.csv') select * from z, range(3)"}, {"a.csv"}),
        ({"query": "select * from read_csv('b.csv', delim = ';')"}, {"b.csv"}),
    ],
)
def test_the_files_of_a_source_are_hashed_and_no_others(data: Path, source: dict[str, str], names: set[str]) -> None:
    found = source_hashes(config(**source), data)
    assert set(found) == names
    assert not any(map(is_unknown, found.values()))


def test_an_absolute_pattern_is_hashed_too_and_no_manifest_tells_its_folder(data: Path, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    for name in ("c1.csv", "c2.csv"):
        (tmp_path / "more" / name).write_text("x\n")
    found = source_hashes(config(path=f"{tmp_path}/more/c*.csv"), data)
    assert {name.split("/")[-1] for name in found} == {"c1.csv", "c2.csv"}
    assert not any(str(tmp_path) in name for name in found)


@pytest.mark.parametrize(
    "source",
    [
        {"address": "postgresql://shop@host/db", "table": "orders"},
        {"query": "select * from query('select 1')"},
        {"query": "select * from read_csv(getvariable('x'))"},
        {"query": "no sql at all ("},
    ],
)
def test_what_cannot_be_told_by_content_is_said_to_be_unknown(data: Path, source: dict[str, str]) -> None:
    assert any(map(is_unknown, source_hashes(config(**source), data).values()))


def test_what_a_query_reads_by_its_own_readers_is_looked_for_where_all_files_are(data: Path) -> None:
    with open_shop(config(query="select * from read_csv('b.csv')"), data) as shop:
        assert shop.tables["orders"].count().execute() == 1


def test_modules_are_hashed_where_the_configuration_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    for folder in (home, away):
        folder.mkdir()
        (folder / "own.py").write_text(f"# {folder.name}\n")
        (folder / "penchant.toml").write_text('modules = ["own.py", "found_by_name"]\n')
    (home / "found_by_name.py").write_text("GROUPS = ()\n")
    monkeypatch.chdir(away)
    monkeypatch.syspath_prepend(str(home))
    here = module_hashes(load_config(home / "penchant.toml"))
    assert here["own.py"] != module_hashes(load_config(away / "penchant.toml"))["own.py"]
    (home / "found_by_name.py").write_text("GROUPS = (1,)\n")
    assert module_hashes(load_config(home / "penchant.toml"))["found_by_name"] != here["found_by_name"]
    (home / "own.py").unlink()
    assert is_unknown(module_hashes(load_config(home / "penchant.toml"))["own.py"])
