"""The audience builder: what can be asked for, and what a drawn wave is like."""

from __future__ import annotations

from typing import Any

from penchant.errors import InputError, did_you_mean, quoted

from ...audience.result import MOST_SHOWN, SHOWN
from ...goals.catalogue import GOALS, Goal
from ...goals.own import own_goals
from ...score.read import read_manifest
from ..rows import page_of
from .asked import Request, masked


def audience(asked: Request) -> dict[str, Any]:
    """What the audience builder offers: goals with their offers, crowds, the moments that were scored, channels."""
    goals = {**GOALS, **{goal.name: goal for goal in own_goals(asked.settings.config)}}
    chosen = asked.one("goal")
    if chosen and chosen not in goals:
        hint = did_you_mean(chosen, goals)
        raise InputError("parameter 'goal'", f"one of {', '.join(goals)}", quoted(chosen[:40]), hint)
    moments = [str((read_manifest(place) or {})["as_of"]) for place in asked.ready.score_folders()]
    crowds = [*(one.removeprefix("in_") for one in asked.ready.crowd_columns()), *asked.own_crowds()]
    return {
        "goal": chosen,
        "goals": [_goal(goal) for goal in goals.values()],
        "moments": list(dict.fromkeys(moments)),
        "crowds": list(dict.fromkeys(crowds)),
        "channels": ["email", "sms", "push", "phone"],
    }


def _goal(goal: Goal) -> dict[str, Any]:
    return {
        "name": goal.name,
        "moves": goal.moves,
        "horizon_days": goal.horizon_days,
        "holdout": goal.holdout,
        "arms": [{"name": arm.name, "offer": arm.offer.kind, "value": arm.offer.value} for arm in goal.arms],
    }


def first_rows_of(asked: Request, campaign: str, wave: str) -> list[dict[str, Any]]:
    """Return the first rows of a drawn wave with what a person looks at."""
    path = asked.ready.audience_folder(campaign, wave) / "assignments.parquet"
    _total, rows = page_of(path, 0, MOST_SHOWN)
    return [masked(asked, {name: row[name] for name in SHOWN if name in row}) for row in rows]
