"""What an insight page is: tables of what is known at a moment, with what was left out, as a value.

The terminal, JSON, files and HTML are renderings of the same value. A cell is text, a number, an `Estimate`, or None
for what is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

import pandas as pd

from penchant import page as html
from penchant.errors import InputError, TooLittleDataError, quoted
from penchant.spreadsheet import safe_for_spreadsheets, shop_time

from ...features.engine.times import instant
from ...features.shop import Shop
from ...features.spine import Spine, first_seen
from ...models.inputs.estimate import Estimate

MOST_DRAWN = 60  # rows that a picture still shows


@dataclass(frozen=True, eq=False)
class InsightTable:
    """Rows below named columns.

    Parameters
    ----------
    name
        Its key in JSON, and the name of its files.
    title
        What it shows, as a phrase.
    columns
        Column -> its title and how its numbers are written (`penchant.page.PageColumn`), in order.
    rows
        Column -> cell; further keys are not shown, but stand in JSON and files.
    strong
        Positions of rows to be set in bold, such as a total.
    n_shown
        How many of the rows are shown, and stand in JSON; files hold them all. None: all of them.
    drawn
        The column that the HTML page draws too, strong rows and those without a number left out; empty: none.
    drawn_from
        The number that the drawn ones are compared with by a line.
    charts
        Draw further pictures of the HTML page, above the rows.
    """

    name: str
    title: str
    columns: Mapping[str, html.PageColumn]
    rows: Sequence[Mapping[str, Any]]
    strong: frozenset[int] = frozenset()
    n_shown: int | None = None
    drawn: str = ""
    drawn_from: float = 0.0
    charts: tuple[Callable[[], str], ...] = ()

    @property
    def shown(self) -> Sequence[Mapping[str, Any]]:
        """The rows that are shown."""
        return self.rows[: self.n_shown]

    def flat(self) -> pd.DataFrame:
        """Return the rows as plain columns: ``x`` that is an `Estimate` becomes ``x``, ``x_low`` and ``x_high``."""
        return pd.DataFrame([_flat(row) for row in self.rows], columns=self._flat_names())

    def _flat_names(self) -> list[str]:
        names = dict.fromkeys(name for row in self.rows or [self.columns] for name in row)
        intervals = {name for row in self.rows for name, cell in row.items() if isinstance(cell, Estimate)}
        return [one for name in names for one in _bounds(name)[: 3 if name in intervals else 1]]


@dataclass(frozen=True, eq=False)
class InsightPage:
    """One page of insight.

    Parameters
    ----------
    name
        How the command line calls it.
    title, lead
        The headline, and the sentence that says which customers and which instants the numbers are of.
    tables
        What it shows, in order.
    facts
        What a script needs beside the tables: instants, counts, settings.
    left_out
        Name of what could not be had -> what the shop lacks.
    notes
        Sentences that the numbers should be read with.
    files
        Name -> text of what is written beside the tables.
    """

    name: str
    title: str
    lead: str
    tables: tuple[InsightTable, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the page for JSON: its facts, each table by its name, what was left out, and the notes."""
        tables = {table.name: [dict(row) for row in table.shown] for table in self.tables}
        told = {"left_out": dict(self.left_out), "notes": list(self.notes)}
        return {"page": self.name, "lead": self.lead, **self.facts, **tables, **told}

    def write(self, folder: Path) -> None:
        """Write each table as CSV and Parquet, and the page as one HTML file, into a folder."""
        for table in self.tables:
            frame = table.flat()
            safe_for_spreadsheets(frame).to_csv(folder / f"{table.name}.csv", index=False)
            frame.to_parquet(folder / f"{table.name}.parquet", index=False)
        (folder / f"{self.name}.html").write_text(self.html(), encoding="utf-8")
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")

    def html(self) -> str:
        """Return the page as the text of one HTML file."""
        sections = [html.PageSection(table.title, _blocks(table)) for table in self.tables]
        said = (*self.notes, *(f"Left out: {name}, because {why}." for name, why in self.left_out.items()))
        if said:
            sections.append(html.PageSection("How to read this", (html.Prose(said),)))
        return html.Page(self.title, self.lead, tuple(sections)).html()


def _bounds(name: str) -> list[str]:
    return [name, f"{name}_low", f"{name}_high"]


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, cell in row.items():
        if isinstance(cell, Estimate):
            flat |= dict(zip(_bounds(name), (cell.value, cell.low, cell.high), strict=True))
        else:
            flat[name] = cell
    return flat


def _blocks(table: InsightTable) -> tuple[html.Block, ...]:
    rows = [[row.get(name) for name in table.columns] for row in table.shown]
    told = html.Table(tuple(table.columns.values()), rows, strong=table.strong)
    drawn = _drawn(table)
    pictures = [html.Picture(chart()) for chart in table.charts]
    pictures += [_picture(table, drawn)] if 0 < len(drawn) <= MOST_DRAWN else []
    return (*pictures, told)


def _drawn(table: InsightTable) -> list[Mapping[str, Any]]:
    """Return the rows that a picture shows."""
    plain = [row for place, row in enumerate(table.shown) if place not in table.strong]
    return [row for row in plain if table.drawn and _is_known(row[table.drawn])]


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame by column, None where nothing is known."""
    plain = frame.astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _is_known(cell: Any) -> bool:
    return not pd.isna(cell.value if isinstance(cell, Estimate) else cell)


def _picture(table: InsightTable, rows: Sequence[Mapping[str, Any]]) -> html.Picture:
    """Return the drawn column with its intervals; a row is named by the columns of text before the first number."""
    from penchant.charts import Axis, Series, points  # draws with what takes long to import

    columns = list(table.columns.items())
    names = [name for name, _column in takewhile(lambda column: not column[1].format, columns)]
    labels = [", ".join(str(row[name]) for name in names) for row in rows]
    shown = table.columns[table.drawn]
    series = Series(shown.title, [row[table.drawn] for row in rows])
    axis = Axis(shown.title, shown.format)
    return html.Picture(points(labels, [series], axis, line_at=table.drawn_from))


def moment_of(shop: Shop, as_of: datetime | None, option: str = "--as-of") -> datetime:
    """Return the moment that a page looks from: the one asked for, else the end of the shop's data.

    Raises
    ------
    InputError
        If the data ends before it: what was not recorded would look as if it had not happened.
    """
    if as_of is None:
        return shop.extract_end
    if as_of > shop.extract_end:
        end = shop_time(shop.extract_end, shop.timezone)
        raise InputError(
            f"option {option}",
            f"an instant that the data reaches, which ends at {end}",
            shop_time(as_of, shop.timezone),
        )
    return as_of


def seen_before(shop: Shop, *moments: datetime) -> Spine:
    """Return the spine of whoever had been seen before each moment: had ordered, done anything, or registered."""
    return Spine.at(shop, moments, takes_undated=False)


def undated_note(shop: Shop, moment: datetime) -> tuple[str, ...]:
    """Return a note about those on the list of customers of whom nothing is dated before a moment."""
    if not shop.has("customers"):
        return ()
    people, seen = shop.tables["customers"], first_seen(shop, takes_undated=False)
    dated = people.filter(people.registered_at.notnull()) if shop.has("customers", "registered_at") else None
    later = seen.filter(seen.first_seen_at < instant(moment))
    undated = people.anti_join(later, "customer_id")
    if dated is not None:
        undated = undated.anti_join(dated, "customer_id")
    n = int(undated.count().execute())
    if not n:
        return ()
    return (
        f"{n:,} more stand on the list of customers without a time of registration, and had done nothing before: "
        "it is unknown since when they have been customers, so they are not counted here.",
    )


def refuse_nobody(n_known: int, as_of: datetime) -> None:
    """Raise TooLittleDataError if nobody was known at a moment."""
    if not n_known:
        raise TooLittleDataError(
            f"as_of {as_of:%Y-%m-%d %H:%M} UTC", "at least one customer known before", "none", "Look later"
        )


def told_left_out(missing: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return name -> reason for what lacks something.

    Examples
    --------
    >>> told_left_out({"cart": ["interactions"], "stage": []})
    {'cart': "the shop has no 'interactions'"}
    """
    return {
        name: "the shop has no " + " and no ".join(quoted(lack.split("|")).replace(", ", " or ") for lack in lacks)
        for name, lacks in missing.items()
        if lacks
    }
