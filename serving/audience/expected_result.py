"""What contacting customers is expected to bring."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...models.inputs.estimate import Estimate


@dataclass(frozen=True)
class Expected:
    """What contacting customers is expected to bring over leaving them alone; money in major units.

    The bounds are those of customers whose errors all go the same way, as those of a prior do.

    Attributes
    ----------
    successes
        More successes.
    value
        What these are worth.
    cost
        Of contacts and offers.
    """

    successes: Estimate
    value: Estimate
    cost: float

    @property
    def profit(self) -> Estimate:
        """Value less cost."""
        return Estimate(self.value.value - self.cost, self.value.low - self.cost, self.value.high - self.cost)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {
            "successes": self.successes.as_dict(),
            "value": self.value.as_dict(),
            "cost": self.cost,
            "profit": self.profit.as_dict(),
        }

    def rows(self) -> list[tuple[str, ...]]:
        """Return name, value, low and high as text, for a table."""
        named = {"successes": self.successes, "value": self.value, "profit": self.profit}
        told = [(name, *(f"{end:,.2f}" for end in (one.value, one.low, one.high))) for name, one in named.items()]
        return [*told[:2], ("cost", f"{self.cost:,.2f}", "", ""), told[2]]


def total(parts: Iterable[Expected]) -> Expected:
    """Return the sum of several."""
    parts = list(parts)
    return Expected(
        sum_of(part.successes for part in parts),
        sum_of(part.value for part in parts),
        float(sum(part.cost for part in parts)),
    )


def sum_of(estimates: Iterable[Estimate]) -> Estimate:
    """Return the sum of estimates, bounds by bounds."""
    ends = [(each.value, each.low, each.high) for each in estimates]
    return Estimate(*(float(sum(column)) for column in zip(*ends, strict=True))) if ends else Estimate(0.0, 0.0, 0.0)
