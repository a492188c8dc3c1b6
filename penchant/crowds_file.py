"""Crowds that people save by name while they work, in ``saved_crowds.toml`` beside penchant.toml.

They are the same as ``[crowds.NAME]`` there: audiences, plans, exclusions and pages know them by name. A program that
writes into penchant.toml itself would have to keep its author's comments; this file has no author but programs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.errors import ConfigError
from penchant.output import locked, write_text
from penchant.section import read_toml

SAVED_CROWDS = "saved_crowds.toml"
HEAD = "# Crowds saved by the page: [NAME] here is [crowds.NAME] in penchant.toml.\n"


def read_saved_crowds(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the saved crowds of a folder: name -> the keys of its section; none where there is no file.

    Raises
    ------
    ConfigError
        If the file is not TOML, or holds anything but sections.
    """
    path = folder / SAVED_CROWDS
    if not path.is_file():
        return {}
    values = read_toml(path, "crowds")
    others = [name for name, section in values.items() if not isinstance(section, dict)]
    if others:
        raise ConfigError(f"crowds '{path}'", "a section for each crowd", f"the key '{others[0]}'")
    return values


def with_saved_crowds(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the values of penchant.toml with the saved crowds of its folder among ``[crowds.NAME]``.

    Raises
    ------
    ConfigError
        If the file is damaged, or a name stands in both.
    """
    saved, crowds = read_saved_crowds(folder), values.get("crowds", {})
    if not saved or not isinstance(crowds, dict) or not isinstance(crowds.get("own", {}), dict):
        return values  # what is no section is refused with all the rest
    short = {name: section for name, section in crowds.items() if isinstance(section, dict) and name != "own"}
    own = {**crowds.get("own", {}), **short}
    both = sorted(set(saved) & set(own))
    if both:
        raise ConfigError(
            f"crowds '{folder / SAVED_CROWDS}'", "names that penchant.toml does not have", f"'{both[0]}' in both",
            "Rename or remove one of them",
        )  # fmt: skip
    rest = {name: value for name, value in crowds.items() if name not in short}
    return {**values, "crowds": {**rest, "own": {**own, **saved}}}


def write_saved_crowd(folder: Path, name: str, section: Mapping[str, str] | None) -> dict[str, dict[str, Any]]:
    """Save a crowd, or with no section remove it; return all that are saved. Another writer waits.

    Raises
    ------
    ConfigError
        If the file that is there is damaged: it stays as it is.
    """
    path = folder / SAVED_CROWDS
    with locked(path, wait=10.0):
        saved = read_saved_crowds(folder)
        if section is None:
            saved.pop(name, None)
        else:
            saved[name] = dict(section)  # in its place, else last: a crowd may name those above it
        write_text(path, HEAD + "".join(_section(*one) for one in saved.items()))
    return saved


def _section(name: str, section: Mapping[str, Any]) -> str:
    keys = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in section.items())
    return f"\n[{name}]\n{keys}"
