"""No password of an address is in anything that a run writes or says."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from penchant.config import Source, load_config, read_config
from penchant.errors import ConfigError, InputError, NotThereError, without_passwords
from penchant.features.intake.sources import _with_password

from .. import command_line

SECRET = "s3cr3t/p@ss"
TOML = f"""
[shop]
name = "tea"

[tables.orders]
path = "orders.csv"

[tables.customers]
address = "postgresql://shop:{SECRET}@127.0.0.1:1/base?sslmode=disable&password=s3cr3t"
table = "customers"

[rules]
unreadable = "warn"
missing_column = "warn"
"""


def penchant(folder: Path, *words: str) -> str:
    done = command_line.penchant(folder, *words)
    return done.stdout + done.stderr


def test_nothing_that_a_run_writes_or_says_holds_the_password(tmp_path: Path) -> None:
    (tmp_path / "penchant.toml").write_text(TOML)
    lines = "".join(f"c{number},2024-01-0{number},5\n" for number in range(1, 9))
    (tmp_path / "orders.csv").write_text("customer_id,ordered_at,amount\n" + lines)
    said = penchant(tmp_path, "check") + penchant(tmp_path, "features", "--as-of", "2024-01-05", "--group", "recency")
    said += penchant(tmp_path, "train", "churn")
    (tmp_path / "penchant.toml").write_text(TOML.replace("[rules]", "tabel = 'x'\n[rules]"))
    said += penchant(tmp_path, "check")
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "penchant.toml"]
    assert {"manifest.json", "features.parquet"} <= {path.name for path in files}
    written = said.encode() + b"".join(path.read_bytes() for path in files)
    assert b"***" in written
    assert b"s3cr3t" not in written


def test_settings_of_spark_that_hold_secrets_are_not_shown() -> None:
    settings = {"spark.hadoop.fs.s3a.secret.key": "s3cr3t", "spark.executor.cores": 4}
    shown = read_config({"engine": {"settings": settings}}).resolved()["engine"]["settings"]
    assert shown == {"spark.hadoop.fs.s3a.secret.key": "***", "spark.executor.cores": 4}


def test_the_resolved_configuration_shows_no_password_and_tells_conditions_apart() -> None:
    def resolved(**table: Any) -> str:
        return json.dumps(read_config({"tables": {"orders": table}}).resolved())

    address = {"address": f"postgresql://shop:{SECRET}@db/base", "table": "o"}
    assert "s3cr3t" not in resolved(**address)
    assert "postgresql://shop:***@db/base" in resolved(**address)
    assert resolved(path="a.csv", exclude="token = 'a'") != resolved(path="a.csv", exclude="token = 'b'")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://shop:a@b@db/base", "postgresql://shop:***@db/base"),
        ("mysql://:x@db", "mysql://:***@db"),
        ("host=db password='a b' user=x", "host=db password=*** user=x"),
        ("?PASSWORD=x&sslmode=off", "?PASSWORD=***&sslmode=off"),
        ("postgresql://shop@db/base", "postgresql://shop@db/base"),
        ("see https://example.org:80/a and b@c.org", "see https://example.org:80/a and b@c.org"),
        ("at 10:30 write to a@b.org", "at 10:30 write to a@b.org"),
    ],
)
def test_passwords_become_stars_and_other_texts_stay(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


def test_no_error_shows_one_however_it_came_by_it() -> None:
    fault = InputError("here", "an address", f"'postgresql://shop:{SECRET}@db'")
    assert "s3cr3t" not in str(fault) + repr(fault) + fault.got + str(pickle.loads(pickle.dumps(fault)))
    with pytest.raises(ConfigError, match=r"\*\*\*") as caught:
        read_config({"tables": {"orders": {"sources": [f"postgresql://shop:{SECRET}@a-host-of-a-long-name.org/base"]}}})
    assert "s3cr3t" not in str(caught.value)


def test_a_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = Source(address="postgresql://shop@db/base", table="o", password_env="SHOP_PASSWORD")
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)
    with pytest.raises(NotThereError, match="SHOP_PASSWORD"):
        _with_password(source)
    monkeypatch.setenv("SHOP_PASSWORD", "a/b@c")
    assert _with_password(source) == "postgresql://shop:a%2Fb%40c@db/base"
    (tmp_path / "penchant.toml").write_text(TOML)
    plain = Source(address=f"postgresql://shop:{SECRET}@db/base", table="o")
    assert _with_password(plain) == "postgresql://shop:s3cr3t%2Fp%40ss@db/base"
    assert "***" in json.dumps(load_config(tmp_path / "penchant.toml").resolved())
