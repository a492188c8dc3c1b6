"""How a command's result and its errors are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from penchant.errors import PenchantError
from penchant.features.engine.limits import limit_reached

from .log import JsonLog


def print_json(values: Mapping[str, Any]) -> None:
    """Print one JSON object; what JSON does not know is written as text, and NaN as null."""
    text = json.dumps(json_values(values), ensure_ascii=False, default=str, allow_nan=False)
    sys.stdout.write(text + "\n")


def json_values(value: Any) -> Any:
    """Return a value as JSON takes it: what has ``as_dict`` by name, numbers as Python's, NaN as None."""
    if isinstance(value, Mapping):
        return {str(key): json_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_values(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if hasattr(value, "as_dict"):
        return json_values(value.as_dict())
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value


def fail(fault: Exception, *, as_json: bool, log: JsonLog | None = None) -> int:
    """Report an error and return the exit code: our own in one message, anything else as the bug it is."""
    fault = limit_reached(fault) or fault
    if log:
        log.fault(fault, getattr(fault, "exit_code", 1))
    if not isinstance(fault, PenchantError):
        if log:
            return 1
        raise fault
    if as_json:
        facts = {"type": type(fault).__name__, "message": str(fault), "where": fault.where}
        with suppress(OSError):  # nobody may be there to read it, which may be the fault itself
            print_json({"error": {**facts, "expected": fault.expected, "got": fault.got, "do": fault.do}})
    if not log:
        sys.stderr.write(f"penchant: {fault}\n")
    return fault.exit_code
