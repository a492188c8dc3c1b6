"""The command audience: one ranked list with its control."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from penchant.cli.options.campaigns import AudienceOptions
from penchant.cli.results import json_values
from penchant.cli.work import Work, folder_name
from penchant.errors import InputError, did_you_mean, quoted
from penchant.serving.audience.cut import ListLimits
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Wave, protection_of
from penchant.serving.audience.files import refuse_other_draw, write_audience
from penchant.serving.audience.holdout_sight import draw_to_detect, read_difference, sight_of
from penchant.serving.audience.past import drawing_alone
from penchant.serving.audience.people import People, PeopleSources, opened_when_needed, people_at
from penchant.serving.audience.result import Audience, some_rows
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.candidates.gather import measured_arms
from penchant.serving.goals.catalogue import Goal, goal_named
from penchant.serving.goals.condition_text import read_condition
from penchant.serving.goals.eligible import Where, of_goal
from penchant.serving.goals.offers import Arm
from penchant.serving.goals.own import own_goals
from penchant.spreadsheet import shop_day

from .export import export_below


def run_audience(work: Work, options: AudienceOptions) -> None:
    """Draw, write and show one audience, and give it to a destination where one is named."""
    goal = goal_named(options.goal, own_goals(work.config))
    wave, conditions = _wave(work, options), _conditions(options)
    _arms(goal, options.arm, options.channel)  # a mistyped name is refused before anything is read
    folder = options.out or work.result_folder("audience") / folder_name(wave.campaign_id) / f"wave-{wave.number}"
    sources = PeopleSources(
        work.store(options.store), options.scores, options.past or (), options.margin_share, conditions
    )
    with drawing_alone(work.workspace, work):
        with opened_when_needed(work.shop) as shop:
            people = people_at(work.workspace, shop, wave.at, [goal], sources, work, without=folder)
        with work.step("drawing the audience"):
            settings = replace(_settings(work, options, goal, wave, people), conditions=conditions)
            drawn = _drawn(people, goal, settings, options)
        if not options.dry_run:
            with work.step(f"writing {folder}"):
                if not options.replace:
                    refuse_other_draw(folder, drawn.record)
                _write(work, drawn, folder, {**people.facts, "models": list(people.candidates.scores[goal.name])})
    exported = (
        export_below(work, folder, options.to, replace=options.replace) if options.to and not options.dry_run else []
    )
    _tell(work, people, drawn, None if options.dry_run else folder, [each.as_dict() for each in exported])


def _tell(work: Work, people: People, drawn: Audience, folder: Path | None, exported: list[dict[str, Any]]) -> None:
    """Show the audience, and end the command; without a folder nothing was written, and some rows are told instead."""
    left_out, sight = people.candidates.left_out, sight_of(drawn)
    ending = "nothing is written" if folder is None else f"{folder}"
    work.show_wide(drawn.render(), f"· {sight.words}", *work.left_out(left_out), ending)
    facts = {
        **drawn.as_dict(),
        "holdout_sees": sight.as_dict(),
        "models": list(people.candidates.scores[drawn.goal.name]),
        "left_out": dict(left_out),
        "dry_run": folder is None,
        "out": None if folder is None else str(folder),
        "exported": exported,
    }
    work.finish({**facts, "sample": json_values(some_rows(drawn.record))} if folder is None else facts)


def _write(work: Work, drawn: Audience, folder: Path, inputs: dict[str, Any]) -> None:
    shop = work.config.shop
    write_audience(drawn, folder, inputs, 10**shop.decimals, shop.timezone)


def _conditions(options: AudienceOptions) -> tuple[Where, ...]:
    """Return what narrows the goal's customers."""
    met = [read_condition(text, "--only-if") for text in options.only_if or ()]
    return (*met, *(read_condition(text, "--unless", unless=True) for text in options.unless or ()))


def _wave(work: Work, options: AudienceOptions) -> Wave:
    """Return the campaign's wave that the options name."""
    instant: datetime = work.day(options.as_of)
    campaign = options.campaign or f"{options.goal}-{shop_day(instant, work.config.shop.timezone)}"
    return Wave(campaign, options.wave, instant, work.config.seed if options.seed is None else options.seed)


def _settings(work: Work, options: AudienceOptions, goal: Goal, wave: Wave, people: People) -> AudienceSettings:
    """Return how the audience is drawn."""
    protection = protection_of(work.config)
    return AudienceSettings(
        wave,
        _arms(goal, options.arm, options.channel, measured_arms(goal, people.ready.scores)),
        limits=ListLimits(options.budget, options.size, options.coupons),
        holdout=options.holdout,
        exploring=options.exploring,
        protection=replace(protection, consent="assumed") if options.assume_consent else protection,
    )


def _drawn(people: People, goal: Goal, settings: AudienceSettings, options: AudienceOptions) -> Audience:
    """Return the audience, with what is to be noted about it."""
    frame = _with_measured(of_goal(people.candidates.frame, goal.name), options.arm)
    if options.detect is None:
        drawn = draw_audience(frame, people.earlier, goal, settings)
    else:
        drawn = draw_to_detect(frame, people.earlier, goal, settings, read_difference(options.detect))
    return replace(drawn, notes=(*drawn.notes, *people.candidates.notes, *_not_used(frame, drawn)))


def _arms(goal: Goal, names: list[str] | None, channel: str | None, measured: tuple[Arm, ...] = ()) -> tuple[Arm, ...]:
    """Return the goal's arms of these names, through a channel; without names the usual ones."""
    known = {arm.name: arm for arm in goal.arms}
    names = [name.partition("=")[0] for name in names or ()]
    for name in names:
        if name not in known:
            raise InputError(
                "option --arm", f"an arm of the goal '{goal.name}'", f"'{name}'", did_you_mean(name, known)
            )
    usual = measured or (goal.arms if goal.ladder else goal.arms[:1])
    chosen = tuple(known[name] for name in names) or usual
    return tuple(replace(arm, channel=channel) for arm in chosen) if channel else chosen


def _with_measured(people: pd.DataFrame, names: list[str] | None) -> pd.DataFrame:
    """Return the candidates with the uplift of a measured arm under the name of the arm that it stands for."""
    pairs = [name.split("=", 1) for name in names or () if "=" in name]
    ends = ("", "_low", "_high")
    renamed = {f"uplift_{theirs}{end}": f"uplift_{ours}{end}" for ours, theirs in pairs for end in ends}
    return people.rename(columns=renamed)


def _not_used(people: pd.DataFrame, drawn: Audience) -> list[str]:
    """Return a note where an uplift was measured, but for none of the arms."""
    measured = [str(name).removeprefix("uplift_") for name in people if str(name).startswith("uplift_")]
    arms = [name for name in measured if not name.endswith(("_low", "_high"))]
    if drawn.basis == "uplift" or not arms:
        return []
    ours = drawn.settings.arms[0].name
    return [f"uplift was measured for {quoted(arms)}; which arm is which says --arm {ours}={arms[0]}"]
