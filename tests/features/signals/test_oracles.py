"""Signals of categories, prices, open journeys, contacts, cycles and crowds, recomputed customer by customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import log, nan
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from penchant.features.matrix import build
from penchant.features.shop import Shop
from penchant.features.signals.cycle import FEW_GAPS
from penchant.features.spine import Spine

DAY = pd.Timedelta(days=1)
STRENGTH = {"view": 1, "favorite": 3, "cart": 4}
GROUPS = ["category", "price", "funnel", "contact", "lifecycle", "crowds"]
Frame = pd.DataFrame


@dataclass(frozen=True, eq=False)
class Known:
    """What was known at a moment; of one customer, or of all."""

    as_of: pd.Timestamp
    lines: Frame
    placed: Frame
    unpaid: Frame
    acts: Frame
    sent: Frame
    people: Frame

    def of(self, who: str) -> Known:
        frames = (self.lines, self.placed, self.unpaid, self.acts, self.sent, self.people)
        return Known(self.as_of, *(rows[rows["customer_id"] == who] for rows in frames))

    def within(self, rows: Frame, at: str, days: float) -> Frame:
        return rows[rows[at] >= self.as_of - days * DAY]

    @property
    def orders(self) -> Frame:
        sums = {name: (name, "sum") for name in ("amount", "discount", "freight")}
        times = {"paid_at": ("paid_at", "min"), "ordered_at": ("ordered_at", "min")}
        return self.lines.groupby(["customer_id", "order_id"]).agg(**sums, **times).reset_index()


def known_at(tables: Mapping[str, Frame], as_of: pd.Timestamp) -> Known:
    lines = tables["orders"].merge(tables["items"], on="item_id", how="left")
    lines["price"] = np.floor(lines["amount"] / lines["quantity"] + 0.5)
    acts = tables["interactions"].merge(tables["items"][["item_id", "category_id"]], on="item_id", how="left")
    dead, back = lines["cancelled_at"] < as_of, lines["refunded_at"] < as_of
    placed, paid = lines["ordered_at"] < as_of, lines["paid_at"] < as_of
    return Known(
        as_of,
        lines[paid & ~dead & ~back],
        lines[placed & ~dead],
        lines[placed & ~paid & ~dead],
        acts[acts["occurred_at"] < as_of],
        tables["assignments"].merge(tables["campaigns"], on="campaign_id"),
        tables["customers"],
    )


def affinities(one: Known) -> list[tuple[str, float]]:
    looks = one.acts[one.acts["kind"].isin(STRENGTH)]
    bought = [(who, at, 10) for who, at in zip(one.lines["category_id"], one.lines["paid_at"], strict=True)]
    looked = zip(looks["category_id"], looks["occurred_at"], looks["kind"].map(STRENGTH), strict=True)
    found: dict[str, float] = {}
    for category, at, strength in [*bought, *looked]:
        if not pd.isna(category):
            found[category] = found.get(category, 0) + strength * 0.5 ** ((one.as_of - at) / DAY / 90)
    return sorted(found.items(), key=lambda pair: (-round(pair[1], 5), pair[0]))


def entropy(one: Known) -> float:
    values = [value for _category, value in affinities(one)]
    return -sum(value / sum(values) * log(value / sum(values)) for value in values) if values else nan


def share(condition: pd.Series) -> float:
    return float(condition.mean()) if len(condition) else nan


def ratio(above: float, below: float) -> float:
    return above / below if below else nan


def percentile(mine: Frame, everyone: Frame) -> float:
    """Return the mean place of prices among those of their category; prices that nobody had seen are left out."""
    found = []
    for category, price in mine[["category_id", "price"]].dropna().itertuples(index=False):
        prices = everyone.loc[everyone["category_id"] == category, "price"].dropna()
        if (prices == price).any():
            found.append(((prices < price).sum() + (prices == price).sum() / 2) / len(prices))
    return float(np.mean(found)) if found else nan


def views(known: Known) -> Frame:
    return known.acts[known.acts["kind"] == "view"]


def open_items(one: Known, kind: str) -> list[tuple[pd.Timestamp, float]]:
    """Return (when it was put in last, highest price) of what was put in within 30 days and not ordered since."""
    acts, lines = one.within(one.acts, "occurred_at", 30), one.within(one.placed, "ordered_at", 30)
    found = []
    for item, held in acts[acts["kind"] == kind].groupby("item_id"):
        orders = acts.loc[acts["kind"].isin(["order", "pay"]) & (acts["item_id"] == item), "occurred_at"]
        ordered = [*orders, *lines.loc[lines["item_id"] == item, "ordered_at"]]
        last = held["occurred_at"].max()
        if not any(at >= last for at in ordered):
            found.append((last, float(held["price"].max()) if held["price"].notna().any() else 0.0))
    return found


def responses(one: Known, what: str, days: float, channel: str = "") -> pd.Series:
    rows = one.sent[one.sent["channel"] == channel] if channel else one.sent
    at = rows[f"{what}_at"]
    at = at.where(at.isna() | (at >= rows["assigned_at"]), rows["assigned_at"])
    return at[(at < one.as_of) & (at >= one.as_of - days * DAY)]


def opened_most(one: Known) -> str | None:
    """Return the channel of which the largest share was opened, each with one of four further contacts opened."""
    if not len(responses(one, "opened", 365)):
        return None
    n = {name: len(responses(one, "contacted", 365, name)) for name in ("email", "sms", "push", "phone")}
    rates = {name: (len(responses(one, "opened", 365, name)) + 1) / (sent + 4) for name, sent in n.items() if sent}
    return max(rates, key=lambda name: rates[name]) if rates else None


def n_unanswered(one: Known) -> int:
    contacts, clicks = responses(one, "contacted", 90), responses(one, "clicked", 10_000)
    return int((contacts > clicks.max()).sum()) if len(clicks) else len(contacts)


def gaps(at: pd.Series) -> list[float]:
    return list(np.diff(np.unique(at.dt.normalize().to_numpy())) / np.timedelta64(1, "D"))


def quantile(values: list[float], level: float) -> float:
    return float(np.quantile(values, level)) if values else 0.0


def shrunk(values: list[float], level: float, weight: float, expected: float) -> float:
    return (len(values) * quantile(values, level) + weight * expected) / (len(values) + weight)


@cache
def gaps_of_all(base: Known, category: str | None) -> list[float]:
    rows = base.orders if category is None else base.lines[base.lines["category_id"] == category]
    return [gap for _who, mine in rows.groupby("customer_id") for gap in gaps(mine["paid_at"])]


def cycle(one: Known, base: Known, level: float) -> float:
    """Return a quantile of one customer's cycle: own gaps, shrunk to the categories', these to the shop's."""
    shop = quantile(gaps_of_all(base, None), level)
    bought = one.lines["category_id"].dropna()
    known = bought[bought.isin(base.lines["category_id"])]
    expected = [shrunk(gaps_of_all(base, category), level, FEW_GAPS, shop) for category in known]
    return shrunk(gaps(one.orders["paid_at"]), level, 5, float(np.mean(expected)) if expected else shop)


def stage(one: Known, base: Known) -> str:
    paid = one.orders["paid_at"]
    if not len(paid):
        return stage_without_purchase(one)
    since = (one.as_of - paid.max()) / DAY
    silent = min(max(cycle(one, base, 0.9), 30), 365)
    if since <= 180 and len(one.within(one.orders, "paid_at", 720)) == 1:
        return "new"
    if since >= min(max(cycle(one, base, 0.75), 10), silent):
        fallen = 2 if since >= 2 * silent else 1 if since >= silent else 0
        return ("semi_active", "silent", "churned")[max(fallen - visits_still(one), 0)]
    if len(one.within(one.orders, "paid_at", 365)) >= 4:
        return "loyal"
    return "regular" if len(paid) >= 2 else "semi_active"


def visits_still(one: Known) -> bool:
    """Say whether the customer visited within 30 days, and after the last purchase."""
    visits = one.acts.loc[~one.acts["kind"].isin(["order", "pay", "coupon_redeem"]), "occurred_at"]
    return bool((visits >= one.as_of - 30 * DAY).any() and visits.max() > one.orders["paid_at"].max())


def stage_without_purchase(one: Known) -> str:
    acts = one.within(one.acts, "occurred_at", 90)
    strong = acts["kind"].isin(["favorite", "cart", "content", "coupon_claim", "order"])
    if strong.any() or (acts["kind"] == "view").sum() >= 10 or len(one.within(one.unpaid, "ordered_at", 90)):
        return "lead"
    registered = one.people["registered_at"]
    came = (registered < one.as_of) & (registered >= one.as_of - 90 * DAY)
    return "prospect" if len(acts) or came.any() else "stranger"


def is_interested(one: Known) -> bool:
    """Say whether something was put into the cart or made a favourite 3 to 10 days ago and not bought since."""
    acts = one.acts[one.acts["kind"].isin(["cart", "favorite"])]
    acts = acts[(acts["occurred_at"] >= one.as_of - 10 * DAY) & (acts["occurred_at"] < one.as_of - 3 * DAY)]
    for item, at in zip(acts["item_id"], acts["occurred_at"], strict=True):
        bought = one.lines if pd.isna(item) else one.lines[one.lines["item_id"] == item]
        if not (bought["paid_at"] >= at).any():
            return True
    return False


def unpaid_age(one: Known) -> float:
    return (one.as_of - one.unpaid["ordered_at"].max()) / DAY if len(one.unpaid) else nan


Oracle = Callable[[Known, Known], object]  # of one customer, and of all at the midnight before


def top(place: int) -> Oracle:
    return lambda one, _base: dict(enumerate(affinities(one))).get(place, (None,))[0]


def n_open(kind: str) -> Oracle:
    return lambda one, _base: len(open_items(one, kind))


def n_responses(what: str, days: float, channel: str = "") -> Oracle:
    return lambda one, _base: len(responses(one, what, days, channel))


def is_unpaid(since: int, until: int) -> Oracle:
    return lambda one, _base: int(since <= unpaid_age(one) < until)


ORACLES: dict[str, Oracle] = {
    "category_top_1": top(0),
    "category_top_2": top(1),
    "category_top_3": top(2),
    "category_entropy": lambda one, _base: entropy(one),
    "n_categories": lambda one, _base: len(affinities(one)),
    "n_categories_bought": lambda one, _base: one.lines["category_id"].nunique(),
    "price_percentile_bought": lambda one, base: percentile(one.lines, base.lines),
    "price_percentile_viewed": lambda one, base: percentile(views(one), views(base)),
    "discount_line_share": lambda one, _base: share(one.lines["discount"] > 0),
    "discount_only_share": lambda one, _base: share(one.orders["discount"] > 0),
    "freight_paid_share": lambda one, _base: share(one.orders["freight"] > 0),
    "freight_ratio": lambda one, _base: ratio(one.orders["freight"].sum(), one.orders["amount"].sum()),
    "n_open_cart": n_open("cart"),
    "n_open_favorite": n_open("favorite"),
    "open_cart_value": lambda one, _base: sum(price for _at, price in open_items(one, "cart")) / 100,
    "n_unpaid_orders": lambda one, _base: one.unpaid["order_id"].nunique(),
    "unpaid_last_age_days": lambda one, _base: unpaid_age(one),
    "dwell_mean_seconds": lambda one, _base: one.within(one.acts, "occurred_at", 90)["dwell_seconds"].mean(),
    "n_contacted_30d": n_responses("contacted", 30),
    "n_opened_180d": n_responses("opened", 180),
    "n_clicked_sms_365d": n_responses("clicked", 365, "sms"),
    "n_redeemed_email_90d": n_responses("redeemed", 90, "email"),
    "contact_channel": lambda one, _base: opened_most(one),
    "n_contacts_unanswered_90d": lambda one, _base: n_unanswered(one),
    "cycle_days": lambda one, base: cycle(one, base, 0.5),
    "stage": stage,
    "in_interest": lambda one, _base: int(is_interested(one)),
    "in_unpaid_1d": is_unpaid(1, 7),
    "in_unpaid_7d": is_unpaid(7, 30),
    "in_unpaid_30d": is_unpaid(30, 10_000),
}


@pytest.fixture(scope="module")
def looked_at(world: ModuleType, world_tables: dict[str, Frame], world_shop: Shop) -> tuple[Frame, Known, Known]:
    as_of = pd.Timestamp(world.MOMENTS[1])
    frame = build(world_shop, Spine.at(world_shop, as_of), GROUPS).frame.set_index("customer_id")
    return frame, known_at(world_tables, as_of), known_at(world_tables, as_of.normalize())


@pytest.mark.parametrize("name", ORACLES)
def test_a_signal_is_what_a_loop_finds(looked_at: tuple[Frame, Known, Known], name: str) -> None:
    frame, known, base = looked_at
    expected = pd.Series([ORACLES[name](known.of(who), base) for who in frame.index], frame.index, name=name)
    assert frame[name].nunique() > 1
    if frame[name].dtype == "str":
        assert frame[name].fillna("").tolist() == expected.fillna("").tolist()
    else:
        pd.testing.assert_series_equal(frame[name].astype(float), expected.astype(float), rtol=1e-6)
