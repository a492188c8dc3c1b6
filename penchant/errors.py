"""Every error that penchant raises on purpose.

::

    PenchantError
    ├── ConfigError (ValueError)                penchant.toml, or a value in it
    ├── InputError (ValueError)                 an argument: a frame, an array, an option
    ├── NotThereError (FileNotFoundError)       a file, folder or address that does not exist
    ├── ContractError (ValueError)              the shop's data: all faults of a table at once
    ├── LeftOutError (LookupError)              a signal, task or goal needs what the shop does not have
    ├── UnfinishedHorizonError (ValueError)     an outcome is asked for before it can be known
    ├── TooLittleDataError (ValueError)         the data cannot carry the number that is asked for
    ├── NoModelError (LookupError)              no registered model answers the request
    ├── OutputError (OSError)                   a result could not be written; nothing was half-written
    └── CheckFailedError (RuntimeError)         the work was done, but a check said no (exit code 3)

A message says where, what was expected, what came, and what to do. The facts stay as attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches


class PenchantError(Exception):
    """Base of all errors a user can mend.

    Parameters
    ----------
    where
        The place: a file, table, column, option or argument.
    expected
        What would have been right, as a sentence without its full stop.
    got
        What came instead, shortened by the caller where it is long.
    do
        What to do about it.
    """

    exit_code = 2

    def __init__(self, where: str, expected: str, got: str = "", do: str = "") -> None:
        parts = [without_passwords(part) for part in (where, expected, got, do)]
        self.where, self.expected, self.got, self.do = parts
        super().__init__(*parts)  # the arguments are what pickling restores

    def __str__(self) -> str:
        """Return the message in one paragraph."""
        parts = [f"{self.where}: {self.expected}", self.got and f"Got {self.got}", self.do]
        return " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts if part)


class ConfigError(PenchantError, ValueError):
    """penchant.toml, or a value in it, is not usable."""


class InputError(PenchantError, ValueError):
    """An argument has the wrong shape, type or range."""


class NotThereError(PenchantError, FileNotFoundError):
    """A file, folder or address does not exist."""


class ContractError(PenchantError, ValueError):
    """The shop's data breaks a rule that refuses it."""


class LeftOutError(PenchantError, LookupError):
    """Something needs a table or column that the shop does not have."""


class UnfinishedHorizonError(PenchantError, ValueError):
    """The horizon of an outcome reaches past the end of the data."""


class TooLittleDataError(PenchantError, ValueError):
    """The data cannot carry what is asked of it."""


class NoModelError(PenchantError, LookupError):
    """No registered model answers the request."""


class OutputError(PenchantError, OSError):
    """A result could not be written. What was there before is untouched."""


class CheckFailedError(PenchantError, RuntimeError):
    """The work was done and written, but a check failed."""

    exit_code = 3


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint for a mistyped name: the nearest known one, else all of them.

    Examples
    --------
    >>> did_you_mean("chrun", ["churn", "value"])
    "Did you mean 'churn'?"
    >>> did_you_mean("x", ["churn", "value"])
    "Known: 'churn', 'value'."
    """
    known = list(known)
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"Did you mean '{near[0]}'?" if near else f"Known: {quoted(known, most=20)}."


def quoted(names: Iterable[object], most: int = 5) -> str:
    """Return names in quotes, at most ``most`` of them, and a count of the rest; a text is one name.

    Examples
    --------
    >>> quoted(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    >>> quoted("abc")
    "'abc'"
    """
    marked = [f"'{name}'" for name in ([names] if isinstance(names, str) else names)]
    rest = len(marked) - most
    return ", ".join(marked[:most]) + (f" and {rest:,} more" if rest > 0 else "")


_PASSWORDS = (
    (re.compile(r"(\w://[^\s:/@'\"]*):[^\s'\"]*@"), r"\1:***@"),  # in an address: up to the last @ of the word
    (re.compile(r"((?:password|passwd|pwd|secret|token)\s*=\s*)(?:'[^']*'|[^\s&;'\"]+)", re.IGNORECASE), r"\1***"),
)


def without_passwords(text: str) -> str:
    """Return a text fit to be shown and stored: the passwords of addresses in it are three stars.

    Examples
    --------
    >>> without_passwords("no 'postgresql://shop:se/cr@t@db/base?sslmode=require&password=x' there")
    "no 'postgresql://shop:***@db/base?sslmode=require&password=***' there"
    """
    for pattern, shown in _PASSWORDS:
        text = pattern.sub(shown, text)
    return text
