"""`penchant features`: one moment, several, or each row's own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from penchant.cli import app, hoist
from penchant.errors import InputError, PenchantError

Answer = Callable[..., dict[str, Any]]
TOML = "[shop]\nname = 'tea'\ntimezone = 'Europe/Berlin'\n[tables.orders]\npath = 'orders.csv'\n"
ORDERS = "customer_id,ordered_at,amount\n007,2025-03-01T10:00,5\n007,2025-05-01T10:00,7\nb,2025-05-20T10:00,1\n"


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answer:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "penchant.toml").write_text(TOML)
    (tmp_path / "orders.csv").write_text(ORDERS)

    def ask(*arguments: str) -> dict[str, Any]:
        words = hoist(["features", *arguments, "--group", "frequency", "--json"])
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        return dict(json.loads(done.stdout))

    return ask


def rows_of(told: dict[str, Any]) -> dict[tuple[str, str], int]:
    frame = pd.read_parquet(Path(told["out"]) / "features.parquet")
    keys = zip(frame["customer_id"], frame["as_of"].astype(str), strict=True)
    return dict(zip(keys, frame["n_purchases"], strict=True))


def test_several_moments_stand_in_one_matrix(answer: Answer) -> None:
    told = answer("--as-of", "2025-06-01", "--as-of", "2025-04-01")
    assert told["as_of"] == ["2025-03-31T22:00:00", "2025-05-31T22:00:00"]
    assert rows_of(told) == {
        ("007", "2025-03-31 22:00:00"): 1,
        ("007", "2025-05-31 22:00:00"): 2,
        ("b", "2025-05-31 22:00:00"): 1,
    }
    alone = answer("--as-of", "2025-04-01")
    assert rows_of(alone).items() < rows_of(told).items()


def test_a_file_brings_each_rows_own_moment(answer: Answer, tmp_path: Path) -> None:
    (tmp_path / "sent.csv").write_text("as_of;customer_id;arm\n2025-05-01T10:00:00+02:00;007;mail\n2025-05-21;b;mail\n")
    told = answer("--spine", "sent.csv")
    assert Path(told["out"]).name == "sent"
    assert rows_of(told) == {("007", "2025-05-01 08:00:00"): 1, ("b", "2025-05-21 00:00:00"): 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Got neither"),
        (("--as-of", "2025-06-01", "--spine", "sent.csv"), "Got both"),
        (("--spine", "absent.csv"), "no such file"),
        (("--spine", "penchant.toml"), "a .parquet or .csv file"),
        (("--spine", "orders.csv"), "Got no 'as_of'"),
    ],
)
def test_what_names_no_moments_is_told(answer: Answer, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(PenchantError, match=message):
        answer(*arguments)


def test_a_moment_before_the_data_is_refused_and_one_after_them_told(answer: Answer, tmp_path: Path) -> None:
    people = TOML + "[tables.customers]\npath = 'customers.csv'\n"
    (tmp_path / "penchant.toml").write_text(people)  # customers without a date of registration count as known
    (tmp_path / "customers.csv").write_text("customer_id\n007\nb\nc\n")
    with pytest.raises(InputError, match=r"after the data's first event, 2025-03-01 10:00 UTC\. Got 1899-12-31"):
        answer("--as-of", "2025-06-01", "--as-of", "1900-01-01")
    assert answer("--as-of", "2025-06-01")["n_rows"] == 3
    late = answer("--as-of", "2030-01-01")
    assert late["as_of"] > late["extract_end"]


STARTED = """
import sys
from penchant.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
sys.exit(", ".join({"ibis", "pandas"} & set(sys.modules)) or None)
"""


def test_sql_that_is_stored_runs_without_ibis_and_pandas(answer: Answer, tmp_path: Path) -> None:
    first = answer("--as-of", "2025-06-01", "--out", "first")
    words = ["features", "--as-of", "2025-06-01", "--out", "second", "--group", "frequency"]
    command = [sys.executable, "-c", STARTED, *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert rows_of({"out": tmp_path / "second"}) == rows_of(first)
