"""The command line: what to do, which shop, and where the results go.

Only this package and ``serving/api.py`` see every part of penchant, and import each when a command needs it.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from inspect import getdoc
from pathlib import Path
from typing import Annotated

import typer

from penchant.cli import (
    campaign_commands,
    demo,
    experiment_commands,
    insight_commands,
    measure_commands,
    model_commands,
    monitor_commands,
    product_commands,
    prove_commands,
    score_commands,
    shop_commands,
    tag_commands,
    tune_commands,
)
from penchant.cli.work import Work, fail

EVERYWHERE = "Everywhere: --shop FILE, --data FOLDER, --json; before or after the command."

app = typer.Typer(
    name="penchant",
    help="Who buys, who leaves, and whom a message changes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 a bug, 2 the input or the request is at fault, 3 done but a check failed.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from penchant import __version__

        typer.echo(f"penchant {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    shop: Annotated[Path | None, typer.Option(help="The configuration. Default: penchant.toml in this folder.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="The folder of the shop's files. Default: where the configuration is.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, for scripts, and nothing else.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Open the shop that the options name."""
    context.obj = Work(shop, data, as_json)


def help_of(command: Callable[..., None]) -> str:
    """Return a docstring as help: a line for each paragraph, and brackets that are no markup.

    Examples
    --------
    >>> def act():
    ...     '''Do this
    ...     with [a.b].
    ...
    ...     And that.'''
    >>> help_of(act)
    'Do this with \\\\[a.b].\\n\\nAnd that.'
    """
    paragraphs = (getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).replace("[", "\\[")


for command in (
    *demo.COMMANDS,
    *shop_commands.COMMANDS,
    *prove_commands.COMMANDS,
    *model_commands.COMMANDS,
    *tune_commands.COMMANDS,
    *experiment_commands.COMMANDS,
    *score_commands.COMMANDS,
    *campaign_commands.COMMANDS,
    *measure_commands.COMMANDS,
    *monitor_commands.COMMANDS,
    *tag_commands.COMMANDS,
):
    app.command(help=help_of(command), epilog=EVERYWHERE)(command)
for page in (*insight_commands.COMMANDS, *product_commands.COMMANDS):
    insight_commands.insight.command(help=help_of(page), epilog=EVERYWHERE)(page)
app.add_typer(insight_commands.insight)


def main() -> None:
    """Run the command line and leave with its exit code."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that wait must not take the core of others
    # Thousands of small products lose more to threads than they gain.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    warnings.showwarning = notes()
    arguments = hoist(sys.argv[1:])
    try:
        app(arguments, prog_name="penchant")
    except Exception as fault:
        sys.exit(fail(fault, as_json="--json" in arguments))


def notes() -> Callable[..., None]:
    """Return how a warning is shown: as a person reads it, without the place in the code, and each once."""
    told: set[str] = set()

    def note(message: Warning | str, *_: object, **__: object) -> None:
        if str(message) not in told:
            told.add(str(message))
            sys.stderr.write(f"note: {message}\n")

    return note


def hoist(arguments: list[str]) -> list[str]:
    """Return the arguments with the options that hold everywhere moved to the front.

    Examples
    --------
    >>> hoist(["check", "--json", "--shop", "a.toml", "--", "--json"])
    ['--json', '--shop', 'a.toml', 'check', '--', '--json']
    """
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            rest += [argument, *waiting]
        elif argument == "--json" or argument.startswith(("--shop=", "--data=")):
            front.append(argument)
        elif argument in ("--shop", "--data"):
            front += [argument, *list(_next(waiting))]
        else:
            rest.append(argument)
    return front + rest


def _next(waiting: object) -> list[str]:
    value = next(waiting, None)  # type: ignore[call-overload]
    return [] if value is None else [value]
