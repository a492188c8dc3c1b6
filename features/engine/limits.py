"""What the engine complains of when a limit of the machine is reached, in words."""

from __future__ import annotations

import errno
import sys

from penchant.errors import InputError, OutputError, PenchantError

_FULL = ("no space left on device", "max_temp_directory_size", "disk is full", "disk quota exceeded")


def limit_reached(fault: BaseException) -> PenchantError | None:
    """Return the error that says which limit was reached; None where the fault is of another kind."""
    text = str(fault).splitlines()[0][:300] if str(fault) else type(fault).__name__
    if isinstance(fault, RecursionError):
        return InputError("an expression or file", "one that nests as deep as people write", "one that nests too deep")
    if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(str(fault.filename or "the disk"), text)
    if "duckdb" not in sys.modules:
        return None
    import duckdb

    if isinstance(fault, duckdb.OutOfMemoryException) and not _says_full(text):
        return InputError("engine.memory_limit", "enough memory for the shop's tables", text, "Raise it")
    if isinstance(fault, duckdb.Error) and _says_full(text):
        return _full("engine.temp_directory", text)
    return None


def _says_full(text: str) -> bool:
    return any(sign in text.lower() for sign in _FULL)


def _full(where: str, text: str) -> OutputError:
    return OutputError(where, "room on the disk for what is computed", text, "Free some, or name another folder there")
