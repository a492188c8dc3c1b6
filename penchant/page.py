"""Reports as one HTML file each: no network, no script, fit to be read, printed and sent.

A page is a value made of blocks; ``Page.html()`` is its only rendering. All text is escaped, and the page's
own policy forbids the browser to load anything. The words that a report says are its maker's.

Examples
--------
>>> table = Table((PageColumn("Arm"), PageColumn("Response", ".1%")), [("mail", 0.062), ("control", 0.05)])
>>> text = Page("Spring mail", "It worked.", (PageSection("By arm", (table,)),)).html()
>>> '<td class="number">6.2%</td>' in text
True
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

from penchant.errors import InputError

if TYPE_CHECKING:
    from jinja2 import Template

Tone = Literal["good", "bad", "open", "plain"]
Outcome = Literal["passed", "issue", "not applicable"]

UNKNOWN = "–"
MINUS = "−"


@runtime_checkable
class Interval(Protocol):
    """A number with the bounds that it should be read with."""

    @property
    def value(self) -> float:
        """The number."""

    @property
    def low(self) -> float:
        """Its lower bound."""

    @property
    def high(self) -> float:
        """Its upper bound."""


@dataclass(frozen=True)
class Words:
    """A verdict: what it says, and whether that is good, bad or open (shown by a sign and a colour)."""

    text: str
    tone: Tone = "plain"


Cell: TypeAlias = "str | float | Interval | Words | None"


@dataclass(frozen=True)
class PageColumn:
    """A table's column.

    Parameters
    ----------
    title
        What stands above it, the unit included.
    format
        How its numbers are written, as in ``format(x, ".1%")``; empty: a column of text, aligned left.
    note
        A line below the title, for what the title cannot say.
    """

    title: str
    format: str = ""
    note: str = ""


@dataclass(frozen=True)
class Prose:
    """Paragraphs."""

    kind: ClassVar[str] = "prose"
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Banner:
    """The one sentence to take away, set apart, with what it rests on below it."""

    kind: ClassVar[str] = "banner"
    verdict: Words
    text: str = ""


@dataclass(frozen=True)
class KeyFigure:
    """A number to be seen first: its name, the number (with its interval), and a short note."""

    name: str
    value: Cell
    format: str = ",.4g"
    note: str = ""


@dataclass(frozen=True)
class KeyFigures:
    """A row of key figures."""

    kind: ClassVar[str] = "figures"
    figures: tuple[KeyFigure, ...]


@dataclass(frozen=True)
class Table:
    """Rows below columns; numbers are aligned right, with their interval below them.

    Parameters
    ----------
    columns
        One `PageColumn` for each cell of a row.
    rows
        Cells: text, numbers, anything with value, low and high, `Words`, or None for what is not known.
    caption
        What the table shows, one sentence.
    strong
        Positions of rows to be set in bold, such as a total.

    Raises
    ------
    InputError
        A row has more or fewer cells than there are columns.
    """

    kind: ClassVar[str] = "table"
    columns: tuple[PageColumn, ...]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    strong: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        """Refuse rows that do not fit the columns."""
        wrong = [i for i, row in enumerate(self.rows) if len(row) != len(self.columns)]
        if wrong:
            got = f"{len(self.rows[wrong[0]])} in row {wrong[0]}"
            raise InputError(f"table '{self.caption}'", f"{len(self.columns)} cells in each row", got)


@dataclass(frozen=True)
class Picture:
    """A chart: SVG text as `penchant.charts` makes it, and what it shows in a sentence."""

    kind: ClassVar[str] = "picture"
    svg: str
    caption: str = ""


@dataclass(frozen=True)
class CheckLine:
    """One check: its name in words, how it came out, and what that means."""

    title: str
    outcome: Outcome
    text: str


@dataclass(frozen=True)
class Checks:
    """The checks that were made; issues come first."""

    kind: ClassVar[str] = "checks"
    lines: tuple[CheckLine, ...]

    @property
    def ordered(self) -> list[CheckLine]:
        """The lines, issues first, what did not apply last."""
        return sorted(self.lines, key=lambda line: ("issue", "passed", "not applicable").index(line.outcome))


@dataclass(frozen=True)
class Details:
    """Blocks that are folded away until someone opens them; open in print where the browser can."""

    kind: ClassVar[str] = "details"
    title: str
    blocks: tuple[Block, ...]


Block: TypeAlias = "Prose | Banner | KeyFigures | Table | Picture | Checks | Details"


@dataclass(frozen=True)
class PageSection:
    """A headline and the blocks below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """A whole report.

    Parameters
    ----------
    title, lead
        The headline, and the one or two sentences that a reader in a hurry reads.
    sections
        What follows.
    facts
        What the report was made from, as name -> text; stands at the page's foot.
    """

    title: str
    lead: str
    sections: tuple[PageSection, ...]
    facts: Mapping[str, str] = field(default_factory=dict)

    def html(self) -> str:
        """Return the page as the text of one HTML file; the same page gives the same text."""
        return _template().render(page=self, own_ids=_OwnIds()).lstrip()


def write_number(value: Real | float, form: str) -> str:
    """Return a number as text, with a real minus sign, and a dash for what is not finite.

    Examples
    --------
    >>> write_number(-0.012, "+.1%"), write_number(1234.5, ",.0f"), write_number(float("nan"), ".1f")
    ('−1.2%', '1,234', '–')
    """
    number = float(value)
    if not math.isfinite(number):
        return UNKNOWN
    whole = form == "d" or form.endswith(",d")
    text = format(int(number) if whole else number, form)
    if not text.strip("+-0.,%"):  # a zero has no sign
        text = text.lstrip("+-")
    return text.replace("-", MINUS) if text.startswith("-") else text


def write_cell(cell: Any, form: str = "") -> tuple[str, str]:
    """Return a cell's text, and the text of its interval (empty where it has none).

    Examples
    --------
    >>> write_cell(None), write_cell(3.14159, ".2f"), write_cell("mail")
    (('–', ''), ('3.14', ''), ('mail', ''))
    """
    if cell is None:
        return UNKNOWN, ""
    if isinstance(cell, bool):
        return ("yes" if cell else "no"), ""
    if isinstance(cell, Real):
        return write_number(cell, form or ",.4g"), ""
    if isinstance(cell, Interval):
        return write_number(cell.value, form or ",.4g"), write_interval(cell, form or ",.4g")
    return str(cell), ""


def write_interval(cell: Interval, form: str) -> str:
    """Return an interval's bounds as text: ``2.1% to 4.3%``, with a dash for one that is not known."""
    bounds = [write_number(bound, form) for bound in (cell.low, cell.high)]
    return "" if bounds == [UNKNOWN, UNKNOWN] else " to ".join(bounds)


class _OwnIds:
    """Gives the ids in each picture a prefix of their own, so that two pictures never share one."""

    def __init__(self) -> None:
        self.n_pictures = 0

    def __call__(self, svg: str) -> str:
        from markupsafe import Markup

        self.n_pictures += 1
        own = rf"\g<1>p{self.n_pictures}-"
        return Markup(re.sub(r'(\bid="|url\(#|href="#)', own, svg))  # our own charts: escaped where they are drawn


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"cell": write_cell, "is_words": _is_words, "anchors": _anchors}
    return environment.get_template("page.html")


def _is_words(cell: Any) -> bool:
    return isinstance(cell, Words)


def _anchors(sections: Iterable[PageSection]) -> list[tuple[str, PageSection]]:
    """Return each section with a name for links to it."""
    return [(f"section-{number}", section) for number, section in enumerate(sections, 1)]
