"""Several goals, offers and channels at once: everyone gets the best allowed one under what is shared.

A customer gets at most one campaign in each phase. All campaigns that have not begun are allocated together, exactly
but for rounding; those whose wave is due are then drawn as audiences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..goals.catalogue import Goal
from ..goals.eligible import Mask, read_people
from .chosen import Allotment, most_spent
from .file import Plan
from .limits import used_before
from .options import CampaignCrowd, Contacts, open_crowds
from .problem import PlanProblem, pose
from .result import PlanResult
from .testing import draw_tests

ROUNDS = 4  # allocations after which customers beyond a cap are left out for good
SHRINKS = 8  # times the budget is narrowed before the surest bound is taken


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
    tests, used_with_tests, contacts = draw_tests(crowds, past, plan, used, surely=surely)
    others = [crowd for crowd in crowds if not crowd.is_test]
    barred = [_in_a_test(crowd, tests) for crowd in others]
    chosen, prices = _within_caps(others, barred, contacts, plan, used_with_tests, surely=surely)
    in_order = sorted([*tests, *chosen], key=lambda each: plan.campaigns.index(each.crowd.campaign))
    return PlanResult(plan, as_of, tuple(in_order), left_out, prices, used.get("budget", 0.0))


def _in_a_test(crowd: CampaignCrowd, tests: Sequence[Allotment]) -> Mask:
    """Return (n,) whose place in a phase is taken by a test."""
    same = [each for each in tests if each.crowd.phase == crowd.phase]
    taken = [name for each in same for name in each.crowd.people["customer_id"][each.taken]]
    return crowd.people["customer_id"].isin(taken).to_numpy(bool)


def _within_caps(
    crowds: list[CampaignCrowd],
    barred: list[Mask],
    contacts: Contacts,
    plan: Plan,
    used: Mapping[str, float],
    *,
    surely: bool,
) -> tuple[list[Allotment], Mapping[str, float]]:
    """Allocate, leave out what would break a cap across phases, and allocate what this frees."""
    problem = pose(crowds, plan, used, surely=surely)
    budget = None if plan.plan.budget is None else max(0.0, plan.plan.budget - used["budget"])
    for _ in range(ROUNDS):
        found = _within_budget(problem, barred, budget)
        chosen, prices = found or pose(crowds, plan, used, surely=True).solve(barred, budget)
        over = _over_caps(chosen, contacts, plan)
        if not any(mask.any() for mask in over):
            break
        barred = [mask | more for mask, more in zip(barred, over, strict=True)]
    kept = [Allotment(each.crowd, np.where(mask, -1, each.option)) for each, mask in zip(chosen, barred, strict=True)]
    return kept, prices


def _over_caps(chosen: list[Allotment], contacts: Contacts, plan: Plan) -> list[Mask]:
    """Return for each campaign, the earliest first, whom its sends would take beyond a cap beside other contacts."""
    over = [np.zeros(len(each.option), bool) for each in chosen]
    for place in sorted(range(len(chosen)), key=lambda place: (chosen[place].crowd.sends[0], place)):
        each = chosen[place]
        rows = np.flatnonzero(each.taken)
        customers = each.crowd.people["customer_id"].iloc[rows].reset_index(drop=True)
        channel = each.crowd.by_send(_channels(each, rows))
        fits = contacts.fit(customers, channel, each.crowd.sends, plan)
        over[place][rows[~fits]] = True
        contacts = contacts.with_planned(customers[fits], channel[fits], each.crowd.sends)
    return over


def _channels(chosen: Allotment, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.object_]:
    """Return the channel of each; where arms are dealt by lot through several, that of the first allowed."""
    names = np.array([arm.channel for arm in chosen.crowd.arms], dtype=object)
    place = chosen.crowd.shares[rows].argmax(axis=1) if chosen.crowd.is_split else chosen.option[rows]
    return names[place]


def _within_budget(
    problem: PlanProblem, barred: list[Mask], budget: float | None
) -> tuple[list[Allotment], Mapping[str, float]] | None:
    """Allocate so that no draw of the holdout takes the cost beyond the budget; None where that is not found.

    What is expected to be spent is narrowed until the draw's deviation has room.
    """
    limit = budget
    for _ in range(SHRINKS):
        chosen, prices = problem.solve(barred, limit)
        if budget is None or limit is None or (most := most_spent(chosen)) <= budget:
            return chosen, prices
        limit *= 0.999 * budget / most
    return None
