"""Columns of whatever name, cells of whatever kind: read as they are, or refused in words."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penchant.config import Config, read_config
from penchant.features.intake.check import check
from penchant.features.shop import open_shop

TIMES = [datetime(2024, 1, 1), datetime(2024, 1, 2)]
OWN = ("_file", "_row", "filename", "file_row_number", "__path")


def config(path: str, **columns: str) -> Config:
    return read_config({"tables": {"orders": {"path": path, **({"columns": columns} if columns else {})}}})


def opened(given: Config, folder: Path) -> list[dict[str, Any]]:
    with open_shop(given, folder) as shop:
        rows: list[dict[str, Any]] = shop.tables["orders"].order_by("customer_id").to_pyarrow().to_pylist()
    return rows


def put(folder: Path, ending: str) -> str:
    """Write a file with columns that are called as the engine's own are, and return its name."""
    cells = {"customer_id": ["a", "b"], "ordered_at": TIMES, "amount": [1.0, 2.0]}
    cells |= {name: [f"{name} 1", f"{name} 2"] for name in OWN}
    shown = pa.table(cells)
    path = folder / f"orders.{ending}"
    if ending == "parquet":
        pq.write_table(shown, path)
    elif ending == "csv":
        duckdb.connect().execute(f"copy (from shown) to '{path}' (header)")
    elif ending == "json":
        duckdb.connect().execute(f"copy (from shown) to '{path}' (format json)")
    elif ending == "duckdb":
        with duckdb.connect(str(path)) as base:
            base.execute("create table orders as from shown")
    else:
        with sqlite3.connect(path) as base:
            base.execute(f"create table orders ({', '.join(cells)})")
            for row in shown.to_pylist():
                base.execute(f"insert into orders values ({', '.join('?' * len(cells))})", list(map(str, row.values())))
        base.close()
    return path.name


@pytest.mark.parametrize("ending", ["parquet", "csv", "json", "duckdb", "sqlite"])
@pytest.mark.parametrize("own", OWN)
def test_columns_that_are_called_as_the_engines_own_are_the_shops(tmp_path: Path, ending: str, own: str) -> None:
    name = put(tmp_path, ending)
    columns = {"customer_id": "customer_id", "ordered_at": "ordered_at", "amount": "amount", "order_id": own}
    rows = opened(config(name, **columns), tmp_path)
    assert [row["order_id"] for row in rows] == [f"{own} 1", f"{own} 2"]
    assert [row["amount"] for row in rows] == [100, 200]


def test_two_columns_of_one_name_are_reported_and_the_first_is_meant(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays(
        [pa.array(["a"]), pa.array(TIMES[:1]), pa.array([1.0]), pa.array([5.0])],
        names=["customer_id", "ordered_at", "amount", "amount"],
    )
    pq.write_table(twice, tmp_path / "orders.parquet")
    (tmp_path / "orders.csv").write_text("customer_id,ordered_at,amount,amount\na,2024-01-01,1,5\n")
    for name in ("orders.parquet", "orders.csv"):
        found = check(config(name), tmp_path).tables["orders"].findings
        assert [(one.rule, "the next is 'amount_2'" in one.detail) for one in found] == [("repeated_column", True)]
        second = config(name, customer_id="customer_id", ordered_at="ordered_at", amount="amount_2")
        assert [opened(given, tmp_path)[0]["amount"] for given in (config(name), second)] == [100, 500]


def test_names_that_differ_by_case_alone_are_two(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("customer_id,ordered_at,amount,Amount\na,2024-01-01,1,5\n")
    given = config("orders.csv", customer_id="customer_id", ordered_at="ordered_at", amount="Amount")
    assert opened(given, tmp_path)[0]["amount"] == 500


def test_bytes_are_read_as_text_and_what_is_none_is_set_aside(tmp_path: Path) -> None:
    rows = {"customer_id": pa.array([b"a ", b"b", b"\xff\xfe"], pa.binary()), "ordered_at": [*TIMES, TIMES[0]]}
    pq.write_table(pa.table({**rows, "amount": [1.0, 2.0, 3.0]}), tmp_path / "orders.parquet")
    assert [row["customer_id"] for row in opened(config("orders.parquet"), tmp_path)] == ["a", "b"]
    report = check(config("orders.parquet"), tmp_path).tables["orders"]
    assert report.set_aside == {"bad_value": 1}


@pytest.mark.parametrize("above", ["\n", "\n\n", " \n\t\n", "\n,,,\n", "\r\n;;\r\n", "\ufeff\n"])
def test_lines_without_a_cell_above_the_header_are_passed_over(tmp_path: Path, above: str) -> None:
    text = above + "customer_id,ordered_at,amount\na,2024-01-01,1\n\nb,2024-01-02\nc,2024-01-03,3\n"
    (tmp_path / "orders.csv").write_bytes(text.encode())
    assert [row["customer_id"] for row in opened(config("orders.csv"), tmp_path)] == ["a", "c"]
    report = check(config("orders.csv"), tmp_path).tables["orders"]
    broken = next(one for one in report.findings if one.rule == "broken_line")
    assert [example.values["line"] for example in broken.examples] == ["b,2024-01-02"]
    assert broken.examples[0].row == text.replace("\r\n", "\n").split("\n").index("b,2024-01-02") + 1


def test_nan_as_text_is_no_id_no_time_and_no_amount(tmp_path: Path) -> None:
    good = "".join(f"c{number},2024-01-03,3,o\n" for number in range(6))
    bad = "a,2024-01-01,NaN,NaN\nNaN,2024-01-02,2,x\nb,NaN,2,x\n"
    (tmp_path / "orders.csv").write_text("customer_id,ordered_at,amount,order_id\n" + bad + good)
    report = check(config("orders.csv"), tmp_path).tables["orders"]
    assert report.set_aside == {"not_finite": 1, "null_id": 1, "null_value": 1}
    assert len(opened(config("orders.csv"), tmp_path)) == 6
