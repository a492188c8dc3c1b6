"""Labels: who was eligible at as_of, and what came within the horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from penchant.errors import InputError, LeftOutError, UnfinishedHorizonError
from penchant.lazy import _, pd
from penchant.section import LONGEST_WINDOW
from penchant.spreadsheet import shop_day, shop_time

from ..engine.temporary import Keep
from ..history.evaluate import evaluated_whole
from ..shop import Shop
from ..signals.cycle import churn_horizon
from ..signals.group import joined_needs, unmet_needs
from ..spine import Spine
from .tasks import Span, Task


@dataclass(frozen=True, eq=False)
class Labels:
    """The eligible rows and their labels.

    Parameters
    ----------
    frame
        ``customer_id``, ``as_of``, ``label`` (0 or 1, or a number): eligible rows only, sorted by as_of, customer_id.
    span
        The gap and horizon in use.
    basis
        Where the horizon comes from, as a sentence.
    """

    frame: pd.DataFrame
    span: Span
    basis: str


def label(
    shop: Shop,
    task: Task,
    as_of: datetime | Sequence[datetime] | Spine,
    gap_days: int | None = None,
    horizon_days: int | None = None,
) -> Labels:
    """Return who was eligible at each as_of, decided before the outcome is read, and the outcome.

    Parameters
    ----------
    shop
        The shop.
    task
        What is predicted.
    as_of
        The moments, of everyone known before; or a spine of one or several moments, or of each row's own.
    gap_days, horizon_days
        The outcome is read in ``[as_of + gap, as_of + gap + horizon)``, as it stood at its end; default: the
        configured ones, else the task's.

    Raises
    ------
    LeftOutError
        If the shop lacks what the task needs.
    UnfinishedHorizonError
        If a horizon ends after the shop's data does.
    InputError
        If the spine has no rows.
    """
    refuse_lacking(shop, task)
    spine = as_of if isinstance(as_of, Spine) else Spine.at(shop, as_of)
    instants = spine.instants or _first_and_last(spine)
    span, basis = span_of(shop, task, instants[0], gap_days, horizon_days)
    refuse_unfinished(shop, task, instants, span)
    rows = eligible(shop, task, spine)
    return Labels(rows.assign(label=outcomes_at(shop, task, rows, span)), span, basis)


def _first_and_last(spine: Spine) -> tuple[datetime, ...]:
    """Return the moments between which the rows of a spine have their own."""
    rows = spine.table
    found = rows.aggregate(first=rows.as_of.min(), last=rows.as_of.max()).to_pandas().iloc[0]
    if pd.isna(found["first"]):
        raise InputError("as_of", "a spine with at least one row", "none")
    return tuple(pd.Timestamp(found[name]).to_pydatetime() for name in ("first", "last"))


def refuse_lacking(shop: Shop, task: Task) -> None:
    """Raise LeftOutError where the shop has not the tables and columns that a task needs; the message names them."""
    missing = unmet_needs(task.needs, shop.has)
    if missing:
        raise LeftOutError(f"task '{task.name}'", f"a shop with {joined_needs(missing)}", "a shop without")


def span_of(
    shop: Shop, task: Task, earliest: datetime, gap_days: int | None = None, horizon_days: int | None = None
) -> tuple[Span, str]:
    """Return the gap and horizon in use, and where the horizon comes from.

    ``earliest`` is the earliest as_of in use: a horizon that follows the purchase cycle knows nothing later.
    """
    section = shop.config.task(task.name)
    gap = next(days for days in (gap_days, section.gap_days or None, task.gap_days) if days is not None)
    chosen = horizon_days if horizon_days is not None else section.horizon_days
    if chosen is not None:
        return _checked(Span(gap, chosen)), f"{chosen} days, as asked"
    if task.horizon_days is None:
        horizon = churn_horizon(shop, earliest)
        return _checked(Span(gap, horizon.days)), horizon.basis
    return _checked(Span(gap, task.horizon_days)), f"{task.horizon_days} days, the default of '{task.name}'"


def _checked(span: Span) -> Span:
    if span.gap_days < 0 or span.horizon_days < 1 or span.days > LONGEST_WINDOW:
        expected = f"0 or more, and 1 or more, together at most {LONGEST_WINDOW:,}"
        raise InputError("gap_days, horizon_days", expected, f"{span.gap_days} and {span.horizon_days}")
    return span


def refuse_unfinished(shop: Shop, task: Task, instants: Sequence[datetime], span: Span) -> None:
    """Raise UnfinishedHorizonError if an outcome is asked for before it can be known."""
    late = [moment for moment in instants if moment + timedelta(days=span.days) > shop.extract_end]
    if not late:
        return
    over, latest = late[0] + timedelta(days=span.days), shop.extract_end - timedelta(days=span.days)
    raise UnfinishedHorizonError(
        f"task '{task.name}' at {shop_day(late[0], shop.timezone)}",
        f"a horizon of {span.gap_days} + {span.horizon_days} days that is over by "
        f"{shop_time(shop.extract_end, shop.timezone)}",
        shop_day(over, shop.timezone),
        f"The latest as_of is {shop_time(latest, shop.timezone)}",
    )


def eligible(shop: Shop, task: Task, spine: Spine) -> Any:
    """Return those rows of a spine that may enter a task, as a pandas frame (customer_id, as_of), sorted."""
    with Keep(shop.backend) as keep:
        parts = [rows.table for rows in evaluated_whole(shop, spine, {"is_eligible": task.eligible}, keep)]
        frames = [_sorted(part.filter(_.is_eligible).select("customer_id", "as_of")) for part in parts]
    return pd.concat(frames, ignore_index=True)


def outcomes_at(shop: Shop, task: Task, rows: pd.DataFrame, span: Span) -> pd.Series[Any]:
    """Return what came within the horizon of each of some rows (``customer_id``, ``as_of``), sorted as `eligible` does.

    Raises
    ------
    InputError
        If an outcome is none.
    """
    later = rows.assign(as_of=rows["as_of"] + pd.Timedelta(days=span.days))
    dtype = "int64" if task.kind == "binary" else "float64"
    with Keep(shop.backend) as keep:
        ends = Spine.of(shop, later)
        answers = evaluated_whole(shop, ends, {"label": lambda past: task.outcome(past, span)}, keep)
        parts = [rows.table for rows in answers]
        found = pd.concat([_sorted(part.mutate(label=_.label.cast(dtype))) for part in parts], ignore_index=True)
    _refuse_misfits(task, found["label"])
    return found["label"]


def _refuse_misfits(task: Task, outcome: pd.Series) -> None:
    """Raise InputError where an outcome is none: a task of the shop's own may give anything."""
    known = outcome.isin((0, 1)) if task.kind == "binary" else np.isfinite(outcome.astype("float64"))
    if known.all():
        return
    wrong = outcome[~known]
    raise InputError(
        f"task '{task.name}'",
        "an outcome of 0 or 1 for everyone eligible" if task.kind == "binary" else "a number for everyone eligible",
        f"{'nothing' if pd.isna(wrong.iloc[0]) else f'{wrong.iloc[0]:g}'} and the like in {len(wrong):,} of "
        f"{len(outcome):,} rows",
        "Mend its outcome, or narrow who is eligible",
    )


def _sorted(rows: Any) -> pd.DataFrame:
    frame = rows.order_by(["as_of", "customer_id"]).to_pandas()
    return frame.astype({"as_of": "datetime64[us]"})  # whatever the engine's own resolution is
