"""Ridge and logistic models over numbers, flags of missing values and categories, read in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from penchant.errors import InputError

from ..inputs.arrays import Floats
from ..plain_scorer import sigmoid
from ..uplift_scorer import LinearPart
from .models import Model
from .problem import Folds, Problem, Rows

ROWS_AT_ONCE = 65_536
IDENTITY, LOGISTIC = "identity", "logistic"
SAMPLE = 100_000  # rows that quantiles and means are read from
CLIP = (0.01, 0.99)  # a few giants must not carry a slope
MOST_CATEGORIES = 30  # rarer ones share what the average customer gets
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # per row, for columns of variance 1
N_PARTS = 5  # pieces of the rows on which the penalty is chosen
NEWTON_STEPS = 8
INTERACTION_PENALTY = 3.0  # how much harder effects of the treatment are held than those of a feature


@dataclass(frozen=True)
class Linear:
    """Ridge for amounts and effects, logistic regression for binary outcomes.

    Parameters
    ----------
    penalty
        L2 penalty per row on the slopes of columns of variance 1. None: chosen from 0.003 to 30 by the error
        on left-out rows.
    """

    penalty: float | None = None

    def __post_init__(self) -> None:
        """Refuse a penalty that would reward large slopes."""
        if self.penalty is not None and not self.penalty >= 0:
            raise InputError("penalty", "zero or more", f"{self.penalty:g}")

    def bench(self, problem: Problem, seed: int, n_threads: int) -> LinearBench:
        """Return the place where models of a problem are fitted."""
        return LinearBench(self, problem)


@dataclass(frozen=True)
class Spread:
    """How one column of the matrix becomes columns of variance about 1.

    Parameters
    ----------
    position
        The column's position.
    low, high, centre, scale
        For a number: where it is clipped, its mean and its deviation.
    codes
        For categories: the codes with a column of their own; empty for a number.
    shares
        (centre, deviation) of each of these columns, then of the flag of missing values where there are any.
    """

    position: int
    low: float = 0.0
    high: float = 0.0
    centre: float = 0.0
    scale: float = 1.0
    codes: tuple[int, ...] = ()
    shares: tuple[tuple[float, float], ...] = field(default=())

    @property
    def has_flag(self) -> bool:
        """Whether missing values have a column of their own."""
        return len(self.shares) > len(self.codes)

    def columns(self, values: Floats) -> Iterator[Floats]:
        """Yield the columns, each (n,)."""
        is_missing = np.isnan(values)
        if not self.codes:
            held = np.clip(np.where(is_missing, self.centre, values), self.low, self.high)
            yield (held - self.centre) / self.scale
        flags = [values == code for code in self.codes] + ([is_missing] if self.has_flag else [])
        for flag, (centre, scale) in zip(flags, self.shares, strict=True):
            yield (flag - centre) / scale

    def spec(self, slopes: Floats) -> tuple[dict[str, Any], float]:
        """Return the column's entry in a `LinearPart`, and what it adds to the intercept."""
        own = slopes if self.codes else slopes[1:]
        steps = np.array([slope / scale for slope, (_, scale) in zip(own, self.shares, strict=True)])
        base = -float(sum(s * centre for s, (centre, _) in zip(steps, self.shares, strict=True)))
        missing = float(steps[-1]) if self.has_flag else 0.0
        if not self.codes:
            line = {"low": self.low, "high": self.high, "centre": self.centre}
            return line | {"position": self.position, "slope": float(slopes[0] / self.scale), "missing": missing}, base
        by_code = np.zeros(max(self.codes) + 1)
        by_code[list(self.codes)] = steps[: len(self.codes)]
        return {"position": self.position, "steps": by_code.tolist(), "missing": missing}, base


class LinearBench:
    """The columns' spread, learned once, and the fits over it.

    Parameters
    ----------
    linear
        The penalty.
    problem
        Whose matrix is read, in pieces.
    """

    def __init__(self, linear: Linear, problem: Problem) -> None:
        self.linear, self.matrix = linear, problem.matrix
        step = max(1, len(problem) // SAMPLE)
        self.spreads = [
            spread
            for position, name in enumerate(problem.columns.names)
            if (spread := _spread(position, problem.matrix[::step, position], name in problem.columns.categories))
        ]

    def fit_mean(self, rows: Rows, target: Floats, weight: Floats, kind: str) -> Model:
        """Return a ridge model of the target's mean, logistic where ``kind`` is "binary"."""
        link = _link(target, kind)
        return self._models(self._solve(rows, target, weight, link, None), link)[0]

    def fit_by_arm(self, rows: Rows, target: Floats, weight: Floats, kind: str, treated: Floats) -> tuple[Model, Model]:
        """Return one model with slopes that the treatment may change, read at control and at treatment."""
        link = _link(target, kind)
        control, treatment = self._models(self._solve(rows, target, weight, link, treated), link)
        return control, treatment

    def left_out(self, rows: Rows, target: Floats, weight: Floats, fold: Folds) -> tuple[Floats, list[Model]]:
        """Return ridge predictions for each row by slopes from the other folds, and the model of each.

        The rows are read once for all folds and penalties.
        """
        moments = self._moments(rows, target, weight, fold, None)
        found = [self._ridge(moments.without(left)) for left in range(len(moments.gram))]
        out = np.empty(len(rows))
        for piece, design in self._pieces(rows, None):
            out[piece] = np.einsum("ij,ji->i", design, np.array(found).T[:, fold[piece]])
        return out, [self._models(slopes, IDENTITY)[0] for slopes in found]

    def design(self, rows: Rows, treated: Floats | None) -> Floats:
        """Return (n, 1 + columns): ones, the spread columns and, with a treatment, their products with it."""
        values = self.matrix[rows]
        columns = [np.ones(len(rows))]
        columns += [column for s in self.spreads for column in s.columns(values[:, s.position])]
        if treated is not None:
            columns += [column * (treated - 0.5) for column in columns]
        return np.column_stack(columns)

    def _pieces(self, rows: Rows, treated: Floats | None) -> Iterator[tuple[slice, Floats]]:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            piece = slice(start, start + ROWS_AT_ONCE)
            yield piece, self.design(rows[piece], None if treated is None else treated[piece])

    def _solve(self, rows: Rows, target: Floats, weight: Floats, link: str, treated: Floats | None) -> Floats:
        fold = (np.arange(len(rows)) % N_PARTS).astype(np.int16)
        moments = self._moments(rows, target, weight, fold, treated)
        if link == IDENTITY:
            return self._ridge(moments)
        return self._newton(rows, target, weight, treated, self._penalty(moments))

    def _moments(self, rows: Rows, target: Floats, weight: Floats, fold: Folds, treated: Floats | None) -> Moments:
        n_folds = int(fold.max()) + 1
        scaled = weight / weight.mean()
        gram: Any = [0.0] * n_folds
        cross: Any = [0.0] * n_folds
        square = np.bincount(fold, weights=scaled * target**2, minlength=n_folds)
        for piece, design in self._pieces(rows, treated):
            for part in range(n_folds):
                own = fold[piece] == part
                held = design[own] * scaled[piece][own, None]
                gram[part] = gram[part] + held.T @ design[own]
                cross[part] = cross[part] + held.T @ target[piece][own]
        return Moments(np.array(gram), np.array(cross), np.asarray(square, dtype=np.float64), self._held(treated))

    def _held(self, treated: Floats | None) -> Floats:
        """Return how hard each slope is held: intercepts not at all."""
        n = sum(not s.codes for s in self.spreads) + sum(len(s.shares) for s in self.spreads)
        main = np.concatenate([[0.0], np.ones(n)])
        return main if treated is None else np.concatenate([main, main * INTERACTION_PENALTY])

    def _penalty(self, moments: Moments) -> float:
        return moments.best_penalty() if self.linear.penalty is None else self.linear.penalty

    def _ridge(self, moments: Moments) -> Floats:
        return moments.slopes(self._penalty(moments))

    def _newton(self, rows: Rows, target: Floats, weight: Floats, treated: Floats | None, penalty: float) -> Floats:
        """Return logistic slopes; a ridge's penalty, times the outcome's variance, holds them alike."""
        scaled = weight / weight.mean()
        rate = float(np.clip(np.average(target, weights=weight), 1e-6, 1 - 1e-6))
        held = self._held(treated) * penalty * rate * (1 - rate) * len(rows)
        slopes = np.zeros(len(held))
        slopes[0] = np.log(rate / (1 - rate))
        for _ in range(NEWTON_STEPS):
            gram, gradient = np.diag(held + 1e-9), -held * slopes
            for piece, design in self._pieces(rows, treated):
                p = sigmoid(design @ slopes)
                gram += (design * (scaled[piece] * p * (1 - p))[:, None]).T @ design
                gradient += design.T @ (scaled[piece] * (target[piece] - p))
            step = np.linalg.solve(gram, gradient)
            slopes += step
            if np.abs(step).max() < 1e-8:
                break
        return slopes

    def _models(self, slopes: Floats, link: str) -> list[Model]:
        """Return the slopes as one model, or as two where they hold products with the treatment."""
        n = len(self._held(None))
        if len(slopes) == n:
            return [self._model(slopes, link)]
        return [self._model(slopes[:n] + (value - 0.5) * slopes[n:], link) for value in (0.0, 1.0)]

    def _model(self, slopes: Floats, link: str) -> Model:
        intercept, position, columns = float(slopes[0]), 1, []
        for spread in self.spreads:
            n = len(spread.shares) + (not spread.codes)
            spec, base = spread.spec(slopes[position : position + n])
            intercept, position = intercept + base, position + n
            columns.append(spec)
        return Model(LinearPart(intercept, tuple(columns), link))


@dataclass(frozen=True, eq=False)
class Moments:
    """Weighted sums over the rows of each fold: all that a ridge needs to know.

    Parameters
    ----------
    gram
        (folds, q, q) of the design.
    cross
        (folds, q) of the design and the target.
    square
        (folds,) of the target.
    held
        (q,) how hard each slope is held.
    """

    gram: Floats
    cross: Floats
    square: Floats
    held: Floats

    def without(self, fold: int) -> Moments:
        """Return the moments of the other folds; a single fold left is all there is to choose a penalty on."""
        keep = np.arange(len(self.gram)) != fold
        return Moments(self.gram[keep], self.cross[keep], self.square[keep], self.held)

    def slopes(self, penalty: float) -> Floats:
        """Return the ridge's slopes over all folds."""
        return _ridge(self.gram.sum(axis=0), self.cross.sum(axis=0), penalty, self.held)

    def best_penalty(self) -> float:
        """Return the penalty with the least error on left-out folds; the middle one where there is one fold."""
        if len(self.gram) == 1:
            return 1.0
        errors = []
        for penalty in PENALTIES:
            error = 0.0
            for fold in range(len(self.gram)):
                slopes = self.without(fold).slopes(penalty)
                gram, cross = self.gram[fold], self.cross[fold]
                error += self.square[fold] - 2 * slopes @ cross + slopes @ gram @ slopes
            errors.append(error)
        return PENALTIES[int(np.argmin(errors))]


def _ridge(gram: Floats, cross: Floats, penalty: float, held: Floats) -> Floats:
    n_rows = gram[0, 0]  # the first column of the design is ones
    return np.asarray(np.linalg.solve(gram + np.diag(held * penalty * n_rows + 1e-9 * n_rows), cross))


def _link(target: Floats, kind: str) -> str:
    """Return the scale on which slopes add up; outcomes that are all alike have no log-odds."""
    return LOGISTIC if kind == "binary" and (target != target[0]).any() else IDENTITY


def _spread(position: int, values: Floats, holds_categories: bool) -> Spread | None:
    """Return how a column is spread, None where it says nothing."""
    missing = np.isnan(values)
    flag = [_centre_scale(missing)] if 0 < missing.sum() < len(values) else []
    known = values[~missing]
    if holds_categories:
        codes = tuple(int(c) for c in np.unique(known)[:MOST_CATEGORIES])  # codes rise with rarity
        shares = [_centre_scale(values == code) for code in codes] + flag
        return Spread(position, codes=codes, shares=tuple(shares)) if len(codes) > 1 or flag else None
    low, high = np.quantile(known, CLIP) if len(known) else (0.0, 0.0)
    if low == high:  # rare values are all there is
        low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    held = np.clip(known, low, high)
    if low == high and not flag:
        return None
    centre, scale = (float(held.mean()), float(held.std())) if len(held) else (0.0, 1.0)
    return Spread(position, float(low), float(high), centre, scale or 1.0, shares=tuple(flag))


def _centre_scale(flag: Any) -> tuple[float, float]:
    share = float(flag.mean())
    return share, float(np.sqrt(share * (1 - share))) or 1.0
