"""Pairs of customer and category, with what is known of each at a moment: what a next category is ranked by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from ibis import _

from ...features.history.past import Past
from ...models.inputs.arrays import Floats

N_POPULAR, N_OWN, N_FOLLOWING = 8, 12, 3
RECENT_DAYS, LOOK_DAYS, YEAR_DAYS = 90, 30, 365
PRIOR = 5.0  # baskets: the weight of a category's popularity beside what followed another one
PAIR = ["customer_id", "category_id"]
CART, LOOKS = "days_since_cart", "n_looks"
NUMBERS = (
    "n_days",
    "own_share",
    "own_share_90d",
    "days_since",
    "gap_elapsed",
    "cycle_elapsed",
    "is_last",
    "popularity",
    "season",
    "follows",
    "n_days_all",
    "days_since_any",
    CART,
    LOOKS,
)


@dataclass(frozen=True, eq=False)
class Baskets:
    """What was bought and looked at before a moment.

    Parameters
    ----------
    days
        customer_id, category_id, ``ago`` (days before the moment), each day once.
    looks
        customer_id, category_id, ``days_since_cart`` (of carts since the category was last bought), ``n_looks``.
    """

    days: pd.DataFrame
    looks: pd.DataFrame


def baskets_before(everyone: Past, moment: datetime) -> Baskets:
    """Return the baskets of everyone, as they stood at the moment of their past."""
    days, looks = _bought(everyone), _looked(everyone, moment)
    ago: Any = (pd.Timestamp(moment) - pd.to_datetime(days.pop("day"))) / pd.Timedelta(days=1)
    days = days.assign(ago=np.floor(ago).clip(lower=0))
    return Baskets(days.sort_values([*PAIR, "ago"], ignore_index=True), looks)


def _bought(everyone: Past) -> pd.DataFrame:
    lines = everyone.lines.relation
    known = lines.filter(lines.category_id.notnull())
    days = known.select("row", "category_id", day=everyone.history.local(known["at"]).date()).distinct()
    return _named(everyone, days)


def _looked(everyone: Past, moment: datetime) -> pd.DataFrame:
    if not everyone.has_viewed_category:
        return pd.DataFrame({"customer_id": [], "category_id": [], CART: [], LOOKS: []}).astype(
            {"customer_id": "str", "category_id": "str", CART: "float64", LOOKS: "float64"}
        )
    acts = everyone.interactions.relation
    acts = acts.filter(acts.category_id.notnull() & acts.kind.isin(("view", "favorite", "cart")))
    ago = acts.mutate(is_cart=acts.kind == "cart").group_by("row", "category_id", "is_cart")
    found = _named(everyone, ago.aggregate(last_at=_["at"].max(), n=_.count()))
    last: Any = found["last_at"]
    since = (pd.Timestamp(moment) - last) / pd.Timedelta(days=1)
    found = found.assign(cart=since.where(found["is_cart"]), looks=found["n"].where(since <= LOOK_DAYS, 0))
    whole = found.groupby(PAIR, as_index=False).agg(cart=("cart", "min"), looks=("looks", "sum"))
    return whole.rename(columns={"cart": CART, "looks": LOOKS})


def _named(everyone: Past, rows: Any) -> pd.DataFrame:
    codes = everyone.history.codes.select("customer_id", row="code")
    return rows.inner_join(codes, "row").drop("row").to_pyarrow().to_pandas()


def pairs_of(baskets: Baskets) -> pd.DataFrame:
    """Return the categories that each buyer may buy next, with `NUMBERS`, sorted by customer and category."""
    days = baskets.days
    own = days.groupby(PAIR, as_index=False).agg(
        n_days=("ago", "size"), days_since=("ago", "min"), first=("ago", "max")
    )
    people = days.groupby("customer_id").agg(days_since_any=("ago", "min"), n_days_all=("ago", "nunique"))
    recent = days.loc[days["ago"] < RECENT_DAYS, "category_id"].value_counts(normalize=True)
    following = followers(days)
    pairs = _candidates(own, people, recent, following)
    pairs = pairs.merge(own, on=PAIR, how="left").merge(people, on="customer_id", how="left")
    pairs = pairs.merge(baskets.looks, on=PAIR, how="left")
    pairs["own_share"] = (pairs["n_days"] / pairs["n_days_all"]).fillna(0.0)
    pairs["own_share_90d"] = _recent_share(days, pairs)
    gap = (pairs["first"] - pairs["days_since"]) / (pairs["n_days"] - 1).where(pairs["n_days"] > 1)
    pairs["gap_elapsed"] = pairs["days_since"] / gap.clip(lower=1)
    pairs["cycle_elapsed"] = pairs["days_since"] / gap.groupby(pairs["category_id"]).transform("median").clip(lower=1)
    pairs["is_last"] = (pairs["days_since"] == pairs["days_since_any"]).astype(float)
    pairs["popularity"] = pairs["category_id"].map(recent).fillna(0.0)
    pairs["season"] = _season(days, pairs["category_id"])
    pairs["follows"] = _followed(days, people, pairs, following)
    pairs[CART] = pairs[CART].where(pairs[CART] < pairs["days_since"].fillna(np.inf))  # bought since: not open
    return pairs[[*PAIR, *NUMBERS]].sort_values(PAIR, ignore_index=True)


def _recent_share(days: pd.DataFrame, pairs: pd.DataFrame) -> pd.Series:
    """Return the share of a customer's baskets of the last 90 days that held each category; nan without a basket."""
    recent = days[days["ago"] < RECENT_DAYS]
    baskets = recent.groupby("customer_id")["ago"].nunique()
    held = pairs[PAIR].merge(recent.groupby(PAIR).size().rename("held").reset_index(), on=PAIR, how="left")["held"]
    return (held.fillna(0.0) / pairs["customer_id"].map(baskets)).astype(np.float64)


def followers(days: pd.DataFrame) -> pd.DataFrame:
    """Return how often a category was in the basket after one with another: before, after, share (smoothed)."""
    order = days[["customer_id", "ago"]].drop_duplicates().sort_values(["customer_id", "ago"], ascending=[True, False])
    order["next"] = order.groupby("customer_id")["ago"].shift(-1)
    before = days.merge(order, on=["customer_id", "ago"]).dropna(subset="next")
    after = days.rename(columns={"category_id": "after", "ago": "next"})
    both = before.rename(columns={"category_id": "before"}).merge(after, on=["customer_id", "next"])
    n = both.groupby(["before", "after"], as_index=False).size()
    n_before = before["category_id"].value_counts()
    share = days["category_id"].value_counts(normalize=True)
    baskets = n["before"].map(n_before).to_numpy(np.float64)
    return n.assign(share=(n["size"] + PRIOR * n["after"].map(share)) / (baskets + PRIOR)).drop(columns="size")


def _candidates(own: pd.DataFrame, people: pd.DataFrame, recent: pd.Series, following: pd.DataFrame) -> pd.DataFrame:
    latest = own.sort_values(["customer_id", "days_since", "category_id"]).groupby("customer_id").head(N_OWN)[PAIR]
    popular = pd.DataFrame({"category_id": recent.sort_index().nlargest(N_POPULAR).index.astype("str")})
    everyone = pd.DataFrame({"customer_id": people.index})
    top = following.sort_values(["before", "share", "after"], ascending=[True, False, True]).groupby("before")
    after = top.head(N_FOLLOWING)[["before", "after"]].rename(columns={"before": "category_id"})
    last = own.merge(people[["days_since_any"]], on="customer_id")
    last = last.loc[last["days_since"] == last["days_since_any"], PAIR]
    led = last.merge(after, on="category_id")[["customer_id", "after"]].rename(columns={"after": "category_id"})
    return pd.concat([latest, everyone.merge(popular, how="cross"), led]).drop_duplicates(PAIR)


def _season(days: pd.DataFrame, categories: pd.Series) -> pd.Series:
    """Return a category's share in the same weeks of last year against its share of the whole; nan before a year."""
    window = days[(days["ago"] <= YEAR_DAYS) & (days["ago"] > YEAR_DAYS - RECENT_DAYS)]
    if days["ago"].max() < YEAR_DAYS or window.empty:
        return pd.Series(np.nan, categories.index)
    whole = days["category_id"].value_counts(normalize=True)
    then = window["category_id"].value_counts(normalize=True).reindex(whole.index, fill_value=0.0)
    return categories.map((then + 1e-4) / (whole + 1e-4))


def _followed(days: pd.DataFrame, people: pd.DataFrame, pairs: pd.DataFrame, following: pd.DataFrame) -> Floats:
    """Return the highest share with which each category followed one of the customer's last basket."""
    last = days.merge(people[["days_since_any"]], on="customer_id")
    last = last.loc[last["ago"] == last["days_since_any"], PAIR].rename(columns={"category_id": "before"})
    led = last.merge(following, on="before").groupby(["customer_id", "after"])["share"].max().reset_index()
    found = pairs[PAIR].merge(led.rename(columns={"after": "category_id"}), on=PAIR, how="left")["share"]
    return found.fillna(0.0).to_numpy(np.float64)
