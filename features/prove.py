"""Prove on a shop's own rows that feature groups keep their promises; find the first counterexample where not.

Five promises: the future changes nothing; row order changes nothing; another customer's rows change nothing; one
output row per spine row; what is declared is what is built. A column that is declared ``population`` (a quintile, a
price level, a cycle of the shop) depends on other customers by definition, and is left out of the third.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import ibis
import pandas as pd
from ibis import _

from penchant.errors import PenchantError, TooLittleDataError, quoted

from .catalogue import groups_of
from .contract import CONTRACT
from .group import Column, FeatureGroup
from .keep import Keep
from .matrix import KEY, FeatureMatrix, build
from .shop import Shop
from .spine import Spine, as_utc, first_seen
from .times import instant

FUTURE = "the future changes nothing"
ORDER = "row order changes nothing"
OTHERS = "another customer's rows change nothing"
ONE_ROW = "one output row per spine row"
DECLARED = "declared = built"
PROMISES = (FUTURE, ORDER, OTHERS, ONE_ROW, DECLARED)
MOST_CUSTOMERS = 1_000
_CLOSE = 1e-9
LATER_STATES = {
    "orders": ("paid_at", "cancelled_at", "refunded_at"),
    "assignments": ("contacted_at", "opened_at", "clicked_at", "redeemed_at"),
}


@dataclass(frozen=True)
class Finding:
    """What came of one promise of one group.

    Parameters
    ----------
    group
        The group's name.
    promise
        One of `PROMISES`.
    counterexample
        The first that was found, in plain words; empty where the promise was kept.
    """

    group: str
    promise: str
    counterexample: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether no counterexample was found."""
        return not self.counterexample


def prove(
    shop: Shop, groups: Sequence[str | FeatureGroup] | None = None, as_of: datetime | None = None
) -> tuple[Finding, ...]:
    """Return a finding for each group and promise, the groups in order.

    Parameters
    ----------
    shop
        The shop. Nothing of it is changed.
    groups
        Names or groups; default: all that are configured.
    as_of
        The moment to prove at; default: two thirds into the shop's time, and not at midnight.

    Raises
    ------
    TooLittleDataError
        If nobody was known at the moment.
    """
    moment = as_utc(as_of) if as_of is not None else _default_moment(shop)
    people = _sample(shop, moment)
    chosen = groups_of(shop, groups)
    with Keep(shop.backend) as keep:
        variants = {
            FUTURE: as_it_stood(shop, moment, keep),
            ORDER: _reordered(shop, keep),
            OTHERS: _alone(shop, people, keep),
        }
        return tuple(
            finding
            for group in chosen
            for finding in _proved(group, shop, Spine.at(shop, moment, people), variants)
        )


def _default_moment(shop: Shop) -> datetime:
    start = pd.Timestamp(
        first_seen(shop).filter(_.first_seen_at > datetime(1900, 1, 1)).first_seen_at.min().execute()
    )
    if pd.isna(start):
        raise TooLittleDataError("prove", "a shop in which something happened", "no order and no interaction")
    moment: datetime = (start + (pd.Timestamp(shop.extract_end) - start) * 2 / 3).to_pydatetime()
    return moment if moment.time() != datetime.min.time() else moment + timedelta(hours=11)


def _sample(shop: Shop, moment: datetime) -> list[str]:
    """Return every second customer known at the moment, up to a number; the others are those who may not matter."""
    known = Spine.at(shop, moment).table.order_by("customer_id").limit(2 * MOST_CUSTOMERS).to_pandas()
    people = [str(one) for one in known["customer_id"]][::2]
    if not people:
        raise TooLittleDataError("prove", f"customers known before {moment:%Y-%m-%d %H:%M}", "none")
    return people


def as_it_stood(shop: Shop, moment: datetime, keep: Keep) -> Shop:
    """Return the shop as it stood at a moment: no later row, and no state that came later."""
    tables = {}
    for name, rows in shop.tables.items():
        time = CONTRACT[name].time
        before = rows.filter(rows[time] < instant(moment)) if time else rows
        tables[name] = keep.table(_without_later_states(name, before, moment))
    return replace(shop, tables=MappingProxyType(tables))


def _without_later_states(name: str, rows: Any, moment: datetime) -> Any:
    states = [state for state in LATER_STATES.get(name, ()) if state in rows.columns]
    came = {state: rows[state] < instant(moment) for state in states}
    changed = {state: ibis.cases((came[state], rows[state])) for state in states}
    if "status" in rows.columns and states:
        was_paid = came["paid_at"] if "paid_at" in states else rows.status != "unpaid"
        stood = ibis.cases((was_paid.fill_null(False), "paid"), else_="unpaid")
        later = {"cancelled": "cancelled_at", "refunded": "refunded_at", "paid": "paid_at"}
        undone = [
            ((rows.status == status) & rows[state].notnull() & ~came[state], stood)
            for status, state in later.items()
            if state in states
        ]
        changed["status"] = ibis.cases(*undone, else_=rows.status)
    return rows.mutate(**changed)


def _reordered(shop: Shop, keep: Keep) -> Shop:
    """Return the shop with every table's rows the other way round."""
    tables = {
        name: keep.table(rows.order_by([ibis.desc(column) for column in rows.columns]))
        for name, rows in shop.tables.items()
    }
    return replace(shop, tables=MappingProxyType(tables))


def _alone(shop: Shop, people: Sequence[str], keep: Keep) -> Shop:
    """Return the shop without the rows of any other customer."""
    some = Spine.at(shop, shop.extract_end, people).table.select("customer_id")
    tables = {
        name: keep.table(rows.semi_join(some, "customer_id")) if "customer_id" in rows.columns else rows
        for name, rows in shop.tables.items()
    }
    return replace(shop, tables=MappingProxyType(tables))


def _proved(group: FeatureGroup, shop: Shop, spine: Spine, variants: dict[str, Shop]) -> Iterator[Finding]:
    try:
        matrix = build(shop, spine, [group])
    except PenchantError as fault:
        yield Finding(group.name, DECLARED, str(fault))
        return
    own = [column.name for column in matrix.columns if not column.population]
    for promise, variant in variants.items():
        names = own if promise == OTHERS else [column.name for column in matrix.columns]
        again = build(variant, spine, [group]).frame
        yield Finding(group.name, promise, _first_difference(matrix.frame, again, names))
    yield Finding(group.name, ONE_ROW, _wrong_rows(matrix, spine))
    yield Finding(group.name, DECLARED, _undeclared(matrix))


def _first_difference(one: pd.DataFrame, other: pd.DataFrame, names: Sequence[str]) -> str:
    if not one[[*KEY]].equals(other[[*KEY]]):
        return "the rows themselves differ"
    for name in names:
        differs = _differs(one[name], other[name])
        if differs.any():
            who, as_of, value = one.loc[differs, ["customer_id", "as_of", name]].iloc[0]
            return (
                f"{name} of customer '{who}' at {as_of:%Y-%m-%d %H:%M} is {value}, "
                f"and would be {other.loc[differs, name].iloc[0]} otherwise "
                f"({differs.sum():,} of {len(one):,} rows differ)"
            )
    return ""


def _differs(one: pd.Series, other: pd.Series) -> pd.Series:
    both_missing = one.isna() & other.isna()
    if pd.api.types.is_float_dtype(one) and pd.api.types.is_float_dtype(other):
        return ~(((one - other).abs() <= _CLOSE * one.abs().clip(lower=1)) | both_missing)
    return ~((one == other).fillna(False).astype(bool) | both_missing)


def _wrong_rows(matrix: FeatureMatrix, spine: Spine) -> str:
    wanted = spine.table.order_by(["as_of", "customer_id"]).to_pandas()[[*KEY]]
    built = matrix.frame[[*KEY]]
    if len(built) != len(wanted):
        return f"{len(built):,} rows for {len(wanted):,} rows of the spine"
    return "" if (built.to_numpy() == wanted.to_numpy()).all() else "the rows are not those of the spine"


def _undeclared(matrix: FeatureMatrix) -> str:
    built, declared = list(matrix.frame.columns[len(KEY) :]), [column.name for column in matrix.columns]
    if built != declared:
        return f"columns {quoted(built)} are built, {quoted(declared)} declared"
    rules: list[Callable[[Column, pd.Series], str]] = [_wrong_missing, _wrong_range]
    faults = (rule(column, matrix.frame[column.name]) for column in matrix.columns for rule in rules)
    return next(filter(None, faults), "")


def _wrong_missing(column: Column, values: pd.Series) -> str:
    n = int(values.isna().sum())
    return (
        f"{column.name} is missing in {n:,} rows, and does not declare when"
        if n and not column.missing
        else ""
    )


def _wrong_range(column: Column, values: pd.Series) -> str:
    if column.dtype == "string" or not values.notna().any():
        return ""
    least, most = values.min(), values.max()
    if column.low is not None and least < column.low - _CLOSE:
        return f"{column.name} goes down to {least}, below the declared {column.low:g}"
    if column.high is not None and most > column.high + _CLOSE:
        return f"{column.name} goes up to {most}, above the declared {column.high:g}"
    return ""
