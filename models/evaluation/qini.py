"""Does a score rank customers by what contacting them changes? Qini, AUUC, uplift at k, RATE, with intervals.

The definition is in `qini_curves`. Every number is **per 1,000 customers**: extra outcomes (visits, orders)
or extra money, whatever ``y`` counts. Outcomes may be binary, counts or amounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from penchant.errors import InputError, did_you_mean

from ..inputs.arrays import Floats
from ..inputs.bootstrap import N_DRAWS, interval
from ..inputs.estimate import Estimate
from ..uplift.trial import Design, Trial, draw_customers, read_trial
from .comparison import STANDARD_ERRORS_SEEN, Verdict, verdict_of
from .qini_curves import area, at, autoc, coefficient, knots, rank, thinned

PER_CUSTOMERS = 1000
GRID = np.linspace(0.0, 1.0, 101)

Reading = Callable[[Floats, Floats], Floats]  # corners of a curve -> the numbers wanted, shape (k,)


@dataclass(frozen=True, eq=False)
class UpliftCurve:
    """What is gained when the best-scored customers are contacted, by the share contacted.

    Attributes
    ----------
    depth
        (101,) share of customers contacted, 0 to 1.
    gain
        (101,) extra outcome per 1,000 customers (contacted or not), against contacting nobody.
    low, high
        (101,) its 95 % interval at each depth.
    """

    depth: Floats
    gain: Floats
    low: Floats
    high: Floats

    @property
    def by_chance(self) -> Floats:
        """(101,) what contacting the same share at random gains."""
        return self.depth * self.gain[-1]

    def at(self, depth: float) -> Estimate:
        """Return the gain at a depth between 0 and 1."""
        if not 0 <= depth <= 1:
            raise InputError("depth", "a share between 0 and 1 is needed", f"{depth:g}")
        return Estimate(*(float(np.interp(depth, self.depth, c)) for c in (self.gain, self.low, self.high)))


@dataclass(frozen=True, eq=False)
class Qini(Estimate):
    """The Qini coefficient of a score with its interval, and the curve it is read from.

    ``value`` is the extra outcome per 1,000 customers over contacting the same share at random, on average
    over all shares. 0: the score ranks no better than chance. Negative: worse.

    Attributes
    ----------
    auuc
        Area under the curve: extra outcome per 1,000 customers on average over all shares contacted.
    average_effect
        What contacting everyone changes, per 1,000 customers.
    curve
        The cumulative uplift with its band.
    n_rows
        Rows of the control and the treatment together.
    """

    auuc: Estimate
    average_effect: Estimate
    curve: UpliftCurve
    n_rows: int

    def __str__(self) -> str:
        """Return the numbers in one sentence."""
        return (
            f"Qini {Estimate(self.value, self.low, self.high):.3g} per 1,000 customers over chance; "
            f"contacting everyone changes {self.average_effect:.3g} per 1,000"
        )


@dataclass(frozen=True, eq=False)
class QiniComparison:
    """One score against another on the same customers.

    Attributes
    ----------
    qini
        Its own Qini coefficient, per 1,000 customers.
    difference
        Its coefficient minus the reference's, drawn in pairs.
    verdict
        "better", "worse" or "not separable".
    smallest_difference
        The smallest true difference that this test would have seen in four of five repetitions.
    """

    qini: Estimate
    difference: Estimate
    verdict: Verdict
    smallest_difference: float


def qini(
    y: Any, uplift: Any, treatment: Any, *, n_draws: int = N_DRAWS, seed: int = 0, **design: Unpack[Design]
) -> Qini:
    """Return the Qini coefficient of a score, its 95 % interval, and the curve.

    Parameters
    ----------
    y
        (n,) outcomes: 0/1, counts or amounts.
    uplift
        (n,) the score: predicted uplift, or anything that should rank like it.
    treatment
        (n,) arms, as in `read_arms`.
    n_draws, seed
        Bootstrap draws of customers, inside their arm.
    **design
        Probabilities of assignment, weights, repeated customers: see `Design`.

    Raises
    ------
    InputError
        Missing values, lengths or indexes that do not match, one arm only, probabilities of 0 or 1.

    Examples
    --------
    >>> y, treated = [1, 0, 0, 0, 1, 0, 0, 1] * 50, [1, 0, 1, 0, 1, 0, 1, 0] * 50
    >>> found = qini(y, [4, 4, 2, 2, 3, 3, 1, 1] * 50, treated, n_draws=100)
    >>> print(found)
    Qini 219 [206, 229] per 1,000 customers over chance; contacting everyone changes 250 [166, 334] per 1,000
    >>> print(format(found.curve.at(0.5), ".0f"))
    500 [468, 508]
    """

    def read(depth: Floats, gain: Floats) -> Floats:
        return np.concatenate([[coefficient(depth, gain), area(depth, gain)], at(depth, gain, GRID)])

    trial = read_trial(y, {"uplift": uplift}, treatment, **design)
    values, draws = replicate(trial, read, n_draws, seed)
    found = [
        interval(value, drawn).scaled(PER_CUSTOMERS)
        for value, drawn in zip(values[0].tolist(), draws[0].T, strict=True)
    ]
    gain = np.array([(g.value, g.low, g.high) for g in found[2:]]).T
    return Qini(
        found[0].value,
        found[0].low,
        found[0].high,
        auuc=found[1],
        average_effect=found[-1],
        curve=UpliftCurve(GRID, *gain),
        n_rows=len(trial),
    )


def uplift_at_k(
    y: Any,
    uplift: Any,
    treatment: Any,
    k: float = 0.3,
    *,
    n_draws: int = N_DRAWS,
    seed: int = 0,
    **design: Unpack[Design],
) -> Estimate:
    """Return what contacting changes among the best-scored share ``k``, per 1,000 customers contacted.

    Parameters
    ----------
    k
        Share of customers, in (0, 1].
    y, uplift, treatment, n_draws, seed, **design
        As in `qini`.

    Raises
    ------
    InputError
        ``k`` outside (0, 1], or as in `qini`.
    """
    if not 0 < k <= 1:
        raise InputError("k", "a share of customers in (0, 1] is needed", f"{k:g}")

    def read(depth: Floats, gain: Floats) -> Floats:
        return at(depth, gain, np.array([k])) / k

    return _single(read_trial(y, {"uplift": uplift}, treatment, **design), read, n_draws, seed)


def rate_autoc(
    y: Any, uplift: Any, treatment: Any, *, n_draws: int = N_DRAWS, seed: int = 0, **design: Unpack[Design]
) -> Estimate:
    """Return the AUTOC: the effect among the best-scored q less the average effect, averaged over all q.

    Per 1,000 customers contacted. It weighs the very best more than the Qini coefficient, which is the same
    average weighted by q, and suits effects that few customers have. Parameters as in `qini`.

    References
    ----------
    Yadlowsky, Fleming, Shah, Brunskill & Wager (2021), Evaluating treatment prioritization rules via
    rank-weighted average treatment effects, arXiv:2111.07966.
    """

    def read(depth: Floats, gain: Floats) -> Floats:
        return np.array([autoc(depth, gain)])

    return _single(read_trial(y, {"uplift": uplift}, treatment, **design), read, n_draws, seed)


def compare_qini(
    y: Any,
    scores: Mapping[str, Any],
    treatment: Any,
    reference: str,
    *,
    n_draws: int = N_DRAWS,
    seed: int = 0,
    **design: Unpack[Design],
) -> dict[str, QiniComparison]:
    """Compare the Qini coefficients of several scores with one of them, draw by draw of the same customers.

    Parameters
    ----------
    scores
        By name, (n,) each.
    reference
        The name in ``scores`` that the others are compared with.
    y, treatment, n_draws, seed, **design
        As in `qini`.

    Returns
    -------
    dict
        For every score, the reference included (difference 0), its `QiniComparison`.

    Raises
    ------
    InputError
        The reference is not among the scores, or as in `qini`.
    """
    if reference not in scores:
        raise InputError("reference", "one of the scores", f"'{reference}'", did_you_mean(reference, scores))

    def read(depth: Floats, gain: Floats) -> Floats:
        return np.array([coefficient(depth, gain) * PER_CUSTOMERS])

    trial = read_trial(y, scores, treatment, **design)
    found, drawn = replicate(trial, read, n_draws, seed)
    values, draws = found[:, 0].tolist(), drawn[:, :, 0]
    own = trial.names.index(reference)
    return {name: _compared((values[i], values[own]), (draws[i], draws[own])) for i, name in enumerate(trial.names)}


def _compared(values: tuple[float, float], draws: tuple[Floats, Floats]) -> QiniComparison:
    drawn = draws[0] - draws[1]
    difference = interval(values[0] - values[1], drawn)
    spread = float(drawn.std(ddof=1)) if len(drawn) > 1 else float("nan")
    return QiniComparison(
        interval(values[0], draws[0]), difference, verdict_of(difference), STANDARD_ERRORS_SEEN * spread
    )


def _single(trial: Trial, read: Reading, n_draws: int, seed: int) -> Estimate:
    values, draws = replicate(trial, read, n_draws, seed)
    return interval(float(values[0, 0]), draws[0, :, 0]).scaled(PER_CUSTOMERS)


def replicate(trial: Trial, read: Reading, n_draws: int, seed: int) -> tuple[Floats, Floats]:
    """Return what is read off each score's curve, on all customers and in each draw of them.

    Parameters
    ----------
    read
        Takes the corners of a curve (depths, gains per customer) and returns k numbers.

    Returns
    -------
    values, draws
        (n_scores, k) and (n_scores, n_draws, k). The draws are the same customers for every score.
    """
    ranked = [rank(trial, score) for score in trial.scores]
    values = np.array([read(*knots(one)) for one in ranked])
    draws = np.empty((len(ranked), n_draws, values.shape[1]))
    ranked = [thinned(one) for one in ranked]
    for i, counts in enumerate(draw_customers(trial.is_treated, trial.customer, n_draws, seed)):
        for j, one in enumerate(ranked):
            draws[j, i] = read(*knots(one, counts))
    return values, draws
