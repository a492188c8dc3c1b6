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
SLOW_FILES = (  # whole files that leave the fast subset: each takes more than four seconds
    "features/goods/test_goods.py",
    "features/goods/test_roles.py",
    "features/proposal/test_configuration.py",
    "features/test_prove.py",
    "features/test_shop.py",
    "features/history/test_windows.py",
    "models/store/test_registry.py",
    "models/uplift/test_artifact.py",
    "penchant/test_cli.py",
    "penchant/test_cli_uplift.py",
    "penchant/test_simulate_counterfactual.py",
    "penchant/test_simulate_truth.py",
    "serving/measure/test_measure.py",
    "serving/audience/test_draw.py",
    "serving/insight/test_insight.py",
    "serving/plan/test_solve.py",
    "serving/insight/test_scenes.py",
    "serving/score/test_run.py",
    "serving/insight/test_tags.py",
    "training/test_checks.py",
    "training/test_tune.py",
)


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
    from penchant.features.engine.backends import spark_backend

    os.environ["PYSPARK_PYTHON"] = sys.executable
    backend = spark_backend(EngineSection(kind="spark", memory_limit="4GB"))
    backend._session.conf.set("spark.sql.shuffle.partitions", "2")
    yield backend
    backend._session.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count slow files and what is marked ``spark`` as slow, and take pyspark's own warnings as they are."""
    for item in items:
        if item.path.as_posix().endswith(SLOW_FILES):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("spark"):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"))
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
