"""One rule for ids, wherever they come in."""

from __future__ import annotations

import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.config import Config, read_config
from penchant.errors import ConfigError, ContractError
from penchant.features.intake.check import check
from penchant.features.intake.ids import MACROS, plain_id, plain_ids
from penchant.features.shop import open_shop, shop_from_tables
from penchant.features.spine import Spine

ENGINE = duckdb.connect()
for macro in MACROS:
    ENGINE.execute(macro)

PLAIN = [" ", "\t", "\r", "\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\ufeff", "0", "7", ".0", ".00", ".5", "-"]
OTHER = [
    "inf",
    "Infinity",
    "NaN",
    "A",
    "a",
    "\u00c5",
    "A\u030a",
    "\uff21",
    "\uff17",
    "\u0130",
    "\u00df",
    "\u1e9e",
    "\u5ba2",
]
pieces = st.sampled_from([*PLAIN, *OTHER])
spelled = st.lists(pieces, max_size=6).map("".join) | st.text(max_size=8)


def config(**more: Any) -> Config:
    return read_config({"tables": {"orders": {"path": "orders*"}, **more.pop("tables", {})}, **more})


def found(report: Any, rule: str) -> dict[str, int]:
    return {name: one.n_rows for name, table in report.tables.items() for one in table.findings if one.rule == rule}


@settings(max_examples=150, deadline=None)
@given(spelled)
def test_sql_and_python_state_one_rule(text: str) -> None:
    sql = "select plain_id(bare_id($1)), folded_id(plain_id(bare_id($1)))"
    assert ENGINE.execute(sql, [text]).fetchone() == (plain_id(text), plain_id(text, merge=True))


@settings(max_examples=100, deadline=None)
@given(spelled, st.booleans())
def test_the_rule_is_at_rest_after_one_step(text: str, merge: bool) -> None:
    once = plain_id(text, merge=merge)
    assert once is None or plain_id(once, merge=merge) in (once, None if "nan" in once.lower() else once)


def test_a_number_of_one_file_is_that_of_the_other_in_whatever_form(tmp_path: Path) -> None:
    head = "customer_id,ordered_at,order_id,amount\n"
    (tmp_path / "orders_1.csv").write_text(head + "123.0,2024-01-01,o1,10\nA7,2024-01-01,o2,10\n")
    (tmp_path / "orders_2.csv").write_text(head + "123,2024-02-01,o3,20\n\t123 ,2024-02-02,o4,20\n")
    times = pa.array([datetime(2024, 3, 1)] * 3)
    rows = {"customer_id": [123.0, float("inf"), float("nan")], "ordered_at": times, "amount": [1.0, 1.0, 1.0]}
    pq.write_table(pa.table(rows), tmp_path / "orders_3.parquet")
    rows |= {"customer_id": [123, 7, 8], "amount": [2.0, 2.0, 2.0]}
    pq.write_table(pa.table(rows), tmp_path / "orders_4.parquet")
    report = check(config(), tmp_path)
    with open_shop(config(), tmp_path) as shop:
        counts = dict(shop.tables["orders"].customer_id.value_counts().execute().values.tolist())
    assert counts == {"123": 5, "A7": 1, "7": 1, "8": 1}
    assert not report.failed
    assert report.tables["orders"].n_set_aside == 2
    assert (found(report, "float_id"), found(report, "infinite_id")) == ({"orders": 2}, {"orders": 2})


SPELLED = "Ann@shop.org,2024-01-01,10\nann@shop.org,2024-01-05,20\nＡＮＮ@SHOP.ORG,2024-01-06,40\nbob,2024-01-06,1\n"


def spelled_shop(folder: Path) -> None:
    (folder / "orders.csv").write_text("customer_id,ordered_at,amount\n" + SPELLED)
    (folder / "customers.csv").write_text("customer_id,region\nANN@shop.org,x\nbob,y\n")


def test_spellings_of_one_id_are_reported_in_every_table_and_merged_where_asked(tmp_path: Path) -> None:
    spelled_shop(tmp_path)
    tables = {"customers": {"path": "customers.csv"}}
    report = check(config(tables=tables), tmp_path)
    assert found(report, "similar_ids") == {"orders": 3, "customers": 1}
    told = [one.detail for one in report.tables["orders"].findings if one.rule == "similar_ids"]
    assert told[0].startswith("4 spellings of 1, such as 'ANN@shop.org'")
    merging = config(tables=tables, ids={"merge": ["customer_id"]})
    report = check(merging, tmp_path)
    assert found(report, "similar_ids") == {}
    assert found(report, "merged_id") == {"orders": 2, "customers": 1}
    with open_shop(merging, tmp_path) as shop:
        assert set(shop.tables["orders"].customer_id.execute()) == {"ann@shop.org", "bob"}
        spine = Spine.at(shop, datetime(2024, 2, 1), ["ANN@Shop.org"])
        assert list(spine.table.execute().customer_id) == ["ann@shop.org"]


def test_an_id_column_to_merge_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'customer_id'"):
        check(config(ids={"merge": ["customer"]}), tmp_path)


def test_frames_and_spines_keep_the_rule(tmp_path: Path) -> None:
    orders = pd.DataFrame(
        {"customer_id": [" 7", "8.0"], "ordered_at": [datetime(2024, 1, 1)] * 2, "order_id": [1.0, np.nan]}
    )
    with pytest.warns(UserWarning, match="2 with blanks around them"):
        shop = shop_from_tables({"orders": orders})
    with shop:
        rows = shop.tables["orders"].order_by("customer_id").execute()
        assert list(rows.customer_id) == ["7", "8"]
        assert rows.order_id[0] == "1"
        assert pd.isna(rows.order_id[1])
        frame = pd.DataFrame({"customer_id": ["7 ", "8"], "as_of": ["2024-02-01"] * 2})
        with pytest.warns(UserWarning, match="spine, column 'customer_id': 1 with blanks"):
            spine = Spine.of(shop, frame)
        assert sorted(spine.table.execute().customer_id) == ["7", "8"]
        with pytest.raises(Exception, match="missing"):
            Spine.at(shop, datetime(2024, 2, 1), [1.0, float("inf")])
    endless = orders.assign(customer_id=[1.0, float("inf")])
    with pytest.raises(ContractError, match="infinity"):
        shop_from_tables({"orders": endless})


def test_plain_ids_say_nothing_where_nothing_changes() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(plain_ids(["a", "A", "7"])) == ["a", "A", "7"]
        assert list(plain_ids([7.0, 8.5])) == ["7", "8.5"]
