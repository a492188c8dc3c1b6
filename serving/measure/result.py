"""What comparisons found, as values: numbers with their intervals, ready for people and for scripts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...models.inputs.estimate import Estimate
from .effect import Effect


@dataclass(frozen=True)
class Result:
    """What one comparison found.

    Parameters
    ----------
    label
        What was compared: a window, an arm, a segment.
    days
        Length of the window.
    effects
        Outcome -> its effect per customer; money in major units. ``response`` and ``orders`` always; ``revenue``,
        ``margin``, ``cost`` and ``profit`` (margin less cost) where the shop can tell.
    level
        Of the intervals; wider than asked for where several rows of a table must hold together.
    predicted
        Mean predicted effect, where there is a prediction.
    """

    label: str
    days: int
    effects: Mapping[str, Effect]
    level: float
    predicted: float | None = None

    @property
    def response(self) -> Effect:
        """The effect on the response."""
        return self.effects["response"]

    def difference(self, name: str = "response", *, adjusted: bool = True) -> Estimate:
        """Return treated less control per customer, with its interval."""
        effect = self.effects[name]
        return (effect.adjusted if adjusted else effect.plain).interval(self.level)

    def total(self, name: str) -> Estimate | None:
        """Return the difference over all customers assigned to the treatment; None where it is not known."""
        return self.difference(name).scaled(self.response.n_treated) if name in self.effects else None

    @property
    def cost_per_order(self) -> Estimate | None:
        """Incremental cost per incremental order; infinite bounds where the orders may be none."""
        if "cost" not in self.effects:
            return None
        cost, orders = self.effects["cost"].plain.value, self.difference("orders")
        if orders.value <= 0:
            return Estimate(math.nan, math.nan, math.nan)
        dearest = cost / orders.low if orders.low > 0 else math.inf
        return Estimate(cost / orders.value, cost / orders.high, dearest)

    @property
    def return_on_cost(self) -> Estimate | None:
        """Incremental profit per unit of cost; None where cost or margin are not known."""
        if "profit" not in self.effects or not self.effects["cost"].plain.value > 0:
            return None
        return self.difference("profit").scaled(1 / self.effects["cost"].plain.value)

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers by name, as JSON takes them."""
        effect = self.response
        found: dict[str, Any] = {
            "label": self.label,
            "days": self.days,
            "level": self.level,
            "n_treated": effect.n_treated,
            "n_control": effect.n_control,
            "response_treated": effect.treated.interval(self.level).as_dict(),
            "response_control": effect.control.interval(self.level).as_dict(),
            "difference": self.difference().as_dict(),
            "difference_plain": self.difference(adjusted=False).as_dict(),
            "relative": effect.relative(self.level).as_dict(),
            "relative_plain": effect.relative(self.level, adjusted=False).as_dict(),
            "variance_removed": effect.variance_removed,
            "incremental": {name: self._total_dict(name) for name in self.effects if name != "response"},
            "cost_per_incremental_order": self.cost_per_order and self.cost_per_order.as_dict(),
            "return_on_cost": self.return_on_cost and self.return_on_cost.as_dict(),
        }
        return found if self.predicted is None else {**found, "predicted": self.predicted}

    def _total_dict(self, name: str) -> dict[str, float | None] | None:
        total = self.total(name)
        return None if total is None else total.as_dict()


@dataclass(frozen=True)
class Breakdown:
    """Results of groups that do not overlap, with intervals that hold for all of them together.

    Parameters
    ----------
    name
        By what.
    results
        One for each group.
    p_same
        Probability of differences this large between the groups if the effect were the same in all (Cochran's Q).
    trend
        Where groups are ordered: change of the effect from one group to the next; else None.
    n_left_out
        Rows in groups that were too small or too many to show.
    """

    name: str
    results: tuple[Result, ...]
    p_same: float
    trend: Estimate | None = None
    n_left_out: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers by name, as JSON takes them."""
        return {
            "by": self.name,
            "rows": [result.as_dict() for result in self.results],
            "p_same": None if math.isnan(self.p_same) else self.p_same,
            "trend": None if self.trend is None else self.trend.as_dict(),
            "n_left_out": self.n_left_out,
        }
