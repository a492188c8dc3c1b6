"""The sections of PLAN.toml but the whole: channels, offers, campaigns and their waves, splits, what all share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from penchant.errors import InputError, did_you_mean
from penchant.section import Section, TimeZone

from ..goals.condition_text import read_condition
from ..goals.eligible import Where
from ..goals.offers import OFFER_KINDS, PHASES, REDEEM_RATE, UNIT_COST, Offer
from ..goals.targets import FOR, TARGETS
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
    """A condition that narrows the crowd: a table, or as it is typed, ``crowd:interest``, ``tier=high``."""

    column: str
    is_in: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_typed(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            where = read_condition(value, "only_if or unless")
        except InputError as fault:
            raise ValueError(str(fault)) from None
        bounds = {"is_in": where.is_in, "at_least": where.at_least, "at_most": where.at_most}
        return {"column": where.column, **bounds}

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
    objective: Annotated[str, _one_of(TARGETS)] | None = Field(
        None, description="what the campaign optimises, whatever its goal usually does; default: the goal's own success"
    )
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
    messages: dict[str, str] | Literal["concerns"] = Field(
        {}, description="category bought most -> message key, and 'default'; 'concerns': what its buyers worry about"
    )
    messages_to_new: dict[str, str] = Field({}, description="the same for customers with one order, where it differs")

    @model_validator(mode="before")
    @classmethod
    def _with_objective(cls, values: Any) -> Any:
        """Put the objective into the goal's name, by which goals are looked up: ``retain_for_visit``."""
        if not isinstance(values, dict) or str(values.get("objective")) not in TARGETS or "goal" not in values:
            return values
        ending = f"{FOR}{values['objective']}"
        if FOR in str(values["goal"]) and not str(values["goal"]).endswith(ending):
            raise ValueError(f"the goal '{values['goal']}' has an objective already")
        return {**values, "goal": f"{str(values['goal']).removesuffix(ending)}{ending}"}

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
