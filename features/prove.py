"""Prove on a shop's own rows that feature groups keep their promises; find the first counterexample where not.

Six promises: the future changes nothing; row order changes nothing; another customer's rows change nothing; who else
is asked for changes nothing; one output row per spine row; what is declared is what is built. A column that is
declared ``population`` (a quintile, a price level, a cycle of the shop) depends on other customers by definition, and
is left out of the third.

A leak shows only where something happens beyond the moment. So the other future that changes nothing is a busy one (see
`penchant.features.changed_shops`).

What cannot be seen from here: a file that a group reads by itself, and what it remembers from one build to the next.
Columns that read items or customers, of which a shop keeps no history, are named in `Proof.undated`: that is no promise
broken, but what stood there in the past nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from penchant.errors import InputError, LeftOutError, TooLittleDataError, quoted
from penchant.lazy import ibis, pd

from .catalogue import groups_of
from .changed_shops import alone, reordered, with_another_future, with_other_attributes
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
SPINE = "who else is asked changes nothing"
ONE_ROW = "one output row per spine row"
DECLARED = "declared = built"
PROMISES = (FUTURE, ORDER, OTHERS, SPINE, ONE_ROW, DECLARED)
MOST_CUSTOMERS = 1_000
_CLOSE = 1e-9
_OTHERWISE = {
    FUTURE: "if something else had happened from then on",
    ORDER: "if the tables' rows stood the other way round",
    OTHERS: "if the shop had no other customers' rows",
    SPINE: "if one half of these customers were asked for, then the other",
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
    undated
        Name of a group -> its columns that read items or customers as they are today.
    """

    as_of: datetime
    n_customers: int
    findings: tuple[GroupFinding, ...]
    left_out: Mapping[str, str]
    undated: Mapping[str, Sequence[str]] = field(default_factory=dict)

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
            "undated": {group: list(columns) for group, columns in self.undated.items()},
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
            FUTURE: (with_another_future(shop, moment, keep), [spine]),
            ORDER: (reordered(shop, keep), [spine]),
            OTHERS: (alone(shop, people, keep), [spine]),
            SPINE: (shop, [Spine.at(shop, moment, half) for half in (people[::2], people[1::2]) if half]),
        }
        trials = _Trials(spine, shop, variants)
        findings = tuple(trials.of(chosen))
        buildable = [one for one in chosen if GroupFinding(one.name, ONE_ROW) in findings]
        undated = trials.differing(buildable, with_other_attributes(shop, keep)) if buildable else {}
    return Proof(moment, len(people), findings, left_out, undated)


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


@dataclass(frozen=True)
class _Trials:
    """The matrix of a spine, built of a shop and of the shop or the spine changed in ways that may not matter."""

    spine: Spine
    shop: Shop
    variants: Mapping[str, tuple[Shop, list[Spine]]]

    def of(self, groups: Sequence[FeatureGroup]) -> Iterator[GroupFinding]:
        """Yield the findings of groups: built at once, or one by one where one of them spoils all of it."""
        frames: dict[str, pd.DataFrame] = {}
        fault = ""
        try:
            variants = {"": (self.shop, [self.spine]), **self.variants}
            frames = {promise: _frame(shop, spines, groups) for promise, (shop, spines) in variants.items()}
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

    def differing(self, groups: Sequence[FeatureGroup], other: Shop | None) -> dict[str, list[str]]:
        """Return each group's columns that another shop makes different."""
        if other is None:
            return {}
        one, changed = (build(shop, self.spine, groups).frame for shop in (self.shop, other))
        found = {}
        for group in groups:
            names = [column.name for column in self._columns(group)]
            found[group.name] = [name for name in names if _differs(one[name], changed[name]).any()]
        return {group: columns for group, columns in found.items() if columns}

    def _columns(self, group: FeatureGroup) -> list[Column]:
        signals, _left_out = available(self.shop, [group], _windows(self.shop))
        return [signal.column for signal in signals]

    def _of_group(self, group: FeatureGroup, frames: Mapping[str, pd.DataFrame]) -> Iterator[GroupFinding]:
        frame = frames[""]
        columns = self._columns(group)
        for promise in self.variants:
            names = [one.name for one in columns if not (promise == OTHERS and one.population)]
            told = _first_difference(frame, frames[promise], names)
            yield GroupFinding(group.name, promise, told and f"{told} {_OTHERWISE[promise]}")
        yield GroupFinding(group.name, ONE_ROW, _wrong_rows(frame, self.spine))
        yield GroupFinding(group.name, DECLARED, _undeclared(frame, columns))


def _frame(shop: Shop, spines: Sequence[Spine], groups: Sequence[FeatureGroup]) -> pd.DataFrame:
    """Return the matrix of spines that are asked for one after the other."""
    frames = [build(shop, spine, groups).frame for spine in spines]
    if len(frames) == 1:
        return frames[0]
    return pd.concat(frames).sort_values(["as_of", "customer_id"], ignore_index=True)


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
