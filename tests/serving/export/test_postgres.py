"""Writing into a real PostgreSQL: a private server on a folder and a socket of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from penchant.errors import InputError, NotThereError, OutputError
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Wave
from penchant.serving.audience.files import write_audience
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.export.files import Destination, export_audience, export_rows
from penchant.serving.goals.catalogue import GOALS

psycopg = pytest.importorskip("psycopg")
pytestmark = pytest.mark.xdist_group("postgres")

NOW = datetime(2025, 3, 1)


@pytest.fixture(scope="module")
def server(postgres: Any) -> Any:
    return postgres


@pytest.fixture
def table(server: Any) -> Iterator[str]:
    yield "sent"
    server.run("drop table if exists sent")


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory, people: Callable[..., pd.DataFrame]) -> dict[str, Path]:
    """Return folders of two audiences for the same wave, drawn with different seeds."""
    folders = {name: tmp_path_factory.mktemp("lists") / name for name in ("one", "other")}
    for seed, folder in enumerate(folders.values()):
        ask = AudienceSettings(Wave("spring", 1, NOW, seed))
        write_audience(draw_audience(people(400), None, GOALS["retain"], ask), folder, {})
    return folders


def test_a_repeated_run_changes_nothing(server: Any, table: str, lists: dict[str, Path]) -> None:
    to = Destination(address=server.address, table=table)
    first = export_audience(lists["one"], to, "assignments")
    before = server.query(f"select *, xmin from {table} order by customer_id")
    again = export_audience(lists["one"], to, "assignments")
    assert first.changes
    assert again.changes
    assert (first.changes.n_added, again.changes.n_same) == (first.n_rows, first.n_rows)
    assert again.changes.n_added == again.changes.n_changed == again.changes.n_removed == 0
    assert server.query(f"select *, xmin from {table} order by customer_id") == before  # not one row was touched


def test_what_is_read_back_is_what_was_written(server: Any, table: str, lists: dict[str, Path]) -> None:
    export_audience(lists["one"], Destination(address=server.address, table=table), "assignments")
    record = pd.read_parquet(lists["one"] / "assignments.parquet").sort_values("customer_id")
    rows = server.query(
        f"select customer_id, arm, probability, uplift, assigned_at, contacted_at, segment from {table} order by 1"
    )
    read = pd.DataFrame(rows, columns=["customer_id", "arm", "probability", "uplift", "at", "contacted", "segment"])
    for name in ("customer_id", "arm", "probability", "uplift"):
        assert read[name].tolist() == record[name].tolist()
    assert set(read["at"]) == {NOW}
    assert read["contacted"].isna().all()
    assert read["segment"].isna().all()


def test_columns_are_chosen_and_renamed_and_others_are_left_alone(
    server: Any, table: str, lists: dict[str, Path]
) -> None:
    server.run(
        f"create table {table} (kunde varchar, aktion varchar, welle bigint, notiz varchar default 'neu',"
        " unique (aktion, kunde, welle))"
    )
    columns = {"customer_id": "kunde", "campaign_id": "aktion", "wave": "welle"}
    to = Destination(address=server.address, table=f"public.{table}", columns=columns)
    export_audience(lists["one"], to)
    server.run(f"update {table} set notiz = 'angerufen'")
    export_audience(lists["one"], to)
    assert set(server.query(f"select aktion, welle, notiz from {table}")) == {("spring", 1, "angerufen")}


def test_another_list_for_a_wave_that_is_there_is_refused_unless_asked_for(
    server: Any, table: str, lists: dict[str, Path]
) -> None:
    to = Destination(address=server.address, table=table)
    export_audience(lists["one"], to, "assignments")
    with pytest.raises(OutputError, match="with another arm"):
        export_audience(lists["other"], to, "assignments")
    export_audience(lists["other"], to, "assignments", replace=True)
    other = pd.read_parquet(lists["other"] / "assignments.parquet")
    assert set(server.query(f"select customer_id, arm from {table}")) == set(
        other[["customer_id", "arm"]].itertuples(index=False, name=None)
    )


def test_a_table_without_the_key_or_a_column_is_named(server: Any, table: str, lists: dict[str, Path]) -> None:
    columns = {"customer_id": "customer_id", "campaign_id": "campaign_id", "wave": "wave"}
    server.run(f"create table {table} (customer_id varchar, campaign_id varchar, wave bigint)")
    with pytest.raises(InputError, match="unique key"):
        export_audience(lists["one"], Destination(address=server.address, table=table, columns=columns))
    with pytest.raises(InputError, match="'arm'"):
        export_audience(lists["one"], Destination(address=server.address, table=table), "assignments")
    assert server.query(f"select count(*) from {table}") == [(0,)]


def test_who_may_write_a_table_need_not_be_allowed_to_make_one(server: Any, table: str, lists: dict[str, Path]) -> None:
    to = Destination(address=server.address, table=table)
    export_audience(lists["one"], to)
    known = server.query(f"select count(*) from {table}")
    server.run("drop role if exists worker; create role worker login")
    server.run(f"grant select, insert, update, delete on {table} to worker")
    try:
        worker = Destination(address=server.address.replace("shop@", "worker@"), table=table)
        server.run(f"delete from {table} where customer_id in (select min(customer_id) from {table})")
        assert export_audience(lists["one"], worker).as_dict()["n_added"] == 1
        assert server.query(f"select count(*) from {table}") == known
        server.run(f"revoke insert on {table} from worker")
        with pytest.raises(OutputError, match="permission denied for table"):
            export_audience(lists["one"], worker)
        with pytest.raises(OutputError, match="permission denied for schema"):
            export_audience(lists["one"], worker.model_copy(update={"table": f"{table}_new"}))
    finally:
        server.run("drop owned by worker; drop role worker")


def test_a_password_is_never_shown(server: Any) -> None:
    rows, key = pa.table({"c": ["a"], "k": ["1"], "w": [1]}), ("c", "k", "w")
    there = server.address + "&password=hidden"
    for address, trouble in (
        (there.replace("/postgres?", "/missing?"), '"missing" does not exist'),
        ("postgresql://shop:hid/den@127.0.0.1:1/base?connect_timeout=1", "can't be read"),
        ("postgresql://shop:hidden@127.0.0.1:1/base?connect_timeout=1", "a database that answers"),
    ):
        with pytest.raises((NotThereError, InputError), match=trouble) as found:
            export_rows(rows, Destination(address=address, table="lists"), key)
        assert "hid" not in str(found.value)
    assert "hid" not in str(export_rows(rows, Destination(address=there, table="shown"), key).as_dict())


def test_two_runs_at_once_exclude_each_other(server: Any, table: str, lists: dict[str, Path]) -> None:
    with psycopg.connect(server.address) as con:
        con.execute("select pg_advisory_xact_lock(hashtext(%s))", (f"penchant {table}",))
        with pytest.raises(OutputError, match="another run"):
            export_audience(lists["one"], Destination(address=server.address, table=table))
    export_audience(lists["one"], Destination(address=server.address, table=table))


@pytest.mark.parametrize("moment", ["load", "number", "run"])
def test_a_database_that_vanishes_leaves_nothing_half_written(
    server: Any, table: str, lists: dict[str, Path], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penchant.serving.export import database as export_database

    to = Destination(address=server.address, table=table)
    export_audience(lists["one"], to, "assignments")
    before = server.query(f"select * from {table} order by customer_id")
    work = getattr(export_database._Base, moment)

    def vanish_first(base: Any, *values: Any) -> Any:
        if moment != "run" or values[0].startswith("insert"):
            server.vanish()
        return work(base, *values)

    with monkeypatch.context() as patch:
        patch.setattr(export_database._Base, moment, vanish_first)
        with pytest.raises(OutputError, match="Nothing was changed"):
            export_audience(lists["other"], to, "assignments", replace=True)
    with pytest.raises(NotThereError, match="a database that answers"):
        export_audience(lists["other"], to, "assignments", replace=True)
    server.start()
    assert server.query(f"select * from {table} order by customer_id") == before
    export_audience(lists["other"], to, "assignments", replace=True)
