"""Modules that moved into rooms are still found where users' own code imports them from."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from penchant.moved import MOVED


@pytest.mark.parametrize("old", MOVED)
def test_a_moved_module_imports_from_its_old_path(old: str) -> None:
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} is now {MOVED[old]}"):
        assert import_module(old) is import_module(MOVED[old])


def test_a_moved_module_is_whole_after_it_was_imported_by_both_names() -> None:
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from penchant.features.group import Column, FeatureGroup\n"
        "from penchant.features.signals import group\n"
        "assert group.Column is Column and group.__spec__.name == 'penchant.features.signals.group'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_module_that_never_was_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"penchant\.features\.nothing"):
        import_module("penchant.features.nothing")
