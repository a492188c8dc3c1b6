"""How often a goal's success came of itself, and how often an order came with it: the shop's own rates.

They are of whoever was eligible for the goal at the beginning of a window as long as the goal's horizon, by what came
within it; the windows before the moment in question are pooled. All who ever visited would say more than a stranger's
next visit is worth: most of them are customers by now. Where a goal is for several stages, each has its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from ...features.engine.temporary import Keep
from ...features.history.evaluate import evaluated
from ...features.outcomes.programmes import referred_buyers
from ...features.outcomes.success import OUTCOMES
from ...features.outcomes.tasks import PAYMENT, Span
from ...features.shop import Shop
from ...features.signals.group import PURCHASES, unmet_needs
from ...features.spine import Spine
from ..goals.catalogue import Goal
from .known import FACTS
from .values import GoalRate

N_WINDOWS = 4
ALIKE = 20.0  # customers at the rate of all stages, that each stage's own are counted with


def goal_rates(shop: Shop, as_of: datetime, goals: Sequence[Goal]) -> dict[str, GoalRate]:
    """Return the shop's own rates for goals by name, without those that cannot be known.

    Parameters
    ----------
    shop
        The shop.
    as_of
        The moment, UTC without a zone; windows end here, or with the data if that is earlier.
    goals
        Of which the rates are wanted.
    """
    found = {goal.name: _rate(shop, min(as_of, shop.extract_end), goal) for goal in goals if _can_tell(shop, goal)}
    return {name: rate for name, rate in found.items() if rate is not None}


def _can_tell(shop: Shop, goal: Goal) -> bool:
    columns = [where.column for where in (*goal.eligible.all_of, *goal.eligible.any_of)]
    needs = [need for column in columns if column in FACTS for need in FACTS[column][1]]
    return all(column in FACTS for column in columns) and not unmet_needs(
        (*needs, OUTCOMES[goal.outcome][1], PURCHASES), shop.has
    )


def _rate(shop: Shop, end: datetime, goal: Goal) -> GoalRate | None:
    length = timedelta(days=goal.horizon_days)
    windows = [_window(shop, end - place * length, goal) for place in range(N_WINDOWS)]
    rows = pd.concat(windows)
    if rows.empty:
        return None
    success, came = float(rows["success"].mean()), rows[rows["success"]]
    everyone = GoalRate(success, float(came["bought"].mean()) if len(came) else 0.0, len(rows))
    if "stage" not in rows:
        return everyone
    return replace(everyone, by_stage={str(name): _drawn_to(everyone, own) for name, own in rows.groupby("stage")})


def _drawn_to(everyone: GoalRate, rows: pd.DataFrame) -> GoalRate:
    """Return the rates of one stage's rows, as if there were some more at the rates of everyone."""
    came = rows[rows["success"]]
    success = (len(came) + ALIKE * everyone.success) / (len(rows) + ALIKE)
    return GoalRate(success, (came["bought"].sum() + ALIKE * everyone.bought) / (len(came) + ALIKE), len(rows))


def _window(shop: Shop, end: datetime, goal: Goal) -> pd.DataFrame:
    """Return who was eligible a horizon before an instant: whether the success came by then, and an order with it."""
    before = end - timedelta(days=goal.horizon_days)
    columns = [where.column for where in (*goal.eligible.all_of, *goal.eligible.any_of)]
    people = _asked(shop, before, {column: FACTS[column][0] for column in columns})
    eligible = people[goal.eligible.holds(people, f"goal '{goal.name}'")]
    came = _asked(shop, end, {"success": _success_of(goal), "bought": _bought(goal)})
    stages = [name for name in ("stage",) if name in eligible]
    rows = came.merge(eligible[["customer_id", *stages]], on="customer_id")
    return rows.astype({"success": bool, "bought": bool})


def _success_of(goal: Goal) -> Any:
    if goal.outcome == "payment":
        return lambda past: PAYMENT.outcome(past, Span(0, goal.horizon_days))
    return lambda past: OUTCOMES[goal.outcome][0](past, goal.horizon_days).any()


def _bought(goal: Goal) -> Any:
    days = goal.horizon_days
    if goal.outcome == "referral":
        return lambda past: referred_buyers(past, days).any()
    return lambda past: past.purchases.within(days).any()


def _asked(shop: Shop, at: datetime, questions: dict[str, Any]) -> pd.DataFrame:
    with Keep(shop.backend) as keep:
        answers = evaluated(shop, Spine.at(shop, at), questions, keep)[0].drop("as_of").to_pyarrow().to_pandas()
    return answers.sort_values("customer_id", ignore_index=True)
