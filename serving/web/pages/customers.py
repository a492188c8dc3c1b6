"""The page Customers: stages and their flow, the funnel, crowds, RFM, cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..insights import OF_CUSTOMERS
from ..names import CUSTOMERS_FILE
from .asked import Request


def customers(asked: Request) -> dict[str, Any]:
    """Stages and their flow, the funnel, crowds, RFM, cohorts, value by stage, when buyers are overdue, look-alikes."""
    names = ("stages", "flow", "funnel", "crowds")
    told: dict[str, Any] = {name: asked.ready.page(name) for name in names}
    cohorts = asked.ready.page("cohorts")
    kept = ("as_of", "by", "unit", "n_customers", "cells")
    told["promotions"] = _promotions(told["crowds"])
    overview, stages = asked.ready.overview(), told["stages"]
    told["n_undated"] = overview["n_customers"] - stages["n_customers"] if overview and stages else 0
    told["insights"] = asked.ready.insights(OF_CUSTOMERS)
    return {**told, "rfm": _rfm(asked), "cohorts": cohorts and {name: cohorts[name] for name in kept}}


def _promotions(page: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the buyers of each promotion by part: new with it, returning, who came back after it."""
    rows: dict[str, dict[str, Any]] = {}
    for one in page["crowds"] if page else ():
        part, colon, name = str(one["crowd"]).partition(":")
        if colon:
            rows.setdefault(name, {"name": name})[part] = one["n_customers"]
    parts = dict.fromkeys(part for row in rows.values() for part in row if part != "name")
    return {"parts": list(parts), "rows": list(rows.values())} if rows else None


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
