"""The list of customers who may leave, and the page of one customer."""

from __future__ import annotations

from functools import lru_cache, reduce
from operator import and_
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from penchant.errors import InputError, quoted

from ..names import CUSTOMERS_FILE, as_json
from ..rows import KEY, column_where, matching, page_of
from .asked import MOST_ROWS, Request, masked


def lists(asked: Request) -> dict[str, Any]:
    """The list of customers who are likely to leave, a page of it, by band and stage."""
    path, scores = asked.ready.risk_list(), asked.ready.scores()
    offset, limit = asked.number("offset", 0, 0, 10**9), asked.number("limit", 50, 1, MOST_ROWS)
    asked_for = {"band": asked.one("band"), "stage": asked.one("stage"), "offset": offset, "limit": limit}
    if path is None or scores is None:
        return {**asked_for, "as_of": None, "bands": {}, "stages": [], "total": 0, "rows": [], "has_next_order": False}
    facts, stages = scores[1]["tasks"][path.stem], _stages(asked)
    for name, known in (("band", facts["bands"]), ("stage", stages)):
        if (one := asked.one(name)) and one not in known:
            raise InputError(f"parameter '{name}'", f"one of {', '.join(known)}", quoted(one[:40]))
    conditions = [pc.field("band") == asked_for["band"]] if asked_for["band"] else []
    if asked_for["stage"]:
        customers = asked.ready.folder / CUSTOMERS_FILE
        conditions.append(pc.field(KEY).isin(_in_stage(customers, customers.stat().st_mtime_ns, asked.one("stage"))))
    total, rows = (
        matching(path, reduce(and_, conditions), limit, offset) if conditions else page_of(path, offset, limit)
    )
    facts = {"as_of": scores[1].get("as_of"), "horizon_days": facts["horizon_days"], "bands": facts["bands"]}
    told = {**facts, **asked_for, "stages": stages, "total": total, "rows": [masked(asked, row) for row in rows]}
    return {**told, "has_next_order": any("next_order_at" in row for row in rows)}


def _stages(asked: Request) -> list[str]:
    """Return the stages that customers were in, where the pages have been prepared."""
    page = asked.ready.page("stages")
    return [str(one["stage"]) for one in page["stages"][:-1] if one["n_customers"]] if page else []


@lru_cache(maxsize=16)
def _in_stage(path: Path, _changed: int, stage: str) -> pa.Array:
    """Return the customers in a stage."""
    return column_where(path, KEY, pc.field("stage") == stage)


def customer(asked: Request, customer_id: str) -> dict[str, Any]:
    """One customer: signals in words, scores with reasons, time line."""
    found = asked.ready.customer(customer_id)
    scores = {name: masked(asked, one) for name, one in found["scores"].items()}
    whole: dict[str, Any] = as_json({**found, "signals": masked(asked, found["signals"]), "scores": scores})
    return whole
