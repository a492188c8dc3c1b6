"""A plan as it was allocated, and how it is shown: as values for scripts, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from penchant.spreadsheet import shop_time

from ..audience.expected_result import Expected, total
from ..audience.holdout_sight import HoldoutSight, holdout_sight
from ..insight.concern import keys_of_concerns
from .chosen import Allotment
from .file import Plan
from .testing import sees

if TYPE_CHECKING:
    from rich.console import RenderableType

CHEAPEST = "nothing is known of which offer works better, so the cheapest wins; assign = 'split' finds it out"


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
    chosen: tuple[Allotment, ...]
    left_out: Mapping[str, str]
    prices: Mapping[str, float]
    spent_before: float

    @property
    def expected(self) -> Expected:
        """What all campaigns are expected to bring."""
        return total(each.expected for each in self.chosen)

    def as_dict(self) -> dict[str, Any]:
        """Return sizes, costs, expectations and prices by name."""
        return plan_dict(self)

    def render(self) -> Any:
        """Return what a terminal shows, for rich."""
        return plan_view(self)


def plan_dict(result: PlanResult) -> dict[str, Any]:
    """Return a plan's campaigns, sends, expectations, prices and what was left out."""
    return {
        "plan": result.plan.plan.name,
        "as_of": result.as_of.isoformat(),
        "budget": result.plan.plan.budget,
        "spent_before": result.spent_before,
        "expected": result.expected.as_dict(),
        "campaigns": [_campaign(each) for each in result.chosen],
        "next_unit_brings": dict(result.prices),
        "left_out": dict(result.left_out),
        "messages": _messages(result.plan),
        "concerns": [each.as_dict() for each in result.plan.concerns],
        "notes": plan_notes(result),
    }


def plan_notes(result: PlanResult) -> list[str]:
    """Return what the numbers rest on, in words."""
    told = []
    for each in result.chosen:
        goal, prior = each.crowd.goal, each.crowd.goal.prior
        if each.crowd.gain.basis == "propensity" and prior is not None:
            told.append(f"{goal.name}: no uplift was measured; {prior.words}")
            if not each.crowd.is_split and len({arm.offer for arm in each.crowd.arms}) > 1:
                told.append(f"{each.crowd.campaign.id}: {CHEAPEST}")
        told += _of_test(each) if each.crowd.is_test else []
        told += [f"{each.crowd.campaign.id}: {sight(each).words}"] if each.taken.any() else []
        if goal.phases and each.crowd.campaign.phase not in (None, *goal.phases):
            told.append(f"{each.crowd.campaign.id}: '{goal.name}' usually belongs to {' or '.join(goal.phases)}")
    if result.plan.speaks_to_concerns and not result.plan.concerns:
        told.append("no concern of a category was voiced five times (feedback), so that none chooses a message")
    return [*dict.fromkeys(told), "sizes of later waves are the most there can be: who comes back leaves"]


def _messages(plan: Plan) -> dict[str, dict[str, dict[str, str]]]:
    """Return campaign -> message keys by category of its first wave, for all and for customers with one order."""
    found = {campaign.id: plan.messages_of(campaign, 1) for campaign in plan.campaigns}
    return {name: {"to_all": keys, "to_new": to_new} for name, (keys, to_new) in found.items() if keys or to_new}


def sight(each: Allotment) -> HoldoutSight:
    """Return what the holdout of a campaign can show."""
    people, n, held = each.crowd.people[each.taken], float(each.taken.sum()), each.crowd.holdout
    rate = float(people["propensity"].mean()) if "propensity" in people and n else float("nan")
    moved = each.expected.successes.value / (n * (1 - held)) if n else 0.0
    cost = each.expected.profit.value * held / (1 - held)
    return holdout_sight(rate, held * n, (1 - held) * n, moved, each.crowd.goal.horizon_days, cost)


def _of_test(each: Allotment) -> list[str]:
    """Return what a price or freight test can see."""
    name, n, least = each.crowd.campaign.id, int(each.taken.sum()), sees(each)
    can = "nothing tells what they can show" if least is None else f"they show a difference of {least:.2%} of successes"
    wanted = each.crowd.campaign.detect
    found = [f"{name}: {n:,} customers at random, whatever they are expected to earn; {can} in four of five tests"]
    if wanted is not None and (least is None or least > wanted):
        found.append(f"{name}: a difference of {wanted:.2%} was asked for, and takes more customers than may be had")
    return found


def _campaign(each: Allotment) -> dict[str, Any]:
    crowd = each.crowd
    counts = [int((each.option == place).sum()) for place in range(len(crowd.options))]
    return {
        "campaign_id": crowd.campaign.id,
        "goal": crowd.goal.name,
        "phase": crowd.phase,
        "basis": crowd.gain.basis,
        "sends": [at.isoformat() for at in crowd.sends],
        "n_eligible": crowd.n_eligible,
        "excluded": dict(crowd.excluded),
        "n_audience": int(each.taken.sum()),
        "n_treated": round(float(each.taken.sum()) * (1 - crowd.holdout), 1),
        "options": dict(zip(crowd.options, counts, strict=True)),
        "expected": each.expected.as_dict(),
        "holdout_sees": sight(each).as_dict(),
        **({"smallest_difference_seen": sees(each)} if crowd.is_test else {}),
    }


def plan_view(result: PlanResult) -> RenderableType:
    """Return tables for a terminal."""
    left_out = [Text(f"· {name}: left out, {why}") for name, why in result.left_out.items()]
    told = [Text(f"· {note}") for note in plan_notes(result)]
    concerns = [_concerns(result.plan)] if result.plan.concerns else []
    return Group(_campaigns(result), _prices(result), *concerns, *left_out, *told)


def _campaigns(result: PlanResult) -> RenderableType:
    table = Table(
        title=f"{result.plan.plan.name}, as of {shop_time(result.as_of, result.plan.timezone)}", title_justify="left"
    )
    for name in ("campaign", "phase", "goal", "first wave", "waves"):
        table.add_column(name, overflow="fold")
    for name in ("eligible", "audience", "cost", "profit", "low", "high"):
        table.add_column(name, justify="right")
    rows = [(each.crowd, int(each.taken.sum()), each.expected) for each in result.chosen]
    for crowd, size, expected in rows:
        sends = (f"{result.plan.day(crowd.sends[0]):%m-%d}", f"{len(crowd.sends)}")
        words = (crowd.campaign.id, crowd.phase, crowd.goal.name, *sends, f"{crowd.n_eligible:,}", f"{size:,}")
        table.add_row(*words, *_money(expected))
    table.add_section()
    table.add_row("all", "", "", "", "", "", f"{sum(size for _, size, _ in rows):,}", *_money(result.expected))
    return table


def _money(expected: Expected) -> list[str]:
    profit = expected.profit
    return [f"{value:,.2f}" for value in (expected.cost, profit.value, profit.low, profit.high)]


def _concerns(plan: Plan) -> RenderableType:
    """Return what buyers worry about, for the copywriter: the concerns that choose messages, and how often voiced."""
    names = ", ".join(campaign.id for campaign in plan.campaigns if campaign.messages == "concerns")
    table = Table(title=f"what messages speak to: {names}", title_justify="left")
    for name in ("category", "message", "goes to"):
        table.add_column(name, overflow="fold")
    for name in ("times", "by new buyers", "by returning ones"):
        table.add_column(name, justify="right")
    keys = keys_of_concerns(plan.concerns)
    for each in sorted(plan.concerns, key=lambda one: one.category):
        apart = each.category in keys.to_new
        to_all, to_new = (mapped.get(each.category) == each.topic for mapped in (keys.all_buyers, keys.to_new))
        if to_all or to_new:
            who = "new buyers" if to_new else "returning buyers" if apart else "all buyers"
            table.add_row(each.category, each.topic, who, f"{each.n:,}", f"{each.n_new:,}", f"{each.n_returning:,}")
    return table


def _prices(result: PlanResult) -> RenderableType:
    table = Table(title="what one more would bring, after costs", title_justify="left")
    table.add_column("of")
    table.add_column("profit", justify="right")
    for name, price in result.prices.items():
        table.add_row(name, f"{price:,.4f}" if price else "nothing: it does not bind")
    return table
