"""What a campaign optimises, whatever its goal usually does: a visit, a click, an interest, a deal, the margin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from .goal import CLICKS, FIRST_ORDERS, VISITS, Goal, Outcome

FOR = "_for_"
DEALS: tuple[Outcome, ...] = ("first_order", "payment", "paid_order")
OF_DEALS = ("conversion", "repurchase")


@dataclass(frozen=True)
class _Target:
    """What counts as success, within how many days (None: the goal's), and whether each counts the same."""

    outcome: Outcome
    days: int | None = None
    each_counts_the_same: bool = False


TARGETS: Mapping[str, _Target] = MappingProxyType(
    {
        "visit": _Target("visit", 14),
        "click": _Target("click", 14),
        "interest": _Target("interest", 14),
        "deal": _Target("paid_order", None, True),
        "margin": _Target("paid_order"),
    }
)


def goal_for(goal: Goal, target: str) -> Goal:
    """Return a goal's crowd and offers with another target: ``retain`` for ``visit`` is ``retain_for_visit``.

    Examples
    --------
    >>> from penchant.serving.goals.catalogue import GOALS
    >>> goal = goal_for(GOALS["retain"], "visit")
    >>> goal.name, goal.outcome, goal.horizon_days
    ('retain_for_visit', 'visit', 14)
    """
    wanted = TARGETS[target]
    named = replace(goal, name=f"{goal.name}{FOR}{target}", horizon_days=wanted.days or goal.horizon_days)
    if wanted.outcome == "click":  # by the model of clicks where there is one, else by how often the crowd clicks
        return replace(named, outcome="click", ranked_by=("uplift", "click", "clicks"), prior=CLICKS)
    if wanted.outcome != "paid_order":
        return replace(named, outcome=wanted.outcome, ranked_by=("uplift", f"{target}s"), prior=VISITS)
    was_deal = goal.outcome in DEALS
    tasks = [name for name in (goal.ranked_by if was_deal else ("uplift", *OF_DEALS)) if name != "value"]
    return replace(
        named,
        outcome=goal.outcome if was_deal else "paid_order",
        ranked_by=(*tasks, *(() if wanted.each_counts_the_same else ("value",))),
        prior=goal.prior if was_deal else FIRST_ORDERS,
        each_counts_the_same=wanted.each_counts_the_same,
    )
