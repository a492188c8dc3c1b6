"""Prove on a shop's own rows that feature groups keep their promises; find the first counterexample where not.

Five promises: the future changes nothing; row order changes nothing; another customer's rows change nothing; one
output row per spine row; what is declared is what is built. A column that is declared ``population`` (a quintile, a
price level, a cycle of the shop) depends on other customers by definition, and is left out of the third.

A leak shows only where something happens beyond the moment. So the other future that changes nothing is a busy one: all
that had ever happened happens once more, at that very instant, which is not of the past yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import ibis
import numpy as np
import pandas as pd

from penchant.errors import InputError, LeftOutError, TooLittleDataError, quoted

from .catalogue import groups_of
from .contract import CONTRACT
from .engine.temporary import Keep
from .engine.times import instant
from .matrix import KEY, available, build
from .shop import Shop
from .signals.group import Column, FeatureGroup
from .spine import Spine, as_utc

FUTURE = "the future changes nothing"
ORDER = "row order changes nothing"
OTHERS = "another customer's rows change nothing"
ONE_ROW = "one output row per spine row"
DECLARED = "declared = built"
PROMISES = (FUTURE, ORDER, OTHERS, ONE_ROW, DECLARED)
MOST_CUSTOMERS = 1_000
_CLOSE = 1e-9
_OTHERWISE = {
    FUTURE: "if something else had happened from then on",
    ORDER: "if the tables' rows stood the other way round",
    OTHERS: "if the shop had no other customers' rows",
}
LATER_STATES = {
    "orders": ("paid_at", "cancelled_at", "refunded_at"),
    "assignments": ("contacted_at", "opened_at", "clicked_at", "redeemed_at"),
    "feedback": ("closed_at",),
}


@dataclass(frozen=True)
class GroupFinding:
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


@dataclass(frozen=True)
class Proof:
    """What came of all promises.

    Parameters
    ----------
    as_of
        The moment that was looked from, UTC.
    n_customers
        How many customers were looked at.
    findings
        One for each group and promise, the groups in order; a group that cannot be built has one, of `DECLARED`.
    left_out
        Name of a group or column that the shop cannot have -> what it lacks.
    """

    as_of: datetime
    n_customers: int
    findings: tuple[GroupFinding, ...]
    left_out: Mapping[str, str]

    @property
    def broken(self) -> tuple[GroupFinding, ...]:
        """The promises that were not kept."""
        return tuple(finding for finding in self.findings if not finding.is_kept)

    def as_dict(self) -> dict[str, Any]:
        """Return the proof in types that JSON knows."""
        return {
            "as_of": self.as_of.isoformat(),
            "n_customers": self.n_customers,
            "all_kept": not self.broken,
            "findings": [
                {
                    "group": one.group,
                    "promise": one.promise,
                    "is_kept": one.is_kept,
                    "counterexample": one.counterexample or None,
                }
                for one in self.findings
            ],
            "left_out": dict(self.left_out),
        }


def prove(shop: Shop, groups: Sequence[str | FeatureGroup] | None = None, as_of: datetime | None = None) -> Proof:
    """Return what comes of each promise of each group.

    Parameters
    ----------
    shop
        The shop. Nothing of it is changed.
    groups
        Names or groups; default: all that are configured.
    as_of
        The moment to prove at; default: the first event after two thirds of the shop's time.

    Raises
    ------
    InputError
        If a group is not one, two declare the same column, or the data ends before as_of.
    LeftOutError
        If the shop can have none of the signals.
    TooLittleDataError
        If nobody was known at the moment.
    """
    moment = as_utc(as_of) if as_of is not None else _default_moment(shop)
    if moment > shop.extract_end:
        end = f"a moment that the data reaches, which ends at {shop.extract_end:%Y-%m-%d %H:%M} UTC"
        raise InputError("as_of", end, f"{moment:%Y-%m-%d %H:%M} UTC")
    chosen, left_out = _possible(shop, groups_of(shop, groups))
    people = _sample(shop, moment)
    spine = Spine.at(shop, moment, people)
    with Keep(shop.backend) as keep:
        variants = {
            FUTURE: _with_another_future(shop, moment, keep),
            ORDER: _reordered(shop, keep),
            OTHERS: _alone(shop, people, keep),
        }
        findings = tuple(_Trials(spine, shop, variants).of(chosen))
    return Proof(moment, len(people), findings, left_out)


def _possible(shop: Shop, groups: Sequence[FeatureGroup]) -> tuple[list[FeatureGroup], dict[str, str]]:
    """Return the groups that the shop can have something of, and what is left out."""
    _signals, left_out = available(shop, groups, _windows(shop))
    possible = [group for group in groups if available(shop, [group], _windows(shop))[0]]
    if not possible:
        reasons = "; ".join(sorted(set(left_out.values())))
        raise LeftOutError("prove", "at least one signal that the shop can have", reasons)
    return possible, left_out


def _windows(shop: Shop) -> tuple[int, ...]:
    return tuple(shop.config.features.windows)


def _default_moment(shop: Shop) -> datetime:
    events = _events(shop)
    first = pd.Timestamp(events.at.min().execute())
    if pd.isna(first):
        raise TooLittleDataError("prove", "a shop in which something happened", "no order and no interaction")
    late = (first + (pd.Timestamp(shop.extract_end) - first) * 2 / 3).to_pydatetime()
    found = pd.Timestamp(events.filter(events.at >= instant(late)).at.min().execute())
    moment: datetime = late if pd.isna(found) else found.to_pydatetime()
    return moment


def _events(shop: Shop) -> Any:
    """Return (customer_id, at): when whoever ordered or did something."""
    tables = {name: shop.tables[name] for name in ("orders", "interactions") if shop.has(name)}
    events = [rows.select("customer_id", at=rows[CONTRACT[name].time]) for name, rows in tables.items()]
    return ibis.union(*events)


def _sample(shop: Shop, moment: datetime) -> list[str]:
    """Return customers known at the moment, by id, every second or fewer; the others' rows may not matter."""
    known = Spine.at(shop, moment).table.order_by("customer_id").to_pandas()["customer_id"]
    if known.empty:
        raise TooLittleDataError("prove", f"customers known before {moment:%Y-%m-%d %H:%M}", "none")
    every = max(2, -(-len(known) // MOST_CUSTOMERS))
    return [str(one) for one in known[::every]]


def _with_another_future(shop: Shop, moment: datetime, keep: Keep) -> Shop:
    """Return the shop as it stood at a moment, at which all that had happened happens once more."""
    tables = dict(as_it_stood(shop, moment, keep).tables)
    for name, rows in tables.items():
        time = CONTRACT[name].time
        if time:
            states = [state for state in LATER_STATES.get(name, ()) if state in rows.columns]
            then = {when: ibis.cases((rows[when].notnull(), instant(moment))) for when in (time, *states)}
            tables[name] = keep.table(ibis.union(rows, rows.mutate(**then)))
    return replace(shop, tables=MappingProxyType(tables))


def as_it_stood(shop: Shop, moment: datetime, keep: Keep) -> Shop:
    """Return the shop as it stood at a moment: no later row, and no state that came later."""
    tables = {}
    for name, rows in shop.tables.items():
        time = CONTRACT[name].time
        before = rows.filter(rows[time] < instant(moment)) if time else rows
        if name == "customers" and shop.has(name, "registered_at"):
            before = rows.filter(rows.registered_at.isnull() | (rows.registered_at < instant(moment)))
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


@dataclass(frozen=True)
class _Trials:
    """The matrix of a spine, built of a shop and of the shop changed in ways that may not matter."""

    spine: Spine
    shop: Shop
    variants: Mapping[str, Shop]

    def of(self, groups: Sequence[FeatureGroup]) -> Iterator[GroupFinding]:
        """Yield the findings of groups: built at once, or one by one where one of them spoils all of it."""
        frames: dict[str, pd.DataFrame] = {}
        fault = ""
        try:
            frames = {promise: build(shop, self.spine, groups).frame for promise, shop in self._shops.items()}
        except Exception as raised:  # whatever a shop's own code raises, the finding names the group
            fault = f"it cannot be built: {type(raised).__name__}: {raised}"
        if len(groups) > 1 and (fault or _wrong_rows(frames[""], self.spine)):
            for group in groups:
                yield from self.of([group])
        elif fault:
            yield GroupFinding(groups[0].name, DECLARED, fault)
        else:
            for group in groups:
                yield from self._of_group(group, frames)

    @property
    def _shops(self) -> dict[str, Shop]:
        return {"": self.shop, **self.variants}

    def _of_group(self, group: FeatureGroup, frames: Mapping[str, pd.DataFrame]) -> Iterator[GroupFinding]:
        frame = frames[""]
        signals, _left_out = available(self.shop, [group], _windows(self.shop))
        columns = [signal.column for signal in signals]
        for promise in self.variants:
            names = [one.name for one in columns if not (promise == OTHERS and one.population)]
            told = _first_difference(frame, frames[promise], names)
            yield GroupFinding(group.name, promise, told and f"{told} {_OTHERWISE[promise]}")
        yield GroupFinding(group.name, ONE_ROW, _wrong_rows(frame, self.spine))
        yield GroupFinding(group.name, DECLARED, _undeclared(frame, columns))


def _first_difference(one: pd.DataFrame, other: pd.DataFrame, names: Sequence[str]) -> str:
    if not one[[*KEY]].equals(other[[*KEY]]):
        return "the rows themselves would be others"
    for name in names:
        differs = _differs(one[name], other[name])
        if differs.any():
            who, as_of, value = one.loc[differs, ["customer_id", "as_of", name]].iloc[0]
            would_be = other.loc[differs, name].iloc[0]
            return (
                f"{name} of customer '{who}' at {as_of:%Y-%m-%d %H:%M:%S} UTC is {_told(value)} "
                f"({differs.sum():,} of {len(one):,} rows differ), and would be {_told(would_be)}"
            )
    return ""


def _told(value: Any) -> str:
    return "missing" if pd.isna(value) else f"'{value}'" if isinstance(value, str) else f"{value:,.10g}"


def _differs(one: pd.Series, other: pd.Series) -> pd.Series:
    both_missing = one.isna() & other.isna()
    if pd.api.types.is_float_dtype(one) and pd.api.types.is_float_dtype(other):
        is_close = (one == other) | ((one - other).abs() <= _CLOSE * one.abs().clip(lower=1))  # infinite ones too
        return ~(is_close | both_missing)
    return ~((one == other).fillna(False).astype(bool) | both_missing)


def _wrong_rows(frame: pd.DataFrame, spine: Spine) -> str:
    wanted = spine.table.order_by(["as_of", "customer_id"]).to_pandas()[[*KEY]]
    built = frame[[*KEY]]
    if len(built) != len(wanted):
        return f"{len(built):,} rows for {len(wanted):,} rows of the spine"
    return "" if (built.to_numpy() == wanted.to_numpy()).all() else "the rows are not those of the spine"


def _undeclared(frame: pd.DataFrame, columns: Sequence[Column]) -> str:
    lacking = [column.name for column in columns if column.name not in frame.columns]
    if lacking:
        return f"{quoted(lacking)} are declared and not built"
    rules: list[Callable[[Column, pd.Series], str]] = [_wrong_missing, _not_finite, _wrong_range]
    faults = (rule(column, frame[column.name]) for column in columns for rule in rules)
    return next(filter(None, faults), "")


def _wrong_missing(column: Column, values: pd.Series) -> str:
    n = int(values.isna().sum())
    if n and column.dtype == "int64":
        return f"{column.name} is missing in {n:,} rows, and declares int64, which is never missing"
    is_told = not n or bool(column.missing)
    return "" if is_told else f"{column.name} is missing in {n:,} rows, and does not declare when"


def _not_finite(column: Column, values: pd.Series) -> str:
    n = 0 if column.dtype == "string" else int(np.isinf(values.astype("float64")).sum())
    return f"{column.name} is infinite in {n:,} rows: divided by zero?" if n else ""


def _wrong_range(column: Column, values: pd.Series) -> str:
    if column.dtype == "string" or not values.notna().any():
        return ""
    least, most = values.min(), values.max()
    if column.low is not None and least < column.low - _CLOSE:
        return f"{column.name} goes down to {least}, below the declared {column.low:g}"
    if column.high is not None and most > column.high + _CLOSE:
        return f"{column.name} goes up to {most}, above the declared {column.high:g}"
    return ""
