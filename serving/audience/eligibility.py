"""Who of a goal's customers may be contacted in a wave: what protects everybody, and what the goal itself forbids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from penchant.errors import LeftOutError

from ..goals.catalogue import Goal
from ..goals.eligible import Mask
from ..goals.offers import Arm
from .exclusions import Excluded, Protection, Wave, exclude, read_past
from .expected_profit import Gain, must_be_left_alone
from .ladder import had_rung

LEFT = "left alone: no measured uplift pays"
RUNG = "this rung for the open order came before"


def excluded_from(
    pool: pd.DataFrame,
    past: pd.DataFrame | None,
    goal: Goal,
    arms: Sequence[Arm],
    wave: Wave,
    protection: Protection,
    gain: Gain,
) -> Excluded:
    """Return who of the eligible may not be contacted, and which arms the others may get.

    Parameters
    ----------
    pool
        The eligible, as `exclude` takes them, with ``stage`` where it is known.
    past, arms, wave, protection
        As `exclude` takes them.
    goal
        A ladder's rung goes out once for each open order; churned customers are left alone unless a measured uplift
        pays. Both hold for a first wave; later ones go to its customers.
    gain
        What each arm is expected to change.

    Raises
    ------
    InputError, LeftOutError
        As `exclude` raises them.
    """
    excluded = exclude(pool, past, arms, wave, protection, goal.last_success_at)
    excluded = replace(excluded, allowed=excluded.allowed & _affordable(pool, arms))
    if wave.number > 1:
        return excluded
    if goal.prior is not None:
        excluded = excluded.and_for(LEFT, must_be_left_alone(pool, gain))
    return excluded.and_for(RUNG, had_rung(pool, read_past(past, wave), goal, wave)) if goal.ladder else excluded


def _affordable(pool: pd.DataFrame, arms: Sequence[Arm]) -> Mask:
    """Return (n, n_arms) who has the points that each arm's offer takes."""
    if not any(arm.offer.points for arm in arms):
        return np.ones((len(pool), len(arms)), bool)
    if "points_balance" not in pool:
        raise LeftOutError("an offer for points", "the balance of each customer (table 'points')", "a shop without it")
    balance = pool["points_balance"].to_numpy(np.float64, na_value=0.0)
    return balance[:, None] >= np.array([arm.offer.points for arm in arms])
