"""One question asked of data or a model before its numbers are believed, and the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from penchant.errors import InputError

from .estimate import Estimate

Outcome = Literal["passed", "issue", "not applicable"]


@dataclass(frozen=True)
class Check:
    """One question and its answer, for people and for scripts.

    Parameters
    ----------
    code
        Stable name for scripts, lower case with hyphens ("sample-ratio").
    title
        The question as a statement that should hold, for a reader ("The arms have the planned shares").
    explanation
        The answer in a sentence or two: what was seen, what follows, what to do.
    outcome
        "passed", "issue", or "not applicable" where what it needs was not given.
    facts
        The numbers behind the answer, by name; `Estimate` for those with an interval.

    Raises
    ------
    InputError
        The outcome is none of the three.

    Examples
    --------
    >>> check = Check("arm-sizes", "Every arm is large enough", "The smallest has 812.", "passed", {"n": 812})
    >>> print(check)
    passed: Every arm is large enough. The smallest has 812.
    """

    code: str
    title: str
    explanation: str
    outcome: Outcome
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an outcome that no reader of checks knows."""
        if self.outcome not in get_args(Outcome):
            raise InputError(
                f"check '{self.code}'", f"an outcome of {get_args(Outcome)} is needed", f"'{self.outcome}'"
            )

    @property
    def is_issue(self) -> bool:
        """Whether the answer calls for action."""
        return self.outcome == "issue"

    def as_dict(self) -> dict[str, Any]:
        """Return all parts by name, as JSON takes them."""
        facts = {name: fact.as_dict() if isinstance(fact, Estimate) else fact for name, fact in self.facts.items()}
        return {
            "code": self.code,
            "title": self.title,
            "explanation": self.explanation,
            "outcome": self.outcome,
            "facts": facts,
        }

    def __str__(self) -> str:
        """Return the answer in one line."""
        return f"{self.outcome}: {self.title}. {self.explanation}"


def issues(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the checks that call for action, in their order."""
    return tuple(check for check in checks if check.is_issue)
