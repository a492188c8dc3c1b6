"""The page Today: how the shop is, what runs, what is due, what is wrong, and what the programme has changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .asked import Request
from .campaigns import headline_of
from .drifted import drift_alarms
from .plan import plans_of
from .work import job_line

FRESH = timedelta(days=3)  # data that ends earlier is not fresh
SOON = timedelta(days=14)
MOST_DUE = 8


def home(asked: Request) -> dict[str, Any]:
    """The shop today: months, stages and their moves, what runs, what is due, alarms, the programme's effect."""
    overview, flow = asked.ready.overview(), asked.ready.page("flow")
    stages = asked.ready.page("stages")
    return {
        "as_of": overview and overview["as_of"],
        "months": overview["months"] if overview else [],
        "n_customers": overview and overview["n_customers"],
        "stages": stages["stages"][:-1] if stages else [],
        "before": _stages_before(flow),
        "measured": [headline_of(one) for one in asked.ready.measurements()[:5]],
        "programme": _programme(asked, overview),
        "alarms": _alarms(asked),
        "due": _due(asked, overview)[:MOST_DUE],
        "jobs": [job_line(job) for job in asked.jobs.all() if job.is_open],
    }


def _stages_before(flow: Mapping[str, Any] | None) -> dict[str, int]:
    return {str(row["from"]): int(row["n_customers"]) for row in flow["flow_counts"]} if flow else {}


def _programme(asked: Request, overview: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what all campaigns together changed, or why that cannot be told."""
    page = asked.ready.page("programme")
    if page is None:
        why = (overview or {}).get("left_out", {}).get("programme")
        return None if why is None else {"effects": [], "why_not": why.removeprefix("programme: ")}
    kept = ("from", "to", "n_control", "n_treated")
    return {"effects": page.get("programme", []), **{name: page[name] for name in kept if name in page}}


def _alarms(asked: Request) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    check, monitor, overview = asked.ready.check(), asked.ready.monitor(), asked.ready.overview()
    if overview is None:
        found.append({"alarm": "not_prepared", "leads_to": "/jobs"})
    elif _age(overview["as_of"]) > FRESH:
        days = _age(overview["as_of"]).days
        found.append({"alarm": "not_fresh", "days": days, "leads_to": "/data"})
    if check is not None and check["failed"]:
        found.append({"alarm": "check_failed", "text": "; ".join(check["faults"]), "leads_to": "/data"})
    if monitor is not None and monitor.get("failed"):
        text, drifted = "; ".join(monitor["faults"]), drift_alarms(monitor)
        found.append({"alarm": "monitor_failed", "text": text, "drifted": drifted, "leads_to": "/models"})
    scores = asked.ready.scores()
    if overview and scores and str(scores[1].get("as_of", "")) < str(overview["as_of"]):
        found.append({"alarm": "scores_old", "at": str(scores[1]["as_of"]), "leads_to": "/lists"})
    return found


def _age(as_of: str) -> timedelta:
    return datetime.now(UTC).replace(tzinfo=None) - datetime.fromisoformat(as_of)


def _due(asked: Request, overview: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return what is to be done: waves of plans within the next days, and campaigns that are over but not measured."""
    if overview is None:
        return []
    end = datetime.fromisoformat(overview["as_of"])
    measured = {str(one["campaign"]["campaign_id"]) for one in asked.ready.measurements()}
    found = []
    for wave in asked.ready.audiences():
        at, days = datetime.fromisoformat(wave["as_of"]), int(wave["goal"].get("horizon_days") or 30)
        if wave["campaign"] not in measured and at + timedelta(days=days) <= end:
            found.append({"what": "measure", "name": wave["campaign"], "day": f"{at + timedelta(days=days):%Y-%m-%d}"})
    for plan in plans_of(asked):
        for wave in plan.get("waves", []):
            if f"{end:%Y-%m-%d}" <= wave["day"] <= f"{end + SOON:%Y-%m-%d}":
                found.append({"what": "wave", "name": f"{plan['name']} · {wave['campaign']}", "day": wave["day"]})
    return sorted(found, key=lambda one: one["day"])
