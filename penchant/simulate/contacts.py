"""Who is drawn into which arm, what that does, and what its true effect is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from penchant.simulate.behaviour import Life
from penchant.simulate.chances import Boost, State
from penchant.simulate.columns import ColumnBlock
from penchant.simulate.response import boost_of, fatigue
from penchant.simulate.schedule import REST_DAYS, may_be_contacted, may_enter
from penchant.simulate.settings import SimulatedCampaign
from penchant.simulate.streams import Float, Int
from penchant.simulate.traits import CustomerTraits
from penchant.simulate.truth import Outcome, kinds, outcomes
from penchant.simulate.world import World


@dataclass(frozen=True)
class SimulatedAssignments(ColumnBlock):
    """Assignments of customers to arms.

    Parameters
    ----------
    customer
        Number of the customer; inside a block, the place in it.
    campaign, wave, arm
        Place of the campaign in the world's, number of the wave from 1, 0 for control or 1 + the treatment's place.
    probability
        Of this arm; NaN where it was not given.
    at
        When the arm was drawn, in microseconds since the shop's start.
    day
        On which the effects begin.
    """

    customer: Int
    campaign: Int
    wave: Int
    arm: Int
    probability: Float
    at: Int
    day: Int


@dataclass(frozen=True)
class Effects(ColumnBlock):
    """True effects of each treatment of a campaign on each customer assigned to one of its arms.

    Parameters
    ----------
    row
        Place of the assignment in the block.
    arm
        The treatment: 1 + its place.
    kind
        Place in ``TYPES``: persuadable, sure, lost or put off.
    probability_control, probability_treated, amount_control, amount_treated, margin_control, margin_treated
        Expected without and with the treatment, within 30 days.
    """

    row: Int
    arm: Int
    kind: Int
    probability_control: Float
    probability_treated: Float
    amount_control: Float
    amount_treated: Float
    margin_control: Float
    margin_treated: Float


class SentContacts:
    """The assignments of one block's customers.

    Parameters
    ----------
    life
        The customers.
    world
        What they share.
    given
        Assignments from outside to customers of this block, by place in it.

    Attributes
    ----------
    assigned, effects
        What has been drawn so far, and the truth about it, in parts.
    """

    def __init__(self, life: Life, world: World, given: SimulatedAssignments) -> None:
        self.life, self.world, self.given = life, world, given
        self.assigned: list[SimulatedAssignments] = []
        self.effects: list[Effects] = []
        self.n_assigned = 0
        self._first_wave: dict[int, tuple[Int, Int]] = {}
        self._due = _due_days(world)
        self._given_days = set(given.day.tolist())

    def on_day(self, day: int) -> None:
        """Assign and contact whoever is due at the start of a day; those from outside come first."""
        if day in self._given_days:
            self._take_given(day)
        for number, wave in self._due.get(day, []):
            self._draw(number, wave, day)

    def _take_given(self, day: int) -> None:
        today = self.given.take(self.given.day == day)
        for number, wave in sorted(set(zip(today.campaign.tolist(), today.wave.tolist(), strict=True))):
            self._send(today.take((today.campaign == number) & (today.wave == wave)))

    def _draw(self, number: int, wave: int, day: int) -> None:
        campaign = self.world.campaigns[number]
        rows, arms = self._first_draw(number, day) if wave == 1 else self._still_due(number, day)
        if not len(rows):
            return
        n = len(rows)
        at = self.world.settings.microseconds_to(campaign.wave_at(wave))
        self._send(
            SimulatedAssignments(
                customer=rows,
                campaign=np.full(n, number),
                wave=np.full(n, wave),
                arm=arms,
                probability=campaign.probabilities()[arms],
                at=np.full(n, at),
                day=np.full(n, day),
            )
        )

    def _first_draw(self, number: int, day: int) -> tuple[Int, Int]:
        campaign = self.world.campaigns[number]
        arrived = slice(0, self.life.n_arrived(day - 1))
        who, state = self.life.who.take(arrived), self.life.state.take(arrived)
        wanted = may_enter(campaign.goal, who, state, day) & may_be_contacted(campaign, who)
        wanted &= day - state.assigned >= REST_DAYS
        wanted &= who.uniform(f"reach {campaign.campaign_id}") < campaign.reach
        rows = np.flatnonzero(wanted)
        chance = who.take(rows).uniform(f"arm {campaign.campaign_id}")
        ends = campaign.probabilities().cumsum()[:-1]
        arms = np.searchsorted(ends, chance, side="right")
        self._first_wave[number] = rows, arms
        return rows, arms

    def _still_due(self, number: int, day: int) -> tuple[Int, Int]:
        """Return who of the first wave has not bought since."""
        if number not in self._first_wave:  # these customers came after the first wave
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        rows, arms = self._first_wave[number]
        start = self.world.settings.day_of(self.world.campaigns[number].starts_at)
        stays = self.life.state.last_order[rows] < start
        return rows[stays], arms[stays]

    def _send(self, send: SimulatedAssignments) -> None:
        """Note one wave's assignments and their true effects, and contact the treated."""
        campaign, day, rows = self.world.campaigns[send.campaign[0]], int(send.day[0]), send.customer
        who, state = self.life.who.take(rows), self.life.state.take(rows)
        numbers = self.n_assigned + np.arange(len(rows))
        boosts, effects = contact(who, state, day, campaign, self.world)
        self.effects.append(replace(effects, row=numbers[effects.row]))
        for place, boost in enumerate(boosts):
            mine = np.flatnonzero(send.arm == place + 1)
            boost.row[:] = numbers
            _note_contact(self.life.state, rows[mine], day)
            self.life.state.boost.put(rows[mine], boost.take(mine))
        self.life.state.assigned[rows] = day
        self.assigned.append(send)
        self.n_assigned += len(rows)


def _note_contact(state: State, rows: Int, day: int) -> None:
    state.fatigue[rows] = fatigue(state.take(rows), day) + 1
    state.contacted[rows] = day


def _due_days(world: World) -> dict[int, list[tuple[int, int]]]:
    """Return day -> campaigns and waves that begin on it."""
    due: dict[int, list[tuple[int, int]]] = {}
    for number, campaign in enumerate(world.campaigns):
        for wave in range(1, campaign.n_waves + 1):
            if campaign.reach > 0 and campaign.wave_at(wave) < world.settings.ends_at:
                due.setdefault(world.settings.day_of(campaign.wave_at(wave)), []).append((number, wave))
    return due


def contact(
    who: CustomerTraits, state: State, day: int, campaign: SimulatedCampaign, world: World
) -> tuple[list[Boost], Effects]:
    """Return what each treatment of a campaign would do to customers on a day, and its true effects.

    Parameters
    ----------
    who, state
        The customers, and their state at the start of the day. The effects' rows are places among them.
    """
    boosts = [boost_of(arm, who, state, day, world) for arm in campaign.arms]
    return boosts, _effects(outcomes(who, state, day, boosts, campaign.goal, world))


def _effects(expected: list[Outcome]) -> Effects:
    without, n_arms = expected[0], len(expected) - 1
    n = len(without.probability)
    contacted = [np.concatenate(column) for column in zip(*(_columns(one) for one in expected[1:]), strict=True)]
    control = [np.tile(column, n_arms) for column in _columns(without)]
    return Effects(
        row=np.tile(np.arange(n), n_arms),
        arm=np.repeat(np.arange(1, n_arms + 1), n),
        kind=np.concatenate([kinds(without, one) for one in expected[1:]]),
        probability_control=control[0],
        probability_treated=contacted[0],
        amount_control=control[1],
        amount_treated=contacted[1],
        margin_control=control[2],
        margin_treated=contacted[2],
    )


def _columns(outcome: Outcome) -> tuple[Float, Float, Float]:
    return outcome.probability, outcome.amount, outcome.margin
