"""Queries over several files, as penchant.toml holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .languages import plain
from .values import Quote, Seen

SHARED = ("decimal",)  # options that hold for all files of a query


@dataclass
class Query:
    """A query in the making: what is selected under which name, and the joins."""

    tables: str
    quote: Quote
    selected: dict[str, str] = field(default_factory=dict)

    def take(self, alias: str, name: str) -> str:
        """Select a column and return its name in the result."""
        result = name
        while result in self.selected and self.selected[result] != f"{alias}.{self.quote(name)}":
            result += f"_{alias}"
        self.selected[result] = f"{alias}.{self.quote(name)}"
        return result

    def sql(self) -> str:
        """Return the query."""
        columns = ",\n    ".join(
            value if value.endswith(self.quote(name)) else f"{value} as {self.quote(name)}"
            for name, value in self.selected.items()
        )
        return f"select\n    {columns}\n{self.tables}"


def is_named(one: Seen) -> bool:
    """Say whether a query can read the file by its name alone."""
    return "header" not in one.look.options


def file_in_query(one: Seen) -> str:
    """Return what a query calls a file, or several of one shape."""
    part = next((f"#{one.look.options[key]}" for key in ("sheet", "table") if key in one.look.options), "")
    paths = [f"{path}{part}".replace("'", "''") for path in one.look.paths]
    if len(paths) == 1:
        return f"'{paths[0]}'"
    return "(" + " union all by name ".join(f"select * from '{path}'" for path in paths) + ")"


def shared_options(files: Sequence[Seen]) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return how all files of a query are written, and a doubt about each option that differs between them."""
    options: dict[str, object] = {}
    notes = []
    for key in SHARED:
        values = [one.look.options[key] for one in files if key in one.look.options]
        if values:
            options[key] = values[0]
        if values and (len(values) < len(files) or len(set(map(str, values))) > 1):
            labels = ", ".join(one.look.label for one in files)
            notes.append(f"TODO '{key}' differs between {labels}: one query reads them alike, with {values[0]!r}")
    return options, tuple(notes)


def same_column(one: Seen, name: str) -> str | None:
    """Return a file's column of the same plain name."""
    return next((column.name for column in one.look.columns if plain(column.name) == plain(name)), None)
