"""The command plan: several goals, offers and channels under one budget."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from penchant.cli.options.campaigns import PlanOptions
from penchant.cli.work import Work
from penchant.errors import InputError
from penchant.serving.audience.exclusions import protection_of
from penchant.serving.audience.files import refuse_other_draw
from penchant.serving.audience.people import PeopleSources, opened_when_needed, people_at
from penchant.serving.goals.catalogue import goal_named
from penchant.serving.goals.own import own_goals
from penchant.serving.plan.draw import draw_due, write_plan
from penchant.serving.plan.file import Plan, load_plan
from penchant.serving.plan.solve import allocate_plan
from penchant.serving.score.ready import ShopOpener

from .export import export_below


def run_plan(work: Work, options: PlanOptions) -> None:
    """Allocate a plan, and draw the waves that are due; with --dry-run show what is expected."""
    wanted, own = load_plan(options.file).within(protection_of(work.config)), own_goals(work.config)
    goals = [goal_named(name, own) for name in dict.fromkeys(campaign.goal for campaign in wanted.campaigns)]
    sources = PeopleSources(work.store(options.store), options.scores, options.past or (), options.margin_share)
    with opened_when_needed(work.shop) as shop:
        now = _now(work, wanted, options, shop)
        folder = options.out or work.result_folder("plan") / wanted.plan.name / f"{wanted.day(now):%Y-%m-%d}"
        people = people_at(work.workspace, shop, now, goals, sources, work, without=folder)
    candidates = people.candidates
    notes = {"margin": list(candidates.notes), "left_out_of_shop": dict(candidates.left_out)}
    if options.dry_run:
        with work.step("allocating"):
            dry = allocate_plan(candidates.frame, people.earlier, wanted, now, own)
        work.show_wide(dry.render(), *candidates.notes)
        work.finish({**dry.as_dict(), **notes, "dry_run": True})
        return
    with work.step("allocating, and drawing what is due"):
        due = draw_due(candidates.frame, people.earlier, wanted, now, own)
    exported = []
    if due.audiences:
        _write_plan(work, due, folder, people.facts, replace=options.replace)
        exported = export_below(work, folder, options.to, replace=options.replace) if options.to else []
    work.show_wide(
        due.render(), *candidates.notes, f"{folder}" if due.audiences else f"no wave is due on {wanted.day(now)}"
    )
    facts = {**due.as_dict(), **notes, "dry_run": False, "out": str(folder) if due.audiences else None}
    work.finish({**facts, "exported": [each.as_dict() for each in exported]})


def _write_plan(work: Work, due: Any, folder: Path, inputs: dict[str, Any], *, replace: bool) -> None:
    with work.step(f"writing {folder}"):
        if not replace:
            refuse_other_draw(folder, pd.concat([audience.record for audience in due.audiences]))
        write_plan(due, folder, inputs, 10**work.config.shop.decimals)


def _now(work: Work, wanted: Plan, options: PlanOptions, shop: ShopOpener) -> datetime:
    """Return the moment at which a plan is looked at."""
    if options.as_of is not None:
        return work.instant(options.as_of)
    if not options.dry_run:
        raise InputError("option --as-of", "the day whose waves are to be drawn", "none")
    return min(shop().extract_end, *(wanted.sends(campaign)[0] for campaign in wanted.campaigns))
