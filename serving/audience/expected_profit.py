"""What a contact is expected to change, and to cost, for each customer and arm.

Where an uplift was measured for the goal it is taken (``basis = uplift``); else the propensity times the goal's
prior, which says so (``basis = propensity``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from penchant.errors import LeftOutError, NoModelError, quoted

from ...models.inputs.arrays import Floats
from ..goals.catalogue import LEFT_ALONE, Goal, Prior
from ..goals.eligible import Mask
from ..goals.offers import Arm

NO_CHANCE = ("uplift", "lookalike", "value")  # what ranks a goal beside the models of its success
Basis = Literal["uplift", "propensity"]


@dataclass(frozen=True, eq=False)
class Gain:
    """Expected change and cost of contacting, for n customers and k arms; money in major units.

    Attributes
    ----------
    uplift, low, high
        (n, k) change of the probability of success, and the bounds of its 95 % interval; NaN where not known.
    value
        (n, k) what the change is worth.
    value_low, value_high
        (n, k) its bounds.
    cost
        (n, k) expected cost of the contact and of the offer's redemption.
    basis
        What the uplift rests on.
    n_unknown
        How many customers have no score; they are ranked nowhere.
    """

    uplift: Floats
    low: Floats
    high: Floats
    value: Floats
    value_low: Floats
    value_high: Floats
    cost: Floats
    basis: Basis
    n_unknown: int = 0

    @property
    def profit(self) -> Floats:
        """(n, k) expected incremental profit: value of the change less cost."""
        return self.value - self.cost

    def take(self, rows: np.ndarray) -> Gain:
        """Return the same for some customers."""
        names = ("uplift", "low", "high", "value", "value_low", "value_high", "cost")
        return Gain(**{name: getattr(self, name)[rows] for name in names}, basis=self.basis)


def expected_gain(people: pd.DataFrame, goal: Goal, arms: Sequence[Arm]) -> Gain:
    """Return what each arm is expected to change and to cost.

    Parameters
    ----------
    people
        Candidates, one row each. ``margin``: what one success is worth, major units, with ``margin_low`` and
        ``margin_high`` where its interval is known. ``uplift_<arm>`` for every arm, or
        ``uplift`` for all alike, each with ``_low`` and ``_high`` where known: change of the probability of
        success; ``propensity``: probability of the goal's success within its horizon.
    goal
        Gives prior and horizon.
    arms
        The treatments.

    Returns
    -------
    Gain
        Where the goal has no prior, or the customer is in a stage of ``LEFT_ALONE``, the lower bound of the uplift
        counts: such customers are contacted only if it pays.

    Raises
    ------
    LeftOutError
        If a column is missing.
    NoModelError
        If the goal needs a measured uplift and there is none.
    """
    if "margin" not in people:
        raise LeftOutError(f"goal '{goal.name}'", "'margin', the worth of one success, is needed", "no such column")
    measured = _measured(people, goal, arms)
    if measured is not None:
        basis: Basis = "uplift"
        uplift, low, high = measured
    else:
        basis = "propensity"
        uplift, low, high = _by_prior(people, goal, len(arms))
    worth = _numbers(people, "margin")[:, None]
    ends = [_numbers(people, name if name in people else "margin")[:, None] for name in ("margin_low", "margin_high")]
    is_cautious = np.ones(len(people), bool) if goal.prior is None else in_stage_left_alone(people)
    counted = np.where(is_cautious[:, None], low, uplift)
    cost = _cost(people, goal, arms, uplift)
    value, corners = counted * worth, np.stack([bound * end for bound in (low, high) for end in ends])
    n_unknown = int((~np.isfinite(value - cost).any(axis=1)).sum())
    return Gain(uplift, low, high, value, corners.min(axis=0), corners.max(axis=0), cost, basis, n_unknown)


def in_stage_left_alone(people: pd.DataFrame) -> Mask:
    """Return (n,) who is in a stage that is contacted only where a measured uplift pays."""
    if "stage" not in people:
        return np.zeros(len(people), bool)
    return people["stage"].isin(LEFT_ALONE).to_numpy(bool)


def must_be_left_alone(people: pd.DataFrame, gain: Gain) -> Mask:
    """Return (n,) who is in such a stage, and of whom no measured uplift says that a contact pays."""
    pays = (gain.profit > 0).any(axis=1) if gain.basis == "uplift" else np.zeros(len(people), bool)
    return in_stage_left_alone(people) & ~pays


def uplift_by_prior(propensity: Floats, prior: Prior, effect: float, horizon_days: int) -> Floats:
    """Return the change of the probability of success within a horizon that a prior stands for.

    Parameters
    ----------
    propensity
        (n,) probability of success within the horizon.
    prior
        Gives the window in which the contact works, and what the effect is relative to.
    effect
        The prior's effect, or one of its bounds.
    horizon_days
        Days to which the propensity belongs.

    Notes
    -----
    Successes come at an even pace, so the probability within the window is ``q = 1 - (1 - p)^(window / horizon)``. The
    contact moves those of the ``1 - q`` who would not have come by then; of these the share
    ``(1 - p) / (1 - q)`` would not have come within the horizon either. Sure buyers therefore gain nothing.

    Examples
    --------
    >>> prior = Prior(1.0, 0.5, 2.0, "odds", "an example", True)
    >>> uplift_by_prior(np.array([0.0, 0.1, 0.999]), prior, prior.effect, 14).round(3).tolist()
    [0.0, 0.082, 0.0]
    """
    p = np.clip(propensity, 0.0, 1.0)
    if prior.of == "contact":
        return effect * p
    stays = (1.0 - p) ** min(1.0, prior.window_days / horizon_days)
    q = 1.0 - stays
    moved = effect * stays if prior.of == "rest" else effect * q * stays / (1.0 + effect * q)
    never = np.divide(1.0 - p, stays, out=np.zeros_like(p), where=stays > 0)
    return moved * never


def _measured(people: pd.DataFrame, goal: Goal, arms: Sequence[Arm]) -> tuple[Floats, Floats, Floats] | None:
    """Return uplift and bounds (n, k) where every arm has one, else None."""
    of_arm = [f"uplift_{arm.name}" for arm in arms]
    missing = [name for name in of_arm if name not in people]
    if missing and "uplift" in people:
        of_arm, missing = ["uplift"] * len(arms), []
    if missing and (len(missing) < len(arms) or goal.prior is None):
        raise NoModelError(
            f"goal '{goal.name}'",
            "a measured uplift for every arm is needed",
            f"none for {quoted([name.removeprefix('uplift_') for name in missing])}",
            "Train 'uplift' on a randomised campaign of this goal" if goal.prior is None else "Name other arms",
        )
    if missing:
        return None
    uplift = np.column_stack([_numbers(people, name) for name in of_arm])
    low, high = (np.column_stack([_numbers(people, f"{name}_{end}") for name in of_arm]) for end in ("low", "high"))
    if goal.prior is None and not np.isfinite(low).any():
        raise LeftOutError(f"goal '{goal.name}'", "the lower bound of the uplift is needed to say that it pays", "none")
    return uplift, low, high


def _by_prior(people: pd.DataFrame, goal: Goal, n_arms: int) -> tuple[Floats, Floats, Floats]:
    if goal.prior is None or "propensity" not in people:
        raise NoModelError(
            f"goal '{goal.name}'",
            f"a champion of one of its models is needed ({quoted(goal.ranked_by)})",
            "no score",
            f"Train and promote one: {_commands(goal)}",
        )
    p = _numbers(people, "propensity")
    effects = (goal.prior.effect, goal.prior.low, goal.prior.high)
    uplift, low, high = (
        np.tile(uplift_by_prior(p, goal.prior, e, goal.horizon_days)[:, None], (1, n_arms)) for e in effects
    )
    return uplift, low, high


def _commands(goal: Goal) -> str:
    """Return how the models of a goal's success are trained."""
    names = [name for name in goal.ranked_by if name not in NO_CHANCE]
    return " or ".join(f"'penchant train {name}'" for name in names)


def _cost(people: pd.DataFrame, goal: Goal, arms: Sequence[Arm], uplift: Floats) -> Floats:
    """Return the expected cost: of the contact, and of the offer with everyone who acts, come for it or not."""
    contact = np.array([arm.unit_cost for arm in arms])
    offer = np.array([arm.offer.cost_per_success for arm in arms])
    if not offer.any():
        return np.tile(contact, (len(people), 1))
    if "propensity" not in people:
        raise LeftOutError(
            f"goal '{goal.name}'",
            "'propensity' is needed, because those who would have acted anyway redeem the offer too",
            "no such column",
            "Train and promote a champion, or send a reminder",
        )
    acts = np.clip(_numbers(people, "propensity")[:, None] + uplift, 0.0, 1.0)
    return contact + acts * offer


def _numbers(people: pd.DataFrame, name: str) -> Floats:
    """Return a column as floats, NaN where it is missing."""
    if name not in people:
        return np.full(len(people), np.nan)
    return pd.to_numeric(people[name]).to_numpy(np.float64, na_value=np.nan)
