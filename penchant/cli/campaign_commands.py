"""Commands about campaigns: audience, plan, export."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from penchant.cli.model_commands import STORE, Store
from penchant.cli.shop_commands import AsOf, Out
from penchant.cli.work import Work, folder_name, read_instant
from penchant.errors import did_you_mean, quoted

if TYPE_CHECKING:
    import pandas as pd

    from penchant.cli.gathering import Opened
    from penchant.serving.audience.draw import Audience
    from penchant.serving.export.files import Exported
    from penchant.serving.goals.catalogue import Goal
    from penchant.serving.goals.offers import Arm
    from penchant.serving.plan.file import Plan

To = Annotated[
    Path | None,
    typer.Option("--to", help="A destination's TOML file: give the send list to a file or a database table."),
]
ScoresIn = Annotated[
    Path | None,
    typer.Option("--scores", help="A folder of `penchant score`. Default: the one of as_of, else scored now."),
]
Past = Annotated[
    list[Path] | None, typer.Option("--past", help="Audiences drawn elsewhere, which count as past; may be repeated.")
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Draw anew what was drawn otherwise before: nothing of it was sent.")
]
MarginShare = Annotated[
    float | None, typer.Option(help="Margin as a share of sales. Default: as the items' costs say.", min=0, max=1)
]


def audience(
    context: typer.Context,
    goal: Annotated[str, typer.Argument(help="The goal, such as retain, second, reactivate or one of yours.")],
    as_of: AsOf,
    budget: Annotated[
        float | None, typer.Option(help="The most that contacts and offers may cost, in the shop's currency.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="The most customers, those who are held out included.")] = None,
    coupons: Annotated[int | None, typer.Option(help="The most offers that may be issued.")] = None,
    holdout: Annotated[
        float | None, typer.Option(help="Share held out as control. Default: the goal's, mostly 0.1.")
    ] = None,
    exploring: Annotated[float, typer.Option(help="Share that goes to customers below the cut.")] = 0.05,
    channel: Annotated[
        str | None, typer.Option(help="Through what everyone is contacted. Default: the arms' own, email.")
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            "--arm",
            help="One of the goal's arms, such as reminder; may be repeated. Default: those whose uplift was measured, "
            "else the mildest. reminder=email says that its uplift is the one that was measured for the arm 'email'.",
        ),
    ] = None,
    campaign: Annotated[
        str | None, typer.Option(help="The campaign's name. Default: goal and date, retain-2025-11-10.")
    ] = None,
    wave: Annotated[int, typer.Option(help="A later wave goes to the former one's customers.", min=1)] = 1,
    seed: Annotated[
        int | None, typer.Option(help="Same inputs and seed, same file. Default: as configured.", min=0)
    ] = None,
    assume_consent: Annotated[
        bool, typer.Option("--assume-consent", help="Where the shop does not know who agreed, take it so.")
    ] = False,
    margin_share: MarginShare = None,
    scores: ScoresIn = None,
    past: Past = None,
    to: To = None,
    again: Replace = False,
    out: Out = None,
    store: Store = STORE,
) -> None:
    """Draw one ranked audience with its control: whom to contact for a goal, and whom to hold out.

    Eligible, less whoever may not be contacted (each counted by reason), ranked by expected incremental profit, cut
    where it no longer pays or at --budget, --size, --coupons, and dealt into arms. Goals: seed, acquire, activate,
    harvest, collect, second, retain, reactivate, winback, and those of your own modules.
    """
    from penchant.cli.gathering import audience_folders, gathered, opened_when_needed, past_for, scores_for
    from penchant.cli.scoring import own_goals
    from penchant.serving.audience.cut import Limits
    from penchant.serving.audience.draw import AudienceSettings, draw_audience
    from penchant.serving.audience.exclusions import Wave, protection_of
    from penchant.serving.audience.files import refuse_other_draw, write_audience
    from penchant.serving.candidates.gather import measured_arms
    from penchant.serving.goals.catalogue import goal_named
    from penchant.serving.goals.eligible import of_goal

    work: Work = context.obj
    instant = read_instant(as_of, work.config.shop.timezone)
    wanted = goal_named(goal, own_goals(work))
    sent = Wave(campaign or f"{goal}-{instant:%Y-%m-%d}", wave, instant, work.config.seed if seed is None else seed)
    protection = protection_of(work.config)
    _arms(wanted, arm, channel)  # a name that is none is told before anything is read
    folder = out or work.result_folder("audience") / folder_name(sent.campaign_id) / f"wave-{sent.number}"
    with opened_when_needed(work) as shop:
        ready = scores_for(work, shop, instant, [wanted], store, scores)
        found = gathered(work, shop, instant, [wanted], ready, margin_share)
        folders = audience_folders(work, past or (), without=folder)
        earlier, records = past_for(work, shop, instant, folders, ready)
    settings = AudienceSettings(
        sent,
        _arms(wanted, arm, channel, measured_arms(wanted, ready.scores)),
        limits=Limits(budget, size, coupons),
        holdout=holdout,
        exploring=exploring,
        protection=replace(protection, consent="assumed") if assume_consent else protection,
    )
    with work.step("drawing the audience"):
        people = _with_measured(of_goal(found.frame, wanted.name), arm)
        drawn = draw_audience(people, earlier, wanted, settings)
        drawn = replace(drawn, notes=(*drawn.notes, *found.notes, *_not_used(people, drawn)))
    models = list(found.scores[wanted.name])
    with work.step(f"writing {folder}"):
        if not again:
            refuse_other_draw(folder, drawn.record)
        write_audience(drawn, folder, {**ready.facts, "models": models, "past": records}, 10**work.config.shop.decimals)
    given = _give(work, folder, to, again=again) if to else []
    work.show_wide(drawn.render(), *(f"{name}: {why}" for name, why in found.left_out.items()), f"{folder}")
    told = {**drawn.as_dict(), "models": models, "left_out": dict(found.left_out), "out": str(folder)}
    work.finish({**told, "exported": [each.as_dict() for each in given]})


def _arms(goal: Goal, names: list[str] | None, channel: str | None, measured: tuple[Arm, ...] = ()) -> tuple[Arm, ...]:
    """Return the goal's arms of these names, through a channel; without names the usual ones."""
    from penchant.errors import InputError

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


def _give(
    work: Work, folder: Path, to: Path, what: Literal["send_list", "assignments"] = "send_list", *, again: bool
) -> list[Exported]:
    """Give the audiences in a folder, or below it, to a destination."""
    from penchant.errors import InputError, NotThereError
    from penchant.serving.audience.files import RECORD, audiences_below
    from penchant.serving.export.files import export_audience, load_destination

    destination, folders = load_destination(to), audiences_below(folder) if folder.is_dir() else []
    if not folders:
        raise NotThereError(f"audience '{folder}'", f"'{RECORD}' in it", "nothing there")
    if len(folders) > 1 and not destination.is_database:
        names = quoted(each.name for each in folders)
        raise InputError(f"audience '{folder}'", "one audience for a file", names, "Name one of them")
    done = []
    for each in folders:
        with work.step(f"exporting {each.name}"):
            done.append(export_audience(each, destination, what, replace=again))
    work.show(*(each.render() for each in done))
    return done


def plan(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="PLAN.toml: campaigns, offers, channels and what they share.")],
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Now. Default with --dry-run: the plan's first day, or the end of the data if that is earlier."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show sizes, costs and what is expected, and write nothing.")
    ] = False,
    margin_share: MarginShare = None,
    scores: ScoresIn = None,
    past: Past = None,
    to: To = None,
    again: Replace = False,
    out: Out = None,
    store: Store = STORE,
) -> None:
    """Allocate several goals, offers and channels under one budget, and draw the waves that are due.

    A customer gets the best allowed one in each phase. Without --dry-run the waves whose day is that of --as-of are
    drawn, each a folder as `penchant audience` writes it; run it on each day of the plan.
    """
    from penchant.cli.gathering import audience_folders, gathered, opened_when_needed, past_for, scores_for
    from penchant.cli.scoring import own_goals
    from penchant.serving.audience.exclusions import protection_of
    from penchant.serving.goals.catalogue import goal_named
    from penchant.serving.plan.draw import draw_due
    from penchant.serving.plan.file import load_plan
    from penchant.serving.plan.solve import allocate_plan

    work: Work = context.obj
    asked, own = load_plan(file).within(protection_of(work.config)), own_goals(work)
    goals = [goal_named(name, own) for name in dict.fromkeys(one.goal for one in asked.campaigns)]
    with opened_when_needed(work) as shop:
        now = _now(work, asked, as_of, shop, dry_run=dry_run)
        folder = out or work.result_folder("plan") / asked.plan.name / f"{asked.day(now):%Y-%m-%d}"
        ready = scores_for(work, shop, now, goals, store, scores)
        found = gathered(work, shop, now, goals, ready, margin_share)
        folders = audience_folders(work, past or (), without=folder)
        earlier, records = past_for(work, shop, now, folders, ready)
    notes = {"margin": list(found.notes), "left_out_of_shop": dict(found.left_out)}
    if dry_run:
        with work.step("allocating"):
            dry = allocate_plan(found.frame, earlier, asked, now, own)
        work.show_wide(dry.render(), *found.notes)
        work.finish({**dry.as_dict(), **notes, "dry_run": True})
        return
    with work.step("allocating, and drawing what is due"):
        due = draw_due(found.frame, earlier, asked, now, own)
    given = []
    if due.audiences:
        _write_plan(work, due, folder, {**ready.facts, "past": records}, 10**work.config.shop.decimals, again=again)
        given = _give(work, folder, to, again=again) if to else []
    work.show_wide(due.render(), *found.notes, f"{folder}" if due.audiences else f"no wave is due on {asked.day(now)}")
    told = {**due.as_dict(), **notes, "dry_run": False, "out": str(folder) if due.audiences else None}
    work.finish({**told, "exported": [each.as_dict() for each in given]})


def _write_plan(work: Work, due: Any, folder: Path, inputs: dict[str, Any], minor_units: int, *, again: bool) -> None:
    import pandas as pd

    from penchant.serving.audience.files import refuse_other_draw
    from penchant.serving.plan.draw import write_plan

    with work.step(f"writing {folder}"):
        if not again:
            refuse_other_draw(folder, pd.concat([audience.record for audience in due.audiences]))
        write_plan(due, folder, inputs, minor_units)


def _now(work: Work, asked: Plan, as_of: str | None, shop: Opened, *, dry_run: bool) -> datetime:
    """Return the moment at which a plan is looked at."""
    from penchant.errors import InputError

    if as_of is not None:
        return read_instant(as_of, work.config.shop.timezone)
    if not dry_run:
        raise InputError("option --as-of", "the day whose waves are to be drawn", "none")
    return min(shop().extract_end, *(asked.sends(campaign)[0] for campaign in asked.campaigns))


def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A folder that `penchant audience` or `plan` has written.")],
    to: Annotated[Path, typer.Option("--to", help="The destination's TOML file.", show_default=False)],
    what: Annotated[
        str, typer.Option(help="send_list: the treated alone; assignments: the record, control included.")
    ] = "send_list",
    again: Replace = False,
) -> None:
    """Give a drawn audience to the tool that sends: Parquet, CSV, or a table of DuckDB or PostgreSQL.

    A table is written by campaign, customer and wave: a repeated run changes nothing.
    """
    from penchant.errors import InputError

    work: Work = context.obj
    if what not in ("send_list", "assignments"):
        raise InputError("option --what", "'send_list' or 'assignments'", f"'{what}'")
    chosen: Literal["send_list", "assignments"] = "send_list" if what == "send_list" else "assignments"
    done = _give(work, folder, to, chosen, again=again)
    work.finish({"exported": [each.as_dict() for each in done]})


COMMANDS = (audience, plan, export)
