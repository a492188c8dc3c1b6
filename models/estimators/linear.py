"""One linear model for all: columns spread to variance 1, slopes by scikit-learn, kept as plain coefficients.

The logistic line beside the trees, and the ridge and logistic models of uplift, are made of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from ..inputs.arrays import Floats, Ints
from ..plain_inputs import signed_log
from ..plain_parts import LinearPart

LEAST_SCALE = 1e-9  # below, a column says nothing
MOST_STEPS = 100
PRECISION = 1e-6  # of a row's mean share in the slope of the likelihood, where a search ends
LEAST_CURVATURE = 1e-9  # so that columns that repeat each other can be solved for without a penalty
STEPS_PER_CURVATURE = 8  # a curvature costs as much as some steps
DIVERGES = 10.0  # slopes of the likelihood on columns of variance 1 lie far below


@dataclass(frozen=True)
class Spreading:
    """How columns are spread.

    Parameters
    ----------
    clip
        Quantiles to which numbers are clipped: a few giants must not carry a slope.
    most_categories
        Categories with a column of their own; codes rise with rarity, and rarer ones share what the average customer
        gets.
    log
        Whether logarithms of numbers are taken, with their sign.
    keeps_rare
        Whether a number that is the same between the quantiles is clipped to its extremes instead of left out.
    """

    clip: tuple[float, float]
    most_categories: int
    log: bool = False
    keeps_rare: bool = False


@dataclass(frozen=True)
class Spread:
    """How one column of a matrix becomes columns of mean 0 and variance 1.

    Parameters
    ----------
    position
        The column's position.
    is_number
        Whether it has a column for the number itself; missing ones stand at its mean.
    low, high, centre, scale
        Of the number: where it is clipped, its mean and its deviation.
    log
        Whether these are of its logarithm.
    codes
        The categories with a column of their own.
    shares
        (mean, deviation) of each of these columns, then of the flag of missing values where there are any.
    """

    position: int
    is_number: bool = False
    low: float = 0.0
    high: float = 0.0
    centre: float = 0.0
    scale: float = 1.0
    log: bool = False
    codes: tuple[int, ...] = ()
    shares: tuple[tuple[float, float], ...] = ()

    def __len__(self) -> int:
        """Return the number of columns that it becomes."""
        return self.is_number + len(self.shares)

    @property
    def has_flag(self) -> bool:
        """Whether missing values have a column of their own."""
        return len(self.shares) > len(self.codes)

    def columns(self, values: Floats) -> Iterator[Floats]:
        """Yield the columns, each (n,)."""
        is_missing = np.isnan(values)
        if self.is_number:
            held = np.clip(signed_log(values) if self.log else values, self.low, self.high)
            yield np.where(is_missing, 0.0, (held - self.centre) / self.scale)
        flags = [values == code for code in self.codes] + ([is_missing] if self.has_flag else [])
        for flag, (centre, scale) in zip(flags, self.shares, strict=True):
            yield (flag - centre) / scale

    def entry(self, slopes: Floats) -> dict[str, Any]:
        """Return the column's entry in a `LinearPart`, which adds 0 on average over the rows of training."""
        own = slopes[int(self.is_number) :]
        steps = [float(slope / scale) for slope, (_, scale) in zip(own, self.shares, strict=True)]
        base = -float(sum(step * centre for step, (centre, _) in zip(steps, self.shares, strict=True)))
        missing = base + (steps[-1] if self.has_flag else 0.0)
        if not self.codes:
            slope = float(slopes[0] / self.scale) if self.is_number else 0.0
            number = {"low": self.low, "high": self.high, "log": self.log, "slope": slope}
            return {"position": self.position, **number, "offset": base - slope * self.centre, "missing": missing}
        by_code = np.full(max(self.codes) + 1, base)
        by_code[list(self.codes)] += steps[: len(self.codes)]
        return {"position": self.position, "steps": by_code.tolist(), "other": base, "missing": missing}


def spreads_of(matrix: Floats, categories: Sequence[int], weight: Floats, how: Spreading) -> list[Spread]:
    """Return how the columns of a matrix are spread; those that say nothing are left out.

    Parameters
    ----------
    matrix
        (n, columns) numbers.
    categories
        Positions of the columns that hold categories.
    weight
        (n,) of each row; means and deviations are weighted.
    how
        The options.
    """
    found = []
    for position in range(matrix.shape[1]):
        make = _of_categories if position in categories else _of_number
        spread = make(position, matrix[weight > 0, position], weight[weight > 0], how)
        if len(spread):
            found.append(spread)
    return found


def _of_categories(position: int, values: Floats, weight: Floats, how: Spreading) -> Spread:
    codes = [int(code) for code in np.unique(values[~np.isnan(values)])[: how.most_categories]]
    shares = {code: _mean_and_scale(values == code, weight) for code in codes}
    kept = {code: share for code, share in shares.items() if share[1] > LEAST_SCALE}
    return Spread(position, codes=tuple(kept), shares=(*kept.values(), *_flag(values, weight)))


def _of_number(position: int, values: Floats, weight: Floats, how: Spreading) -> Spread:
    flag, is_known = _flag(values, weight), ~np.isnan(values)
    if not is_known.any():
        return Spread(position, shares=flag)
    known = signed_log(values[is_known]) if how.log else values[is_known]
    low, high = (float(bound) for bound in np.quantile(known, how.clip))
    if low == high and how.keeps_rare:
        low, high = float(known.min()), float(known.max())
    centre, scale = _mean_and_scale(np.clip(known, low, high), weight[is_known])
    if scale <= LEAST_SCALE:
        return Spread(position, shares=flag)
    return Spread(position, True, low, high, centre, scale, how.log, shares=flag)


def _flag(values: Floats, weight: Floats) -> tuple[tuple[float, float], ...]:
    """Return mean and deviation of the flag of missing values, where some are and some are not."""
    share = _mean_and_scale(np.isnan(values), weight)
    return (share,) if share[1] > LEAST_SCALE else ()


def _mean_and_scale(values: npt.NDArray[Any], weight: Floats) -> tuple[float, float]:
    mean = float(np.average(values, weights=weight))
    return mean, float(np.sqrt(np.average((values - mean) ** 2, weights=weight)))


def design_of(spreads: Sequence[Spread], matrix: Floats) -> Floats:
    """Return (n, columns): the spread columns side by side."""
    found = np.empty((len(matrix), sum(map(len, spreads))))
    place = 0
    for spread in spreads:
        for column in spread.columns(matrix[:, spread.position]):
            found[:, place] = column
            place += 1
    return found


def linear_part(spreads: Sequence[Spread], intercept: float, slopes: Floats, link: str = "identity") -> LinearPart:
    """Return slopes over spread columns as a part that scores by itself."""
    place, columns = 0, []
    for spread in spreads:
        columns.append(spread.entry(slopes[place : place + len(spread)]))
        place += len(spread)
    return LinearPart(float(intercept), tuple(columns), link)


def logistic(
    design: Floats, y: Floats, weight: Floats, penalty: float, ways: Sequence[int] = (), start: Floats | None = None
) -> Floats:
    """Return intercept and slopes of the highest penalised likelihood, by scikit-learn.

    Parameters
    ----------
    design
        (n, columns) of about the same spread.
    y, weight
        (n,) outcomes of 0 and 1, and weights; both outcomes have some.
    penalty
        On half the squared slopes, in rows; 0 or more.
    ways
        For each column 1 where its slope may not fall below 0, -1 where not rise above. Slopes that would are 0.
    start
        Intercept and slopes from which to search.
    """
    if not design.shape[1]:
        rate = np.clip(np.average(y, weights=weight), 1e-9, 1 - 1e-9)
        return np.array([np.log(rate / (1 - rate))])
    used, way = np.arange(design.shape[1]), np.array(ways or [0] * design.shape[1])
    found = np.zeros(1 + len(used)) if start is None else start
    while True:
        strength = 1 / penalty if penalty else np.inf
        model = LogisticRegression(
            C=strength, solver="newton-cholesky", tol=PRECISION, max_iter=MOST_STEPS, warm_start=True
        )
        if start is not None and len(used):
            model.coef_, model.intercept_ = found[1 + used][None, :], found[:1]
            model.classes_ = np.array([0.0, 1.0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(design[:, used] if len(used) < design.shape[1] else design, y, weight / weight.mean())
        found = np.zeros(1 + design.shape[1])
        found[0], found[1 + used] = model.intercept_[0], model.coef_[0]
        wrong = np.flatnonzero(found[1:] * way < 0)
        if not len(wrong):
            return found
        used = np.setdiff1d(used, wrong)


@dataclass(frozen=True, eq=False)
class NearbyLogistic:
    """Penalised logistic slopes of most of some rows, found from those of all of them in a few steps.

    The slopes of nearly the same rows are near: with the likelihood's curvature there, less the left-out rows' part of
    it, each step costs one pass and few are needed.

    Parameters
    ----------
    design, y, weight, penalty, ways
        As in `logistic`.
    start
        Intercept and slopes that `logistic` found for all rows, with or without ``ways``.
    """

    design: Floats
    y: Floats
    weight: Floats
    penalty: float
    ways: Sequence[int]
    start: Floats

    @cached_property
    def _curvature(self) -> Floats:
        """The curvature of all rows at the start."""
        return _curvature_of(self.design, self.weight, self.start)

    def without(self, out: npt.NDArray[np.bool_]) -> Floats:
        """Return intercept and slopes without some of the rows, to the precision of `logistic`."""
        weight = np.where(out, 0.0, self.weight)
        curvature = self._curvature
        if out.any():
            curvature = curvature - _curvature_of(self.design[out], self.weight[out], self.start)
        way, used = np.array([0, *self.ways]), np.arange(len(self.start))
        found = self.start.copy()
        while True:
            if not self._converges(found, weight, curvature, used):  # rows that are not alike: by the longer way
                own = ~out
                return logistic(self.design[own], self.y[own], self.weight[own], self.penalty, self.ways, self.start)
            wrong = np.flatnonzero(found * way < 0)
            if not len(wrong):
                return found
            found[wrong] = 0.0
            used = np.setdiff1d(used, wrong)

    def _converges(self, found: Floats, weight: Floats, curvature: Floats, used: Ints) -> bool:
        """Take steps until the likelihood no longer rises, and say whether that came about."""
        strength = np.full(len(found), self.penalty / np.count_nonzero(weight))
        strength[0] = 0.0
        total, ridge = weight.sum(), np.diag(strength + LEAST_CURVATURE)
        for step in range(MOST_STEPS):
            miss = weight * (_rate(self.design, found) - self.y) / total
            gradient = np.concatenate([[miss.sum()], self.design.T @ miss]) + strength * found
            size = float(np.abs(gradient[used]).max())
            if size <= PRECISION:
                return True
            if not np.isfinite(size) or size > DIVERGES:
                return False
            if step % STEPS_PER_CURVATURE == 0:
                here = _curvature_of(self.design, weight, found) if step else curvature
                try:
                    factor = cho_factor((here / total + ridge)[np.ix_(used, used)])
                except LinAlgError:
                    return False
            found[used] -= cho_solve(factor, gradient[used])
        return False


def _rate(design: Floats, found: Floats) -> Floats:
    return np.asarray(expit(found[0] + design @ found[1:]))


def _curvature_of(design: Floats, weight: Floats, found: Floats) -> Floats:
    """Return second derivatives of the likelihood by intercept and slopes."""
    rate = _rate(design, found)
    curve = weight * rate * (1 - rate)
    by_row = design * curve[:, None]
    curvature = np.empty((len(found), len(found)))
    curvature[0, 0], curvature[0, 1:] = curve.sum(), by_row.sum(axis=0)
    curvature[1:, 0], curvature[1:, 1:] = curvature[0, 1:], by_row.T @ design
    return curvature
