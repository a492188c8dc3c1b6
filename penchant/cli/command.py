"""A command as a value, and the Typer function that is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from importlib import import_module
from inspect import Parameter, Signature, getdoc
from pathlib import Path
from typing import Any, get_type_hints

import typer

from penchant.errors import InputError

from .log import JsonLog

LARGEST = 2**31 - 1


@dataclass(frozen=True)
class SharedOptions:
    """The options of all commands, given before the command or after it."""

    shop: Path | None = None
    data: Path | None = None
    as_json: bool = False
    untrusted: bool = False
    log: JsonLog | None = None
    results: Path | None = None


@dataclass(frozen=True)
class Command:
    """One command of the catalogue.

    Parameters
    ----------
    name
        As it is typed: "score"; "insight stages" is a page of the group insight.
    options
        A frozen dataclass: its fields are the options, its docstring is the help.
    runs
        Module and function below ``penchant.cli.commands``, such as "score.run_score"; called with a `Work` and the
        options, and imported only then.
    """

    name: str
    options: type
    runs: str

    @property
    def group(self) -> str:
        """The group that the command belongs to; empty for most."""
        return self.name.rpartition(" ")[0]

    def fields(self) -> list[Field[Any]]:
        """Return the options in the order of help: its own, then those that it shares with other commands."""
        own = self.options.__annotations__
        return sorted(fields(self.options), key=lambda field: field.name not in own)

    def load(self) -> Callable[..., None]:
        """Return the function that does the work."""
        module, _, function = self.runs.rpartition(".")
        loaded: Callable[..., None] = getattr(import_module(f"penchant.cli.commands.{module}"), function)
        return loaded


def typer_function(command: Command) -> Callable[..., None]:
    """Return the function from which Typer makes a command: a parameter for each field of its options."""

    def run(context: typer.Context, **values: Any) -> None:
        from penchant.cli.work import Work  # with the configuration's library: help does without

        shared: SharedOptions = context.obj
        _refuse_huge(values)
        work = Work(shared.shop, shared.data, shared.as_json, untrusted=shared.untrusted, log=shared.log)
        if work.log:
            work.log.write("info", f"penchant {command.name}", command=command.name)
        work.results = shared.results
        command.load()(work, command.options(**values))

    hints = get_type_hints(command.options, include_extras=True)
    kind = Parameter.POSITIONAL_OR_KEYWORD
    parameters = [Parameter("context", kind, annotation=typer.Context)]
    for field in command.fields():
        default = Parameter.empty if field.default is MISSING else field.default
        parameters.append(Parameter(field.name, kind, default=default, annotation=hints[field.name]))
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _refuse_huge(values: Mapping[str, Any]) -> None:
    """Raise InputError where an option is a number that no array holds."""
    for name, given in values.items():
        for value in given if isinstance(given, (list, tuple)) else [given]:
            if isinstance(value, int) and abs(value) > LARGEST:
                option = f"option --{name.replace('_', '-')}"
                raise InputError(option, f"a number of at most {LARGEST:,}", f"{value}"[:40])


def help_of(options: type) -> str:
    """Return a docstring as help: one line for each paragraph, and brackets that are no markup.

    Examples
    --------
    >>> class Options:
    ...     '''Do this
    ...     with [a.b].
    ...
    ...     And that.'''
    >>> help_of(Options)
    'Do this with \\\\[a.b].\\n\\nAnd that.'
    """
    paragraphs = (getdoc(options) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).replace("[", "\\[")
