"""The insight page of look-alikes: what best customers have that strangers lack, whether it foretells, who has it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from penchant.errors import TooLittleDataError
from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.shop import Shop
from ...models.inputs.estimate import Estimate
from .intervals import index_of, mean_of, normal_quantile, wilson
from .likeness_judged import BY_LIKENESS, JudgedLikeness, LookalikeRules, judge_likeness
from .outside import match_list, traits_for
from .page import InsightPage, InsightTable, moment_of

N_SHOWN = 20
FIFTHS = 5

_ORDERS = {
    "order": PageColumn("strangers ordered by"),
    "auc": PageColumn("AUC", ".3f"),
    "lift_top_tenth": PageColumn("lift of the top tenth", ".2f"),
}
_TRAITS = {
    "trait": PageColumn("trait"),
    "value": PageColumn("value"),
    "of_best": PageColumn("of the best", ".1%"),
    "of_strangers": PageColumn("of strangers", ".1%"),
    "index": PageColumn("index", ",.0f"),
}
_SCORED = {
    "customer_id": PageColumn("customer"),
    "likeness": PageColumn("likeness", ",.2f"),
    "fifth": PageColumn("fifth", ",d"),
}


def lookalikes_page(
    shop: Shop, as_of: datetime | None = None, rules: LookalikeRules | None = None, outside: pd.DataFrame | None = None
) -> InsightPage:
    """Return who resembles the best customers, and how such a ranking did in the past.

    Parameters
    ----------
    shop
        The shop.
    as_of
        UTC without a zone; default: the end of the shop's data.
    rules
        Who is best, and for how long strangers of the past are followed.
    outside
        A list to be scored: ids (``customer_id``, or ``customer_id_sha256``), or attributes as ``customers`` has them.

    Raises
    ------
    LeftOutError
        If best customers and strangers have nothing in common.
    TooLittleDataError
        If there are too few to learn from or to judge by, or a list is given and the ranking is not surely better than
        chance.
    """
    moment, rules = moment_of(shop, as_of), rules or LookalikeRules()
    judged = judge_likeness(shop, moment, rules, traits_for(shop, outside))
    auc = judged.metrics[BY_LIKENESS]["auc"]
    tables = [_judged(judged), _fifths(judged, shop.currency), _traits(judged)]
    left_out = dict(judged.left_out)
    if judged.is_better_than_chance:
        edges = fifth_edges(judged)
        tables.append(_strangers(judged, edges))
        tables += [] if outside is None else [_outside(judged, outside, edges)]
    elif outside is not None:
        raise TooLittleDataError(
            "look-alikes of a list", "a ranking surely better than chance, an AUC above 0.5", f"an AUC of {auc:.2f}"
        )
    else:
        left_out["the customers ranked"] = f"the ranking is not surely better than chance: AUC {auc:.2f}"
    n_best, n_strangers = int(judged.people["is_best"].sum()), int(judged.people["is_stranger"].sum())
    lead = (
        f"{n_best:,} best customers (paid {judged.threshold:,.0f} or more in the {rules.days} days before "
        f"{shop_time(moment, shop.timezone)}) against {n_strangers:,} who never ordered. Judged on "
        f"{len(judged.then):,} strangers of {rules.days} days earlier: {int(judged.then['became_good'].sum()):,} "
        "became as good since."
    )
    facts = {"as_of": moment.isoformat(), "n_best": n_best, "n_strangers": n_strangers, "traits": list(judged.traits)}
    return InsightPage("lookalikes", "Look-alikes of the best", lead, tuple(tables), facts, left_out, _NOTES)


_NOTES = (
    "Likeness: how much likelier somebody with these traits is among the best customers than among those who never "
    "ordered; 1 says nothing. Traits count each for itself, and what is not known says nothing (naive Bayes on "
    "positive and unlabelled rows).",
    "Whoever was seen last is the rule to beat for strangers who come to the shop, so that they are ordered by "
    "likeness and last visit together, with weights learned from strangers of one turn before; a list from outside "
    "has no visits.",
    "Attributes are as they stand today, and unknown before the registration. Intervals of 95 %; those of traits and "
    "of fifths hold jointly.",
)


def fifth_edges(judged: JudgedLikeness) -> np.ndarray:
    """Return the likeness at which the fifths of the shop's strangers end; 1 is the most alike."""
    strangers = judged.people[judged.people["is_stranger"]]
    return np.quantile(judged.likeness.log_ratio(strangers), np.arange(FIFTHS - 1, 0, -1) / FIFTHS)


def _judged(judged: JudgedLikeness) -> InsightTable:
    rows = [{"order": name, **found} for name, found in judged.metrics.items()]
    rows.append({"order": "chance", "auc": Estimate(0.5, 0.5, 0.5), "lift_top_tenth": Estimate(1.0, 1.0, 1.0)})
    return InsightTable("judged", "Who became good later", _ORDERS, rows, drawn="auc", drawn_from=0.5)


def _fifths(judged: JudgedLikeness, currency: str) -> InsightTable:
    """Return by fifth of the likeness then how many became good since, and what they paid."""
    then = judged.then
    place = then["log_ratio"].rank(method="average", ascending=False, pct=True).to_numpy()
    fifth = np.minimum(np.ceil(place * FIFTHS), FIFTHS).astype(int)
    z, level = normal_quantile(n_together=2 * FIFTHS), 0.95 ** (1 / (2 * FIFTHS))
    rows = []
    for number in sorted(set(fifth)):
        some = then[fifth == number]
        good, paid = int(some["became_good"].sum()), some["spent_later"].to_numpy(np.float64)
        rows.append({"fifth": str(number), "n": len(some), "good": wilson(good, len(some), z)})
        rows[-1]["paid"] = mean_of(paid, level)
    columns = {
        "fifth": PageColumn("fifth by likeness"),
        "n": PageColumn("strangers then", ",d"),
        "good": PageColumn("became good", ".1%"),
        "paid": PageColumn(f"paid since, {currency}", ",.2f"),
    }
    return InsightTable("fifths", "By fifth of the likeness then, most alike first", columns, rows, drawn="good")


def _traits(judged: JudgedLikeness) -> InsightTable:
    """Return what the best have more or less often than strangers, what differs surely alone, most first."""
    best = judged.people[judged.people["is_best"]]
    strangers = judged.people[judged.people["is_stranger"]]
    values = [(name, value) for name in judged.traits for value in judged.likeness.evidence[name].index]
    z = normal_quantile(n_together=len(values))
    rows: list[dict[str, Any]] = []
    for name, value in values:
        ours, theirs = (judged.likeness.values_of(name, some[name]) for some in (best, strangers))
        inside = (int((ours == value).sum()), int(ours.notna().sum()))
        base = (inside[0] + int((theirs == value).sum()), inside[1] + int(theirs.notna().sum()))
        index = index_of(inside, base, z)
        if index.low > 100 or index.high < 100:
            of_strangers = (base[0] - inside[0]) / max(base[1] - inside[1], 1)
            said = {"of_best": inside[0] / inside[1], "of_strangers": of_strangers, "index": index}
            rows.append({"trait": name, "value": judged.likeness.words_of(name, value), **said})
    rows.sort(key=lambda row: -abs(np.log(max(row["index"].value, 1.0) / 100)))
    title = "What sets the best apart (index: 100 = as both together)"
    return InsightTable("traits_found", title, _TRAITS, rows, drawn="index", drawn_from=100, n_shown=N_SHOWN)


def _strangers(judged: JudgedLikeness, edges: np.ndarray) -> InsightTable:
    strangers = judged.people[judged.people["is_stranger"]]
    ratio = judged.likeness.log_ratio(strangers)
    chance = judged.chance
    order = np.lexsort((strangers.index.to_numpy(str), -ratio if chance is None else -chance))
    rows = [
        {
            "customer_id": str(strangers.index[at]),
            "likeness": float(np.exp(ratio[at])),
            "fifth": _fifth(ratio[at], edges),
            **({} if chance is None else {"chance": float(chance[at])}),
        }
        for at in order
    ]
    title = "Strangers most alike" if chance is None else "Strangers most likely to become good"
    columns = _SCORED if chance is None else _SCORED | {"chance": PageColumn("chance to become good", ".1%")}
    return InsightTable("strangers", title, columns, rows, n_shown=N_SHOWN)


def _fifth(ratio: float, edges: np.ndarray) -> int:
    return 1 + int((ratio < edges).sum())


def _outside(judged: JudgedLikeness, outside: pd.DataFrame, edges: np.ndarray) -> InsightTable:
    """Return the list as it came, each row with its likeness, its fifth among the shop's strangers, and who it is."""
    found = match_list(outside, judged)
    ratio = judged.likeness.log_ratio(found)
    said = outside.astype(object).where(outside.notna(), None).to_dict("records")
    rows: list[dict[str, Any]] = []
    for row, one, status in zip(said, ratio, found["status"], strict=True):
        scored = status != "not known"
        told = {"likeness": float(np.exp(one)), "fifth": _fifth(one, edges)} if scored else dict.fromkeys(_SCORED)
        rows.append(
            {
                **{str(name): cell for name, cell in row.items()},
                "status": status,
                "likeness": told["likeness"],
                "fifth": told["fifth"],
            }
        )
    columns = {str(name): PageColumn(str(name)) for name in outside} | {"status": PageColumn("who it is")}
    columns |= {name: _SCORED[name] for name in ("likeness", "fifth")}
    return InsightTable("list", "The list, scored", columns, rows, n_shown=N_SHOWN)
