"""The tutorial runs as it says, and ends with a verdict on three models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from penchant.models.store.registry import Registry

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "compare_models.py"


@pytest.mark.slow
def test_three_models_are_compared_and_recorded(some_invoices: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLE), str(some_invoices), str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "rfm_sum" in done.stdout
    assert "pareto_nbd" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Verdict: ")
    runs = Registry(tmp_path).runs("tutorial.repurchase")
    assert len(runs) == 3
    assert all(0.75 < run.metrics["auc"] < 0.9 for run in runs)
