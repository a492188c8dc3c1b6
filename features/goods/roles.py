"""The role of each item and category: traffic, profit, potential, marginal, or ordinary.

Exactly one, decided in this order; items are held against those of their category, where it has enough of them:

1. *potential*: its buyers, or those who look at it, rise against the shop's own trend, beyond what noise explains;
2. *marginal*: hardly sold, hardly looked at, brings in nobody, and has nothing it is bought with beyond chance;
3. *traffic* or *profit*: whichever it does more of: bringing in customers (first orders, first visits), or earning
   (margin; buyers who come back for it, where no costs are known);
4. *ordinary*: neither, by the thresholds of `ProductRules`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, chi2

from penchant.errors import InputError, LeftOutError
from penchant.lazy import pd

from ..history.past import Past
from ..shop import Shop
from ..signals.cycle import at_one_moment
from .measures import KEYS, LINE_SUMS, By, attention, companions, goods, has_key, repeats, sales

ROLES = ("traffic", "profit", "potential", "marginal", "ordinary")
Floats = npt.NDArray[np.float64]
_FIRSTS = (("n_first_orders", "n_orders"), ("n_first_visits", "n_visits"))
_MOST_ROUNDS = 5


@dataclass(frozen=True)
class ProductRules:
    """The thresholds of the roles.

    Parameters
    ----------
    look_back_days
        What sales, visits, margin, repeat buyers and association are counted in.
    trend_days
        Two windows of so many days are compared, the last and the one before.
    shrinkage
        Shares of a product count as if so many orders, visits or buyers with the shop's share had been added.
    false_rises
        At most this share of the products called rising, or traffic, is expected to be so by chance alone.
    least_growth
        A rising product has so many times the buyers that the shop's own trend lets expect.
    few_orders, few_visits
        So many times the mean of its peers in orders and amounts, and in visits, is hardly sold and hardly looked at.
    least_peers
        Items are held against those of their category where it has so many; else, and categories, against all.
    margin_shrinkage
        A margin counts as if so many orders with the peers' median margin had been added.
    weak_association
        A product is bought alone if its strongest companion comes with it less than so many times as often as chance.
    association_shrinkage
        Orders added to either side of that comparison.
    most_in_basket
        Baskets of more products bring no pairs.
    strong_traffic, strong_profit
        Whoever brings in customers, or earns, so many times as well as its peers has the role.

    References
    ----------
    Benjamini and Hochberg (1995), Controlling the false discovery rate, J. R. Statist. Soc. B 57; Fisher (1932),
    Statistical methods for research workers: the chances of first orders and first visits taken together.
    """

    look_back_days: int = 365
    trend_days: int = 120
    shrinkage: float = 10.0
    false_rises: float = 0.2
    least_growth: float = 1.25
    few_orders: float = 0.2
    few_visits: float = 0.13
    least_peers: int = 5
    margin_shrinkage: float = 2.0
    weak_association: float = 2.0
    association_shrinkage: float = 5.0
    most_in_basket: int = 50
    strong_traffic: float = 1.05
    strong_profit: float = 1.2


RULES = ProductRules()


def products(shop: Shop, as_of: datetime, by: By = "item", rules: ProductRules = RULES) -> pd.DataFrame:
    """Return the role of each product known before a moment, and the measures that it rests on.

    Parameters
    ----------
    shop
        The shop.
    as_of
        The moment, UTC without a zone; only what was known strictly before counts.
    by
        ``item`` or ``category``.
    rules
        The thresholds.

    Returns
    -------
    pandas.DataFrame
        Sorted by id: item_id (and category_id), role; counts within the look-back (0 where nothing); amount and margin
        in major units (NaN where unknown); margin_share, repeat_share (shrunk); growth (1 = as the shop) and rise_p,
        both NaN where nobody bought in one of the two windows; association, companion; traffic_index and profit_index
        (1 = its peers' average).

    Raises
    ------
    LeftOutError
        If the shop does not say what was bought or looked at.
    InputError
        If ``by`` is neither item nor category.
    """
    return at_one_moment(shop, as_of, lambda everyone: products_of(everyone, by, rules))


def products_of(everyone: Past, by: By = "item", rules: ProductRules = RULES) -> pd.DataFrame:
    """Return `products` of a past of everyone, at one moment."""
    if by not in KEYS:
        raise InputError("by", "'item' or 'category'", f"'{by}'")
    return with_roles(measures(everyone, by, rules), rules, everyone.history.shop.decimals)


def measures(everyone: Past, by: By, rules: ProductRules = RULES) -> pd.DataFrame:
    """Return what is counted of each product, in whole numbers and minor units, sorted by id."""
    key, days = KEYS[by], rules.look_back_days
    bought, looked = has_key(everyone, key)
    if not bought and not looked:
        raise LeftOutError(
            "product roles", f"the {by} of what is bought or looked at", f"a shop without {key}",
            f"Give orders or interactions their {key}",
        )  # fmt: skip
    parts = [known_products(everyone, by)]
    if bought:
        parts += [sales(everyone, key, days, rules.trend_days), repeats(everyone, key, days)]
        parts += [companions(everyone, key, days, rules.association_shrinkage, rules.most_in_basket)]
    if looked:
        parts += [attention(everyone, key, days, rules.trend_days)]
    frames = [part.to_pyarrow().to_pandas() for part in parts]
    found = reduce(lambda one, other: one.merge(other, on=key, how="left", validate="1:1"), frames)
    counts = [name for name in found if name.startswith("n_") or name in (*LINE_SUMS, "costed_amount")]
    return found.assign(**{name: found[name].fillna(0).astype("int64") for name in counts}).sort_values(
        key, ignore_index=True
    )


def known_products(everyone: Past, by: By) -> Any:
    """Return the items (with their category) or the categories that are known at the moment."""
    key = KEYS[by]
    if has_key(everyone, "item_id") != (False, False):
        known = goods(everyone)
        if by == "item":
            return known.select("item_id", "category_id")
        return known.select("category_id").filter(known.category_id.notnull()).distinct()
    rows = everyone.lines.relation if has_key(everyone, key)[0] else everyone.interactions.relation
    return rows.filter(rows[key].notnull()).select(key).distinct()


def with_roles(found: pd.DataFrame, rules: ProductRules = RULES, decimals: int = 2) -> pd.DataFrame:
    """Return the measures with indices and exactly one role for each product."""
    peers = _peers(found, rules)
    told = found.assign(**_shares(found, rules), **_trend(found, rules))
    told = told.assign(traffic_index=_traffic(found, peers, rules), profit_index=_profit(told, peers, rules))
    traffic, profit = told["traffic_index"].to_numpy(), told["profit_index"].to_numpy()
    brings = (traffic >= rules.strong_traffic) & _surely_brings(found, peers, rules)
    earns = profit >= rules.strong_profit
    role = np.select(
        [told["is_rising"], _is_marginal(told, peers, rules) & ~brings, brings & (traffic > profit), earns, brings],
        ["potential", "marginal", "traffic", "profit", "traffic"],
        "ordinary",
    )
    money = [name for name in ("amount", "margin") if name in told]
    told = told.assign(role=role, **{name: told[name] / 10**decimals for name in money})
    ids = [name for name in ("item_id", "category_id") if name in told]
    rest = [name for name in told if name not in (*ids, "role", "costed_amount", "n_both", "is_rising")]
    return told[[*ids, "role", *rest]]


def _peers(found: pd.DataFrame, rules: ProductRules) -> pd.Series:
    """Return the group that each product is held against: an item's category where it is large enough, else all."""
    if not {"item_id", "category_id"} <= set(found):
        return pd.Series("", index=found.index)
    category = found["category_id"].astype("object").where(found["category_id"].notna(), "")
    return category.where(category.groupby(category).transform("size") >= rules.least_peers, "")


def _of_peers(values: Floats, peers: pd.Series, how: str) -> Floats:
    """Return for each product the sum, mean or median of its peers; those without a group have all products."""
    whole = pd.Series(values, peers.index)
    of: Any = whole.groupby(peers)
    grouped = of.transform(how).to_numpy(np.float64)
    return np.where(peers == "", getattr(whole, how)(), grouped)


def _is_marginal(told: pd.DataFrame, peers: pd.Series, rules: ProductRules) -> npt.NDArray[np.bool_]:
    """Return which products are hardly sold and hardly looked at, with nothing that they are bought with."""
    few = ~(_numbers(told, "association") >= rules.weak_association)
    shares = {"n_orders": rules.few_orders, "amount": rules.few_orders, "n_visits": rules.few_visits}
    for name, share in shares.items():
        if name in told:
            few &= _count(told, name) < share * _of_peers(_count(told, name), peers, "mean")
    return few


def _shares(found: pd.DataFrame, rules: ProductRules) -> dict[str, Floats]:
    n_buyers, n_again = _count(found, "n_buyers"), _count(found, "n_repeat_buyers")
    shares = {"repeat_share": shrunk(n_again, n_buyers, rules.shrinkage)}
    if "margin" in found:
        costed, margin = _count(found, "costed_amount"), _count(found, "margin")
        shares["margin_share"] = np.divide(margin, costed, out=np.full(len(found), np.nan), where=costed > 0)
        shares |= {name: np.where(costed > 0, values, np.nan) for name, values in (("margin", margin),)}
    return shares


def _traffic(found: pd.DataFrame, peers: pd.Series, rules: ProductRules) -> Floats:
    """Return how well each product brings in customers: 1 = as its peers."""
    indices = [
        index(_count(found, first), _count(found, whole), rules.shrinkage, peers)
        for first, whole in _FIRSTS
        if whole in found
    ]
    return np.asarray(np.mean(indices, axis=0))


def _surely_brings(found: pd.DataFrame, peers: pd.Series, rules: ProductRules) -> npt.NDArray[np.bool_]:
    """Return which products have more first orders and visits than chance gives them of their peers' share.

    Those that are found no longer count among the peers of the others, whose share they would raise.
    """
    brings = np.zeros(len(found), bool)
    for _round in range(_MOST_ROUNDS):
        more = discoveries(_chance_of_firsts(found, peers, ~brings), rules.false_rises) | brings
        if (more == brings).all():
            break
        brings = more
    return brings


def _chance_of_firsts(found: pd.DataFrame, peers: pd.Series, counts: npt.NDArray[np.bool_]) -> Floats:
    """Return the chance of so many first orders and visits, of those peers' share that count."""
    statistic, freedom = np.zeros(len(found)), 0
    for first, whole in _FIRSTS:
        if whole in found:
            hits, of = _count(found, first), _count(found, whole)
            share = _of_peers(hits * counts, peers, "sum") / np.maximum(_of_peers(of * counts, peers, "sum"), 1.0)
            chance = np.where(of > 0, rise_chance(hits, of, np.clip(share, 0.0, 1.0)), 1.0)
            statistic, freedom = statistic - 2 * np.log(np.maximum(chance, 1e-300)), freedom + 2
    return np.asarray(chi2.sf(statistic, freedom)) if freedom else np.ones(len(found))


def _profit(told: pd.DataFrame, peers: pd.Series, rules: ProductRules) -> Floats:
    """Return how well each product earns: 1 = as its peers; by its margin, else by the buyers who come back."""
    if "n_buyers" not in told:
        return np.ones(len(told))
    again = index(_count(told, "n_repeat_buyers"), _count(told, "n_buyers"), rules.shrinkage, peers)
    if "margin_share" not in told:
        return again
    share, n_orders = told["margin_share"].to_numpy(np.float64), _count(told, "n_orders")
    typical = _of_peers(share, peers, "median")
    own = np.where(np.isnan(share), typical, share)
    held = (own * n_orders + typical * rules.margin_shrinkage) / (n_orders + rules.margin_shrinkage)
    return np.where(typical > 0, held / np.where(typical > 0, typical, 1.0), again)


def shrunk(hits: Floats, of: Floats, shrinkage: float) -> Floats:
    """Return shares, as if ``shrinkage`` more had the share of all together; NaN where there is nothing at all.

    Examples
    --------
    >>> shrunk(np.array([5.0, 0.0]), np.array([10.0, 10.0]), 10.0).tolist()
    [0.375, 0.125]
    """
    total = of.sum()
    overall = hits.sum() / total if total else np.nan
    return (hits + shrinkage * overall) / np.where(of + shrinkage > 0, of + shrinkage, np.nan)


def index(hits: Floats, of: Floats, shrinkage: float, peers: pd.Series | None = None) -> Floats:
    """Return shrunk shares by the share of all peers together: 1 = average; 1 for all where nothing was ever hit.

    Without ``peers`` all products are.
    """
    groups = pd.Series("", index=range(len(hits))) if peers is None else peers
    all_hits, all_of = _of_peers(hits, groups, "sum"), _of_peers(of, groups, "sum")
    overall = np.divide(all_hits, all_of, out=np.zeros(len(hits)), where=all_of > 0)
    own = (hits + shrinkage * overall) / np.where(of + shrinkage > 0, of + shrinkage, np.nan)
    return np.divide(own, overall, out=np.ones(len(hits)), where=overall > 0)


def _trend(found: pd.DataFrame, rules: ProductRules) -> dict[str, Any]:
    """Return growth against the shop's own, the chance of as much by noise alone, and whether it is a rise."""
    trends = {kind: _rise(found, kind, rules) for kind in ("buyers", "lookers")}
    told = trends["buyers" if "n_buyers_now" in found else "lookers"]
    return {**told, "is_rising": trends["buyers"]["is_rising"] | trends["lookers"]["is_rising"]}


def _rise(found: pd.DataFrame, kind: str, rules: ProductRules) -> dict[str, Any]:
    """Return the trend of the customers who bought, or looked at, each product."""
    now, before = _count(found, f"n_{kind}_now"), _count(found, f"n_{kind}_before")
    n_now, n_before = now.sum(), before.sum()
    if not n_now or not n_before:  # one window is empty: a shop as young as that has no trend
        unknown = np.full(len(found), np.nan)
        return {"growth": unknown, "rise_p": unknown, "is_rising": np.zeros(len(found), bool)}
    share = n_now / (n_now + n_before)
    k = rules.shrinkage
    growth = (now + k * share) / (before + k * (1 - share)) * (n_before / n_now)
    chance = rise_chance(now, now + before, share)
    rising = discoveries(chance, rules.false_rises) & (growth >= rules.least_growth)
    return {"growth": growth, "rise_p": chance, "is_rising": rising}


def rise_chance(now: Floats, both: Floats, share: float | Floats) -> Floats:
    """Return the chance that ``now`` or more of ``both`` fall into a window by lot, each with this probability."""
    return np.asarray(binom.sf(now - 1, both, share), dtype=np.float64)


def discoveries(chances: Floats, false_share: float) -> npt.NDArray[np.bool_]:
    """Return which of several findings stand if at most a share of those that do may be chance.

    Examples
    --------
    >>> discoveries(np.array([0.01, 0.04, 0.06, 0.9]), 0.1).tolist()
    [True, True, True, False]
    """
    ranked = np.sort(chances)
    allowed = ranked <= false_share * np.arange(1, len(ranked) + 1) / max(len(ranked), 1)
    return chances <= ranked[allowed].max() if allowed.any() else np.zeros(len(chances), bool)


def _count(found: pd.DataFrame, name: str) -> Floats:
    return found[name].to_numpy(np.float64, na_value=0.0) if name in found else np.zeros(len(found))


def _numbers(found: pd.DataFrame, name: str) -> Floats:
    return found[name].to_numpy(np.float64, na_value=np.nan) if name in found else np.full(len(found), np.nan)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else 0.0
