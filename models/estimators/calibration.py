"""Turn a classifier's log-odds into probabilities that come true."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from scipy.linalg import LinAlgWarning
from scipy.optimize import isotonic_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from penchant.errors import InputError, did_you_mean

from ..inputs.arrays import Floats, Ints
from ..plain_scorer import apply_calibration

Method = Literal["none", "platt", "isotonic"]

ISOTONIC_SHARE = 0.98  # the rest follows a straight line, so that steps do not tie customers


@dataclass(frozen=True)
class Calibration:
    """A strictly rising map from log-odds to probabilities.

    Parameters
    ----------
    method
        ``"none"``, ``"platt"`` or ``"isotonic"``.
    slope, intercept
        Of the straight line on the log-odds; the slope is above 0.
    knots_at, knots
        Log-odds and probabilities of the isotonic curve's steps, joined by straight lines.
    knots_share
        Share of the isotonic curve in the probability, 0..1.
    """

    method: Method = "none"
    slope: float = 1.0
    intercept: float = 0.0
    knots_at: tuple[float, ...] = ()
    knots: tuple[float, ...] = ()
    knots_share: float = 0.0

    def __call__(self, log_odds: Floats) -> Floats:
        """Return the probability of each row."""
        return apply_calibration(log_odds, self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return the parts by name, as JSON takes them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> Self:
        """Return the calibration that `as_dict` described."""
        known: dict[str, Any] = {n: tuple(p) if isinstance(p, list) else p for n, p in parts.items()}
        return cls(**known)


def fit_none(log_odds: Floats, y: Floats, weight: Floats) -> Calibration:
    """Return the map that takes the log-odds as they are."""
    return Calibration()


def fit_platt(log_odds: Floats, y: Floats, weight: Floats) -> Calibration:
    """Return the straight line on the log-odds with the highest likelihood.

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines, whose softened outcomes keep the line
    finite where scores separate the outcomes.
    """
    positives, negatives = weight @ y, weight @ (1 - y)
    soft = np.where(y > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    both = np.concatenate([log_odds, log_odds])[:, None]  # each row comes as a success and as none, by their shares
    outcome = np.repeat([1, 0], len(log_odds))
    line = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LinAlgWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)  # of scores that are all the same
        line.fit(both, outcome, np.concatenate([weight * soft, weight * (1 - soft)]))
    slope, intercept = float(line.coef_[0, 0]), float(line.intercept_[0])
    if not np.isfinite([slope, intercept]).all() or slope <= 0:  # worse than no score: its order still is all there is
        return Calibration()
    return Calibration("platt", slope, intercept)


def fit_isotonic(log_odds: Floats, y: Floats, weight: Floats, line: Calibration | None = None) -> Calibration:
    """Return the rising steps that fit best, joined from middle to middle, none of them certain.

    ``line`` is what `fit_platt` returns of the same rows, where that is known already.

    References
    ----------
    Zadrozny & Elkan (2002), Transforming classifier scores into accurate multiclass probability estimates.
    """
    used = weight > 0
    at, row = np.unique(log_odds[used], return_inverse=True)
    held = np.bincount(row, weights=weight[used])
    rate = np.bincount(row, weights=(weight * y)[used]) / held
    steps = isotonic_regression(rate, weights=held)
    first = steps.blocks[:-1]
    block_weight = np.add.reduceat(held, first)
    middle = np.add.reduceat(held * at, first) / block_weight
    knots = less_certain(steps.x[first], block_weight)
    line = line or fit_platt(log_odds, y, weight)
    return Calibration(
        "isotonic", line.slope, line.intercept, tuple(middle.tolist()), tuple(knots.tolist()), ISOTONIC_SHARE
    )


def less_certain(steps: Floats, weight: Floats) -> Floats:
    """Return rising probabilities whose ends are neither 0 nor 1, nearer to them the more weight they hold."""
    softened = steps.copy()
    if softened[0] <= 0:
        softened[0] = min(0.5 / (weight[0] + 1), *softened[1:2] / 2, 0.5)
    if softened[-1] >= 1:
        softened[-1] = 1 - min(0.5 / (weight[-1] + 1), *(1 - softened[-2:-1]) / 2, 0.5)
    return softened


FITTERS: dict[Method, Callable[[Floats, Floats, Floats], Calibration]] = {
    "none": fit_none,
    "platt": fit_platt,
    "isotonic": fit_isotonic,
}


def fit_calibration(
    log_odds: Floats, y: Floats, weight: Floats, folds: Ints, method: Method | Literal["auto"] = "auto"
) -> Calibration:
    """Return the calibration of out-of-fold log-odds.

    With ``method="auto"`` each method is fitted on all folds but one and judged by its log loss on the one
    left out. A method takes over from a simpler one only where it lowers the log loss by more than twice
    the standard error of that gain.

    Parameters
    ----------
    log_odds
        Of rows that the model was not trained on, shape (n,).
    y
        Outcomes, 0 or 1.
    weight
        Weight of each row.
    folds
        Fold of each row; a customer's rows share one.
    method
        One of the three, or ``"auto"``.

    Raises
    ------
    InputError
        The method is not known.
    """
    if method != "auto":
        if method not in FITTERS:
            known = ["auto", *FITTERS]
            raise InputError("calibration", "a known method", f"'{method}'", did_you_mean(str(method), known))
        return FITTERS[method](log_odds, y, weight)
    chosen: Method = "none"
    lines: dict[int, Calibration] = {}
    loss = left_out_loss("none", log_odds, y, weight, folds)
    for other in ("platt", "isotonic"):
        other_loss = left_out_loss(other, log_odds, y, weight, folds, lines)
        if gains_surely(loss - other_loss, weight):
            chosen, loss = other, other_loss
    return FITTERS[chosen](log_odds, y, weight)


def left_out_loss(
    method: Method,
    log_odds: Floats,
    y: Floats,
    weight: Floats,
    folds: Ints,
    lines: dict[int, Calibration] | None = None,
) -> Floats:
    """Return the log loss of each row under a calibration that was fitted on the other folds.

    ``lines`` holds what `fit_platt` returns without each fold, as far as that is known; what is fitted is added.
    """
    p, lines = np.empty(len(y)), {} if lines is None else lines
    for fold in np.unique(folds):
        out = folds == fold
        rest = log_odds[~out], y[~out], weight[~out]
        if method == "none":
            found = fit_none(*rest)
        else:
            line = lines[int(fold)] = lines.get(int(fold)) or fit_platt(*rest)
            found = line if method == "platt" else fit_isotonic(*rest, line)
        p[out] = found(log_odds[out])
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log1p(-p)))


def gains_surely(gain: Floats, weight: Floats) -> bool:
    """Return whether the weighted mean gain is above twice its standard error."""
    total = weight.sum()
    mean = (weight @ gain) / total
    error = np.sqrt((weight**2) @ (gain - mean) ** 2) / total
    return bool(mean > 2 * error)
