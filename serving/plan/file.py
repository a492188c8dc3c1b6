"""PLAN.toml as frozen, checked values: goals, offers and channels of one promotion, and what they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, PositiveInt, PrivateAttr, ValidationError, model_validator

from penchant.config_serving import CapSection
from penchant.errors import ConfigError, InputError, NotThereError, did_you_mean
from penchant.section import Section, TimeZone, faults_told, read_toml

from ..audience.exclusions import USUAL_PROTECTION, Cap, Protection
from ..goals.eligible import Where
from ..goals.offers import OFFER_KINDS, PHASES, REDEEM_RATE, UNIT_COST, Arm, Offer, difference_of
from ..goals.triggers import TRIGGERS

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
OWN, REMINDER = "own", "reminder"
TESTS = {"price": ("price", {"value"}), "freight": ("free_freight", {"value"})}


def _one_of(known: Iterable[str]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"'{name}' is not known. {did_you_mean(name, known)}")
        return name

    return AfterValidator(check)


class ChannelSection(Section):
    """A channel: what one contact costs, and how many customers it can reach within one phase."""

    unit_cost: float = Field(UNIT_COST, ge=0)
    capacity: int | None = Field(None, ge=0, description="customers within one phase")


class OfferSection(Section):
    """An offer, and how many of it there are."""

    kind: Annotated[str, _one_of(OFFER_KINDS)]
    value: float = Field(0.0, ge=0)
    threshold: float = Field(0.0, ge=0)
    valid_days: PositiveInt = 10
    redeem_rate: Annotated[float, Field(ge=0, le=1)] | Literal["learned"] = Field(
        REDEEM_RATE, description="of those who act, or 'learned' from past waves"
    )
    points: int = Field(0, ge=0, description="what the customer pays for it in points")
    stock: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _is_an_offer(self) -> OfferSection:
        try:
            self.as_offer()
        except InputError as fault:
            raise ValueError(str(fault)) from None
        return self

    def as_offer(self, learned: Mapping[str, float] = MappingProxyType({})) -> Offer:
        """Return the offer as a value, with the rate that was learned of its kind where that is asked for."""
        told = self.redeem_rate
        rate = learned.get(self.kind, REDEEM_RATE) if told == "learned" else float(told)
        return Offer(self.kind, self.value, self.threshold, self.valid_days, rate, self.points)


class StepSection(Section):
    """One wave: when, with which offer (``own`` is the arm's, ``reminder`` none), and with which message."""

    after_days: int = Field(0, ge=0)
    offer: str = OWN
    message: str | None = None
    channel: str | None = Field(None, description="default: the arm's own")
    hour: int | None = Field(None, ge=0, le=23, description="of the send, in the plan's zone; default: starts_at's")
    best: float = Field(1.0, gt=0, le=1, description="the share of the first wave's list, best first, it goes to")


class StimulusSection(Section):
    """The same message again and again, to whoever has not come back."""

    cycles: int = Field(5, ge=1, le=5)
    every_days: PositiveInt = 30


class ArmSection(Section):
    """One arm of a campaign by name: where a crowd is split to be compared."""

    name: Name
    offer: str
    channel: str
    share: float = Field(1.0, gt=0)


class WhereSection(Section):
    """A condition that narrows the crowd."""

    column: str
    is_in: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None

    @property
    def where(self) -> Where:
        """The condition as a value."""
        return Where(self.column, self.is_in, self.at_least, self.at_most)


SEQUENCES = {
    "care": (
        StepSection(after_days=0, offer=REMINDER, message="thanks"),
        StepSection(after_days=7, offer=OWN, message="coupon"),
        StepSection(after_days=21, offer=REMINDER, message="care"),
    )
}


class CampaignSection(Section):
    """One campaign: the goal, the crowd, the offers and channels, and the waves."""

    id: Name
    goal: str
    starts_at: datetime | date
    ends_at: datetime | date | None = Field(None, description="no wave goes out from then on")
    phase: Annotated[str, _one_of(PHASES)] | None = None
    offers: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    arms: tuple[ArmSection, ...] = ()
    assign: Literal["best", "split", "ladder", "recommended"] | None = Field(
        None, description="default: the goal's ladder where the arms have its names, else the best for each customer"
    )
    test: Literal["price", "freight"] | None = Field(None, description="the arms differ in that alone")
    detect: float | None = Field(None, gt=0, lt=1, description="the difference of shares that a test is to see")
    only_if: tuple[WhereSection, ...] = ()
    unless: tuple[WhereSection, ...] = Field((), description="conditions that leave a customer out")
    trigger: Annotated[str, _one_of(TRIGGERS)] | None = Field(None, description="of open carts")
    size: int | None = Field(None, ge=0)
    holdout: float | None = Field(None, gt=0, lt=1)
    steps: tuple[StepSection, ...] = ()
    sequence: Annotated[str, _one_of(SEQUENCES)] | None = None
    stimulus: StimulusSection | None = None
    messages: dict[str, str] = Field({}, description="category bought most -> message key, and 'default'")

    @model_validator(mode="after")
    def _says_it_once(self) -> CampaignSection:
        if bool(self.arms) == bool(self.offers and self.channels):
            raise ValueError("a campaign needs either offers and channels, or arms")
        if sum((bool(self.steps), self.sequence is not None, self.stimulus is not None)) > 1:
            raise ValueError("a campaign has one of steps, sequence and stimulus")
        if self.detect is not None and (self.test is None or self.size is not None):
            raise ValueError("detect sizes a price or freight test that has no size of its own")
        if self.assign == "ladder" and len(self.waves) > 1:
            raise ValueError("a ladder has one wave: the next rung comes with the next campaign")
        days = [step.after_days for step in self.steps]
        if days != sorted(set(days)) or (days and days[0] != 0):
            raise ValueError("steps begin after 0 days, each later than the one before")
        if self.steps and self.steps[0].best != 1.0:
            raise ValueError("the first step goes to the whole list; 'best' narrows later ones")
        return self

    @property
    def waves(self) -> tuple[StepSection, ...]:
        """The waves, in order."""
        if self.sequence is not None:
            return SEQUENCES[self.sequence]
        if self.stimulus is not None:
            every = self.stimulus.every_days
            return tuple(StepSection(after_days=every * cycle) for cycle in range(self.stimulus.cycles))
        return self.steps or (StepSection(),)

    @property
    def conditions(self) -> tuple[Where, ...]:
        """What narrows the goal's crowd, the trigger included."""
        own = tuple(section.where for section in self.only_if)
        own += tuple(replace(section.where, unless=True) for section in self.unless)
        return own if self.trigger is None else (*own, Where(TRIGGERS[self.trigger]))

    @property
    def uses(self) -> tuple[tuple[str, str, str, float], ...]:
        """The arms: name, offer, channel, share."""
        if self.arms:
            return tuple((arm.name, arm.offer, arm.channel, arm.share) for arm in self.arms)
        return tuple((f"{offer}-{channel}", offer, channel, 1.0) for offer in self.offers for channel in self.channels)


class SplitSection(Section):
    """One crowd, divided by lot between campaigns to be compared."""

    name: Name
    campaigns: tuple[str, ...] = Field(min_length=2)
    shares: tuple[Annotated[float, Field(gt=0)], ...] = ()

    @property
    def parts(self) -> tuple[float, ...]:
        """The campaigns' shares; sum to 1."""
        shares = self.shares or (1.0,) * len(self.campaigns)
        return tuple(share / sum(shares) for share in shares)


class PlanSection(Section):
    """What all campaigns share."""

    name: Name
    budget: float | None = Field(None, ge=0, description="expected cost of contacts and offers, major units")
    timezone: TimeZone | None = Field(None, description="of dates that carry no zone; default: the shop's")
    seed: int = Field(0, ge=0)
    holdout: float | None = Field(None, gt=0, lt=1, description="default: each goal's own")
    universal_control: float | None = Field(None, ge=0, lt=1, description="default: the shop's")
    control_days: PositiveInt | None = Field(None, description="default: the shop's")
    consent: Literal["required", "assumed"] | None = Field(None, description="default: the shop's")
    open_complaints: bool | None = Field(None, description="default: the shop's")


class Plan(Section):
    """All of PLAN.toml."""

    plan: PlanSection
    channels: dict[Name, ChannelSection]
    offers: dict[Name, OfferSection]
    campaigns: tuple[CampaignSection, ...] = Field(min_length=1)
    splits: tuple[SplitSection, ...] = ()
    caps: tuple[CapSection, ...] | None = Field(None, description="default: the shop's")
    _usual: Protection = PrivateAttr(USUAL_PROTECTION)
    _shop_timezone: str = PrivateAttr("UTC")
    _rates: Mapping[str, float] = PrivateAttr(default_factory=dict)

    def faults(self) -> list[str]:
        """Return what is wrong between the sections: unknown names, names given twice, tests that are none."""
        return list(dict.fromkeys([*self._unknown_names(), *self._names_given_twice(), *self._no_tests()]))

    def _unknown_names(self) -> Iterable[str]:
        for campaign in self.campaigns:
            where = f"campaign '{campaign.id}'"
            for _, offer, channel, _ in campaign.uses:
                yield from _unless_known(where, "offer", offer, self.offers)
                yield from _unless_known(where, "channel", channel, self.channels)
            for step in campaign.waves:
                yield from _unless_known(where, "offer of a step", step.offer, [OWN, REMINDER, *self.offers])
                if step.channel is not None:
                    yield from _unless_known(where, "channel of a step", step.channel, self.channels)
            if not self.sends(campaign):
                yield f"{where} ends before its first wave"
        ids = [campaign.id for campaign in self.campaigns]
        for split in self.splits:
            for name in split.campaigns:
                yield from _unless_known(f"split '{split.name}'", "campaign", name, ids)

    def _names_given_twice(self) -> Iterable[str]:
        ids = [campaign.id for campaign in self.campaigns]
        in_splits = [name for split in self.splits for name in split.campaigns]
        for what, names in (("campaign", ids), ("campaign in splits", in_splits)):
            yield from (f"{what} '{name}' stands twice" for name in sorted(set(names)) if names.count(name) > 1)
        for split in self.splits:
            if split.shares and len(split.shares) != len(split.campaigns):
                yield f"split '{split.name}' needs as many shares as campaigns"

    def _no_tests(self) -> Iterable[str]:
        for campaign in self.campaigns:
            if campaign.test is None or any(offer not in self.offers for _, offer, _, _ in campaign.uses):
                continue
            kind, may_differ = TESTS[campaign.test]
            arms = self.arms_of(campaign) if all(c in self.channels for _, _, c, _ in campaign.uses) else ()
            other = difference_of(arms) - may_differ if arms else set()
            if campaign.assign != "split" or other or any(arm.offer.kind != kind for arm in arms):
                yield (
                    f"campaign '{campaign.id}' tests the {campaign.test}: it needs assign = 'split', and arms "
                    f"with offers of kind '{kind}' that differ in their value alone"
                )

    def arms_of(self, campaign: CampaignSection) -> tuple[Arm, ...]:
        """Return a campaign's arms with their own offers."""
        return tuple(
            Arm(name, channel, self.offers[offer].as_offer(self._rates), self.channels[channel].unit_cost, share)
            for name, offer, channel, share in campaign.uses
        )

    def arms_at(self, campaign: CampaignSection, wave: int) -> tuple[Arm, ...]:
        """Return a campaign's arms as they are sent in one wave, counted from 1."""
        step, arms = campaign.waves[wave - 1], self.arms_of(campaign)
        if step.channel is not None:
            cost = self.channels[step.channel].unit_cost
            arms = tuple(replace(arm, channel=step.channel, unit_cost=cost) for arm in arms)
        if step.offer == OWN:
            return arms
        offer = Offer() if step.offer == REMINDER else self.offers[step.offer].as_offer(self._rates)
        return tuple(replace(arm, offer=offer) for arm in arms)

    def sends(self, campaign: CampaignSection) -> tuple[datetime, ...]:
        """Return when each wave goes out, UTC without a zone; a date is its midnight in the plan's zone.

        Waves that would go out when the campaign has ended are not among them.
        """
        start = self._local(campaign.starts_at)
        ends = None if campaign.ends_at is None else self._local(campaign.ends_at)
        found = [_at_hour(start + timedelta(days=step.after_days), step.hour) for step in campaign.waves]
        kept = [at for at in found if ends is None or at < ends]
        return tuple(at.astimezone(UTC).replace(tzinfo=None) for at in kept)

    def _local(self, at: datetime | date) -> datetime:
        """Return an instant or the midnight of a date in the plan's zone."""
        at = at if isinstance(at, datetime) else datetime.combine(at, time())
        return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(self.timezone))

    def day(self, at: datetime) -> date:
        """Return the calendar day of an instant (UTC without a zone) in the plan's zone."""
        return at.replace(tzinfo=UTC).astimezone(ZoneInfo(self.timezone)).date()

    def within(self, usual: Protection, timezone: str = "UTC") -> Plan:
        """Return the plan for a shop, whose protection and time zone hold where the plan says nothing of its own."""
        plan = self.model_copy()
        plan._usual, plan._shop_timezone = usual, timezone
        return plan

    @property
    def learns_redemption(self) -> bool:
        """Whether an offer's rate is to be learned."""
        return any(offer.redeem_rate == "learned" for offer in self.offers.values())

    def with_rates(self, rates: Mapping[str, float]) -> Plan:
        """Return the plan with redemption rates by kind of offer, for offers that are to learn theirs."""
        plan = self.model_copy()
        plan._rates = MappingProxyType(dict(rates))
        return plan

    @property
    def timezone(self) -> str:
        """The zone of dates that carry none: the plan's own, else the shop's."""
        return self.plan.timezone or self._shop_timezone

    @property
    def protection(self) -> Protection:
        """Caps, universal control and consent: the plan's own, else the shop's."""
        names = ("universal_control", "control_days", "consent", "open_complaints")
        own: dict[str, Any] = {name: getattr(self.plan, name) for name in names}
        if self.caps is not None:
            own["caps"] = tuple(Cap(cap.days, cap.most, cap.channel) for cap in self.caps)
        return replace(self._usual, **{name: value for name, value in own.items() if value is not None})


def _at_hour(at: datetime, hour: int | None) -> datetime:
    return at if hour is None else at.replace(hour=hour, minute=0, second=0, microsecond=0)


def _unless_known(where: str, what: str, name: str, known: Iterable[str]) -> Iterable[str]:
    if name not in known:
        yield f"{where}: {what} '{name}' is not known. {did_you_mean(name, known)}"


def load_plan(path: Path) -> Plan:
    """Return the plan in a TOML file.

    Raises
    ------
    NotThereError
        If there is no such file.
    ConfigError
        If it is not TOML, or a key, value or name in it is not known; all faults at once.
    """
    if not path.is_file():
        raise NotThereError(f"plan '{path}'", "a PLAN.toml file", "a folder" if path.is_dir() else "nothing there")
    return read_plan(read_toml(path, "plan"), str(path))


def read_plan(values: dict[str, Any], where: str = "PLAN.toml") -> Plan:
    """Return the plan in a mapping, or raise ConfigError with all faults at once."""
    try:
        plan = Plan.model_validate(values)
    except ValidationError as fault:
        raise ConfigError(f"plan '{where}'", "keys and values of a plan", faults_told(fault, Plan)) from None
    if faults := plan.faults():
        told = f"{len(faults)} fault(s):\n" + "\n".join(f"  {fault}" for fault in faults)
        raise ConfigError(f"plan '{where}'", "names that fit together", told)
    return plan
