"""The verdict in words: worked, did harm, or can't be told, and then how many customers it would take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from penchant.page import write_number

from ...models.inputs.estimate import Estimate
from .effect import POWER_QUANTILE
from .result import Result

Word = Literal["worked", "did harm", "can't be told"]
WINDOW_TITLES = ("", "customers", "treated", "control", "difference, points", "")
HARDLY_ANY = 0.2  # of a standard error: a difference that gives no size to plan for


@dataclass(frozen=True)
class Verdict:
    """What may be said of a campaign.

    Parameters
    ----------
    word
        Of the response.
    text
        The same in a sentence or two, with its evidence.
    paid
        Of the profit, in a sentence; empty where it is not known.
    n_needed
        Customers, in the same split, that would show a difference as large as the one seen; None where it is shown
        already, or so near zero that no number says anything.
    n_needed_relevant
        Customers that would show the smallest change that is worth knowing about; None where it is shown already.
    """

    word: Word
    text: str
    paid: str = ""
    n_needed: int | None = None
    n_needed_relevant: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the parts by name."""
        return {
            "word": self.word,
            "text": self.text,
            "paid": self.paid,
            "n_needed": self.n_needed,
            "n_needed_relevant": self.n_needed_relevant,
        }


def word_of(difference: Estimate) -> Word:
    """Return what an interval of a difference allows to say.

    Examples
    --------
    >>> word_of(Estimate(0.01, 0.002, 0.018)), word_of(Estimate(0.01, -0.002, 0.022))
    ('worked', "can't be told")
    """
    if not difference.excludes_zero:
        return "can't be told"
    return "worked" if difference.value > 0 else "did harm"


def verdict_on(result: Result, when: str, relevant_share: float, broken: str = "", currency: str = "") -> Verdict:
    """Return the verdict on a result.

    Parameters
    ----------
    result
        The comparison that decides.
    when
        Its window, in words.
    relevant_share
        The relative change that a campaign should at least be able to see.
    broken
        Why nothing may be said whatever the numbers are; empty: nothing is wrong.
    currency
        The unit of the profit.
    """
    difference = result.difference()
    word = "can't be told" if broken else word_of(difference)
    taken = ", behaviour before the campaign taken into account" if result.response.variance_removed else ""
    seen = (
        f"{_share(result.response.treated.value)} of the customers assigned to treatment responded {when}, "
        f"{_share(result.response.control.value)} of the control: a difference of {_points(difference)}{taken}"
    )
    if broken:
        return Verdict("can't be told", f"{broken} Do not trust the numbers until that is explained.")
    if word != "can't be told":
        return Verdict(word, f"{seen}.", _paid(result, currency))
    observed, relevant = needed(result, difference.value), needed(result, relevant_share * _natural(result))
    if abs(difference.value) < HARDLY_ANY * result.response.adjusted.error:
        observed = None
    text = f"{seen}, which may be chance.{_how_many(result, observed, relevant, relevant_share)}"
    return Verdict("can't be told", text, _paid(result, currency), observed, relevant)


def needed(result: Result, difference: float) -> int | None:
    """Return how many customers, in the same split, show a difference in four of five campaigns.

    None where this campaign had enough of them, or there is no difference to be shown.
    """
    effect = result.response
    if not difference or not effect.adjusted.error > 0:
        return None
    n = effect.n_treated + effect.n_control
    wanted = n * (POWER_QUANTILE * effect.adjusted.error / difference) ** 2
    return math.ceil(wanted) if wanted > n else None


def _natural(result: Result) -> float:
    return max(result.response.control.value, 0.0)


def _how_many(result: Result, observed: int | None, relevant: int | None, share: float) -> str:
    n, size = result.response.n_treated + result.response.n_control, _share(share * _natural(result))
    parts = []
    if observed is not None:
        parts.append(f"To show a difference of this size it would take about {_round(observed)} customers")
    if relevant is not None:
        start, takes = ("one", "") if parts else ("To show a difference", "it would take ")
        of = f"{size} ({share:.0%} of the natural rate)"
        parts.append(f"{start} of {of} {takes}about {_round(relevant)}")
    if parts:
        return f" {', '.join(parts)}; this campaign had {n:,}."
    if not _natural(result):
        return " Nobody in the control responded, so no relative change can be given."
    return f" A difference of {size} would most likely have been detected."


def _paid(result: Result, currency: str) -> str:
    """Return whether the campaign earned its cost, in a sentence; empty where that is not known."""
    profit = result.total("profit")
    if profit is None:
        return ""
    amount = f"{with_interval(profit, '+,.0f')} {currency}".strip()
    match word_of(profit):
        case "worked":
            return f"It paid: {amount} of incremental profit."
        case "did harm":
            return f"It lost money: {amount} of incremental profit."
    return f"Whether it paid can't be told: {amount} of incremental profit."


def _share(share: float) -> str:
    return f"{share:.2%}"


def _points(difference: Estimate) -> str:
    return with_interval(difference.scaled(100), "+.2f").replace(" (", " points (", 1)


def with_interval(number: Estimate, form: str) -> str:
    """Return a number with its interval on one line.

    Examples
    --------
    >>> with_interval(Estimate(-1.5, -2.0, -1.0), "+.1f")
    '−1.5 (−2.0 to −1.0)'
    >>> with_interval(Estimate(-1.5, math.nan, math.nan), "+.1f")
    '−1.5 (no interval)'
    """
    value, low, high = (write_number(bound, form) for bound in (number.value, number.low, number.high))
    if math.isnan(number.low) and math.isnan(number.high) and not math.isnan(number.value):
        return f"{value} (no interval)"
    return f"{value} ({low} to {high})"


def window_cells(result: Result) -> tuple[str, ...]:
    """Return what a line of a table says of one comparison, under ``WINDOW_TITLES``."""
    effect, difference = result.response, result.difference()
    return (
        result.label,
        f"{effect.n_treated:,} / {effect.n_control:,}",
        write_number(effect.treated.value, ".2%"),
        write_number(effect.control.value, ".2%"),
        with_interval(difference.scaled(100), "+.2f"),
        word_of(difference),
    )


def told_p(p_value: float) -> str:
    """Return a p-value in words.

    Examples
    --------
    >>> told_p(0.0412), told_p(1e-9)
    ('p = 0.041', 'p < 0.001')
    """
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def _round(n: int) -> str:
    """Return a number of customers with two significant digits.

    Examples
    --------
    >>> _round(84_213), _round(912)
    ('84,000', '910')
    """
    step = 10 ** max(len(str(n)) - 2, 0)
    return f"{round(n / step) * step:,}"
