"""What a contact changed: weighted differences between assigned arms, plain and with pre-campaign behaviour.

Pure numerics. Everything is by assigned arm (intention to treat) and speaks of the customers who were assigned to
the treatment: controls are weighted by the odds with which they would have been, so that rows with different
assignment probabilities, an exploring share below the cut among them, form one fair comparison.

Behaviour before the assignment cannot have been changed by it: where the arms differ in it, that is chance, and what
this chance foretells of the outcome is taken off. The slopes are those that leave the least variance, whatever the
weights, the arms' sizes and the rows of one customer do to it.

References
----------
Hajek (1971), comment on "An essay on the logical foundations of survey sampling" (weighted means).
Deng, Xu, Kohavi, Walker (2013), Improving the sensitivity of online controlled experiments by utilizing
pre-experiment data, WSDM (CUPED).
Lin (2013), Agnostic notes on regression adjustments to experimental data, Annals of Applied Statistics 7:295
(why the slopes must lean on the smaller arm where arms are unequal).
Agresti & Caffo (2000), Simple and effective confidence intervals for proportions, The American Statistician 54:280.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...models.inputs.arrays import Floats, Ints
from ...models.inputs.distributions import normal_ppf, student_ppf, student_tail
from ...models.inputs.estimate import Estimate
from ...models.inputs.two_means import ArmSums, OutcomeKind, difference_bounds, kind_of_outcome, mean_bounds

LEVEL = 0.95
ROWS_PER_SLOPE = 20  # fewer customers in an arm than this many per covariate: no adjustment
ROWS_AT_ONCE = 16_384  # what they hold stays in the processor's cache
POWER_QUANTILE = float(normal_ppf(0.975) + normal_ppf(0.80))


@dataclass(frozen=True, eq=False)
class RowSums:
    """What an interval of few rows is made of.

    Attributes
    ----------
    arms
        The sums of the arm, or of the treated and of the control.
    kind
        Of the outcome.
    factor
        How many times as wide as that of these sums alone it is, for what else is known of the rows.
    """

    arms: tuple[ArmSums, ...]
    kind: OutcomeKind
    factor: float = 1.0

    def reach(self, level: float) -> tuple[float, float]:
        """Return how far the interval reaches below and above the number."""
        if len(self.arms) == 1:
            middle, (low, high) = self.arms[0].mean, mean_bounds(self.arms[0], self.kind, level)
        else:
            middle, low, high = difference_bounds(self.arms[0], self.arms[1], self.kind, level)
        return self.factor * float(middle - low), self.factor * float(high - middle)


@dataclass(frozen=True)
class Measured:
    """A number, its standard error, and the degrees of freedom of that error; ``sums`` where few rows are minded."""

    value: float
    error: float
    df: float = math.inf
    sums: RowSums | None = None

    def interval(self, level: float = LEVEL) -> Estimate:
        """Return the number with its two-sided interval; bounds are NaN where the error is not known."""
        if self.sums is not None and self.error > 0:
            below, above = self.sums.reach(level)
            return Estimate(self.value, self.value - below, self.value + above)
        half = float(student_ppf((1 + level) / 2, self.df)) * self.error if self.df > 0 else math.nan
        return Estimate(self.value, self.value - half, self.value + half)

    @property
    def p_value(self) -> float:
        """Two-sided probability of a number this far from zero if there were no effect; NaN if not known."""
        if not self.error > 0:
            return math.nan
        return float(2 * student_tail(abs(self.value) / self.error, self.df))


@dataclass(frozen=True)
class Effect:
    """One outcome in two arms, per customer.

    Attributes
    ----------
    n_treated, n_control
        Rows in each arm.
    treated, control
        Mean outcome; the control's is weighted to the customers who were assigned to the treatment.
    plain, adjusted
        Their difference; ``adjusted`` takes off what pre-campaign behaviour foretold.
    log_ratio, adjusted_log_ratio
        Logarithm of treated / control; NaN where one of the means is not above zero.
    """

    n_treated: int
    n_control: int
    treated: Measured
    control: Measured
    plain: Measured
    adjusted: Measured
    log_ratio: Measured
    adjusted_log_ratio: Measured

    def relative(self, level: float = LEVEL, *, adjusted: bool = True) -> Estimate:
        """Return the difference as a share of what would have come anyway, with its interval."""
        found = (self.adjusted_log_ratio if adjusted else self.log_ratio).interval(level)
        return Estimate(math.expm1(found.value), math.expm1(found.low), math.expm1(found.high))

    @property
    def variance_removed(self) -> float:
        """Share of the difference's variance that pre-campaign behaviour explained, 0..1."""
        if not self.plain.error > 0:
            return 0.0
        return max(0.0, 1 - (self.adjusted.error / self.plain.error) ** 2)

    @property
    def smallest_seen(self) -> float:
        """The smallest true difference that a test at 5 % sees in four of five campaigns like this one."""
        return POWER_QUANTILE * self.adjusted.error


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows of two arms.

    Attributes
    ----------
    is_treated
        (n,) whether the row was assigned to the treatment.
    weight
        (n,) how many treated customers a row stands for: 1, or for a control the odds with which it would have been.
    covariates
        (k, n) what was known of each row before its assignment, of mean near 0 and spread near 1; k may be 0.
    customer
        (n,) whose row it is, as whole numbers; None where no customer has two.
    """

    is_treated: npt.NDArray[np.bool_]
    weight: Floats
    covariates: Floats
    customer: Ints | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.is_treated)

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> Sample:
        """Return some of the rows; with a slice the arrays are views."""
        customer = None if self.customer is None else self.customer[rows]
        return Sample(self.is_treated[rows], self.weight[rows], self.covariates[:, rows], customer)

    @cached_property
    def weights(self) -> tuple[Floats, Floats]:
        """(n,) each: the weights of the treated rows, zero elsewhere, and those of the control."""
        return self.weight * self.is_treated, self.weight * ~self.is_treated

    @cached_property
    def counts(self) -> tuple[int, int]:
        """Rows in the treatment and in the control."""
        n_treated = int(self.is_treated.sum())
        return n_treated, len(self) - n_treated

    @cached_property
    def clusters(self) -> tuple[Ints, int] | None:
        """Each row's customer as 0, 1, ..., and how many there are; None where each row is a customer."""
        if self.customer is None:
            return None
        distinct, codes = np.unique(self.customer, return_inverse=True)
        return None if len(distinct) == len(codes) else (codes, len(distinct))


def measure_effects(sample: Sample, outcomes: Floats, is_amount: Sequence[bool] | None = None) -> list[Effect]:
    """Return the effect on each outcome.

    Parameters
    ----------
    sample
        Who was in which arm. Both arms need at least two rows.
    outcomes
        (m, n) one row for each outcome, in any unit per customer.
    is_amount
        (m,) which of them are amounts of money, so that zeros and ones are no shares; default: none.

    Returns
    -------
    list of m Effect
    """
    means, spread = weighted_means(sample, np.vstack([sample.covariates, outcomes]))
    least = _least_variances(sample, means[:, len(sample.covariates) :], outcomes)
    least[:, np.flatnonzero(is_amount if is_amount is not None else [])] = 0.0
    slopes = _slopes(sample, spread, len(outcomes))
    return [
        _effect(sample, outcomes[place], _only(means, spread, len(slope), place), slope, least[:, place])
        for place, slope in enumerate(slopes)
    ]


def weighted_means(sample: Sample, values: Floats) -> tuple[Floats, Floats]:
    """Return the two arms' weighted means, and the covariances of all of them.

    Parameters
    ----------
    sample
        Who was in which arm.
    values
        (q, n) numbers of each row.

    Returns
    -------
    means, covariances
        Shapes (2, q) and (2, q, 2, q), the treatment first. The rows of one customer count as one draw.
    """
    totals = np.array([weights.sum() for weights in sample.weights])
    means = np.stack([values @ weights for weights in sample.weights]) / totals[:, np.newaxis]
    counts = np.maximum(sample.counts, 2)
    scale = np.sqrt(counts / (counts - 1)) / totals
    products = np.zeros((2 * len(values), 2 * len(values)))
    for pulls in _pulls(sample, values, means, scale):
        products += pulls @ pulls.T
    if sample.clusters is not None:
        products *= sample.clusters[1] / max(sample.clusters[1] - 1, 1)
    return means, products.reshape(2, len(values), 2, len(values))


def _pulls(sample: Sample, values: Floats, means: Floats, scale: Floats) -> Iterator[Floats]:
    """Yield how each row, or each customer with several, pulls on every mean: (2 q, some)."""
    if sample.clusters is not None:
        codes, n_customers = sample.clusters
        yield np.stack([
            np.bincount(codes, weights * factor * (row - mean), n_customers)
            for weights, factor, centre in zip(sample.weights, scale, means, strict=True)
            for row, mean in zip(values, centre, strict=True)
        ])  # fmt: skip
        return
    for start in range(0, len(sample), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        yield np.vstack([
            (values[:, rows] - centre[:, np.newaxis]) * (weights[rows] * factor)
            for weights, factor, centre in zip(sample.weights, scale, means, strict=True)
        ])  # fmt: skip


def _slopes(sample: Sample, spread: Floats, n_outcomes: int) -> Floats:
    """Return, for each outcome, the multiples of the covariates' differences that leave its own the least variance."""
    k = spread.shape[1] - n_outcomes
    if not k or min(sample.counts) < ROWS_PER_SLOPE * (k + 1):
        return np.zeros((n_outcomes, k))
    difference = spread[0, :, 0] + spread[1, :, 1] - spread[0, :, 1] - spread[1, :, 0]
    return np.asarray(np.linalg.pinv(difference[:k, :k], rcond=1e-9, hermitian=True) @ difference[:k, k:]).T


def _only(means: Floats, spread: Floats, k: int, place: int) -> tuple[Floats, Floats]:
    """Return the means and covariances of the k covariates and of one outcome, which comes last."""
    kept = [*range(k), k + place]
    return means[:, kept], spread[:, kept][:, :, :, kept]


def _effect(sample: Sample, outcome: Floats, moments: tuple[Floats, Floats], slope: Floats, least: Floats) -> Effect:
    """Return the effect on the last value, given the slopes on the others and its least variance in each arm."""
    counts, (means, spread) = sample.counts, moments
    treated, control = np.zeros_like(means), np.zeros_like(means)
    treated[0, -1] = control[1, -1] = 1.0
    plain = treated - control
    adjusted = plain.copy()
    adjusted[:, :-1] = np.outer([-1.0, 1.0], slope)
    found = np.array([_variance(treated, spread), _variance(control, spread)])
    df = _freedom(found, counts)

    n_fitted = int(np.count_nonzero(slope))
    arms = tuple(ArmSums.of(outcome, weight) for weight in sample.weights)
    kind = kind_of_outcome(outcome)

    def measured(pull: Floats, places: slice = slice(None)) -> Measured:
        variance = _variance(pull, spread)
        error = _error(variance, found[places].sum(), least[places].sum())
        alone = sum(arm.variance for arm in arms[places])
        factor = math.sqrt(variance / alone) if variance > 0 and alone > 0 else 1.0
        return Measured(float((pull * means).sum()), error, df, RowSums(arms[places], kind, factor))

    def ratio(pull: Floats) -> Measured:
        base = float(means[1, -1])
        raised = base + float((pull * means).sum())
        if base <= 0 or raised <= 0:
            return Measured(math.nan, math.nan, df)
        log_pull = pull / raised + control * (1 / raised - 1 / base)
        return Measured(math.log(raised / base), _error(_variance(log_pull, spread), found.sum(), least.sum()), df)

    return Effect(
        *counts,
        measured(treated, slice(0, 1)),
        measured(control, slice(1, 2)),
        measured(plain),
        _less_free(measured(adjusted), n_fitted),
        ratio(plain),
        _less_free(ratio(adjusted), n_fitted),
    )


def _less_free(one: Measured, n_fitted: int) -> Measured:
    """Return a number whose slopes were fitted to the same rows: they flatter its variance by as many degrees."""
    if not n_fitted or not n_fitted < one.df < math.inf:
        return one
    more = math.sqrt(one.df / (one.df - n_fitted))
    sums = one.sums and replace(one.sums, factor=one.sums.factor * more)
    return Measured(one.value, one.error * more, one.df - n_fitted, sums)


def _variance(pull: Floats, spread: Floats) -> float:
    return max(float(np.einsum("aq,aqbr,br->", pull, spread, pull)), 0.0)


def _least_variances(sample: Sample, means: Floats, outcomes: Floats) -> Floats:
    """Return (2, m): the variance of a share that one more success and failure would give; 0 for amounts.

    Without it three responders, or none, would come with far too short an interval, or with none at all.
    """
    is_binary = np.array([bool(((row == 0) | (row == 1)).all()) for row in outcomes])
    size = np.array([[weights.sum() ** 2 / float(weights @ weights)] for weights in sample.weights])
    share = (means * size + 1) / (size + 2)
    return np.where(is_binary, share * (1 - share) / (size + 2), 0.0)


def _error(variance: float, found: float, least: float) -> float:
    """Return a standard error, lifted as far as the variance that was found is below the least."""
    if found > 0:
        return math.sqrt(variance * max(1.0, least / found))
    return math.sqrt(least) if least > 0 else math.nan


def _freedom(found: Floats, counts: tuple[int, int]) -> float:
    """Return Welch's degrees of freedom of a difference of two means."""
    parts = sum(float(variance) ** 2 / max(n - 1, 1) for variance, n in zip(found, counts, strict=True))
    return float(found.sum()) ** 2 / parts if parts > 0 else math.inf
