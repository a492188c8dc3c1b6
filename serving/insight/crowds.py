"""The insight page about focus crowds: how many customers are in each, and which crowds the shop cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.criteria import all_crowds
from ...features.engine.temporary import Keep
from ...features.history.evaluate import evaluated
from ...features.shop import Shop
from ...features.signals.crowd import Crowd
from ...features.signals.crowds import crowd_named, lacking_of
from ...features.signals.promotions import promotion_names
from .page import InsightPage, InsightTable, moment_of, refuse_nobody, seen_before, undated_note


def crowds_page(shop: Shop, as_of: datetime | None = None, named: Sequence[str] = ()) -> InsightPage:
    """Return the size of each focus crowd, and its share of all customers.

    Parameters
    ----------
    shop
        The shop.
    as_of
        UTC without a zone; default: the end of the shop's data.
    named
        Further crowds, such as ``favorites:category:tea``: see `penchant.features.signals.crowds.crowd_named`.

    Raises
    ------
    InputError
        If the data ends before as_of, or a name is not that of a crowd.
    TooLittleDataError
        If nobody was known at as_of.
    """
    moment = moment_of(shop, as_of)
    promotions = promotion_names(shop, moment)
    asked = list(all_crowds(shop, moment))
    more = set(named) - {crowd.name for crowd in asked}
    asked += [crowd_named(name, promotions, shop.config) for name in named if name in more]
    crowds = {crowd.name: crowd for crowd in asked}
    missing = lacking_of(shop, asked)
    there = [crowd for name, crowd in crowds.items() if name not in missing]
    n_known, sizes = _sizes(shop, moment, there)
    refuse_nobody(n_known, moment)
    rows: list[dict[str, Any]] = [
        {"crowd": crowd.name, "n_customers": n, "share": n / n_known, "who": crowd.meaning}
        for crowd, n in zip(there, sizes, strict=True)
    ]
    rows.append({"crowd": "all customers", "n_customers": n_known, "share": 1.0, "who": "the base of the shares"})
    columns = {
        "crowd": PageColumn("crowd"),
        "n_customers": PageColumn("customers", ",d"),
        "share": PageColumn("share", ".1%"),
        "who": PageColumn("who"),
    }
    lead = f"{n_known:,} customers seen before {shop_time(moment, shop.timezone)}. Crowds may overlap."
    table = InsightTable("crowds", "Focus crowds", columns, rows, frozenset({len(rows) - 1}), drawn="share")
    facts = {"as_of": moment.isoformat(), "n_customers": n_known}
    notes = undated_note(shop, moment)
    return InsightPage("crowds", "Crowds", lead, (table,), facts, missing, notes)


def _sizes(shop: Shop, moment: datetime, crowds: Sequence[Crowd]) -> tuple[int, list[int]]:
    """Return how many customers had been seen before a moment, and how many of them are in each crowd."""
    asked = {f"in_{place}": crowd.holds for place, crowd in enumerate(crowds)}
    with Keep(shop.backend) as keep:
        people = evaluated(shop, seen_before(shop, moment), asked, keep)[0]
        counts = {name: people[name].cast("int64").sum() for name in asked}
        found = people.aggregate(n_known=people.count(), **counts).to_pandas().iloc[0]
    n_known = int(found["n_known"])
    return n_known, [int(found[name]) if n_known else 0 for name in asked]
