"""One ranked audience for one goal: eligible, not excluded, ranked, cut, and dealt into arms.

Everything here is a function of its arguments: the same candidates, in whatever order, give the same audience.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from penchant.errors import InputError

from ...models.inputs.arrays import Floats, Ints
from ..candidates.recommend import Texts, message_keys
from ..goals.catalogue import Goal
from ..goals.eligible import Mask, Where, meets, read_people
from ..goals.offers import CONTROL
from ..goals.triggers import with_item
from .choice import Choice, choose_arms, way_to_assign
from .cut import Cut, ListLimits, Offered, cut_list
from .depth import Depth, profit_by_depth
from .eligibility import excluded_from
from .exclusions import Excluded, Wave, former_wave, read_past
from .expected_profit import Gain, expected_gain
from .hashing import uniforms
from .holdout import Draw, draw_arms
from .record import Listed, record_of
from .result import Audience
from .settings import AudienceSettings

FIRST_BAND = 128  # ranks are banded 1..127, 128..255, 256..511, ...
EXPLORING_CONTROL = 0.5


@dataclass(frozen=True, eq=False)
class _Field:
    """The customers who may be contacted, best first, and what is known of them."""

    people: pd.DataFrame
    gain: Gain
    choice: Choice
    offered: Offered
    drawn_before: Floats | None


def _keys(listed: Listed, settings: AudienceSettings) -> Texts:
    return message_keys(listed.people, settings.messages, settings.messages_to_new)


def draw_audience(
    candidates: pd.DataFrame, past: pd.DataFrame | None, goal: Goal, settings: AudienceSettings
) -> Audience:
    """Return the audience of one wave.

    Parameters
    ----------
    candidates
        One row per customer as of the wave: customer_id; what the goal's conditions name; ``consent_<channel>``;
        ``margin`` (worth of one success, major units) and ``propensity`` or ``uplift`` columns as `expected_gain` reads
        them; where known ``opted_out``, ``stage``, ``segment``, ``reason_1`` to ``reason_3``, and what
        `recommend` reads.
    past
        Earlier assignments: ``PAST_COLUMNS``, and for a campaign's later waves probability. None: nobody was ever
        contacted.
    goal
        The wanted change.
    settings
        How the audience is drawn. A wave after the first goes to the former wave's customers, each in the arm
        drawn then, without those who came back; nobody joins.

    Raises
    ------
    LeftOutError
        If the shop lacks a column that the goal needs.
    NoModelError
        If no score ranks the goal.
    InputError
        If an argument is out of range, or the wave was drawn before.
    """
    settings = settings.resolved(goal)
    people = read_people(candidates)
    earlier = read_past(past, settings.wave)
    former = former_wave(earlier, settings.wave) if settings.wave.number > 1 else None
    entered = _entered(people, goal, settings.conditions, former)
    pool = with_item(people[entered].reset_index(drop=True), [where.column for where in settings.conditions])
    gain = expected_gain(pool, goal, settings.costed or settings.arms)
    excluded = excluded_from(pool, past, goal, settings.arms, settings.wave, settings.protection, gain)
    ready = _rank(pool, gain, excluded, former, goal, settings)
    cut, listed = _deal(ready, settings)
    return Audience(
        goal,
        settings,
        record_of(listed, goal, settings.arms, settings.wave, _keys(listed, settings)),
        _first_wave(earlier, settings.wave),
        len(people),
        len(pool),
        len(ready.people),
        {**excluded.counts, "no score": (gain.n_unknown, _only_unknown(gain, excluded))},
        cut,
        gain.basis,
        _notes(people, past, goal, gain, settings),
        _by_depth(ready, cut.n),
    )


def _by_depth(ready: _Field, cut: int) -> tuple[Depth, ...]:
    """Return what the list brings at each depth, the holdout not contacted."""
    treated = 1.0 - ready.offered.probabilities[:, 0]
    gain, mean = ready.gain, ready.choice.mean
    value, low, high = (mean(part) * treated for part in (gain.value, gain.value_low, gain.value_high))
    return profit_by_depth(value, low, high, mean(gain.cost) * treated, cut)


def _entered(people: pd.DataFrame, goal: Goal, conditions: Sequence[Where], former: pd.DataFrame | None) -> Mask:
    """Return (n,) who may enter; a later wave goes to the former one's customers, whatever they are by now."""
    if former is not None:
        return people["customer_id"].isin(former["customer_id"]).to_numpy(bool)
    return goal.eligible.holds(people, f"goal '{goal.name}'") & meets(people, conditions, f"goal '{goal.name}'")


def _first_wave(earlier: pd.DataFrame, wave: Wave) -> datetime:
    own = earlier.loc[earlier["campaign_id"] == wave.campaign_id, "assigned_at"]
    return wave.at if own.empty else own.min().to_pydatetime()


def _only_unknown(gain: Gain, excluded: Excluded) -> int:
    scored = np.isfinite(gain.profit).any(axis=1)
    return int((~scored & pd.isna(excluded.reason)).sum())


def _rank(
    pool: pd.DataFrame,
    gain: Gain,
    excluded: Excluded,
    former: pd.DataFrame | None,
    goal: Goal,
    settings: AudienceSettings,
) -> _Field:
    """Return those who may be contacted, by expected incremental profit, then by id."""
    assign = way_to_assign(goal, settings.arms, gain, settings.assign)
    choice = choose_arms(pool, goal, settings.arms, gain, excluded.allowed, assign)
    kept = None if former is None else former.set_index("customer_id").loc[pool["customer_id"]]
    arm = None if kept is None else _former_arm(kept["arm"], settings)
    if arm is not None:
        choice = choice.keeping(arm, excluded.allowed)
    profit = choice.mean(gain.profit)
    rows = np.flatnonzero(pd.isna(excluded.reason) & (choice.shares.sum(axis=1) > 0))
    rows = rows[np.lexsort((rows, -profit[rows]))]
    people, choice = pool.iloc[rows].reset_index(drop=True), choice.take(rows)
    probabilities = choice.probabilities(settings.holdout or 0.0)
    if arm is not None:
        probabilities = (arm[rows, None] == np.arange(len(settings.arms) + 1)).astype(np.float64)
    cost = np.hstack([np.zeros((len(rows), 1)), gain.take(rows).cost])
    offered = Offered(people["customer_id"], strata(people), probabilities, cost, profit[rows], settings.arms)
    drawn = None if kept is None else kept["probability"].to_numpy(np.float64, na_value=np.nan)[rows]
    return _Field(people, gain.take(rows), choice, offered, drawn)


def strata(ranked: pd.DataFrame) -> pd.Series:
    """Return within what arms are balanced: stage, and bands of the rank that double in width."""
    band = np.log2(np.maximum(np.arange(1, len(ranked) + 1) / FIRST_BAND, 0.5)).astype(np.intp)
    stage = ranked["stage"].astype("str") if "stage" in ranked else pd.Series("all", ranked.index)
    return stage + "|" + pd.Series(band, ranked.index).astype("str")


def _former_arm(arm: pd.Series, settings: AudienceSettings) -> Ints:
    """Return (n,) the arm drawn before, 0 the control: each customer stays in it."""
    places = {name: place for place, name in enumerate([CONTROL, *(each.name for each in settings.arms)])}
    unknown = sorted(set(arm) - set(places))
    if unknown:
        raise InputError(
            f"campaign '{settings.wave.campaign_id}', wave {settings.wave.number}",
            "a treatment for every arm of the former wave",
            f"none for '{unknown[0]}'",
            "Give the arm its message under the same name",
        )
    return np.asarray(arm.map(places), np.int64)


def _deal(ready: _Field, settings: AudienceSettings) -> tuple[Cut, Listed]:
    """Cut the list and draw the arms, within the limits whatever the draw."""
    for surely in (False, True):
        cut, rows, draw, included = _cut_and_draw(ready, settings, surely)
        listed = _listed(ready, cut, rows, draw, included)
        if surely or _within_limits(ready, rows, draw, settings.limits):
            break
    return cut, listed


def _cut_and_draw(ready: _Field, settings: AudienceSettings, surely: bool) -> tuple[Cut, np.ndarray, Draw, Floats]:
    follows = ready.drawn_before is not None
    exploring = 0.0 if follows else settings.exploring
    offered, key = ready.offered, f"{settings.wave.seed}|{settings.wave.campaign_id}|{settings.wave.number}"
    by_profit = settings.by_profit and not follows
    cut = cut_list(offered, settings.limits.share(1.0 - exploring), by_profit=by_profit, surely=surely)
    head = offered.head(cut.n)
    if ready.drawn_before is not None:
        kept = Draw(head.probabilities.argmax(axis=1), ready.drawn_before[: cut.n])
        return cut, np.arange(cut.n), kept, np.ones(cut.n)
    draw = draw_arms(head.customer_id, head.stratum, head.probabilities, key)
    more = _explored(ready, cut, exploring, settings.limits, key)
    below = ready.choice.probabilities(EXPLORING_CONTROL)[more]
    stratum = pd.Series("exploring", index=range(len(more)))
    tried = draw_arms(ready.people["customer_id"].iloc[more], stratum, below, f"{key}|exploring")
    n_below = max(1, len(ready.people) - cut.n)
    return (
        cut,
        np.concatenate([np.arange(cut.n), more]),
        Draw(np.concatenate([draw.arm, tried.arm]), np.concatenate([draw.probability, tried.probability])),
        np.concatenate([np.ones(cut.n), np.full(len(more), len(more) / n_below)]),
    )


def _explored(ready: _Field, cut: Cut, share: float, limits: ListLimits, key: str) -> np.ndarray:
    """Return the ranks, from 0, of those below the cut who are drawn to be tried out."""
    below = np.arange(cut.n, len(ready.people))
    part = limits.share(share)
    most = [int(share * cut.n), len(below)]
    if part.size is not None:
        most.append(part.size)
    if part.coupons is not None and ready.offered.issued.any():
        most.append(part.coupons)
    dearest = ready.offered.cost[below].max(initial=0.0)
    if part.budget is not None and dearest > 0:
        most.append(int(part.budget / dearest))
    order = uniforms(ready.people["customer_id"].iloc[below], f"{key}|below the cut")
    return np.sort(below[np.argsort(order, kind="stable")[: min(most)]])


def _within_limits(ready: _Field, rows: np.ndarray, draw: Draw, limits: ListLimits) -> bool:
    spent = ready.offered.cost[rows, draw.arm].sum()
    issued = ready.offered.issued[rows, draw.arm].sum()
    in_budget = limits.budget is None or spent <= limits.budget * (1 + 1e-9)
    return in_budget and (limits.coupons is None or issued <= limits.coupons)


def _listed(ready: _Field, cut: Cut, rows: np.ndarray, draw: Draw, included: Floats) -> Listed:
    return Listed(
        people=ready.people.iloc[rows].reset_index(drop=True),
        gain=ready.gain.take(rows),
        planned=ready.choice.planned[rows],
        shares=ready.choice.shares[rows],
        draw=draw,
        rank=rows + 1,
        is_exploring=rows >= cut.n,
        included=included,
        stratum=ready.offered.stratum.iloc[rows].reset_index(drop=True),
    )


def _notes(
    people: pd.DataFrame, past: pd.DataFrame | None, goal: Goal, gain: Gain, settings: AudienceSettings
) -> tuple[str, ...]:
    notes = []
    if gain.basis == "propensity" and goal.prior is not None:
        notes.append(f"ranked by propensity, because no uplift was measured: {goal.prior.words}")
    missing = goal.eligible.missing(people.columns)
    if missing and settings.wave.number == 1:
        notes.append(f"not used for eligibility, because the shop does not have it: {', '.join(missing)}")
    assumed = sorted({f"consent_{arm.channel}" for arm in settings.arms} - set(people.columns))
    if assumed:
        notes.append(f"consent is assumed, because the shop does not have {', '.join(assumed)}")
    if past is None:
        notes.append("no earlier contacts are known: caps and other campaigns' controls could not be respected")
    return tuple(notes)
