"""What a condition compares: a crowd, tag or signal as a question to the past, with its kind and its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from penchant.errors import InputError, did_you_mean, quoted

from .history.past import Past

Kind = Literal["flag", "number", "text"]


@dataclass(frozen=True, eq=False)
class Criterion:
    """What a condition compares.

    Parameters
    ----------
    name
        As it was named.
    meaning
        What it says of a customer at as_of, as a phrase.
    kind
        ``flag`` (a boolean, never null), ``number`` or ``text``.
    ask
        From the past, its value for each row of a spine: hand it to `penchant.features.matrix.evaluated`.
    values
        The values that a text can have, where they are fixed; else empty.
    """

    name: str
    meaning: str
    kind: Kind
    ask: Callable[[Past], Any]
    values: tuple[str, ...] = ()

    def check(self, value: str) -> None:
        """Raise InputError where a text can never have a value; the message names the nearest one."""
        if self.values and value not in self.values:
            raise InputError(
                f"condition on '{self.name}'", f"one of {quoted(self.values)}", f"'{value}'",
                did_you_mean(value, self.values),
            )  # fmt: skip
