"""What lists of one size truly add, by the simulator's own account of each customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from penchant.cli.terminal import bare_table
from penchant.cli.work import Work
from penchant.models.inputs.estimate import Estimate

PER = 1000
MEASURES = {"orders": "effect_probability", "profit": "effect_profit"}


@dataclass(frozen=True)
class Earned:
    """What lists of one size would truly add, per 1,000 customers contacted.

    Attributes
    ----------
    lists
        How a list was ranked -> expected orders and profit, with intervals over its customers.
    better
        The uplift's list less each other: the same differences.
    n
        How a list was ranked -> its customers.
    """

    lists: Mapping[str, Mapping[str, Estimate]]
    better: Mapping[str, Mapping[str, Estimate]]
    n: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers by name."""

        def plain(lists: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Any]:
            return {
                way: {name: estimate.as_dict() for name, estimate in numbers.items()} for way, numbers in lists.items()
            }

        return {"per": PER, "n": dict(self.n), **plain(self.lists), "uplift_less": plain(self.better)}


def earned(truth: pd.DataFrame, lists: Mapping[str, pd.DataFrame]) -> Earned:
    """Return what contacting everyone on each list would truly add."""
    by_customer = truth.set_index("customer_id")
    effects = {way: by_customer.loc[record["customer_id"]] for way, record in lists.items()}
    means = {way: {name: _mean(frame[column]) for name, column in MEASURES.items()} for way, frame in effects.items()}
    better = {
        way: {name: _difference(effects["uplift"][column], effects[way][column]) for name, column in MEASURES.items()}
        for way in lists
        if way != "uplift"
    }
    return Earned(means, better, {way: len(record) for way, record in lists.items()})


def _mean(effect: pd.Series[float]) -> Estimate:
    values = effect.to_numpy(float)
    return _around(PER * float(values.mean()), PER * float(values.std(ddof=1)) / len(values) ** 0.5)


def _difference(mine: pd.Series[float], other: pd.Series[float]) -> Estimate:
    """Return the difference of two lists' means; customers who are on both add nothing to its uncertainty."""
    value = PER * float(mine.to_numpy(float).mean() - other.to_numpy(float).mean())
    alone = [mine[~mine.index.isin(other.index)], other[~other.index.isin(mine.index)]]
    parts = [
        len(part) * float(part.to_numpy(float).var(ddof=1)) / len(whole) ** 2 if len(part) > 1 else 0.0
        for part, whole in zip(alone, (mine, other), strict=True)
    ]
    return _around(value, PER * sum(parts) ** 0.5)


def _around(value: float, error: float) -> Estimate:
    return Estimate(value, value - 1.96 * error, value + 1.96 * error)


def show_earned(work: Work, result: Earned) -> None:
    """Show the lists beside each other."""
    title = f"What the next list truly adds, per {PER:,} customers contacted (the simulator's truth)"
    table = bare_table((), title=title)
    for name in ("ranked by", "customers", "orders", "profit, EUR", "uplift's list against it, profit"):
        table.add_column(name, justify="left" if name == "ranked by" else "right", no_wrap=True)
    for way in ("random", "propensity", "uplift"):
        numbers = result.lists[way]
        against = result.better[way]["profit"] if way in result.better else None
        cells = (_number(numbers["orders"], 1), _number(numbers["profit"], 0))
        table.add_row(way, f"{result.n[way]:,}", *cells, "" if against is None else _number(against, 0, "+"))
    work.show_wide("", table)


def earned_in_words(result: Earned) -> str:
    """Return what the list by uplift earned beside one by propensity, in a sentence, with its interval."""
    found, profit = result.better["propensity"]["profit"], result.lists["uplift"]["profit"]
    size = f"{abs(found.value):,.0f} EUR {'more' if found.value > 0 else 'less'}"
    bounds = f"({found.low:+,.0f} to {found.high:+,.0f})"
    sure = "" if found.excludes_zero else "; with so few customers that may be chance, try --size large"
    return (
        f"\n[bold]What was earned[/]: by uplift a list brings {profit.value:,.0f} EUR per {PER:,} customers contacted, "
        f"{size} than one by propensity {bounds}{sure}."
    )


def _number(number: Estimate, digits: int, sign: str = "") -> str:
    low, high = (f"{end:,.{digits}f}" for end in (number.low, number.high))
    return f"{number.value:{sign},.{digits}f} [dim]{low}..{high}[/]"
