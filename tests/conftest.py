"""What all tests share."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests run side by side, a core each

# Compiled quickly rather than well: half the CPU seconds of a process that lives for minutes.
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC"
ROOT = Path(__file__).resolve().parent.parent
SLOW_FILES = (  # whole files that leave the fast subset: each takes more than four seconds
    "features/engine/test_limits.py",
    "features/goods/test_goods.py",
    "features/goods/test_roles.py",
    "features/history/test_evaluate.py",
    "features/history/test_windows.py",
    "features/intake/test_accepted.py",
    "features/intake/test_ids.py",
    "features/intake/test_weighing.py",
    "features/outcomes/test_labels.py",
    "features/proposal/test_configuration.py",
    "features/proposal/test_forms.py",
    "features/proposal/test_platforms.py",
    "features/proposal/test_shops.py",
    "features/signals/test_configured.py",
    "features/signals/test_oracles.py",
    "features/signals/test_stage.py",
    "features/test_prove.py",
    "features/test_shop.py",
    "models/decisions/test_profit.py",
    "models/estimators/test_next_order.py",
    "models/store/test_registry.py",
    "models/uplift/test_artifact.py",
    "models/uplift/test_learners.py",
    "penchant/test_cli.py",
    "penchant/test_cli_uplift.py",
    "penchant/test_passwords.py",
    "penchant/test_simulate.py",
    "penchant/test_simulate_counterfactual.py",
    "penchant/test_simulate_truth.py",
    "serving/audience/test_draw.py",
    "serving/candidates/test_gather.py",
    "serving/insight/test_insight.py",
    "serving/insight/test_scenes.py",
    "serving/insight/test_tags.py",
    "serving/measure/test_measure.py",
    "serving/plan/test_solve.py",
    "serving/score/test_run.py",
    "serving/web/test_access.py",
    "serving/web/test_mcp.py",
    "serving/web/test_pages.py",
    "training/report/test_page.py",
    "training/search/test_tuning.py",
    "training/test_checks.py",
    "training/test_record.py",
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
def some_invoices(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the invoices of a quarter of Online Retail II's customers, in files of the same names and columns."""
    import duckdb

    folder = tmp_path_factory.mktemp("online_retail_ii")
    for path in sorted((shared_data / "online_retail_ii").glob("*.parquet")):
        who = "Customer ID" if "2009" in path.name else "CustomerID"
        duckdb.sql(f"select * from '{path}' where hash(\"{who}\"::bigint) % 4 = 0").write_parquet(
            str(folder / path.name)
        )
    return folder


@pytest.fixture(scope="module", autouse=True)
def own_variables() -> Iterator[None]:
    """Give each file the variables that the run began with: MLflow's set_tracking_uri sets one for all that follows."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session", autouse=True)
def one_migration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have MLflow run its sixty migrations once: all later stores of this process begin with a copy of the tables."""
    from penchant.models.store import connection, sqlite_folder

    tables = tmp_path_factory.mktemp("mlflow") / "tables.db"

    def new_database(database: Path) -> None:
        is_new = not sqlite_folder.is_there(database)
        sqlite_folder.new_database(database)
        if is_new:
            if not tables.exists():
                _migrate(tables)
            shutil.copyfile(tables, database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "new_database", new_database)
        yield


def _migrate(tables: Path) -> None:
    """Make MLflow's tables, and none of its rows."""
    from mlflow.store.db import utils
    from sqlalchemy import create_engine

    from penchant.models.store import sqlite_folder

    sqlite_folder.new_database(tables)
    engine = create_engine(f"sqlite:///{tables}")
    utils._initialize_tables(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def connect_port() -> int:
    """Return the port on which the tests' Spark serves Spark Connect too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="session")
def spark(connect_port: int) -> Iterator[Any]:
    """Return the Spark backend of all tests that want one: it takes long to start, so one process runs them all."""
    from penchant.config import EngineSection
    from penchant.features.engine.backends import spark_backend

    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings: dict[str, str | int | float | bool] = {
        "spark.sql.shuffle.partitions": 2,
        "spark.driver.extraJavaOptions": QUICK_JAVA,
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.port": connect_port,
    }
    backend = spark_backend(EngineSection(kind="spark", memory_limit="4GB", settings=settings))
    yield backend
    backend._session.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count slow files and what is marked ``spark`` as slow, and take pyspark's own warnings as they are.

    Files with slow tests come first: quick ones fill in at the end, so that no worker waits for another's last file.
    """
    for item in items:
        if item.path.as_posix().endswith(SLOW_FILES):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("spark"):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"))
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def program(name: str) -> str | None:
    """Return the path of one of PostgreSQL's programs, which Debian keeps out of the path."""
    return shutil.which(name) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None
    )


def somebody() -> dict[str, Any]:
    """Return under whom the server runs: it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    known = [name for name in ("postgres", "nobody") if name in {user.pw_name for user in pwd.getpwall()}]
    return {"user": known[0], "group": pwd.getpwnam(known[0]).pw_gid, "extra_groups": []}


@dataclass
class Server:
    """A PostgreSQL that can be stopped like a machine that loses power."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    who: dict[str, Any] = field(default_factory=somebody)

    @property
    def address(self) -> str:
        return f"postgresql://shop@/postgres?host={self.folder}"

    def start(self) -> None:
        from psycopg import OperationalError, connect

        command = [str(program("postgres")), "-D", str(self.folder / "data"), "-k", str(self.folder), "-h", ""]
        with (self.folder / "log").open("ab") as log:
            out = {"stdout": log, "stderr": log}
            self.process = subprocess.Popen([*command, "-F"], cwd=self.folder, **out, **self.who)
        for _ in range(300):
            try:
                connect(self.address).close()
                return
            except OperationalError:
                time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def vanish(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGQUIT)  # an immediate shutdown: no goodbye to anyone
        self.process.wait()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        from psycopg import connect

        with connect(self.address) as con:
            return con.execute(sql).fetchall()

    def run(self, sql: str) -> None:
        from psycopg import connect

        with connect(self.address, autocommit=True) as con:
            con.execute(sql)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Return a private PostgreSQL on a folder and a socket of its own; skip where it is not installed."""
    pytest.importorskip("psycopg")
    if program("initdb") is None:
        assert os.environ.get("CI", "").lower() != "true", "PostgreSQL is not installed"
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    server = Server(folder)
    if server.who:
        os.chown(folder, pwd.getpwnam(server.who["user"]).pw_uid, server.who["group"])
    initdb = [str(program("initdb")), "-D", str(folder / "data"), "-U", "shop", "-A", "trust", "-N", "-E", "UTF8"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **server.who)
    server.start()
    yield server
    server.vanish()
    shutil.rmtree(folder)


CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a browser; where Debian's Chromium is not installed, tests of pages are left out, but not in CI."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("chromium is not installed: apt-get install chromium")
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield made
        made.close()


@pytest.fixture(scope="session")
def served() -> Callable[..., AbstractContextManager[str]]:
    """Return what serves a page by its settings, and gives its address."""

    @contextmanager
    def serve(settings: Any) -> Iterator[str]:
        import uvicorn

        from penchant.serving.web.app import create_app

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        app = create_app(replace(settings, port=port))
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(10)

    return serve
