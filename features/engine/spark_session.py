"""Edge: what a Spark session is started with, and in words what keeps it from starting."""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from penchant.config import EngineSection
from penchant.errors import InputError

QUIET = Path(__file__).resolve().with_name("log4j2.properties")  # of Spark's driver, from its first line on
SHARES_FILES = "spark.penchant.sharesFiles"
MASTERS = "local[2], spark://host:7077, yarn or k8s://https://host:6443"
_PORTS = {"sc": 15002, "spark": 7077}
_CHATTER = ("WARNING: Using incubator modules", "Setting default log level", "To adjust logging level use")
_JAVA_OPTIONS = "spark.driver.extraJavaOptions"
_SECONDS = 10  # to reach a server: Spark's own patience is minutes


def spark_settings(section: EngineSection) -> dict[str, str]:
    """Return Spark's settings: ours, those of a driver that is started here, and the user's own, which win.

    Examples
    --------
    >>> local = spark_settings(EngineSection(kind="spark", master="local[3]"))
    >>> local["spark.sql.shuffle.partitions"], local["spark.driver.memory"]
    ('3', '4000m')
    """
    settings = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.adaptive.enabled": "false",  # it forgets how a table is laid: each join would move all rows again
        "spark.sql.optimizer.nestedSchemaPruning.enabled": "false",  # it takes apart what joins are to copy as one cell
    }
    if section.shared_directory is not None:
        settings[SHARES_FILES] = "true"
    if section.remote is None:
        settings |= {
            "spark.driver.memory": f"{_megabytes(section.memory_limit)}m",
            "spark.ui.showConsoleProgress": "false",
            "spark.buffer.pageSize": "4m",  # a matrix joins dozens of sorted parts in one task, each of a page at least
            _JAVA_OPTIONS: f"-Dlog4j2.configurationFile={QUIET.as_uri()}",
        }
        if cores := _local_cores(section.master):
            settings |= {"spark.sql.shuffle.partitions": str(cores), "spark.ui.enabled": "false"}
        if section.temp_directory is not None:
            settings["spark.local.dir"] = str(section.temp_directory)
    own = {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in section.settings.items()
    }
    if _JAVA_OPTIONS in settings and _JAVA_OPTIONS in own:
        own[_JAVA_OPTIONS] = f"{settings[_JAVA_OPTIONS]} {own[_JAVA_OPTIONS]}"
    return settings | own


def _local_cores(master: str) -> int:
    """Return how many cores a local master takes; 0 for another master."""
    found = re.fullmatch(r"local(?:\[(\d+|\*)(?:,\s*\d+)?\])?", master)
    if not found:
        return 0
    return (os.cpu_count() or 1) if found[1] == "*" else int(found[1] or 1)


def _megabytes(limit: str) -> int:
    """Return a limit of memory in megabytes.

    Examples
    --------
    >>> _megabytes("4GB"), _megabytes("512 MiB")
    (4000, 537)
    """
    unit = limit.lstrip("0123456789. ")
    base = 1024 if "i" in unit else 1000
    return round(float(limit.removesuffix(unit)) * base ** " KMGT".index(unit[0]) / 1e6)


def refuse_unstartable(section: EngineSection) -> None:
    """Raise InputError where Spark would say in pages, or after minutes, that it cannot start."""
    address = section.remote or section.master
    parts = urlsplit(address)
    if section.remote is not None and parts.scheme != "sc":
        raise InputError("engine.remote", "an address such as sc://host:15002", f"'{section.remote}'")
    if section.remote is None:
        home = os.environ.get("JAVA_HOME")
        java = Path(home, "bin", "java") if home else shutil.which("java")
        if java is None or not Path(java).is_file():
            got = f"none below JAVA_HOME '{home}'" if home else "none on the path, and no JAVA_HOME"
            raise InputError("engine.kind = 'spark'", "Java 17 or 21", got, "Install a JRE, or set JAVA_HOME")
        if not _local_cores(address) and not re.match(r"local\[|local-cluster\[|yarn$|spark://|k8s://", address):
            raise InputError("engine.master", MASTERS, f"'{address}'")
    if parts.scheme in _PORTS and parts.hostname and "," not in address:  # several masters: one may be down
        _refuse_silent(
            f"engine.{'master' if section.remote is None else 'remote'}", address, parts.hostname, parts.port
        )


def _refuse_silent(where: str, address: str, host: str, port: int | None) -> None:
    try:
        socket.create_connection((host, port or _PORTS[urlsplit(address).scheme]), timeout=_SECONDS).close()
    except OSError as fault:
        raise InputError(
            where, "a server that answers", f"'{address}': {fault}", "Start it, or mend the address"
        ) from None


def launch_quietly(section: EngineSection, settings: Mapping[str, str]) -> None:
    """Start Spark's Java process, unless this process has one: its chatter is dropped, errors are passed on."""
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway

    if SparkContext._gateway is not None:
        return
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # the error itself says it again
    conf = SparkConf(loadDefaults=False).setMaster(section.master).setAll(list(settings.items()))
    read, write = os.pipe()
    Thread(target=pass_on, args=(read,), daemon=True).start()
    try:
        gateway = launch_gateway(conf, {"stderr": write})
    finally:
        os.close(write)
    SparkContext._ensure_initialized(gateway=gateway)


def pass_on(read: int) -> None:
    """Write what comes from a pipe to the standard error stream until it ends, but for what Java always says."""
    with open(read, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if not line.startswith(_CHATTER):
                sys.stderr.write(line)


def not_started(section: EngineSection, fault: Exception) -> InputError:
    """Return in words why Spark did not start."""
    where = "engine.master" if section.remote is None else "engine.remote"
    text = next((line.strip() for line in str(fault).splitlines() if line.strip()), type(fault).__name__)[:300]
    if isinstance(fault, ImportError):
        return InputError(where, "the packages of Spark Connect", text, "Install penchant[connect]")
    if "Master URL" in str(fault):
        return InputError(where, MASTERS, f"'{section.master}'")
    return InputError(where, "a Spark that starts", text, "Java 17 or 21 is needed; Spark's own words stand above")
