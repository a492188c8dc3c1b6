"""What is found out about a text file by looking at it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from penchant.config import Source, read_config
from penchant.errors import ContractError
from penchant.features.intake.check import check
from penchant.features.intake.text import found_encoding, found_separator, text_form

ANY = Source(path="any.csv")


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", ("utf-8", False)),
        ("utf-8-sig", ("utf-8-sig", False)),
        ("utf-16", ("utf-16", False)),
        ("latin-1", ("cp1252", True)),
    ],
)
def test_the_encoding_is_found(tmp_path: Path, encoding: str, found: tuple[str, bool]) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id,name\n1,Müller\n".encode(encoding))
    assert found_encoding(path) == found
    assert text_form(path, ANY).names == ("id", "name")


@pytest.mark.parametrize(
    ("lines", "separator"),
    [
        (["a,b", "1,2"], ","),
        (["a;b", "1,5;2,5", "1;3"], ";"),
        (["a\tb", "x, y\tz"], "\t"),
        (["id|list|more", "1|a,b|x", "2|c,d,e|y"], "|"),
        (['a,"b;c",d', '1,"2;3",4'], ","),
        (["only", "1", "2"], ","),
    ],
)
def test_the_separator_is_found(lines: list[str], separator: str) -> None:
    assert found_separator(lines) == separator


def test_names_are_unique_and_not_blank_and_rows_may_be_wider(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id, ID ,,id\n1,2,3,4,5\n6,7,8,9,0\n")
    assert text_form(path, ANY).names == ("id", "ID_2", "column3", "id_3", "column5")


def test_a_packed_file_is_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"id;at\n1;2\n"))
    form = text_form(path, ANY)
    assert (form.separator, form.names) == (";", ("id", "at"))


@pytest.mark.parametrize(("content", "got"), [(b"", "an empty file"), (b"\x00\x01,\x02\n1,2\n", "control signs")])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, got: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ContractError, match=got):
        text_form(path, ANY)


def test_a_quote_that_is_never_closed_breaks_its_own_line_alone(tmp_path: Path) -> None:
    good = 'a,"two\nlines",1\nb,x,2\n'
    (tmp_path / "o.csv").write_text("customer_id,note,amount\n" + good * 500 + 'c,"open,3\n' + good * 500 + 'd,"last,4')
    columns = {"ordered_at": "timestamp '2020-01-01'"}
    report = check(read_config({"tables": {"orders": {"path": "o.csv", "columns": columns}}}), tmp_path)
    orders = report.tables["orders"]
    assert (orders.n_accepted, orders.n_set_aside) == (2000, 2)
    broken = next(found for found in orders.findings if found.rule == "broken_line")
    assert [example.row for example in broken.examples] == [1502, 3003]
    assert broken.examples[0].values == {"line": 'c,"open,3'}


def test_an_open_quote_at_a_files_end_loses_no_row_of_the_others(tmp_path: Path) -> None:
    files = {
        "5": ["d,1980", " c ,", "d,1980", "A,1980", "d,1980"],
        "60": [" c ,", " c ,1700", 'a,"open', "a,b,c,d,e,f"],
        "71": ["d,1980"],
    }
    for name, lines in files.items():
        (tmp_path / f"c-{name}.csv").write_text("\n".join(["customer_id,birth_year", *lines, ""]))
    config = read_config({"tables": {"customers": {"path": "c-*.csv"}}, "engine": {"threads": 1}})
    table = check(config, tmp_path).tables["customers"]
    assert {source.source: source.n_read for source in table.sources} == {"c-5.csv": 5, "c-60.csv": 4, "c-71.csv": 1}
    assert [found.n_rows for found in table.findings if found.rule == "broken_line"] == [2]


@pytest.mark.parametrize("content", [b"cut", gzip.compress(b"id,at\n" * 20_000)[:-100]])
def test_a_damaged_packed_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv.gz").write_bytes(content)
    with pytest.raises(ContractError, match="read to its end"):
        text_form(tmp_path / "a.csv.gz", ANY)
