"""A concern of a category's buyers, and the message keys that follow from all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

LEAST_SAID = 5  # times from which a concern is shown, and chooses a message


@dataclass(frozen=True)
class Concern:
    """How often buyers of a category complained of a topic.

    Attributes
    ----------
    category, topic
        Of what, and about what.
    n
        Complaints, chats and returns.
    n_new, n_returning
        Of those, by customers with one order so far, and with more.
    """

    category: str
    topic: str
    n: int
    n_new: int
    n_returning: int

    def as_dict(self) -> dict[str, Any]:
        """Return the concern by name."""
        return asdict(self)


@dataclass(frozen=True)
class ConcernKeys:
    """Message keys by category: ``all_buyers``, and ``to_new`` for customers with one order, where theirs differs."""

    all_buyers: dict[str, str]
    to_new: dict[str, str]


def keys_of_concerns(concerns: Sequence[Concern]) -> ConcernKeys:
    """Return for each category the concern voiced most often, of new and of returning buyers apart; ties by name.

    Where one of the two voiced nothing five times, what all buyers of the category voiced most often holds for them.

    Examples
    --------
    >>> keys_of_concerns([Concern("shoes", "size", 30, 5, 25), Concern("shoes", "returns", 12, 9, 3)])
    ConcernKeys(all_buyers={'shoes': 'size'}, to_new={'shoes': 'returns'})
    """
    of_all = _most(concerns, "n")
    returning = of_all | _most(concerns, "n_returning")
    new = of_all | _most(concerns, "n_new")
    return ConcernKeys(returning, {name: key for name, key in new.items() if key != returning[name]})


def _most(concerns: Sequence[Concern], count: str) -> dict[str, str]:
    """Return category -> its most frequent concern by a count, of those counted five times or more."""
    enough = [each for each in concerns if getattr(each, count) >= LEAST_SAID]
    found: dict[str, str] = {}
    for each in sorted(enough, key=lambda one: (one.category, -getattr(one, count), one.topic)):
        found.setdefault(each.category, each.topic)
    return found
