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
from penchant.serving.audience.files import refuse_other_draw, treatments_of
from penchant.serving.audience.past import audience_folders, drawing_alone
from penchant.serving.audience.people import People, PeopleSources, opened_when_needed, people_at
from penchant.serving.goals.catalogue import goal_named
from penchant.serving.goals.own import own_goals
from penchant.serving.plan.draw import DueWaves, draw_due, write_plan
from penchant.serving.plan.file import Plan, load_plan
from penchant.serving.plan.options import assign_of
from penchant.serving.plan.solve import allocate_plan
from penchant.serving.score.ready import ShopOpener

from .export import export_below


def run_plan(work: Work, options: PlanOptions) -> None:
    """Allocate a plan, and draw the waves that are due; with --dry-run show what is expected."""
    plan = load_plan(options.file).within(protection_of(work.config), work.config.shop.timezone)
    own = own_goals(work.config)
    for campaign in plan.campaigns:
        assign_of(campaign, goal_named(campaign.goal, own))  # what does not fit is refused before anything is read
    if options.dry_run:
        with opened_when_needed(work.shop) as shop:
            now = _now(work, plan, options, shop)
            plan = _learned(work, plan, shop, now)
            people = _people(work, plan, options, shop, now, None)
        with work.step("allocating"):
            dry = allocate_plan(people.candidates.frame, people.earlier, plan, now, own)
        work.show_wide(dry.render(), *people.candidates.notes)
        work.finish({**dry.as_dict(), **_notes(people), "dry_run": True})
        return
    with drawing_alone(work.workspace, work):
        due, people, folder = _drawn(work, plan, options)
    exported = export_below(work, folder, options.to, replace=options.replace) if due.audiences and options.to else []
    ending = f"{folder}" if due.audiences else f"no wave is due on {plan.day(due.result.as_of)}"
    work.show_wide(due.render(), *people.candidates.notes, ending)
    facts = {**due.as_dict(), **_notes(people), "dry_run": False, "out": str(folder) if due.audiences else None}
    work.finish({**facts, "exported": [each.as_dict() for each in exported]})


def _drawn(work: Work, plan: Plan, options: PlanOptions) -> tuple[DueWaves, People, Path]:
    """Draw and write the waves that are due, and return them, what they were drawn from, and where they are."""
    with opened_when_needed(work.shop) as shop:
        now = _now(work, plan, options, shop)
        plan = _learned(work, plan, shop, now)
        folder = options.out or work.result_folder("plan") / plan.plan.name / f"{plan.day(now):%Y-%m-%d}"
        people = _people(work, plan, options, shop, now, folder)
    with work.step("allocating, and drawing what is due"):
        due = draw_due(people.candidates.frame, people.earlier, plan, now, own_goals(work.config))
    if due.audiences:
        _write_plan(work, due, folder, people.facts, replace=options.replace)
    return due, people, folder


def _learned(work: Work, plan: Plan, shop: ShopOpener, now: datetime) -> Plan:
    """Return the plan with what it asks to be learned of the shop."""
    plan = _with_rates(work, plan, shop)
    if not plan.speaks_to_concerns:
        return plan
    from penchant.serving.insight.concerns import concerns_of  # Ibis: most plans do without

    with work.step("reading what buyers worry about"):
        return plan.with_concerns(concerns_of(shop(), now))


def _with_rates(work: Work, plan: Plan, shop: ShopOpener) -> Plan:
    """Return the plan with what past waves say of redemption, where an offer asks for it."""
    if not plan.learns_redemption:
        return plan
    from penchant.serving.measure.redemption import learned_rates  # Ibis: most plans do without

    with work.step("learning how often offers are redeemed"):
        rates = learned_rates(shop(), treatments_of(audience_folders(work.workspace)))
    for kind in sorted({offer.kind for offer in plan.offers.values() if offer.redeem_rate == "learned"}):
        one = rates.get(kind)
        told = f"{one.rate:.0%} of {one.n_acted:,} who acted" if one else "nothing learned, the assumption stays"
        work.note(f"redemption of '{kind}': {told}")
    return plan.with_rates({kind: one.rate.value for kind, one in rates.items()})


def _people(
    work: Work, plan: Plan, options: PlanOptions, shop: ShopOpener, now: datetime, folder: Path | None
) -> People:
    """Return the customers at the plan's moment."""
    own = own_goals(work.config)
    goals = [goal_named(name, own) for name in dict.fromkeys(campaign.goal for campaign in plan.campaigns)]
    conditions = [where for campaign in plan.campaigns for where in campaign.conditions]
    sources = PeopleSources(
        work.store(options.store), options.scores, options.past or (), options.margin_share, conditions
    )
    return people_at(work.workspace, shop, now, goals, sources, work, without=folder)


def _notes(people: People) -> dict[str, Any]:
    return {"margin": list(people.candidates.notes), "left_out_of_shop": dict(people.candidates.left_out)}


def _write_plan(work: Work, due: DueWaves, folder: Path, inputs: dict[str, Any], *, replace: bool) -> None:
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
