"""The insight page about flow: the stage at one date against the stage at a later one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ibis import _

from penchant.errors import InputError
from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.engine.temporary import Keep
from ...features.history.evaluate import evaluated
from ...features.shop import Shop
from ...features.signals.stage import STAGES, stage
from .page import InsightPage, InsightTable, moment_of, refuse_nobody, seen_before, undated_note

NOT_KNOWN_YET = "not known yet"
FROM = (NOT_KNOWN_YET, *STAGES)

Counts = Mapping[tuple[str, str], int]


def flow_page(shop: Shop, first: datetime, second: datetime | None = None) -> InsightPage:
    """Return who was in which stage at one moment, and where they were at a later one.

    Parameters
    ----------
    shop
        The shop.
    first, second
        UTC without a zone; default of the second: the end of the shop's data.

    Raises
    ------
    InputError
        If the first is not before the second, or the data ends before one of them.
    TooLittleDataError
        If nobody was known at the second.
    """
    moments = moment_of(shop, first, "--from"), moment_of(shop, second, "--to")
    if not moments[0] < moments[1]:
        raise InputError("options --from, --to", "the first before the second", " and ".join(map(str, moments)))
    counts = _counts(shop, *moments)
    n_known = sum(counts.values())
    refuse_nobody(n_known, moments[1])
    n_stayed = sum(counts.get((name, name), 0) for name in STAGES)
    n_came = sum(n for (was, _is), n in counts.items() if was == NOT_KNOWN_YET)
    instants = " and ".join(f"{shop_time(moment, shop.timezone)}" for moment in moments)
    lead = (
        f"Stages as known strictly before {instants}: {n_known - n_came:,} customers were known at the first; "
        f"{n_stayed:,} of them are in the same stage at the second, and {n_came:,} came in between."
    )
    facts = {
        "from": moments[0].isoformat(),
        "to": moments[1].isoformat(),
        "n_known_from": n_known - n_came,
        "n_known_to": n_known,
        "n_same_stage": n_stayed,
    }
    reading = "Rows: the stage at the first date. Columns: the stage of the same customers at the second."
    notes = (reading, *undated_note(shop, moments[1]))
    return InsightPage("flow", "Flow between stages", lead, _tables(counts), facts, notes=notes)


def _counts(shop: Shop, first: datetime, second: datetime) -> Counts:
    """Return (stage then, stage later) -> customers."""
    with Keep(shop.backend) as keep:
        pairs = stages_at_both(shop, first, second, keep)
        found = pairs.group_by("was", "now").aggregate(n=_.count()).to_pandas()
    return {(str(was), str(now)): int(n) for was, now, n in found[["was", "now", "n"]].itertuples(index=False)}


def stages_at_both(shop: Shop, first: datetime, second: datetime, keep: Keep) -> Any:
    """Return ``customer_id``, ``was`` and ``now`` of whoever was known at the second moment; one build for both.

    Parameters
    ----------
    shop
        The shop.
    first, second
        UTC without a zone; the stage at the first is "not known yet" for whoever came in between.
    keep
        Holds what the rows are computed from.
    """
    earlier, later = evaluated(shop, seen_before(shop, first, second), {"stage": stage}, keep)
    then = earlier.select("customer_id", was=_.stage)
    pairs = later.select("customer_id", now=_.stage).left_join(then, "customer_id")
    return pairs.select("customer_id", "now", was=_.was.fill_null(NOT_KNOWN_YET))


def _tables(counts: Counts) -> tuple[InsightTable, ...]:
    there = [name for name in STAGES if any(now == name for _was, now in counts)]
    rows = [_row(counts, name, there) for name in FROM if any(was == name for was, _now in counts)]
    total: dict[str, Any] = {"from": "all", "who": "all"}
    for name in ("n_customers", *there):
        total[name] = sum(row[name] for row in rows)
    whole = [*rows, total]
    counted = {"who": PageColumn("from"), "n_customers": PageColumn("customers", ",d")}
    counted |= {name: PageColumn(name.replace("_", " "), ",d") for name in there}
    shared = {"who": PageColumn("from"), "n_customers": PageColumn("customers", ",d")}
    shared |= {name: PageColumn(name.replace("_", " "), ".1%") for name in there}
    strong = frozenset({len(rows)})
    return (
        InsightTable("flow_counts", "Customers", counted, whole, strong),
        InsightTable("flow_shares", "Share of the row", shared, [_shares(row, there) for row in whole], strong),
    )


def _row(counts: Counts, was: str, there: list[str]) -> dict[str, Any]:
    """Return one stage at the first moment: how many were in it, and in which stage each of them is later."""
    cells = {now: counts.get((was, now), 0) for now in there}
    return {"from": was, "n_customers": sum(cells.values()), **cells, "who": was.replace("_", " ")}


def _shares(row: Mapping[str, Any], there: list[str]) -> dict[str, Any]:
    n = row["n_customers"]
    return {"from": row["from"], "n_customers": n, **{name: row[name] / n for name in there}, "who": row["who"]}
