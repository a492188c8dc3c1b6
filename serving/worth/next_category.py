"""The category that each buyer buys next: learned from earlier moments, judged on the latest, beside simple rules.

Where the ranking is not better than the best of the rules on customers it has not seen, the rule is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from penchant.errors import LeftOutError, TooLittleDataError

from ...features.shop import Shop
from ...features.signals.cycle import PastAt, everyone_prepared
from ...features.signals.group import BOUGHT_CATEGORY, PURCHASES, joined_needs, unmet_needs
from ...models.estimators.category_ranking import CategoryRanker
from ...models.inputs.arrays import Floats
from ...models.inputs.estimate import Estimate
from .category_pairs import NUMBERS, PAIR, Baskets, baskets_before, pairs_of

NEXT_DAYS = 90
MOST_LEARNED = 10_000  # customers
N_TOLD = 3
NEXT_CATEGORY_COLUMNS = ("next_category", "next_category_2", "next_category_3")
RULES = {"last category": "days_since", "most bought": "n_days", "item to item": "follows"}
RANKED = "ranking"
REACH = 1.959964  # standard errors of a 95 % interval


@dataclass(frozen=True, eq=False)
class NextCategories:
    """What each buyer buys next.

    Attributes
    ----------
    frame
        customer_id, sorted, and `NEXT_CATEGORY_COLUMNS`, likeliest first.
    used
        ``ranking``, or the rule that was no worse.
    hits
        Way -> share of customers whose next basket, within 90 days, held its first category, and one of its first
        three; of those whose next basket is known.
    n_judged
        How many they were.
    differences
        Rule -> the ranking's two shares less the rule's, on the same customers, each with its 95 % interval.
    """

    frame: pd.DataFrame
    used: str
    hits: Mapping[str, tuple[float, float]]
    n_judged: int
    differences: Mapping[str, tuple[Estimate, Estimate]]

    def as_dict(self) -> dict[str, Any]:
        """Return what was measured, in types that JSON knows."""
        hits = {way: {"top_1": one, "top_3": three} for way, (one, three) in self.hits.items()}
        less = {
            rule: {"top_1": one.as_dict(), "top_3": three.as_dict()} for rule, (one, three) in self.differences.items()
        }
        told = {"n_customers": len(self.frame), "used": self.used, "n_judged": self.n_judged}
        return told | {"hits": hits, "ranking_less_rule": less}


def next_categories(shop: Shop, as_of: datetime, past_at: PastAt | None = None) -> NextCategories:
    """Return the three categories that each buyer most likely buys next.

    Parameters
    ----------
    shop, as_of
        The shop, and the moment, UTC without a zone.
    past_at
        What shows the past of everyone at a moment, where the shop's rows are prepared already.

    Raises
    ------
    LeftOutError
        If the shop does not know what category is bought.
    TooLittleDataError
        If too few customers bought again to learn from and to judge on.
    """
    missing = unmet_needs((PURCHASES, BOUGHT_CATEGORY), shop.has)
    if missing:
        raise LeftOutError("next category", f"a shop with {joined_needs(missing)}", "a shop without")
    moments = [as_of - timedelta(days=NEXT_DAYS * place) for place in (2, 1, 0)]
    with everyone_prepared(shop) if past_at is None else nullcontext(past_at) as seen:
        first, second, now = (baskets_before(seen(moment), moment) for moment in moments)
    if first.days.empty or second.days.empty:
        raise TooLittleDataError("next category", f"purchases before {moments[0]:%Y-%m-%d}", "none")
    seed = shop.config.seed
    learned, judged = (
        _with_came(pairs_of(_sampled(before, seed)), after.days) for before, after in ((first, second), (second, now))
    )
    ranker = CategoryRanker(seed=seed).fit(learned[list(NUMBERS)], learned["came"], learned["customer_id"])
    scores = {RANKED: ranker.predict(judged[list(NUMBERS)])} | {name: _rule(judged, name) for name in RULES}
    top = {name: hits_of(judged, score) for name, score in scores.items()}
    best = max(RULES, key=lambda name: (float(top[name][:, 0].mean()), name))
    used = RANKED if top[RANKED][:, 0].mean() >= top[best][:, 0].mean() else best
    pairs = pairs_of(now)
    if used == RANKED:
        both = pd.concat([learned, judged.assign(customer_id="+" + judged["customer_id"].astype(str))])
        ranker = CategoryRanker(seed=seed).fit(both[list(NUMBERS)], both["came"], both["customer_id"])
        score = ranker.predict(pairs[list(NUMBERS)])
    else:
        score = _rule(pairs, used)
    hits = {name: (float(found[:, 0].mean()), float(found[:, 1].mean())) for name, found in top.items()}
    less = {name: _paired(top[RANKED] - top[name]) for name in RULES}
    return NextCategories(_first_of(pairs, score), used, hits, len(top[RANKED]), less)


def _paired(less: Floats) -> tuple[Estimate, Estimate]:
    """Return the means of two columns of differences of the same customers; a further half hit and miss widen them."""
    n = len(less)
    value = less.mean(axis=0)
    reach = REACH * np.sqrt((np.square(less - value).sum(axis=0) + 1) / (n * (n + 1)))
    one, three = (Estimate(float(v), float(v - r), float(v + r)) for v, r in zip(value, reach, strict=True))
    return one, three


def _sampled(baskets: Baskets, seed: int) -> Baskets:
    people = baskets.days["customer_id"].unique()
    if len(people) <= MOST_LEARNED:
        return baskets
    chosen = np.random.default_rng(seed).choice(np.sort(people), MOST_LEARNED, replace=False)
    days, looks = (
        rows[rows["customer_id"].isin(chosen)].reset_index(drop=True) for rows in (baskets.days, baskets.looks)
    )
    return Baskets(days, looks)


def _with_came(pairs: pd.DataFrame, later: pd.DataFrame) -> pd.DataFrame:
    """Return pairs with whether the category was in the customer's first basket of the 90 days that followed."""
    after = later[later["ago"] < NEXT_DAYS]
    first = after.groupby("customer_id")["ago"].transform("max")
    basket = after.loc[after["ago"] == first, PAIR].assign(came=1)
    return pairs.merge(basket, on=PAIR, how="left").assign(
        came=lambda rows: rows["came"].fillna(0).astype(int), bought=pairs["customer_id"].isin(basket["customer_id"])
    )


def _rule(pairs: pd.DataFrame, name: str) -> Floats:
    """Return a rule's score of each pair; what it does not tell apart goes by number of days, then popularity."""
    column = pairs[RULES[name]]
    own = -column.fillna(np.inf) if name == "last category" else column.fillna(0.0)
    rank = own.replace(-np.inf, -1e9).rank(method="dense")
    return (rank + 0.5 * pairs["n_days"].rank(pct=True).fillna(0) + 0.1 * pairs["popularity"]).to_numpy(np.float64)


def hits_of(pairs: pd.DataFrame, score: Floats) -> Any:
    """Return for each customer with a next basket whether it held the first, and one of the first three, (n, 2)."""
    asked = pairs.assign(score=score)[pairs["bought"]]
    order = asked.sort_values(["customer_id", "score", "category_id"], ascending=[True, False, True])
    place = order.groupby("customer_id").cumcount()
    found = order.assign(one=order["came"] * (place < 1), three=order["came"] * (place < N_TOLD))
    hits = found.groupby("customer_id")[["one", "three"]].max().to_numpy(np.float64)
    if not len(hits):
        raise TooLittleDataError("next category", "customers who bought again within 90 days", "none")
    return hits


def _first_of(pairs: pd.DataFrame, score: Floats) -> pd.DataFrame:
    order = pairs[PAIR].assign(score=score)
    order = order.sort_values(["customer_id", "score", "category_id"], ascending=[True, False, True])
    place = order.groupby("customer_id").cumcount()
    wide = order[place < N_TOLD].assign(place=place).pivot(index="customer_id", columns="place", values="category_id")
    wide = wide.reindex(columns=range(N_TOLD)).set_axis(list(NEXT_CATEGORY_COLUMNS), axis=1)
    return wide.reset_index().sort_values("customer_id", ignore_index=True)
