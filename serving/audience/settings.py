"""How one audience is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from penchant.errors import InputError

from ..goals.catalogue import Goal
from ..goals.eligible import Where
from ..goals.offers import Arm, refuse_equal_arm_names
from .choice import Assign
from .cut import NO_LIMITS, ListLimits
from .exclusions import USUAL_PROTECTION, Protection, Wave


@dataclass(frozen=True)
class AudienceSettings:
    """How one audience is drawn.

    Parameters
    ----------
    wave
        Which send of which campaign, when, and the seed.
    arms
        The treatments; empty: the goal's first, or all of its ladder.
    assign
        ``best``: each customer the arm with the highest expected profit. ``split``: by lot, in the arms' shares.
        ``ladder``: as the goal's ladder says. ``recommended``: the offer that suits the customer and the goods' role.
        None: the ladder where there is one, the best where uplift was measured, else by lot. ``given``: the arm in
        the candidates' ``planned_arm``.
    limits
        Budget, size, coupons.
    holdout
        Share held out as control, in (0, 1); None: the goal's.
    exploring
        Share of what may be used that goes to customers below the cut, drawn by lot, in [0, 1).
    protection
        Consent, caps, universal control.
    conditions
        What narrows the goal's customers further: crowds, tags, signals and facts by name.
    messages
        Category bought most -> message key; ``default`` for all others.
    messages_to_new
        The same for customers with one order, where it differs.
    costed
        The same arms with what all their waves cost, where an audience is ranked for more than this one.
    by_profit
        Whether the list ends where the expected profit is no longer above zero; a test of a price or of freight goes
        on, because it is there to learn.

    Raises
    ------
    InputError
        If a share is out of range or two arms have one name.
    """

    wave: Wave
    arms: tuple[Arm, ...] = ()
    assign: Assign | None = None
    limits: ListLimits = NO_LIMITS
    holdout: float | None = None
    exploring: float = 0.05
    protection: Protection = USUAL_PROTECTION
    messages: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    messages_to_new: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    costed: tuple[Arm, ...] = ()
    by_profit: bool = True
    conditions: tuple[Where, ...] = ()

    def __post_init__(self) -> None:
        """Refuse shares that are none, and arms that cannot be told apart."""
        if self.arms:
            refuse_equal_arm_names(self.arms)
        if self.holdout is not None and not 0 < self.holdout < 1:
            raise InputError(
                "holdout", "a share inside (0, 1): without a control nothing can be measured", f"{self.holdout}"
            )
        if not 0 <= self.exploring < 1:
            raise InputError("exploring", "a share in [0, 1)", f"{self.exploring}")

    def resolved(self, goal: Goal) -> AudienceSettings:
        """Return the settings with the goal's usual arms and holdout where none are set."""
        arms = self.arms or (goal.arms if goal.ladder else goal.arms[:1])
        holdout = goal.holdout if self.holdout is None else self.holdout
        return replace(self, arms=arms, holdout=holdout)
