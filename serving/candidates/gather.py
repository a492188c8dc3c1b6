"""Gather what audiences are drawn from: what is known of the customers, their scores, and earlier assignments.

What asks the shop is imported where it is used: it takes longer to load than an audience of ready scores to draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from penchant.errors import InputError

from ...models.inputs.arrays import Floats
from ...models.inputs.estimate import Estimate
from ..goals.catalogue import Goal
from ..goals.offers import Arm
from ..worth.columns import NEXT_ORDER_COLUMNS
from .lookalike import lookalike
from .recommend import recommended_category
from .values import (
    BASE_TASKS,
    BEST_STAGES,
    CHANCES,
    EVEN,
    FOR_FAILURE,
    PAST_COLUMNS,
    PAST_KEY,
    SIGNALS,
    STEPS,
    TARGET_STEPS,
    UPLIFT,
    VALUES,
    Candidates,
    GoalRate,
    Known,
    Score,
)
from .worth import Rates, rates_of, success_worth

if TYPE_CHECKING:
    from ...features.shop import Shop


def goals_that_need_rates(goals: Sequence[Goal], scores: Sequence[Score]) -> list[Goal]:
    """Return the goals that need the shop's own rates: for their worth, or because no model scores their task."""
    scored = {score.task for score in scores}
    return [
        goal
        for goal in goals
        if goal.outcome in STEPS or any(task in BASE_TASKS and task not in scored for task in goal.ranked_by)
    ]


def with_roles_shown(known: Known, categories: Callable[[], pd.DataFrame]) -> Known:
    """Return what is known with the role of the category to show each customer; missing where none is known.

    ``categories`` gives the shop's categories with their roles; it is asked where a customer has one to be shown.
    """
    people = known.frame
    category = pd.Series(recommended_category(people), people.index, dtype="object")
    if category.notna().any():
        category = category.map(categories().set_index("category_id")["role"])
    return replace(known, frame=people.assign(category_role=category))


def candidates_for(
    known: Known,
    goals: Sequence[Goal],
    scores: Sequence[Score] = (),
    signals: pd.DataFrame | None = None,
    margin_share: float | None = None,
    order_worth: Mapping[str, Estimate] | None = None,
) -> Candidates:
    """Return the candidates for goals from what is known of the customers.

    Parameters
    ----------
    known
        As `known_and` gives it, with rates.
    goals
        The goals to be drawn for.
    scores
        What the champions say, of whomever they know.
    signals
        A feature matrix of the same moment, of which segment and price preference are taken, and the next orders
        beside it; None: without.
    margin_share
        Margin as a share of sales; None: as the shop's costs say, else assumed.
    order_worth
        Stage -> how many times its own margin an order is worth over the year; None: once.
    """
    people = known.frame if signals is None else _with_signals(known.frame, signals)
    scores = [replace(score, frame=_aligned(people, score.frame)) for score in scores]
    rates = replace(rates_of(people, margin_share), order_worth=order_worth or {})
    by_goal = {goal.name: _columns_of(people, goal, scores, rates, known.rates) for goal in goals}
    columns = {f"{name}:{key}": values for name, (own, _) in by_goal.items() for key, values in own.items()}
    frame = pd.concat([people, pd.DataFrame(columns, index=people.index)], axis=1)
    models = {name: versions for name, (_, versions) in by_goal.items()}
    return Candidates(frame, known.left_out, (*rates.notes, *_notes_on(goals, scores, known.rates)), models)


def _notes_on(goals: Sequence[Goal], scores: Sequence[Score], base: Mapping[str, GoalRate]) -> list[str]:
    """Return what is taken for granted: that all count with the shop's mean, or that one arm's uplift is another's."""
    scored = {score.task for score in scores if score.task not in (UPLIFT, *VALUES)}
    found = [(goal, _unscored(goal, base)) for goal in goals if scored.isdisjoint(goal.ranked_by)]
    alike = [
        f"{goal.name}: no champion for '{task}', so everyone counts the same: {base[goal.name].success:.1%} within "
        f"{goal.horizon_days} days"
        for goal, task in found
        if task is not None
    ]
    names = [goal.name for goal in goals]
    alone = [score for score in scores if score.task == UPLIFT and score.goal in names and len(score.arms) == 1]
    return alike + [
        f"{score.goal}: the uplift was measured for the arm '{score.arms[0]}', and is used for whichever arm is offered"
        for score in alone
    ]


def measured_arms(goal: Goal, scores: Sequence[Score]) -> tuple[Arm, ...]:
    """Return those of a goal's arms whose uplift was measured under their name; none where it has a ladder."""
    names = {name for score in scores if score.task == UPLIFT and score.goal == goal.name for name in score.arms}
    return () if goal.ladder else tuple(arm for arm in goal.arms if arm.name in names)


def past_of(shop: Shop, as_of: datetime, records: pd.DataFrame | None = None) -> pd.DataFrame | None:
    """Return earlier assignments with their channels, as `draw_audience` takes them; None where nothing is known.

    Parameters
    ----------
    shop
        The shop.
    as_of
        Only what was assigned before is seen, and a contact only if it was before.
    records
        Records of audiences that the shop's tables do not hold yet; they go before the shop's rows of the same
        campaign, wave and customer, because they say more.
    """
    return joined_past(assignments_before(shop, as_of), records)


def joined_past(own: pd.DataFrame | None, records: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the shop's own assignments and records of audiences as one, the records first where both have a row.

    When a contact went out is the shop's to say: a record was written before.
    """
    if own is not None and records is not None:
        records = _with_contacts(records, own)
    found = [frame for frame in (records, own) if frame is not None]
    if not found:
        return None
    rows = pd.concat(found, ignore_index=True) if len(found) > 1 else found[0]
    return rows.drop_duplicates(PAST_KEY, keep="first").sort_values(PAST_KEY, ignore_index=True)


def _with_contacts(records: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Return records with the time at which the shop says that each contact went out."""
    is_told = own["contacted_at"].notna() & own["campaign_id"].isin(records["campaign_id"].unique())
    told = own.loc[is_told, [*PAST_KEY, "contacted_at"]].drop_duplicates(PAST_KEY)
    known = records[PAST_KEY].merge(told, on=PAST_KEY, how="left")["contacted_at"].set_axis(records.index)
    return records.assign(contacted_at=known.where(known.notna(), records["contacted_at"]))


def assignments_before(shop: Shop, as_of: datetime) -> pd.DataFrame | None:
    """Return the shop's own assignments before a moment, with channel and goal; None where it has no such table."""
    if not shop.has("assignments"):
        return None
    from ibis import _

    frame = shop.tables["assignments"].filter(_.assigned_at < as_of).to_pyarrow().to_pandas()
    for name, default in (("wave", 1), ("contacted_at", pd.NaT), ("probability", np.nan)):
        if name not in frame:
            frame[name] = default
    frame["contacted_at"] = pd.to_datetime(frame["contacted_at"]).where(lambda at: at < as_of)
    frame["wave"] = frame["wave"].fillna(1).astype("int64")
    for name in ("channel", "goal"):
        frame[name] = pd.Series(None, frame.index, dtype="object")
        if shop.has("campaigns", name):
            campaigns = shop.tables["campaigns"].select("campaign_id", name).to_pyarrow().to_pandas()
            frame[name] = frame["campaign_id"].map(campaigns.set_index("campaign_id")[name])
    return frame[[*PAST_COLUMNS, "goal", "probability"]]


def _with_signals(people: pd.DataFrame, signals: pd.DataFrame) -> pd.DataFrame:
    taken = {ours: theirs for ours, theirs in SIGNALS.items() if theirs in signals}
    taken |= {name: name for name in NEXT_ORDER_COLUMNS if name in signals}
    chosen = signals[["customer_id", *taken.values()]].rename(columns={v: k for k, v in taken.items()})
    if "freight_paid_share" in signals:
        chosen["freight_sensitivity"] = 1.0 - signals["freight_paid_share"]
    return people.merge(chosen, on="customer_id", how="left")


def _columns_of(
    people: pd.DataFrame, goal: Goal, scores: Sequence[Score], rates: Rates, base: Mapping[str, GoalRate]
) -> tuple[dict[str, Floats], tuple[str, ...]]:
    """Return what belongs to one goal: propensity, margin, uplift, reasons; and the models it came from.

    The scores are in the order of the customers.
    """
    mine = [score for score in scores if score.goal in (None, goal.name)]
    used = [score for task in goal.ranked_by for score in mine if score.task == task]
    columns = success_worth(people, goal, rates, *_spending(scores, goal))
    success, bought = base[goal.name].of_each(people) if goal.name in base else (np.nan, np.nan)
    if goal.outcome in STEPS:
        columns = {name: worth * bought for name, worth in columns.items()}
    if goal.each_counts_the_same:
        columns = {name: np.where(np.isnan(worth), np.nan, np.nanmean(worth)) for name, worth in columns.items()}
    chances = [score for score in used if score.task not in (UPLIFT, *VALUES)]
    propensity = _propensity(goal, chances) if chances else None
    if "lookalike" in goal.ranked_by:
        likeness = _lookalike(people, goal)
        columns = {name: worth * likeness for name, worth in columns.items()}
    if propensity is None and _unscored(goal, base) is not None:
        propensity = np.asarray(success)
    elif propensity is not None and goal.name in base and not set(goal.ranked_by).isdisjoint(TARGET_STEPS):
        propensity = np.where(np.isnan(propensity), success, propensity)  # whom the model does not know
    if propensity is not None:
        columns["propensity"] = propensity
    for score in used:
        for name in map(str, score.frame):
            if name.startswith("reason_") or (score.task == UPLIFT and name.startswith("uplift")):
                columns.setdefault(name, score.frame[name].to_numpy())
    return columns, tuple(dict.fromkeys(score.version for score in used if score.version))


def _unscored(goal: Goal, base: Mapping[str, GoalRate]) -> str | None:
    """Return the task of a goal for which the shop's own rate can stand; None where there is none."""
    return next((task for task in goal.ranked_by if task in BASE_TASKS and goal.name in base), None)


def _aligned(people: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Return scores in the order of the customers, missing where there is none."""
    places = pd.Index(frame["customer_id"])
    if not places.is_unique:
        raise InputError("scores", "one row per customer", "some twice")
    return frame.drop(columns="customer_id").set_index(places).reindex(people["customer_id"])


def _propensity(goal: Goal, scores: Sequence[Score]) -> Floats:
    """Return the probability of success within the goal's horizon, of each customer the first model that knows it."""
    found = np.full(len(scores[0].frame), np.nan)
    for score in scores:
        p = _numbers(score)
        p = 1.0 - p if score.task in FOR_FAILURE else p
        found = np.where(np.isnan(found), within(p, score.horizon_days, goal.horizon_days), found)
    return found


def within(p: Floats, horizon_days: int, wanted_days: int) -> Floats:
    """Return the probability within another horizon, when successes come at an even pace.

    Examples
    --------
    >>> within(np.array([0.19]), 60, 30).round(6).tolist()
    [0.1]
    """
    return EVEN.within(p, horizon_days, wanted_days)


def _numbers(score: Score) -> Floats:
    return score.frame["score"].to_numpy(np.float64, na_value=np.nan)


def _spending(scores: Sequence[Score], goal: Goal) -> tuple[Floats | None, Floats | None]:
    """Return the amount that a model expects within its horizon, and the chance of a purchase within the same."""
    if "value" not in goal.ranked_by:
        return None, None
    values = [score for score in scores if score.task == "value"]
    chances = [score for task in CHANCES for score in scores if score.task == task]
    if not values or not chances:
        return None, None
    amount, p = _numbers(values[0]), _numbers(chances[0])
    p = 1.0 - p if chances[0].task in FOR_FAILURE else p
    return amount, within(p, chances[0].horizon_days, values[0].horizon_days)


def _lookalike(people: pd.DataFrame, goal: Goal) -> Floats:
    """Return how much likelier each customer is to become one of the best than the goal's customers on average."""
    names = [name for name in ("gender", "region", "acquisition_channel", "birth_year") if name in people]
    unordered = (people["n_orders"] == 0).to_numpy(bool)
    factor = lookalike(people[names], people["stage"].isin(BEST_STAGES).to_numpy(bool), unordered)
    if not {where.column for where in (*goal.eligible.all_of, *goal.eligible.any_of)} <= set(people):
        return factor  # nobody can be drawn for it
    own = factor[goal.eligible.holds(people, f"goal '{goal.name}'")]
    return factor / own.mean() if len(own) else factor
