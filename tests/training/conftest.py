"""Rows with a known truth for the tests of trainings, searches and comparisons."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def planted() -> ModuleType:
    """Return the module that plants the truth, whose file is a script as well."""
    path = Path(__file__).parent / "planted.py"
    spec = spec_from_file_location("planted", path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
