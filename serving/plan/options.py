"""What each customer could get in a plan: for every campaign that has not begun, its crowd, its arms, their worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import InputError

from ...models.inputs.arrays import Floats
from ..audience.choice import Assign, choose_arms
from ..audience.eligibility import excluded_from
from ..audience.exclusions import Wave
from ..audience.expected_profit import Gain, expected_gain
from ..audience.hashing import uniforms
from ..goals.catalogue import Goal, goal_named
from ..goals.eligible import Mask, meets, of_goal
from ..goals.offers import CONTROL, Arm
from ..goals.triggers import with_item
from .file import Plan
from .sections import CampaignSection


@dataclass(frozen=True, eq=False)
class CampaignCrowd:
    """One campaign's customers and what its arms are worth to each of them.

    Attributes
    ----------
    campaign, goal
        What it is.
    arms
        The treatments, with what all their waves cost.
    sends
        When the waves go out, UTC.
    people
        Customers that may be contacted.
    gain
        Expected change and cost, (n, k) for the arms.
    allowed
        (n, k) whether an arm may be given.
    shares
        (n, k) probability of each arm given treatment where the crowd is split by lot, else zeros.
    n_eligible, excluded
        How many there were before exclusions, and who was left out for what first reason.
    holdout
        Share held out.
    """

    campaign: CampaignSection
    goal: Goal
    arms: tuple[Arm, ...]
    sends: tuple[datetime, ...]
    people: pd.DataFrame
    gain: Gain
    allowed: Mask
    shares: Floats
    n_eligible: int
    excluded: Mapping[str, int]
    holdout: float

    @property
    def is_split(self) -> bool:
        """Whether the arms are dealt by lot."""
        return self.campaign.assign == "split"

    @property
    def is_test(self) -> bool:
        """Whether it is there to learn: sized by what it can see, and not by what it is expected to earn."""
        return self.campaign.test is not None

    def first(self, order: npt.NDArray[np.intp]) -> CampaignCrowd:
        """Return the same crowd with these of its customers alone, in this order."""
        people = self.people.iloc[order].reset_index(drop=True)
        some = (self.allowed[order], self.shares[order])
        return replace(self, people=people, gain=self.gain.take(order), allowed=some[0], shares=some[1])

    def by_send(self, channel: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
        """Return (n, sends) the channel of each send, given (n,) the arm's own: a step may have another."""
        steps = self.campaign.waves[: len(self.sends)]
        return np.column_stack([channel if step.channel is None else np.full(len(channel), step.channel, object)
                                for step in steps])  # fmt: skip

    @property
    def phase(self) -> str:
        """The phase, or ``any``: a customer gets at most one campaign in each."""
        return self.campaign.phase or "any"

    @property
    def options(self) -> tuple[str, ...]:
        """The names of what a customer can be given: the arms, or the split as a whole."""
        names = ["by lot"] if self.is_split else [arm.name for arm in self.arms]
        return tuple(f"{self.campaign.id} / {name}" for name in names)

    def worth(self) -> Floats:
        """Return (n, options) expected profit of treating; NaN where an option may not be given."""
        return self._by_option(self.gain.profit)

    def costs(self) -> Floats:
        """Return (n, options) expected cost of treating, NaN likewise."""
        return self._by_option(self.gain.cost)

    def squared_costs(self) -> Floats:
        """Return (n, options) the expected square of the cost: where arms are dealt by lot, costs differ by draw."""
        return self._by_option(self.gain.cost**2)

    def dearest(self) -> Floats:
        """Return (n, options) the cost of the dearest arm that may be drawn, NaN likewise."""
        if not self.is_split:
            return self.costs()
        most = np.where(self.shares > 0, self.gain.cost, -np.inf).max(axis=1)
        return np.where(self.shares.any(axis=1), most, np.nan)[:, None]

    def _by_option(self, values: Floats) -> Floats:
        if not self.is_split:
            return np.where(self.allowed, values, np.nan)
        mean = np.where(self.shares > 0, self.shares * values, 0.0).sum(axis=1)
        return np.where(self.shares.any(axis=1), mean, np.nan)[:, None]


def open_crowds(
    people: pd.DataFrame, past: pd.DataFrame | None, plan: Plan, as_of: datetime, own: Sequence[Goal] = ()
) -> tuple[list[CampaignCrowd], dict[str, str]]:
    """Return the crowds of all campaigns that have not begun, and why others cannot be had.

    Parameters
    ----------
    people
        Candidates as of ``as_of``, sorted by id, columns as `draw_audience` reads them. Scores of one goal alone
        stand in columns with ``<goal>:`` before their name.
    past
        Earlier assignments.
    plan
        The plan.
    as_of
        Now, UTC without a zone.
    own
        The user's own goals.
    """
    begun = set() if past is None else set(past["campaign_id"])
    crowds, left_out = [], {}
    for campaign in plan.campaigns:
        sends = plan.sends(campaign)
        if campaign.id in begun:
            continue
        if plan.day(sends[0]) < plan.day(as_of):
            left_out[campaign.id] = f"it should have begun on {plan.day(sends[0])}"
            continue
        try:
            crowds.append(_crowd(people, past, plan, campaign, goal_named(campaign.goal, own)))
        except LookupError as fault:  # a shop or a registry that lacks what the goal needs
            left_out[campaign.id] = str(fault)
    return crowds, left_out


def costed(plan: Plan, campaign: CampaignSection, wave: int = 1) -> tuple[Arm, ...]:
    """Return a campaign's arms with what a wave and all later ones cost: every contact, and the dearest offer once.

    Whoever redeems has come back and leaves, so that an offer is paid for once.
    """
    waves = range(wave, len(plan.sends(campaign)) + 1)
    sent = [plan.arms_at(campaign, number) for number in waves]
    shares = [campaign.waves[number - 1].best for number in waves]
    contacts = [
        sum(arm.unit_cost * share for arm, share in zip(each, shares, strict=True)) for each in zip(*sent, strict=True)
    ]
    dearest = [
        max((arm.offer for arm in each), key=lambda offer: offer.cost_per_success) for each in zip(*sent, strict=True)
    ]
    return tuple(
        replace(arm, unit_cost=cost, offer=offer)
        for arm, offer, cost in zip(plan.arms_of(campaign), dearest, contacts, strict=True)
    )


def in_split(customer_id: pd.Series, plan: Plan, campaign_id: str) -> tuple[Mask, str | None, float]:
    """Return who falls to a campaign where one crowd is divided by lot, the split's name, and the probability."""
    for split in plan.splits:
        if campaign_id in split.campaigns:
            place = split.campaigns.index(campaign_id)
            ends = np.cumsum((0.0, *split.parts))
            lot = uniforms(customer_id, f"{plan.plan.seed}|{plan.plan.name}|split {split.name}")
            last = place == len(split.parts) - 1
            mask = (lot >= ends[place]) & (last | (lot < ends[place + 1]))
            return mask, split.name, split.parts[place]
    return np.ones(len(customer_id), bool), None, 1.0


def _crowd(
    people: pd.DataFrame, past: pd.DataFrame | None, plan: Plan, campaign: CampaignSection, goal: Goal
) -> CampaignCrowd:
    pool = _entered(of_goal(people, goal.name), plan, campaign, goal)
    arms, sends = costed(plan, campaign), plan.sends(campaign)
    gain = expected_gain(pool, goal, arms)
    wave = Wave(campaign.id, 1, sends[0], plan.plan.seed)
    excluded = excluded_from(pool, past, goal, arms, wave, plan.protection, gain)
    allowed = excluded.allowed & np.isfinite(gain.profit)
    assign = assign_of(campaign, goal)
    if assign in ("ladder", "recommended"):
        allowed = choose_arms(pool, goal, arms, gain, excluded.allowed, assign).shares > 0
    stays = np.flatnonzero(pd.isna(excluded.reason) & allowed.any(axis=1))
    rows, gain, allowed = pool.iloc[stays].reset_index(drop=True), gain.take(stays), allowed[stays]
    return CampaignCrowd(
        campaign,
        goal,
        arms,
        sends,
        rows,
        gain,
        allowed,
        _shares(rows, goal, arms, gain, allowed) if campaign.assign == "split" else np.zeros(allowed.shape),
        len(pool),
        {reason: first for reason, (_, first) in excluded.counts.items() if first},
        campaign.holdout or plan.plan.holdout or goal.holdout,
    )


def assign_of(campaign: CampaignSection, goal: Goal) -> Assign:
    """Return how a campaign's arms are assigned: as it says; else by the goal's ladder where the arms have its names.

    Raises
    ------
    InputError
        If it asks for a ladder that the goal does not have, or has no arm for one of its rungs.
    """
    rungs = {name for rung in goal.ladder for name in rung.arm_by_tier.values()}
    missing = sorted(rungs - {name for name, _, _, _ in campaign.uses})
    if campaign.assign == "ladder" and (missing or not rungs):
        got = f"no arm named '{missing[0]}'" if missing else f"the goal '{goal.name}', which has none"
        raise InputError(f"campaign '{campaign.id}'", "arms with the names of the goal's ladder", got)
    if campaign.assign is not None:
        return campaign.assign
    return "ladder" if rungs and not missing else "best"


def _entered(people: pd.DataFrame, plan: Plan, campaign: CampaignSection, goal: Goal) -> pd.DataFrame:
    """Return who is eligible for the goal, falls to the campaign, and meets its conditions."""
    entered = goal.eligible.holds(people, f"goal '{goal.name}'")
    entered &= in_split(people["customer_id"], plan, campaign.id)[0]
    entered &= meets(people, campaign.conditions, f"campaign '{campaign.id}'")
    return with_item(people[entered].reset_index(drop=True), [where.column for where in campaign.conditions])


def _shares(rows: pd.DataFrame, goal: Goal, arms: Sequence[Arm], gain: Gain, allowed: Mask) -> Floats:
    return choose_arms(rows, goal, arms, gain, allowed, "split").shares


@dataclass(frozen=True)
class Contacts:
    """Contacts that are known or planned, for counting caps: customer, instant and channel of each."""

    rows: pd.DataFrame

    @classmethod
    def of_past(cls, past: pd.DataFrame | None) -> Contacts:
        """Return those of earlier assignments."""
        if past is None or past.empty:
            return cls(_contact_rows([], [], []))
        reached = past[past["arm"] != CONTROL]
        at = pd.to_datetime(reached["contacted_at"]).fillna(pd.to_datetime(reached["assigned_at"]))
        return cls(_contact_rows(reached["customer_id"].astype("str"), at, reached["channel"]))

    def with_planned(
        self, customer_id: pd.Series, channel: npt.NDArray[np.object_], sends: Sequence[datetime]
    ) -> Contacts:
        """Return these, and one for each customer and send."""
        more = _contact_rows(
            np.tile(customer_id.to_numpy(object), len(sends)),
            np.repeat(np.array(sends, dtype="datetime64[us]"), len(customer_id)),
            channel.T.ravel() if channel.ndim == 2 else np.tile(channel, len(sends)),
        )
        return Contacts(pd.concat([self.rows, more], ignore_index=True))

    def fit(
        self, customer_id: pd.Series, channel: npt.NDArray[np.object_], sends: Sequence[datetime], plan: Plan
    ) -> Mask:
        """Return whom the sends keep within the caps, windows that end at later planned contacts included."""
        fits = np.ones(len(customer_id), bool)
        planned = self.with_planned(customer_id, channel, sends).rows
        planned = planned[planned["customer_id"].isin(customer_id)]
        ends = sorted(at for at in planned["at"].unique() if at >= pd.Timestamp(sends[0]))
        for cap in plan.protection.caps:
            counted = planned if cap.channel is None else planned[planned["channel"] == cap.channel]
            for end in ends:
                within = counted[(counted["at"] <= end) & (counted["at"] > end - timedelta(days=cap.days))]
                over = within["customer_id"].value_counts()
                fits &= ~customer_id.isin(over.index[over > cap.most]).to_numpy(bool)
        return fits


def _contact_rows(customer_id: object, at: object, channel: object) -> pd.DataFrame:
    frame = pd.DataFrame({"customer_id": customer_id, "at": at, "channel": channel})
    return frame.astype({"customer_id": "str", "at": "datetime64[us]", "channel": "str"})
