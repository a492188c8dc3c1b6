"""Names that requests give, as the files they stand for: each is one of those there are, and never becomes a path."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from penchant.errors import NotThereError, quoted

from .pages.plan import plan_files
from .ready import Ready
from .settings import WebSettings


def with_places(settings: WebSettings, ready: Ready, kind: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a request with the files that its names stand for.

    Raises
    ------
    NotThereError
        If a plan, wave or destination is none of those there are.
    """
    if kind == "plan":
        found = {path.name: path for path in plan_files(settings)}
        return {**fields, "path": str(_one_of("plan", fields.get("file", ""), found))}
    if kind == "export":
        folder = ready.audience_folder(fields.get("campaign", ""), fields.get("wave", ""))
        to = _one_of("destination", fields.get("to", ""), destination_files(settings))
        return {**fields, "folder": str(folder), "destination": str(to)}
    return dict(fields)


def _one_of(what: str, name: str, found: Mapping[str, Path]) -> Path:
    if name not in found:
        raise NotThereError(what, "one of those beside penchant.toml", quoted(name[:40]))
    return found[name]


def destination_files(settings: WebSettings) -> dict[str, Path]:
    """Return the destinations beside the configuration by file name: TOML files with an address."""
    found = {}
    for path in sorted(settings.shop_file.parent.glob("*.toml")):
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if path != settings.shop_file and isinstance(values.get("address"), str):
            found[path.name] = path
    return found
