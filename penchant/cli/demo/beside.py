"""Commands of the demo that wait for nothing but files, run beside it by another process that loads libraries once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import typer
from rich.text import Text

from penchant.cli.work import Work

START = "from penchant.cli.demo.beside import answer; answer()"
SETTINGS = {"COLUMNS": "160", "OMP_NUM_THREADS": "1"}  # the demo has the other core


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


class Helper:
    """The other process: it runs one command after the other.

    Parameters
    ----------
    work
        The run of the demo, which shows what they printed.
    process
        The process, which runs `answer`.
    queue
        One thread, which waits for it.
    """

    def __init__(self, work: Work, process: subprocess.Popen[str], queue: ThreadPoolExecutor) -> None:
        self.work, self.process, self.queue = work, process, queue

    @contextmanager
    def running(self, config: Path, commands: Sequence[Sequence[str]]) -> Iterator[None]:
        """Run commands while the body runs; afterwards show what they printed.

        Parameters
        ----------
        config
            The shop's configuration.
        commands
            The arguments of each.

        Raises
        ------
        typer.Exit
            If one of them failed, with its exit code.
        """
        runs = [self.queue.submit(self._run, ["--shop", str(config), *one]) for one in commands]
        try:
            yield
            for run in runs:
                self._show(run)
        finally:
            for run in runs:
                run.cancel()

    def _run(self, arguments: list[str]) -> Ended:
        with suppress(BrokenPipeError):
            print(json.dumps(arguments), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            code = self.process.wait()
            return Ended(code or 1, "", f"penchant: '{arguments[2]}' was stopped from outside (exit code {code})")
        return Ended(**json.loads(line))

    def _show(self, run: Future[Ended]) -> None:
        done = run.result()
        if not self.work.as_json:
            self.work.notes.print(Text(done.err.rstrip()))
        elif done.code:
            sys.stderr.write(done.err)
        self.work.show(Text(done.out.rstrip()))
        if done.code:
            raise typer.Exit(done.code)


@contextmanager
def helper(work: Work) -> Iterator[Helper]:
    """Give another process that runs commands; it ends with the context, whatever it is doing then."""
    command, pipe = [sys.executable, "-c", START], subprocess.PIPE
    started = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env={**os.environ, **SETTINGS})
    with ThreadPoolExecutor(1) as queue, started as process:
        try:
            yield Helper(work, process, queue)
        finally:
            process.terminate()


def answer() -> None:
    """Run the commands whose arguments come as lines of JSON, and say how each ended in one line."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints by itself is no answer
    with suppress(KeyboardInterrupt):
        for line in sys.stdin:
            print(json.dumps(vars(_ended(json.loads(line)))), file=answers, flush=True)


def _ended(arguments: list[str]) -> Ended:
    from penchant.cli import main  # which imports the catalogue, and so this file's package

    out, err, code = StringIO(), StringIO(), 0
    sys.argv = ["penchant", *arguments]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except Exception:  # a bug: the demo ends as the command would have
            traceback.print_exc()
            code = 1
    return Ended(code, out.getvalue(), err.getvalue())
