"""Score, audience, plan, measure and export from the command line, on a small simulated shop with models in use."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from penchant.config import load_config
from penchant.features import shop as features_shop
from penchant.features.matrix import build
from penchant.features.shop import open_shop
from penchant.features.spine import Spine
from penchant.models import plain_scorer
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.store.artifact import save
from penchant.models.store.registry import Record, Registry
from penchant.output import files_in, replaced_folder
from penchant.serving.web.app import create_app
from penchant.serving.web.settings import WebSettings
from penchant.simulate import SimulationSettings, simulate

from .. import command_line
from ..command_line import Done

pytestmark = pytest.mark.slow

AS_OF = "2025-11-10"
TABLES = ("orders", "interactions", "customers", "items", "campaigns", "assignments", "calendar")
SETTINGS = '[shop]\nname = "small"\n[features]\ngroups = ["recency", "frequency"]\nwindows = [90]\n'
PLAN = """
[plan]
name = "autumn"
budget = 200.0
[channels.email]
unit_cost = 0.02
[offers.hello]
kind = "reminder"
[[campaigns]]
id = "autumn-stay"
goal = "retain"
starts_at = 2025-11-10T00:00:00
offers = ["hello"]
channels = ["email"]
"""
CARD = {
    "model": "small.churn", "predicts": "no paid order", "for": "Whoever was eligible.", "horizon_days": 90,
    "signals": 9, "rows": {"train": 10}, "quality": {"auc": {"value": 0.75, "low": 0.7, "high": 0.8}}, "not_for": [],
    "checks": [{"code": "a", "title": "Enough", "explanation": "Yes.", "outcome": "issue", "facts": {}}],
    "gap_days": 0, "not_historical": [], "made_of": {},
}  # fmt: skip


def penchant(folder: Path, *arguments: str) -> Done:
    """Run a command on the files of a folder's data."""
    return command_line.penchant(folder, "--data", "data", *arguments)


def answer(done: Done, code: int = 0) -> dict[str, Any]:
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the working directory of a shop with a churn model in use."""
    folder = tmp_path_factory.mktemp("work")
    simulate(
        SimulationSettings(1_600, seed=3, starts_at=datetime(2025, 1, 1, tzinfo=UTC), pace_days=365), folder / "data"
    )
    tables = "\n".join(f'[tables.{name}]\npath = "{name}.parquet"' for name in TABLES)
    (folder / "penchant.toml").write_text(SETTINGS + tables)
    (folder / "plan.toml").write_text(PLAN)
    (folder / "crowds.toml").write_text(PLAN + 'only_if = [{ column = "no_such_thing" }]\n')
    (folder / "crm.toml").write_text('address = "duckdb://crm.duckdb"\ntable = "sends"\n')
    with open_shop(load_config(folder / "penchant.toml"), folder / "data") as shop:
        moment = shop.extract_end.replace(month=6, day=1)
        matrix = build(shop, Spine.at(shop, moment))
        signals = matrix.frame[[column.name for column in matrix.columns]]
    left = (np.random.default_rng(0).random(len(signals)) < 0.5).astype(int)
    model = PropensityModel(n_trees=5, n_folds=2).fit(signals, left)
    facts = {"task": "churn", "gap_days": 0, "horizon_days": 90, "signals": [asdict(one) for one in matrix.columns]}
    save(model, folder / "model", facts)
    (folder / "empty").mkdir()
    (folder / "empty" / "model_card.json").write_text(json.dumps(CARD))
    (folder / "empty" / "calibration.png").write_bytes(b"a picture")
    inputs = {column.name: "double" for column in matrix.columns}
    code = Path(plain_scorer.__file__)
    Registry(folder / "mlruns").log(Record("small.churn", {}, {}, {}, folder / "empty", folder / "model", code, inputs))
    answer(penchant(folder, "score", "--as-of", AS_OF, "--json"))
    return folder


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    """Return a working directory of the shop's own, with its scores and without earlier audiences."""
    for path in made.glob("*.toml"):
        shutil.copy(path, tmp_path)
    for name in ("data", "mlruns"):
        (tmp_path / name).symlink_to(made / name)
    shutil.copytree(made / "out", tmp_path / "out")
    return tmp_path


def test_the_same_scores_are_left_as_they_are_and_made_again_to_the_same_bytes(shop: Path) -> None:
    folder = shop / "out" / "small" / "score" / AS_OF
    before = files_in(folder)
    told = answer(penchant(shop, "score", "--as-of", AS_OF, "--json"))
    assert told["already_there"]
    assert told["tasks"]["churn"]["n_customers"] == told["n_customers"] > 0
    again = answer(penchant(shop, "score", "--as-of", AS_OF, "--again", "--json"))
    assert not again["already_there"]
    assert files_in(folder) == before


def test_a_run_beside_another_for_the_same_scores_says_so(shop: Path) -> None:
    with replaced_folder(shop / "taken", {}):
        done = penchant(shop, "score", "--as-of", AS_OF, "--out", "taken")
    assert done.returncode == 2
    assert "another run" in done.stderr


def test_an_audience_is_drawn_from_ready_scores_and_given_to_a_table(shop: Path) -> None:
    arguments = ("audience", "retain", "--as-of", AS_OF, "--size", "60", "--to", "crm.toml", "--json")
    told = answer(penchant(shop, *arguments))
    assert told["models"] == ["small.churn/1"]
    assert told["basis"] == "propensity"
    assert told["n_treated"] + told["n_control"] <= 60
    assert told["exported"][0]["n_added"] == told["n_treated"]
    folder = shop / told["out"]
    before = files_in(folder)
    again = answer(penchant(shop, *arguments))
    assert files_in(folder) == before
    assert again["exported"][0]["n_same"] == told["n_treated"]
    other = penchant(shop, "audience", "retain", "--as-of", AS_OF, "--size", "40", "--campaign", "retain-2025-11-10")
    assert other.returncode == 2
    assert "because they may have been contacted" in other.stderr
    assert files_in(folder) == before
    given = answer(penchant(shop, "export", str(folder), "--to", "crm.toml", "--json"))
    assert given["exported"][0]["n_same"] == told["n_treated"]


def test_an_audience_of_ready_scores_opens_neither_the_shop_nor_the_registry_and_is_the_same(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("audience", "retain", "--as-of", AS_OF, "--json", "--out")
    with monkeypatch.context() as closed:
        closed.setattr(features_shop, "open_shop", None)
        closed.setattr(Registry, "names", None)
        assert answer(penchant(shop, *arguments, "of_files"))["n_treated"] > 0
    (shop / "out" / "small" / "score" / AS_OF / "known.parquet").unlink()
    answer(penchant(shop, *arguments, "of_the_shop"))
    assert files_in(shop / "of_files") == files_in(shop / "of_the_shop")


def test_a_consent_that_was_withdrawn_after_scoring_is_seen(shop: Path) -> None:
    shutil.copytree(shop / "data", shop / "today")
    customers = pd.read_parquet(shop / "today" / "customers.parquet")
    customers.assign(consent_email=False).to_parquet(shop / "today" / "customers.parquet")
    given = ("--data", "today", "--scores", str(shop / "out" / "small" / "score" / AS_OF))
    told = answer(penchant(shop, "audience", "retain", "--as-of", AS_OF, *given, "--json"))
    assert told["excluded"]["no consent for the channel"]["customers"] == told["n_eligible"] > 0
    assert told["n_treated"] == told["n_control"] == 0


def test_the_next_audience_heeds_the_one_before(shop: Path) -> None:
    first = answer(penchant(shop, "audience", "retain", "--as-of", AS_OF, "--campaign", "one", "--json"))
    record = pd.read_parquet(shop / first["out"] / "assignments.parquet")
    second = answer(penchant(shop, "audience", "retain", "--as-of", AS_OF, "--campaign", "two", "--json"))
    held = set(record.loc[record["arm"] == "control", "customer_id"])
    taken = pd.read_parquet(shop / second["out"] / "assignments.parquet")["customer_id"]
    assert held
    assert held.isdisjoint(taken)
    assert second["excluded"]["another campaign's control"]["customers"] >= len(held)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("audience", "retian", "--as-of", AS_OF), "Did you mean 'retain'?"),
        (("audience", "retain", "--as-of", AS_OF, "--arm", "remindr"), "Did you mean 'reminder'?"),
        (("audience", "retain", "--as-of", AS_OF, "--only-if", "crowd:intrest"), "Did you mean 'interest'?"),
        (("audience", "retain", "--as-of", AS_OF, "--unless", "tier=hihg"), "Did you mean 'high'?"),
        (("audience", "retain", "--as-of", AS_OF, "--only-if", "n_orders_90d"), "n_orders_90d>=1"),
        (("plan", "crowds.toml", "--dry-run"), "'no_such_thing'"),
        (("audience", "second", "--as-of", AS_OF), "a champion of one of its models is needed"),
        (("audience", "retain", "--as-of", AS_OF, "--scores", "data"), "a folder that 'penchant score' wrote"),
        (("audience", "retain", "--as-of", AS_OF, "--past", "lost-past"), "nothing at 'lost-past'"),
        (("measure", "no-such-campaign"), "one that is in 'assignments'"),
        (("measure", "any", "--past", "nowhere"), "a folder of earlier audiences"),
        (("monitor", "--scores", "nowhere"), "a folder of scores"),
        (("monitor", "--limit", "promis=1"), "Did you mean 'promise'?"),
        (("plan", "plan.toml"), "the day whose waves are to be drawn"),
        (("export", "data", "--to", "crm.toml"), "nothing there"),
    ],
)
def test_what_is_lacking_is_said_by_name(shop: Path, arguments: tuple[str, ...], message: str) -> None:
    done = penchant(shop, *arguments)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_crowds_tags_and_signals_are_conditions_of_audiences_and_plans(shop: Path) -> None:
    asked = ("--only-if", "tier=high,middle", "--unless", "crowd:interest", "--only-if", "n_orders_180d>=1")
    some = answer(penchant(shop, "audience", "retain", "--as-of", AS_OF, "--campaign", "some", *asked, "--json"))
    tags = answer(penchant(shop, "tags", "--as-of", AS_OF, "--subject", "customer", "--json"))
    rows = pd.read_parquet(shop / tags["out"] / "tags.parquet")
    tiers = rows[(rows["tag"] == "tier") & rows["value"].isin(["high", "middle"])]["id"]
    interested = rows[(rows["tag"] == "crowd") & (rows["value"] == "interest")]["id"]
    stages = rows[(rows["tag"] == "stage") & rows["value"].isin(["new", "regular", "loyal"])]["id"]
    wanted = (set(tiers) & set(stages)) - set(interested)
    taken = set(pd.read_parquet(shop / some["out"] / "assignments.parquet")["customer_id"])
    assert taken
    assert taken <= wanted
    assert 0 < some["n_eligible"] <= len(wanted)
    (shop / "crowds.toml").write_text(PLAN + 'only_if = [{ column = "stage:loyal" }]\n')
    dry = answer(penchant(shop, "plan", "crowds.toml", "--dry-run", "--as-of", AS_OF, "--json"))
    assert dry["campaigns"][0]["n_eligible"] == (rows.query("tag == 'stage'")["value"] == "loyal").sum()


def test_a_campaign_is_named_and_its_list_dated_by_the_shops_own_day(shop: Path) -> None:
    settings = (shop / "penchant.toml").read_text()
    (shop / "penchant.toml").write_text(settings.replace("[features]", 'timezone = "Europe/Berlin"\n[features]'))
    drawn = answer(penchant(shop, "audience", "retain", "--as-of", AS_OF, "--json"))
    assert drawn["campaign_id"] == f"retain-{AS_OF}"
    assert drawn["as_of"] == "2025-11-09T23:00:00"
    sent = pd.read_csv(shop / drawn["out"] / "send_list.csv")
    assert set(sent["send_at"]) == {f"{AS_OF}T00:00:00+01:00"}
    dated = PLAN.replace("2025-11-10T00:00:00", "2025-11-10").replace("autumn", "berlin")
    (shop / "berlin.toml").write_text(dated)
    plan = answer(penchant(shop, "plan", "berlin.toml", "--as-of", AS_OF, "--json"))
    sent = pd.read_csv(shop / plan["out"] / "berlin-stay-wave-1" / "send_list.csv")
    assert set(sent["send_at"]) == {f"{AS_OF}T00:00:00+01:00"}


def test_two_campaigns_drawn_at_once_do_not_contact_each_others_control(shop: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from penchant.cli import main; main()",
        "--data",
        "data",
        "audience",
        "retain",
        "--as-of",
        AS_OF,
        "--json",
    ]
    runs = [
        subprocess.Popen([*command, "--campaign", name], cwd=shop, stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    drawn = [json.loads(run.communicate(timeout=300)[0]) for run in runs]
    one, two = (pd.read_parquet(shop / each["out"] / "assignments.parquet") for each in drawn)
    held = [set(each.loc[each["arm"] == "control", "customer_id"]) for each in (one, two)]
    treated = [set(each.loc[each["arm"] != "control", "customer_id"]) for each in (one, two)]
    assert all((*held, *treated))
    # whichever was drawn second saw the first: it contacts nobody of the first's control
    assert not held[0] & treated[1] or not held[1] & treated[0]
    assert not list((shop / "out" / "small").glob(".*.lock"))


def test_monitoring_says_that_there_was_nothing_to_compare_and_ends_with_3_on_a_broken_promise(shop: Path) -> None:
    calm = answer(penchant(shop, "monitor", "--json"))
    assert not calm["failed"]
    assert [one["task"] for one in calm["open_promises"]] == ["churn"]
    assert "Nothing could be compared" in penchant(shop, "monitor").stdout
    scored = answer(penchant(shop, "score", "--as-of", "2025-08-01", "--json"))
    broken = answer(penchant(shop, "monitor", "--json"), code=3)
    assert "churn of 2025-08-01 promised too little" in broken["faults"][0]
    (shop / scored["out"] / "churn.parquet").write_bytes(b"PAR1")
    damaged = penchant(shop, "monitor")
    assert damaged.returncode == 2
    assert "as penchant wrote it" in " ".join(damaged.stderr.split())


def test_an_audience_is_tried_dry_as_it_is_drawn(shop: Path) -> None:
    arguments = ("audience", "retain", "--as-of", AS_OF, "--size", "60", "--json")
    tried = answer(penchant(shop, *arguments, "--dry-run"))
    assert (tried["dry_run"], tried["out"]) == (True, None)
    assert not (shop / "out" / "small" / "audience").exists()
    told = answer(penchant(shop, *arguments))
    same = ("n_eligible", "excluded", "n_treated", "n_control", "expected", "depth", "holdout_sees")
    assert {name: tried[name] for name in same} == {name: told[name] for name in same}
    record = pq.read_table(shop / told["out"] / "assignments.parquet").to_pylist()
    assert [row["customer_id"] for row in tried["sample"]] == [row["customer_id"] for row in record[:20]]
    manifest = json.loads((shop / told["out"] / "manifest.json").read_text(encoding="utf-8"))["audience"]
    assert manifest["holdout_sees"] == told["holdout_sees"]


def test_results_go_where_they_are_asked_to(shop: Path) -> None:
    arguments = ("audience", "retain", "--as-of", AS_OF, "--size", "60", "--json", "--results", "else")
    done = penchant(shop, *arguments, "--scores", f"out/small/score/{AS_OF}")
    assert answer(done)["out"].startswith("else/audience/")
    assert not (shop / "out" / "small" / "audience").exists()


def test_a_plan_is_tried_dry_and_drawn_on_its_day(shop: Path) -> None:
    dry = answer(penchant(shop, "plan", "plan.toml", "--dry-run", "--json"))
    assert dry["campaigns"][0]["n_audience"] > 0
    assert not (shop / "out" / "small" / "plan").exists()
    told = answer(penchant(shop, "plan", "plan.toml", "--as-of", AS_OF, "--json"))
    folder = shop / told["out"]
    assert (folder / "autumn-stay-wave-1" / "send_list.parquet").is_file()
    before = files_in(folder)
    answer(penchant(shop, "plan", "plan.toml", "--as-of", AS_OF, "--json"))
    assert files_in(folder) == before
    (shop / "later.toml").write_text(PLAN.replace("2025-11-10", "2025-11-12"))
    early = answer(penchant(shop, "plan", "later.toml", "--as-of", AS_OF, "--json"))
    assert early["out"] is None


def test_a_campaign_is_measured_and_a_broken_one_ends_with_3(shop: Path) -> None:
    drawn = pd.read_parquet(shop / "data" / "assignments.parquet")
    name = drawn["campaign_id"].value_counts().index[0]
    told = answer(penchant(shop, "measure", name, "--json"))
    assert told["verdict"]["word"] in ("worked", "did harm", "can't be told")
    assert (shop / told["out"] / "report.html").read_text().startswith("<!DOCTYPE html>")
    asked = ("--outcome", "visit", "--count-from", "contact", "--by-stage", "--out", "visits", "--json")
    visits = answer(penchant(shop, "measure", name, *asked))
    assert visits["outcome"] == "visit"
    assert "stage" in [one["by"] for one in visits["breakdowns"]]
    mine = drawn["campaign_id"] == name
    is_lost = mine & (drawn["arm"] == "control") & (np.arange(len(drawn)) % 3 != 0)
    (shop / "lost").mkdir()
    for path in (shop / "data").glob("*.parquet"):
        (shop / "lost" / path.name).write_bytes(path.read_bytes())
    drawn[~is_lost].to_parquet(shop / "lost" / "assignments.parquet")
    broken = answer(penchant(shop, "measure", name, "--data", "lost", "--json"), code=3)
    assert broken["failed"]
    drawn.assign(campaign_id="../" + drawn["campaign_id"]).to_parquet(shop / "lost" / "assignments.parquet")
    odd = answer(penchant(shop, "measure", f"../{name}", "--data", "lost", "--json"))
    assert Path(odd["out"]).parent.name == "measure"


NIGHT = ["check", "score", "plans", "measure", "monitor", "retrain", "clean"]


def night(shop: Path, *more: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]], str]:
    """Return what a night printed, its steps by name, and its log."""
    done = penchant(shop, "nightly", "--as-of", AS_OF, "--plan", "plan.toml", "--json", *more)
    told = json.loads(done.stdout)
    assert done.returncode == told["exit_code"], done.stderr
    return told, {step["name"]: step for step in told["steps"]}, done.stderr


def test_a_night_does_all_that_is_due_and_the_same_night_again_changes_nothing(shop: Path) -> None:
    shutil.rmtree(shop / "out")
    told, steps, _ = night(shop, "--to", "crm.toml")
    assert list(steps) == NIGHT
    assert {steps[name]["exit_code"] for name in NIGHT if name != "monitor"} == {0}
    assert told["exit_code"] == steps["monitor"]["exit_code"]  # the small shop's scores may have moved
    assert steps["plans"]["text"] == "1 waves drawn and exported"
    out = shop / "out" / "small"
    assert (out / "score" / AS_OF / "churn.parquet").is_file()
    before = [facts for facts in files_in(out) if not facts["name"].startswith("nightly")]
    night(shop, "--to", "crm.toml")
    assert [facts for facts in files_in(out) if not facts["name"].startswith("nightly")] == before


def test_a_shop_that_breaks_the_contract_ends_the_night(shop: Path) -> None:
    (shop / "data").unlink()
    (shop / "data").mkdir()
    told, steps, _ = night(shop)
    assert told["exit_code"] == 2
    assert list(steps) == ["check"]


def test_a_step_that_fails_leaves_the_others_to_be_done(shop: Path) -> None:
    (shop / "plan.toml").unlink()
    told, steps, _ = night(shop)
    assert told["exit_code"] == steps["plans"]["exit_code"] == 2
    assert "plan.toml" in steps["plans"]["text"]
    assert list(steps) == NIGHT


def test_the_log_is_json_of_one_run_and_names_no_customer(shop: Path) -> None:
    told, _, log = night(shop, "--log-format", "json")
    lines = [json.loads(line) for line in log.splitlines()]
    assert {line["run_id"] for line in lines} == {told["run_id"]}
    assert [line["step"] for line in lines if "step" in line] == NIGHT
    assert lines[-1]["exit_code"] == told["exit_code"]
    customers = pd.read_parquet(shop / "data" / "customers.parquet")["customer_id"]
    assert not any(customer in log for customer in customers)


def test_a_campaign_that_is_over_is_measured_once_its_contacts_are_in_the_shop(shop: Path) -> None:
    drawn = ("audience", "retain", "--as-of", "2025-09-01", "--size", "60", "--campaign", "late", "--json")
    folder = shop / answer(penchant(shop, *drawn))["out"]
    assert night(shop)[1]["measure"]["text"] == "late not in the assignments of the shop"
    data = shop / "sent"
    shutil.copytree(shop / "data", data)
    for name in ("assignments", "campaigns"):
        known, sent = pq.read_table(data / f"{name}.parquet"), pq.read_table(folder / f"{name}.parquet")
        sent = sent.select([column for column in known.column_names if column in sent.column_names])
        fields = pa.schema([known.schema.field(column) for column in sent.column_names])
        pq.write_table(
            pa.concat_tables([known, sent.cast(fields)], promote_options="default"), data / f"{name}.parquet"
        )
    assert night(shop, "--data", "sent")[1]["measure"]["text"] == "late measured"
    assert (shop / "out" / "small" / "measure" / "late" / "report.html").is_file()
    assert night(shop, "--data", "sent")[1]["measure"]["text"] == "nothing to measure"


def test_the_page_shows_models_with_their_cards_charts_and_campaigns_by_what_became_of_them(shop: Path) -> None:
    answer(penchant(shop, "prepare", "--json"))
    client = TestClient(create_app(page_of(shop)))
    told = client.get("/api/v1/models").json()
    assert told["not_prepared"] == []
    (model,) = told["models"]
    assert (model["name"], model["role"], model["metrics"]) == ("small.churn", "champion", CARD["quality"])
    assert model["n_issues"] == 1
    assert client.get("/pictures/small.churn/1/calibration.png").content == b"a picture"
    for other in ("small.churn/1/gains.png", "small.churn/2/calibration.png", "small.churn/1/..%2F..%2Fmodels.json"):
        assert client.get(f"/pictures/{other}").status_code == 404
    page = client.get("/models").text
    assert "0.750" in page
    assert "(0.700 to 0.800)" in page
    campaigns = client.get("/api/v1/campaigns?limit=500").json()["campaigns"]
    rows = pq.read_table(shop / "data" / "assignments.parquet").to_pandas()
    rows = rows[rows["assigned_at"] < pq.read_table(shop / "data" / "orders.parquet")["ordered_at"].to_pandas().max()]
    for one in campaigns:
        mine = rows[(rows["campaign_id"] == one["campaign_id"]) & (rows["arm"] != "control")]
        opened = mine.loc[mine["opened_at"].notna(), "customer_id"].nunique()
        assert (one["n_treated"], one["n_opened"]) == (mine["customer_id"].nunique(), opened)
        assert 0 <= one["n_redeemed"] <= one["n_bought"] <= one["n_treated"]
    assert {one["campaign_id"] for one in campaigns} == set(rows["campaign_id"])


def page_of(shop: Path) -> WebSettings:
    out, config = shop / "out" / "small", load_config(shop / "penchant.toml")
    return WebSettings(config, shop / "penchant.toml", shop / "data", out, shop / "mlruns")


def test_an_audience_is_tried_and_drawn_in_a_browser_and_its_file_holds_as_many(
    shop: Path, browser: Any, served: Callable[[WebSettings], AbstractContextManager[str]]
) -> None:
    (shop / "list.toml").write_text(f'address = "{shop / "given.parquet"}"\n')
    with served(page_of(shop)) as address:
        page = browser.new_page()
        page.goto(f"{address}/audience?goal=retain")
        page.fill("input[name=size]", "60")
        page.fill("input[name=campaign]", "from the page")
        page.click("text=See what it brings")
        page.wait_for_selector(".tag.done", timeout=120_000)
        assert page.locator("main svg polyline").count() == 1
        assert not (shop / "out" / "small" / "audience").exists()
        tried = page.locator("dl.figures dt + dd").all_inner_texts()
        page.click("main button:has-text('Draw the audience')")
        page.wait_for_selector("text=The audience is drawn", timeout=120_000)
        assert page.locator("dl.figures dt + dd").all_inner_texts() == tried
        with page.expect_download() as taken:
            page.click("text=send list")
        lines = Path(taken.value.path()).read_text(encoding="utf-8").splitlines()
        assert len(lines) - 1 == int(tried[2]) > 0
        assert (shop / "out" / "small" / "audience" / "from the page" / "wave-1" / "manifest.json").is_file()
        page.goto(f"{address}/campaigns/from the page")
        page.select_option("select[name=to]", "list.toml")
        page.click("text=Export the send list")
        page.wait_for_selector("text=customers were given to list.toml", timeout=120_000)
        assert pq.read_table(shop / "given.parquet").num_rows == int(tried[2])
        page.close()
