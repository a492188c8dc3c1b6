"""The results that lie below a folder: what each is, when it looks from, and how much space it takes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from penchant.errors import InputError
from penchant.output import MANIFEST, locked, read_json

LEFTOVER = re.compile(r"\..+\.(new|old|work)")  # what a killed run leaves beside a result
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, eq=False)
class StoredResult:
    """One result on disk.

    Attributes
    ----------
    path
        Its folder.
    step
        The step that made it, such as "score"; "audience" and "plan" by their folder.
    as_of
        The moment it looks from, UTC without a zone; None where it has none.
    n_bytes
        How much space it takes.
    manifest
        What its manifest says.
    """

    path: Path
    step: str
    as_of: datetime | None
    n_bytes: int
    manifest: Mapping[str, Any]


def results_below(folder: Path) -> list[StoredResult]:
    """Return the results in a folder and below it, by path; links are not followed."""
    return [_result(path, folder) for path in sorted(_folders_below(folder)) if (path / MANIFEST).is_file()]


def leftovers_below(folder: Path) -> list[Path]:
    """Return what killed runs left beside results: unfinished and former folders, and unfinished work."""
    return sorted(
        path
        for place in (folder, *_folders_below(folder))
        for path in (place.iterdir() if place.is_dir() else ())
        if LEFTOVER.fullmatch(path.name)
    )


def remove_leftover(path: Path) -> None:
    """Remove what a killed run left.

    Raises
    ------
    OutputError
        If a run holds the result that it belongs to: then it is no leftover.
    """
    result = path.with_name(path.name[1:].rpartition(".")[0])
    with locked(result):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def bytes_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.lstat().st_size for file in files if file.is_file() and not file.is_symlink())


def _folders_below(folder: Path) -> Iterator[Path]:
    """Yield the folders below one that are not hidden; a result's own subfolders are part of it."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink() and not path.name.startswith("."):
            yield path
            if not (path / MANIFEST).is_file():
                yield from _folders_below(path)


def _result(path: Path, below: Path) -> StoredResult:
    try:
        manifest = read_json(path / MANIFEST)
    except InputError:  # a manifest that cannot be read makes nothing removable, and is counted
        manifest = {}
    step = str(manifest.get("step") or path.relative_to(below).parts[0])
    return StoredResult(path, step, _moment(path, manifest), bytes_of(path), manifest)


def _moment(path: Path, manifest: Mapping[str, Any]) -> datetime | None:
    """Return the moment of a result by its manifest, else by the date that begins its folder's name."""
    as_of = manifest.get("as_of")
    text = as_of.get("last") if isinstance(as_of, dict) else as_of
    if not text and (dated := _DATE.match(path.name)):
        text = dated[0]
    try:
        moment = None if not text else datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment.replace(tzinfo=None) if moment else None
