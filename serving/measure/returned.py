"""Who came back after a campaign, whole: what they bought, by which path, and what sets them apart from the others.

Of the customers who were contacted. That they came is not what the campaign changed: a part would have come anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any

import ibis
import pandas as pd
from ibis import _

from penchant.errors import InputError, LeftOutError, TooLittleDataError, did_you_mean
from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.history.facts import order_lines
from ...features.shop import Shop
from ..goals.offers import CONTROL
from ..insight.intervals import index_of, normal_quantile, wilson
from ..insight.page import InsightPage, InsightTable
from ..insight.profile import profile_table
from ..insight.spent import standing_lines
from ..insight.traits import traits_of

STEPS = ("came", "viewed", "favourite or cart", "ordered", "paid")
KINDS = {"viewed": ("view",), "favourite or cart": ("favorite", "cart")}
COLUMNS = ("item_id", "category_id", "kind", "channel", "order_key", "paid_at")
LEAST_RETURNED, LEAST_TOGETHER = 20, 3
MOST_ITEMS, MOST_PAIRS, MOST_PAIRED = 15, 15, 30


def returned_page(shop: Shop, campaign_id: str, days: int = 30, control: str = CONTROL) -> InsightPage:
    """Return what became of a campaign's contacted customers within a window: who bought, what, and how they came.

    Parameters
    ----------
    shop
        The shop; it needs ``assignments``.
    campaign_id
        The campaign.
    days
        The window, days after each customer's first assignment; whoever's is not over is left out.
    control
        Name of the arm that was held out.

    Raises
    ------
    LeftOutError
        If the shop has no assignments, or does not know orders.
    InputError
        If there is no such campaign.
    TooLittleDataError
        If fewer than 20 came back.
    """
    sent = _sent(shop, campaign_id, days, control)
    bought = _within(sent, standing_lines(shop, shop.extract_end), "ordered_at", days)
    returned = set(bought["customer_id"])
    if len(returned) < LEAST_RETURNED:
        got = f"{len(returned):,} of {len(sent):,} within {days} days"
        raise TooLittleDataError(f"campaign '{campaign_id}'", f"{LEAST_RETURNED} customers or more who bought", got)
    tables = [*_bought(bought, len(returned)), *_path(shop, sent, days), _profile(shop, sent, returned)]
    share = wilson(len(returned), len(sent))
    lead = (
        f"{len(returned):,} of {len(sent):,} customers contacted bought within {days} days ({share:.1%}); first "
        f"assigned {shop_time(sent['since'].min().to_pydatetime(), shop.timezone)}."
    )
    notes = (
        "Of those contacted; a part of them would have come anyway: what the campaign changed says `measure`. The "
        "intervals of one table hold jointly.",
        "Together: how much likelier whoever bought the first is to have bought the second than everyone who came back "
        "(1 = as likely). Entry: the channel of the first thing done after the contact.",
    )
    facts = {"campaign": campaign_id, "days": days, "n_contacted": len(sent), "n_returned": len(returned)}
    return InsightPage("returned", f"Who came back: {campaign_id}", lead, tuple(tables), facts, {}, notes)


def _sent(shop: Shop, campaign_id: str, days: int, control: str) -> pd.DataFrame:
    """Return the customers contacted: customer_id and ``since``, the first assignment."""
    if not shop.has("assignments"):
        raise LeftOutError("who came back", "the table 'assignments'", "a shop without it")
    if not shop.has("orders"):
        raise LeftOutError("who came back", "the table 'orders'", "a shop without it")
    every = shop.tables["assignments"]
    rows = every.filter(_.campaign_id == campaign_id, _.arm != control)
    found = rows.group_by("customer_id").aggregate(since=_.assigned_at.min()).order_by("customer_id")
    frame = found.to_pyarrow().to_pandas()
    if frame.empty:
        known = sorted(every.select("campaign_id").distinct().to_pandas()["campaign_id"])
        hint = did_you_mean(campaign_id, known)
        raise InputError("campaign", "a campaign with contacted customers", f"'{campaign_id}'", hint)
    return frame[frame["since"] <= shop.extract_end - timedelta(days=days)].reset_index(drop=True)


def _within(sent: pd.DataFrame, rows: Any, time: str, days: int) -> pd.DataFrame:
    """Return rows of the customers contacted, within the window."""
    wanted = [name for name in COLUMNS if name in rows.columns]
    people = ibis.memtable(sent[["customer_id"]])
    frame = rows.semi_join(people, "customer_id").select("customer_id", *wanted, at=rows[time]).to_pyarrow().to_pandas()
    frame = frame.merge(sent, on="customer_id")
    inside = (frame["at"] >= frame["since"]) & (frame["at"] < frame["since"] + pd.Timedelta(days=days))
    return frame[inside].sort_values(["customer_id", "at"], ignore_index=True)


def _bought(bought: pd.DataFrame, n: int) -> list[InsightTable]:
    """Return the items and categories that were bought most, and those that go together."""
    names = {"category_id": "category", "item_id": "item"}
    return [table for key, name in names.items() if key in bought for table in _tables_of(bought, key, name, n)]


def _tables_of(bought: pd.DataFrame, key: str, name: str, n: int) -> list[InsightTable]:
    pairs = bought[["customer_id", key]].dropna().drop_duplicates()
    counts = pairs[key].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    shown = counts.head(MOST_ITEMS)
    z = normal_quantile(n_together=len(shown))
    rows = [{name: value, "n": int(count), "share": wilson(int(count), n, z)} for value, count in shown.items()]
    columns = {name: PageColumn(name), "n": PageColumn("customers", ",d"), "share": PageColumn("of who came", ".1%")}
    first = InsightTable(f"by_{name}", f"What they bought, by {name}", columns, rows, drawn="share")
    together = _together(pairs, key, list(counts.head(MOST_PAIRED).index), name, n)
    return [first] if together is None else [first, together]


def _together(pairs: pd.DataFrame, key: str, values: Sequence[Any], name: str, n: int) -> InsightTable | None:
    """Return pairs that go together, the surest first; None where no pair was bought by enough customers."""
    who = {value: set(pairs.loc[pairs[key] == value, "customer_id"]) for value in values}
    both = {pair: len(who[pair[0]] & who[pair[1]]) for pair in combinations(values, 2)}
    enough = {pair: count for pair, count in both.items() if count >= LEAST_TOGETHER}
    if not enough:
        return None
    z = normal_quantile(n_together=len(both))
    rows = [
        {
            "first": one,
            "second": other,
            "n": count,
            "lift": index_of((count, len(who[one])), (len(who[other]), n), z).scaled(0.01),
        }
        for (one, other), count in enough.items()
    ]
    rows.sort(key=lambda row: -row["lift"].low)
    columns = {
        "first": PageColumn(name),
        "second": PageColumn("and"),
        "n": PageColumn("customers", ",d"),
        "lift": PageColumn("together", ".2f"),
    }
    title = f"Which {'categories' if name == 'category' else 'items'} go together"
    return InsightTable(f"together_{name}", title, columns, rows[:MOST_PAIRS], drawn="lift", drawn_from=1.0)


def _path(shop: Shop, sent: pd.DataFrame, days: int) -> list[InsightTable]:
    """Return how far those contacted got, of all and by the channel through which they entered."""
    if not shop.has("interactions"):
        return []
    acts = _within(sent, shop.tables["interactions"], "occurred_at", days)
    placed = _within(sent, order_lines(shop), "ordered_at", days)
    got: dict[str, set[Any]] = {"came": set(acts["customer_id"]) | set(placed["customer_id"])}
    got |= {step: set(acts.loc[acts["kind"].isin(kinds), "customer_id"]) for step, kinds in KINDS.items()}
    got |= {"ordered": set(placed["customer_id"]), "paid": set(placed.dropna(subset="paid_at")["customer_id"])}
    first = acts.drop_duplicates("customer_id").set_index("customer_id")
    entry = first["channel"].fillna("unknown") if "channel" in first else pd.Series("all", first.index)
    groups = [("all contacted", set(sent["customer_id"]))]
    if "channel" in first:
        groups += [(f"entered by {name}", set(entry.index[entry == name])) for name in sorted(entry.unique())]
    groups = [(name, people) for name, people in groups if len(people) >= LEAST_RETURNED]
    z = normal_quantile(n_together=len(groups) * len(STEPS))
    rows = [_steps(name, people, got, z) for name, people in groups]
    columns = {"who": PageColumn(""), "n": PageColumn("customers", ",d")}
    columns |= {step: PageColumn(f"{step}, of the step before", ".1%") for step in STEPS}
    return [InsightTable("path", "By which path, and the rate of each step", columns, rows)]


def _steps(name: str, people: set[Any], got: dict[str, set[Any]], z: float) -> dict[str, Any]:
    """Return the share of each step among those who reached it or a later one of the step before."""
    reached, row = people, {"who": name, "n": len(people)}
    for place, step in enumerate(STEPS):
        further = set().union(*(got[later] for later in STEPS[place:])) & reached
        row[step] = wilson(len(further), len(reached), z) if reached else None
        reached = further
    return row


def _profile(shop: Shop, sent: pd.DataFrame, returned: set[Any]) -> InsightTable:
    """Return the traits of who came back against all who were contacted, as they stood before the campaign."""
    moment = sent["since"].min().to_pydatetime()
    traits = traits_of(shop, moment, lambda _past: ibis.literal(False))
    frame = traits.frame[traits.frame.index.isin(sent["customer_id"])]
    traits = replace(traits, frame=frame.assign(in_crowd=frame.index.isin(returned)))
    table = profile_table(traits, "")
    return replace(table, title="Who came back against all who were contacted, as known before")
