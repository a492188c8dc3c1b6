"""An untrusted configuration runs nothing and reaches nowhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penchant.config import read_config
from penchant.errors import ConfigError
from penchant.features.intake.trust import refuse_untrusted

FILE = {"tables": {"orders": {"path": "orders*.csv"}}}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "orders.csv").write_text("customer_id,ordered_at\na,2024-01-01\n")
    (tmp_path / "secret.csv").write_text("customer_id,ordered_at\na,2024-01-01\n")
    return folder


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"modules": ["own.py"]}, "modules"),
        ({"tables": {"orders": {"query": "from 'orders.csv'"}}}, "query"),
        ({"tables": {"orders": {"address": "duckdb://x.db", "table": "t"}}}, "address"),
        ({"tables": {"orders": {"path": "/etc/passwd"}}}, "/etc/passwd"),
        ({"tables": {"orders": {"path": "../secret.csv"}}}, "secret"),
        ({"tables": {"orders": {"path": "sub/../../secret.csv"}}}, "secret"),
        ({"tables": {"orders": {"path": "~/secret.csv"}}}, "secret"),
        ({"shop": {"data": "/etc"}, **FILE}, "shop.data"),
        ({"engine": {"temp_directory": "/etc"}, **FILE}, "temp_directory"),
        ({"engine": {"remote": "sc://there:1"}, **FILE}, "remote"),
        ({"engine": {"master": "spark://there:7077"}, **FILE}, "master"),
        ({"engine": {"settings": {"spark.jars": "/tmp/a.jar"}}, **FILE}, "settings"),
    ],
)
def test_what_runs_code_or_reaches_outside_is_refused(data: Path, values: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match="--untrusted") as caught:
        refuse_untrusted(read_config(values), data)
    assert named in str(caught.value)


def test_links_to_elsewhere_are_refused_and_plain_files_are_not(data: Path) -> None:
    refuse_untrusted(read_config(FILE), data)
    (data / "orders_2.csv").symlink_to(data.parent / "secret.csv")
    with pytest.raises(ConfigError, match="a link to elsewhere"):
        refuse_untrusted(read_config(FILE), data)


def test_the_option_holds_for_every_command(data: Path) -> None:
    (data / "own.py").write_text("open('ran', 'w').write('x')\n")
    (data / "penchant.toml").write_text("modules = ['own.py']\n[tables.orders]\npath = 'orders.csv'\n")
    for words in (["--untrusted", "check"], ["features", "--as-of", "2024-02-01", "--untrusted"]):
        command = [sys.executable, "-c", "from penchant.cli import main; main()", *words]
        done = subprocess.run(command, cwd=data, capture_output=True, text=True, check=False, timeout=300)
        assert (done.returncode, "'modules'" in done.stderr) == (2, True)
    assert not (data / "ran").exists()
