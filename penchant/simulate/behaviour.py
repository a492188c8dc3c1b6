"""The days of some customers: visits, orders, payments, and contacts, one day after the other.

Every number rolled belongs to one customer and one day (see streams), so that a contact changes nothing but what
its own customer does from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penchant.simulate.chances import LONG_AGO, Boost, Chances, State, browsing_needs, chances, payment, payment_lift
from penchant.simulate.columns import ColumnBlock
from penchant.simulate.season import Season
from penchant.simulate.streams import Float, Int
from penchant.simulate.traits import NOBODY, CustomerTraits, Flags

_HABIT_CLICKS, _HABIT_DAYS = (0.15, 7)  # share of the visits that would have come anyway, but come by the message


@dataclass(frozen=True)
class Visits(ColumnBlock):
    """Visits of a block's customers, by day and customer.

    Parameters
    ----------
    customer
        Place in the block.
    day
        Day since the shop's first.
    need
        How much was needed just then.
    orders, pays
        Whether an order was placed, and paid at once.
    is_first
        Whether nothing had been paid before.
    has_cart, has_favorite
        Whether something was put there.
    registers, is_known
        Whether the customer registered in this visit, or had before.
    is_click
        Whether the visit came through the last contact's message.
    contact
        Assignment row of the contact that still works; -1 where none does.
    redeems
        Whether the order uses the contact's offer, if the basket is large enough.
    """

    customer: Int
    day: Int
    need: Float
    orders: Flags
    pays: Flags
    is_first: Flags
    has_cart: Flags
    has_favorite: Flags
    registers: Flags
    is_known: Flags
    is_click: Flags
    contact: Int
    redeems: Flags


@dataclass(frozen=True)
class Closed(ColumnBlock):
    """Orders left open and later paid or cancelled.

    Parameters
    ----------
    customer
        Place in the block.
    ordered, closed
        Days of the order and of its end.
    is_paid
        How it ended.
    """

    customer: Int
    ordered: Int
    closed: Int
    is_paid: Flags


class Life:
    """The customers of one block, and what they have done so far.

    Parameters
    ----------
    who
        Their traits, in the order in which they appear.
    season
        Of all days to be lived.

    Attributes
    ----------
    state
        At the start of the next day.
    visits, closed
        What has happened, in parts.
    """

    def __init__(self, who: CustomerTraits, season: Season) -> None:
        self.who = who
        self.season = season
        self.state = State.fresh(who)
        self.visits: list[Visits] = []
        self.closed: list[Closed] = []

    def n_arrived(self, day: int) -> int:
        """Return how many of the customers have appeared by the end of a day."""
        return int(np.searchsorted(self.who.arrives, day + 1))

    def run(self, until: int, contact: Callable[[int], None]) -> None:
        """Live the days before ``until``; each begins with ``contact(day)``."""
        for day in range(int(self.who.arrives[0]) if len(self.who) else until, until):
            contact(day)
            self._live(day, slice(0, self.n_arrived(day)))

    def _live(self, day: int, arrived: slice) -> None:
        who, state = (self.who.take(arrived), self.state.take(arrived))  # slices: the state is changed through them
        today = chances(who, state, day, self.season)
        came = np.flatnonzero(who.uniform("visit", day) < today.visit)
        waited = np.flatnonzero(state.unpaid >= 0)
        self._close(day, waited, who.take(waited), state)
        visits = _visits(came, day, who.take(came), state.take(came), today.take(came))
        self.visits.append(visits)
        self._give_up(visits, state, day)
        _remember(visits, state, day)

    def _close(self, day: int, rows: NDArray[np.intp], who: CustomerTraits, state: State) -> None:
        """Let orders left open be paid or cancelled."""
        open_orders = state.take(rows)
        paid, cancelled = payment(day - open_orders.unpaid, payment_lift(open_orders, day))
        is_paid = who.uniform("late payment", day) < paid
        is_closed = is_paid | (who.uniform("cancelled", day) < cancelled)
        ordered = open_orders.unpaid.copy()
        self._note_closed(rows[is_closed], ordered[is_closed], day, is_paid[is_closed])
        state.unpaid[rows[is_closed]] = NOBODY
        payers = rows[is_paid]
        state.n_orders[payers] += 1
        state.first_order[payers] = np.minimum(state.first_order[payers], ordered[is_paid])
        state.last_order[payers] = np.maximum(state.last_order[payers], ordered[is_paid])

    def _give_up(self, visits: Visits, state: State, day: int) -> None:
        """Cancel the order left open by who leaves another one open."""
        rows = visits.customer[visits.orders & ~visits.pays]
        rows = rows[state.unpaid[rows] >= 0]
        self._note_closed(rows, state.unpaid[rows], day, np.zeros(len(rows), bool))

    def _note_closed(self, rows: Int, ordered: Int, day: int, is_paid: Flags) -> None:
        if len(rows):
            self.closed.append(Closed(rows, ordered, np.full(len(rows), day), is_paid))


def _visits(came: NDArray[np.intp], day: int, who: CustomerTraits, state: State, today: Chances) -> Visits:
    """Return what is done in the visits of a day."""
    orders = who.uniform("order", day) < today.order
    pays = orders & (who.uniform("pays", day) < who.pays_at_once)
    cart, favorite = browsing_needs(who, today.need)
    is_known = state.registered <= day
    boost = state.boost
    works = boost.since > LONG_AGO
    habit = np.where(works & (day - boost.since < _HABIT_DAYS), _HABIT_CLICKS, 0.0)
    click = today.by_contact + (1 - today.by_contact) * habit
    return Visits(
        customer=came,
        day=np.full(len(came), day),
        need=today.need,
        orders=orders,
        pays=pays,
        is_first=state.n_orders == 0,
        has_cart=orders | (who.uniform("cart", day) < cart),
        has_favorite=who.uniform("favorite", day) < favorite,
        registers=~is_known & (orders | (who.uniform("registers", day) < who.registers)),
        is_known=is_known,
        is_click=who.uniform("click", day) < click,
        contact=np.where(works, boost.row, -1),
        redeems=pays & (day < boost.until) & (who.uniform("redeems", day) < boost.redeem),
    )


def _remember(visits: Visits, state: State, day: int) -> None:
    """Write the visits of a day into the state of the customers who have arrived."""
    rows, payers = visits.customer, visits.customer[visits.pays]
    state.last_visit[rows] = day
    state.last_interest[rows[visits.has_cart | visits.has_favorite]] = day
    state.registered[rows[visits.registers]] = day
    state.unpaid[rows[visits.orders & ~visits.pays]] = day
    state.n_orders[payers] += 1
    state.first_order[payers] = np.minimum(state.first_order[payers], day)
    state.last_order[payers] = day
    if len(payers):
        state.boost.put(payers, Boost.none(len(payers)))  # the message has done its work
