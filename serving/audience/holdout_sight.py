"""What an audience's holdout will be able to show, before anything is sent; and the holdout that a difference takes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from penchant.errors import InputError

from ..goals.catalogue import Goal
from ..goals.offers import CONTROL
from .draw import draw_audience
from .result import Audience
from .settings import AudienceSettings
from .sizing import customers_needed, smallest_difference

LEAST_HOLDOUT, MOST_HOLDOUT, STEP = 0.01, 0.5, 0.01
_DIFFERENCE = re.compile(r"\s*([0-9.]+)\s*(pp|%)?\s*")


@dataclass(frozen=True)
class HoldoutSight:
    """What a holdout can show.

    Attributes
    ----------
    rate
        Share of successes that is expected without a contact, the mean propensity; None where it is not known.
    n_control, n_treated
        Customers held out and contacted.
    smallest
        The smallest rise of the rate that is seen in four of five campaigns, a difference of shares; None: none.
    expected
        The rise that is expected.
    n_needed
        Customers, held out and contacted, that the expected rise takes at this holdout; None: none would do.
    days
        Days after the wave until the goal's horizon is over.
    control_cost
        Expected profit that holding out forgoes, major units.
    """

    rate: float | None
    n_control: int
    n_treated: int
    smallest: float | None
    expected: float
    n_needed: int | None
    days: int
    control_cost: float

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return dict(vars(self))

    @property
    def words(self) -> str:
        """What can be seen, in a sentence."""
        cost = f"holding out costs {self.control_cost:,.2f} of expected profit"
        if self.rate is None:
            return f"{self.n_control:,} held out; nothing tells which effect they show; {cost}"
        seen = "cannot show any effect" if self.smallest is None else f"show a rise of {100 * self.smallest:.1f} points"
        takes = "" if self.n_needed is None else f", which takes {self.n_needed:,} customers at this holdout"
        return (
            f"{self.n_control:,} held out beside {self.n_treated:,} contacted {seen} from {self.rate:.1%} in four of "
            f"five campaigns, {self.days} days after the wave; "
            f"{100 * self.expected:.1f} points are expected{takes}; {cost}"
        )


def sight_of(audience: Audience) -> HoldoutSight:
    """Return what the holdout of an audience can show; customers below the cut, drawn to explore, are left aside."""
    rows = audience.record[~audience.record["is_exploring"]]
    held = rows["arm"] == CONTROL
    expected = float(rows["uplift"].mean()) if len(rows) else 0.0
    cost = float(rows.loc[held, "expected_profit"].sum())
    rate = float(rows["propensity"].mean()) if len(rows) else math.nan
    return holdout_sight(rate, int(held.sum()), int((~held).sum()), expected, audience.goal.horizon_days, cost)


def holdout_sight(
    rate: float, n_control: float, n_treated: float, expected: float, days: int, control_cost: float
) -> HoldoutSight:
    """Return what so many held out beside so many contacted can show; a rate of NaN is not known."""
    smallest, needed = math.inf, None
    if math.isfinite(rate):
        smallest = smallest_difference(rate, n_control, n_treated)
        if n_control > 0 and n_treated > 0 and 0 < expected <= 1 - rate:
            needed = customers_needed(rate, expected, n_control / (n_control + n_treated))
    return HoldoutSight(
        rate if math.isfinite(rate) else None,
        round(n_control),
        round(n_treated),
        smallest if math.isfinite(smallest) else None,
        expected,
        needed,
        days,
        control_cost,
    )


def read_difference(text: str) -> float:
    """Return a difference of shares that is typed as percentage points or as a share.

    Examples
    --------
    >>> read_difference("2pp"), read_difference("0.02"), read_difference("2 %")
    (0.02, 0.02, 0.02)
    """
    typed = _DIFFERENCE.fullmatch(text)
    try:
        value = float(typed[1]) / (100 if typed[2] else 1) if typed else math.nan
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise InputError("option --detect", "a difference of shares such as 2pp or 0.02", f"'{text}'")
    return value


def draw_to_detect(
    candidates: pd.DataFrame, past: pd.DataFrame | None, goal: Goal, settings: AudienceSettings, difference: float
) -> Audience:
    """Return the audience with the least holdout that sees a difference in four of five campaigns.

    Parameters
    ----------
    candidates, past, goal, settings
        As `draw_audience` takes them; the holdout is chosen here, from how many are on the list and how many succeed
        without a contact, and never from anybody's arm.
    difference
        The rise of the share of successes that is to be seen.

    Raises
    ------
    InputError
        If nothing tells the rate, or no holdout of the list sees the difference.
    """
    first = draw_audience(candidates, past, goal, settings)
    rows = first.record[~first.record["is_exploring"]]
    rate, n = rows["propensity"].mean(), len(rows)
    if pd.isna(rate):
        raise InputError("option --detect", "a known rate of success", "none: no model or rate says it", "Train a task")
    for place in range(round(LEAST_HOLDOUT / STEP), round(MOST_HOLDOUT / STEP) + 1):
        share = place * STEP
        if smallest_difference(float(rate), share * n, (1 - share) * n) <= difference:
            return draw_audience(candidates, past, goal, replace(settings, holdout=share))
    takes = customers_needed(float(rate), min(difference, 1 - float(rate)), MOST_HOLDOUT)
    raise InputError(
        "option --detect",
        f"{takes:,} customers or more, half of them held out, to see {100 * difference:.1f} points",
        f"{n:,} on the list",
        "Ask for a larger difference, or pool several campaigns",
    )
