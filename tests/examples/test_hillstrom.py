"""The example runs as the documentation says, and ends with a verdict on both mails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "hillstrom.py"


@pytest.mark.slow
def test_both_mails_get_a_verdict_in_words(shared_data: Path) -> None:
    path = shared_data / "hillstrom_email" / "hillstrom.parquet"
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE), str(path)], check=True, capture_output=True, text=True
    )
    womens, mens = done.stdout.split("Mens E-Mail\n===")
    for part in (womens, mens):
        assert "Guards: nothing to object." in part
        assert "Verdict: The mail works:" in part
