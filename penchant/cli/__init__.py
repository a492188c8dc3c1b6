"""The command line: what to do, which shop, and where the results go.

Only this package and ``serving/api.py`` see every part of penchant. ``catalogue`` lists the commands, ``options`` says
what each can be told, and ``commands`` does the work; a command's module is imported when it runs.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import typer

from penchant import __version__
from penchant.errors import NotThereError

from .catalogue import COMMANDS, GROUPS
from .command import SharedOptions, help_of, typer_function
from .log import JsonLog
from .results import fail

TERMINATED = 128 + signal.SIGTERM
SELDOM = (200_000, 10, 10)  # new objects between two searches for unreachable ones; by default 700 (or 2,000)
ALL_COMMANDS = "All: --shop FILE, --data, --results FOLDER, --json, --log-format json, --untrusted; before or after it."
FLAGS, WITH_VALUE = ("--json", "--untrusted"), ("--shop", "--data", "--results", "--log-format")

app = typer.Typer(
    name="penchant",
    help="Who buys, who leaves, and whom a message changes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 a bug, 2 invalid input or request, 3 done but a check failed.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"penchant {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    shop: Annotated[
        Path | None, typer.Option(help="Configuration file. Default: penchant.toml in this folder.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder with the shop's files. Default: the folder of the configuration.")
    ] = None,
    results: Annotated[Path | None, typer.Option(help="Folder of the shop's results. Default: out/SHOP.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for scripts, and nothing else.")
    ] = False,
    log_format: Annotated[
        Literal["text", "json"],
        typer.Option(help="How steps, notes and errors are written to the standard error stream."),
    ] = "text",
    untrusted: Annotated[
        bool, typer.Option(help="Refuse a configuration that runs code or reaches outside the shop's folder.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Pass on the options of all commands."""
    log = (context.obj or JsonLog()) if log_format == "json" else None
    context.obj = SharedOptions(shop, data, as_json, untrusted, log, results)


def _add_commands() -> None:
    """Add the catalogue's commands to the app, those of a group below it."""
    groups = {
        name: typer.Typer(name=name, help=text, no_args_is_help=True, rich_markup_mode="rich")
        for name, text in GROUPS.items()
    }
    for command in COMMANDS:
        name = command.name.rpartition(" ")[2]
        place = groups.get(command.group, app)
        place.command(name, help=help_of(command.options), epilog=ALL_COMMANDS)(typer_function(command))
    for group in groups.values():
        app.add_typer(group)


_add_commands()


def main() -> None:
    """Run the command line and leave with its exit code."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that wait must not take the core of others
    # Thousands of small products lose more to threads than they gain.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(*SELDOM)  # imports and queries make objects that stay: searching them took a tenth of a training
    _stand_in_for_closed_streams()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that temporary folders go
    arguments = hoist(sys.argv[1:])
    log = JsonLog() if _wants_json_log(arguments) else None
    warnings.showwarning = log.warnings() if log else notes()
    try:
        _refuse_no_working_directory()
        app(arguments, prog_name="penchant", obj=log)
    except Exception as fault:
        sys.exit(fail(fault, as_json="--json" in arguments, log=log))
    except SystemExit as end:
        if log:
            log.write("error" if end.code else "info", "ended", exit_code=end.code or 0)
        raise


def _stand_in_for_closed_streams() -> None:
    """Let a program that starts us without streams have its exit code all the same."""
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123  # for as long as we run
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123


def _refuse_no_working_directory() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        told = ("a folder that is there", "one that was removed", "Change to another")
        raise NotThereError("the working directory", *told) from None


def notes() -> Callable[..., None]:
    """Return how a warning is shown: as a person reads it, without the place in the code, and each once."""
    shown: set[str] = set()

    def note(message: Warning | str, *_: object, **__: object) -> None:
        if str(message) not in shown:
            shown.add(str(message))
            sys.stderr.write(f"note: {message}\n")

    return note


def hoist(arguments: list[str]) -> list[str]:
    """Return the arguments with the options of all commands moved to the front.

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
        elif argument in FLAGS or argument.startswith(tuple(f"{name}=" for name in WITH_VALUE)):
            front.append(argument)
        elif argument in WITH_VALUE:
            front += [argument, *_next(waiting)]
        else:
            rest.append(argument)
    return front + rest


def _wants_json_log(arguments: list[str]) -> bool:
    return "--log-format=json" in arguments or ("--log-format", "json") in pairwise(arguments)


def _next(waiting: Iterator[str]) -> list[str]:
    value = next(waiting, None)
    return [] if value is None else [value]
