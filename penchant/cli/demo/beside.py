"""Commands of the demo that wait for nothing but files, run in processes of their own beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.text import Text

from penchant.cli.work import Work

START = "from penchant.cli import main; main()"


@contextmanager
def beside(work: Work, config: Path, commands: Sequence[Sequence[str]]) -> Iterator[None]:
    """Run commands, one after the other, while the body runs; afterwards show what they printed.

    Parameters
    ----------
    work
        The run of the demo.
    config
        The shop's configuration.
    commands
        The arguments of each.

    Raises
    ------
    typer.Exit
        If one of them failed, with its exit code.
    """
    with ThreadPoolExecutor(1) as queue:
        runs = [queue.submit(_run, [sys.executable, "-c", START, "--shop", str(config), *one]) for one in commands]
        try:
            yield
            for run in runs:
                _show(work, run)
        finally:
            for run in runs:
                run.cancel()


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    columns = {"COLUMNS": "160"}
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env={**os.environ, **columns}
    )


def _show(work: Work, run: Future[subprocess.CompletedProcess[str]]) -> None:
    done = run.result()
    if not work.as_json:
        work.notes.print(Text(done.stderr.rstrip()))
    elif done.returncode:
        sys.stderr.write(done.stderr)
    work.show(Text(done.stdout.rstrip()))
    if done.returncode:
        raise typer.Exit(done.returncode)
