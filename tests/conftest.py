"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests run side by side, a core each

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data sets: PENCHANT_DATA, else the one beside the project.

    Absent data skips the test on a developer's machine and fails it where CI=true.
    """
    folder = Path(os.environ.get("PENCHANT_DATA") or "../shared/data")
    folder = (folder if folder.is_absolute() else ROOT / folder).resolve()
    if folder.is_dir():
        return folder
    message = f"the real data sets are not at {folder}; set PENCHANT_DATA"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(message)
    pytest.skip(message)
