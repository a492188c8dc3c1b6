"""What a proposal consists of, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from penchant.config import Reading

from ..intake.expressions import RawColumns, meaning
from ..intake.raw import Gate
from .files import TableLook
from .recognised import Recognised

Quote = Callable[[str], str]

ARBITRARY_DAY = "2000-01-01"  # for data that counts days from a start that it does not name


@dataclass(frozen=True)
class SourceProposal:
    """Where rows come from, and what their columns become."""

    place: Mapping[str, object]
    columns: Mapping[str, str]
    exclude: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TableProposal:
    """A canonical table as penchant.toml may describe it.

    Parameters
    ----------
    name
        The canonical table.
    sources
        Where its rows come from.
    time_format
        How its times are written; None for ISO 8601.
    codes
        Column to the shop's code to the canonical one.
    options
        Further keys of the table.
    notes
        What was seen, assumed, or could not be decided.
    has_zone
        Whether its times carry their zone, or it has none.
    is_fine
        Whether its amounts need more than two decimal places.
    currency
        That of its amounts, of three letters; None where nothing says it.
    is_known
        Whether it is a platform's export, read as such.
    is_last_resort
        Whether it is taken only where no other file holds the table.
    """

    name: str
    sources: tuple[SourceProposal, ...]
    time_format: str | tuple[str, ...] | None = None
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    has_zone: bool = False
    is_fine: bool = False
    currency: str | None = None
    is_known: bool = False
    is_last_resort: bool = False


@dataclass(frozen=True)
class When:
    """What a table's time is made of.

    Parameters
    ----------
    value
        The column, or an expression.
    time_format, has_zone
        How it is written, and whether it carries its zone.
    notes
        What was assumed.
    """

    value: str
    time_format: str | tuple[str, ...] | None = None
    has_zone: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """A file, the parts that its columns play, what its time is made of, and how SQL over its sample is written."""

    look: TableLook
    roles: Mapping[str, str]
    when: When | None
    quote: Quote
    gate: Gate
    notes: tuple[str, ...] = ()
    platform: Recognised | None = None

    def has(self, *parts: str) -> bool:
        """Say whether columns play all of these parts."""
        return set(parts) <= self.roles.keys()

    def taken(self, *parts: str) -> dict[str, str]:
        """Return part -> column for those of these parts that are played."""
        return {part: self.roles[part] for part in parts if part in self.roles}

    def is_unique(self, part: str) -> bool:
        """Say whether a column plays the part and holds no value twice."""
        return part in self.roles and self.look.column(self.roles[part]).is_unique

    def places(self) -> list[dict[str, object]]:
        """Return how penchant.toml names each of the files."""
        return [{"path": path, **self.look.options} for path in self.look.paths]

    def sources(self, source: SourceProposal) -> tuple[SourceProposal, ...]:
        """Return a source for each of the files, all read alike."""
        return tuple(replace(source, place=place) for place in self.places())

    def counts(self, *conditions: str) -> tuple[int, ...]:
        """Return for how many rows of the sample each condition holds."""
        raw = RawColumns(self.look.raw.names, self.look.raw.types, Reading())
        texts = [meaning(condition, raw, self.look.label).sql for condition in conditions]
        asked = ", ".join(f"count(*) filter (c{place})" for place, _ in enumerate(texts))
        values = ", ".join(f"{text} as c{place}" for place, text in enumerate(texts))
        return self.gate.row(f"select {asked} from (select {values} from {self.look.raw.relation})")

    def unused(self, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return a note on the columns that nothing is made of, if there are any."""
        used = " ".join(columns.values())
        left = [column.name for column in self.look.columns if column.name not in used]
        more = " ..." if len(left) > 20 else ""
        return (f"not used: {', '.join(left[:20])}{more}",) if left else ()
