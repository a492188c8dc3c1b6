"""`check` weighs what it finds, accounts for every row, and ends with the sums that an owner knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from penchant.config import read_config
from penchant.features.intake.check import check, render
from penchant.features.intake.report import CheckReport

HEAD = "customer_id,ordered_at,order_id,amount,list_amount,status,paid_at\n"


def orders(n_bad: int, bad: str, n_good: int) -> str:
    good = "c{0},2024-01-{1:02d} 23:30:00,o{0},10,12,paid,2024-02-01\n"
    lines = [good.format(number, number % 28 + 1) for number in range(n_good)]
    return HEAD + "".join(lines) + "".join(bad.format(number) for number in range(n_bad))


def checked(folder: Path, **section: Any) -> CheckReport:
    tables = {"orders": {"path": "orders*.csv"}, **section.pop("tables", {})}
    return check(read_config({"tables": tables, **section}), folder)


def shown(report: CheckReport) -> str:
    console = Console(width=100)
    with console.capture() as captured:
        console.print(render(report))
    return captured.get()


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ("x{0},2024-01-03,p{0},,12,paid,2024-02-01\n", "null_amount"),
        ("x{0},2024-01-03,p{0},10,12,unpaid,2024-02-01\n", "status_against_time"),
        ("x{0},2024-01-03,p{0},30,12,paid,2024-02-01\n", "above_list"),
        ("x{0},2024-01-03,p{0},-5,12,paid,2024-02-01\n", "negative_amount"),
        ("x{0},2024-03-03,p{0},10,12,paid,2024-02-01\n", "out_of_order"),
    ],
)
def test_what_concerns_many_rows_is_loud_and_says_its_share(tmp_path: Path, bad: str, rule: str) -> None:
    (tmp_path / "orders.csv").write_text(orders(45, bad, 55))
    report = checked(tmp_path)
    assert (("orders", rule), 0.45) in [((name, one.rule), one.share) for name, one in report.loud]
    assert "45% of orders" in shown(report)
    assert f"orders.{rule}" in json.loads(json.dumps(report.as_dict()))["loud"]
    (tmp_path / "orders.csv").write_text(orders(1, bad, 99))
    few = checked(tmp_path)
    assert rule in {one.rule for one in few.tables["orders"].findings}
    assert rule not in {one.rule for _, one in few.loud}


def test_customers_who_never_came_are_counted(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(orders(0, "", 30))
    (tmp_path / "customers.csv").write_text("customer_id\n" + "".join(f"c{number}\n" for number in range(40)))
    report = checked(tmp_path, tables={"customers": {"path": "customers.csv"}})
    assert [(name, one.rule, one.n_rows, one.share) for name, one in report.loud] == [
        ("customers", "idle_customers", 10, 0.25)
    ]


def test_the_sums_are_those_that_an_owner_knows(tmp_path: Path) -> None:
    lines = "a,2024-01-31 23:30:00,p9,7.25,12,refunded,2024-02-01\na,2024-01-31 23:30:00,p9,1,12,paid,2024-02-01\n"
    (tmp_path / "orders.csv").write_text(orders(0, "", 30) + lines)
    report = checked(tmp_path, shop={"timezone": "Europe/Berlin"})
    sums = json.loads(json.dumps(report.as_dict()))["totals"]["orders"]
    assert sums == {
        "name": "orders",
        "n_rows": 32,
        "n_orders": 31,
        "n_customers": 31,
        "amount": 308.25,
        "revenue": 301.0,
        "first_day": "2024-01-02",  # half past eleven in UTC is the next day there
        "last_day": "2024-02-01",
    }
    text = shown(report)
    assert "What it adds up to" in text
    assert "301.00" in text


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["good", "excluded", "no id", "bad time", "broken", "negative"]), max_size=8),
        min_size=1,
        max_size=4,
    )
)
def test_rows_in_are_used_set_aside_or_excluded_file_by_file(files: list[list[str]]) -> None:
    import tempfile

    made = {
        "good": "c{0},2024-01-03,o{0},10,12,paid,2024-02-01",
        "excluded": "c{0},2024-01-03,test,10,12,paid,2024-02-01",
        "no id": ",2024-01-03,o{0},10,12,paid,2024-02-01",
        "bad time": "c{0},never,o{0},10,12,paid,2024-02-01",
        "broken": "c{0},2024-01-03",
        "negative": "c{0},2024-01-03,o{0},-10,12,paid,2024-02-01",
    }
    with tempfile.TemporaryDirectory() as folder:
        number = 0
        for place, kinds in enumerate(files):
            lines = []
            for kind in kinds:
                lines.append(made[kind].format(number))
                number += 1
            (Path(folder) / f"orders_{place}.csv").write_text(HEAD + "".join(f"{line}\n" for line in lines))
        table = {"path": "orders*.csv", "exclude": "order_id = 'test'"}
        report = check(read_config({"tables": {"orders": table}}), Path(folder)).tables["orders"]
    assert report.n_read == report.n_excluded + report.n_set_aside + report.n_accepted == sum(map(len, files))
    for source, kinds in zip(report.sources, files, strict=True):
        expected = (len(kinds), kinds.count("excluded"), kinds.count("good"))
        assert (source.n_read, source.n_excluded, source.n_accepted) == expected
        assert source.n_read == source.n_excluded + source.n_set_aside + source.n_accepted


@pytest.mark.parametrize(
    ("join", "lost"),
    [
        ("join 'lines.csv' using (order_id)", {("heads.csv", 1, 3), ("lines.csv", 2, 4)}),
        ("left join 'lines.csv' using (order_id)", {("lines.csv", 2, 4)}),
        ("right join 'lines.csv' l on l.order_id = heads.order_id", {("heads.csv", 1, 3)}),
        ("full join 'lines.csv' using (order_id)", set()),
        ("inner join 'lines.csv' as l on heads.order_id = l.order_id", {("heads.csv", 1, 3), ("lines.csv", 2, 4)}),
    ],
)
def test_rows_that_a_join_drops_are_counted_on_both_sides(
    tmp_path: Path, join: str, lost: set[tuple[str, int, int]]
) -> None:
    (tmp_path / "heads.csv").write_text(
        "order_id,customer_id,ordered_at\n1,a,2024-01-01\n2,b,2024-01-02\n3,c,2024-01-03\n"
    )
    (tmp_path / "lines.csv").write_text("order_id,amount\n1,5\n2,6\n8,7\n9,8\n")
    query = f"select customer_id, ordered_at, amount from 'heads.csv' {join}"
    report = check(read_config({"tables": {"orders": {"query": query}}}), tmp_path).tables["orders"]
    found = [one for one in report.findings if one.rule == "lost_in_join"]
    assert {(one.detail.split("'")[1], one.n_rows, one.n_of) for one in found} == lost
    assert all(one.is_loud for one in found)


def test_a_query_that_begins_with_from_keeps_its_joins(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("id,at\nc1,2024-01-01\nc2,2024-01-01\n")
    (tmp_path / "known.csv").write_text("customer_id\nc1\nnobody\n")
    table = {"query": "from 'orders.csv' join 'known.csv' on id = customer_id", "columns": {"ordered_at": "at"}}
    report = check(read_config({"tables": {"orders": table}}), tmp_path).tables["orders"]
    assert report.n_accepted == 1
    assert {one.n_rows for one in report.findings if one.rule == "lost_in_join"} == {1}
