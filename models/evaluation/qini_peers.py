"""The numbers of scikit-uplift and CausalML, recomputed, so that old reports can be reconciled with new ones.

Their definitions differ from each other and from `qini`. Here they are written from their published
behaviour (scikit-uplift 0.5.1, CausalML 0.18.0), for outcomes and scores without ties; where scores tie, theirs
depend on the order of the rows (CausalML) or on distinct scores only (scikit-uplift), and so differ by chance.

==================  =========================================  ===============================================
name                curve, for the best n of N customers       number
==================  =========================================  ===============================================
sklift, Qini        Y_t - Y_c N_t / N_c                        area over the diagonal / the perfect ranking's
sklift, uplift      (Y_t / N_t - Y_c / N_c) n                  area over the diagonal / the perfect ranking's
CausalML, Qini      Y_t - Y_c N_t / N_c, over its |end|        mean of its N + 1 points less the diagonal's
CausalML, AUUC      (Y_t / N_t - Y_c / N_c) n, over its |end|  mean of its N + 1 points
==================  =========================================  ===============================================

Y are sums of outcomes and N counts among the best n, by arm (t, c). All need one constant probability of
treatment; none has weights or an interval.

References
----------
https://www.uplift-modeling.com (scikit-uplift), https://causalml.readthedocs.io (CausalML).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from penchant.errors import InputError

from ..inputs.arrays import Floats, read_numbers, refuse_misaligned
from ..uplift.arms import read_arms
from .ranking import falling, first_of_ties

Flags = npt.NDArray[np.bool_]
Curve = tuple[Floats, Floats]


def sklift_qini_auc_score(y: Any, uplift: Any, treatment: Any, *, negative_effect: bool = True) -> float:
    """Return what scikit-uplift's ``qini_auc_score`` returns: the share of a perfect ranking's Qini area.

    Parameters
    ----------
    y, treatment
        (n,) 0/1.
    uplift
        (n,) score.
    negative_effect
        Whether the perfect ranking puts treated responders first and control responders last; else it gains
        the whole effect at once.

    Raises
    ------
    InputError
        Outcomes other than 0 and 1, more than one treatment, missing values, or lengths that do not match.
    """
    outcome, score, treated = _binary(y, uplift, treatment)
    if negative_effect:
        perfect = _sklift_curve(outcome, outcome * (2.0 * treated - 1), treated, "qini")
    else:
        n_treated = float(treated.sum())
        effect = outcome[treated].sum() - n_treated * outcome[~treated].mean()
        if effect < 0:
            raise InputError("negative_effect", "without it the average effect must be positive", f"{effect:g}")
        perfect = np.array([0.0, effect, len(outcome)]), np.array([0.0, effect, effect])
    return _share_of_perfect(_sklift_curve(outcome, score, treated, "qini"), perfect)


def sklift_uplift_auc_score(y: Any, uplift: Any, treatment: Any) -> float:
    """Return what scikit-uplift's ``uplift_auc_score`` returns: the share of a perfect ranking's uplift area.

    Parameters and errors as in `sklift_qini_auc_score`.
    """
    outcome, score, treated = _binary(y, uplift, treatment)
    more_sure_than_lost = (outcome * ~treated).sum() > ((1 - outcome) * treated).sum()
    ideal = 2.0 * (outcome == treated) + (outcome if more_sure_than_lost else treated)
    perfect = _sklift_curve(outcome, ideal, treated, "uplift")
    return _share_of_perfect(_sklift_curve(outcome, score, treated, "uplift"), perfect)


def sklift_uplift_at_k(
    y: Any, uplift: Any, treatment: Any, *, strategy: Literal["overall", "by_group"], k: float = 0.3
) -> float:
    """Return what scikit-uplift's ``uplift_at_k`` returns: difference of means among the best, per customer.

    Parameters
    ----------
    y, uplift, treatment
        As in `sklift_qini_auc_score`.
    strategy
        "overall": the best of all customers; "by_group": the best of each arm.
    k
        Share in (0, 1), or a number of customers.

    Raises
    ------
    InputError
        ``k`` out of range, an unknown strategy, or as in `sklift_qini_auc_score`.
    """
    if strategy not in ("overall", "by_group"):
        raise InputError("strategy", "'overall' or 'by_group' is needed", f"'{strategy}'")
    outcome, score, treated = _binary(y, uplift, treatment)
    order = falling(score)
    outcome, treated = outcome[order], treated[order]
    if strategy == "overall":
        best = np.arange(len(outcome)) < _size(k, len(outcome))
        tops = [outcome[best & treated], outcome[best & ~treated]]
    else:
        tops = [outcome[arm][: _size(k, int(arm.sum()))] for arm in (treated, ~treated)]
    if not all(map(len, tops)):
        raise InputError("k", "customers of both arms are needed among the best", f"k={k!r}", "Raise k")
    return float(tops[0].mean() - tops[1].mean())


def causalml_qini_score(y: Any, uplift: Any, treatment: Any, *, normalize: bool = True) -> float:
    """Return what CausalML's ``qini_score`` returns for one score.

    Parameters
    ----------
    y
        (n,) outcomes, any unit.
    uplift, treatment
        (n,) score and 0/1.
    normalize
        Whether the curve is divided by the absolute value of its end.

    Raises
    ------
    InputError
        More than one treatment, missing values, or lengths that do not match.
    """
    n, y_t, n_t, y_c, n_c = _counts(y, uplift, treatment)
    curve = _filled(y_t - y_c * _ratio(n_t, n_c))
    curve = _over_its_end(curve) if normalize else curve
    return float((curve.sum() - np.linspace(0.0, curve[-1], len(n) + 1).sum()) / len(curve))


def causalml_auuc_score(y: Any, uplift: Any, treatment: Any, *, normalize: bool = True) -> float:
    """Return what CausalML's ``auuc_score`` returns for one score; as in `causalml_qini_score`."""
    n, y_t, n_t, y_c, n_c = _counts(y, uplift, treatment)
    curve = _filled(_ratio(y_t, n_t) - _ratio(y_c, n_c)) * np.concatenate([[0], n])
    curve = _over_its_end(curve) if normalize else curve
    return float(curve.mean())


def _read(y: Any, uplift: Any, treatment: Any) -> tuple[Floats, Floats, Flags]:
    refuse_misaligned(y=y, uplift=uplift, treatment=treatment)
    arms = read_arms(treatment)
    if arms.n_arms > 2:
        raise InputError("treatment", "these metrics know one treatment only", f"{arms.n_arms - 1}")
    return read_numbers("y", y), read_numbers("uplift", uplift), arms.codes == 1


def _binary(y: Any, uplift: Any, treatment: Any) -> tuple[Floats, Floats, Flags]:
    outcome, score, treated = _read(y, uplift, treatment)
    if not np.isin(outcome, (0, 1)).all():
        raise InputError("y", "scikit-uplift's metrics need outcomes of 0 and 1", "others", "See 'qini'")
    return outcome, score, treated


def _counts(y: Any, uplift: Any, treatment: Any) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return n, and by arm the cumulated outcomes and counts, in the order of the score."""
    outcome, score, treated = _read(y, uplift, treatment)
    order = falling(score)
    return _cumulated(outcome[order], treated[order])


def _cumulated(outcome: Floats, treated: Flags) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    n, n_t = np.arange(1.0, len(outcome) + 1), np.cumsum(treated, dtype=np.float64)
    return n, np.cumsum(outcome * treated), n_t, np.cumsum(outcome * ~treated), n - n_t


def _sklift_curve(outcome: Floats, score: Floats, treated: Flags, kind: str) -> Curve:
    """Return the corners of scikit-uplift's curve: an arm without customers yet counts as mean 0."""
    order = falling(score)
    ends = np.append(first_of_ties(score[order])[1:], len(order)) - 1
    n, y_t, n_t, y_c, n_c = (part[ends] for part in _cumulated(outcome[order], treated[order]))
    if kind == "qini":
        curve = y_t - y_c * _ratio(n_t, n_c, otherwise=0.0)
    else:
        curve = (_ratio(y_t, n_t, otherwise=0.0) - _ratio(y_c, n_c, otherwise=0.0)) * n
    return np.concatenate([[0.0], n]), np.concatenate([[0.0], curve])


def _over_its_end(curve: Floats) -> Floats:
    if curve[-1] == 0:
        raise InputError("y", "without an average effect the curve has no norm", "0", "Pass normalize=False")
    return curve / abs(curve[-1])


def _share_of_perfect(actual: Curve, perfect: Curve) -> float:
    by_chance = perfect[0][-1] * perfect[1][-1] / 2
    best = np.trapezoid(perfect[1], perfect[0]) - by_chance
    if best == 0:
        raise InputError("y", "no ranking of equal outcomes is better than another", "equal outcomes")
    return float((np.trapezoid(actual[1], actual[0]) - by_chance) / best)


def _size(k: float, n: int) -> int:
    """Return how many customers a share or number k of n are."""
    size = int(n * k) if isinstance(k, float) else k
    if not 0 <= size <= n or k <= 0:
        raise InputError("k", f"a share in (0, 1) or a number up to {n:,} is needed", f"{k!r}")
    return size


def _ratio(above: Floats, below: Floats, otherwise: float = float("nan")) -> Floats:
    return np.divide(above, below, out=np.full(len(below), otherwise), where=below != 0)


def _filled(curve: Floats) -> Floats:
    """Return a curve with its origin, points without a value interpolated by position as pandas does."""
    curve = np.concatenate([[0.0], curve])
    known = np.flatnonzero(np.isfinite(curve))
    return np.interp(np.arange(len(curve)), known, curve[known])
