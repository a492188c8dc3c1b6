"""When a night begins, what it measures, and what runs it."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from configparser import ConfigParser
from datetime import datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pandas as pd
import pytest
import typer
import yaml

from penchant.cli import app
from penchant.cli.commands import nightly
from penchant.cli.commands.nightly import Night, is_due
from penchant.cli.options.models import PromoteOptions
from penchant.cli.options.operations import NightlyOptions
from penchant.cli.work import Work
from penchant.features.moments import last_complete_day
from penchant.serving.measure.due import campaigns_over

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
FILES = sorted(path for path in RECIPES.rglob("*") if path.is_file() and path.suffix != ".pyc")
FILES = sorted(path for path in RECIPES.rglob("*") if path.is_file() and path.suffix != ".pyc")


def test_a_campaign_is_over_with_the_last_window_of_its_last_wave() -> None:
    records = pd.DataFrame(
        {
            "campaign_id": ["spring", "spring", "autumn"],
            "assigned_at": pd.to_datetime(["2025-03-01", "2025-03-10", "2025-10-01"]),
        }
    )
    over = {"spring": datetime(2025, 4, 9)}
    assert campaigns_over(records, 30, datetime(2025, 4, 8)) == {}
    assert campaigns_over(records, 30, datetime(2025, 4, 9)) == over
    assert campaigns_over(records, 30, datetime(2025, 10, 30)) == over
    assert campaigns_over(None, 30, datetime(2025, 10, 30)) == {}


@pytest.mark.parametrize(
    ("end", "day"),
    [
        (datetime(2025, 6, 9, 22, 0), datetime(2025, 6, 9, 22, 0)),  # midnight in Berlin: the day is complete
        (datetime(2025, 6, 9, 21, 59), datetime(2025, 6, 8, 22, 0)),
        (datetime(2025, 3, 30, 12, 0), datetime(2025, 3, 29, 23, 0)),  # summer time begins
    ],
)
def test_the_last_complete_day_is_the_shops_own(end: datetime, day: datetime) -> None:
    assert last_complete_day(end, "Europe/Berlin") == day


def stubbed(monkeypatch: pytest.MonkeyPatch, name: str, **values: Any) -> None:
    """Put a module in the place of a package that is not installed."""
    module = ModuleType(name)
    module.__dict__.update(values)
    monkeypatch.setitem(sys.modules, name, module)


def loaded(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def test_airflow_runs_the_command_in_the_shops_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    stubbed(monkeypatch, "airflow", DAG=MagicMock())
    operator = MagicMock()
    for name in ("airflow.providers", "airflow.providers.standard", "airflow.providers.standard.operators"):
        stubbed(monkeypatch, name)
    stubbed(monkeypatch, "airflow.providers.standard.operators.bash", BashOperator=operator)
    monkeypatch.setenv("PENCHANT_HOME", "/shop")
    loaded(RECIPES / "airflow" / "penchant_nightly.py")
    assert operator.call_args.kwargs["bash_command"] == "penchant nightly --log-format json"
    assert operator.call_args.kwargs["cwd"] == "/shop"


@pytest.mark.parametrize(("code", "retries"), [(0, None), (2, True), (3, False)])
def test_dagster_fails_with_the_steps_that_did(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, retries: bool | None
) -> None:
    class Failure(Exception):
        def __init__(self, text: str, allow_retries: bool) -> None:
            super().__init__(text)
            self.allow_retries = allow_retries

    def bare(*given: Any, **_: Any) -> Any:
        return given[0] if given else lambda function: function

    names = ("Definitions", "OpExecutionContext", "RetryPolicy", "ScheduleDefinition")
    stubbed(monkeypatch, "dagster", Failure=Failure, job=bare, op=bare, **{name: MagicMock() for name in names})
    command = tmp_path / "penchant"
    facts = json.dumps({"steps": [{"name": "monitor", "exit_code": code}]})
    command.write_text(f"#!/bin/sh\ntest \"$*\" = 'nightly --json' || exit 9\necho '{facts}'\nexit {code}\n")
    command.chmod(0o755)
    monkeypatch.setenv("PENCHANT_HOME", str(tmp_path))
    monkeypatch.setenv("PENCHANT", str(command))
    module = loaded(RECIPES / "dagster" / "penchant_nightly.py")
    assert not isinstance(module.nightly.__annotations__["context"], str)  # Dagster reads it as it stands
    if retries is None:
        module.nightly(MagicMock())
        return
    with pytest.raises(Failure, match=f"exit code {code}: .*monitor") as failed:
        module.nightly(MagicMock())
    assert failed.value.allow_retries == retries


def options_of(command: str) -> set[str]:
    made = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    return {option for parameter in made.params for option in parameter.opts}


def test_the_page_of_the_compose_file_is_served_with_options_that_there_are() -> None:
    services = yaml.safe_load((RECIPES / "docker" / "compose.yaml").read_text())["services"]
    command, *words = services["page"]["command"]
    assert {word for word in words if word.startswith("--")} <= options_of(command)


@pytest.mark.parametrize("recipe", FILES, ids=lambda path: path.name)
def test_a_recipe_runs_commands_and_options_that_there_are(recipe: Path) -> None:
    text = recipe.read_text(encoding="utf-8")
    known = options_of("nightly")
    for words in re.findall(r"penchant nightly((?: --[a-z-]+(?: json)?)*)", text):
        assert set(re.findall(r"--[a-z-]+", words)) <= known | {"--json", "--log-format"}


def test_the_image_is_pinned_not_root_and_says_how_it_is(tmp_path: Path) -> None:
    dockerfile = (RECIPES / "docker" / "Dockerfile").read_text()
    assert re.search(r"^FROM python:3\.11\.\d+-slim", dockerfile, re.M)
    assert dockerfile.index("\nUSER penchant") < dockerfile.index("\nENTRYPOINT")
    assert "HEALTHCHECK" in dockerfile
    services = yaml.safe_load((RECIPES / "docker" / "compose.yaml").read_text())["services"]
    assert set(services) == {"penchant", "page", "database", "mlflow"}
    assert re.fullmatch(r"postgres:\d+\.\d+-\w+", services["database"]["image"])
    assert all("healthcheck" in services[name] for name in ("page", "database", "mlflow"))
    assert "PASSWORD" not in json.dumps({**services["penchant"], "environment": None})


def test_the_image_is_made_of_what_is_there() -> None:
    """No container runtime is at hand where the tests run: the file is held against the project instead."""
    root, folder = RECIPES.parent, RECIPES / "docker"
    text = re.sub(r"\\\n\s*", " ", (folder / "Dockerfile").read_text())
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    assert {word for word, _ in steps} == {
        "FROM", "RUN", "COPY", "USER", "WORKDIR", "HEALTHCHECK", "ENTRYPOINT", "CMD",
    }  # fmt: skip
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    (extras,) = re.findall(r"/opt/penchant\[(.*?)\]", text)
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    assert (root / re.findall(r"--constraint /opt/penchant/(\S+)", text)[0]).is_file()
    assert json.loads(dict(steps)["ENTRYPOINT"])[0] in project["scripts"]
    assert "useradd" in text.split("USER penchant")[0]
    ignored = (folder / "Dockerfile.dockerignore").read_text().split()
    assert {".git", ".venv", "out", "mlruns/*", "data"} <= set(ignored)
    for service in yaml.safe_load((folder / "compose.yaml").read_text())["services"].values():
        if "build" in service:
            context = (folder / service["build"]["context"]).resolve()
            assert context == root.resolve()
            assert (context / service["build"]["dockerfile"]).is_file()


def test_the_github_workflow_and_the_units_are_well_formed() -> None:
    workflow = yaml.safe_load((RECIPES / "github" / "nightly.yml").read_text())
    (step,) = workflow["jobs"]["nightly"]["steps"]
    assert step["run"].endswith("penchant nightly --log-format json")
    for name in ("penchant-nightly.service", "penchant-nightly.timer"):
        unit = ConfigParser(strict=False)
        unit.optionxform = str  # type: ignore[assignment]
        unit.read_string((RECIPES / "systemd" / name).read_text())
        assert "Unit" in unit


@pytest.mark.parametrize(
    ("age", "days", "is_alarmed", "due"),
    [
        (60, 60, False, False),
        (61, 60, False, True),
        (61, None, False, False),
        (8, None, True, True),
        (7, 60, True, False),
    ],
)
def test_a_task_is_trained_again_by_age_or_after_an_alarm(
    age: int, days: int | None, *, is_alarmed: bool, due: bool
) -> None:
    now = datetime(2025, 11, 10)
    assert is_due(now, now - timedelta(days=age), days, is_alarmed=is_alarmed) == due


def test_a_challenger_that_passes_no_gate_waits_and_is_no_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "penchant.toml").write_text("[nightly]\nretrain_days = 30\nretrain_on_alarm = true\n")
    night = Night(Work(tmp_path / "penchant.toml", None, as_json=True), NightlyOptions("2025-11-10"), alarmed=["value"])
    ends = {"churn": datetime(2025, 9, 1), "value": datetime(2025, 11, 1), "repurchase": datetime(2025, 11, 1)}
    trained = []

    def promote(work: Work, options: PromoteOptions) -> None:
        work.finish({"promoted": options.task == "churn"})
        if options.task != "churn":
            raise typer.Exit(3)

    monkeypatch.setattr(nightly, "_learned_until", lambda _: ends)
    monkeypatch.setattr(nightly, "run_train", lambda _work, options: trained.append(options.task))
    monkeypatch.setattr(nightly, "run_promote", promote)
    assert nightly._retrain(night) == "churn promoted, value waits as challenger"
    assert trained == ["churn", "value"]
    assert not night.failed_checks
