"""The same shop on Spark: checked at the gate, the same rows and types on the engine."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from penchant.config import read_config
from penchant.features.shop import open_shop

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]


def test_a_shop_is_the_same_on_both_engines(tmp_path: Path) -> None:
    rows = ["who,at,kind,price", "a,2020-07-01 10:00:00.25,view,1.005", "b,2020-10-25 01:30,pay,", "a,bad,view,2"]
    (tmp_path / "i.csv").write_text("\n".join(rows))
    tables = {
        "interactions": {
            "path": "i.csv",
            "timezone": "Europe/London",
            "columns": {"customer_id": "who", "occurred_at": "at"},
        }
    }
    frames = {}
    for kind in ("duckdb", "spark"):
        with open_shop(read_config({"tables": tables, "engine": {"kind": kind}}), tmp_path) as shop:
            assert shop.backend.name == {"duckdb": "duckdb", "spark": "pyspark"}[kind]
            frames[kind] = {name: shop.tables[name].order_by("customer_id").execute() for name in shop.tables}
            schemas = [str(table.schema()) for table in shop.tables.values()]
            assert shop.report.tables["interactions"].set_aside == {"bad_time": 1}
    for name, frame in frames["duckdb"].items():
        other = frames["spark"][name]
        pd.testing.assert_frame_equal(other.astype({column: frame[column].dtype for column in frame}), frame)
    assert "timestamp('UTC')" not in "".join(schemas)


def test_two_shops_on_one_session_do_not_meet(tmp_path: Path) -> None:
    shops = []
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text(f"customer_id,ordered_at\n{name},2020-01-01\n")
        config = read_config({"tables": {"orders": {"path": f"{name}.csv"}}, "engine": {"kind": "spark"}})
        shops.append(open_shop(config, tmp_path))
    found = [list(shop.tables["orders"].customer_id.execute()) for shop in shops]
    assert found == [["one"], ["two"]]
    for shop in shops:
        shop.close()
