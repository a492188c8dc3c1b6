"""Which arm each customer is meant to get, and with what probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import InputError

from ...models.inputs.arrays import Floats
from ..candidates.recommend import recommended_offer
from ..goals.catalogue import Goal
from ..goals.eligible import Mask
from ..goals.offers import Arm
from .expected_profit import Gain
from .ladder import arms_by_ladder

Assign = Literal["best", "split", "ladder", "given", "recommended"]
PLANNED = "planned_arm"
NONE_PLANNED = -1


@dataclass(frozen=True, eq=False)
class Choice:
    """The arms that customers may be dealt.

    Attributes
    ----------
    shares
        (n, k) probability of each arm given treatment; rows sum to 1, or to 0 where no arm is allowed.
    planned
        (n,) the arm that is meant, -1 where it is left to chance or none is allowed.
    """

    shares: Floats
    planned: npt.NDArray[np.intp]

    def probabilities(self, holdout: float | Floats) -> Floats:
        """Return (n, k + 1) of control and each arm, where ``holdout`` is the control's."""
        control = np.broadcast_to(np.asarray(holdout, np.float64), (len(self.shares),))[:, None]
        return np.hstack([control, (1.0 - control) * self.shares])

    def keeping(self, arm: npt.NDArray[np.intp], allowed: Mask) -> Choice:
        """Return the choice when the treated stay in their arm (1, 2, ...; 0 is the control) where it is allowed."""
        own = (arm[:, None] == np.arange(1, self.shares.shape[1] + 1)) & allowed
        held = arm == 0
        return Choice(np.where(held[:, None], self.shares, own), np.where(held, self.planned, arm - 1))

    def take(self, rows: npt.NDArray[np.intp]) -> Choice:
        """Return the same for some customers."""
        return Choice(self.shares[rows], self.planned[rows])

    def mean(self, values: Floats) -> Floats:
        """Return (n,) what is expected of (n, k) values when the customer is treated."""
        return np.where(self.shares > 0, self.shares * values, 0.0).sum(axis=1)


def way_to_assign(goal: Goal, arms: Sequence[Arm], gain: Gain, assign: Assign | None) -> Assign:
    """Return how arms are assigned: as asked for; else by the ladder, by uplift where it was measured, or by lot.

    Without a measured uplift nothing says which arm is better for whom, so the crowd is split, which finds it out.
    """
    if assign is not None:
        return assign
    if goal.ladder and list(arms) == list(goal.arms):
        return "ladder"
    return "best" if gain.basis == "uplift" or len(arms) == 1 else "split"


def choose_arms(
    people: pd.DataFrame, goal: Goal, arms: Sequence[Arm], gain: Gain, allowed: Mask, assign: Assign
) -> Choice:
    """Return which arms customers may be dealt.

    Parameters
    ----------
    people
        Candidates, n rows; the ladder needs ``unpaid_days`` and, where it is known, ``value_tier``.
    goal, arms
        The goal, and k treatments.
    gain
        Expected change and cost of each arm.
    allowed
        (n, k) whether consent and caps allow each arm.
    assign
        ``best``: the allowed arm with the highest expected profit. ``split``: the allowed arms in their shares, by
        lot. ``ladder``: the goal's arm for age and value tier, or the best where that one is not allowed.
        ``given``: the arm named in the candidates' ``planned_arm``, or none where it is not allowed.
        ``recommended``: the arm whose offer suits the customer and the role of the goods that are shown
        (`recommended_offer`), or the best where that one is not allowed.
    """
    known = allowed & np.isfinite(gain.profit)
    if assign == "split":
        weights = known * np.array([arm.share for arm in arms])
        total = weights.sum(axis=1, keepdims=True)
        shares = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
        return Choice(shares, np.where((shares == 1).any(axis=1), shares.argmax(axis=1), NONE_PLANNED))
    planned = np.where(known, gain.profit, -np.inf).argmax(axis=1)
    if assign == "ladder":
        asked = arms_by_ladder(people, goal, arms)
        fits = known[np.arange(len(people)), asked]
        planned = np.where(fits, asked, planned)
    if assign == "recommended":
        wanted = recommended_offer(people, replace(goal, arms=tuple(arms), ladder=()))
        offered = np.array([arm.offer.kind for arm in arms], dtype=object)
        asked = (wanted[:, None] == offered).argmax(axis=1)
        planned = np.where(known[np.arange(len(people)), asked], asked, planned)
    if assign == "given":
        known = known & (_given(people)[:, None] == np.array([arm.name for arm in arms], dtype=object))
        planned = known.argmax(axis=1)
    planned = np.where(known.any(axis=1), planned, NONE_PLANNED)
    return Choice((planned[:, None] == np.arange(len(arms))).astype(np.float64), planned)


def _given(people: pd.DataFrame) -> npt.NDArray[np.object_]:
    if PLANNED not in people:
        raise InputError("candidates", f"a column '{PLANNED}', because arms are given", "none")
    return people[PLANNED].to_numpy(object)
