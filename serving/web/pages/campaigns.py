"""Campaigns: what ran and runs, side by side, and what each of them changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.errors import NotThereError, quoted

from ..insights import OF_CAMPAIGN, OF_CAMPAIGNS
from ..names import CAMPAIGNS, as_json
from ..places import destination_files
from .asked import MOST_ROWS, Request
from .audience import first_rows_of


def campaigns(asked: Request) -> dict[str, Any]:
    """Campaigns side by side: delivered, opened, clicked, redeemed, bought; measured effects; waves that were drawn."""
    measured = {one["campaign"]["campaign_id"]: headline_of(one) for one in asked.ready.measurements()}
    counted = (asked.ready.page(CAMPAIGNS) or {}).get(CAMPAIGNS, [])
    offset, limit = asked.number("offset", 0, 0, 10**6), asked.number("limit", 20, 1, MOST_ROWS)
    shown = counted[offset : offset + limit]
    return {
        "campaigns": [{**one, "measured": measured.get(one["campaign_id"])} for one in shown],
        "total": len(counted),
        "offset": offset,
        "limit": limit,
        "audiences": [as_json({key: one[key] for key in one if key != "depth"}) for one in asked.ready.audiences()],
        "measured": list(measured.values()),
        "insights": asked.ready.insights(OF_CAMPAIGNS),
    }


def campaign(asked: Request, campaign_id: str) -> dict[str, Any]:
    """What one campaign changed, with intervals, and its waves."""
    waves = [one for one in asked.ready.audiences() if campaign_id in (one["campaign"], one.get("campaign_id"))]
    measured = [one for one in asked.ready.measurements() if one["campaign"]["campaign_id"] == campaign_id]
    counted = (asked.ready.page(CAMPAIGNS) or {}).get(CAMPAIGNS, [])
    counts = next((one for one in counted if one["campaign_id"] == campaign_id), None)
    if not waves and not measured and counts is None:
        raise NotThereError("campaign", "one that was drawn or measured", quoted(campaign_id), "See /campaigns")
    destinations = list(destination_files(asked.settings)) if asked.caller.may("operate") else []
    told = [{**as_json(one), "sample": first_rows_of(asked, one["campaign"], one["wave"])} for one in waves]
    return {
        "campaign_id": campaign_id,
        "counts": counts,
        "waves": told,
        "destinations": destinations,
        "measured": measured[0] if measured else None,
        "insights": _latest(asked, campaign_id),
    }


def _latest(asked: Request, campaign_id: str) -> dict[str, Any]:
    """Return what the latest jobs found of a campaign: who came back, the elasticity that its prices show."""
    done = [one for one in asked.jobs.all() if one.state == "done" and one.fields.get("campaign") == campaign_id]
    latest = {one.kind: one.id for one in reversed(done) if one.kind in OF_CAMPAIGN}
    found = {kind: asked.jobs.result(job) for kind, job in latest.items()}
    return {kind: dict(result) for kind, result in found.items() if result and "error" not in result}


def headline_of(measured: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a list of campaigns says of a measured one."""
    return {
        "campaign": measured["campaign"]["campaign_id"],
        "goal": measured["campaign"].get("goal"),
        "first_at": measured["first_at"],
        "verdict": measured["verdict"],
        "headline": measured["headline"],
    }
