"""What a model learns from: eligible rows of several snapshots, or customers of a trial, with signals and outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import InputError, did_you_mean

from ..features.catalogue import groups_of, task_of
from ..features.matrix import KEY, available, build
from ..features.outcomes.labels import label, outcomes_at
from ..features.outcomes.tasks import Span, Task
from ..features.shop import Shop
from ..features.signals.group import Column
from ..features.spine import Spine
from ..models.uplift.arms import Arms, read_arms

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]

CONTROL = "control"  # of a trial: the arm that was not contacted


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Rows that a model learns from or is judged on: of snapshots or of a trial.

    Parameters
    ----------
    features
        One column per signal.
    label
        Outcome of each row.
    columns
        The signals' declarations, in order.
    left_out
        Group or column -> what the shop lacks for it.
    """

    features: pd.DataFrame
    label: Floats
    columns: tuple[Column, ...] = field(default=(), kw_only=True)
    left_out: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.label)

    @property
    def is_binary(self) -> bool:
        """Whether the outcome is yes or no."""
        return bool(np.isin(self.label, (0, 1)).all())

    def where(self, chosen: npt.NDArray[np.bool_]) -> Self:
        """Return the rows for which ``chosen`` holds."""
        return replace(self, **{part.name: _rows_of(getattr(self, part.name), chosen) for part in fields(self)})

    def sampled(self, n_most: int, seed: int) -> Self:
        """Return at most so many rows, drawn at random, in their order."""
        if len(self) <= n_most:
            return self
        chosen = np.zeros(len(self), dtype=bool)
        chosen[np.random.default_rng(seed).choice(len(self), n_most, replace=False)] = True
        return self.where(chosen)


def _rows_of(part: Any, chosen: npt.NDArray[np.bool_]) -> Any:
    """Return some rows of what holds a value for each; all else as it is."""
    if isinstance(part, pd.DataFrame | pd.Series):
        return part[chosen].reset_index(drop=True)
    return part[chosen] if isinstance(part, np.ndarray) else part


@dataclass(frozen=True, eq=False)
class Dataset(LabelledRows):
    """Rows of one or several snapshots, sorted by as_of and customer.

    Parameters
    ----------
    customer_id, as_of
        Whom the row looks at, and when (UTC without a zone).
    amount
        What the customer paid within the horizon, in the major unit; None where the shop knows no amounts.
    """

    customer_id: npt.NDArray[np.object_]
    as_of: pd.Series[pd.Timestamp]
    amount: Floats | None

    def at(self, instants: Sequence[datetime]) -> Self:
        """Return the rows of some snapshots."""
        return self.where(self.as_of.isin(list(instants)).to_numpy())

    def by_snapshot(self) -> pd.DataFrame:
        """Return as_of, n_eligible and base_rate (the mean label), a row per snapshot."""
        rows = pd.DataFrame({"as_of": self.as_of, "label": self.label})
        found = rows.groupby("as_of")["label"].agg(["size", "mean"]).reset_index()
        return found.set_axis(["as_of", "n_eligible", "base_rate"], axis=1)


@dataclass(frozen=True, eq=False)
class UpliftRows(LabelledRows):
    """Customers of a trial: one row for each customer and draw, with signals as known before the assignment.

    Parameters
    ----------
    arm
        The arm of each row, ``control`` or a treatment's name.
    p_treatment
        Probability of the treatment, (n,), or of each, (n, treatments); None: a trial with the observed shares.
    is_planned
        Whether the probabilities were recorded when the arms were drawn, rather than read off the arms' sizes.
    customer_id
        The customer of each row; None: each row is one.
    as_of, wave
        When and in which wave the arm was drawn; None where that is not told.
    success_at
        When the first success came, NaT where none did; None where that is not told.
    money
        What the customer paid (or earned the shop) within the horizon, in major units; None where not known.
    money_is
        "margin", "amount" or "".
    not_used
        Sentences: which waves or rows of the campaigns were left out, and why.
    cost
        Of one contact, in major units, on average over the rows' campaigns; 0 where the shop does not tell.
    """

    arm: Labels
    p_treatment: Floats | None = None
    is_planned: bool = False
    customer_id: Labels | None = None
    as_of: pd.Series[Any] | None = None
    wave: Labels | None = None
    success_at: pd.Series[Any] | None = None
    money: Floats | None = None
    money_is: str = ""
    not_used: tuple[str, ...] = field(default=(), kw_only=True)
    cost: float = field(default=0.0, kw_only=True)

    def arms(self) -> Arms:
        """Return who was in which arm, with what probability."""
        return read_arms(self.arm, self.p_treatment, CONTROL)

    def by_wave(self) -> pd.DataFrame:
        """Return wave, assigned_at, arm, n and rate (the mean outcome), a row for each arm of each wave."""
        wave = np.full(len(self), "all", dtype=object) if self.wave is None else self.wave
        rows = pd.DataFrame({"wave": wave, "arm": self.arm, "y": self.label})
        rows["assigned_at"] = pd.NaT if self.as_of is None else self.as_of
        found = rows.groupby(["wave", "arm"], sort=False).agg(
            assigned_at=("assigned_at", "min"), n=("y", "size"), rate=("y", "mean")
        )
        return found.reset_index().sort_values(["assigned_at", "wave", "arm"], ignore_index=True)


@dataclass(frozen=True)
class SignalChoice:
    """Which signals a model learns from.

    Parameters
    ----------
    groups
        Names of feature groups, of those that the shop is configured to have; empty: all of them.
    without
        Names of signals or groups to leave out, or patterns of names ("rfm_*").
    """

    groups: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def columns(self, shop: Shop) -> dict[str, str]:
        """Return the signals that a shop can have and that are chosen: name -> group.

        Raises
        ------
        InputError
            If a name is none of a group or signal, or nothing is left.
        """
        windows = tuple(sorted(set(shop.config.features.windows)))
        there = {group.name: group for group in groups_of(shop)}
        for name in self.groups:
            if name not in there:
                raise InputError("--group", "the name of a feature group", f"'{name}'", did_you_mean(name, there))
        groups = [there[name] for name in self.groups] or list(there.values())
        found = {one.column.name: group.name for group in groups for one in available(shop, [group], windows)[0]}
        for pattern in self.without:
            gone = [name for name, group in found.items() if group == pattern or fnmatchcase(name, pattern)]
            if not gone:
                do = did_you_mean(pattern, {*found, *found.values()})
                raise InputError("--without", "the name of a signal or group, or a pattern", f"'{pattern}'", do)
            found = {name: group for name, group in found.items() if name not in gone}
        if not found:
            raise InputError("--group and --without", "at least one signal that is left", "none")
        return found


EVERY_SIGNAL = SignalChoice()


def spine_of_task(shop: Shop, task: Task, instants: Sequence[datetime]) -> Spine:
    """Return whom a task learns from and is judged on: everyone known at the moments, or the configured sample."""
    most, everyone = shop.config.task(task.name).max_customers, Spine.at(shop, instants)
    return everyone if most is None else everyone.sampled(most, shop.config.seed)


def snapshot_rows(shop: Shop, task: Task, instants: Sequence[datetime], span: Span) -> Dataset:
    """Return the eligible rows of a task at some moments, with signals and outcome.

    Raises
    ------
    UnfinishedHorizonError
        If a horizon is not over at the end of the shop's data.
    LeftOutError
        If the shop lacks what the task needs.
    """
    return with_signals(
        shop, task, label(shop, task, spine_of_task(shop, task, instants), span.gap_days, span.horizon_days).frame, span
    )


def with_signals(
    shop: Shop, task: Task, labels: pd.DataFrame, span: Span, signals: SignalChoice = EVERY_SIGNAL
) -> Dataset:
    """Return labelled rows (``customer_id``, ``as_of``, ``label``) with the chosen signals, and what was spent."""
    spine = Spine.of(shop, labels)
    chosen = None if signals == EVERY_SIGNAL else signals.columns(shop)
    matrix = build(shop, spine, None if chosen is None else tuple(dict.fromkeys(chosen.values())))
    columns = tuple(column for column in matrix.columns if chosen is None or column.name in chosen)
    frame = matrix.frame[[*KEY, *(column.name for column in columns)]]
    if not frame[list(KEY)].equals(labels[list(KEY)].astype(frame[list(KEY)].dtypes)):
        frame = labels[list(KEY)].merge(frame, on=list(KEY), how="left", validate="one_to_one")
    return Dataset(
        frame.drop(columns=list(KEY)),
        labels["label"].to_numpy(np.float64),
        labels["customer_id"].to_numpy(object),
        labels["as_of"],
        spending(shop, labels, span),
        columns=columns,
        left_out=matrix.left_out,
    )


def spending(shop: Shop, rows: pd.DataFrame, span: Span) -> Floats | None:
    """Return what each row's customer paid within the horizon, in the major unit; None without amounts."""
    if not shop.has("orders", "amount"):
        return None
    paid = outcomes_at(shop, task_of(shop.config, "value"), rows[list(KEY)], span)
    return paid.clip(lower=0).to_numpy(np.float64)
