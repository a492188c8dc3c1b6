"""The command line within this process: starting Python and importing the libraries takes longer than most commands."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from penchant import cli


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def penchant(folder: Path, *arguments: str) -> Done:
    """Run a command in a folder; whatever is no exit goes through, as a traceback would."""
    out, err = StringIO(), StringIO()
    before = (sys.argv, warnings.showwarning, dict(os.environ), signal.getsignal(signal.SIGTERM))
    sys.argv = ["penchant", *arguments]
    code: Any = 0
    try:
        with chdir(folder), redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cli.main()
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.argv, warnings.showwarning, environment, ended = before
        os.environ.clear()
        os.environ.update(environment)
        signal.signal(signal.SIGTERM, ended)
    assert "Traceback" not in err.getvalue(), err.getvalue()
    return Done(code, out.getvalue(), err.getvalue())
