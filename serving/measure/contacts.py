"""The contact's own funnel: of the messages sent, how many were delivered, opened, clicked, brought a visit, an order.

By channel, campaign, arm, wave and hour of the send. What came after a message did not all come because of it: what a
campaign changed is measured against its control (`measure`, `compare_campaigns`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _

from penchant.errors import InputError, LeftOutError, TooLittleDataError, did_you_mean
from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.engine.temporary import Keep
from ...features.engine.times import instant, local_time
from ...features.history.evaluate import evaluated
from ...features.history.facts import assignments
from ...features.shop import Shop
from ...features.signals.stage import STAGES, stage
from ...features.spine import Spine
from ...models.inputs.estimate import Estimate
from ..goals.offers import CONTROL
from ..insight.intervals import difference_of_two, normal_quantile, wilson
from ..insight.page import InsightPage, InsightTable, moment_of
from ..insight.spent import standing_lines

STEPS = ("delivered", "opened", "clicked", "came", "redeemed", "bought")
RESPONSES = ("delivered", "opened", "clicked", "redeemed")
LEAST_SENT = 30  # messages from which a group is shown
NEVER_FROM = 3  # messages without an open one from which a customer counts as one who never opens
MOST_SHOWN = 20
FATIGUE_DAYS, MOST_BEFORE = 30, 3
NEVER_DAYS = 180


def contacts_page(
    shop: Shop,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    campaign: str | None = None,
    days: int = 7,
    by_stage: bool = False,
) -> InsightPage:
    """Return the funnel of the contacts within a span.

    Parameters
    ----------
    shop
        The shop.
    since, until
        The span in which the messages went out, UTC without a zone; default: all of the data. Messages of the last
        ``days`` are left out: what they bring is not over.
    campaign
        Of one campaign alone.
    days
        A visit or an order within so many days after the message counts.
    by_stage
        Whether the best hour is also looked for by the customer's stage at the send; takes longer.

    Raises
    ------
    LeftOutError
        If the shop does not know when it contacted anybody.
    InputError
        If the data ends before ``until``, or there is no such campaign.
    TooLittleDataError
        If fewer than 30 messages went out.
    """
    if not shop.has("assignments", "contacted_at"):
        raise LeftOutError("contacts", "when messages went out (assignments.contacted_at)", "a shop without it")
    end = min(moment_of(shop, until, "--to"), shop.extract_end - timedelta(days=days))
    rows = read_contacts(shop, since, end, campaign, days)
    steps = [name for name in STEPS if name in rows]
    if len(rows) < LEAST_SENT:
        raise TooLittleDataError("contacts", f"{LEAST_SENT} messages or more, {days} days old", f"{len(rows):,}")
    if by_stage:
        rows["stage"] = _stages(shop, rows)
    groups = [name for name in ("channel", "campaign", "message", "wave") if name in rows and rows[name].notna().any()]
    tables = [_funnel(rows, name, steps, days) for name in groups]
    best: dict[str, int | None] = {}
    if "opened" in steps:
        told, best = _hours(rows)
        tables += [told, _tired(rows)]
    notes = (
        f"Each step is a share of the messages sent. A visit or an order counts within {days} days after the message, "
        "whatever brought it: what a campaign changed is told by its control (insight campaigns, measure).",
        "Intervals of one table hold jointly. Groups of fewer than 30 messages are not shown.",
    )
    first, last = (shop_time(at, shop.timezone) for at in (rows["contacted_at"].min(), rows["contacted_at"].max()))
    lead = f"{len(rows):,} messages to {rows['customer_id'].nunique():,} customers, {first} to {last}.{_never(rows)}"
    left_out = {name: f"the shop has no '{_source(name)}'" for name in STEPS if name not in rows}
    facts = {"n_messages": len(rows), "send_hour": best, "days": days}
    return InsightPage("contacts", "The contact's own funnel", lead, tuple(tables), facts, left_out, notes)


def read_contacts(
    shop: Shop, since: datetime | None, end: datetime, campaign: str | None = None, days: int = 7
) -> pd.DataFrame:
    """Return one row for each message sent before an instant: who, when, through what, and what came of it.

    Returns
    -------
    DataFrame
        customer_id, campaign, message (campaign and arm), wave, contacted_at, ``hour`` (the shop's), channel where it
        is known, ``n_before`` (messages in the 30 days before), and a flag for each of ``STEPS`` that can be told.
    """
    sent = assignments(shop).filter(_.contacted_at.notnull(), _.arm != CONTROL, _.contacted_at < instant(end))
    with Keep(shop.backend) as keep:
        unit = ibis.row_number().over(order_by=["campaign_id", "customer_id", "contacted_at"])
        kept = keep.table(sent.mutate(unit=unit, local=local_time(sent.contacted_at, shop.timezone)))
        parts = [kept.order_by("unit").to_pyarrow().to_pandas()]
        parts += [_came_of(shop, kept, days, name) for name in ("came", "bought") if shop.has(*_needs(name))]
    rows = pd.concat([parts[0], *(part.reindex(parts[0]["unit"]).reset_index(drop=True) for part in parts[1:])], axis=1)
    rows["n_before"] = _before(rows)
    if since is not None:
        rows = rows[rows["contacted_at"] >= since]
    if campaign is not None:
        rows = _of_campaign(rows, campaign)
    return _told(rows).reset_index(drop=True)


def _needs(name: str) -> tuple[str, ...]:
    return ("interactions",) if name == "came" else ("orders",)


def _source(name: str) -> str:
    return f"assignments.{name}_at" if name in RESPONSES else _needs(name)[0]


def _came_of(shop: Shop, sent: Any, days: int, name: str) -> pd.DataFrame:
    """Return whether a visit or a paid order came within so many days after each message, by unit."""
    if name == "came":
        acts = shop.tables["interactions"].select("customer_id", at=_.occurred_at)
    else:
        acts = standing_lines(shop, shop.extract_end).select("customer_id", at=_.ordered_at)
    joined = sent.select("unit", "customer_id", "contacted_at").inner_join(acts, "customer_id")
    inside = joined.filter(
        joined["at"] >= joined.contacted_at, joined["at"] < joined.contacted_at + ibis.interval(days=days)
    )
    found = inside.select("unit").distinct().to_pyarrow().to_pandas()
    return pd.DataFrame({name: True}, index=pd.Index(found["unit"], name="unit"))


def _told(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.assign(campaign=rows["campaign_id"], message=rows["campaign_id"] + ": " + rows["arm"])
    for name in RESPONSES:
        if f"{name}_at" in rows:
            rows[name] = rows[f"{name}_at"].notna()
    for name in ("came", "bought"):
        if name in rows:
            rows[name] = rows[name].notna()
    return rows.assign(hour=rows["local"].dt.hour)


def _before(rows: pd.DataFrame) -> np.ndarray:
    """Return how many messages each customer had in the 30 days before each one."""
    order = np.lexsort((rows["contacted_at"], rows["customer_id"]))
    who, at = rows["customer_id"].to_numpy()[order], rows["contacted_at"].to_numpy("datetime64[us]")[order]
    day = np.timedelta64(FATIGUE_DAYS, "D")
    counts = np.zeros(len(rows), np.int64)
    first = 0
    for place in range(len(rows)):
        if place and who[place] != who[place - 1]:
            first = place
        while at[first] < at[place] - day:
            first += 1
        counts[order[place]] = place - first
    return counts


def _of_campaign(rows: pd.DataFrame, campaign: str) -> pd.DataFrame:
    known = sorted(rows["campaign_id"].unique())
    if campaign not in known:
        hint = did_you_mean(campaign, known)
        raise InputError("option --campaign", "a campaign that sent messages", f"'{campaign}'", hint)
    return rows[rows["campaign_id"] == campaign]


def _groups(rows: pd.DataFrame, by: str) -> Iterator[tuple[Any, pd.DataFrame]]:
    for name, mine in rows.groupby(by, sort=True):
        if len(mine) >= LEAST_SENT:
            yield name, mine


def _funnel(rows: pd.DataFrame, by: str, steps: Sequence[str], days: int) -> InsightTable:
    """Return one row for each group: messages sent, and the share of each step with joint intervals."""
    groups = list(_groups(rows, by))
    groups.sort(key=lambda group: -len(group[1]))
    z = normal_quantile(n_together=len(groups) * len(steps))
    told = [
        {by: name, "sent": len(mine), **{step: wilson(int(mine[step].sum()), len(mine), z) for step in steps}}
        for name, mine in groups
    ]
    titles = {"came": f"came in {days} days", "bought": f"bought in {days} days"}
    columns = {by: PageColumn(by), "sent": PageColumn("sent", ",d")}
    columns |= {step: PageColumn(titles.get(step, step), ".1%") for step in steps}
    drawn = "opened" if "opened" in steps else ""
    return InsightTable(f"by_{by}", f"By {by}", columns, told, drawn=drawn, n_shown=MOST_SHOWN)


def _hours(rows: pd.DataFrame) -> tuple[InsightTable, dict[str, int | None]]:
    """Return opening by hour, of all and by stage where it is known, and the best hour where it can be told."""
    crowds = [("all", rows)]
    if "stage" in rows:
        crowds += [(name, rows[rows["stage"] == name]) for name in STAGES if (rows["stage"] == name).any()]
    groups = [(who, hour, mine, some) for who, some in crowds for hour, mine in _groups(some, "hour")]
    z = normal_quantile(n_together=len(groups))
    told: list[dict[str, Any]] = [
        {"who": who, "hour": int(hour), "sent": len(mine), "opened": _opened(mine, z), "more": _more(mine, some, z)}
        for who, hour, mine, some in groups
    ]
    best = {who: _best([row for row in told if row["who"] == who]) for who, _ in crowds}
    for row in told:
        row["told"] = "best" if best[row["who"]] == row["hour"] else ""
    columns = {
        "who": PageColumn("stage"),
        "hour": PageColumn("hour of the send", "d"),
        "sent": PageColumn("sent", ",d"),
        "opened": PageColumn("opened", ".1%"),
        "more": PageColumn("more than at other hours", "+.1%"),
        "told": PageColumn(""),
    }
    return InsightTable("by_hour", "By hour, in the shop's time", columns, told), best


def _opened(rows: pd.DataFrame, z: float) -> Estimate:
    return wilson(int(rows["opened"].sum()), len(rows), z)


def _more(mine: pd.DataFrame, some: pd.DataFrame, z: float) -> Estimate | None:
    others = some.drop(mine.index)
    return difference_of_two(_opened(mine, z), _opened(others, z)) if len(others) >= LEAST_SENT else None


def _best(told: Sequence[dict[str, Any]]) -> int | None:
    """Return the hour that is opened most, where it is surely opened more than the others; None: it cannot be told."""
    known = [row for row in told if row["more"] is not None]
    top = max(known, key=lambda row: row["opened"].value, default=None)
    return int(top["hour"]) if top is not None and top["more"].low > 0 else None


def _tired(rows: pd.DataFrame) -> InsightTable:
    """Return opening by how many messages the customer had had in the 30 days before."""
    some = rows.assign(before=rows["n_before"].clip(upper=MOST_BEFORE))
    steps = [name for name in ("opened", "clicked") if name in rows]
    groups = list(_groups(some, "before"))
    z = normal_quantile(n_together=len(groups) * len(steps))
    told = [
        {
            "before": f"{MOST_BEFORE} or more" if n == MOST_BEFORE else f"{n}",
            "sent": len(mine),
            **{step: wilson(int(mine[step].sum()), len(mine), z) for step in steps},
        }
        for n, mine in groups
    ]
    columns = {"before": PageColumn(f"messages in the {FATIGUE_DAYS} days before"), "sent": PageColumn("sent", ",d")}
    columns |= {step: PageColumn(step, ".1%") for step in steps}
    return InsightTable("fatigue", "By how often the customer had been contacted", columns, told)


def _never(rows: pd.DataFrame) -> str:
    """Return in words how many never open: of those with so many messages in the last half year."""
    if "opened" not in rows:
        return ""
    recent = rows[rows["contacted_at"] >= rows["contacted_at"].max() - pd.Timedelta(days=NEVER_DAYS)]
    per = recent.groupby("customer_id")["opened"].agg(["size", "sum"])
    asked = per[per["size"] >= NEVER_FROM]
    if asked.empty:
        return ""
    n = int((asked["sum"] == 0).sum())
    who = f"{len(asked):,} who had {NEVER_FROM} or more in the last {NEVER_DAYS} days"
    return f" Of {who}, {n:,} opened none: {wilson(n, len(asked)):.1%}."


def _stages(shop: Shop, rows: pd.DataFrame) -> pd.Series:
    """Return each customer's stage when the message went out."""
    asked = pd.DataFrame({"customer_id": rows["customer_id"], "as_of": rows["contacted_at"].astype("datetime64[us]")})
    with Keep(shop.backend) as keep:
        parts = evaluated(shop, Spine.of(shop, asked.drop_duplicates()), {"stage": stage}, keep)
        found = pd.concat([part.to_pyarrow().to_pandas() for part in parts], ignore_index=True)
    keyed = asked.astype({"as_of": found["as_of"].dtype, "customer_id": found["customer_id"].dtype})
    return keyed.merge(found, on=["customer_id", "as_of"], how="left")["stage"].set_axis(rows.index)
