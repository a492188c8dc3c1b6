"""Customers that are forgotten stand in no result any more; every other row stays as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from penchant.errors import OutputError
from penchant.output import MANIFEST, file_facts, locked, replaced_folder
from penchant.serving.results.forget import forget

PEOPLE = pd.DataFrame({"customer_id": ["anna", "bert", "cleo"], "probability": [0.1, 0.2, 0.3]})
TAGS = pd.DataFrame(
    {"subject": ["customer", "item", "customer"], "id": ["bert", "bert", "cleo"], "tag": "stage", "value": "new"}
)
CSV = 'customer_id,reason\n"anna","no visit,\nfor long"\nbert,"bert\nagain"\ncleo,bert\n'


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return results of several steps that name bert."""
    with replaced_folder(tmp_path / "score" / "2025-01-01", {"step": "score", "key": "k"}) as place:
        PEOPLE.to_parquet(place / "churn.parquet", row_group_size=1)
        (place / "churn.csv").write_text(CSV, encoding="utf-8")
        (place / "other.txt").write_text("bert")
    with replaced_folder(tmp_path / "tags" / "2025-01-01", {"step": "tags"}) as place:
        TAGS.to_parquet(place / "tags.parquet")
    with replaced_folder(tmp_path / "audience" / "spring" / "wave-1", {"inputs": {}}) as place:
        PEOPLE.to_parquet(place / "assignments.parquet")
        PEOPLE.to_parquet(place / "send_list.parquet")
    return tmp_path


def test_their_rows_go_and_all_others_stay(out: Path) -> None:
    forgotten = forget(out, ["bert"])
    score = out / "score" / "2025-01-01"
    assert (
        pq.read_table(score / "churn.parquet")
        .to_pandas()
        .equals(PEOPLE[PEOPLE.customer_id != "bert"].reset_index(drop=True))
    )
    assert (score / "churn.csv").read_text() == 'customer_id,reason\n"anna","no visit,\nfor long"\ncleo,bert\n'
    assert list(pq.read_table(out / "tags" / "2025-01-01" / "tags.parquet")["subject"].to_pylist()) == [
        "item",
        "customer",
    ]
    assert forgotten.rows[str(score / "churn.csv")] == forgotten.rows[str(score / "churn.parquet")] == 1
    assert forgotten.sent == (str(out / "audience" / "spring" / "wave-1"),)
    assert not forgotten.removed


def test_the_manifest_tells_the_files_as_they_are_now(out: Path) -> None:
    before = json.loads((out / "score" / "2025-01-01" / MANIFEST).read_text())
    forget(out, ["bert", "anna"])
    folder = out / "score" / "2025-01-01"
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["n_forgotten"] == 2
    assert manifest["files"] == [file_facts(folder / facts["name"]) for facts in before["files"]]
    assert manifest["key"] == before["key"]


def test_a_second_time_finds_nothing(out: Path) -> None:
    forget(out, ["bert"])
    again = forget(out, ["bert"])
    assert again.as_dict() == {"rows": {}, "removed": [], "sent": []}


def test_who_is_on_no_list_changes_no_byte(out: Path) -> None:
    files = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    forget(out, ["bertram", "0.2", "spring"])
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == files


def test_rows_set_aside_go_whatever_the_shop_calls_its_customers(tmp_path: Path) -> None:
    rows = pd.DataFrame({"_file": ["a.csv"] * 2, "_row": [1, 2], "_reason": ["r"] * 2, "Kunde": ["bert", "cleo"]})
    with replaced_folder(tmp_path / "check", {"step": "check", "report": {}}) as place:
        rows.to_parquet(place / "orders.parquet")
        rows.to_csv(place / "orders.csv", index=False)
    forget(tmp_path, ["bert"])
    assert pq.read_table(tmp_path / "check" / "orders.parquet")["Kunde"].to_pylist() == ["cleo"]
    assert "bert" not in (tmp_path / "check" / "orders.csv").read_text()


def test_a_report_of_a_check_with_a_customer_among_its_examples_goes_as_a_whole(tmp_path: Path) -> None:
    with replaced_folder(tmp_path / "check", {"step": "check", "report": {"examples": [{"Kunde": "bert"}]}}):
        pass
    assert forget(tmp_path, ["anna"]).removed == ()
    assert forget(tmp_path, ["bert"]).removed == (str(tmp_path / "check"),)
    assert not (tmp_path / "check").exists()


def test_unfinished_work_of_killed_runs_goes_too(out: Path) -> None:
    work = out / "score" / ".2025-02-01.work" / "key"
    work.mkdir(parents=True)
    PEOPLE.to_parquet(work / "part.parquet")
    forget(out, ["bert"])
    assert not work.parent.exists()


def test_it_waits_for_no_run_that_is_writing(out: Path) -> None:
    work = out / "score" / ".2025-02-01.work"
    work.mkdir()
    with locked(out / "score" / "2025-02-01"), pytest.raises(OutputError, match="another run writing it"):
        forget(out, ["bert"])
    assert work.is_dir()


def test_rows_that_were_stored_for_later_commands_go_as_a_whole(tmp_path: Path) -> None:
    for name, people in (("one", PEOPLE), ("other", PEOPLE[PEOPLE.customer_id != "bert"])):
        with replaced_folder(tmp_path / "accepted" / name, {}) as place:
            people.to_parquet(place / "customers.parquet")
    assert forget(tmp_path, ["bert"]).removed == (str(tmp_path / "accepted" / "one"),)
    assert (tmp_path / "accepted" / "other" / "customers.parquet").is_file()
