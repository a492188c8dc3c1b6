"""New files are taken in alone, with the result of reading all files again."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.config import load_config
from penchant.features.intake import accepted as accepted_rows
from penchant.features.intake.ingest import receive
from penchant.features.intake.report import CheckReport
from penchant.features.workspace import Workspace

HEAD = """
[shop]
name = "tea"
timezone = "Europe/Berlin"
"""
TABLES = {
    "orders": "[tables.orders]\npath = 'orders*.csv'\nexclude = { test = \"amount = '77'\" }\n",
    "visits": "[tables.interactions]\npath = 'visits*.csv'\ntimezone = 'Europe/Berlin'\n",
    "customers": "[tables.customers]\npath = 'customers*.csv'\n",
    "contacts": "[tables.assignments]\npath = 'contacts*.csv'\n",
}
TOML = HEAD + "".join(TABLES[name] for name in ("orders", "visits", "customers"))
HEADERS = {
    "orders": "customer_id,ordered_at,amount,status",
    "visits": "customer_id,occurred_at,kind",
    "customers": "customer_id,birth_year",
    "contacts": "campaign_id,customer_id,arm,assigned_at,wave",
}
FIRST = {
    "orders": ["a,2025-03-01 09:00:00,5,paid", "b,2025-03-30 02:30:00,7.5,paid", "e,2025-04-02,1,refunded"],
    "visits": ["a,2025-03-01 08:00:00,view", "q,2025-03-03 08:00:00,cart", "c,2025-04-02 08:00:00,view"],
    "customers": ["a,1980", "b,1990", "c,1700"],
    "contacts": ["k,a,control,2025-03-01,1", "k,b,mail,2025-03-01,1"],
}
TIMES = ("2025-03-01 09:00:00", "2025-03-30 02:30:00", "2025-04-02", "2025-04-03 10:00:00+00:00", "2099-12-31", "soon")
IDS = st.sampled_from(["a", "b", "A", " c ", "d", "", "7.0"])
AT = st.sampled_from(TIMES)
LINES = {
    "orders": st.tuples(
        IDS, AT, st.sampled_from(["5", "7.5", "-1", "x", "77", "90000"]), st.sampled_from(["paid", "lost"])
    ),
    "visits": st.tuples(IDS, AT, st.sampled_from(["view", "cart", "jump"])),
    "customers": st.tuples(IDS, st.sampled_from(["1980", "1700", ""])),
    "contacts": st.tuples(st.just("k"), IDS, st.sampled_from(["control", "mail"]), AT, st.just("1")),
}
BROKEN = st.sampled_from(["a,b,c,d,e,f,g,h", 'a,"open'])
ONE_LINE = {name: st.one_of(cells.map(",".join), BROKEN) for name, cells in LINES.items()}
SEVERITIES = ("warn", "set aside")


@st.composite
def nights(draw: st.DrawFn) -> tuple[str, list[dict[str, list[str]]]]:
    """Return penchant.toml, and the files of three nights: name -> lines."""
    names = (draw(st.sampled_from(["orders", "visits"])), draw(st.sampled_from(["customers", "contacts"])))
    rules = {rule: draw(st.sampled_from(SEVERITIES)) for rule in ("duplicate_row", "orphan", "outlying_amount")}
    toml = HEAD + "".join(TABLES[name] for name in names) + "[rules]\nmostly_set_aside = 'warn'\n"
    toml += "".join(f"{rule} = '{level}'\n" for rule, level in rules.items())
    files = [{f"{name}-5": [*FIRST[name], *draw(st.lists(ONE_LINE[name], max_size=5))] for name in names}]
    for night in range(2):
        place = draw(st.sampled_from([6, 6, 7, 2])) * 10 + night
        again = draw(st.booleans())
        new = draw(st.sets(st.sampled_from(names), min_size=1))
        lines = {name: draw(st.lists(ONE_LINE[name], min_size=1, max_size=4)) for name in sorted(new)}
        files.append({f"{name}-{place}": [*lines[name], *(FIRST[name] if again else [])] for name in lines})
    return toml, files


def write(folder: Path, files: Mapping[str, Sequence[str]]) -> None:
    for name, lines in files.items():
        header = HEADERS[name.split("-")[0]]
        (folder / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n")


def read(folder: Path, results: str, aside: Path | None = None) -> tuple[CheckReport, dict[str, Any]]:
    """Return the report, and the accepted rows and those set aside, by table."""
    work = Workspace(load_config(folder / "penchant.toml"), folder, folder / results)
    with duckdb.connect(config={"threads": 1}) as gate, tempfile.TemporaryDirectory() as scratch:
        received = receive(gate, work.config, (folder, Path(scratch)), quarantine=aside, accepted=work.accepted)
        rows: dict[str, Any] = {
            name: sorted(map(str, gate.execute(f"select {', '.join(columns)} from {name}").fetchall()))
            for name, columns in received.names.items()
        }
    for path in sorted(aside.glob("*.csv")) if aside is not None else ():
        rows[path.name] = path.read_text()
    return replace(received.report, quarantine=()), rows


def assert_same(folder: Path, night: int, aside: bool = False) -> CheckReport:
    """Hold what is taken in beside what is read anew; return the report of the first."""
    report, rows = read(folder, "nightly", folder / f"aside{night}" if aside else None)
    again, expected = read(folder, f"anew{night}", folder / f"again{night}" if aside else None)
    assert rows == expected
    assert report == again
    assert not again.intake
    return report


@settings(max_examples=3, deadline=None)
@given(nights())
def test_new_files_give_what_reading_everything_gives(shop: tuple[str, list[dict[str, list[str]]]]) -> None:
    toml, (first, second, third) = shop
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "penchant.toml").write_text(toml)
        for files in (first, second):
            write(folder, files)
            read(folder, "nightly")
        write(folder, third)
        assert_same(folder, 3, aside=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shop of which the first files were read."""
    (tmp_path / "penchant.toml").write_text(TOML)
    write(tmp_path, {f"{name}-5": FIRST[name] for name in ("orders", "visits", "customers")})
    read(tmp_path, "nightly")
    return tmp_path


def test_late_rows_duplicates_and_bad_rows_come_in_by_one_new_file(folder: Path) -> None:
    late = ["a,2025-02-01 09:00:00,3,paid", "b,2025-03-30 02:30:00,7.5,paid", "z,2025-04-03,x,paid", "a,soon,1,paid"]
    write(folder, {"orders-6": late})
    report = assert_same(folder, 1)
    orders = report.tables["orders"]
    assert report.intake == {name: "1 new file" if name == "orders" else "nothing new" for name in report.tables}
    assert (orders.n_read, orders.n_accepted, orders.n_set_aside) == (7, 4, 3)
    assert orders.set_aside == {"bad_time": 1, "bad_value": 1, "overlapping_files": 1}
    places = sorted((folder / "nightly" / "accepted").glob("*/orders.parquet"))
    assert len({path.stat().st_ino for path in places}) == 1
    assert len(list((folder / "nightly" / "accepted").glob("*/orders.1.parquet"))) == 1


def test_a_file_that_repeats_others_is_left_out_and_a_new_customer_ends_what_was_said_of_old_rows(folder: Path) -> None:
    write(folder, {"orders-6": FIRST["orders"]})
    report = assert_same(folder, 1)
    assert report.tables["orders"].set_aside == {"overlapping_files": 3}
    write(folder, {"customers-6": ["e,1970"]})
    report = assert_same(folder, 2)
    assert report.intake["customers"] == "1 new file"
    assert report.intake["orders"] == "read anew: rows of 'customers' came to which stored ones refer"
    assert "orphan" not in report.tables["orders"].warned


@pytest.mark.parametrize(
    ("name", "lines", "why"),
    [
        ("orders-5", ["a,2025-03-01 09:00:00,6,paid"], "'orders-5.csv' has changed"),
        ("orders-5", [], "'orders-5.csv' is gone"),
        ("orders-6", ["amount,status"], "a new file has not the columns of the others"),
        ("customers-4", ["a,1981"], "rows that are stored would count otherwise by 'duplicate_key'"),
    ],
)
def test_a_table_is_read_as_a_whole_where_new_files_cannot_be_taken_in_alone(
    folder: Path, name: str, lines: list[str], why: str
) -> None:
    write(folder, {"orders-7": ["a,2025-04-04,6,paid"], name: lines})
    if not lines:
        (folder / f"{name}.csv").unlink()
    if lines == ["amount,status"]:
        (folder / "orders-7.csv").unlink()
        (folder / f"{name}.csv").write_text("customer_id,ordered_at,amount\na,2025-04-05,7\n")
    report = assert_same(folder, 1)
    assert report.intake[name.split("-")[0]] == f"read anew: {why}"


def test_rebuild_reads_everything_again(folder: Path) -> None:
    write(folder, {"orders-6": ["a,2025-04-04,6,paid"]})
    work = Workspace(load_config(folder / "penchant.toml"), folder, folder / "nightly", rebuild=True)
    assert work.accepted.former() == {}
    with work.shop() as shop:
        assert not shop.report.intake
        assert shop.report.tables["orders"].n_accepted == 4


def test_a_run_that_is_killed_leaves_the_stored_rows_as_they_were(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in (folder / "nightly").rglob("*") if path.is_file()}
    new = {"orders-6": ["a,2025-04-04,6,paid"], "visits-6": ["a,2025-04-04 08:00:00,view"]}
    write(folder, new)
    writes = accepted_rows._write

    def killed(gate: Any, name: str, *more: Any) -> None:
        if name == "interactions":
            raise KeyboardInterrupt
        writes(gate, name, *more)

    monkeypatch.setattr(accepted_rows, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        read(folder, "nightly")
    monkeypatch.undo()
    assert {path: path.read_bytes() for path in before} == before
    assert assert_same(folder, 1).intake["orders"] == "1 new file"
