"""Build the feature matrix: the spine with a column for each signal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ibis
import pandas as pd
from ibis import _

from penchant.errors import InputError, LeftOutError, quoted

from .catalogue import groups_of
from .group import Column, FeatureGroup, Signal, lacking
from .history import History, Moment
from .keep import Keep
from .past import Past
from .shop import Shop
from .spine import Spine

KEY = ("customer_id", "as_of")


@dataclass(frozen=True, eq=False)
class FeatureMatrix:
    """The spine with its signals.

    Parameters
    ----------
    table
        Ibis table: ``customer_id``, ``as_of``, then the columns; sorted by as_of, then customer_id.
    columns
        The declarations, in order.
    left_out
        Name of a group or column that the shop cannot have -> what it lacks.
    """

    table: Any
    columns: tuple[Column, ...]
    left_out: Mapping[str, str]
    keep: Keep

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The matrix as a pandas frame: integers, floats with NaN, strings with missing values."""
        rows = self.table.order_by(["as_of", "customer_id"]).to_pyarrow()
        return rows.to_pandas()


def build(
    shop: Shop,
    spine: Spine,
    groups: Sequence[str | FeatureGroup] | None = None,
    *,
    windows: Sequence[int] | None = None,
) -> FeatureMatrix:
    """Return the feature matrix of a spine: one row for each of its rows, sorted by as_of and customer_id.

    Parameters
    ----------
    shop
        The shop.
    spine
        Whom to look at, and when.
    groups
        Names or groups; default: the configured ones, else every group that the shop can have.
    windows
        Days of the observation windows ``[as_of - days, as_of)``; default: the configured ones.

    Raises
    ------
    InputError
        If a group or window is not one.
    LeftOutError
        If the shop can have none of the signals.
    """
    days = _windows(windows if windows is not None else shop.config.features.windows)
    signals, left_out = available(shop, groups_of(shop.config, groups), days)
    if not signals:
        raise LeftOutError(
            "features", "at least one signal that the shop can have", "; ".join(left_out.values())
        )
    keep = Keep(shop.backend)
    with Keep(shop.backend) as passing:
        parts = [
            keep.table(part)
            for part in evaluated(shop, spine, {one.column.name: one.value for one in signals}, passing, days)
        ]
    columns = tuple(signal.column for signal in signals)
    table = _typed(ibis.union(*parts) if len(parts) > 1 else parts[0], columns)
    return FeatureMatrix(table, columns, left_out, keep)


def available(
    shop: Shop, groups: Sequence[FeatureGroup], windows: tuple[int, ...]
) -> tuple[list[Signal], dict[str, str]]:
    """Return the signals that the shop can have, and for the others what it lacks.

    Raises
    ------
    InputError
        If two groups declare the same column.
    """
    signals: list[Signal] = []
    left_out: dict[str, str] = {}
    for group in groups:
        missing = lacking(group.needs, shop.has)
        if missing:
            left_out[group.name] = _lack(missing)
            continue
        for signal in group.signals(windows):
            missing = lacking(signal.needs, shop.has)
            if missing:
                left_out[signal.column.name] = _lack(missing)
            else:
                signals.append(signal)
    names = [signal.column.name for signal in signals]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError("feature groups", "each column declared once", f"{quoted(twice)} declared twice")
    return signals, left_out


def _lack(missing: Sequence[str]) -> str:
    return "the shop has no " + " and no ".join(need.replace("|", " or ") for need in missing)


def evaluated(
    shop: Shop, spine: Spine, values: Mapping[str, Any], keep: Keep, windows: tuple[int, ...] = ()
) -> Iterator[Any]:
    """Yield the spine with values, in one or several parts.

    Parameters
    ----------
    values
        Column name to a question to the `Past`.
    keep
        Holds what the parts are computed from; the caller computes the parts before closing it.
    """
    rows = keep.table(spine.table)
    history = History(shop, rows.select("customer_id").distinct(), keep)
    coded = rows.inner_join(history.codes.select("customer_id", "code"), "customer_id")
    if spine.instants is None:
        number = ibis.row_number().over(order_by=["as_of", "customer_id"]).cast("int64")
        whole = keep.table(coded.mutate(row=number), ("code",))
        past = Past(history, Moment(spine=whole.select("row", "code", "as_of")), windows)
        yield _answers(past, whole.drop("code"), values)
        return
    for moment in spine.instants:
        past = Past(history, Moment(at=moment), windows)
        mine = coded.filter(_.as_of == ibis.literal(moment, type="timestamp(6)"))
        yield _answers(past, mine.rename(row="code"), values)


def _answers(past: Past, spine: Any, values: Mapping[str, Any]) -> Any:
    answers = {name: ask(past) for name, ask in values.items()}
    return past.table(spine, answers).drop("row")


def _typed(table: Any, columns: Sequence[Column]) -> Any:
    typed = {column.name: table[column.name].cast(column.dtype) for column in columns}
    return table.select(*KEY, **typed)


def _windows(windows: Sequence[int]) -> tuple[int, ...]:
    days = tuple(sorted(set(windows)))
    if not days or any(not isinstance(one, int) or one < 1 for one in days):
        raise InputError("windows", "whole days, at least one of them", quoted(windows) or "none")
    return days
