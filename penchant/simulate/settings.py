"""What can be set: the size and the days of the shop, and its campaigns."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from penchant.errors import InputError, did_you_mean, quoted

GOALS = ("seed", "acquire", "activate", "harvest", "collect", "second", "retain", "reactivate", "winback")
CHANNELS = ("email", "sms", "push")
OFFER_KINDS = ("reminder", "points", "coupon", "cash_coupon", "free_freight", "gift", "membership")
CONTROL = "control"
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class SimulatedOffer:
    """What a message offers.

    Parameters
    ----------
    kind
        One of ``OFFER_KINDS``. A ``coupon`` needs a basket of at least ``threshold``, a ``cash_coupon`` does not.
    value
        What it is worth to the customer, and what it costs when it is redeemed, in major units.
    threshold
        The smallest basket it holds for, in major units.
    valid_days
        For how many days it holds, counted from the contact.
    """

    kind: str = "reminder"
    value: float = 0.0
    threshold: float = 0.0
    valid_days: int = 14

    def __post_init__(self) -> None:
        """Refuse unknown kinds and impossible numbers."""
        _known("offer kind", self.kind, OFFER_KINDS)
        if self.value < 0 or self.threshold < 0 or self.valid_days < 1:
            raise InputError("offer", "value and threshold >= 0, and at least one valid day", f"{self}")


@dataclass(frozen=True)
class SimulatedArm:
    """One treatment of a campaign: through which channel, with which offer, at what cost per contact."""

    name: str
    channel: str = "email"
    offer: SimulatedOffer = field(default_factory=SimulatedOffer)
    unit_cost: float = 0.02

    def __post_init__(self) -> None:
        """Refuse unknown channels, and a treatment called control."""
        _known("channel", self.channel, CHANNELS)
        if self.name == CONTROL:
            raise InputError("arm", "a treatment's name", f"'{CONTROL}'")


@dataclass(frozen=True)
class SimulatedCampaign:
    """One campaign: whom it concerns, when, with which treatments.

    Parameters
    ----------
    campaign_id
        Its id.
    goal
        One of ``GOALS``; says who is eligible and what counts as success.
    starts_at
        When the first wave is assigned. Its effects begin at the first midnight (UTC) that is not before it.
    arms
        The treatments; those who are not held out are split evenly between them.
    holdout
        Probability of the control arm.
    reach
        Probability that an eligible customer is drawn into the campaign at all. 0: the simulator draws nobody,
        and only assignments given from outside count.
    n_waves, days_between
        How often those are contacted again, and after how many days. The arm stays, and who has bought since
        leaves, in every arm alike. (So the second wave's arms are no longer comparable among themselves; the
        first wave's are.)
    phase
        The phase of the promotion.
    """

    campaign_id: str
    goal: str
    starts_at: datetime
    arms: tuple[SimulatedArm, ...]
    holdout: float = 0.3
    reach: float = 0.0
    n_waves: int = 1
    days_between: int = 14
    phase: str = "any"

    def __post_init__(self) -> None:
        """Refuse unknown goals, impossible shares, and campaigns without a treatment."""
        where = f"campaign '{self.campaign_id}'"
        _known(f"{where}, goal", self.goal, GOALS)
        if not self.arms or len({arm.name for arm in self.arms}) < len(self.arms):
            raise InputError(where, "at least one arm, each with a name of its own", f"{self.arms}")
        if not (0 <= self.holdout <= 1 and 0 <= self.reach <= 1 and self.n_waves >= 1):
            raise InputError(where, "holdout and reach in [0, 1], and at least one wave", f"{self}")
        object.__setattr__(self, "starts_at", utc_of(self.starts_at))

    @property
    def ends_at(self) -> datetime:
        """The end: 30 days after the last wave."""
        return self.wave_at(self.n_waves) + 30 * ONE_DAY

    def wave_at(self, wave: int) -> datetime:
        """Return when a wave, counted from 1, is assigned."""
        return self.starts_at + (wave - 1) * self.days_between * ONE_DAY

    def probabilities(self) -> NDArray[np.float64]:
        """Return the probability of control and then of each treatment."""
        treated = (1 - self.holdout) / len(self.arms)
        return np.array([self.holdout, *(treated for _ in self.arms)])

    def arm_number(self, name: str) -> int:
        """Return 0 for control, else 1 + the treatment's place; any name will do where there is one treatment."""
        names = [CONTROL, *(arm.name for arm in self.arms)]
        if name in names:
            return names.index(name)
        if len(self.arms) == 1:
            return 1
        raise InputError(f"campaign '{self.campaign_id}'", "an arm of it", f"'{name}'", did_you_mean(name, names))


@dataclass(frozen=True)
class SimulationSettings:
    """The shop to be simulated.

    Parameters
    ----------
    n_customers
        How many customers appear within ``pace_days``, strangers on a list included. A quarter of them comes in
        the first two months, the others evenly; a shop that runs longer gets more of them at the same pace.
    seed
        Of all chance. The same settings give the same files.
    starts_at, ends_at
        The first day and the end of the extract (exclusive), both at midnight UTC. A later end adds to the past and
        changes nothing in it.
    campaigns
        The shop's own randomised campaigns; None for a schedule of all goals, an empty tuple for none.
    effect_size
        Factor on what a contact changes. 0 makes every true effect zero.
    app_lift
        By how much those who come through the app are better customers, as the log of the factor on how likely a visit
        becomes an order and how long they stay: what look-alikes should find. 0: no better than others.
    pace_days
        See ``n_customers``.
    block_size
        How many customers are held in memory at a time. Changes nothing in the result.
    """

    n_customers: int = 20_000
    seed: int = 0
    starts_at: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    ends_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    campaigns: tuple[SimulatedCampaign, ...] | None = None
    effect_size: float = 1.0
    app_lift: float = 0.0
    pace_days: int = 731
    block_size: int = 25_000

    def __post_init__(self) -> None:
        """Refuse sizes and times that make no shop."""
        for name in ("starts_at", "ends_at"):
            object.__setattr__(self, name, utc_of(getattr(self, name)))
        if self.starts_at.timestamp() % 86_400 or self.ends_at.timestamp() % 86_400:
            raise InputError("settings", "starts_at and ends_at at midnight UTC", f"{self.starts_at}, {self.ends_at}")
        if self.ends_at <= self.starts_at:
            raise InputError("settings", "ends_at after starts_at", f"{self.starts_at}, {self.ends_at}")
        for name in ("n_customers", "pace_days", "block_size"):
            if getattr(self, name) < 1:
                raise InputError(f"settings, {name}", "at least 1", f"{getattr(self, name)}")
        if not -3 <= self.app_lift <= 3:
            raise InputError("settings, app_lift", "a log of a factor between -3 and 3", f"{self.app_lift}")
        if not 0 <= self.seed < 2**63 or self.effect_size < 0:
            raise InputError("settings", "seed in [0, 2**63) and effect_size >= 0", f"{self.seed}, {self.effect_size}")

    @property
    def n_days(self) -> int:
        """Length of the extract in days."""
        return (self.ends_at - self.starts_at).days

    def day_of(self, at: datetime) -> int:
        """Return the first day (0 is that of ``starts_at``) whose midnight is not before an instant."""
        return math.ceil((utc_of(at) - self.starts_at) / ONE_DAY)

    def microseconds_to(self, at: datetime) -> int:
        """Return the microseconds from ``starts_at`` to an instant."""
        return (utc_of(at) - self.starts_at) // timedelta(microseconds=1)


def utc_of(at: datetime) -> datetime:
    """Return an instant in UTC; one without a zone is taken as UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _known(where: str, name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        raise InputError(where, f"one of {quoted(names, most=10)}", f"'{name}'", did_you_mean(name, names))
