"""RFM scores: recency, frequency and monetary value as quintiles 1 to 5 of all buyers, their total and a named segment.

The population is everyone who had bought before the midnight (UTC) that precedes as_of, not the rows that are built:
a customer who is scored alone gets the same scores as among all others. A score is 1 plus the number of quintile cuts
that the value lies above (below, for recency), so equal values get equal scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from penchant.lazy import _, ibis

from ..engine.times import days_before, days_between
from ..history.past import Past
from .declare import signal
from .group import PURCHASES, FeatureGroup, Signal

LOOK_BACK_DAYS = 720
QUINTILES = (0.2, 0.4, 0.6, 0.8)
Cuts = Mapping[str, tuple[float, ...]]
VALUE_TIERS = {5: "high", 4: "middle", 3: "middle", 2: "low", 1: "low"}  # of a buyer, by the monetary score
SEGMENTS = (
    "champion",
    "loyal",
    "potential_loyal",
    "recent",
    "promising",
    "needs_attention",
    "about_to_sleep",
    "at_risk",
    "cannot_lose",
    "hibernating",
    "lost",
)


def rfm_group(days: int = LOOK_BACK_DAYS, cuts: Cuts | None = None) -> FeatureGroup:
    """Return the group of RFM scores.

    Parameters
    ----------
    days
        Frequency and monetary value count the purchases of so many days: as far back as recency tells customers
        apart, so that a lapsed customer who had spent much is found.
    cuts
        Fixed cuts instead of quintiles: four rising numbers for each of ``recency`` (days), ``frequency`` and
        ``monetary`` (major units).
    """
    return FeatureGroup("rfm", __doc__.split("\n")[0], lambda _windows: _signals(days, cuts or {}))


def _signals(days: int, cuts: Cuts) -> Iterator[Signal]:
    parts = {
        "recency": "how recently the customer bought: 5 = the most recent fifth of all buyers",
        "frequency": f"purchases in {days} days: 5 = the most frequent fifth of all buyers",
        "monetary": f"amount paid in {days} days: 5 = the highest fifth of all buyers",
    }
    none = "no purchase yet"
    for name, meaning in parts.items():
        yield signal(
            f"rfm_{name}", meaning, "score", partial(_score, name, days, cuts), _needs(name), none,
            f"{name} score {{value:.0f}} of 5", buying=1, population=name not in cuts,
        )  # fmt: skip
    all_needs, is_compared = (*_needs("recency"), *_needs("monetary")), len(cuts) < 3
    yield signal(
        "rfm_total", "sum of the three scores", "score", lambda past: sum(scores(past, days, cuts).values()),
        all_needs, none, "RFM score {value:.0f} of 15", low=3, high=15, buying=1, population=is_compared,
    )  # fmt: skip
    yield signal(
        "rfm_segment", f"named segment by recency and the mean of frequency and monetary: {', '.join(SEGMENTS)}",
        "code", lambda past: segment_of(scores(past, days, cuts)), all_needs, none, "RFM segment {value}",
        population=is_compared,
    )  # fmt: skip


def _score(name: str, days: int, cuts: Cuts, past: Past) -> Any:
    return scores(past, days, cuts)[name]


def _needs(name: str) -> tuple[str, ...]:
    return ("orders.amount",) if name == "monetary" else (PURCHASES,)


def scores(past: Past, days: int, cuts: Cuts = MappingProxyType({})) -> dict[str, Any]:
    """Return the scores of each spine row as expressions: float 1 to 5, null without a purchase."""
    fixed = "".join(f" {name} {cuts[name]}" for name in sorted(cuts))
    return past.let(f"rfm_{days}{fixed}", lambda: _scores(past, days, cuts))


def _scores(past: Past, days: int, cuts: Cuts) -> dict[str, Any]:
    recent = past.purchases.within(days)
    values = {"recency": past.days_since(past.purchases.last()), "frequency": recent.count()}
    if past.has("orders", "amount"):
        values["monetary"] = recent.sum(_.amount)
    unit = 10**past.history.shop.decimals
    found = {}
    for name, value in values.items():
        if name in cuts:
            limits = [ibis.literal(cut * unit if name == "monetary" else cut) for cut in cuts[name]]
        else:
            shared = past.share(f"rfm_cuts_{days}", lambda everyone: rfm_cuts(everyone, days))
            limits = [shared[f"{name}_{share:.0%}"] for share in QUINTILES]
        above = [(value < limit) if name == "recency" else (value > limit) for limit in limits]
        score = 1.0 + sum(one.cast("int8") for one in above)
        found[name] = ibis.cases((past.purchases.count() > 0, score))
    return found


def rfm_cuts(everyone: Past, days: int) -> Any:
    """Return the quintile cuts of all buyers, one row per as_of: ``recency_20%`` ... ``monetary_80%``."""
    rows = everyone.purchases.relation
    is_recent = rows["at"] >= days_before(rows.as_of, days)
    values = {"frequency": ibis.cases((is_recent, 1)).count()}
    if "amount" in rows.columns:
        values["monetary"] = ibis.cases((is_recent, rows.amount)).sum().fill_null(0)
    buyers = rows.group_by("row", "as_of").aggregate(last_at=rows["at"].max(), **values)
    buyers = buyers.mutate(recency=days_between(_.as_of, _.last_at))
    quantiles = {
        f"{name}_{share:.0%}": buyers[name].quantile(1 - share if name == "recency" else share)
        for name in ("recency", *values)
        for share in QUINTILES
    }
    return buyers.group_by("as_of").aggregate(**quantiles)


def value_tier(monetary: Any) -> Any:
    """Return the tier of a monetary score: high, middle or low; null without a purchase."""
    return ibis.cases(*[(monetary == score, name) for score, name in VALUE_TIERS.items()])


def segment_of(found: Mapping[str, Any]) -> Any:
    """Return the segment's name: recency against the mean of frequency and monetary, on the usual grid."""
    recency, value = found["recency"], (found["frequency"] + found["monetary"]) / 2
    return ibis.cases(
        (recency.isnull(), ibis.null("string")),
        ((recency >= 4) & (value >= 4), "champion"),
        ((recency >= 3) & (value >= 3.5), "loyal"),
        ((recency <= 1) & (value >= 4), "cannot_lose"),
        ((recency <= 2) & (value >= 3), "at_risk"),
        ((recency >= 4) & (value >= 2), "potential_loyal"),
        (recency >= 5, "recent"),
        (recency >= 4, "promising"),
        ((recency >= 3) & (value >= 2), "needs_attention"),
        (recency >= 3, "about_to_sleep"),
        ((recency >= 2) & (value >= 1.5), "hibernating"),
        else_="lost",
    )


RFM = rfm_group()
