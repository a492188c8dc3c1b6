"""What Spark is started with, and what keeps it from starting, in words; no Spark runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from penchant.config import EngineSection
from penchant.errors import InputError
from penchant.features.engine.limits import limit_reached
from penchant.features.engine.spark_session import not_started, pass_on, refuse_unstartable, spark_settings


def section(**keys: Any) -> EngineSection:
    return EngineSection(kind="spark", **keys)


def test_settings_of_the_user_win_and_are_written_as_spark_reads_them() -> None:
    own: dict[str, str | int | float | bool] = {
        "spark.sql.shuffle.partitions": 7,
        "spark.dynamicAllocation.enabled": False,
    }
    own["spark.driver.extraJavaOptions"] = "-Xss8m"
    found = spark_settings(section(master="local[3]", settings=own))
    assert found["spark.sql.shuffle.partitions"] == "7"
    assert found["spark.dynamicAllocation.enabled"] == "false"
    assert found["spark.sql.session.timeZone"] == "UTC"
    assert found["spark.driver.extraJavaOptions"].startswith("-Dlog4j2")
    assert found["spark.driver.extraJavaOptions"].endswith(" -Xss8m")


def test_only_a_driver_that_starts_here_gets_memory_and_quiet_logs() -> None:
    assert "spark.driver.memory" in spark_settings(section(master="yarn"))
    assert "spark.sql.shuffle.partitions" not in spark_settings(section(master="yarn"))
    assert set(spark_settings(section(remote="sc://there", shared_directory="/mnt"))) == {
        "spark.sql.session.timeZone",
        "spark.sql.execution.arrow.pyspark.enabled",
        "spark.sql.adaptive.enabled",
        "spark.sql.optimizer.nestedSchemaPruning.enabled",
        "spark.penchant.sharesFiles",
    }


def test_without_java_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(InputError, match=r"Java 17 or 21\. Got none on the path"):
        refuse_unstartable(section())
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(InputError, match=rf"none below JAVA_HOME '{tmp_path}'"):
        refuse_unstartable(section())


@pytest.mark.parametrize("master", ["locally", "mesos://there:5050", ""])
def test_a_master_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, master: str) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"engine.master: local\[2\], spark"):
        refuse_unstartable(section(master=master))
    refuse_unstartable(section(master="local[*]"))
    refuse_unstartable(section(master="k8s://https://there:6443"))


def test_a_server_that_does_not_answer_is_named_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"sc://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(InputError, match=rf"engine.remote: a server that answers\. Got '{address}'"):
            refuse_unstartable(section(remote=address))
    with pytest.raises(InputError, match="such as sc://host:15002"):
        refuse_unstartable(section(remote="127.0.0.1"))


def test_chatter_is_dropped_and_errors_are_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    read, write = os.pipe()
    os.write(write, b'WARNING: Using incubator modules: x\nSetting default log level to "WARN".\nSpark: ERROR full\n')
    os.close(write)
    pass_on(read)
    assert capsys.readouterr().err == "Spark: ERROR full\n"


def test_what_is_not_installed_is_named() -> None:
    told = not_started(section(remote="sc://there"), ImportError("grpcio >= 1.67.0 must be installed"))
    assert "grpcio" in str(told)
    assert "penchant[connect]" in str(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Job aborted: java.lang.OutOfMemoryError: Java heap space", "engine.memory_limit"),
        ("SparkOutOfMemoryError: [UNABLE_TO_ACQUIRE_MEMORY] Unable to acquire 28 bytes", "engine.memory_limit"),
        ("is bigger than spark.driver.maxResultSize (1024.0 MiB)", "spark.driver.maxResultSize"),
        ("java.io.IOException: No space left on device", "engine.temp_directory"),
        ("ModuleNotFoundError: No module named 'penchant'", "executors.*no 'penchant'"),
        ("[CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND] Checkpoint block rdd_4_0 not found!", "one that was lost"),
    ],
)
def test_limits_of_spark_are_no_bugs(text: str, told: str) -> None:
    errors = pytest.importorskip("pyspark.errors")
    assert limit_reached(errors.PySparkException("another")) is None
    with pytest.raises(Exception, match=told) as caught:
        raise limit_reached(errors.PySparkException(text)) or AssertionError
    assert getattr(caught.value, "exit_code", 1) == 2
