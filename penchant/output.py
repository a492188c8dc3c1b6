"""Results as folders that can be redone: written beside, with a manifest, moved into place in one step.

A killed run leaves the former folder whole; the next run removes what the killed one left. Two runs for one
folder exclude each other. A manifest holds no time of day and no absolute path: the same inputs give the same
bytes.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from penchant.errors import InputError, NotThereError, OutputError, PenchantError, quoted

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST = "manifest.json"
VERSIONS_OF = ("penchant", "duckdb", "ibis-framework", "lightgbm", "numpy", "pandas", "scikit-learn")


@contextmanager
def replaced_folder(folder: Path, manifest: Mapping[str, Any]) -> Iterator[Path]:
    """Give an empty folder to write into; on success it becomes ``folder``, with ``manifest.json`` in it.

    Parameters
    ----------
    folder
        Where the result belongs. May be absent, empty, or an earlier result; never hold other things.
    manifest
        What the result was made of; the files written, their sizes and hashes, and the versions are added.
        A mutable mapping may be filled while the body runs.

    Raises
    ------
    OutputError
        If the folder holds other things, another run is writing it, or it cannot be written.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow a link that the user placed
    with _in_words(folder):
        _refuse_foreign(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _beside_then_there(folder) as staging:
            staging.mkdir()
            yield staging
            write_json(staging / MANIFEST, {**manifest, "versions": versions(), "files": files_in(staging)})


@contextmanager
def changed_folder(folder: Path, facts: Mapping[str, Any]) -> Iterator[Path]:
    """Give a copy of a result to change; on success it takes the result's place, with its manifest brought up to date.

    Parameters
    ----------
    folder
        The result. Its files are to be replaced, not written into: the copy may share them.
    facts
        What the manifest says beside what it said.

    Raises
    ------
    OutputError
        If another run is writing the result, or it cannot be written.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - as in replaced_folder
    with _in_words(folder), _beside_then_there(folder) as staging:
        shutil.copytree(folder, staging, copy_function=_linked)
        yield staging
        manifest = read_json(staging / MANIFEST)
        (staging / MANIFEST).unlink()
        write_json(staging / MANIFEST, {**manifest, **facts, "files": files_in(staging)})


@contextmanager
def _beside_then_there(folder: Path) -> Iterator[Path]:
    """Give a place beside a folder that nobody else writes meanwhile; on success it takes the folder's place."""
    with locked(folder):
        staging = _cleared(_beside(folder, "new"))
        try:
            yield staging
            _put_in_place(staging, folder)
        finally:
            _cleared(staging)


@contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    """Raise OutputError where the system refuses to write."""
    try:
        yield
    except OSError as fault:
        if isinstance(fault, PenchantError) or not fault.errno:
            raise
        raise _cannot_write(folder, fault) from fault


def _linked(source: str, target: str) -> None:
    """Link a file, or copy it where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Give a path to write to; on success what was written there becomes ``path``, in one step.

    Raises
    ------
    OutputError
        If another run is writing the file, or it cannot be written.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - as in replaced_folder
    _refuse_device(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            staging = _cleared(_beside(path, "new"))
            try:
                yield staging
                with staging.open("rb") as file:
                    os.fsync(file.fileno())
                staging.replace(path)
            finally:
                staging.unlink(missing_ok=True)
    except OSError as fault:
        if isinstance(fault, PenchantError) or not fault.errno:
            raise
        raise _cannot_write(path, fault) from fault


def _cannot_write(folder: Path, fault: OSError) -> OutputError:
    reasons = {
        errno.ENOSPC: "Free some space",
        errno.EACCES: "Choose a folder you may write to, with --out",
        errno.EROFS: "Choose a folder you may write to, with --out",
        errno.ENOTDIR: "One of the folders above it is a file",
        errno.EEXIST: "One of the folders above it is a file",
    }
    what = fault.strerror or str(fault)
    do = reasons.get(fault.errno or 0, "Nothing was changed there")
    return OutputError(f"output '{folder}'", "a folder that can be written", what.lower(), do)


def _refuse_foreign(folder: Path) -> None:
    if folder.is_file():
        raise OutputError(f"output '{folder}'", "a folder", "a file", "Name a folder with --out")
    _refuse_device(folder)
    if not folder.is_dir() or not any(folder.iterdir()) or (folder / MANIFEST).is_file():
        return
    raise OutputError(
        f"output '{folder}'",
        "a new or empty folder, or an earlier result, because it is replaced as a whole",
        "a folder with other things in it",
        f"Name a folder of its own, such as '{folder / 'penchant'}'",
    )


def _refuse_device(path: Path) -> None:
    """Raise OutputError for what is neither file nor folder: /dev/null would be gone for the whole machine."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OutputError(f"output '{path}'", "a file or folder", "a device or pipe", "Name another place")


def _beside(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.{what}")


def _cleared(path: Path) -> Path:
    """Return a path of ours at which nothing is any more; where a link stood, what it points to is left alone."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
    return path


@contextmanager
def locked(folder: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock of a folder or file, which the system releases when the process ends, however it ends.

    Parameters
    ----------
    folder
        What is locked; its lock is a hidden file beside it that goes when it is released.
    wait
        Seconds to wait while another run holds it.

    Raises
    ------
    OutputError
        If another run holds it.
    """
    path, deadline = _beside(folder, "lock"), monotonic() + wait
    while (handle := lock_of(path)) is None:
        if monotonic() >= deadline:
            raise OutputError(f"output '{folder}'", "one run at a time", "another run writing it", "Wait for it to end")
        sleep(0.02)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def lock_of(path: Path) -> int | None:
    """Return the handle of a lock that is now held, until it is closed; None where another run holds it."""
    if path.is_symlink():
        path.unlink()
    handle = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o644)
    with suppress(FileNotFoundError):  # its holder may remove it at this moment
        if _try_lock(handle) and os.path.samestat(path.stat(), os.fstat(handle)):
            return handle
    os.close(handle)
    return None


def _try_lock(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _put_in_place(staging: Path, folder: Path) -> None:
    """Make ``staging`` be ``folder``; what was there before is removed afterwards."""
    _sync(staging)
    if not folder.exists():
        staging.rename(folder)
    elif not _exchange(staging, folder):  # no atomic exchange on this system: two renames, nearly as good
        former = _cleared(_beside(folder, "old"))
        folder.rename(former)
        staging.rename(folder)
        _cleared(former)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step where Linux offers it."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    at_cwd, swap = -100, 2
    return rename is not None and rename(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), swap) == 0


def _sync(folder: Path) -> None:
    """Have the files on disk before the folder takes its name."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def files_in(folder: Path) -> list[dict[str, Any]]:
    """Return name, size in bytes and SHA-256 of each file in a folder, by name."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [file_facts(path, path.relative_to(folder).as_posix()) for path in paths]


def file_facts(path: Path, name: str | None = None) -> dict[str, Any]:
    """Return name, size in bytes and SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": name or path.name, "bytes": path.stat().st_size, "sha256": digest}


def read_rows(path: Path, columns: Sequence[str] | None = None, needs: Sequence[str] = ()) -> pa.Table:
    """Return the rows of a result's Parquet file, all columns or some; ``needs`` must be among them.

    Raises
    ------
    NotThereError
        If there is no such file.
    InputError
        If it is no Parquet file, is damaged, or lacks a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise NotThereError(f"result '{path}'", "a Parquet file", "nothing there")
    try:
        known = pq.read_schema(path).names
        missing = sorted({*(columns or ()), *needs} - set(known))
        if missing:
            raise InputError(f"result '{path}'", f"the columns {quoted(missing)}", quoted(known, most=20))
        return pq.read_table(path, columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError) as fault:
        raise _damaged(path, fault) from None


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a result's JSON file.

    Raises
    ------
    InputError
        If it holds none.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise _damaged(path, fault) from None
    if not isinstance(told, dict):
        raise _damaged(path, ValueError(f"a {type(told).__name__}"))
    return told


def _damaged(path: Path, fault: Exception) -> InputError:
    got = (str(fault) or repr(fault)).splitlines()[0][:200]
    return InputError(f"result '{path}'", "a file as penchant wrote it", got, "Make the result again, or remove it")


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    return {name: installed(name) for name in VERSIONS_OF}


installed = cache(version)  # reading what is installed takes some milliseconds


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write values as indented JSON with a final newline."""
    path.write_text(json.dumps(values, indent=2, default=str, ensure_ascii=False) + "\n", encoding="utf-8")


def write_text(path: Path, text: str) -> None:
    """Write a text file as a whole: beside its place, then moved into it."""
    _refuse_device(path)
    try:
        staging = _cleared(_beside(path, "new"))
        path.parent.mkdir(parents=True, exist_ok=True)
        with _removed(staging):
            staging.write_text(text, encoding="utf-8")
            staging.replace(path)
    except OSError as fault:
        raise _cannot_write(path, fault) from fault


@contextmanager
def _removed(staging: Path) -> Iterator[None]:
    """Leave nothing behind of what was written beside its place."""
    try:
        yield
    finally:
        staging.unlink(missing_ok=True)
