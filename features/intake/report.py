"""What came of reading a shop's tables, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from penchant.config import Severity

MOST_EXAMPLES = 5


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
    """

    rule: str
    title: str
    column: str
    severity: Severity
    n_rows: int
    detail: str = ""
    examples: tuple[Example, ...] = ()


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
    """

    tables: Mapping[str, TableReport]
    extract_end: datetime | None = None
    notes: tuple[str, ...] = ()
    quarantine: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

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
            "tables": tables,
        }
