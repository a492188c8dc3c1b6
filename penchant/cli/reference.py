"""The page of docs/ that describes every command and option, from the catalogue."""

from __future__ import annotations

import re
from dataclasses import MISSING, Field
from inspect import getdoc
from typing import Any, get_args, get_type_hints

from typer.models import ArgumentInfo, OptionInfo

from .catalogue import COMMANDS
from .command import Command

HEAD = "| option | meaning | default |\n|---|---|---|\n"
PREFACE = """\
# Commands

Generated from the catalogue of commands by `make docs`; the same texts are the commands' `--help`.

Every command takes `--shop FILE` (the configuration; default: penchant.toml in this folder), `--data FOLDER` (the
shop's files; default: the folder of the configuration), `--json` (one JSON object for scripts on the standard output,
and nothing else), `--log-format json` (steps, notes and errors as one JSON object a line on the standard error stream,
with level and run id) and `--untrusted` (refuse a configuration that runs code or reaches outside the shop's folder),
before or after its name. Exit codes: 0 done, 1 a bug, 2 invalid input or request, 3 done but a check failed.
"""


def commands_page() -> str:
    """Return the reference of all commands, as Markdown."""
    return "\n".join([PREFACE, *(_section(command) for command in COMMANDS)])


def _section(command: Command) -> str:
    hints = get_type_hints(command.options, include_extras=True)
    options = [(field, get_args(hints[field.name])) for field in command.fields()]
    arguments = [field.name.upper() for field, (_, info, *_rest) in options if isinstance(info, ArgumentInfo)]
    usage = " ".join(["penchant", command.name, *arguments])
    rows = "\n".join(_row(field, info) for field, (_, info, *_rest) in options)
    paragraphs = (" ".join(text.split()) for text in (getdoc(command.options) or "").split("\n\n"))
    return f"## {usage}\n\n" + "\n\n".join(paragraphs) + f"\n\n{HEAD}{rows}\n"


def _row(field: Field[Any], info: OptionInfo | ArgumentInfo) -> str:
    """Return an option's row; a default of None is what the text says."""
    is_required = field.default is MISSING
    default = "required" if is_required else "" if field.default in (None, "") else _written(field.default)
    text = (info.help or "").replace("\\[", "[").replace("|", "\\|")
    return f"| {_name(field.name, info)} | {text} | {default} |"


def _name(name: str, info: OptionInfo | ArgumentInfo) -> str:
    if isinstance(info, ArgumentInfo):
        return f"`{name.upper()}`"
    declared = [text for text in info.param_decls or () if text.startswith("--")]
    first = info.default if isinstance(info.default, str) and info.default.startswith("--") else None
    return f"`{first or next(iter(declared), '--' + re.sub('_', '-', name))}`"


def _written(default: Any) -> str:
    return {True: "yes", False: "no"}[default] if isinstance(default, bool) else f"`{default}`"
