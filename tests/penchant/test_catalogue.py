"""Every command of the catalogue: its options are a frozen value, its work is where the catalogue says."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from inspect import getdoc, signature
from typing import Annotated, get_args, get_origin, get_type_hints

import pytest
import typer
from typer.testing import CliRunner

from penchant.cli import app
from penchant.cli.catalogue import COMMANDS, GROUPS
from penchant.cli.command import Command
from penchant.cli.options.shared import Response
from penchant.cli.work import Work
from penchant.features.outcomes.success import OUTCOMES
from penchant.serving.goals.goal import Outcome

EACH = pytest.mark.parametrize("command", COMMANDS, ids=[command.name for command in COMMANDS])


@EACH
def test_its_work_takes_the_run_and_its_options(command: Command) -> None:
    function = command.load()
    hints = get_type_hints(function)
    assert [hints[name] for name in signature(function).parameters] == [Work, command.options]


@EACH
def test_its_options_are_frozen_and_each_says_what_it_is(command: Command) -> None:
    hints = get_type_hints(command.options, include_extras=True)
    options = command.options(**{field.name: None for field in fields(command.options)})
    with pytest.raises(FrozenInstanceError, match="cannot assign"):
        options.anything = 1
    assert getdoc(command.options)
    for field in fields(command.options):
        assert get_origin(hints[field.name]) is Annotated
        assert get_args(hints[field.name])[1].help, field.name


@EACH
def test_its_help_is_the_docstring_of_its_options(command: Command) -> None:
    shown = CliRunner().invoke(app, [*command.name.split(), "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    first = (getdoc(command.options) or "").split("\n\n")[0]
    assert " ".join(first.split())[:80] in " ".join(shown.output.split())


def test_groups_hold_commands_and_names_are_unique() -> None:
    assert {command.group for command in COMMANDS} == {"", *GROUPS}
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    heavy = ["pandas", "numpy", "pyarrow", "ibis", "lightgbm", "mlflow"]
    program = (
        "import sys, penchant.cli as cli\n"
        "try: cli.app(['train', '--help'])\n"
        f"except SystemExit: print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stderr.strip() == "[]"


def test_an_option_reaches_the_work_as_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr("penchant.cli.commands.score.run_score", lambda work, options: calls.append((work, options)))
    arguments = ["--json", "score", "--as-of", "2025-01-01", "--task", "churn", "--task", "value", "--no-reasons"]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    ((work, options),) = calls  # type: ignore[misc]
    assert work.as_json
    assert (options.as_of, options.task, options.reasons, options.again) == (
        "2025-01-01",
        ["churn", "value"],
        False,
        False,
    )


def test_typer_is_given_no_more_than_the_fields() -> None:
    group = typer.main.get_command(app)
    for command in COMMANDS:
        made = group
        for name in command.name.split():
            made = made.commands[name]  # type: ignore[attr-defined]
        named = [parameter.name for parameter in made.params if parameter.name != "help"]
        assert named == [field.name for field in command.fields()]


def test_responses_that_can_be_asked_for_are_all_that_goals_and_outcomes_know() -> None:
    """The shell has a list of its own, so that --help need not load what goals are made of."""
    assert get_args(Response) == get_args(Outcome)
    assert set(get_args(Response)) == set(OUTCOMES)


def test_help_lists_what_a_command_shares_with_others_after_its_own() -> None:
    audience = next(command for command in COMMANDS if command.name == "audience")
    names = [field.name for field in audience.fields()]
    assert names[:2] == ["goal", "as_of"]
    assert names[-8:] == ["margin_share", "scores", "past", "dry_run", "to", "replace", "out", "store"]
