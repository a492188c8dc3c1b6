"""Limits of the machine end in words."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from penchant.config import read_config
from penchant.errors import InputError, OutputError
from penchant.features.engine.limits import limit_reached
from penchant.features.intake.check import check

DEEP = "(" * 5000 + "amount" + ")" * 5000
LONG = " + ".join(["amount"] * 5000)


def orders(folder: Path) -> None:
    lines = "".join(f"c{number},2024-01-01,{number}\n" for number in range(1, 300))
    (folder / "orders.csv").write_text("customer_id,ordered_at,amount\n" + lines)


@pytest.mark.parametrize("expression", [DEEP, LONG, f"case when {'not ' * 5000}true then 1 end"])
def test_an_expression_that_nests_too_deep_is_refused(tmp_path: Path, expression: str) -> None:
    orders(tmp_path)
    columns = {"customer_id": "customer_id", "ordered_at": "ordered_at", "amount": expression}
    config = read_config({"tables": {"orders": {"path": "orders.csv", "columns": columns}}})
    assert check(config, tmp_path).failed


def test_a_slow_query_draws_no_bar_between_a_commands_answer(tmp_path: Path) -> None:
    ask = (
        "import sys, pathlib; from penchant.config import EngineSection\n"
        "from penchant.features.engine import backends\n"
        "backend = backends.duckdb_backend(EngineSection(), pathlib.Path(sys.argv[1]))\n"
        """print(backend.con.execute("select current_setting('enable_progress_bar')").fetchone()[0])"""
    )
    done = subprocess.run([sys.executable, "-c", ask, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_memory_that_does_not_suffice_is_named(tmp_path: Path) -> None:
    connection = duckdb.connect(config={"memory_limit": "20MB", "temp_directory": ""})
    with pytest.raises(duckdb.OutOfMemoryException, match="memory") as caught:
        connection.execute("create table t as select random() as x, i from range(20000000) r(i)")
    told = limit_reached(caught.value)
    assert isinstance(told, InputError)
    assert "engine.memory_limit" in str(told)


@pytest.mark.parametrize(
    "fault",
    [
        duckdb.IOException('IO Error: Could not write file "x": No space left on device'),
        duckdb.OutOfMemoryException("failed to offload data block of size 256.0 KiB (max_temp_directory_size)"),
        OSError(errno.ENOSPC, "No space left on device", "/tmp/x"),
    ],
)
def test_a_full_disk_is_called_that(fault: Exception) -> None:
    assert isinstance(limit_reached(fault), OutputError)
    assert "room on the disk" in str(limit_reached(fault))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (OSError(errno.ENAMETOOLONG, "File name too long", "out/aaa"), "file 'out/aaa'.*file name too long"),
        (PermissionError(errno.EACCES, "Permission denied", "out"), "file 'out'.*permission denied"),
        (OSError(errno.EFBIG, "File too large"), "file too large"),
        (duckdb.IOException("IO Error: Could not write file: File too large"), "the disk: files .*too large"),
        (duckdb.TransactionException("Failed to commit: Could not write file: File too large"), "the disk: .*commit"),
        (MemoryError("malloc of size 10 failed"), "memory: enough.*malloc of size 10"),
    ],
)
def test_what_the_machine_refuses_is_no_bug(fault: Exception, told: str) -> None:
    reached = limit_reached(fault)
    assert reached
    assert re.search(told, str(reached))
    assert reached.exit_code == 2


def test_other_faults_are_no_limits_and_too_deep_a_file_is_one() -> None:
    assert limit_reached(ValueError("another")) is None
    assert limit_reached(duckdb.IOException("No such file")) is None
    assert isinstance(limit_reached(RecursionError("maximum recursion depth exceeded")), InputError)


def test_a_command_that_lacks_memory_ends_in_words(tmp_path: Path) -> None:
    cells = "'c' || i as customer_id, date '2024-01-01' + (i % 99)::int as ordered_at, md5(i::varchar) as item_id"
    duckdb.connect().execute(f"copy (select {cells} from range(2000000) r(i)) to '{tmp_path}/orders.parquet'")
    toml = "[engine]\nmemory_limit = '30MB'\n[tables.orders]\npath = 'orders.parquet'\n"
    (tmp_path / "penchant.toml").write_text(toml)
    command = [sys.executable, "-c", "from penchant.cli import main; main()", "check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or "memory" in done.stderr
