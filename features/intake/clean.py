"""Edge: remember which tables were found clean, so that the next command need not check every row against the rules.

What is remembered counts for the very same files (by SHA-256), configuration and versions alone, and never for what a
query or a database gives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from penchant.config import Config
from penchant.errors import OutputError
from penchant.output import versions, write_text

READ = ("shop", "tables", "rules")  # parts of the configuration that decide what a table is


def state_of(config: Config, hashes: Mapping[str, str]) -> str | None:
    """Return a hash of all that decides whether a table is clean; None where something cannot be hashed.

    Parameters
    ----------
    config, hashes
        The configuration, and the files' hashes as `source_hashes` gives them.
    """
    sources = [source for table in config.tables.values() for source in table.sources]
    if any(source.query or source.address for source in sources):
        return None
    resolved = config.resolved()
    facts = {"sources": dict(hashes), "versions": versions(), **{part: resolved[part] for part in READ}}
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def known_clean(path: Path, state: str | None) -> Mapping[str, int]:
    """Return the tables that were found clean in this state -> their rows."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # nothing to remember, or nothing that can be read: everything is checked again
        return {}
    is_same = isinstance(record, dict) and state is not None and record.get("state") == state
    return dict(record["clean"]) if is_same else {}


def remember(path: Path, state: str | None, clean: Mapping[str, int]) -> None:
    """Write down which tables are clean in a state; where nothing can be written, nothing is remembered."""
    if state is None or not clean:
        return
    try:
        write_text(path, json.dumps({"state": state, "clean": dict(clean)}) + "\n")
    except OutputError:
        return
