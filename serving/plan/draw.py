"""The waves of a plan that are due: each an audience, all of them one result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group

from penchant.errors import LeftOutError
from penchant.output import replaced_folder, write_json

from ..audience.choice import PLANNED
from ..audience.cut import ListLimits
from ..audience.draw import draw_audience
from ..audience.exclusions import Wave
from ..audience.files import write_audience_files
from ..audience.result import Audience
from ..audience.settings import AudienceSettings
from ..goals.catalogue import Goal, goal_named
from ..goals.eligible import of_goal
from .chosen import Allotment
from .file import Plan
from .limits import used_before
from .options import assign_of, costed, in_split
from .result import PlanResult
from .sections import CampaignSection
from .solve import allocate_plan

SUMMARY = "plan.json"


@dataclass(frozen=True, eq=False)
class DueWaves:
    """What a plan sends now.

    Attributes
    ----------
    result
        The allocation of all campaigns that have not begun.
    audiences
        The audiences of the waves that are due, in the plan's order.
    """

    result: PlanResult
    audiences: tuple[Audience, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the allocation and the audiences by name."""
        return {**self.result.as_dict(), "due": [audience.as_dict() for audience in self.audiences]}

    def render(self) -> Any:
        """Return what a terminal shows, for rich."""
        return Group(self.result.render(), *(audience.render() for audience in self.audiences))


def draw_due(
    candidates: pd.DataFrame, past: pd.DataFrame | None, plan: Plan, as_of: datetime, own: Sequence[Goal] = ()
) -> DueWaves:
    """Return the audiences of all waves whose day, in the plan's zone, is that of ``as_of``.

    A campaign's first wave is drawn from the allocation of all that have not begun, under what those that have begun
    leave. A later wave goes to the first one's customers, each in the arm drawn then, without those who came back; one
    that lacks what its goal needs is left out by name.

    Parameters
    ----------
    candidates, past, plan, as_of, own
        As `allocate_plan` takes them.

    Raises
    ------
    InputError
        If records of the plan's own campaigns lack what they cost.
    """
    later, left_out = list[Audience](), dict[str, str]()
    for campaign, number in due_later(plan, past, as_of):
        try:
            later.append(_later_wave(candidates, past, plan, as_of, (campaign, number), own))
        except LookupError as fault:  # one campaign that cannot be served does not stop the others
            left_out[campaign.id] = f"wave {number}: {fault}"
    for surely in (False, True):
        result = allocate_plan(candidates, past, plan, as_of, own, surely=surely)
        due = [each for each in result.chosen if plan.day(each.crowd.sends[0]) == plan.day(as_of)]
        first = [_first_wave(each, past, plan, as_of) for each in due if each.taken.any()]
        if _within_limits(first, past, plan):
            break
    return DueWaves(replace(result, left_out={**result.left_out, **left_out}), (*later, *first))


def due_later(plan: Plan, past: pd.DataFrame | None, as_of: datetime) -> list[tuple[CampaignSection, int]]:
    """Return the campaigns that have begun and whose next wave, of the number given, is due."""
    found: list[tuple[CampaignSection, int]] = []
    if past is None:
        return found
    for campaign in plan.campaigns:
        drawn = set(past.loc[past["campaign_id"] == campaign.id, "wave"])
        for number, at in enumerate(plan.sends(campaign), start=1):
            if number > 1 and drawn and number not in drawn and plan.day(at) == plan.day(as_of):
                found.append((campaign, number))
    return found


def write_plan(due: DueWaves, folder: Path, inputs: Mapping[str, Any], minor_units: int = 100) -> None:
    """Write a folder with ``plan.json`` and a folder for each audience, in one step; times in the plan's zone.

    Raises
    ------
    OutputError
        If the folder cannot be written; what was there stays.
    """
    told = due.as_dict()
    with replaced_folder(folder, {"inputs": dict(inputs), "plan": told["plan"], "as_of": told["as_of"]}) as place:
        write_json(place / SUMMARY, told)
        for audience in due.audiences:
            wave = audience.settings.wave
            own = place / f"{wave.campaign_id}-wave-{wave.number}"
            own.mkdir()
            write_audience_files(audience, own, minor_units, due.result.plan.timezone)


def _first_wave(chosen: Allotment, past: pd.DataFrame | None, plan: Plan, as_of: datetime) -> Audience:
    crowd, rows = chosen.crowd, np.flatnonzero(chosen.taken)
    people = crowd.people.iloc[rows].reset_index(drop=True)
    if not crowd.is_split:
        names = np.array([arm.name for arm in crowd.arms], dtype=object)
        people = people.assign(**{PLANNED: names[chosen.option[rows]]})
    settings = replace(
        _settings(plan, crowd.campaign, 1, as_of),
        assign="split" if crowd.is_split else "given",
        costed=crowd.arms,
        holdout=crowd.holdout,
        by_profit=not crowd.is_test,
    )
    return _with_split(draw_audience(people, past, crowd.goal, settings), plan)


def _later_wave(
    candidates: pd.DataFrame,
    past: pd.DataFrame | None,
    plan: Plan,
    as_of: datetime,
    due: tuple[CampaignSection, int],
    own: Sequence[Goal],
) -> Audience:
    campaign, number = due
    goal = goal_named(campaign.goal, own)
    usual = _settings(plan, campaign, number, as_of)
    settings = replace(usual, assign=assign_of(campaign, goal), costed=costed(plan, campaign, number))
    people = _best(of_goal(candidates, goal.name), past, campaign, number)
    return _with_split(draw_audience(people, past, goal, settings), plan)


def _best(people: pd.DataFrame, past: pd.DataFrame | None, campaign: CampaignSection, number: int) -> pd.DataFrame:
    """Return the customers that a later step goes to: of the first wave's list the best, treated and held out alike."""
    share = campaign.waves[number - 1].best
    if share == 1.0 or past is None:
        return people
    first = past[(past["campaign_id"] == campaign.id) & (past["wave"] == 1)]
    if "rank" not in first or first["rank"].isna().any():
        got = "assignments without 'rank'"
        where = f"campaign '{campaign.id}', wave {number}"
        raise LeftOutError(where, "the record of the first wave, because it says who is best", got)
    chosen = first.sort_values("rank").head(int(np.ceil(share * len(first))))
    return people[people["customer_id"].astype("str").isin(chosen["customer_id"].astype("str"))]


def _settings(plan: Plan, campaign: CampaignSection, number: int, as_of: datetime) -> AudienceSettings:
    at = as_of if campaign.waves[number - 1].hour is None else max(as_of, plan.sends(campaign)[number - 1])
    messages, to_new = plan.messages_of(campaign, number)
    return AudienceSettings(
        Wave(campaign.id, number, at, plan.plan.seed),
        plan.arms_at(campaign, number),
        limits=ListLimits(),
        exploring=0.0,
        protection=plan.protection,
        messages=messages,
        messages_to_new=to_new,
    )


def _with_split(audience: Audience, plan: Plan) -> Audience:
    """Return the audience with the split of one crowd between campaigns, and its probability, in the record."""
    wave = audience.settings.wave
    _, name, part = in_split(audience.record["customer_id"], plan, wave.campaign_id)
    if name is None:
        return audience
    return replace(audience, record=audience.record.assign(split=name, split_probability=part))


def _within_limits(first: list[Audience], past: pd.DataFrame | None, plan: Plan) -> bool:
    """Say whether what was drawn keeps budget, stock and capacity."""
    records = [audience.record for audience in first]
    if not records:
        return True
    before = used_before(past, plan)
    drawn = used_before(pd.concat(records), plan)
    limits: dict[str, float | None] = {"budget": plan.plan.budget}
    limits |= {f"stock of {name}": offer.stock for name, offer in plan.offers.items()}
    for phase in {campaign.phase or "any" for campaign in plan.campaigns}:
        limits |= {f"capacity of {name} in {phase}": channel.capacity for name, channel in plan.channels.items()}
    return all(
        most is None or drawn.get(name, 0.0) == 0 or before.get(name, 0.0) + drawn[name] <= most * (1 + 1e-9)
        for name, most in limits.items()
    )
