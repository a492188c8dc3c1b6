"""Every rule: a shop that breaks it once, and what the report says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from penchant.config import Config, read_config
from penchant.errors import ConfigError, ContractError
from penchant.features.intake.check import check, render
from penchant.features.intake.raw import Gate
from penchant.features.intake.rules import NEVER_TAKEN, RULES
from penchant.features.shop import open_shop

HEADER = "id,at,amount\n"
GOOD = "".join(f"c{number},2020-01-0{number} 10:00:00,{number}.50\n" for number in range(1, 10))
COLUMNS = {"customer_id": "id", "ordered_at": "at", "amount": "amount"}


def config(path: str = "orders.csv", rules: dict[str, str] | None = None, **section: Any) -> Config:
    columns = {**COLUMNS, **section.pop("columns", {})}
    shop, ids = section.pop("shop", {}), {"merge": section.pop("merge", [])}
    more = section.pop("tables", {})
    orders = {"path": path, "columns": columns, **section}
    return read_config({"shop": shop, "ids": ids, "tables": {"orders": orders, **more}, "rules": rules or {}})


def put(folder: Path, content: str | bytes | pa.Table, name: str = "orders.csv") -> None:
    if isinstance(content, pa.Table):
        pq.write_table(content, folder / name)
    else:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


CELLS: dict[str, tuple[str, str]] = {  # a row that breaks a rule by itself
    "null_id": (",2020-01-01,1\n", "set aside"),
    "null_value": ("b,,1\n", "set aside"),
    "long_id": (f"{'x' * 10_000},2020-01-01,1\n", "set aside"),
    "padded_id": (" b ,2020-01-01,1\n", "warn"),
    "bad_time": ("b,2020-02-30,1\n", "set aside"),
    "time_out_of_range": ("b,1900-01-01,1\n", "set aside"),
    "far_time": ("b,2099-01-01,1\n", "set aside"),
    "lonely_end": ("b,2020-06-01,1\n", "warn"),
    "rounded_id": ("1.23E+12,2020-01-01,1\n", "warn"),
    "coarse_amount": ("b,2020-01-01,0.013\n", "warn"),
    "mixed_zones": ("b,2020-01-01T10:00:00+08:00,1\n", "warn"),
    "bad_value": ("b,2020-01-01,abc\n", "set aside"),
    "not_finite": ("b,2020-01-01,NaN\n", "set aside"),
    "negative_amount": ("b,2020-01-01,-1\n", "set aside"),
    "absurd_amount": ("b,2020-01-01,1e12\n", "set aside"),
    "outlying_amount": ("b,2020-01-01,99999\n", "warn"),
    "null_amount": ("b,2020-01-01,\n", "warn"),
    "duplicate_row": ("c1,2020-01-01 10:00:00,1.50\n", "warn"),
    "broken_line": ('b,2020-01-01,"1', "set aside"),
}


@pytest.mark.parametrize("rule", CELLS)
def test_a_row_that_breaks_a_rule_is_counted_shown_and_kept_or_set_aside(tmp_path: Path, rule: str) -> None:
    line, severity = CELLS[rule]
    put(tmp_path, HEADER + GOOD + line)
    report = check(config(), tmp_path, tmp_path / "aside")
    orders = report.tables["orders"]
    found = [finding for finding in orders.findings if finding.rule == rule]
    assert [(finding.n_rows, finding.severity) for finding in found] == [(1, severity)]
    assert not report.failed
    assert rule != "outlying_amount" or "the median is 6.00" in str(report.as_dict())
    assert orders.n_read == 10
    assert (orders.n_set_aside, orders.n_accepted) == ((1, 9) if severity == "set aside" else (0, 10))
    assert (tmp_path / "aside" / "orders.csv").exists() == (severity == "set aside")
    if rule != "lonely_end":
        assert found[0].examples[0].row == (11 if rule == "broken_line" else 10)


@pytest.mark.parametrize("rule", sorted({rule for rule, (_, severity) in CELLS.items() if severity == "set aside"}))
@pytest.mark.parametrize("severity", ["refuse", "warn"])
def test_the_configuration_changes_a_severity(tmp_path: Path, rule: str, severity: str) -> None:
    put(tmp_path, HEADER + GOOD + CELLS[rule][0])
    given = config(rules={f"orders.{rule}": severity})
    if rule in NEVER_TAKEN and severity == "warn":
        with pytest.raises(ConfigError, match="of no use"):
            check(given, tmp_path)
        return
    report = check(given, tmp_path)
    orders = report.tables["orders"]
    assert report.failed == (severity == "refuse")
    assert [finding.severity for finding in orders.findings if finding.rule == rule] == [severity]
    missing_time = rule in ("bad_time", "time_out_of_range")  # then the row has no time, and cannot be taken
    assert orders.n_accepted == (9 if severity == "refuse" or missing_time else 10)


def test_a_rule_that_is_ignored_says_nothing(tmp_path: Path) -> None:
    put(tmp_path, HEADER + GOOD + CELLS["negative_amount"][0])
    orders = check(config(rules={"negative_amount": "ignore"}), tmp_path).tables["orders"]
    assert (orders.findings, orders.n_accepted) == ((), 10)


OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "missing_column": (HEADER + GOOD, {"columns": {"quantity": "quantitty"}}),
    "wrong_type": (HEADER + GOOD, {"path": "numbers.parquet"}),
    "empty_table": (HEADER, {}),
    "mostly_set_aside": (HEADER + "a,2020-01-01,1\n,2020-01-01,1\n,2020-01-01,1\n", {}),
    "unreadable": ("", {}),
    "guessed_encoding": (HEADER + GOOD + "\xfc,2020-01-01,1\n", {}),
    "similar_ids": (HEADER + GOOD + "C1,2020-01-01,1\n", {}),
    "repeated_column": ("id,at,amount,amount\na,2020-01-01,1,2\n", {}),
    "merged_id": (HEADER + GOOD + "C1,2020-01-01,1\n", {"merge": ["customer_id"]}),
    "infinite_id": (
        "id,at,amount,order_id\na,2020-01-01,1,inf\nb,2020-01-02,1,1\n",
        {"columns": {"order_id": "order_id"}},
    ),
    "float_id": (HEADER + "1.0,2020-01-01,1\n2.0,2020-01-02,1\n", {}),
    "after_end": (HEADER + GOOD, {"shop": {"extract_end": "2020-01-09T00:00:00Z"}}),
    "unclear_clock": (HEADER + GOOD + "b,2020-03-29 01:30:00,1\n", {"timezone": "Europe/London"}),
    "above_list": ("id,at,amount,list_amount\na,2020-01-01,2,1\nb,2020-01-01,1,1\n", {}),
    "unknown_code": ("id,at,amount,status\na,2020-01-01,2,paid\nb,2020-01-01,2,eh\nc,2020-01-01,2,PAID\n", {}),
    "status_without_time": ("id,at,amount,status\na,2020-01-01,2,cancelled\nb,2020-01-01,2,paid\n", {}),
    "status_against_time": ("id,at,amount,status,paid_at\na,2020-01-01,2,unpaid,2020-01-02\n", {}),
    "out_of_order": ("id,at,amount,paid_at\na,2020-01-01,2,2019-12-31\n", {}),
    "implausible_year": (HEADER + GOOD, {"tables": {"customers": {"path": "customers.csv"}}}),
    "duplicate_key": (HEADER + GOOD, {"tables": {"customers": {"path": "customers.csv"}}}),
    "idle_customers": (HEADER + GOOD, {"tables": {"customers": {"path": "people.csv"}}}),
    "lost_in_join": (HEADER + GOOD, {"path": None, "query": "from 'orders.csv' join 'people.csv' on id = customer_id"}),
    "orphan": (HEADER + GOOD, {"tables": {"customers": {"path": "customers.csv"}}}),
    "several_arms": (HEADER + GOOD, {"tables": {"assignments": {"path": "assignments.csv"}}}),
    "overlapping_files": (HEADER + GOOD, {"path": "o*.csv"}),
    "probability_range": (HEADER + GOOD, {"tables": {"assignments": {"path": "assignments.csv"}}}),
}


@pytest.mark.parametrize("rule", OTHERS)
def test_a_table_that_breaks_a_rule_is_told(tmp_path: Path, rule: str) -> None:
    content, section = OTHERS[rule]
    put(tmp_path, content.encode("latin-1"))
    put(tmp_path, (HEADER + GOOD).replace("c", "d", 1), "o_first.csv")
    put(tmp_path, pa.table({"id": ["a"], "at": [20200101], "amount": [1.5]}), "numbers.parquet")
    put(tmp_path, "customer_id,birth_year\nc1,1800\nc1,1980\nc2,1980\n", "customers.csv")
    put(tmp_path, "customer_id\nc1\nnobody\n", "people.csv")
    put(
        tmp_path,
        "campaign_id,customer_id,arm,assigned_at,probability\nx,a,control,2020-01-01,1.5\nx,b,control,2020-01-01,1\n"
        "x,c,control,2020-01-01,1\nx,c,mail,2020-01-01,0.5\n",
        "assignments.csv",
    )
    report = check(config(**section), tmp_path)
    found = {finding.rule: finding for table in report.tables.values() for finding in table.findings}
    assert rule in found
    assert found[rule].severity == RULES[rule].severity or rule == "empty_table"


def test_every_rule_has_a_case_here() -> None:
    assert {*CELLS, *OTHERS} == set(RULES)


def test_all_refusals_come_at_once_and_nothing_is_left_behind(tmp_path: Path) -> None:
    put(tmp_path, HEADER + GOOD)
    scratch = tmp_path / "scratch"
    given = config(
        columns={"customer_id": "idd", "amount": "amout * 2"},
        exclude="stat = 'x'",
        tables={"items": {"path": "nothing.csv"}},
    )
    given = given.model_copy(update={"engine": given.engine.model_copy(update={"temp_directory": scratch})})
    with pytest.raises(ContractError, match="4 refusal") as caught:
        open_shop(given, tmp_path)
    for name in ("'idd'", "'amout'", "'stat'", "'nothing.csv'"):
        assert name in str(caught.value)
    assert list(scratch.iterdir()) == []


def test_an_unknown_rule_or_table_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'null_id'"):
        check(config(rules={"nul_id": "warn"}), tmp_path)
    with pytest.raises(ConfigError, match="Did you mean 'orders'"):
        check(read_config({"tables": {"order": {"path": "a.csv"}}}), tmp_path)


def test_the_quarantine_holds_the_shops_own_cells_where_they_stood_and_why(tmp_path: Path) -> None:
    put(tmp_path, HEADER + GOOD + 'b ,1900-01-01,abc\n"q""q",2020-01-01,-5\nx,2020-01-01\n')
    check(config(), tmp_path, tmp_path / "aside")
    rows = duckdb.connect().execute(f"from '{tmp_path}/aside/orders.parquet' order by _row").fetchall()
    assert rows == [
        ("orders.csv", 10, "time_out_of_range (ordered_at), bad_value (amount)", None, "b ", "1900-01-01", "abc"),
        ("orders.csv", 11, "negative_amount (amount)", None, 'q"q', "2020-01-01", "-5"),
        ("orders.csv", 13, "broken_line (missing columns)", "x,2020-01-01", None, None, None),
    ]
    again = duckdb.connect().execute(f"select count(*) from read_csv('{tmp_path}/aside/orders.csv')").fetchone()
    assert again == (3,)


def test_the_report_is_json_and_text_and_something_to_look_at(tmp_path: Path) -> None:
    put(tmp_path, HEADER + GOOD + CELLS["bad_value"][0])
    report = check(config(exclude={"small [ones]": "amount < 2"}), tmp_path)
    values = json.loads(json.dumps(report.as_dict()))
    assert values["tables"]["orders"]["excluded"] == {"small [ones]": 1}
    assert values["tables"]["orders"]["set_aside"] == {"bad_value": 1}
    assert values["extract_end"] == "2020-01-09T10:00:00"
    console = Console(width=100)
    with console.capture() as captured:
        console.print(render(report))
    shown = captured.get()
    assert "10 rows read, 1 excluded, 1 set aside, 8 accepted" in shown
    assert "small [ones]" in shown
    assert "amount = 'abc'" in shown
    assert "say so: decimal = ','" in shown  # what to do about it


def test_a_severity_of_a_rule_that_refuses_may_be_weaker(tmp_path: Path) -> None:
    put(tmp_path, HEADER + GOOD)
    report = check(config(columns={"quantity": "nothing"}, rules={"missing_column": "warn"}), tmp_path)
    assert not report.failed
    assert "quantity" not in report.tables["orders"].columns


@pytest.mark.parametrize(("source", "n_times"), [({"path": "orders.csv"}, 1), ({"query": "from 'orders.csv'"}, 0)])
def test_only_a_query_may_hold_lists_that_are_long_enough_for_a_join(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: dict[str, str], n_times: int
) -> None:
    put(tmp_path, HEADER + GOOD)
    done: list[str] = []
    execute = Gate.execute
    monkeypatch.setattr(Gate, "execute", lambda gate, query: done.append(query) or execute(gate, query))
    report = check(read_config({"tables": {"orders": {**source, "columns": COLUMNS}}}), tmp_path)
    assert report.tables["orders"].n_accepted == 9
    assert done.count("set disabled_optimizers = 'in_clause'") == n_times
    assert done.count("reset disabled_optimizers") == 1
