"""Everything that one block of customers did, was sent and bought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.simulate.baskets import OrderLines
from penchant.simulate.behaviour import Closed, Life, Visits
from penchant.simulate.columns import ColumnBlock
from penchant.simulate.contacts import Effects, SentContacts, SimulatedAssignments
from penchant.simulate.journeys import Interactions, interaction_events
from penchant.simulate.purchases import DAY, NOT_YET, LivedDays, SimulatedOrders, lived_days, purchases
from penchant.simulate.response import hour_appeal, open_chance
from penchant.simulate.streams import Float, Int
from penchant.simulate.traits import CustomerTraits, draw_traits
from penchant.simulate.world import World

BOUNCED = 0.05  # of the messages that nobody opens
_SENT_FROM, _SENT_FOR = 6 * 3600, 4 * 3600  # messages go out between six and ten


@dataclass(frozen=True)
class CampaignResponses(ColumnBlock):
    """What became of each assignment, in seconds since the shop's start; ``NOT_YET`` where nothing did."""

    contacted: Int
    delivered: Int
    opened: Int
    clicked: Int
    redeemed: Int


@dataclass(frozen=True)
class SimulatedLives:
    """One block's customers and all they did; places of customers are those in ``who``."""

    who: CustomerTraits
    registered: Int
    orders: SimulatedOrders
    lines: OrderLines
    interactions: Interactions
    assigned: SimulatedAssignments
    answers: CampaignResponses
    effects: Effects


def lived(numbers: Int, world: World, given: SimulatedAssignments, until: int) -> tuple[Life, SentContacts]:
    """Return some customers after the days before ``until``, and the contacts they had.

    Parameters
    ----------
    numbers
        Of the customers.
    world
        What they share.
    given
        Assignments from outside, for any customers.
    until
        The day to stop before.
    """
    life = Life(draw_traits(world.settings, numbers), world.season)
    mine = given.take(np.isin(given.customer, numbers))
    mine.customer[:] = np.searchsorted(numbers, mine.customer)
    contacts = SentContacts(life, world, mine)
    life.run(until, contacts.on_day)
    return life, contacts


def history_of(numbers: Int, world: World, given: SimulatedAssignments) -> SimulatedLives:
    """Return all that some customers did until the shop's end."""
    life, contacts = lived(numbers, world, given, world.settings.n_days)
    contacts.on_day(world.settings.n_days)  # who was assigned on the last day, and contacted after the end
    who = life.who
    visits = Visits.joined(life.visits)
    visits = visits.take(np.lexsort((visits.day, visits.customer)))
    assigned = SimulatedAssignments.joined(contacts.assigned)
    past = lived_days(who, visits, Closed.joined(life.closed), assigned, world)
    orders, lines = purchases(past, world)
    registered = np.full(len(who), NOT_YET)
    registered[visits.customer[visits.registers]] = past.sessions.start[visits.registers]
    return SimulatedLives(
        who=who,
        registered=registered,
        orders=orders,
        lines=lines,
        interactions=interaction_events(past, orders, lines, world),
        assigned=assigned,
        answers=_answers(past, orders, assigned, world),
        effects=Effects.joined(contacts.effects),
    )


def _answers(
    past: LivedDays, orders: SimulatedOrders, assigned: SimulatedAssignments, world: World
) -> CampaignResponses:
    visits, who = past.visits, past.who
    dice = who.streams.take(assigned.customer)
    is_treated = assigned.arm > 0
    sent = assigned.day * DAY + _SENT_FROM + (_SENT_FOR * dice.uniform("sent", assigned.day)).astype(np.int64)
    contacted = np.where(is_treated, sent, NOT_YET)
    click = np.flatnonzero(visits.is_click)
    clicked = _earliest(visits.contact[click], past.sessions.start[click], len(assigned))
    used = orders.redeems
    redeemed = _earliest(visits.contact[orders.visit[used]], orders.ordered[used], len(assigned))
    delay = 30 + (14_400 * dice.exponential("open delay", assigned.day)).astype(np.int64)
    opens = dice.uniform("opens", assigned.day) < _open_chances(assigned, who, world) * hour_appeal(sent)
    # an answer needs an open message: it was opened just before, unless it had been already
    answered = np.minimum(clicked, redeemed)
    opened = np.where(is_treated & opens, sent + delay, NOT_YET)
    opened = np.where(answered < NOT_YET, np.minimum(opened, answered - 20), opened)
    bounces = (dice.uniform("bounces", assigned.day) < BOUNCED) & (opened == NOT_YET)
    delivered = np.where(is_treated & ~bounces, sent + 5, NOT_YET)
    return CampaignResponses(contacted, delivered, opened, clicked, redeemed)


def _earliest(row: Int, at: Int, n: int) -> Int:
    first = np.full(n, NOT_YET)
    np.minimum.at(first, row, at)
    return first


def _open_chances(assigned: SimulatedAssignments, who: CustomerTraits, world: World) -> Float:
    chance = np.zeros(len(assigned))
    pairs = np.unique(np.stack([assigned.campaign, assigned.arm]), axis=1).T
    for number, arm in pairs[pairs[:, 1] > 0]:
        rows = np.flatnonzero((assigned.campaign == number) & (assigned.arm == arm))
        chance[rows] = open_chance(world.campaigns[number].arms[arm - 1], who.take(assigned.customer[rows]))
    return chance
