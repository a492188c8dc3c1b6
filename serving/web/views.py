"""What each page says, as plain values: the HTML page and its JSON twin are two renderings of the same view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from penchant.errors import InputError, NotThereError, PenchantError, quoted
from penchant.output import read_json

from ...models.store.in_use import models_in_use
from ..goals.catalogue import GOALS
from ..plan.file import load_plan
from ..score.read import read_manifest
from .access import Caller
from .conditions import Condition, comparisons_of, read_conditions, read_crowds, together
from .jobs import Jobs
from .prepare import CUSTOMERS_FILE, as_json
from .ready import Ready
from .rows import counts_of, matching, page_of
from .settings import WebSettings

PERSONAL = ("gender", "region", "age_years", "acquisition_channel")  # shown to whoever may operate
MOST_ROWS = 500
PROFILE = ("stage", "rfm_segment", "price_tier", "category_top_1")
MOST_OF_A_TRAIT = 12


@dataclass(frozen=True)
class Request:
    """What a view may know: the results, the jobs, who asks, and the parameters of the address."""

    settings: WebSettings
    ready: Ready
    jobs: Jobs
    caller: Caller
    query: Mapping[str, list[str]]

    def one(self, name: str, default: str = "") -> str:
        """Return a parameter that is given once."""
        return (self.query.get(name) or [default])[-1]

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number within bounds.

        Raises
        ------
        InputError
            If it is none, or out of bounds.
        """
        text = self.one(name, str(default))
        if not (text.isascii() and text.isdigit() and least <= int(text[:12]) <= most):
            raise InputError(f"parameter '{name}'", f"a whole number from {least:,} to {most:,}", quoted(text[:40]))
        return int(text)


@dataclass(frozen=True)
class PageView:
    """A page and its JSON twin.

    Parameters
    ----------
    name
        Its template, and its key in the catalogue of texts.
    path
        Its address; below ``/api/v1`` the same.
    answer
        Gives its values; parameters of the path come by name.
    in_menu
        Whether the menu leads to it.
    """

    name: str
    path: str
    answer: Callable[..., dict[str, Any]]
    in_menu: bool = True


def home(asked: Request) -> dict[str, Any]:
    """The shop today: months, stages and their moves, what runs, alarms."""
    overview, flow = asked.ready.overview(), asked.ready.page("flow")
    stages = asked.ready.page("stages")
    return {
        "as_of": overview and overview["as_of"],
        "months": overview["months"] if overview else [],
        "n_customers": overview and overview["n_customers"],
        "stages": stages["stages"][:-1] if stages else [],
        "before": _stages_before(flow),
        "audiences": asked.ready.audiences()[:5],
        "measured": [_headline(one) for one in asked.ready.measurements()[:5]],
        "alarms": _alarms(asked),
        "jobs": [as_json(vars(job)) for job in asked.jobs.all() if job.is_open],
    }


def _stages_before(flow: Mapping[str, Any] | None) -> dict[str, int]:
    return {str(row["from"]): int(row["n_customers"]) for row in flow["flow_counts"]} if flow else {}


def _alarms(asked: Request) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    check, monitor = asked.ready.check(), asked.ready.monitor()
    if asked.ready.overview() is None:
        found.append({"alarm": "not_prepared"})
    if check is not None and check["failed"]:
        found.append({"alarm": "check_failed", "text": "; ".join(check["faults"])})
    if monitor is not None and monitor.get("failed"):
        found.append({"alarm": "monitor_failed"})
    scores = asked.ready.scores()
    if check and scores and (end := check.get("extract_end")) and str(scores[1].get("as_of", end)) < str(end):
        found.append({"alarm": "scores_old", "text": str(scores[1]["as_of"])})
    return found


def _headline(measured: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "campaign": measured["campaign"]["campaign_id"],
        "goal": measured["campaign"].get("goal"),
        "first_at": measured["first_at"],
        "verdict": measured["verdict"],
        "headline": measured["headline"],
    }


def customers(asked: Request) -> dict[str, Any]:
    """Stages and their flow, the funnel, crowds."""
    names = ("stages", "flow", "funnel", "crowds")
    return {name: asked.ready.page(name) for name in names} | {"rfm": _rfm(asked)}


def _rfm(asked: Request) -> list[dict[str, Any]]:
    path = asked.ready.folder / CUSTOMERS_FILE
    return _rfm_of(path, path.stat().st_mtime_ns) if path.is_file() else []


@lru_cache(maxsize=4)
def _rfm_of(path: Path, _changed: int) -> list[dict[str, Any]]:
    wanted = ["rfm_recency", "rfm_frequency"]
    if not set(wanted) <= set(pq.read_schema(path).names):
        return []
    counts = pq.read_table(path, columns=wanted).drop_null().group_by(wanted).aggregate([([], "count_all")])
    return list(counts.sort_by([(name, "ascending") for name in wanted]).to_pylist())


def crowd(asked: Request) -> dict[str, Any]:
    """How many customers conditions hold for, what they are like, and some of them."""
    path = asked.ready.folder / CUSTOMERS_FILE
    if not path.is_file():
        return {
            "columns": {},
            "conditions": [],
            "n_customers": 0,
            "n_all": 0,
            "profile": {},
            "rows": [],
            "expression": "",
            "saved": {},
        }
    schema = pq.read_schema(path)
    conditions = read_conditions(asked.query.get("c", []), schema)
    limit = asked.number("limit", 20, 1, MOST_ROWS)
    n_found, rows = _matching(path, path.stat().st_mtime_ns, conditions, limit)
    n_all = pq.read_metadata(path).num_rows
    return {
        "columns": {name: list(how) for name, how in comparisons_of(schema).items() if name not in _hidden(asked)},
        "conditions": [vars(one) | {"query": one.query, "text": one.text, "toml": one.toml} for one in conditions],
        "n_customers": n_found,
        "n_all": n_all,
        "profile": _profile(path, path.stat().st_mtime_ns, conditions),
        "rows": [_masked(asked, row) for row in rows],
        "expression": " and ".join(one.text for one in conditions),
        "saved": read_crowds(asked.settings.folder),
    }


@lru_cache(maxsize=64)
def _matching(path: Path, _changed: int, conditions: tuple[Condition, ...], limit: int) -> tuple[int, list[Any]]:
    return matching(path, together(conditions), limit)


@lru_cache(maxsize=64)
def _profile(path: Path, _changed: int, conditions: tuple[Condition, ...]) -> dict[str, list[dict[str, Any]]]:
    """Return trait -> its values with the share in the crowd and in everybody, and the index (100 = as the base)."""
    names = [name for name in PROFILE if name in pq.read_schema(path).names]
    everybody, inside = counts_of(path, names, None), counts_of(path, names, together(conditions))
    found: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        n_all, n_inside = sum(everybody[name].values()), max(sum(inside[name].values()), 1)
        found[name] = [
            {
                "value": value,
                "share": (share := inside[name].get(value, 0) / n_inside),
                "base_share": (base_share := n / n_all),
                "index": 100 * share / base_share,
            }
            for value, n in sorted(everybody[name].items(), key=lambda item: -item[1])[:MOST_OF_A_TRAIT]
        ]
    return found


def lists(asked: Request) -> dict[str, Any]:
    """The list of customers who are likely to leave, a page of it, by band."""
    path, scores = asked.ready.risk_list(), asked.ready.scores()
    offset, limit = asked.number("offset", 0, 0, 10**9), asked.number("limit", 50, 1, MOST_ROWS)
    if path is None or scores is None:
        return {"as_of": None, "bands": {}, "band": "", "total": 0, "offset": offset, "limit": limit, "rows": []}
    facts = scores[1]["tasks"][path.stem]
    band = asked.one("band")
    if band and band not in facts["bands"]:
        raise InputError("parameter 'band'", f"one of {', '.join(facts['bands'])}", quoted(band[:40]))
    if band:
        total, rows = matching(path, pc.field("band") == band, limit, offset)
    else:
        total, rows = page_of(path, offset, limit)
    told = {
        "as_of": scores[1].get("as_of"),
        "horizon_days": facts["horizon_days"],
        "bands": facts["bands"],
        "band": band,
    }
    return {**told, "total": total, "offset": offset, "limit": limit, "rows": [as_json(row) for row in rows]}


def customer(asked: Request, customer_id: str) -> dict[str, Any]:
    """One customer: signals in words, scores with reasons, time line."""
    found = asked.ready.customer(customer_id)
    return as_json({**found, "signals": _masked(asked, found["signals"])})


def _hidden(asked: Request) -> tuple[str, ...]:
    return () if asked.caller.may("operate") else PERSONAL


def _masked(asked: Request, row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: as_json(value) for name, value in row.items() if name not in _hidden(asked)}


def campaigns(asked: Request) -> dict[str, Any]:
    """Waves that were drawn, and campaigns that were measured."""
    return {
        "audiences": [as_json(one) for one in asked.ready.audiences()],
        "measured": [_headline(one) for one in asked.ready.measurements()],
    }


def campaign(asked: Request, campaign_id: str) -> dict[str, Any]:
    """What one campaign changed, with intervals, and its waves."""
    waves = [one for one in asked.ready.audiences() if campaign_id in (one["campaign"], one.get("campaign_id"))]
    measured = [one for one in asked.ready.measurements() if one["campaign"]["campaign_id"] == campaign_id]
    if not waves and not measured:
        raise NotThereError("campaign", "one that was drawn or measured", quoted(campaign_id), "See /campaigns")
    return {"campaign_id": campaign_id, "waves": as_json(waves), "measured": measured[0] if measured else None}


def audience(asked: Request) -> dict[str, Any]:
    """What the audience builder offers: goals, the moments that were scored, channels."""
    moments = [str((read_manifest(place) or {})["as_of"]) for place in asked.ready.score_folders()]
    goals = [{"name": goal.name, "moves": goal.moves, "horizon_days": goal.horizon_days} for goal in GOALS.values()]
    return {"goals": goals, "moments": moments, "channels": ["email", "sms", "push", "phone"]}


def plan(asked: Request) -> dict[str, Any]:
    """The plans beside the shop's configuration: campaigns, waves as a calendar, offers, what they share."""
    return {"plans": [_plan(path) for path in plan_files(asked.settings)]}


def plan_files(settings: WebSettings) -> list[Path]:
    """Return the plans beside the configuration: TOML files with a section [plan]."""
    files = sorted(settings.shop_file.parent.glob("*.toml"))
    return [path for path in files if path != settings.shop_file and "[plan]" in path.read_text(encoding="utf-8")]


def _plan(path: Path) -> dict[str, Any]:
    try:
        read = load_plan(path)
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
        }
        for campaign in read.campaigns
        for number, step in enumerate(campaign.waves, 1)
    ]
    return {"file": path.name, "name": read.plan.name, "budget": read.plan.budget, "waves": sorted(waves, key=_day)}


def _day(wave: Mapping[str, Any]) -> tuple[str, str]:
    return str(wave["day"]), str(wave["campaign"])


def models(asked: Request) -> dict[str, Any]:
    """Models in use: what they predict, for whom, how well, since when."""
    found = models_in_use(asked.settings.store) or {}
    return {"champions": [_model(name, model.version.version, model.folder) for name, model in sorted(found.items())]}


def _model(name: str, version: int, folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for file in ("model.json", "uplift.json"):
        if (folder / file).is_file():
            told = read_json(folder / file)
    facts = told.get("facts", {})
    shown = ("task", "goal", "horizon_days", "gap_days", "trained_until", "test_at", "n_rows")
    return {"name": name, "version": version, **{key: facts[key] for key in shown if key in facts}}


def data(asked: Request) -> dict[str, Any]:
    """What `penchant check` says: rows read, used, set aside and excluded, by table, and what was found."""
    return {"report": asked.ready.check()}


def jobs(asked: Request) -> dict[str, Any]:
    """The jobs, latest first."""
    return {"jobs": [as_json(vars(job)) for job in asked.jobs.all()[:MOST_ROWS]]}


def job(asked: Request, job_id: str) -> dict[str, Any]:
    """One job: its state, what it said, what came out."""
    found = asked.jobs.get(job_id)
    return {**as_json(vars(found)), "progress": asked.jobs.progress(job_id), "result": asked.jobs.result(job_id)}


VIEWS = (
    PageView("home", "/", home),
    PageView("customers", "/customers", customers),
    PageView("crowd", "/crowd", crowd),
    PageView("audience", "/audience", audience),
    PageView("plan", "/plan", plan),
    PageView("campaigns", "/campaigns", campaigns),
    PageView("campaign", "/campaigns/{campaign_id}", campaign, in_menu=False),
    PageView("lists", "/lists", lists),
    PageView("customer", "/customers/{customer_id}", customer, in_menu=False),
    PageView("models", "/models", models),
    PageView("data", "/data", data),
    PageView("jobs", "/jobs", jobs),
    PageView("job", "/jobs/{job_id}", job, in_menu=False),
)
