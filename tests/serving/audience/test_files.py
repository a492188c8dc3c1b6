"""Audiences as folders: the same bytes, whole or not at all, and back through the contract."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from penchant.errors import OutputError
from penchant.features.contract import ASSIGNMENTS
from penchant.features.shop import shop_from_tables
from penchant.output import replaced_folder
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Wave
from penchant.serving.audience.files import read_records, write_audience
from penchant.serving.audience.result import Audience
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.goals.offers import CONTROL

NOW = datetime(2025, 3, 1)
People = Callable[..., pd.DataFrame]


@pytest.fixture
def audience(people: People) -> Audience:
    return draw_audience(people(400), None, GOALS["retain"], AudienceSettings(Wave("spring", 1, NOW)))


def test_an_audience_shows_who_is_left_after_each_step(audience: Audience) -> None:
    text = repr(audience)
    assert text.startswith("Audience 'spring', wave 1: retain")
    assert f"{len(audience.treated):,}" in text
    assert len(text) < 2_500
    assert "<table>" in audience._repr_html_()


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, people: People) -> None:
    for name in ("a", "b"):
        crowd = people(400).sample(frac=1, random_state=ord(name))
        drawn = draw_audience(crowd, None, GOALS["retain"], AudienceSettings(Wave("spring", 1, NOW)))
        write_audience(drawn, tmp_path / name, {"scores": "abc"})
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    assert len(bytes_of(tmp_path / "a")) == 6


def test_the_send_list_holds_the_treated_and_nobody_else(tmp_path: Path, audience: Audience) -> None:
    write_audience(audience, tmp_path / "out", {})
    treated = set(audience.record.loc[audience.record["arm"] != CONTROL, "customer_id"])
    with (tmp_path / "out" / "send_list.csv").open(newline="") as file:
        assert {row["customer_id"] for row in csv.DictReader(file)} == treated
    assert set(pd.read_parquet(tmp_path / "out" / "send_list.parquet")["customer_id"]) == treated


def test_the_record_is_read_back_as_the_shops_own_assignments(tmp_path: Path, audience: Audience) -> None:
    write_audience(audience, tmp_path / "out", {})
    tables = {name: pq.read_table(tmp_path / "out" / f"{name}.parquet") for name in ("assignments", "campaigns")}
    tables["assignments"] = tables["assignments"].select(ASSIGNMENTS.names)
    orders = pd.DataFrame({"customer_id": ["c00001"], "ordered_at": [NOW]})
    with shop_from_tables({**tables, "orders": orders}) as shop:
        rows = shop.tables["assignments"].execute()
        campaign = shop.tables["campaigns"].execute().iloc[0]
    assert set(rows["customer_id"]) == set(audience.record["customer_id"])
    assert (campaign["goal"], campaign["channel"], campaign["unit_cost"]) == ("retain", "email", 2)
    again = read_records([tmp_path / "out"])
    assert again["arm"].tolist() == audience.record["arm"].tolist()


def test_ids_are_exact_in_every_file_and_formulas_in_texts_are_harmless_for_people(
    tmp_path: Path, people: People
) -> None:
    crowd = people(300, stage="loyal", consent_email=True).assign(customer_id=[f"+44{i}" for i in range(300)])
    asked = AudienceSettings(Wave("spring", 1, NOW), messages={"default": "=cmd()"})
    drawn = draw_audience(crowd, None, GOALS["retain"], asked)
    write_audience(drawn, tmp_path / "out", {})
    with (tmp_path / "out" / "send_list.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    sent = pd.read_parquet(tmp_path / "out" / "send_list.parquet")
    assert [row["customer_id"] for row in rows] == sent["customer_id"].tolist()
    assert {row["message_key"] for row in rows} == {"'=cmd()"}
    assert set(sent["message_key"]) == {"=cmd()"}
    assert sent["customer_id"].str.startswith("+44").all()


def test_the_send_list_tells_the_shops_time_with_its_offset(tmp_path: Path, people: People) -> None:
    wave = Wave("spring", 1, datetime(2025, 3, 1, 23))
    drawn = draw_audience(people(300), None, GOALS["retain"], AudienceSettings(wave))
    write_audience(drawn, tmp_path / "out", {}, timezone="Europe/Berlin")
    with (tmp_path / "out" / "send_list.csv").open(newline="") as file:
        assert {row["send_at"] for row in csv.DictReader(file)} == {"2025-03-02T00:00:00+01:00"}
    sent = pd.read_parquet(tmp_path / "out" / "send_list.parquet")["send_at"]
    assert sent.unique().tolist() == [pd.Timestamp(2025, 3, 2, tz="Europe/Berlin")]
    record = pd.read_parquet(tmp_path / "out" / "assignments.parquet")["assigned_at"]
    assert record.unique().tolist() == [pd.Timestamp(2025, 3, 1, 23)]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("work", ["audience", "parquet", "table"])
def test_killed_at_any_step_the_former_result_stays_or_the_new_one_is_whole(tmp_path: Path, work: str) -> None:
    script = Path(__file__).parents[1] / "killed.py"
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(script), work, str(tmp_path)], capture_output=True, text=True, env=alone, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    facts = json.loads(done.stdout)
    assert facts["differ"]
    assert facts["steps"] >= 5
    assert facts["kept"] >= 3


def test_two_runs_for_one_folder_exclude_each_other(tmp_path: Path, audience: Audience) -> None:
    with replaced_folder(tmp_path / "out", {}), pytest.raises(OutputError, match="another run"):
        write_audience(audience, tmp_path / "out", {})
    write_audience(audience, tmp_path / "out", {})


READ_ONLY = """
import os, sys
from pathlib import Path
import pyarrow as pa
from penchant.errors import OutputError
from penchant.serving.export.files import Destination, export_rows

rows = pa.table({"customer_id": ["a"]})
export_rows(rows, Destination(address=sys.argv[2] + "/x.csv"), ())  # and all that is needed is imported
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)  # root may write everywhere
try:
    export_rows(rows, Destination(address=sys.argv[1] + "/x.csv"), ())
except OutputError as fault:
    print(fault)
"""


def test_a_read_only_folder_is_named_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o555)
        command = [sys.executable, "-c", READ_ONLY, name, str(tmp_path)]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "permission denied" in run.stdout
        assert not list(Path(name).iterdir())
