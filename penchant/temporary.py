"""Edge: temporary folders, which hold customers' rows: what a killed run left is removed by the next."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from pathlib import Path
from time import time

from penchant.output import lock_of

PREFIX = "penchant-"
HELD = ".held"
YOUNG = 3600  # seconds in which a folder without a lock may be one that is just being made


class Scratch:
    """A folder that goes with ``remove()``, at the latest with its owner; after a kill with the next run.

    Parameters
    ----------
    parent
        Where the folder is made; default: the system's place for temporary files.
    """

    def __init__(self, parent: Path | None = None) -> None:
        place = parent or Path(tempfile.gettempdir())
        place.mkdir(parents=True, exist_ok=True)
        remove_abandoned(place)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        making = self.folder / (HELD if sys.platform == "win32" else f"{HELD}.new")  # there, open files keep their name
        handle = lock_of(making)
        making.rename(self.folder / HELD)  # with its lock: at no moment does another run see it unlocked
        self._finalizer = weakref.finalize(self, _remove, self.folder, handle)

    def remove(self) -> None:
        """Delete the folder; a second call does nothing."""
        self._finalizer()

    def __enter__(self) -> Path:
        """Return the folder."""
        return self.folder

    def __exit__(self, *_: object) -> None:
        """Delete the folder."""
        self.remove()


def remove_abandoned(place: Path) -> list[Path]:
    """Remove the temporary folders of runs that were killed, and return them."""
    abandoned = []
    for path in place.glob(f"{PREFIX}*"):
        if not path.is_dir() or path.is_symlink():
            continue
        try:
            is_made = (path / HELD).is_file()
            if not is_made and time() - path.stat().st_mtime < YOUNG:
                continue
            handle = lock_of(path / HELD)
        except OSError:  # another user's, or just removed
            continue
        if handle is not None:
            _remove(path, handle)
            abandoned.append(path)
    return abandoned


def _remove(path: Path, handle: int | None) -> None:
    shutil.rmtree(path, ignore_errors=True)
    if handle is not None:
        os.close(handle)
