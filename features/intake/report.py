"""What came of reading a shop's tables, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any

from penchant.config import Severity

from .rules import RULES

MOST_EXAMPLES = 5
UNCHANGED = "nothing new"  # how the rows of a table came in of which all files were read before


@dataclass(frozen=True)
class Example:
    """A row that breaks a rule.

    Parameters
    ----------
    file
        Where it stands.
    row
        Its number there, from 1 without the header (in a workbook: the sheet's row; of a broken line: the line).
    values
        The shop's columns that the rule looked at, as the file has them.
    """

    file: str
    row: int
    values: Mapping[str, str | None]


@dataclass(frozen=True)
class Finding:
    """What a rule found in a table.

    Parameters
    ----------
    rule
        The rule's code.
    title
        What is wrong, as a phrase.
    column
        The canonical column, or an empty text.
    severity
        What happened to the rows.
    n_rows
        How many rows break the rule; 0 where it is not about rows.
    detail
        What else there is to say.
    examples
        At most five rows.
    n_of
        Of how many rows: the table's, those excluded left out.
    """

    rule: str
    title: str
    column: str
    severity: Severity
    n_rows: int
    detail: str = ""
    examples: tuple[Example, ...] = ()
    n_of: int = 0

    def of(self, n_rows: int) -> Finding:
        """Return the finding as one of so many rows, unless it says of how many it is."""
        return self if self.n_of else replace(self, n_of=n_rows)

    @property
    def share(self) -> float:
        """The share of rows that break the rule."""
        return self.n_rows / self.n_of if self.n_of else 0.0

    @property
    def is_loud(self) -> bool:
        """Whether so many rows break the rule that the mapping is to be doubted, rather than these rows."""
        return self.severity != "ignore" and self.share >= RULES[self.rule].loud


@dataclass(frozen=True)
class SourceRows:
    """What became of the rows of one source: read = excluded + set aside + accepted."""

    source: str
    n_read: int
    n_excluded: int
    n_set_aside: int
    n_accepted: int


@dataclass(frozen=True)
class Totals:
    """The sums of a table's accepted rows; None where the table does not tell.

    Parameters
    ----------
    name
        The canonical table.
    n_rows, n_orders, n_customers
        Counts; an order without an id is what a customer ordered at one instant.
    amount
        The sum of all lines, in the currency.
    revenue
        The sum of those that are paid, and neither cancelled nor refunded.
    first_day, last_day
        In the shop's zone.
    """

    name: str
    n_rows: int
    n_orders: int | None = None
    n_customers: int | None = None
    amount: float | None = None
    revenue: float | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True)
class TableReport:
    """What came of reading a table.

    Parameters
    ----------
    name
        The canonical table.
    files
        Each file or place, and what it was read as.
    columns
        Canonical column to what it is made of.
    n_read
        Rows read.
    excluded
        The shop's own exclusions: name to how many rows it holds for; a row may be held by several.
    n_excluded
        Rows that at least one exclusion holds for.
    n_set_aside
        Rows that were set aside: each once, though it may break several rules; broken lines included.
    n_accepted
        Rows that were accepted.
    set_aside, warned
        Rule to how many rows it set aside, or warns of; a row may break several.
    findings
        What the rules found, by rule and column.
    sources
        What became of the rows of each file, query or address.
    """

    name: str
    files: Mapping[str, str]
    columns: Mapping[str, str]
    n_read: int = 0
    excluded: Mapping[str, int] = field(default_factory=dict)
    n_excluded: int = 0
    n_set_aside: int = 0
    n_accepted: int = 0
    set_aside: Mapping[str, int] = field(default_factory=dict)
    warned: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    sources: tuple[SourceRows, ...] = ()

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """What keeps the table from being opened."""
        return tuple(finding for finding in self.findings if finding.severity == "refuse")


@dataclass(frozen=True)
class CheckReport:
    """What came of reading a shop.

    Parameters
    ----------
    tables
        Canonical table to what came of it.
    extract_end
        The instant up to which the data is complete, UTC without a zone; None where nothing could be opened.
    notes
        What was assumed, as sentences.
    quarantine
        The files that hold the rows set aside.
    faults
        What keeps the shop as a whole from being opened, as phrases.
    totals
        The sums of each table's accepted rows.
    intake
        Table to how its rows came in, where rows were stored before; two reports that differ in it alone are equal.
    """

    tables: Mapping[str, TableReport]
    extract_end: datetime | None = None
    notes: tuple[str, ...] = ()
    quarantine: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    totals: tuple[Totals, ...] = ()
    intake: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def loud(self) -> tuple[tuple[str, Finding], ...]:
        """Table and finding where so many rows break a rule that the mapping is to be doubted; most first."""
        found = [(name, one) for name, table in self.tables.items() for one in table.findings if one.is_loud]
        return tuple(sorted(found, key=lambda pair: -pair[1].share))

    @property
    def failed(self) -> bool:
        """Whether the shop is refused."""
        return bool(self.faults) or any(table.refusals for table in self.tables.values())

    def as_dict(self) -> dict[str, Any]:
        """Return everything in types that JSON knows."""
        tables = {name: asdict(table) for name, table in self.tables.items()}
        return {
            "failed": self.failed,
            "faults": list(self.faults),
            "extract_end": self.extract_end.isoformat() if self.extract_end else None,
            "notes": list(self.notes),
            "quarantine": list(self.quarantine),
            "loud": [f"{name}.{found.rule}" for name, found in self.loud],
            "totals": {one.name: _plain(asdict(one)) for one in self.totals},
            "tables": tables,
        }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
