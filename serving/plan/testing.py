"""Price and freight tests: sized by what they can see, drawn by lot among everyone eligible, and served first.

A test that is cut by expected profit has no customers where the dearer arm is expected to lose, and those whom it
keeps are not like the others: it could not say what it was asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ..audience.hashing import uniforms
from ..audience.holdout import SAFETY
from ..audience.sizing import customers_needed, smallest_difference
from ..goals.eligible import Mask
from .chosen import Allotment, most_spent
from .file import Plan
from .limits import shared_limits, treated_at_most, units_used
from .options import CampaignCrowd, Contacts


def draw_tests(
    crowds: Sequence[CampaignCrowd],
    past: pd.DataFrame | None,
    plan: Plan,
    used: Mapping[str, float],
    *,
    surely: bool = False,
) -> tuple[list[Allotment], dict[str, float], Contacts]:
    """Return who takes part in the tests of a plan, what is used with them, and the contacts that they make.

    Parameters
    ----------
    crowds
        The campaigns' customers and options, tests and others.
    past, plan
        As `allocate_plan` takes them.
    used
        What campaigns that have begun use.
    surely
        Whether no draw at all may pass a limit; else less than one in 30,000 does.

    Returns
    -------
    tuple
        The tests in their order; ``used`` with the most that they use; and all contacts known and planned.
    """
    spent, contacts, tests = dict(used), Contacts.of_past(past), list[Allotment]()
    taken: dict[str, set[str]] = {}
    for crowd in crowds:
        if not crowd.is_test:
            continue
        may = ~crowd.people["customer_id"].isin(taken.get(crowd.phase, set())).to_numpy(bool)
        chosen = _drawn(crowd, may, contacts, plan, spent, surely=surely)
        members = crowd.people["customer_id"][chosen.taken]
        taken.setdefault(crowd.phase, set()).update(members)
        contacts = contacts.with_planned(members, crowd.by_send(_channels(chosen)), crowd.sends)
        spent = _used_with(spent, chosen, plan)
        tests.append(chosen)
    return tests, spent, contacts


def sees(chosen: Allotment) -> float | None:
    """Return the smallest difference of success rates between two arms that a test sees; None where nothing tells.

    Of the arms the two smallest count; the rate is the mean probability of success of those who take part.
    """
    if "propensity" not in chosen.crowd.people or not chosen.taken.any():
        return None
    rate = float(chosen.crowd.people["propensity"][chosen.taken].mean())
    each = np.sort(chosen.crowd.shares[chosen.taken].sum(axis=0)) * (1.0 - chosen.crowd.holdout)
    found = smallest_difference(rate, *each[:2]) if len(each) > 1 else np.inf
    return found if np.isfinite(found) else None


def _drawn(
    crowd: CampaignCrowd, may: Mask, contacts: Contacts, plan: Plan, used: Mapping[str, float], *, surely: bool
) -> Allotment:
    """Return a test's customers by lot: as many as were asked for, or as its difference takes, within all limits."""
    wave = f"{plan.plan.seed}|{crowd.campaign.id}|test"
    order = np.argsort(uniforms(crowd.people["customer_id"], wave), kind="stable")
    order = order[may[order] & np.isfinite(crowd.worth()[order, 0])]
    some = crowd.first(order)
    channels = some.by_send(_first_channels(some))
    fits = contacts.fit(some.people["customer_id"], channels, some.sends, plan)
    order, some = order[fits], some.first(np.flatnonzero(fits))
    size = min(_wanted(some), _within_shared(some, plan, used, surely=surely), _within_budget(some, plan, used, surely))
    option = np.full(len(crowd.people), -1, np.intp)
    option[order[:size]] = 0
    return Allotment(crowd, option)


def _wanted(crowd: CampaignCrowd) -> int:
    """Return how many customers a test asks for: its size; what the difference takes; else everyone."""
    everyone, asked = len(crowd.people), crowd.campaign
    if asked.size is not None:
        return min(asked.size, everyone)
    if asked.detect is None or "propensity" not in crowd.people or not everyone:
        return everyone
    rate = float(crowd.people["propensity"].mean())
    shares = np.array([arm.share for arm in crowd.arms])
    pair = np.sort(shares / shares.sum())[:2]  # the two smallest arms see the least
    n_pair = customers_needed(rate, min(asked.detect, 1.0 - rate), pair[0] / pair.sum())
    return min(int(np.ceil(n_pair / pair.sum() / (1.0 - crowd.holdout))), everyone)


def _within_shared(crowd: CampaignCrowd, plan: Plan, used: Mapping[str, float], *, surely: bool) -> int:
    limits = shared_limits([crowd], plan, used, surely=surely)
    return int(min((limit.customers for limit in limits), default=float(len(crowd.people))))


def _within_budget(crowd: CampaignCrowd, plan: Plan, used: Mapping[str, float], surely: bool) -> int:
    if plan.plan.budget is None:
        return len(crowd.people)
    left = max(0.0, plan.plan.budget - used["budget"])
    treated = 1.0 - crowd.holdout
    cost, square, dearest = (values[:, 0] for values in (crowd.costs(), crowd.squared_costs(), crowd.dearest()))
    variance = np.cumsum(square * treated - (cost * treated) ** 2)
    likely = np.cumsum(cost * treated) + SAFETY * np.sqrt(np.maximum(variance, 0.0))
    most = np.cumsum(dearest) if surely else np.minimum(np.cumsum(dearest), np.maximum.accumulate(likely))
    return int(np.searchsorted(most, left * (1 + 1e-12), side="right"))


def _used_with(used: Mapping[str, float], chosen: Allotment, plan: Plan) -> dict[str, float]:
    """Return what is used once a test has its customers: the most that its draw may take of each limit."""
    treated = treated_at_most(float(chosen.taken.sum()), chosen.crowd.holdout)
    found = {**used, "budget": used["budget"] + most_spent([chosen])}
    for words, units in units_used(chosen.crowd, plan).items():
        found[words] = found.get(words, 0.0) + treated * units
    return found


def _channels(chosen: Allotment) -> np.ndarray:
    return _first_channels(chosen.crowd)[chosen.taken]


def _first_channels(crowd: CampaignCrowd) -> np.ndarray:
    """Return (n,) the channel of each; where arms go through several, that of the first allowed."""
    names = np.array([arm.channel for arm in crowd.arms], dtype=object)
    return names[crowd.shares.argmax(axis=1)]
