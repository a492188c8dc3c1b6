"""Logs of a run: one JSON object a line on the standard error stream, without a customer's id."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

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

    def warnings(self) -> Callable[..., None]:
        """Return what shows warnings as lines of the log, each once."""
        shown: set[str] = set()

        def show(message: Warning | str, *_: object, **__: object) -> None:
            if str(message) not in shown:
                shown.add(str(message))
                self.write("warning", str(message))

        return show
