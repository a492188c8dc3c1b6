"""What a goal is: a wanted change of stage, what a contact is taken to change, the rungs of a ladder, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from penchant.errors import InputError, did_you_mean, quoted

from .eligible import Eligible
from .offers import PHASES, Arm, refuse_equal_arm_names

Outcome = Literal[
    "visit",
    "interest",
    "first_order",
    "payment",
    "paid_order",
    "membership",
    "points_used",
    "review",
    "referral",
    "click",
]

TIERS = ("low", "middle", "high")  # of a customer's value: the tag ``tier``
LOWEST_TIER = TIERS[0]
LEFT_ALONE = ("churned",)  # stages that are contacted only where a measured uplift pays, whatever the goal
IN_RHYTHM = ("new", "regular", "loyal", "semi_active")

# The column of the candidates that tells when the success last happened: who came back leaves a campaign.
LAST_AT: Mapping[Outcome, str] = MappingProxyType(
    {
        "visit": "last_visit_at",
        "interest": "last_interest_at",
        "first_order": "last_order_at",
        "payment": "last_order_at",
        "paid_order": "last_order_at",
        "membership": "last_membership_at",
        "points_used": "last_points_used_at",
        "review": "last_review_at",
        "referral": "last_referral_at",
        "click": "last_click_at",
    }
)


@dataclass(frozen=True)
class Prior:
    """What a contact is taken to change before anything was measured.

    Parameters
    ----------
    effect, low, high
        With ``of="odds"``: the relative increase of the odds of success within ``window_days``. With
        ``of="rest"``: the share of those without success within ``window_days`` who are won. With ``of="contact"``: the
        share of the successes that come by the contact alone.
    of
        What the effect is relative to.
    source
        Where the figures are from.
    is_assumption
        Whether they were measured for something else, or not at all.
    window_days
        How long a contact works, days.
    """

    effect: float
    low: float
    high: float
    of: Literal["odds", "rest", "contact"]
    source: str
    is_assumption: bool
    window_days: int = 14

    @property
    def words(self) -> str:
        """What is taken for granted, in a sentence without its full stop."""
        if self.of == "contact":
            return f"a contact is taken to bring {self.effect:.0%} of the successes ({self.source})"
        what = "the odds of success" if self.of == "odds" else "those who would not come"
        change = f"raise {what} by" if self.of == "odds" else f"win, of {what},"
        size = f"{self.effect:.3g} times [{self.low:.3g}, {self.high:.3g}]"
        if self.of == "rest":
            size = f"{self.effect:.2%} [{self.low:.2%}, {self.high:.2%}]"
        kind = "assumed" if self.is_assumption else "measured elsewhere"
        return f"a contact is taken to {change} {size} within {self.window_days} days ({kind}: {self.source})"


@dataclass(frozen=True)
class Rung:
    """A step of a ladder: from a number of days on, the arm for each value tier of the customer.

    Raises
    ------
    InputError
        If a tier has no arm, or is none.
    """

    from_days: int
    arm_by_tier: Mapping[str, str]

    def __post_init__(self) -> None:
        """Refuse a step that says nothing for a tier."""
        if set(self.arm_by_tier) != set(TIERS):
            raise InputError("rung of a ladder", f"an arm for each of {quoted(TIERS)}", quoted(self.arm_by_tier))


@dataclass(frozen=True)
class Goal:
    """A wanted change of stage.

    Parameters
    ----------
    name
        What it is called on the command line.
    moves
        The change, in words.
    eligible
        Who may enter.
    outcome
        What counts as success.
    horizon_days
        By when, days after the contact.
    ranked_by
        The tasks whose champions rank, best evidence first; ``uplift`` is asked for this goal.
    arms
        The usual offers, mildest first; the first is the default where there is no ladder.
    phases
        The phases of a promotion it belongs to; all where empty.
    holdout
        Share of an audience that is held out as control, in (0, 1).
    prior
        What a contact is taken to change before anything was measured; None: the goal needs a measured uplift.
    ladder
        Which arm by age of the unpaid order (column ``unpaid_days``) and value tier; empty: no ladder.
    each_counts_the_same
        Whether every success is worth the mean of all, so that the list is ranked by successes and not by their worth.

    Raises
    ------
    InputError
        If a number or name is out of range.
    """

    name: str
    moves: str
    eligible: Eligible
    outcome: Outcome
    horizon_days: int
    ranked_by: tuple[str, ...]
    arms: tuple[Arm, ...]
    phases: tuple[str, ...] = ()
    holdout: float = 0.1
    prior: Prior | None = None
    ladder: tuple[Rung, ...] = ()
    each_counts_the_same: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no goal."""
        where = f"goal '{self.name}'"
        refuse_equal_arm_names(self.arms)
        if not 0 < self.holdout < 1 or self.horizon_days < 1:
            raise InputError(where, "a holdout inside (0, 1) and a horizon of a day or more", f"{self.holdout}")
        for phase in self.phases:
            if phase not in PHASES:
                raise InputError(f"{where}, phases", "a phase", f"'{phase}'", did_you_mean(phase, PHASES))
        names = {arm.name for arm in self.arms}
        if not {name for rung in self.ladder for name in rung.arm_by_tier.values()} <= names:
            raise InputError(f"{where}, ladder", "arms of the goal", f"{self.ladder}")

    @property
    def last_success_at(self) -> str:
        """The column that tells when the success last happened."""
        return LAST_AT[self.outcome]

    def as_dict(self) -> dict[str, Any]:
        """Return what the goal is, by name."""
        return {
            "name": self.name,
            "moves": self.moves,
            "outcome": self.outcome,
            "horizon_days": self.horizon_days,
            "ranked_by": list(self.ranked_by),
            "phases": list(self.phases),
            "holdout": self.holdout,
            "prior": self.prior and self.prior.words,
        }


# Randomised: 64,000 customers with a purchase within 12 months, an e-mail or none, outcomes of the next two weeks;
# MineThatData E-Mail Analytics And Data Mining Challenge, Kevin Hillstrom, 2008. Intervals of 95 %.
_HILLSTROM = "Hillstrom's e-mail trial, 64,000 customers"
VISITS = Prior(0.69, 0.60, 0.78, "odds", f"visits in {_HILLSTROM}, transferred to strangers", True)
FIRST_ORDERS = Prior(0.87, 0.53, 1.29, "odds", f"orders in {_HILLSTROM}, transferred to non-buyers", True)
SECOND_ORDERS = Prior(1.71, 0.93, 2.80, "odds", f"orders of the 32,144 new customers in {_HILLSTROM}", False)
STILL_ACTIVE = Prior(
    0.0046, 0.0025, 0.0067, "rest", f"orders of those with a purchase within 6 months in {_HILLSTROM}", False
)
LAPSING = Prior(
    1.74, 0.84, 3.07, "odds", f"orders of those without a purchase for 7 to 12 months in {_HILLSTROM}", False
)
CLICKS = Prior(1.0, 1.0, 1.0, "contact", "nobody clicks a message that was not sent", True)
PAYMENTS = Prior(0.3, 0.0, 0.8, "odds", "no randomised source is known to us", True)
