"""Each file of the collection of raw files, as found in the wild, and what the door makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from penchant.config import read_config
from penchant.features.intake.check import check
from penchant.features.shop import open_shop

RETAIL = {
    "customer_id": "CustomerID",
    "ordered_at": "InvoiceDate",
    "order_id": "InvoiceNo",
    "item_id": "StockCode",
    "quantity": "Quantity",
    "amount": "Quantity * UnitPrice",
}
RETAIL_II = {**RETAIL, "customer_id": "Customer ID", "order_id": "Invoice", "amount": "Quantity * Price"}
WORKBOOK = "online_retail_ii_nonuk_two_sheets.xlsx"

# file: (tables, table -> rows read, excluded, accepted, rule -> rows set aside)
FILES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "online_retail_2010-12-07.csv": (
        {"columns": RETAIL, "exclude": {"cancelled": "InvoiceNo like 'C%'"}},
        {"read": 2963, "excluded": 34, "accepted": 1110, "aside": {"null_id": 1819, "negative_amount": 8}},
    ),
    "online_retail_2011-06-24.csv": (
        {"columns": RETAIL},
        {"read": 1039, "excluded": 0, "accepted": 730, "aside": {"null_id": 300, "negative_amount": 15}},
    ),
    WORKBOOK: (
        {"columns": RETAIL_II, "sheet": "*"},
        {
            "read": 34_766,
            "excluded": 0,
            "accepted": 33_405 - 437,
            "aside": {"null_id": 601, "negative_amount": 761, "overlapping_files": 437},
        },
    ),
    "hillstrom_crlf_no_final_newline_tail300.csv": (
        {"columns": {"customer_id": "_row", "ordered_at": "timestamp '2008-03-20'", "amount": "spend"}},
        {"read": 300, "excluded": 0, "accepted": 300, "aside": {}},
    ),
    "online_shoppers_semicolon_crlf_head2500.csv": (
        {
            "columns": {
                "customer_id": "_row",
                "ordered_at": "strptime('2016 ' || left(Month, 3), '%Y %b')",
                "amount": "PageValues",
            },
            "exclude": "Revenue = 'FALSE'",
        },
        {"read": 2499, "excluded": 2259, "accepted": 240, "aside": {}},
    ),
    "dmc2015_pipe_list_cells_head400.txt": (
        {
            "columns": {
                "customer_id": "userID",
                "ordered_at": "orderTime",
                "order_id": "orderID",
                "category_id": "categoryIDs1",
                "amount": "basketValue",
            }
        },
        {"read": 399, "excluded": 0, "accepted": 399, "aside": {}},
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_dirty_file_is_read_to_its_last_row(name: str, shared_data: Path) -> None:
    section, expected = FILES[name]
    config = read_config({"tables": {"orders": {"path": name, **section}}, "rules": {"mostly_set_aside": "warn"}})
    report = check(config, shared_data / "dirty").tables["orders"]
    assert report.n_read == expected["read"]
    assert report.n_excluded == expected["excluded"]
    assert report.set_aside == expected["aside"]
    assert report.n_accepted == expected["accepted"]


def test_every_dirty_file_is_read(shared_data: Path) -> None:
    found = {path.name for path in (shared_data / "dirty").iterdir() if path.suffix != ".md"}
    assert found == set(FILES)


def test_cells_arrive_whole(shared_data: Path) -> None:
    folder = shared_data / "dirty"
    columns = FILES["dmc2015_pipe_list_cells_head400.txt"][0]["columns"]
    config = read_config({"tables": {"orders": {"path": "dmc2015_*.txt", "columns": columns}}})
    with open_shop(config, folder) as shop:
        orders = shop.tables["orders"].execute()
    raw = pd.read_csv(folder / "dmc2015_pipe_list_cells_head400.txt", sep="|")
    merged = orders.assign(order=orders["order_id"].astype(int)).merge(raw, left_on="order", right_on="orderID")
    assert len(merged) == 399
    assert (merged["category_id"] == merged["categoryIDs1"]).all()
    assert ((merged["amount"] / 100 - merged["basketValue"]).abs() < 0.0051).all()
    assert (merged["ordered_at"] == pd.to_datetime(merged["orderTime"])).all()
