"""The generated pages are those that are committed, and leave nothing out."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from penchant import docs
from penchant.contract_page import contract_page
from penchant.features.catalogue import GROUPS
from penchant.features.contract import CONTRACT

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_pages_are_what_the_declarations_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs.main(["--check"]) == 0, capsys.readouterr().out


def test_every_declared_column_stands_in_the_dictionary_once() -> None:
    told = re.findall(r"^\| `(\w+?)(?:\{([\d,]+)\}d)?` \|", docs.features_page(), flags=re.MULTILINE)
    names = [f"{name}{days}d" if days else name for name, windows in told for days in windows.split(",")]
    declared = [column.name for group in GROUPS for column in group.columns()]
    assert sorted(names) == sorted(declared)


def test_every_column_of_the_contract_stands_in_its_table() -> None:
    page = contract_page()
    for table in CONTRACT.values():
        section = page.split(f"## {table.name}\n")[1].split("\n## ")[0]
        rows = re.findall(
            r"^\| (?:\*\*|`)(\w+)(?:\*\*|`) \| .+ \| (\w+) \| `.+` \| .* \|$", section, flags=re.MULTILINE
        )
        assert rows == [(column.name, column.kind) for column in table.columns]
    assert "signals of monetary" in page.split("`amount`")[1].split("\n")[0]


def test_a_stale_page_is_told_and_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(docs, "FOLDER", tmp_path)
    (tmp_path / "features.md").write_text("old")
    assert docs.main(["--check"]) == 1
    assert "docs/features.md is not what the declarations say" in capsys.readouterr().out
    assert docs.main([]) == 0
    assert docs.main(["--check"]) == 0


def test_its_examples_run() -> None:
    assert doctest.testmod(docs).failed == 0


def test_the_picture_of_the_rooms_holds_the_folders_there_are() -> None:
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    picture = page[page.index("```mermaid") : page.index("```\n", page.index("```mermaid"))]
    drawn = set(re.findall(r"\b(?:features|models|serving)/\w+|\btraining\b", picture))
    there = {
        f"{package}/{room.parent.name}"
        for package in ("features", "models", "serving")
        for room in (ROOT / package).glob("*/__init__.py")
    }
    assert drawn == there | {"training"}
