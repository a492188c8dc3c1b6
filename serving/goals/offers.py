"""What a customer can be sent: offers, and the arms that bring them through a channel."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from penchant.errors import InputError, did_you_mean, quoted

CONTROL = "control"
OFFER_KINDS = ("reminder", "points", "membership", "gift", "free_freight", "coupon", "cash_coupon", "price")
FREE_OF_COST = ("reminder",)
PHASES = ("build-up", "warm-up", "peak", "after-peak")

REDEEM_RATE = 0.7  # an assumption: of those who act after an offer, how many use it
UNIT_COST = 0.02  # an assumption: one electronic message, in major units


@dataclass(frozen=True)
class Offer:
    """What a message offers.

    Parameters
    ----------
    kind
        One of ``OFFER_KINDS``, which stand from the mildest to the strongest. ``price`` is another price of the goods.
    value
        What it is worth to the customer and costs when it is redeemed, major units.
    threshold
        The order amount from which it holds, major units; a ``coupon`` has one, a ``cash_coupon`` has none.
    valid_days
        For how many days it holds, 1 or more.
    redeem_rate
        Share of those who act after the offer that redeem it, in [0, 1]; the default is an assumption.
    points
        What the customer pays for it in points; it goes to those alone whose balance is large enough.

    Raises
    ------
    InputError
        If the kind is unknown, a number is out of range, or kind and threshold contradict each other.
    """

    kind: str = "reminder"
    value: float = 0.0
    threshold: float = 0.0
    valid_days: int = 10
    redeem_rate: float = REDEEM_RATE
    points: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no offer."""
        if self.kind not in OFFER_KINDS:
            hint = did_you_mean(self.kind, OFFER_KINDS)
            raise InputError("offer kind", f"one of {quoted(OFFER_KINDS, most=10)}", f"'{self.kind}'", hint)
        if not (self.value >= 0 and self.threshold >= 0 and self.valid_days >= 1 and self.points >= 0):
            raise InputError(
                f"offer '{self.kind}'", "value and threshold >= 0, points >= 0, valid_days >= 1", f"{self}"
            )
        if not 0 <= self.redeem_rate <= 1:
            raise InputError(f"offer '{self.kind}'", "redeem_rate in [0, 1]", f"{self.redeem_rate}")
        if self.kind == "cash_coupon" and self.threshold:
            raise InputError("offer 'cash_coupon'", "no threshold", f"{self.threshold}", "Name it a 'coupon'")
        if self.kind == "coupon" and not self.threshold:
            raise InputError("offer 'coupon'", "a threshold", "none", "Name it a 'cash_coupon'")

    @property
    def cost_per_success(self) -> float:
        """What the offer costs for each customer who acts, major units."""
        return 0.0 if self.kind in FREE_OF_COST else self.value * self.redeem_rate

    @property
    def strength(self) -> int:
        """The place of the kind among all, 0 the mildest."""
        return OFFER_KINDS.index(self.kind)

    @property
    def is_issued(self) -> bool:
        """Whether it comes in numbered pieces, of which there may be too few."""
        return self.kind not in FREE_OF_COST

    def as_dict(self) -> dict[str, Any]:
        """Return the offer's values by name."""
        return {
            "kind": self.kind,
            "value": self.value,
            "threshold": self.threshold,
            "valid_days": self.valid_days,
            "redeem_rate": self.redeem_rate,
            **({"points": self.points} if self.points else {}),
        }


@dataclass(frozen=True)
class Arm:
    """One treatment: an offer through a channel.

    Parameters
    ----------
    name
        Lower case letters, digits, ``_`` and ``-``; not ``control``.
    channel
        Through what the customer is contacted; consent and caps are asked for it.
    offer
        What is offered.
    unit_cost
        What one contact costs, major units; the default is an assumption.
    share
        Weight of the arm where one crowd is split at random between arms.

    Raises
    ------
    InputError
        If the name is taken or unfit, or a number is out of range.
    """

    name: str
    channel: str = "email"
    offer: Offer = field(default_factory=Offer)
    unit_cost: float = UNIT_COST
    share: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no arm."""
        for what, text in (("name", self.name), ("channel", self.channel)):
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", text) or text == CONTROL:
                raise InputError(f"arm {what}", "lower case letters, digits, _ and -, not 'control'", f"'{text}'")
        if not (self.unit_cost >= 0 and self.share > 0):
            raise InputError(f"arm '{self.name}'", "unit_cost >= 0 and share > 0", f"{self}")

    def as_dict(self) -> dict[str, Any]:
        """Return the arm's values by name."""
        return {
            "name": self.name,
            "channel": self.channel,
            "offer": self.offer.as_dict(),
            "unit_cost": self.unit_cost,
            "share": self.share,
        }


def refuse_equal_arm_names(arms: tuple[Arm, ...]) -> None:
    """Raise InputError where there is no arm, or two have the same name."""
    names = [arm.name for arm in arms]
    if not arms or len(set(names)) < len(names):
        raise InputError("arms", "at least one, each with a name of its own", quoted(names) or "none")


def difference_of(arms: tuple[Arm, ...]) -> set[str]:
    """Return in what arms differ: ``channel``, ``unit_cost``, or a field of the offer.

    Examples
    --------
    >>> full, less = Offer("price"), Offer("price", value=5)
    >>> difference_of((Arm("full", offer=full), Arm("less", offer=less)))
    {'value'}
    """
    described = [{"channel": arm.channel, "unit_cost": arm.unit_cost, **arm.offer.as_dict()} for arm in arms]
    names = {name for each in described for name in each}
    return {name for name in names if len({each.get(name) for each in described}) > 1}
