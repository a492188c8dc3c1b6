"""Long work: one at a time, told as it goes, still there after a restart, cancelled, never twice at once."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from penchant.errors import InputError, NotThereError
from penchant.serving.web.actions import ACTIONS, command_of
from penchant.serving.web.app import API, create_app, prepare_if_bare
from penchant.serving.web.jobs import JOB_FILE, RESULT_FILE, Job, Jobs
from penchant.serving.web.places import with_places
from penchant.serving.web.ready import Ready
from penchant.serving.web.settings import WebSettings


def ended(jobs: Jobs, name: str, seconds: float = 60.0) -> Job:
    until = time.monotonic() + seconds
    while (job := jobs.get(name)).is_open and time.monotonic() < until:
        time.sleep(0.05)
    return job


@pytest.mark.slow
def test_a_job_runs_a_command_and_keeps_what_it_said(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    job = ended(jobs, jobs.start("check", ["--help"], "ann").id)
    assert (job.state, job.exit_code, job.asked_by) == ("done", 0, "ann")
    failed = ended(jobs, jobs.start("check", ["no-such-command"], "ann").id)
    assert (failed.state, failed.exit_code) == ("failed", 2)
    assert "no-such-command" in jobs.progress(failed.id)
    after_a_restart = Jobs(tmp_path)
    assert [one.id for one in after_a_restart.all()] == [failed.id, job.id]


@pytest.mark.slow
def test_the_same_work_is_not_started_twice_and_runs_one_at_a_time(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    first = jobs.start("check", ["--help"], "ann")
    assert jobs.start("check", ["--help"], "bob").id == first.id
    other = jobs.start("score", ["--help"], "bob")
    assert other.id != first.id
    keyed = jobs.start("monitor", ["--help"], "bob", key="mine")
    for one in (first, other, keyed):
        ended(jobs, one.id)
    assert jobs.start("monitor", ["--help"], "bob", key="mine").id == keyed.id
    assert jobs.start("check", ["--help"], "ann").id != first.id


@pytest.mark.slow
def test_a_job_that_waits_or_runs_can_be_cancelled(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    job = jobs.start("demo", ["simulate", "--help"], "ann")
    jobs.cancel(job.id)
    time.sleep(0.3)
    assert jobs.get(job.id).state == "cancelled"
    with pytest.raises(InputError, match="one that waits or runs"):
        jobs.cancel(job.id)
    with pytest.raises(NotThereError, match="one of those there are"):
        jobs.get("../../etc")


def test_each_action_becomes_a_command_of_checked_fields(web_settings: WebSettings) -> None:
    fields = {"goal": "retain", "as_of": "2025-11-01", "budget": "5000", "campaign": "late autumn"}
    command = command_of(web_settings, ACTIONS["audience"], fields)
    assert command[command.index("audience") :] == [
        *("audience", "retain", "--as-of", "2025-11-01"),
        *("--budget", "5000", "--campaign", "late autumn", "--store", str(web_settings.store)),
    ]


def test_a_page_of_which_nothing_is_prepared_prepares_itself_and_looks_again(
    web_settings: WebSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    bare = create_app(replace(web_settings, out=tmp_path))
    monkeypatch.setattr(bare.state.site.jobs, "start", lambda kind, *_rest: started.append(kind) or waiting("prepare"))
    assert prepare_if_bare(bare)
    assert not prepare_if_bare(create_app(web_settings))
    assert started == ["prepare"]
    monkeypatch.setattr(bare.state.site.jobs, "all", lambda: [waiting("prepare")])
    assert 'http-equiv="refresh"' in TestClient(bare).get("/").text


def waiting(kind: str) -> Job:
    return Job("20250101T000000-0", kind, (), "start", "2025-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("kind", "fields", "arguments"),
    [
        ("returned", {"campaign": "late autumn"}, ["returned", "--", "late autumn"]),
        ("elasticity", {"campaign": "test-1"}, ["elasticity", "--", "test-1"]),
        (
            "joint_price",
            {"item": "--out", "prices": "9.5 8", "elasticity": "-2"},
            ["joint-price", "--price", "9.50", "--price", "8", "--elasticity", "-2", "--", "--out"],
        ),
    ],
)
def test_an_insight_of_one_campaign_or_item_is_a_job(
    web_settings: WebSettings, kind: str, fields: dict[str, str], arguments: list[str]
) -> None:
    command = command_of(web_settings, ACTIONS[kind], fields)
    assert command[command.index("insight") + 1 :] == arguments


def test_what_an_insight_of_a_campaign_found_stands_on_its_page(client: TestClient, web_settings: WebSettings) -> None:
    folder = web_settings.folder / "jobs"
    job = Job(
        "20250101T000000-returned-0", "returned", ("insight",), "me", "2025-01-01T00:00:00+00:00", "done", exit_code=0,
        fields={"campaign": "spring"},
    )  # fmt: skip
    rate = {"value": 0.4, "low": 0.2, "high": 0.6}
    found = {"by_category": [{"category": "tea", "n": 12, "share": rate}], "n_returned": 30}
    (folder / job.id).mkdir(parents=True)
    try:
        (folder / job.id / JOB_FILE).write_text(json.dumps(asdict(job)), encoding="utf-8")
        (folder / job.id / RESULT_FILE).write_text(json.dumps(found), encoding="utf-8")
        page = client.get("/campaigns/spring").text
        assert client.get(f"{API}/campaigns/spring").json()["insights"]["returned"] == found
        assert "Who came back: categories bought" in page
        assert "40.0%" in page
        assert "(20.0% to 60.0%)" in page
        assert "Who came back: categories bought" in client.get(f"/jobs/{job.id}").text
    finally:
        shutil.rmtree(folder / job.id)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("returned", {"campaign": "--out"}, "a name of letters"),
        ("joint_price", {"item": " "}, "the id of an item"),
        ("joint_price", {"item": "a", "prices": "9 --out"}, "an amount"),
        ("joint_price", {"item": "a", "elasticity": "2"}, "0 or less"),
        ("audience", {"goal": "retian", "as_of": "2025-11-01"}, "Did you mean 'retain'?"),
        ("audience", {"goal": "retain", "as_of": "soon"}, "a date"),
        ("audience", {"goal": "retain", "as_of": "2025-11-01", "campaign": "../../x"}, "a name of letters"),
        ("audience", {"goal": "retain", "as_of": "2025-11-01", "campaign": "--out"}, "a name of letters"),
        ("audience", {"goal": "retain", "as_of": "2025-11-01", "size": "-3"}, "a whole number"),
        ("audience", {"goal": "retain", "as_of": "2025-11-01", "budget": "nan"}, "an amount"),
        ("audience", {"goal": "retain", "as_of": "2025-11-01", "channel": "--json"}, "one of email"),
        ("promote", {"task": "--all"}, "the name of a task"),
        ("promote", {"task": "churn"}, "yes, because everybody's scores"),
        ("audience", {"goal": "retain", "as_of": "2025-11-01", "crowd": "--all"}, "the name of a crowd"),
        ("audience", {"goal": "retain", "as_of": "2025-11-01", "holdout": "100"}, "a share in per cent"),
        ("audience", {"goal": "retain", "as_of": "2025-11-01", "arm": "cake"}, "field 'arm'"),
    ],
)
def test_a_field_that_is_not_as_it_should_be_is_refused(
    web_settings: WebSettings, kind: str, fields: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        command_of(web_settings, ACTIONS[kind], fields)


@pytest.mark.slow
def test_a_program_starts_a_job_once_and_follows_it(client: TestClient, web_settings: WebSettings) -> None:
    wanted = {"kind": "check", "fields": {}}
    first = client.post(f"{API}/jobs", json=wanted, headers={"Idempotency-Key": "night"})
    again = client.post(f"{API}/jobs", json=wanted, headers={"Idempotency-Key": "night"})
    assert first.status_code == again.status_code == 202
    assert first.json()["id"] == again.json()["id"]
    job = ended(Jobs(web_settings.folder / "jobs"), first.json()["id"])
    assert job.state == "failed"  # this shop has no tables: a fault of the request, told in words
    told = client.get(first.headers["Location"]).json()
    assert told["exit_code"] == 2
    assert "neither orders nor interactions" in told["result"]["faults"][0]
    assert client.get(f"/jobs/{job.id}").status_code == 200
    assert client.post(f"{API}/jobs", json={"kind": "rm"}).status_code == 400


def test_a_wave_goes_only_to_destinations_beside_the_configuration(
    client: TestClient, web_settings: WebSettings
) -> None:
    place = web_settings.shop_file.parent / "crm.toml"
    place.write_text('address = "given.csv"\n', encoding="utf-8")
    assert client.get(f"{API}/campaigns/spring").json()["destinations"] == ["crm.toml"]
    fields = {"campaign": "spring", "wave": "wave-1", "to": "crm.toml"}
    command = command_of(
        web_settings, ACTIONS["export"], with_places(web_settings, Ready(web_settings), "export", fields)
    )
    folder = web_settings.out / "audience" / "spring" / "wave-1"
    assert command[command.index("export") :] == ["export", str(folder), "--to", str(place)]
    for wrong in ({"to": "../crm.toml"}, {"to": "penchant.toml"}, {"wave": "../wave-1"}, {"campaign": ".."}):
        answer = client.post(f"{API}/jobs", json={"kind": "export", "fields": {**fields, **wrong}})
        assert answer.status_code == 404, wrong
    place.unlink()
