"""The page of commands names every command, and every option with its help and default."""

from __future__ import annotations

from dataclasses import fields

import pytest

from penchant.cli.catalogue import COMMANDS
from penchant.cli.command import Command
from penchant.cli.reference import commands_page

PAGE = commands_page()


@pytest.mark.parametrize("command", COMMANDS, ids=[command.name for command in COMMANDS])
def test_each_command_has_a_section_with_a_row_for_each_option(command: Command) -> None:
    start = PAGE.index(f"\n## penchant {command.name}")
    section = PAGE[start : PAGE.find("\n## ", start + 1)]
    assert section.count("\n| `") == len(fields(command.options))


def test_an_option_is_named_as_it_is_typed_and_required_where_it_is() -> None:
    assert "| `--as-of` | Use only what was known before this moment" in PAGE
    assert "| `--no-" not in PAGE
    assert PAGE.count("| required |") >= 10
    assert "\n## penchant audience GOAL\n" in PAGE
