"""Category preference: which categories the customer is drawn to, how strongly, how widely.

Affinity adds up what the customer did in a category, weighted by the strength of the act (view < favourite < cart <
purchase) and halved every 90 days. Weights are whole millionths, so that sums, and with them ranks, are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import log
from typing import Any

from penchant.lazy import _, ibis

from ..engine.times import days_between
from ..history.past import Past
from ..history.rows import Rows
from .cycle import bought_cycles
from .declare import per, signal, windowed
from .group import BOUGHT_CATEGORY, CATEGORY, PURCHASES, FeatureGroup, Signal, Windows

STRENGTH = {"view": 1, "favorite": 3, "cart": 4, "purchase": 10}
HALF_LIFE_DAYS = 90
LOOK_BACK_DAYS = 365
N_TOP = 3
_UNIT = 1_000_000


def affinities(past: Past) -> Rows:
    """Return one row per spine row and category that the customer touched.

    Columns: category_id; affinity (whole millionths); rank (0 = the strongest, ties by id); n_bought (lines);
    first_at.
    """
    return past.rows("affinities", lambda: _affinities(past))


def _affinities(past: Past) -> Any:
    acts = past.rows("category_acts", lambda: _acts(past)).where(_.category_id.notnull())
    found = acts.per(
        "category_id",
        affinity=lambda rows: rows.sum(_.weight),
        n_bought=lambda rows: rows.where(_.is_purchase).count(),
        first_at=lambda rows: rows.first(),
    ).relation
    strongest = [ibis.desc("affinity"), ibis.asc("category_id")]
    return past.keep.table(found.mutate(rank=ibis.row_number().over(group_by="row", order_by=strongest)))


def _acts(past: Past) -> Any:
    """Return what was done with a category: views, favourites, carts, and lines bought."""
    parts = []
    if past.has_category:
        bought = past.lines.relation
        parts.append(_weighed(bought, STRENGTH["purchase"], is_purchase=True))
    if past.has_viewed_category:
        rows = past.interactions.relation
        looks = rows.filter(rows.kind.isin(("view", "favorite", "cart")))
        strength = ibis.cases(*[(looks.kind == kind, STRENGTH[kind]) for kind in ("view", "favorite", "cart")])
        parts.append(_weighed(looks, strength, is_purchase=False))
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _weighed(rows: Any, strength: Any, *, is_purchase: bool) -> Any:
    age = days_between(rows.as_of, rows["at"])
    decayed = (age * (-log(2) / HALF_LIFE_DAYS)).exp() * strength * _UNIT
    return rows.select(
        "row", "as_of", "at", "category_id", weight=decayed.round().cast("int64"), is_purchase=is_purchase
    )


def _signals(windows: Windows) -> Iterator[Signal]:
    none = "interested in fewer categories"
    for place, nth in enumerate(("strongest", "second strongest", "third strongest")):
        yield signal(
            f"category_top_{place + 1}", f"category with the {nth} affinity", "code", partial(_top, place), CATEGORY,
            none, "drawn to category {value}",
        )  # fmt: skip
    for place in range(N_TOP):
        yield signal(
            f"category_top_{place + 1}_share", f"share of category_top_{place + 1} in the affinity of all categories",
            "share", partial(_top_share, place), CATEGORY, none, "{value:.0%} of the interest is in one category",
        )  # fmt: skip
    yield signal(
        "category_entropy", "how spread the affinity is over categories: entropy of its shares, in nats", "ratio",
        _entropy, CATEGORY, "no category touched yet",
        ("interested in many categories", "interested in few categories"), unit="nats",
    )  # fmt: skip
    yield signal(
        "n_categories", "categories touched so far", "count", lambda past: affinities(past).count(), CATEGORY,
        reason="{value:,.0f} categories touched so far",
    )  # fmt: skip
    yield signal(
        "n_categories_bought", "categories bought so far", "count",
        lambda past: affinities(past).where(_.n_bought > 0).count(), CATEGORY,
        reason="{value:,.0f} categories bought so far",
    )  # fmt: skip
    yield from windowed(
        windows[1:3] or windows[:1], "category_new_share_{days}d",
        "share of the categories touched in the last {days} days that were never touched before", "share", _new_share,
        CATEGORY, missing="no category touched in {days} days",
        reason=("explores new categories", "stays with known categories"),
    )  # fmt: skip
    yield from _cycle_signals()


def _top(place: int, past: Past) -> Any:
    return affinities(past).where(_.rank == place).max(_.category_id)


def _top_share(place: int, past: Past) -> Any:
    rows = affinities(past)
    return per(rows.where(_.rank == place).max(_.affinity), rows.sum(_.affinity))


def _entropy(past: Past) -> Any:
    rows = affinities(past).where(_.affinity > 0)
    total = rows.sum(_.affinity).nullif(0) / _UNIT
    weighted = rows.sum(_.affinity / _UNIT * (_.affinity / _UNIT).ln())
    entropy = total.ln() - weighted / total
    return ibis.greatest(entropy, 0.0 * total)  # rounding can leave it just below 0 where there is one category


def _new_share(past: Past, days: int) -> Any:
    touched = past.rows("category_acts", lambda: _acts(past)).where(_.category_id.notnull()).within(days)
    recent = touched.per("category_id", n=lambda rows: rows.count())
    new = affinities(past).where(days_between(_.as_of, _.first_at) <= days).count()
    return per(new, recent.count())


def _cycle_signals() -> Iterator[Signal]:
    needs, missing = (BOUGHT_CATEGORY, PURCHASES), "nothing bought in a category whose cycle is known"
    yield signal(
        "bought_repurchase_rate",
        "mean repurchase rate of the categories bought: share of their buyers who bought in them again", "share",
        lambda past: bought_cycles(past).mean(_.repurchase_rate), needs, missing,
        "buys in categories of which {value:.0%} of the buyers buy again", population=True,
    )  # fmt: skip
    yield signal(
        "bought_cycle_days", "mean of the median days between purchases in the categories bought", "days",
        lambda past: bought_cycles(past).mean(_.q5000), needs, missing,
        "buys in categories that are bought every {value:.0f} days", population=True,
    )  # fmt: skip


CATEGORY_PREFERENCE = FeatureGroup("category", "Which categories the customer is drawn to, and how widely.", _signals)
