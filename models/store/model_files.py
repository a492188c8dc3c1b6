"""A registered model's files, and the hash beside its version that they are held against before anything reads them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from penchant.errors import InputError
from penchant.output import files_in

from .records import Registered

HASH = "sha256"


def content_hash(folder: Path) -> str:
    """Return one hash of all files of a model."""
    text = "\n".join(f"{file['name']} {file['sha256']}" for file in files_in(folder))
    return hashlib.sha256(text.encode()).hexdigest()


def refuse_unregistered(version: Registered, folder: Path) -> Path:
    """Return the folder of a version's files, once they are those that were registered.

    Versions that were registered before hashes were have none to hold against.

    Raises
    ------
    InputError
        If they are not.
    """
    registered = version.tags.get(HASH)
    if registered and content_hash(folder) != registered:
        expected = f"the files that were registered (sha256 {registered[:12]}...)"
        do = "Bring back a copy of them, promote another version, or train it again"
        raise InputError(f"model '{version}'", expected, f"others in {folder}: changed, damaged or incomplete", do)
    return folder
