"""What an order's sum comes to on its lines, titles above a header, and cells written as formulas."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from penchant.config import Config
from penchant.features.intake.text import other_encoding, without_formulas
from penchant.features.shop import open_shop

from ..workbook import write_workbook

ORDERS = {"customer_id": "who", "ordered_at": "day", "order_id": "no"}


def orders(folder: Path, columns: Mapping[str, str], **source: Any) -> pd.DataFrame:
    section = {**source, "columns": {**ORDERS, **columns}}
    with open_shop(Config.model_validate({"tables": {"orders": section}}), folder) as shop:
        return shop.tables["orders"].execute()


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        ("10.00", [1, 1, 1], [333, 334, 333]),  # to the cent
        ("10.00", [30, 10, 0], [750, 250, 0]),
        ("10.00", [0, 0, 0], [333, 334, 333]),  # nothing to share by
        ("", [1, 2, 3], [100, 200, 300]),  # no total: the weights
        ("0", [1, 2, 3], [0, 0, 0]),
    ],
)
def test_the_parts_of_an_orders_sum_add_up_to_it(
    tmp_path: Path, total: str, weights: list[int], expected: list[int]
) -> None:
    rows = [f"a,2024-01-0{1 + n},1,{total if n == 0 else ''},{weight}" for n, weight in enumerate(weights)]
    (tmp_path / "a.csv").write_text("\n".join(["who,day,no,total,price", *rows, "b,2024-01-05,2,7.5,1"]))
    frame = orders(tmp_path, {"amount": "spread(total, price, no)"}, path="a.csv")
    amounts = frame.sort_values("ordered_at")["amount"].tolist()
    assert amounts == [*expected, 750]


def test_what_one_line_of_an_order_says_holds_for_all(tmp_path: Path) -> None:
    rows = ["who,day,no,price", "a,2024-01-01,1,5", ",2024-01-01,1,6", "b,2024-01-02,2,7"]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    columns = {"customer_id": "of_order(who, no)", "amount": "price * lines_of(no)"}
    frame = orders(tmp_path, columns, path="a.csv").sort_values("amount")
    assert frame["customer_id"].tolist() == ["b", "a", "a"]
    assert frame["amount"].tolist() == [700, 1000, 1200]


def test_a_line_that_names_no_order_belongs_to_the_order_above(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("who,day,no,price\na,2024-01-01,1,5\n,,,6\nb,2024-01-02,2,7\n")
    above = {canonical: f"value_above({own})" for canonical, own in ORDERS.items()}
    frame = orders(tmp_path, {**above, "amount": "price"}, path="a.csv").sort_values("amount")
    assert frame["customer_id"].tolist() == ["a", "a", "b"]


@pytest.mark.parametrize("skip", [None, 3])
def test_lines_above_the_header_are_skipped(tmp_path: Path, skip: int | None) -> None:
    (tmp_path / "a.csv").write_text("\nReport,,,\n\nwho,day,no,price\na,2024-01-01,1,5\nbroken\n")
    frame = orders(tmp_path, {"amount": "price"}, path="a.csv", **({"skip_lines": skip} if skip else {}))
    assert frame["amount"].tolist() == [500]


def test_cells_written_as_formulas_are_texts(tmp_path: Path) -> None:
    assert without_formulas('="007",a,"=""x, y"""') == '"007",a,"x, y"'
    (tmp_path / "a.csv").write_text('who,day,no,price\n="007",2024-01-01,="0001",5\n', encoding="gb18030")
    frame = orders(tmp_path, {"amount": "price"}, path="a.csv")
    assert frame[["customer_id", "order_id"]].values.tolist() == [["007", "0001"]]


def test_a_query_names_sheets_and_a_file_may_list_its_rows(tmp_path: Path) -> None:
    lines = [["no", "price"], ["1", 2], ["1", 3]]
    write_workbook(tmp_path / "b.xlsx", {"Orders": [["who", "day", "no"], ["a", "2024-01-01", "1"]], "Lines": lines})
    query = "select o.*, l.price from 'b.xlsx#Orders' as o join 'b.xlsx#Lines' as l on o.no = l.no"
    assert sorted(orders(tmp_path, {"amount": "price"}, query=query)["amount"]) == [200, 300]
    (tmp_path / "a.json").write_text(
        '{"page": 1, "orders": [{"who": "a", "day": "2024-01-01", "no": "1", "price": 4}]}'
    )
    assert orders(tmp_path, {"amount": "price"}, path="a.json")["amount"].tolist() == [400]


@pytest.mark.parametrize(
    ("line", "encoding", "expected"),
    [
        ("订单编号,买家会员名,喆,标题,已付款,交易成功,囧\n", "gbk", "gb18030"),  # two are of the rare ones
        ("Größe;Übergröße;Stück;Käufer;über;schön;für;Maß;Öl\n", "cp1252", "cp1252"),
        ("été;prix réglé;août;où;château;élève;déjà;payé\n", "cp1252", "cp1252"),
    ],
)
def test_chinese_is_told_from_western_text(line: str, encoding: str, expected: str) -> None:
    assert other_encoding((line * 5).encode(encoding)) == expected
