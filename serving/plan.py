"""Several goals, offers and channels at once: everyone gets the best allowed one under what is shared.

A customer gets at most one campaign in each phase. All campaigns that have not begun are allocated together, exactly
but for rounding; those whose wave is due are then drawn as audiences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..models import allocation
from ..models.estimate import Estimate
from ..models.inputs import Floats
from .eligible import Mask, read_people
from .expected import Expected, total
from .goals import Goal
from .holdout import SAFETY
from .plan_file import Plan
from .plan_limits import shared_limits, used_before
from .plan_options import Contacts, Crowd, open_crowds

ROUNDS = 4  # allocations after which customers beyond a cap are left out for good
SHRINKS = 8  # times the budget is narrowed before the surest bound is taken


@dataclass(frozen=True, eq=False)
class Chosen:
    """What the allocation gives to one crowd.

    Attributes
    ----------
    crowd
        The campaign's customers and options.
    option
        (n,) the option of each customer, -1 for none.
    """

    crowd: Crowd
    option: npt.NDArray[np.intp]

    @property
    def taken(self) -> Mask:
        """(n,) who is in the campaign's audience."""
        return self.option >= 0

    def of(self, by_option: Floats) -> Floats:
        """Return (m,) the values of the chosen options of those taken."""
        rows = np.flatnonzero(self.taken)
        return by_option[rows, self.option[rows]]

    def by_arm(self, values: Floats) -> float:
        """Return the expected sum of (n, k) values over those treated, the holdout left out."""
        rows = np.flatnonzero(self.taken)
        if self.crowd.is_split:
            shares = self.crowd.shares[rows]
            total = np.where(shares > 0, shares * values[rows], 0.0).sum()
        else:
            total = values[rows, self.option[rows]].sum()
        return float(total * (1.0 - self.crowd.holdout))

    @property
    def expected(self) -> Expected:
        """What the campaign is expected to bring, all its waves together."""
        gain = self.crowd.gain
        moved, worth = (gain.uplift, gain.low, gain.high), (gain.value, gain.value_low, gain.value_high)
        return Expected(
            Estimate(*map(self.by_arm, moved)), Estimate(*map(self.by_arm, worth)), self.by_arm(gain.cost)
        )


@dataclass(frozen=True, eq=False)
class PlanResult:
    """A plan as it was allocated.

    Attributes
    ----------
    plan, as_of
        What was asked for.
    chosen
        The campaigns that have not begun, in the plan's order.
    left_out
        Campaign -> why it could not be had.
    prices
        What one more unit of a limit would bring, after costs: of the budget, an offer's stock, a channel's capacity, a
        campaign's size. 0: it does not bind.
    spent_before
        What campaigns that have begun use of the budget.
    """

    plan: Plan
    as_of: datetime
    chosen: tuple[Chosen, ...]
    left_out: Mapping[str, str]
    prices: Mapping[str, float]
    spent_before: float

    @property
    def expected(self) -> Expected:
        """What all campaigns are expected to bring."""
        return total(each.expected for each in self.chosen)

    def as_dict(self) -> dict[str, Any]:
        """Return sizes, costs, expectations and prices by name."""
        from .plan_view import plan_dict

        return plan_dict(self)

    def render(self) -> Any:
        """Return what a terminal shows, for rich."""
        from .plan_view import plan_view

        return plan_view(self)


def allocate_plan(
    candidates: pd.DataFrame,
    past: pd.DataFrame | None,
    plan: Plan,
    as_of: datetime,
    own: Sequence[Goal] = (),
    *,
    surely: bool = False,
) -> PlanResult:
    """Return who gets which campaign, offer and channel.

    Parameters
    ----------
    candidates
        As `draw_audience` takes them; scores of one goal alone stand in columns with ``<goal>:`` before the name.
    past
        Earlier assignments, as `draw_audience` takes them; those of the plan's own campaigns with ``expected_cost`` and
        ``offer_kind``, as their records have them.
    plan
        The plan.
    as_of
        Now, UTC without a zone.
    own
        The user's own goals.
    surely
        Whether no draw of the holdout at all may pass the limits; else less than one in 30,000 does.

    Raises
    ------
    InputError
        If records of the plan's own campaigns lack what they cost.
    """
    people = read_people(candidates)
    crowds, left_out = open_crowds(people, past, plan, as_of, own)
    used = used_before(past, plan)
    chosen, prices = _within_caps(crowds, past, plan, used, surely=surely)
    return PlanResult(plan, as_of, tuple(chosen), left_out, prices, used.get("budget", 0.0))


def _within_caps(
    crowds: list[Crowd], past: pd.DataFrame | None, plan: Plan, used: Mapping[str, float], *, surely: bool
) -> tuple[list[Chosen], Mapping[str, float]]:
    """Allocate, leave out what would break a cap across phases, and allocate what this frees."""
    barred = [np.zeros(len(crowd.people), bool) for crowd in crowds]
    for _ in range(ROUNDS):
        chosen, prices = _within_budget(crowds, barred, plan, used, surely=surely)
        over = _over_caps(chosen, past, plan)
        if not any(mask.any() for mask in over):
            break
        barred = [mask | more for mask, more in zip(barred, over, strict=True)]
    kept = [
        Chosen(each.crowd, np.where(mask, -1, each.option)) for each, mask in zip(chosen, barred, strict=True)
    ]
    return kept, prices


def _over_caps(chosen: list[Chosen], past: pd.DataFrame | None, plan: Plan) -> list[Mask]:
    """Return for each campaign, the earliest first, whom its sends would take beyond a cap."""
    contacts, over = Contacts.of_past(past), [np.zeros(len(each.option), bool) for each in chosen]
    for place in sorted(range(len(chosen)), key=lambda place: (chosen[place].crowd.sends[0], place)):
        each = chosen[place]
        rows = np.flatnonzero(each.taken)
        customers = each.crowd.people["customer_id"].iloc[rows].reset_index(drop=True)
        channel = _channels(each, rows)
        fits = contacts.fit(customers, channel, each.crowd.sends, plan)
        over[place][rows[~fits]] = True
        contacts = contacts.with_planned(customers[fits], channel[fits], each.crowd.sends)
    return over


def _channels(chosen: Chosen, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.object_]:
    """Return the channel of each; where arms are dealt by lot through several, that of the first allowed."""
    names = np.array([arm.channel for arm in chosen.crowd.arms], dtype=object)
    place = chosen.crowd.shares[rows].argmax(axis=1) if chosen.crowd.is_split else chosen.option[rows]
    return names[place]


def _within_budget(
    crowds: list[Crowd], barred: list[Mask], plan: Plan, used: Mapping[str, float], *, surely: bool
) -> tuple[list[Chosen], Mapping[str, float]]:
    """Allocate so that no draw of the holdout takes the cost beyond the budget."""
    budget = None if plan.plan.budget is None else max(0.0, plan.plan.budget - used.get("budget", 0.0))
    limit = budget
    for _ in range(SHRINKS):
        chosen, prices = _allocated(crowds, barred, plan, used, limit, surely=surely)
        if budget is None or limit is None or surely or (most := _most_spent(chosen)) <= budget:
            return chosen, prices
        limit *= 0.999 * budget / most
    return _allocated(crowds, barred, plan, used, budget, surely=True)


def _most_spent(chosen: list[Chosen]) -> float:
    """Return what the draws may spend: expected cost and four standard deviations, or all if that is less."""
    costs = [(each.of(each.crowd.costs()), each.crowd.holdout) for each in chosen]
    everyone = sum(float(cost.sum()) for cost, _ in costs)
    mean = sum(float(cost.sum()) * (1.0 - h) for cost, h in costs)
    variance = sum(float((cost**2).sum()) * h * (1.0 - h) for cost, h in costs)
    return min(everyone, mean + SAFETY * float(np.sqrt(variance)))


def _allocated(
    crowds: list[Crowd],
    barred: list[Mask],
    plan: Plan,
    used: Mapping[str, float],
    budget: float | None,
    *,
    surely: bool,
) -> tuple[list[Chosen], Mapping[str, float]]:
    if not crowds or not any(len(crowd.people) for crowd in crowds):
        return [Chosen(crowd, np.full(len(crowd.people), -1)) for crowd in crowds], {}
    index = _units(crowds)
    names = [name for crowd in crowds for name in crowd.options]
    gain = np.full((len(index), len(names)), np.nan)
    cost = np.zeros_like(gain)
    start = 0
    for crowd, mask in zip(crowds, barred, strict=True):
        rows = index.get_indexer(pd.Index(_keys(crowd)))[:, None]
        columns = np.arange(start, start + len(crowd.options))[None, :]
        treated = 1.0 - crowd.holdout
        gain[rows, columns] = np.where(mask[:, None], np.nan, crowd.worth() * treated)
        cost[rows, columns] = np.nan_to_num(crowd.costs()) * (1.0 if surely else treated)
        start += len(crowd.options)
    shared = shared_limits(crowds, plan, used, surely=surely)
    limits = allocation.Limits(budget=budget, capacity={limit.options: limit.customers for limit in shared})
    found = allocation.allocate(pd.DataFrame(gain, columns=names), pd.DataFrame(cost, columns=names), limits)
    prices = {limit.words: limit.price(found.prices) for limit in shared}
    if budget is not None:
        prices["budget"] = found.prices["budget"]
    return _split_up(crowds, index, found.codes.astype(np.intp) - 1), prices


def _units(crowds: list[Crowd]) -> pd.Index:
    """Return all pairs of phase and customer, sorted."""
    return pd.Index(np.unique(np.concatenate([_keys(crowd) for crowd in crowds])))


def _keys(crowd: Crowd) -> npt.NDArray[np.object_]:
    return (crowd.phase + "|" + crowd.people["customer_id"]).to_numpy(object)


def _split_up(crowds: list[Crowd], index: pd.Index, code: npt.NDArray[np.intp]) -> list[Chosen]:
    chosen, start = [], 0
    for crowd in crowds:
        own = code[index.get_indexer(pd.Index(_keys(crowd)))] - start
        chosen.append(Chosen(crowd, np.where((own >= 0) & (own < len(crowd.options)), own, -1)))
        start += len(crowd.options)
    return chosen
