"""A platform's export, and a file that is recognised as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .languages import plain


@dataclass(frozen=True)
class Platform:
    """One export of a platform.

    Parameters
    ----------
    name
        What people call it.
    headings
        What the mapping calls a column -> its names in the export, in every language known.
    required
        The columns without which it is another file.
    absent
        Columns that it does not have, where another export is much like it.
    roles
        Part -> columns that may play it, the best first, for what is worked out from several files.
    tables
        Canonical table -> its mapping: columns, codes, exclude, notes.
    refusals
        Part -> what to tell people whose file has nothing that plays it.
    """

    name: str
    headings: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]
    absent: tuple[str, ...]
    roles: Mapping[str, tuple[str, ...]]
    tables: Mapping[str, Mapping[str, Any]]
    refusals: Mapping[str, str]


@dataclass(frozen=True)
class Recognised:
    """A platform's export, and how its columns are called in a file."""

    platform: Platform
    names: Mapping[str, str]

    @property
    def roles(self) -> dict[str, str]:
        """Part -> the file's column."""
        found = {
            part: next((self.names[key] for key in keys if key in self.names), None)
            for part, keys in self.platform.roles.items()
        }
        return {part: name for part, name in found.items() if name is not None}

    def codes(self, table: str, column: str) -> dict[str, str]:
        """Return what a table's codes mean, by their plain names."""
        given = self.platform.tables.get(table, {}).get("codes", {}).get(column, {})
        return {plain(code): meaning for code, meaning in given.items() if code != "of"}
