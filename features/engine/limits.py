"""What the engine complains of when a limit of the machine is reached, in words."""

from __future__ import annotations

import errno
import re
import sys

from penchant.errors import InputError, OutputError, PenchantError

_OF_THE_DISK = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG),
    *(errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE),
}
_FULL = ("no space left on device", "max_temp_directory_size", "disk is full", "disk quota exceeded")


def limit_reached(fault: BaseException) -> PenchantError | None:
    """Return the error that says which limit was reached; None where the fault is of another kind."""
    text = str(fault).splitlines()[0][:300] if str(fault) else type(fault).__name__
    if isinstance(fault, RecursionError):
        return InputError("an expression or file", "one that nests as deep as people write", "one that nests too deep")
    if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(str(fault.filename or "the disk"), text)
    if isinstance(fault, OSError) and fault.errno in _OF_THE_DISK:
        what = "a name and a place that can be read and written"
        return OutputError(f"file '{str(fault.filename)[:200]}'", what, (fault.strerror or text).lower())
    if isinstance(fault, MemoryError):
        do = "Lower memory_limit under [engine], so that more goes to the disk, or take a larger machine"
        return InputError("memory", "enough for what is computed", text, do)
    if type(fault).__module__.startswith(("pyspark", "py4j")):
        return _of_spark(str(fault))
    if "duckdb" not in sys.modules:
        return None
    import duckdb

    if isinstance(fault, duckdb.OutOfMemoryException) and not _says_full(text):
        return InputError("engine.memory_limit", "enough memory for the shop's tables", text, "Raise it")
    if isinstance(fault, duckdb.Error) and _says_full(text):
        return _full("engine.temp_directory", text)
    if isinstance(fault, duckdb.Error) and _says_unwritten(text):
        return OutputError("the disk", "files that can be read and written", text)
    return None


def _of_spark(text: str) -> PenchantError | None:
    """Return what Spark's pages of Java come to; None where they tell of no limit."""
    if found := re.search(r"java\.lang\.OutOfMemoryError|SparkOutOfMemoryError", text):
        do = "Raise engine.memory_limit for the driver, 'spark.executor.memory' in engine.settings for executors"
        return InputError("Spark's memory", "enough for what is computed", found[0], do)
    if "spark.driver.maxResultSize" in text:
        do = "Raise 'spark.driver.maxResultSize' in engine.settings, with memory for it"
        return InputError("Spark's driver", "a result below 'spark.driver.maxResultSize'", "a larger one", do)
    if "No space left on device" in text:
        return _full("engine.temp_directory", "No space left on device")
    if absent := re.search(r"No module named '(\w+)", text):
        do = "Install penchant with its packages there too, the same version: an archive, or the image"
        return InputError("Spark's executors", "the packages that score rows", f"no '{absent[1]}'", do)
    if "Checkpoint block" in text or "CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND" in text:
        do = "Run it again; set 'spark.dynamicAllocation.enabled' = false, and take no spot instances"
        return InputError("Spark's executors", "all executors that hold intermediate rows", "one that was lost", do)
    if "SparkContext was shut down" in text or "Connection refused" in text or "StatusCode.UNAVAILABLE" in text:
        return InputError("Spark", "a session that goes on", "one that ended", "Look into its logs, and run it again")
    return None


def _says_unwritten(text: str) -> bool:
    return any(sign in text.lower() for sign in ("could not write file", "could not read from file", "file too large"))


def _says_full(text: str) -> bool:
    return any(sign in text.lower() for sign in _FULL)


def _full(where: str, text: str) -> OutputError:
    return OutputError(where, "room on the disk for what is computed", text, "Free some, or name another folder there")
