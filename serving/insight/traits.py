"""What a crowd is described by: traits of each customer as text, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _

from ...features.catalogue import groups_of
from ...features.engine.temporary import Keep
from ...features.history.evaluate import evaluated
from ...features.history.past import Past
from ...features.matrix import available
from ...features.shop import Shop
from ...features.signals.group import Signal
from ...features.signals.price import TIERS
from ...features.signals.profile import PLAIN
from ...features.signals.rfm import SEGMENTS, value_tier
from ...features.signals.stage import STAGES
from .page import seen_before

Question = Callable[[Past], Any]

AGES = (18, 25, 35, 45, 55, 65)
HOURS = 3  # in a band of the day
FEW_VALUES = 6  # of numbers that stand for themselves
MOST_VALUES = 10  # shown of an attribute; what is rarer is "other"
MANY_VALUES = 50
OTHER, UNKNOWN = "other", "unknown"
TOLD = {"stage": STAGES, "value_tier": TIERS[::-1], "rfm_segment": SEGMENTS, "price_tier": TIERS}
FIRST = (*TOLD, *PLAIN, "age_years", "hour_of_day")  # then the shop's further attributes
FAMILIES = ("lifecycle", "rfm", "price", "profile")
MONETARY = "rfm_monetary"


@dataclass(frozen=True, eq=False)
class Traits:
    """The traits of everyone who was seen before a moment.

    Parameters
    ----------
    frame
        One row per customer, by id: the column ``in_crowd``, and a column of text for each trait; missing where it
        is not known.
    values
        Trait -> its values, in the order in which they are read.
    left_out
        Trait -> why it could not be had.
    """

    frame: pd.DataFrame
    values: Mapping[str, Sequence[str]]
    left_out: Mapping[str, str]


def traits_of(shop: Shop, moment: datetime, in_crowd: Question) -> Traits:
    """Return the traits of everyone who was seen before a moment (UTC without a zone), and who is in a crowd."""
    signals, left_out = _signals(shop)
    asked: dict[str, Question] = {one.column.name: one.value for one in signals}
    if MONETARY in asked:
        asked["value_tier"] = _tier(asked.pop(MONETARY))
    asked |= {"in_crowd": in_crowd, "hour_of_day": _hour}
    with Keep(shop.backend) as keep:
        people = evaluated(shop, seen_before(shop, moment), asked, keep)[0]
        raw = people.drop("as_of").order_by("customer_id").to_pyarrow().to_pandas()
    told: dict[str, pd.Series] = {}
    values: dict[str, Sequence[str]] = {}
    for name in [name for name in dict.fromkeys((*FIRST, *asked)) if name in raw and name != "in_crowd"]:
        found, why = _told(name, raw[name])
        if why:
            left_out[name] = why
        else:
            told[_NAMES.get(name, name)], values[_NAMES.get(name, name)] = found
    frame = pd.DataFrame({"in_crowd": raw["in_crowd"].astype(bool), **told})
    return Traits(frame.set_index(raw["customer_id"]), values, left_out)


_NAMES = {"age_years": "age", MONETARY: "value_tier"}


def _tier(score: Question) -> Question:
    return lambda past: value_tier(score(past))


def _signals(shop: Shop) -> tuple[list[Signal], dict[str, str]]:
    """Return the signals that are traits, and those that the shop cannot have."""
    groups = groups_of(shop, FAMILIES)
    signals, missing = available(shop, groups, tuple(shop.config.features.windows))
    attributes = {column.name for group in groups if group.name == "profile" for column in group.columns()}
    wanted = {*TOLD, MONETARY, *attributes}
    left_out = {_NAMES.get(name, name): why for name, why in missing.items() if name in wanted}
    if "profile" in missing:
        left_out |= dict.fromkeys((*PLAIN, "age"), missing["profile"])
    return [one for one in signals if one.column.name in wanted], left_out


def _hour(past: Past) -> Any:
    """Return the hour of the shop's day in which the customer did most; the earliest of equals."""
    return past.rows("hours_of_day", lambda: _hours(past)).where(_.place == 0).max(_.hour)


def _hours(past: Past) -> Any:
    relations = [past.orders.relation, *([past.interactions.relation] if past.has("interactions") else [])]
    acts = [one.select("row", "as_of", hour=past.history.local(one["at"]).hour()) for one in relations]
    whole = ibis.union(*acts) if len(acts) > 1 else acts[0]
    counted = past.rows_of(whole).per("hour", n=lambda rows: rows.count()).relation
    most = [ibis.desc("n"), ibis.asc("hour")]
    return counted.mutate(place=ibis.row_number().over(group_by="row", order_by=most))


def _told(name: str, values: pd.Series) -> tuple[tuple[pd.Series, Sequence[str]], str]:
    """Return a trait as text with its values in order, or why it cannot be told."""
    nothing = (values, ())
    if name in TOLD:
        return (values, [value for value in TOLD[name] if (values == value).any()]), ""
    known = values.dropna()
    if known.empty:
        return nothing, "it is not known for anyone"
    if name == "hour_of_day":
        if set(known) == {0}:
            return nothing, "the shop's times are dates without an hour"
        return _banded(values, range(HOURS, 24, HOURS), _hours_name), ""
    if name == "age_years":
        return _banded(values, AGES, _ages_name), ""
    if pd.api.types.is_numeric_dtype(values):
        return _numbers(values), ""
    if known.nunique() > max(MANY_VALUES, len(known) / 2):
        return nothing, "nearly every customer has a value of its own"
    most = list(known.astype(str).value_counts(sort=True).sort_index(kind="stable").nlargest(MOST_VALUES).index)
    text = values.astype("string").where(values.isna() | values.astype("string").isin(most), OTHER)
    return (text, [*most, *([OTHER] if (text == OTHER).any() and OTHER not in most else [])]), ""


def _numbers(values: pd.Series) -> tuple[pd.Series, Sequence[str]]:
    """Return numbers as themselves where they are few, else as thirds of those who are known."""
    levels = sorted(values.dropna().unique())
    if len(levels) <= FEW_VALUES:
        return values.map(lambda value: f"{value:g}", na_action="ignore").astype("string"), [f"{x:g}" for x in levels]
    cuts = sorted(set(np.quantile(values.dropna(), [1 / 3, 2 / 3], method="higher")))
    return _banded(values, cuts, _numbers_name)


def _banded(
    values: pd.Series, cuts: Sequence[float], name: Callable[[float | None, float | None], str]
) -> tuple[pd.Series, Sequence[str]]:
    """Return the band of each value; a band begins with a cut, and ends before the next."""
    edges = [None, *cuts, None]
    names = [name(low, high) for low, high in pairwise(edges)]
    place = np.searchsorted(np.asarray(cuts, dtype=np.float64), values.fillna(0).to_numpy(np.float64), side="right")
    text = pd.Series(np.asarray(names, dtype=object)[place], values.index, dtype="string").where(values.notna())
    return text, [band for band in names if (text == band).any()]


def _ages_name(low: float | None, high: float | None) -> str:
    if low is None:
        return f"under {high:.0f}"
    return f"{low:.0f} and over" if high is None else f"{low:.0f} to {high - 1:.0f}"


def _hours_name(low: float | None, high: float | None) -> str:
    return f"{low or 0:02.0f} to {high or 24:02.0f} h"


def _numbers_name(low: float | None, high: float | None) -> str:
    if low is None:
        return f"under {high:,g}"
    return f"{low:,g} and over" if high is None else f"{low:,g} to under {high:,g}"
