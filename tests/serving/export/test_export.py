"""Giving a list to files and to DuckDB; PostgreSQL has a file of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penchant.errors import ConfigError, InputError, NotThereError, OutputError
from penchant.output import replaced_file, replaced_folder
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Wave
from penchant.serving.audience.files import write_audience
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.export.files import Destination, export_audience, export_rows, load_destination
from penchant.serving.export.scores_and_tags import export_scores, export_tags
from penchant.serving.goals.catalogue import GOALS

NOW = datetime(2025, 3, 1)


@pytest.fixture
def folder(tmp_path: Path, people: Callable[..., pd.DataFrame]) -> Path:
    drawn = draw_audience(people(400), None, GOALS["retain"], AudienceSettings(Wave("spring", 1, NOW)))
    write_audience(drawn, tmp_path / "audience", {})
    return tmp_path / "audience"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_columns_are_chosen_named_and_ordered_as_the_tool_wants(folder: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "deep" / f"sent.{suffix}"
    columns = {"rank": "n", "customer_id": "Kunden-Nr."}
    done = export_audience(folder, Destination(address=str(path), columns=columns))
    read = pd.read_csv(path) if suffix == "csv" else pd.read_parquet(path)
    assert list(read.columns) == ["n", "Kunden-Nr."]
    assert len(read) == done.n_rows > 0


def test_ids_go_out_as_they_are_under_whatever_name_and_texts_are_made_harmless(tmp_path: Path) -> None:
    rows = pa.table({"customer_id": ["+44", "-17"], "item_id": ["@a", "=b"], "note": ["=1", "x"]})
    rows = rows.set_column(2, "note", rows["note"].dictionary_encode())
    _write_rows(tmp_path / "audience", rows)
    to = Destination(
        address=str(tmp_path / "sent.csv"), columns={"customer_id": "phone", "item_id": "sku", "note": "n"}
    )
    export_audience(tmp_path / "audience", to)
    sent = pd.read_csv(tmp_path / "sent.csv", dtype=str)
    assert sent["phone"].tolist() == ["+44", "-17"]
    assert sent["sku"].tolist() == ["@a", "=b"]
    assert sent["n"].tolist() == ["'=1", "x"]


def test_send_at_keeps_its_instant_in_files_and_tables(tmp_path: Path) -> None:
    at = pa.array([datetime(2025, 11, 9, 23)], pa.timestamp("us", "Europe/Berlin"))
    rows = pa.table({"campaign_id": ["c"], "customer_id": ["a"], "wave": [1], "arm": ["mail"], "send_at": at})
    _write_rows(tmp_path / "audience", rows)
    export_audience(tmp_path / "audience", Destination(address=str(tmp_path / "sent.csv")))
    assert pd.read_csv(tmp_path / "sent.csv")["send_at"].tolist() == ["2025-11-10T00:00:00+01:00"]
    base = tmp_path / "base.duckdb"
    with duckdb.connect(str(base)) as con:  # a table of an earlier release, in UTC without a zone
        con.execute("set timezone = 'Asia/Tokyo'")
        con.execute("create table old (campaign_id text, customer_id text, wave bigint, arm text, send_at timestamp)")
        con.execute("alter table old add primary key (campaign_id, customer_id, wave)")
    for table in ("old", "new"):
        export_audience(tmp_path / "audience", Destination(address=f"duckdb://{base}", table=table))
    with duckdb.connect(str(base)) as con:
        assert con.sql("select send_at = timestamp '2025-11-09 23:00' from old").fetchall() == [(True,)]
        assert con.sql("select epoch(send_at) from new").fetchall() == [
            (datetime(2025, 11, 9, 23, tzinfo=UTC).timestamp(),)
        ]


def _write_rows(folder: Path, rows: pa.Table) -> None:
    folder.mkdir()
    pq.write_table(rows, folder / "send_list.parquet")


def test_a_mistyped_column_or_name_is_answered_with_the_nearest(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'customer_id'"):
        export_audience(folder, Destination(address="x.csv", columns={"custmer_id": "id"}))
    with pytest.raises(InputError, match="more than once"):
        export_audience(folder, Destination(address="x.csv", columns={"customer_id": "id", "rank": "id"}))
    (tmp_path / "to.toml").write_text("adress = 'x.csv'")
    with pytest.raises(ConfigError, match="address"):
        load_destination(tmp_path / "to.toml")


def test_a_mistyped_key_is_told_before_the_one_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "to.toml").write_text("addres = 'x.csv'")
    with pytest.raises(ConfigError, match="Did you mean 'address'"):
        load_destination(tmp_path / "to.toml")


def test_a_destination_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "to.toml").write_text("address = 'duckdb://b.duckdb'\ntable = 't'\n[columns]\ncustomer_id = 'k'")
    assert load_destination(tmp_path / "to.toml").columns == {"customer_id": "k"}


@pytest.mark.parametrize(
    ("to", "says"),
    [
        (Destination(address="mysql://host/base", table="t"), "duckdb:// or postgresql://"),
        (Destination(address="list.xls"), ".parquet or .csv"),
        (Destination(address="duckdb://x.duckdb"), "a table"),
        (Destination(address="duckdb://", table="t"), "the file of a DuckDB"),
        (Destination(address="duckdb://x.duckdb", table="t", columns={"rank": "rank"}), "campaign_id"),
    ],
)
def test_a_destination_that_cannot_be_is_refused(folder: Path, to: Destination, says: str) -> None:
    with pytest.raises(InputError, match=says):
        export_audience(folder, to)


def test_a_repeated_run_changes_nothing_in_duckdb(folder: Path, tmp_path: Path) -> None:
    to = Destination(address=f"duckdb://{tmp_path / 'base.duckdb'}", table="sent")
    first, again = (export_audience(folder, to, "assignments").changes for _ in range(2))
    assert first
    assert again
    assert (again.n_added, again.n_changed, again.n_removed, again.n_same) == (0, 0, 0, first.n_added)
    with duckdb.connect(str(tmp_path / "base.duckdb")) as con:
        read = con.sql("select * from sent").df()
    record = pd.read_parquet(folder / "assignments.parquet")
    pd.testing.assert_frame_equal(
        read.sort_values("customer_id", ignore_index=True)[["customer_id", "arm", "uplift"]],
        record.sort_values("customer_id", ignore_index=True)[["customer_id", "arm", "uplift"]],
        check_dtype=False,
    )


def test_rows_that_come_twice_are_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    rows = pa.table({"c": ["a", "a"], "k": ["1", "1"], "w": [1, 1], "arm": ["email", "sms"]})
    to = Destination(address=f"duckdb://{tmp_path / 'base.duckdb'}", table="sent")
    with pytest.raises(InputError, match="1 that come more than once"):
        export_rows(rows, to, ("c", "k", "w"))
    assert export_rows(rows[:1], to, ("c", "k", "w")).as_dict()["n_added"] == 1


def test_a_changed_value_is_changed_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    to = Destination(address=f"duckdb://{tmp_path / 'base.duckdb'}", table="main.sent")
    export_audience(folder, to)
    with duckdb.connect(str(tmp_path / "base.duckdb")) as con:
        con.execute("update sent set message_key = 'old' where rank <= 3")
        touched = con.sql("select count(*) from sent where rank <= 3").fetchall()[0][0]
    changes = export_audience(folder, to).changes
    assert changes
    assert changes.n_changed == touched > 0


def test_a_database_that_another_process_is_writing_is_busy(folder: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.duckdb"
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import duckdb; c = duckdb.connect({str(base)!r}); print(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout
    holder.stdout.readline()
    with pytest.raises(OutputError, match="another run"):
        export_audience(folder, Destination(address=f"duckdb://{base}", table="sent"))
    holder.communicate(b"\n")
    export_audience(folder, Destination(address=f"duckdb://{base}", table="sent"))


def test_a_file_that_another_run_is_writing_is_busy_and_a_fault_keeps_the_former(tmp_path: Path) -> None:
    path = tmp_path / "sent.csv"
    path.write_text("former")
    with replaced_file(path) as place:
        place.write_text("half")
        with pytest.raises(OutputError, match="another run"), replaced_file(path):
            pass
        assert path.read_text() == "former"
    assert path.read_text() == "half"
    with pytest.raises(OutputError, match="no such file"), replaced_file(path):
        pass  # nothing was written
    assert path.read_text() == "half"
    assert [each.name for each in tmp_path.iterdir()] == ["sent.csv"]


def test_a_damaged_list_is_named_and_the_former_file_kept(folder: Path, tmp_path: Path) -> None:
    to = Destination(address=str(tmp_path / "x.csv"))
    export_audience(folder, to)
    before = (tmp_path / "x.csv").read_bytes()
    (folder / "send_list.parquet").write_bytes(b"PAR1junk")
    with pytest.raises(InputError, match="as penchant wrote it"):
        export_audience(folder, to)
    assert (tmp_path / "x.csv").read_bytes() == before


def test_nothing_at_the_address_or_in_the_folder_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotThereError, match="send_list"):
        export_audience(tmp_path, Destination(address="x.csv"))
    with pytest.raises(NotThereError, match="a database that answers"):
        export_audience(folder, Destination(address=f"duckdb://{tmp_path / 'no' / 'base.duckdb'}", table="t"))


def write_scores_of(folder: Path, churn: dict[str, float]) -> None:
    """Write a folder of scores of two tasks, as `penchant score` does."""
    manifest = {"tasks": {"churn": {"kind": "probability"}, "uplift.retain": {"kind": "uplift"}}, "as_of": "x"}
    facts = {"as_of": pd.Series([NOW] * len(churn)).astype("datetime64[us]"), "model_version": "v/1"}
    with replaced_folder(folder, manifest) as place:
        risk = pd.DataFrame({"customer_id": list(churn), "churn_probability": list(churn.values()), **facts})
        risk.assign(reason_1="late").to_parquet(place / "churn.parquet", index=False)
        arms = pd.DataFrame(
            {"customer_id": list(churn), "uplift_mail": 0.1, "uplift_mail_low": 0.5, "uplift_call": 0.2}
        )
        arms.assign(**facts).to_parquet(place / "uplift.retain.parquet", index=False)


def test_a_table_holds_the_latest_scores_of_each_task(tmp_path: Path) -> None:
    to = Destination(address=f"duckdb://{tmp_path / 'base.duckdb'}", table="scores", columns={})
    write_scores_of(tmp_path / "scores", {"+44": 0.3, "b": 0.4})
    first, again = (export_scores(tmp_path / "scores", to).as_dict() for _ in range(2))
    assert first["n_added"] == 4
    assert again["n_same"] == 4
    write_scores_of(tmp_path / "scores", {"+44": 0.3, "c": 0.9})
    changes = export_scores(tmp_path / "scores", to).as_dict()
    assert (changes["n_added"], changes["n_removed"], changes["n_same"]) == (2, 2, 2)
    with duckdb.connect(str(tmp_path / "base.duckdb")) as con:
        rows = con.sql("select task, customer_id, score, reason_1 from scores order by all").fetchall()
    assert rows == [
        ("churn", "+44", 0.3, "late"),
        ("churn", "c", 0.9, "late"),
        ("uplift.retain", "+44", 0.2, None),
        ("uplift.retain", "c", 0.2, None),
    ]
    export_scores(tmp_path / "scores", Destination(address=str(tmp_path / "s.csv"), columns={"customer_id": "phone"}))
    assert pd.read_csv(tmp_path / "s.csv", dtype=str)["phone"].tolist() == ["+44", "c", "+44", "c"]


def test_a_table_holds_the_latest_tags(tmp_path: Path) -> None:
    to = Destination(address=f"duckdb://{tmp_path / 'base.duckdb'}", table="tags")
    for values in (["new", "leads"], ["regular", "leads"]):
        rows = pd.DataFrame({"subject": "customer", "id": ["a", "b"], "tag": "stage", "value": values, "as_of": NOW})
        (tmp_path / "tags").mkdir(exist_ok=True)
        rows.to_parquet(tmp_path / "tags" / "tags.parquet", index=False)
        changes = export_tags(tmp_path / "tags", to).as_dict()
    assert (changes["n_added"], changes["n_removed"], changes["n_same"]) == (1, 1, 1)
    with pytest.raises(NotThereError, match="'penchant tags'"):
        export_tags(tmp_path, to)
    with pytest.raises(NotThereError, match="'penchant score'"):
        export_scores(tmp_path, to)
