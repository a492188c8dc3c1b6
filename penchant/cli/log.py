"""Logs of a run: one JSON object a line on the standard error stream, without a customer's id."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from traceback import format_exception
from typing import Any, Literal
from uuid import uuid4

from penchant.errors import PenchantError

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class JsonLog:
    """Where a run's log goes.

    Parameters
    ----------
    run_id
        Stands in every line: what belongs to one run.
    """

    run_id: str = field(default_factory=lambda: uuid4().hex[:12])

    def write(self, level: Level, message: str, **facts: Any) -> None:
        """Write one line: when, how serious, of which run, what, and further facts."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"at": at, "level": level, "run_id": self.run_id, "message": message, **facts}
        sys.stderr.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")

    def fault(self, fault: Exception, exit_code: int) -> None:
        """Write why a run ended: an error of ours in its parts, a bug with where it happened."""
        if isinstance(fault, PenchantError):
            facts = {"where": fault.where, "expected": fault.expected, "got": fault.got, "do": fault.do}
        else:
            facts = {"traceback": "".join(format_exception(fault))}
        self.write("error", str(fault), type=type(fault).__name__, exit_code=exit_code, **facts)

    def warnings(self) -> Callable[..., None]:
        """Return what shows warnings as lines of the log, each once."""
        shown: set[str] = set()

        def show(message: Warning | str, *_: object, **__: object) -> None:
            if str(message) not in shown:
                shown.add(str(message))
                self.write("warning", str(message))

        return show
