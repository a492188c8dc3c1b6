"""Plans: campaigns, their waves as a calendar, offers, what they share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from penchant.errors import PenchantError

from ...audience.exclusions import USUAL_PROTECTION
from ...plan.file import load_plan
from ...plan.sections import OWN
from ..settings import WebSettings
from .asked import Request


def plan(asked: Request) -> dict[str, Any]:
    """The plans beside the shop's configuration: campaigns, waves as a calendar, offers, what they share."""
    tried = {one.fields.get("file"): one.id for one in reversed(asked.jobs.all()) if one.kind == "plan"}
    return {"plans": [{**one, "tried": tried.get(one["file"])} for one in plans_of(asked)]}


def plans_of(asked: Request) -> list[dict[str, Any]]:
    """Return the shop's plans: of each its waves in order, or what is wrong with it."""
    zone = asked.settings.config.shop.timezone
    return [_plan(path, path.stat().st_mtime_ns, zone) for path in plan_files(asked.settings)]


def plan_files(settings: WebSettings) -> list[Path]:
    """Return the plans beside the configuration: TOML files with a section [plan]."""
    files = sorted(settings.shop_file.parent.glob("*.toml"))
    return [path for path in files if path != settings.shop_file and "[plan]" in path.read_text(encoding="utf-8")]


@lru_cache(maxsize=32)
def _plan(path: Path, _changed: int, zone: str) -> dict[str, Any]:
    try:
        read = load_plan(path).within(USUAL_PROTECTION, zone)
    except PenchantError as fault:
        return {"file": path.name, "fault": str(fault)}
    waves = [
        {
            "campaign": campaign.id,
            "goal": campaign.goal,
            "phase": campaign.phase,
            "wave": number,
            "day": f"{campaign.starts_at + timedelta(days=step.after_days):%Y-%m-%d}",
            "arms": [name for name, *_rest in campaign.uses],
            "offers": sorted({offer if step.offer == OWN else step.offer for _name, offer, *_rest in campaign.uses}),
        }
        for campaign in read.campaigns
        for number, step in enumerate(campaign.waves, 1)
    ]
    told = {"file": path.name, "name": read.plan.name, "budget": read.plan.budget}
    stock = [{"what": name, "most": offer.stock} for name, offer in read.offers.items() if offer.stock is not None]
    room = [{"what": name, "most": one.capacity} for name, one in read.channels.items() if one.capacity is not None]
    return {**told, "limits": [*stock, *room], "waves": sorted(waves, key=_day)}


def _day(wave: Mapping[str, Any]) -> tuple[str, str]:
    return str(wave["day"]), str(wave["campaign"])
