"""The insight page about one crowd: what its customers are, against all customers, as an index (100 = as the base).

Shares are of those of whom a trait is known, on both sides; the share unknown is told on both. An index is marked
where its interval excludes 100; the intervals of a page hold together with 95 %.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penchant.errors import InputError, LeftOutError, TooLittleDataError, did_you_mean
from penchant.page import PageColumn
from penchant.spreadsheet import shop_time

from ...features.catalogue import groups_of
from ...features.criteria import criterion_named
from ...features.history.past import Past
from ...features.matrix import available
from ...features.shop import Shop
from ...features.signals.crowds import crowds_by_rule
from ...features.signals.rfm import SEGMENTS
from ...features.signals.stage import FUNNEL_STATES, STAGES, funnel_state, stage
from ...models.inputs.estimate import Estimate
from .intervals import index_of, normal_quantile
from .page import InsightPage, InsightTable, moment_of, undated_note
from .traits import UNKNOWN, Traits, traits_of

MARKS = {1: "above", -1: "below", 0: "not separable"}


@dataclass(frozen=True)
class ProfiledCrowd:
    """Who is looked at: a name in words, the question who is in it, and the trait that it is made of, if any."""

    words: str
    holds: Callable[[Past], Any]
    trait: str = ""


def profile_page(shop: Shop, crowd: str, as_of: datetime | None = None) -> InsightPage:
    """Return what a crowd's customers are, against all customers.

    Parameters
    ----------
    shop
        The shop.
    crowd
        A stage, a focus crowd (see `penchant.features.signals.crowds.crowd_named`), or an RFM segment;
        ``stage:loyal`` and ``segment:loyal`` where a name is both; ``funnel:cart`` for a step of the funnel.
    as_of
        UTC without a zone; default: the end of the shop's data.

    Raises
    ------
    InputError
        If there is no such crowd, or the data ends before as_of.
    LeftOutError
        If the shop cannot tell who is in it.
    TooLittleDataError
        If nobody is in it.
    """
    moment = moment_of(shop, as_of)
    chosen = chosen_named(shop, crowd, moment)
    traits = traits_of(shop, moment, chosen.holds)
    is_in = traits.frame["in_crowd"]
    n_crowd, n_base = int(is_in.sum()), len(is_in)
    if not n_crowd:
        raise TooLittleDataError(
            f"crowd '{crowd}' at {shop_time(moment, shop.timezone)}", "at least one customer in it", "none"
        )
    lead = (
        f"{n_crowd:,} of {n_base:,} customers seen before {shop_time(moment, shop.timezone)} ({n_crowd / n_base:.1%}): "
        f"{chosen.words}. Index: the share in the crowd against the share in the base, 100 = as the base."
    )
    facts = {"as_of": moment.isoformat(), "crowd": crowd, "n_crowd": n_crowd, "n_base": n_base}
    notes = (
        "Shares are of those of whom a trait is known; 'unknown' is of all. The base holds the crowd. An index is "
        "'above' or 'below' where its interval excludes 100; all intervals hold together with 95 % (Sidak).",
        "Attributes of customers are taken as they are today; everything else as known strictly before as_of.",
        *undated_note(shop, moment),
    )
    table = profile_table(traits, chosen.trait)
    return InsightPage("profile", f"Profile: {crowd}", lead, (table,), facts, traits.left_out, notes)


def chosen_named(shop: Shop, name: str, before: datetime) -> ProfiledCrowd:
    """Return the crowd, stage or segment of a name.

    Raises
    ------
    InputError
        If there is none.
    LeftOutError
        If the shop cannot tell who is in it.
    """
    kind, _colon, rest = name.partition(":")
    plain = rest if kind in ("stage", "segment") else name
    if plain in STAGES and kind != "segment":
        return ProfiledCrowd(f"in stage '{plain}'", lambda past: stage(past) == plain, "stage")
    if plain in SEGMENTS and kind != "stage":
        return _of_segment(shop, plain)
    if kind == "funnel" and rest in FUNNEL_STATES:
        return ProfiledCrowd(f"at step '{rest}' of the funnel", lambda past: funnel_state(past) == rest)
    usual = [*STAGES, *(crowd.name for crowd in crowds_by_rule(shop.config)), *SEGMENTS]
    hint = did_you_mean(name, usual)
    try:
        criterion = criterion_named(shop, name, before)
    except InputError:
        if ":" in name or not hint.startswith("Did you mean"):
            raise
        raise InputError(f"crowd '{name}'", "a stage, crowd, segment or tag", f"'{name}'", hint) from None
    if criterion.kind != "flag":
        got = f"a {criterion.kind}, which has values"
        raise InputError(f"crowd '{name}'", "a crowd, or a tag with its value such as tier:high", got)
    return ProfiledCrowd(criterion.meaning, criterion.ask)


def _of_segment(shop: Shop, name: str) -> ProfiledCrowd:
    signals, missing = available(shop, groups_of(shop, ["rfm"]), tuple(shop.config.features.windows))
    asked = [one.value for one in signals if one.column.name == "rfm_segment"]
    if not asked:
        raise LeftOutError(f"RFM segment '{name}'", "amounts of purchases", missing.get("rfm_segment", "none"))
    return ProfiledCrowd(
        f"in RFM segment '{name}'", lambda past: (asked[0](past) == name).fill_null(False), "rfm_segment"
    )


def profile_table(traits: Traits, own_trait: str) -> InsightTable:
    """Return the traits of those in the crowd against everyone, but for the trait that it is made of."""
    shown = [name for name in traits.values if name != own_trait]
    z = normal_quantile(n_together=sum(len(traits.values[name]) for name in shown))
    rows = [row for name in shown for row in _rows(traits, name, z)]
    columns = {
        "trait": PageColumn("trait"),
        "value": PageColumn("value"),
        "n_crowd": PageColumn("crowd", ",d"),
        "share_crowd": PageColumn("share", ".1%"),
        "n_base": PageColumn("base", ",d"),
        "share_base": PageColumn("share", ".1%"),
        "index": PageColumn("index", ",.0f"),
        "differs": PageColumn("against the base"),
    }
    return InsightTable(
        "profile", "Traits of the crowd against the base", columns, rows, drawn="index", drawn_from=100.0
    )


def _rows(traits: Traits, name: str, z: float) -> list[dict[str, Any]]:
    values, is_in = traits.frame[name], traits.frame["in_crowd"]
    known_base, known_crowd = int(values.notna().sum()), int(values[is_in].notna().sum())
    base, crowd = values.value_counts(), values[is_in].value_counts()
    rows = []
    for value in traits.values[name]:
        n_base, n_crowd = int(base.get(value, 0)), int(crowd.get(value, 0))
        index = index_of((n_crowd, known_crowd), (n_base, known_base), z)
        counts = _counts(n_crowd, known_crowd, n_base, known_base)
        rows.append({"trait": name, "value": value, **counts, "index": index, "differs": _mark(index)})
    if known_base < len(values):
        counts = _counts(int(is_in.sum()) - known_crowd, int(is_in.sum()), len(values) - known_base, len(values))
        rows.append({"trait": name, "value": UNKNOWN, **counts, "index": None, "differs": ""})
    return rows


def _counts(n_crowd: int, of_crowd: int, n_base: int, of_base: int) -> dict[str, Any]:
    return {
        "n_crowd": n_crowd,
        "share_crowd": n_crowd / of_crowd if of_crowd else None,
        "n_base": n_base,
        "share_base": n_base / of_base if of_base else None,
    }


def _mark(index: Estimate) -> str:
    return MARKS[(index.low > 100) - (index.high < 100)]
