"""What all tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """Return the Spark backend of all tests that want one: it takes long to start, so one process runs them all."""
    from penchant.config import EngineSection
    from penchant.features.engine import spark_backend

    os.environ["PYSPARK_PYTHON"] = sys.executable
    backend = spark_backend(EngineSection(kind="spark", memory_limit="4GB"))
    backend._session.conf.set("spark.sql.shuffle.partitions", "2")
    yield backend
    backend._session.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count what is marked ``spark`` as slow, and take pyspark's own warnings as they are."""
    for item in items:
        if item.get_closest_marker("spark"):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"))
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
