"""The pages docs/tasks.md and docs/goals.md, from the catalogues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from penchant.features.catalogue import TASKS
from penchant.features.outcomes.tasks import Task
from penchant.features.signals.group import need_in_words
from penchant.serving.goals.catalogue import GOALS, Goal
from penchant.serving.goals.offers import Arm

TASKS_PREFACE = """\
# Tasks: what a model predicts

Generated from the catalogue by `make docs`. `penchant train TASK` trains one. A task is a population that is eligible
at a moment (`as_of`), an outcome that is read in a horizon after it, and nothing in between: signals see what happened
before `as_of`, the label sees `[as_of + gap, as_of + gap + horizon)`.

Gap, horizon and snapshots are set under `[tasks.NAME]` ([configuration](configuration.md#taskname)). Tasks of your own
are made as in [Predict something of your own](howto/own-goal.md). What is measured of each is in
[metrics](metrics.md).
"""
GOALS_PREFACE = """\
# Goals: what a campaign is for

Generated from the catalogue by `make docs`. A goal is a wanted change of stage: who is eligible, what counts as
success and by when, which models rank, and what is usually offered. `penchant audience GOAL` draws one;
how is said in [Audiences, plans and destinations](audiences.md). A goal of your own is made as in
[A goal of your own](howto/own-goal.md).

Without a measured uplift a goal ranks by a *prior*: what a contact is taken to change, with its source. The list says
so (`basis = propensity`), and its holdout makes the first campaign into the first experiment.
"""
WHO: Mapping[str, str] = MappingProxyType(
    {
        "visit": "strangers and prospects: nothing bought",
        "engagement": "strangers and prospects: nothing bought",
        "conversion": "prospects and leads: nothing bought",
        "payment": "customers with an order that is not paid",
        "repurchase": "customers with at least one paid order",
        "second_purchase": "customers with exactly one paid order",
        "churn": "active buyers: new, regular, loyal, semi-active",
        "value": "customers with at least one paid order",
        "margin": "customers with at least one paid order",
        "enrol": "customers with a paid order within a year and no membership",
        "renew": "members",
        "exchange": "customers with points",
        "review": "customers with a paid order within 30 days",
        "refer": "customers with a paid order within a year",
        "open": "customers contacted within 90 days",
        "click": "customers contacted within 90 days",
    }
)


def tasks_page(tasks: Sequence[Task] = TASKS) -> str:
    """Return the page of all tasks, as Markdown."""
    head = "| task | predicts | for whom | horizon | needs |\n|---|---|---|---|---|\n"
    return f"{TASKS_PREFACE}\n{head}" + "\n".join(_task_row(task) for task in tasks) + "\n"


def _task_row(task: Task) -> str:
    horizon = f"{task.horizon_days} days" if task.horizon_days else "the shop's churn horizon"
    needs = ", ".join(need_in_words(need).replace("|", " or ") for need in task.needs)
    kind = "" if task.kind == "binary" else " (an amount)"
    return f"| `{task.name}` | {task.meaning}{kind} | {WHO[task.name]} | {horizon} | {needs} |"


def goals_page(goals: Mapping[str, Goal] = GOALS) -> str:
    """Return the page of all goals, as Markdown."""
    return GOALS_PREFACE + "\n" + "\n".join(_goal_section(goal) for goal in goals.values())


def _goal_section(goal: Goal) -> str:
    eligible = [*(where.words for where in goal.eligible.all_of)]
    if goal.eligible.any_of:
        eligible.append(" or ".join(where.words for where in goal.eligible.any_of))
    facts = {
        "moves": goal.moves,
        "eligible": ", and ".join(eligible),
        "success": f"{goal.outcome.replace('_', ' ')} within {goal.horizon_days} days",
        "ranked by": ", else ".join(f"`{name}`" for name in goal.ranked_by),
        "phases": ", ".join(goal.phases) or "any",
        "held out": f"{goal.holdout:.0%} unless asked otherwise",
        "arms": "; ".join(_arm(arm) for arm in goal.arms),
        "before anything was measured": goal.prior.words if goal.prior else "not run: it needs a measured uplift",
    }
    if goal.ladder:
        facts["ladder"] = "; ".join(
            f"from day {rung.from_days}: " + ", ".join(f"{tier} {arm}" for tier, arm in rung.arm_by_tier.items())
            for rung in goal.ladder
        )
    rows = "\n".join(f"| {name} | {fact} |" for name, fact in facts.items())
    return f"## {goal.name}\n\n| | |\n|---|---|\n{rows}\n"


def _arm(arm: Arm) -> str:
    offer = arm.offer
    if not offer.value:
        return f"`{arm.name}`"
    threshold = f" from {offer.threshold:g} on" if offer.threshold else ""
    return f"`{arm.name}` ({offer.kind.replace('_', ' ')} worth {offer.value:g}{threshold})"
