"""Crowds that programs save beside penchant.toml are crowds of the shop's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.config import load_config
from penchant.crowds_file import SAVED_CROWDS, read_saved_crowds, write_saved_crowd
from penchant.errors import ConfigError

TOML = "[shop]\nname = 'small'\n[crowds.fond]\nwho = \"stage = 'loyal'\"\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "penchant.toml").write_text(TOML, encoding="utf-8")
    return tmp_path


def test_saved_crowds_stand_beside_those_of_penchant_toml(folder: Path) -> None:
    who = "category_top_1 = 'Käse \\ \"alt\"' and n_purchases >= 3"
    write_saved_crowd(folder, "cheese", {"who": who})
    write_saved_crowd(folder, "again", {"who": "cheese and fond"})
    write_saved_crowd(folder, "cheese", {"who": who})
    own = load_config(folder / "penchant.toml").crowds.own
    assert {name: one.who for name, one in own.items()} == {
        "fond": "stage = 'loyal'",
        "cheese": who,
        "again": "cheese and fond",
    }
    assert list(own) == ["fond", "cheese", "again"]  # one may name those above it
    assert list(write_saved_crowd(folder, "cheese", None)) == ["again"]
    assert (folder / "penchant.toml").read_text(encoding="utf-8") == TOML


@pytest.mark.parametrize(
    ("text", "message"),
    [("[fond]\nwho = 'x'", "'fond' in both"), ("fond", "a TOML file"), ("who = 'x'", "a section for each crowd")],
)
def test_a_damaged_file_of_crowds_is_refused_and_stays(folder: Path, text: str, message: str) -> None:
    (folder / SAVED_CROWDS).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_config(folder / "penchant.toml")
    if "fond]" not in text:
        with pytest.raises(ConfigError, match=message):
            write_saved_crowd(folder, "more", {"who": "interest"})
    assert (folder / SAVED_CROWDS).read_text(encoding="utf-8") == text


def test_a_crowd_with_an_unknown_key_is_refused(folder: Path) -> None:
    write_saved_crowd(folder, "more", {"whom": "interest"})
    assert read_saved_crowds(folder)
    with pytest.raises(ConfigError, match="whom"):
        load_config(folder / "penchant.toml")


def test_what_is_no_section_of_crowds_is_refused_where_crowds_were_saved(folder: Path) -> None:
    write_saved_crowd(folder, "more", {"who": "interest"})
    (folder / "penchant.toml").write_text("[crowds]\nown = 5\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"crowds\.own"):
        load_config(folder / "penchant.toml")
