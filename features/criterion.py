"""What a condition compares: a crowd, tag or signal as a question to the past, with its kind and its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from penchant.errors import InputError, did_you_mean, quoted

if TYPE_CHECKING:
    from .history.past import Past

Kind = Literal["flag", "number", "text"]
# Tag -> the signal whose value it is, or from which it is told.
TAGS: Mapping[str, str] = MappingProxyType(
    {
        "stage": "stage",
        "funnel": "funnel_state",
        "rfm_segment": "rfm_segment",
        "price_tier": "price_tier",
        "channel": "channel_top",
        "category_1": "category_top_1",
        "category_2": "category_top_2",
        "category_3": "category_top_3",
        "tier": "rfm_monetary",
        "value_tier": "rfm_monetary",
    }
)


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
