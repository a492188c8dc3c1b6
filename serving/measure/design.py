"""How a campaign was drawn, and which comparisons that allows.

A wave whose arms were carried over from the wave before is no trial of its own once those who came back have left it:
they left in different numbers from each arm. Then everyone who was drawn first is compared by the arm drawn first, in
windows after each wave's date, whether they were still on the list or not. Waves that were drawn afresh are trials of
their own, and what they won adds up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import InputError, UnfinishedHorizonError, quoted
from penchant.spreadsheet import shop_time

from ...models.inputs.arrays import Floats, Ints

Kind = Literal["one wave", "separate", "carried", "redrawn"]
SECONDS_A_DAY = 86_400
MOST_WAVES = 12  # of more, only all together are given
CHANCE_OF_DEPENDENCE = 1e-4  # below it, arms of two waves are no independent draws
OVERALL: Mapping[Kind, str] = {
    "one wave": "within {days} days",
    "separate": "within {days} days after each wave",
    "carried": "by {days} days after the last wave",
    "redrawn": "within {days} days after each wave",
}

WORDS: Mapping[Kind, str] = {
    "one wave": "One wave; customers are compared by the arm they were assigned to.",
    "separate": "Several waves of different customers; each is compared by its own arm, and the waves are pooled.",
    "carried": "Several waves with the arm carried over; everyone is compared by the arm first assigned, "
    "in windows after each wave's date, whether still on the list by then or not.",
    "redrawn": "Several waves, each drawn afresh; customers are compared by each wave's own arm, their rows counted as "
    "one customer's, and the waves are pooled.",
}


@dataclass(frozen=True, eq=False)
class Assigned:
    """Who was assigned to what: n rows.

    Attributes
    ----------
    customer
        (n,) whole numbers that tell customers apart.
    wave
        (n,) number of the wave.
    arm
        (n,) 0 is the control, i is ``names[i]``.
    names
        Names of the arms, the control's first.
    probability
        (n,) of the row's own arm; NaN where it was not recorded.
    start
        (n,) when the row's windows begin, datetime64.
    contacted, redeemed
        (n,) when, datetime64; NaT: never. None where the shop does not record it.
    extras
        Further columns of the record, n rows.
    """

    customer: Ints
    wave: Ints
    arm: Ints
    names: tuple[str, ...]
    probability: Floats
    start: npt.NDArray[Any]
    contacted: npt.NDArray[Any] | None
    redeemed: npt.NDArray[Any] | None
    extras: pd.DataFrame

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.wave)

    @cached_property
    def waves(self) -> tuple[list[int], Ints]:
        """The numbers of the waves, and each row's wave as its place among them."""
        numbers, codes = np.unique(self.wave, return_inverse=True)
        return numbers.tolist(), codes


@dataclass(frozen=True)
class MeasuredWindow:
    """One window to compare in.

    Parameters
    ----------
    name
        What it is called, as the end of a sentence.
    wave
        The wave; None: all of them.
    days
        Length of the window.
    spans
        Wave of a row -> begin and end of the window, seconds from the row's start. Other rows take no part.
    """

    name: str
    wave: int | None
    days: int
    spans: Mapping[int, tuple[int, int]]

    def begins(self, wave: Ints) -> npt.NDArray[Any]:
        """Return (n,) how long after its start the window of a row of a wave begins; NaT where it takes no part."""
        return self._each(wave, 0)

    def ends(self, wave: Ints) -> npt.NDArray[Any]:
        """Return (n,) how long after its start the window of a row of a wave ends; NaT where it takes no part."""
        return self._each(wave, 1)

    def _each(self, wave: Ints, place: int) -> npt.NDArray[Any]:
        found = np.full(len(wave), np.timedelta64("NaT", "us"))
        for number, span in self.spans.items():
            found[wave == number] = np.timedelta64(span[place] * 1_000_000, "us")
        return found


@dataclass(frozen=True, eq=False)
class Design:
    """The comparisons that a campaign allows.

    Attributes
    ----------
    kind
        How its waves hang together.
    rows
        Positions of the rows that are compared.
    weight
        (n,) as in `measure_effect.Sample`, for a treatment of any name against the control; NaN for rows left out.
    views
        The windows that are over, those of all waves first, by length.
    refused
        View -> when it will be over.
    longest
        The longest window over all waves, over or not.
    left_out
        Why rows take no part -> how many.
    extract_end
        Up to when the data is complete.
    timezone
        The shop's, in which people read times.
    """

    kind: Kind
    rows: npt.NDArray[np.intp]
    weight: Floats
    views: tuple[MeasuredWindow, ...]
    refused: Mapping[str, datetime]
    longest: MeasuredWindow
    left_out: Mapping[str, int]
    extract_end: datetime
    timezone: str = "UTC"

    def clock(self, at: datetime) -> str:
        """Return an instant as the shop's clock shows it."""
        return shop_time(at, self.timezone)

    def rows_of(self, view: MeasuredWindow, assigned: Assigned) -> npt.NDArray[np.intp]:
        """Return the positions of the rows that a view compares: those whose own window is over."""
        ends = assigned.start[self.rows] + view.ends(assigned.wave[self.rows])
        return self.rows[ends <= np.datetime64(self.extract_end, "us")]


def read_design(
    assigned: Assigned, windows_days: tuple[int, ...], extract_end: datetime, timezone: str = "UTC"
) -> Design:
    """Return how a campaign is to be compared.

    Raises
    ------
    InputError
        There are not two arms, or an arm has fewer than two customers.
    UnfinishedHorizonError
        No window is over.
    """
    kind = kind_of(assigned)
    weight, left_out = control_weights(assigned)
    is_compared = np.isfinite(weight)
    if kind == "carried":
        is_compared &= is_first(assigned)
    rows = np.flatnonzero(is_compared)
    starts = {wave: assigned.start[assigned.wave == wave].min() for wave in assigned.waves[0]}
    over, refused = [], {}
    views = _views(kind, starts, windows_days)
    for view in views:
        latest = _over_at(view, assigned, rows)
        if latest <= np.datetime64(extract_end, "us"):
            over.append(view)
        else:
            refused[view.name] = latest.astype("datetime64[us]").item()
    if not over:
        name, over_at = min(refused.items(), key=lambda window: window[1])
        end, at = (shop_time(instant, timezone) for instant in (extract_end, over_at))
        raise UnfinishedHorizonError(
            "windows",
            "at least one that is over when the data ends",
            f"data up to {end}; the window '{name}' is over at {at}",
            "Measure again then, or name shorter windows",
        )
    longest = views[len(windows_days) - 1]
    return Design(kind, rows, weight, tuple(over), refused, longest, left_out, extract_end, timezone)


def kind_of(assigned: Assigned) -> Kind:
    """Return how the waves hang together.

    Arms of customers with several waves are compared with their arm in the wave before. Unless they agree about as
    often as independent draws would, they count as carried over, which is right for either.
    """
    if len(assigned.waves[0]) == 1:
        return "one wave"
    order = np.lexsort((assigned.wave, assigned.customer))
    again = assigned.customer[order][1:] == assigned.customer[order][:-1]
    if not again.any():
        return "separate"
    before, after = assigned.arm[order][:-1][again], assigned.arm[order][1:][again]
    table = np.zeros((len(assigned.names), len(assigned.names)))
    np.add.at(table, (before, after), 1)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(table.shape) < 2:
        return "carried"
    from scipy import stats  # half a second, that campaigns of one wave do without

    return "redrawn" if stats.chi2_contingency(table).pvalue > CHANCE_OF_DEPENDENCE else "carried"


def is_first(assigned: Assigned) -> npt.NDArray[np.bool_]:
    """Return (n,) whether a row is its customer's first wave."""
    order = np.lexsort((assigned.wave, assigned.customer))
    first = np.concatenate([[True], assigned.customer[order][1:] != assigned.customer[order][:-1]])
    found = np.empty(len(assigned), bool)
    found[order] = first
    return found


def control_weights(assigned: Assigned) -> tuple[Floats, dict[str, int]]:
    """Return each row's weight in the comparison of any treatment with the control, and why rows are left out.

    A treated row stands for itself, a control for as many treated customers as its odds say. Without recorded
    probabilities each wave's shares are taken. Who could not have been in the other arm is left out.
    """
    p_own = own_probabilities(assigned)
    is_control = assigned.arm == 0
    weight = np.where(is_control, (1 - p_own) / p_own, 1.0)
    unknown, certain = ~np.isfinite(p_own), p_own >= 1
    weight[unknown | certain] = np.nan
    reasons = {
        "no probability was recorded": int(unknown.sum()),
        "they could have been in no other arm (probability 1)": int(certain.sum()),
    }
    kept = np.isfinite(weight)
    for name, rows in (("control", is_control & kept), ("treated", ~is_control & kept)):
        if rows.sum() < 2:
            raise InputError(
                "arms",
                "at least two customers in the control and two in the treatments",
                f"{int(rows.sum())} {name} of {len(assigned):,} ({quoted(assigned.names)})",
                "What a contact changes can only be measured against customers who were held out at random",
            )
    return weight, {why: n for why, n in reasons.items() if n}


def own_probabilities(assigned: Assigned) -> Floats:
    """Return the probability of each row's own arm: as recorded, else the arm's share of its wave.

    Raises
    ------
    InputError
        A recorded one lies outside (0, 1].
    """
    p = assigned.probability
    strange = np.isfinite(p) & ((p <= 0) | (p > 1))
    if strange.any():
        got = f"{int(strange.sum()):,} others, such as {p[strange][0]:g}"
        raise InputError("column 'probability' of 'assignments'", "values in (0, 1]", got)
    if np.isfinite(p).any():
        return p
    wave = assigned.waves[1]
    cell = wave * len(assigned.names) + assigned.arm
    return np.bincount(cell)[cell] / np.bincount(wave)[wave]


def _views(kind: Kind, starts: Mapping[int, Any], windows_days: tuple[int, ...]) -> list[MeasuredWindow]:
    """Return the windows over all waves, then those of each."""
    waves, last = sorted(starts), max(starts)
    views = []
    for days in windows_days:
        length = days * SECONDS_A_DAY
        lasting = {w: _seconds(starts[last] - starts[w]) if kind == "carried" else 0 for w in waves}
        views.append(
            MeasuredWindow(OVERALL[kind].format(days=days), None, days, {w: (0, lasting[w] + length) for w in waves})
        )
    if kind == "one wave" or len(waves) > MOST_WAVES:
        return views
    for wave in waves:
        joined = [w for w in waves if w <= wave] if kind == "carried" else [wave]
        shifts = {w: _seconds(starts[wave] - starts[w]) for w in joined}
        for days in windows_days:
            spans = {w: (shift, shift + days * SECONDS_A_DAY) for w, shift in shifts.items()}
            views.append(MeasuredWindow(f"within {days} days after wave {wave}", wave, days, spans))
    return views


def _seconds(difference: Any) -> int:
    return int(difference / np.timedelta64(1, "s"))


def _over_at(view: MeasuredWindow, assigned: Assigned, rows: npt.NDArray[np.intp]) -> Any:
    """Return when a view can be read: half of each wave's windows are over.

    Customers of a dated wave enter together, so that this is all of them. Where they enter one by one, as open carts
    do, the half that is through is read while the campaign goes on.
    """
    ends = assigned.start[rows] + view.ends(assigned.wave[rows])
    taking_part = ~np.isnat(ends)
    by_wave = pd.Series(ends[taking_part]).groupby(assigned.wave[rows][taking_part])
    return by_wave.median().max().to_datetime64().astype("datetime64[us]")
