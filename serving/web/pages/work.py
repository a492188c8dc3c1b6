"""Jobs: what runs, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..jobs import Job
from ..names import as_json
from .asked import MOST_ROWS, Request, masked


def jobs(asked: Request) -> dict[str, Any]:
    """The jobs, latest first."""
    offset, limit = asked.number("offset", 0, 0, 10**6), asked.number("limit", 50, 1, MOST_ROWS)
    found = asked.jobs.all()
    return {
        "jobs": [job_line(one) for one in found[offset : offset + limit]],
        "total": len(found),
        "offset": offset,
        "limit": limit,
    }


def job(asked: Request, job_id: str) -> dict[str, Any]:
    """One job: its state, what it said, what came out."""
    found = asked.jobs.get(job_id)
    result = _shown(asked, asked.jobs.result(job_id))
    return {**job_line(found), "progress": asked.jobs.progress(job_id), "result": result}


def job_line(one: Job) -> dict[str, Any]:
    """Return what a list says of a job: not its command line, whose paths are nobody's business."""
    told: dict[str, Any] = as_json({**vars(one), "fields": dict(one.fields)})
    return {name: value for name, value in told.items() if name not in ("arguments", "pid")}


def _shown(asked: Request, result: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what came out, without what the caller may not see of customers, and without paths."""
    if result is None:
        return None
    shown = {name: value for name, value in result.items() if name != "out"}
    if "sample" in shown:
        shown["sample"] = [masked(asked, row) for row in shown["sample"]]
    return shown
