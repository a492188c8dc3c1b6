"""Edge: remember which tables were found clean, so that the next command need not hold every row against the rules.

What is remembered counts for the very same files (by SHA-256), configuration and versions alone, and never for what a
query or a database gives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penchant.cli.work import Work

READ = ("shop", "tables", "rules")  # parts of the configuration that decide what a table is


def place_of(work: Work) -> Path:
    """Return the file that remembers a shop's clean tables."""
    return work.result_folder("clean.json")


def state_of(work: Work) -> str | None:
    """Return a hash of all that decides whether a table is clean; None where something cannot be hashed."""
    from penchant.output import versions

    sources = [source for table in work.config.tables.values() for source in table.sources]
    if any(source.query or source.address for source in sources):
        return None
    config = work.config.resolved()
    told = {"sources": work.sources(), "versions": versions(), **{part: config[part] for part in READ}}
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def known_clean(work: Work, state: str | None) -> Mapping[str, int]:
    """Return the tables that were found clean in this state -> their rows."""
    try:
        told = json.loads(place_of(work).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # nothing to remember, or nothing that can be read: all is looked at again
        return {}
    is_same = isinstance(told, dict) and state is not None and told.get("state") == state
    return dict(told["clean"]) if is_same else {}


def remember(work: Work, state: str | None, clean: Mapping[str, int]) -> None:
    """Keep which tables are clean in a state; where nothing can be written, nothing is remembered."""
    from penchant.errors import OutputError
    from penchant.output import write_text

    if state is None or not clean:
        return
    try:
        write_text(place_of(work), json.dumps({"state": state, "clean": dict(clean)}) + "\n")
    except OutputError:
        return
