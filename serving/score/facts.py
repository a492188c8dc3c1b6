"""What the scores of a moment depend on, as their manifest says it: by this, ready scores are known to be valid."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from penchant.output import files_in, versions

from ...features.intake.fingerprint import module_hashes
from ...features.workspace import Workspace

UNREAD = ("engine", "protection", "keep", "nightly", "mlflow")  # parts of the configuration that no score depends on


def facts_of(workspace: Workspace, as_of: datetime, models: Mapping[str, tuple[str, Path]]) -> dict[str, Any]:
    """Return what the scores of a moment depend on.

    Parameters
    ----------
    workspace, as_of
        The shop and the moment.
    models
        Name of a champion -> name and version in the registry, and folder of its files.
    """

    def identified(version: str, folder: Path) -> dict[str, Any]:
        return {"model": version, "files": {file["name"]: file["sha256"] for file in files_in(folder)}}

    return {
        "as_of": as_of.isoformat(),
        "sources": workspace.sources(),
        "modules": dict(module_hashes(workspace.config)),
        "config": _read_parts(workspace.config.resolved()),
        "models": {name: identified(*model) for name, model in models.items()},
        "versions": versions(),
    }


def _read_parts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of the configuration that scores depend on; the shop's own crowds are no signals."""
    parts = {name: part for name, part in config.items() if name not in UNREAD}
    return {**parts, "crowds": {key: value for key, value in parts["crowds"].items() if key != "own"}}


def key_of(facts: Mapping[str, Any]) -> str:
    """Return a hash: the same for the same facts, and for no others."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
