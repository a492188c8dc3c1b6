"""What can be set when a campaign is measured, and the campaign's own facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from penchant.errors import InputError, quoted

from ..goals.catalogue import Goal, Outcome, goal_named
from ..goals.offers import CONTROL, FREE_OF_COST, Arm

# Their value is taken off the order: the amounts that were paid hold the cost already.
TAKEN_OFF_AMOUNT = ("coupon", "cash_coupon", "price")
# Columns of an audience's record by which results are broken down where they are there.
BREAKDOWNS = ("stage", "segment", "tier", "is_exploring", "recommended_offer", "recommended_category", "basis")
PREDICTED = ("uplift", "predicted_uplift")


@dataclass(frozen=True)
class MeasureSettings:
    """How a campaign is measured.

    Parameters
    ----------
    windows_days
        Lengths of the windows after each wave, days, rising.
    decision_days
        The window that the verdict rests on; None: the longest that is over.
    level
        Of all intervals, in (0, 1).
    outcome
        What counts as a response; None: what the campaign's goal calls success, or a paid order.
    arms
        The treatments' channels, offers and unit costs (major units), where arms differ; an arm that is not among
        them costs what the campaigns table says.
    margin_share
        Margin of goods whose cost the shop does not know, as a share of their amount in [0, 1]; None: their margin
        counts as nothing, and the report says how much of the revenue that concerns.
    count_from
        Whether windows begin at the assignment, as training labels do, or when the wave's first contact went out:
        then each window of the wave moves by the shortest time between an assignment and its contact.
    control
        Name of the control arm.
    breakdowns, predicted
        Columns of the record to break results down by, and the one that holds the predicted uplift: the first found.
    relevant_share
        The relative change that a campaign should at least be able to see; for "how many customers would it take".
    pre_days
        How far back behaviour before the assignment is read, days.
    own
        The user's own goals, for what they call success.
    reads_stage
        Whether each customer's stage at the assignment is read from the shop, where no record says it.
    by
        Crowds, tags and signals, as known at the assignment, by which results are broken down too: ``tier``,
        ``crowd:interest``, ``n_orders_90d>=2``.
    """

    windows_days: tuple[int, ...] = (2, 10, 30)
    decision_days: int | None = None
    level: float = 0.95
    outcome: Outcome | None = None
    arms: Sequence[Arm] = ()
    margin_share: float | None = None
    count_from: Literal["assignment", "contact"] = "assignment"
    control: str = CONTROL
    breakdowns: tuple[str, ...] = BREAKDOWNS
    predicted: tuple[str, ...] = PREDICTED
    relevant_share: float = 0.1
    pre_days: int = 365
    own: Sequence[Goal] = ()
    reads_stage: bool = False
    by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse numbers that are out of range."""
        windows = self.windows_days
        if not windows or min(windows) < 1 or list(windows) != sorted(set(windows)):
            raise InputError("windows_days", "rising numbers of days, 1 or more", f"{windows}")
        if self.decision_days is not None and self.decision_days not in windows:
            raise InputError("decision_days", f"one of the windows ({quoted(windows)})", f"{self.decision_days}")
        if not 0 < self.level < 1:
            raise InputError("level", "a number in (0, 1), such as 0.95", f"{self.level}")
        if not self.relevant_share > 0:
            raise InputError("relevant_share", "a number above 0", f"{self.relevant_share}")
        if self.pre_days < 1:
            raise InputError("pre_days", "1 or more", f"{self.pre_days}")
        if self.margin_share is not None and not 0 <= self.margin_share <= 1:
            raise InputError("margin_share", "a share in [0, 1]", f"{self.margin_share}")


@dataclass(frozen=True)
class Costs:
    """What a treatment costs, major units: each contact, and each redemption of its offer.

    ``taken_off`` is the part of a redemption that was taken off the amount paid, so that the margin lacks it already.
    """

    contact: float | None
    redemption: float
    taken_off: float = 0.0


@dataclass(frozen=True)
class Campaign:
    """One row of the campaigns table; None for what is not known. Money in major units."""

    campaign_id: str
    goal: str | None = None
    phase: str | None = None
    channel: str | None = None
    offer_kind: str | None = None
    offer_value: float | None = None
    unit_cost: float | None = None

    def outcome(self, settings: MeasureSettings) -> Outcome:
        """Return what counts as a response."""
        if settings.outcome is not None:
            return settings.outcome
        try:
            return "paid_order" if self.goal is None else goal_named(self.goal, settings.own).outcome
        except InputError:  # a goal of somebody else's: what everybody can count
            return "paid_order"

    def costs(self, arm: str, settings: MeasureSettings) -> Costs:
        """Return what an arm costs: as the settings say, else as the campaign's row does."""
        for known in settings.arms:
            if known.name == arm:
                return _costs(known.unit_cost, known.offer.kind, known.offer.value)
        return _costs(self.unit_cost, self.offer_kind, self.offer_value)

    def as_dict(self) -> dict[str, Any]:
        """Return what is known, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


def _costs(contact: float | None, kind: str | None, value: float | None) -> Costs:
    """Return what an arm costs, by the same definition as an audience's expected cost: a coupon that is used costs too.

    Examples
    --------
    >>> _costs(0.1, "gift", 4.0)
    Costs(contact=0.1, redemption=4.0, taken_off=0.0)
    >>> _costs(0.1, "coupon", 5.0)
    Costs(contact=0.1, redemption=5.0, taken_off=5.0)
    """
    redemption = 0.0 if kind is None or kind in FREE_OF_COST else float(value or 0.0)
    return Costs(contact, redemption, redemption if kind in TAKEN_OFF_AMOUNT else 0.0)


def campaign_of(row: Mapping[str, Any], campaign_id: str, decimals: int) -> Campaign:
    """Return a campaign's facts from its row, whose money is in minor units; an empty row gives none."""
    known = {name: value for name, value in row.items() if value is not None and value == value}
    values: dict[str, Any] = {
        name: str(known[name]) for name in ("goal", "phase", "channel", "offer_kind") if name in known
    }
    values |= {name: known[name] / 10**decimals for name in ("offer_value", "unit_cost") if name in known}
    return Campaign(campaign_id, **values)
