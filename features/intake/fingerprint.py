"""What identifies the files that a shop is read from: their SHA-256."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from penchant.config import Config, Source
from penchant.output import file_facts

NO_FILE = "not a file"  # what stands for the content of a table in a database


def source_hashes(config: Config, data_folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that the configuration names; tables at an address are `NO_FILE`.

    Parameters
    ----------
    config, data_folder
        The configuration, and the folder that relative paths start from.
    """
    hashes: dict[str, str] = {}
    for table in config.tables.values():
        for source in table.sources:
            paths = sorted({path for pattern in _patterns(source) for path in _files(pattern, data_folder)})
            hashes |= {_name(path, data_folder): file_facts(path)["sha256"] for path in paths}
            if source.address:
                hashes[str(source.table)] = NO_FILE
    return hashes


def _patterns(source: Source) -> Iterable[str]:
    """Return the paths and patterns that a source names."""
    named = re.findall(r"'([^']+)'", source.query) if source.query else [source.path]
    return [pattern for pattern in named if pattern]


def _files(pattern: str, data_folder: Path) -> list[Path]:
    """Return the files that a path or pattern names."""
    if Path(pattern).is_absolute():
        return [path for path in [Path(pattern)] if path.is_file()]
    return [path for path in data_folder.glob(pattern) if path.is_file()]


def _name(path: Path, data_folder: Path) -> str:
    """Return what a file is called in manifests: its place in the data folder, which tells partitions apart."""
    if path.is_relative_to(data_folder):
        return path.relative_to(data_folder).as_posix()
    place = sha256(path.parent.as_posix().encode()).hexdigest()[:8]  # no manifest holds an absolute path
    return f"{place}/{path.name}"
