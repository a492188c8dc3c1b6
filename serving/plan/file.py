"""PLAN.toml as frozen, checked values: goals, offers and channels of one promotion, and what they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr, ValidationError

from penchant.config_serving import CapSection
from penchant.errors import ConfigError, NotThereError, did_you_mean
from penchant.section import Section, faults_told, read_toml

from ..audience.exclusions import USUAL_PROTECTION, Cap, Protection
from ..goals.offers import Arm, Offer, difference_of
from ..insight.concern import Concern, keys_of_concerns
from .sections import (
    OWN,
    REMINDER,
    TESTS,
    CampaignSection,
    ChannelSection,
    Name,
    OfferSection,
    PlanSection,
    SplitSection,
)


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
    _concerns: tuple[Concern, ...] = PrivateAttr(())

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
    def concerns(self) -> tuple[Concern, ...]:
        """What buyers worry about, the most frequent first, for campaigns whose messages speak to it."""
        return self._concerns

    @property
    def speaks_to_concerns(self) -> bool:
        """Whether a campaign's messages are to speak to what buyers worry about."""
        return any(campaign.messages == "concerns" for campaign in self.campaigns)

    def with_concerns(self, concerns: tuple[Concern, ...]) -> Plan:
        """Return the plan with what buyers worry about."""
        plan = self.model_copy()
        plan._concerns = concerns
        return plan

    def messages_of(self, campaign: CampaignSection, wave: int) -> tuple[dict[str, str], dict[str, str]]:
        """Return message keys by category, for all and for customers with one order where theirs differ.

        A step's own message is the default, and ends the categories' keys.
        """
        keys, to_new = campaign.messages, campaign.messages_to_new
        if keys == "concerns":
            learned = keys_of_concerns(self._concerns)
            keys, to_new = learned.all_buyers, learned.to_new | to_new
        step = campaign.waves[wave - 1].message
        if step is None:
            return dict(keys), dict(to_new)
        ended = [{name: f"{key}.{step}" for name, key in mapped.items()} for mapped in (keys, to_new)]
        return {**ended[0], "default": step}, ended[1]

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
