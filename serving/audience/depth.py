"""How the expected profit grows with the depth of a ranked list: what is won by going further, and what is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...models.inputs.arrays import Floats
from ...models.inputs.estimate import Estimate

POINTS = 60


@dataclass(frozen=True)
class Depth:
    """What a list of so many customers is expected to bring.

    Attributes
    ----------
    n
        Customers from the top of the list, the holdout included.
    profit
        Expected incremental profit of contacting all of them but the holdout, major units; the bounds are those of
        customers whose errors all go the same way.
    cost
        Expected cost of the contacts and offers.
    """

    n: int
    profit: Estimate
    cost: float

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {"n": self.n, "profit": self.profit.as_dict(), "cost": self.cost}


def profit_by_depth(value: Floats, low: Floats, high: Floats, cost: Floats, cut: int) -> tuple[Depth, ...]:
    """Return what lists of growing depth bring: at evenly spaced depths, at the cut, and at the end.

    Parameters
    ----------
    value, low, high
        (n,) what contacting each customer is worth, best first, with its bounds, times the chance of being treated.
    cost
        (n,) what it costs, times the same.
    cut
        Where the list was ended.
    """
    n = len(value)
    depths = np.unique([0, *np.linspace(0, n, POINTS + 1).round(), min(cut, n)]).astype(np.intp)
    sums = [np.concatenate([[0.0], np.cumsum(part)])[depths] for part in (value, low, high, cost)]
    return tuple(
        Depth(int(depth), Estimate(float(worth - spent), float(least - spent), float(most - spent)), float(spent))
        for depth, worth, least, most, spent in zip(depths, *sums, strict=True)
    )
