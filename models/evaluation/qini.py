"""Does a score rank customers by what contacting them changes? Qini, AUUC, uplift at k, RATE, with intervals.

The definition is in `qini_curves`. Every number is **per 1,000 customers**: extra outcomes (visits, orders)
or extra money, whatever ``y`` counts. Outcomes may be binary, counts or amounts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from penchant.errors import InputError, did_you_mean

from ..inputs.arrays import Floats, Ints
from ..inputs.bootstrap import N_DRAWS, interval
from ..inputs.estimate import Estimate
from ..inputs.two_means import Stretch
from ..uplift.trial import Trial, TrialDesign, draw_customers, read_trial
from .comparison import STANDARD_ERRORS_SEEN, Verdict, verdict_of
from .qini_bounds import gain_bounds, stretch_of_trial
from .qini_curves import Ranked, area, at, autoc, coefficient, knots, rank, thinned, unseen_share

PER_CUSTOMERS = 1000
GRID = np.linspace(0.0, 1.0, 101)

LEAST_IN_ARM = 20  # customers: below it, the intervals of areas under a curve are unknown
MOST_UNSEEN = 0.25  # of the customers, best-scored, among whom one arm is missing: beyond it, areas are unknown


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
    y: Any, uplift: Any, treatment: Any, *, n_draws: int = N_DRAWS, seed: int = 0, **design: Unpack[TrialDesign]
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

    trial = read_trial(y, {"uplift": uplift}, treatment, **design)
    return measured_rankings(trial, (), n_draws, seed)[0].qini


def uplift_at_k(
    y: Any,
    uplift: Any,
    treatment: Any,
    k: float = 0.3,
    *,
    n_draws: int = N_DRAWS,
    seed: int = 0,
    **design: Unpack[TrialDesign],
) -> Estimate:
    """Return what contacting changes among the best-scored share ``k``, per 1,000 customers contacted.

    Its interval is in closed form (`two_means`) and needs no draws: it holds with a handful of controls as well. NaN
    where one of the arms has nobody among the best-scored.

    Parameters
    ----------
    k
        Share of customers, in (0, 1].
    y, uplift, treatment, n_draws, seed, **design
        As in `qini`; the draws change nothing here.

    Raises
    ------
    InputError
        ``k`` outside (0, 1], or as in `qini`.
    """
    if not 0 < k <= 1:
        raise InputError("k", "a share of customers in (0, 1] is needed", f"{k:g}")
    trial = read_trial(y, {"uplift": uplift}, treatment, **design)
    return _effects_at(trial, rank(trial, trial.scores[0]), (k,))[0]


def rate_autoc(
    y: Any, uplift: Any, treatment: Any, *, n_draws: int = N_DRAWS, seed: int = 0, **design: Unpack[TrialDesign]
) -> Estimate:
    """Return the AUTOC: the effect among the best-scored q less the average effect, averaged over all q.

    Per 1,000 customers contacted. It weighs the very best more than the Qini coefficient, which is the same
    average weighted by q, and suits effects that few customers have. Parameters as in `qini`.

    References
    ----------
    Yadlowsky, Fleming, Shah, Brunskill & Wager (2021), Evaluating treatment prioritization rules via
    rank-weighted average treatment effects, arXiv:2111.07966.
    """
    return measured_rankings(read_trial(y, {"uplift": uplift}, treatment, **design), (), n_draws, seed)[0].autoc


def compare_qini(
    y: Any,
    scores: Mapping[str, Any],
    treatment: Any,
    reference: str,
    *,
    n_draws: int = N_DRAWS,
    seed: int = 0,
    **design: Unpack[TrialDesign],
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

    found = measured_rankings(read_trial(y, scores, treatment, **design), (), n_draws, seed)
    by_name = dict(zip(scores, found, strict=True))
    return {name: by_name[name].against(by_name[reference]) for name in scores}


@dataclass(frozen=True, eq=False)
class RankingWorth:
    """All that is measured of one score, per 1,000 customers.

    Attributes
    ----------
    qini
        The Qini coefficient, with area, average effect and curve.
    autoc
        As `rate_autoc` gives it.
    at
        The effect among the best-scored shares that were asked for, as `uplift_at_k` gives it.
    draws
        (n_draws,) the Qini coefficient in each draw of customers, the same draws for every score of a trial.
    stretch
        How much further they are to be taken to spread, see `two_means.Stretch`.
    """

    qini: Qini
    autoc: Estimate
    at: tuple[Estimate, ...]
    draws: Floats
    stretch: Stretch

    def against(self, other: RankingWorth) -> QiniComparison:
        """Compare the Qini coefficient with that of another score of the same trial."""
        drawn = self.draws - other.draws
        difference = interval(self.qini.value - other.qini.value, drawn, stretch=self.stretch.even)
        spread = self.stretch.even * float(drawn.std(ddof=1)) if len(drawn) > 1 else float("nan")
        own = Estimate(self.qini.value, self.qini.low, self.qini.high)
        return QiniComparison(own, difference, verdict_of(difference), STANDARD_ERRORS_SEEN * spread)


def measured_rankings(trial: Trial, depths: Sequence[float], n_draws: int, seed: int) -> list[RankingWorth]:
    """Return what each score of a trial is worth.

    Parameters
    ----------
    trial
        The customers and their scores.
    depths
        Best-scored shares at which the effect is wanted.
    n_draws, seed
        As in `qini`.
    """
    stretch = stretch_of_trial(trial)
    ranked = [rank(trial, score) for score in trial.scores]
    values, draws = replicate(trial, ranked, n_draws, seed)
    return [
        _worth(trial, one, (found, drawn), depths, stretch)
        for one, found, drawn in zip(ranked, values, draws, strict=True)
    ]


def _worth(
    trial: Trial, ranked: Ranked, areas: tuple[Floats, Floats], depths: Sequence[float], stretch: Stretch
) -> RankingWorth:
    is_known = unseen_share(ranked) <= MOST_UNSEEN
    values, draws = areas if is_known else (np.full(3, np.nan), areas[1])
    bounds: tuple[Any, ...] = (stretch.even, stretch.sides, stretch.even) if _are_enough(trial) else (math.nan,) * 3
    coefficients, auuc, top = (
        interval(value, drawn, stretch=bound).scaled(PER_CUSTOMERS)
        for value, drawn, bound in zip(values.tolist(), draws.T, bounds, strict=True)
    )
    gain, low, high = (PER_CUSTOMERS * row for row in gain_bounds(trial, ranked, GRID))
    curve = UpliftCurve(GRID, np.where(np.isnan(gain), PER_CUSTOMERS * at(*knots(ranked), GRID), gain), low, high)
    found = Qini(
        coefficients.value,
        coefficients.low,
        coefficients.high,
        auuc=auuc,
        average_effect=curve.at(1.0),
        curve=curve,
        n_rows=len(trial),
    )
    return RankingWorth(found, top, _effects_at(trial, ranked, depths), PER_CUSTOMERS * draws[:, 0], stretch)


def _are_enough(trial: Trial) -> bool:
    """Whether both arms have customers enough for the interval of an area."""
    n_treated = int(trial.is_treated.sum())
    return min(n_treated, len(trial) - n_treated) >= LEAST_IN_ARM


def _effects_at(trial: Trial, ranked: Ranked, depths: Sequence[float]) -> tuple[Estimate, ...]:
    if not len(depths):
        return ()
    found = np.array(gain_bounds(trial, ranked, np.array(depths))) / np.array(depths) * PER_CUSTOMERS
    return tuple(Estimate(*map(float, column)) for column in found.T)


def replicate(trial: Trial, ranked: Sequence[Ranked], n_draws: int, seed: int) -> tuple[Floats, Floats]:
    """Return Qini coefficient, area and AUTOC of each curve, on all customers and in each draw of them.

    Returns
    -------
    values, draws
        (n_scores, 3) and (n_scores, n_draws, 3). The draws are the same customers for every score.
    """
    values = np.array([_areas(one) for one in ranked])
    draws = np.empty((len(ranked), n_draws, values.shape[1]))
    ranked = [thinned(one) for one in ranked]
    for i, counts in enumerate(draw_customers(trial.is_treated, trial.customer, n_draws, seed)):
        for j, one in enumerate(ranked):
            draws[j, i] = _areas(one, counts)
    return values, draws


def _areas(ranked: Ranked, counts: Ints | None = None) -> Floats:
    depth, gain = knots(ranked, counts)
    return np.array([coefficient(depth, gain), area(depth, gain), autoc(depth, gain)])
