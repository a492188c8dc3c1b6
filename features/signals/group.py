"""What a signal is: a declared column and the expression that fills it; and a group of signals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ..history.past import Past

ONE_DAY = re.compile(r"(?<![\d.,])1 days\b")
Windows = tuple[int, ...]
Dtype = Literal["int64", "float64", "string"]
DEFAULT_WINDOWS: Windows = (7, 30, 90, 180, 365)


FAMILIES: Mapping[str, str] = MappingProxyType({"gap": "rhythm", "cycle": "rhythm", "own": "elapsed"})


@dataclass(frozen=True)
class Column:
    """One column of a feature matrix, as the data dictionary shows it.

    Parameters
    ----------
    name
        snake_case; counts start ``n_``, windows end ``_90d``, shares end ``_share``.
    meaning
        What it says about a customer at as_of, as a phrase.
    unit
        days, count, money (in major units), share, score, flag (1 or 0, yes or no), or empty for a code.
    dtype
        int64 is never missing; float64 and string may be.
    low, high
        The range that a value can have; None where there is no bound.
    missing
        When there is no value, as a phrase; empty: there always is.
    reason
        How a value is told to a person: a template with ``{value}``; or a pair, for a value that raises a score by
        being high, and by being low.
    buying
        Whether more of it is known to go with more (+1) or less (-1) buying; 0 where the domain is not sure.
    population
        Whether it depends on other customers by definition: a rank, a price level, a cycle of the shop.
    historical
        False where it is built on attributes that a shop keeps without their history.
    """

    name: str
    meaning: str
    unit: str = ""
    dtype: Dtype = "float64"
    low: float | None = None
    high: float | None = None
    missing: str = ""
    reason: str | tuple[str, str] = ""
    buying: Literal[-1, 0, 1] = 0
    population: bool = False
    historical: bool = True

    def told(self, value: Any, *, is_high: bool = True) -> str:
        """Return a value in words.

        Examples
        --------
        >>> Column("days_since_visit", "days since the last visit", reason="no visit for {value:.0f} days").told(64.2)
        'no visit for 64 days'
        """
        missing = value is None or value != value
        if missing:
            return self.missing or f"{self.meaning}: unknown"
        if self.unit == "flag":  # whatever is usual: half of the customers may have none
            is_high, value = bool(value), "yes" if value else "no"
        template = self.reason if isinstance(self.reason, str) else self.reason[0 if is_high else 1]
        if isinstance(value, str):
            value = value.replace("_", " ")
        return counted(template.format(value=value)) if template else f"{self.meaning}: {_short(value)}"

    @property
    def family(self) -> str:
        """What it is about: of several such signals one reason says enough."""
        start = self.name.split("_")[0]
        return FAMILIES.get(start, start)


def counted(text: str) -> str:
    """Return a text that begins with a number of things as people say it of none and of one.

    Examples
    --------
    >>> counted("0 logins in 30 days"), counted("1 searches in 7 days"), counted("last visit 1 days ago")
    ('no logins in 30 days', '1 search in 7 days', 'last visit 1 day ago')
    """
    text = ONE_DAY.sub("1 day", text) if "1 days" in text else text
    number, _, rest = text.partition(" ")
    if number == "0":
        return f"no {rest}"
    what, _, more = rest.partition(" ")
    if number != "1" or not what.endswith("s"):
        return text
    one = f"{what[:-3]}y" if what.endswith("ies") else what[:-2] if what.endswith("ches") else what[:-1]
    return f"1 {one} {more}".rstrip()


def _short(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,.4g}"


@dataclass(frozen=True)
class Signal:
    """A column and how it is filled.

    Parameters
    ----------
    column
        The declaration.
    value
        From the past as one row of the spine sees it, an expression over that row's aggregates.
    needs
        Tables and columns that the shop must have: ``"orders"``, ``"orders.amount"``, with ``|`` between alternatives.
    """

    column: Column
    value: Callable[[Past], Any]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeatureGroup:
    """A family of signals.

    Parameters
    ----------
    name
        How penchant.toml calls it.
    meaning
        What the family tells, as a sentence.
    signals
        From the windows (days, rising), the signals in the order of their columns.
    needs
        What every signal of the group needs.
    """

    name: str
    meaning: str
    signals: Callable[[Windows], Iterable[Signal]]
    needs: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def columns(self, windows: Windows = DEFAULT_WINDOWS) -> tuple[Column, ...]:
        """Return the declared columns for these windows."""
        return tuple(signal.column for signal in self.signals(windows))


PURCHASES = "orders|interactions"
# What is bought and what is looked at, with what `items` knows of it: needs that only both tables together meet.
JOINED: Mapping[str, str] = MappingProxyType(
    {
        "bought.category_id": "orders.category_id|items.category_id with orders.item_id",
        "viewed.category_id": "interactions.category_id|items.category_id with interactions.item_id",
        "bought.category_id.amount": "orders.amount with a category",
        "viewed.category_id.price": "interactions.price with a category",
        "bought.margin": "items.unit_cost with orders.item_id",
    }
)
BOUGHT_CATEGORY, VIEWED_CATEGORY, BOUGHT_MARGIN = "bought.category_id", "viewed.category_id", "bought.margin"
CATEGORY = f"{BOUGHT_CATEGORY}|{VIEWED_CATEGORY}"


def need_in_words(need: str) -> str:
    """Return a need as a person reads it: of the tables that the shop gives.

    Examples
    --------
    >>> need_in_words("bought.margin|orders.amount")
    'items.unit_cost with orders.item_id|orders.amount'
    """
    return "|".join(JOINED.get(option, option) for option in need.split("|"))


def joined_needs(needs: Sequence[str], by: str = "and") -> str:
    """Return several needs as one phrase.

    Examples
    --------
    >>> joined_needs(["orders.item_id", "orders.category_id|items.category_id"])
    'orders.item_id and orders.category_id or items.category_id'
    """
    return f" {by} ".join(need.replace("|", " or ") for need in needs)


def unmet_needs(needs: Sequence[str], has: Callable[..., bool]) -> list[str]:
    """Return those needs that a shop does not meet, as a person reads them.

    Parameters
    ----------
    needs
        As in `Signal`.
    has
        ``has(table, *columns)`` says what the shop has.

    Examples
    --------
    >>> unmet_needs(["orders.amount", "items|orders"], lambda table, *columns: table == "orders" and not columns)
    ['orders.amount']
    """
    return [need_in_words(need) for need in needs if not any(has(*option.split(".")) for option in need.split("|"))]
