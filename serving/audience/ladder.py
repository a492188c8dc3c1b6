"""A ladder of offers for an open order: which arm by its age and the customer's value tier, each rung once.

The tier is that of the customer's history (the tag ``tier``): the size of the open order says nothing about who the
customer is. Which rungs an open order has been through is read from the times of earlier assignments of the goal, so
that it is known whichever system kept them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import InputError, LeftOutError

from ...models.inputs.arrays import Floats
from ..goals.catalogue import LOWEST_TIER, Goal
from ..goals.eligible import Mask
from ..goals.offers import Arm
from .exclusions import Wave

AGE, TIER = "unpaid_days", "value_tier"
NO_RUNG = -1
CLOCK_DUST = 1e-6  # days: ages are fractions of a day
A_DAY = np.timedelta64(1, "D")


def arms_by_ladder(people: pd.DataFrame, goal: Goal, arms: Sequence[Arm]) -> npt.NDArray[np.intp]:
    """Return (n,) the place of each customer's arm among ``arms``: by age of the open order and value tier.

    Parameters
    ----------
    people
        ``unpaid_days``, and ``value_tier`` (low, middle, high) where it is known; who has none is of the lowest.
    goal
        Has the ladder.
    arms
        Must have the names that the ladder speaks of.

    Raises
    ------
    InputError
        If the goal has no ladder, or an arm of it is not there.
    LeftOutError
        If the age of the open order is not known.
    """
    names = [arm.name for arm in arms]
    missing = sorted({name for rung in goal.ladder for name in rung.arm_by_tier.values()} - set(names))
    if not goal.ladder or missing:
        got = f"no arm named '{missing[0]}'" if missing else "none"
        raise InputError(f"goal '{goal.name}'", "a ladder with all its arms", got, "Assign by 'best' or 'split'")
    rung = rung_of(_ages(people, goal), goal)
    tier = tiers_of(people)
    chosen = np.zeros(len(people), np.intp)
    for place, step in enumerate(_rising(goal)):
        for name, arm in step.arm_by_tier.items():
            chosen[(rung == place) & (tier == name)] = names.index(arm)
    return chosen


def tiers_of(people: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Return (n,) the value tier of each customer; of whom none is known the lowest."""
    if TIER not in people:
        return np.full(len(people), LOWEST_TIER, dtype=object)
    known = people[TIER].astype(object)
    return known.where(known.notna(), LOWEST_TIER).to_numpy(dtype=object)


def rung_of(age_days: Floats, goal: Goal) -> npt.NDArray[np.intp]:
    """Return (n,) the highest rung whose days have passed, counted from 0; -1 below the first.

    Examples
    --------
    >>> from penchant.serving.goals.catalogue import COLLECT
    >>> rung_of(np.array([0.5, 1.0, 8.2, 40.0]), COLLECT).tolist()
    [-1, 0, 1, 2]
    """
    starts = [step.from_days for step in _rising(goal)]
    return np.searchsorted(starts, np.nan_to_num(age_days, nan=-1.0) + CLOCK_DUST, side="right") - 1


def had_rung(people: pd.DataFrame, past: pd.DataFrame, goal: Goal, wave: Wave) -> Mask:
    """Return (n,) whose open order has been through its rung: sent, or held out of it.

    Parameters
    ----------
    people
        Candidates with ``unpaid_days`` at the wave.
    past
        Earlier assignments, `PAST_COLUMNS`; those whose ``goal`` is this one count.
    goal, wave
        The goal with its ladder, and the wave.
    """
    if not goal.ladder or past.empty or "goal" not in past:
        return np.zeros(len(people), bool)
    age = _ages(people, goal)
    mine = past[(past["goal"] == goal.name) & (past["assigned_at"] < wave.at)]
    place = pd.Index(people["customer_id"]).get_indexer(mine["customer_id"])
    mine, place = mine[place >= 0], place[place >= 0]
    then = age[place] - (np.datetime64(wave.at) - mine["assigned_at"].to_numpy()) / A_DAY
    highest = np.full(len(people), NO_RUNG)
    np.maximum.at(highest, place, rung_of(then, goal))
    return highest >= rung_of(age, goal)


def _rising(goal: Goal) -> list:
    return sorted(goal.ladder, key=lambda step: step.from_days)


def _ages(people: pd.DataFrame, goal: Goal) -> Floats:
    if AGE not in people:
        raise LeftOutError(f"goal '{goal.name}'", f"'{AGE}' is needed to climb the ladder", "no such column")
    return people[AGE].to_numpy(np.float64, na_value=np.nan)
