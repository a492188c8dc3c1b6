"""The names that `penchant` and `penchant.models` offer are there, and cost nothing until they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import penchant
import penchant.models


@pytest.mark.parametrize("module", [penchant, penchant.models])
def test_every_public_name_leads_to_something_documented(module: object) -> None:
    for name in set(module.__all__) - {"__version__"}:  # type: ignore[attr-defined]
        assert getattr(module, name).__doc__, name


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("penchant, penchant.models", ["pandas", "ibis", "lightgbm", "mlflow"]),
        ("penchant.cli.commands.audience", ["ibis", "scipy", "sklearn", "lightgbm", "mlflow", "matplotlib"]),
        ("penchant.cli.commands.measure", ["scipy.stats", "sklearn", "lightgbm", "mlflow"]),
    ],
)
def test_importing_penchant_imports_nothing_heavy(modules: str, heavy: list[str]) -> None:
    asked = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
