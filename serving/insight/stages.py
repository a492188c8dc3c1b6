"""Insight pages about relationship stages: their sizes at a moment, and who went where between two."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.engine.temporary import Keep
from ...features.history.evaluate import evaluated
from ...features.shop import Shop
from ...features.signals.stage import STAGES, stage
from .page import InsightPage, InsightTable, moment_of, refuse_nobody, seen_before, undated_note

MEANING = {
    "stranger": "on a list, no recent activity",
    "prospect": "visited, little interest",
    "lead": "strong interest, nothing paid",
    "new": "one recent purchase",
    "regular": "two purchases or more, in rhythm",
    "loyal": "regular, and often",
    "semi_active": "has bought, overdue",
    "silent": "has bought, long overdue",
    "churned": "has bought, past the churn threshold",
}


def stages_page(shop: Shop, as_of: datetime | None = None) -> InsightPage:
    """Return the size and share of each relationship stage.

    Parameters
    ----------
    shop
        The shop.
    as_of
        UTC without a zone; default: the end of the shop's data.

    Raises
    ------
    InputError
        If the data ends before as_of.
    TooLittleDataError
        If nobody was known at as_of.
    """
    moment = moment_of(shop, as_of)
    counts = _counts(shop, moment)
    n_known = sum(counts.values())
    refuse_nobody(n_known, moment)
    rows: list[dict[str, Any]] = [
        {
            "stage": name,
            "n_customers": counts.get(name, 0),
            "share": counts.get(name, 0) / n_known,
            "who": MEANING[name],
        }
        for name in STAGES
    ]
    rows.append({"stage": "all", "n_customers": n_known, "share": 1.0, "who": "known before as_of"})
    columns = {
        "stage": PageColumn("stage"),
        "n_customers": PageColumn("customers", ",d"),
        "share": PageColumn("share", ".1%"),
        "who": PageColumn("who"),
    }
    table = InsightTable("stages", "Relationship stages", columns, rows, frozenset({len(STAGES)}), drawn="share")
    lead = f"{n_known:,} customers known before {shop_time(moment, shop.timezone)}, each in exactly one stage."
    facts = {"as_of": moment.isoformat(), "n_customers": n_known}
    notes = undated_note(shop, moment)
    return InsightPage("stages", "Stages", lead, (table,), facts, notes=notes)


def _counts(shop: Shop, moment: datetime) -> dict[str, int]:
    with Keep(shop.backend) as keep:
        parts = evaluated(shop, seen_before(shop, moment), {"stage": stage}, keep)
        found = parts[0].group_by("stage").aggregate(n=parts[0].count()).to_pandas()
    return {str(name): int(n) for name, n in zip(found["stage"], found["n"], strict=True)}
